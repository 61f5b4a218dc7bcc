"""A member of a structure: the parts that define one feasible tensor.

    dense = scatter(decode(codes) or values, support) + left @ right

Methods make members, formats pack them, modules hold them; nobody infers the parts back from a dense tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ..structure import Grid, Structure

__all__ = ["Member", "decode_codebook", "decode_grid", "scatter"]


@dataclass(frozen=True, eq=False)
class Member:
    """Parts of one feasible tensor; `dense()` *defines* its value.

    Args:
        structure: the structure it lies in.
        shape: (*b, n); a layer's weight arrives as (groups, out, in).
        dtype: the floating type of the tensor that it stands for.
        support: bool, `shape`: where the held entries are. None: everywhere.
        values: (kept,) floating, the held entries in row-major order; or
        codes: (kept,) uint8, offset so that 0 is the smallest, read by
            scale (*b, 1 | n/group) or (1,), with zero_point uint8 of the same shape when the grid is not symmetric;
            or by
            codebook: (size,) floating, sorted.
            A member with neither values nor codes holds nothing but its low-rank part.
        left, right: (*b, out, r) and (*b, r, in), the low-rank part.

    >>> codes = torch.tensor([8, 9, 7], dtype=torch.uint8)
    >>> Member(Structure(values=Grid(4)), (1, 3), torch.float32, codes=codes, scale=torch.tensor([[0.5]])).dense()
    tensor([[ 0.0000,  0.5000, -0.5000]])
    """

    structure: Structure
    shape: tuple[int, ...]
    dtype: torch.dtype
    support: Tensor | None = None
    values: Tensor | None = None
    codes: Tensor | None = None
    scale: Tensor | None = None
    zero_point: Tensor | None = None
    codebook: Tensor | None = None
    left: Tensor | None = None
    right: Tensor | None = None

    def held(self) -> Tensor:
        """The part without low rank, float32, of `shape`."""
        flat = self.codes if self.codes is not None else self.values
        if flat is None:
            assert self.left is not None, "a member holds values, codes or factors"
            return torch.zeros(self.shape, device=self.left.device)
        full = flat.reshape(self.shape) if self.support is None else scatter(flat, self.support)
        if self.scale is not None:
            assert isinstance(self.structure.values, Grid)
            full = decode_grid(full, self.structure.values, self.scale, self.zero_point)
        elif self.codebook is not None:
            full = decode_codebook(full, self.codebook)
        else:
            return full.float()
        return full if self.support is None else torch.where(self.support, full, torch.zeros((), device=full.device))

    def dense(self, dtype: torch.dtype | None = None) -> Tensor:
        """The feasible tensor, computed in float32 and rounded once, to `dtype` (default: its own)."""
        full = self.held()
        if self.left is not None and self.right is not None:
            full = full + self.left.float() @ self.right.float()
        return full.to(dtype or self.dtype)

    @property
    def kept(self) -> int:
        """Number of held entries."""
        flat = self.codes if self.codes is not None else self.values
        return 0 if flat is None else flat.numel()

    def tensors(self) -> dict[str, Tensor]:
        """The parts that are there, by field name."""
        found = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in found if isinstance(value, Tensor)}


def scatter(flat: Tensor, support: Tensor) -> Tensor:
    """Place the entries of `flat` (kept,) where `support` is true, in row-major order; zero elsewhere.

    No data-dependent shape, so it compiles and exports.
    """
    narrow = flat.dtype.itemsize == 1  # torch moves no float8, and no byte of zeros is another number
    carried = flat.view(torch.uint8) if narrow else flat
    full = torch.zeros(support.shape, dtype=carried.dtype, device=flat.device)
    if flat.numel():
        full.masked_scatter_(support, carried)
    return full.view(flat.dtype) if narrow else full


def decode_grid(codes: Tensor, grid: Grid, scale: Tensor, zero_point: Tensor | None) -> Tensor:
    """x̂ = S·(q − Z) in float32, for codes of the full shape (*b, n); q = code + qmin."""
    q = codes.to(torch.float32)
    step = scale.float()
    zero: Tensor | float = float(-grid.qmin) if zero_point is None else zero_point.float()
    if grid.group is not None:
        q = q.unflatten(-1, (-1, grid.group))
        step = step.unsqueeze(-1)
        zero = zero.unsqueeze(-1) if isinstance(zero, Tensor) else zero
    spread: Tensor = (q - zero) * step
    return spread if grid.group is None else spread.flatten(-2)


def decode_codebook(codes: Tensor, codebook: Tensor) -> Tensor:
    """x̂ = C[code] in float32."""
    return codebook.float()[codes.long()]
