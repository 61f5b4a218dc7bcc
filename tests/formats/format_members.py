"""Members built part by part, so that the formats are tested without any method."""

from __future__ import annotations

import torch
from torch import Tensor

from gossamer.structure import Codebook, Grid, parse
from gossamer.terms import Member, support_set

__all__ = ["equal_to_the_bit", "random_member"]


def random_member(
    text: str,
    shape: tuple[int, ...],
    dtype: torch.dtype = torch.float32,
    *,
    density: float | None = None,
    side: torch.dtype = torch.float16,
    seed: int = 0,
) -> Member:
    """A random member of the structure `text`.

    density: keep at random instead of what the structure's support word selects; side: type of scales and
    codebook.
    """
    g = torch.Generator().manual_seed(seed)
    structure = parse(text)
    support = None
    if density is not None:
        support = torch.rand(shape, generator=g) < density
    elif structure.support is not None:
        gain = torch.rand(shape, generator=g)
        support = support_set(structure.support, shape).select(gain, gain)
    kept = torch.Size(shape).numel() if support is None else int(support.sum())
    parts: dict[str, Tensor] = {}
    word = structure.values
    if isinstance(word, Grid):
        levels = word.qmax - word.qmin + 1
        where = (1,) if word.per == "tensor" else (*shape[:-1], shape[-1] // word.group if word.group else 1)
        parts["codes"] = torch.randint(levels, (kept,), generator=g).to(torch.uint8)
        parts["scale"] = (torch.rand(where, generator=g) + 0.01).to(side)
        if not word.symmetric:
            parts["zero_point"] = torch.randint(levels, where, generator=g).to(torch.uint8)
    elif isinstance(word, Codebook):
        parts["codes"] = torch.randint(word.size, (kept,), generator=g).to(torch.uint8)
        parts["codebook"] = torch.randn(word.size, generator=g).sort().values.to(side)
    elif structure.words != (structure.lowrank,):
        own = torch.float32 if dtype == torch.float64 else dtype
        parts["values"] = torch.randn(kept, generator=g).to(own)
    if structure.lowrank is not None:
        rank = structure.lowrank.rank
        parts["left"] = torch.randn((*shape[:-1], rank), generator=g)
        parts["right"] = torch.randn((*shape[:-2], rank, shape[-1]), generator=g)
    return Member(structure, shape, dtype, support, **parts)


def equal_to_the_bit(a: Tensor, b: Tensor) -> bool:
    """Same type, shape and bits; −0 is not 0, and a NaN equals itself."""
    bits = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[a.element_size()]
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a.view(bits), b.view(bits))
