"""Tensors that are the same on every machine, made by arithmetic alone; run this file to write them down anew.

A file of a released format version is never written anew: it must stay loadable for ever.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from gossamer.artifact import Entry, encode
from gossamer.formats import pack
from gossamer.nn import WeightView
from gossamer.structure import parse
from gossamer.terms import Member

__all__ = ["GOLDEN", "RECIPE", "golden_entries"]

GOLDEN = Path(__file__).parents[1] / "golden" / "version0.safetensors"
RECIPE = [{"step": "prune", "structure": "2:4", "method": "wanda"}, {"step": "distill", "epochs": 3, "lr": 0.0005}]


def golden_entries() -> list[Entry]:
    """Every wire form, values of every kind, groups, layouts, a tie; streams of every coder."""
    grid = {"scale": _floats(1, (1, 8, 1), torch.float16).abs() + 1}
    return [
        _entry(
            "runs.weight",
            (8, 16),
            "2:4 & int4",
            support=torch.tensor([True, False, True, False]).repeat(32),
            codes=_codes(64, 16),
            **grid,
        ),
        _entry("rows", (8, 40), "top5/row & int3", support=_spread(8, 40, 5), codes=_codes(40, 8, power=3), **grid),
        _entry(
            "grouped",
            (4, 3, 2, 2),
            "int5/g4/asym",
            view=WeightView("transposed convolution", (4, 3, 2, 2), groups=2),
            codes=_codes(48, 32),
            scale=_floats(2, (2, 3, 2), torch.float32).abs() + 1,
            zero_point=_codes(12, 32).reshape(2, 3, 2),
        ),
        _entry(
            "blocks",
            (4, 6),
            "block2x3/50%",
            support=torch.tensor([1, 0, 0, 1]).bool().reshape(2, 1, 2, 1).expand(2, 2, 2, 3).reshape(-1),
            values=_floats(3, (12,), torch.float32),
        ),
        _entry(
            "book.weight",
            (6, 9),
            "codebook6",
            aliases=("head.weight",),
            codes=_codes(54, 6),
            codebook=torch.tensor([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0]).half(),
        ),
        _entry(
            "low",
            (3, 5),
            "int2/tensor + rank1",
            view=WeightView("transposed linear", (3, 5)),
            codes=torch.full((15,), 2, dtype=torch.uint8),
            scale=torch.ones(1, dtype=torch.float16),
            left=_floats(4, (1, 5, 1), torch.float32),
            right=_floats(5, (1, 1, 3), torch.float32),
        ),
        Entry("plain", tensor=_floats(6, (2, 3), torch.bfloat16)),
        Entry("steps", tensor=torch.tensor(7)),
    ]


def _entry(name: str, shape: tuple[int, ...], structure: str, **parts: object) -> Entry:
    view = parts.pop("view", None) or WeightView("linear", shape)
    aliases = parts.pop("aliases", ())
    if "support" in parts:
        parts["support"] = parts["support"].reshape(view.matrix_shape)
    member = Member(parse(structure), view.matrix_shape, torch.float32, **parts)
    return Entry(name, aliases, packed=pack(member), view=view)


def _codes(count: int, levels: int, power: int = 2) -> Tensor:
    return (torch.arange(count) ** power * 7 % 61 % levels).to(torch.uint8)


def _floats(seed: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    count = torch.Size(shape).numel()
    return ((torch.arange(count) * 37 + seed * 11) % 101 - 50).div(16).to(dtype).reshape(shape)


def _spread(rows: int, width: int, kept: int) -> Tensor:
    """`kept` entries in each row, each row shifted."""
    columns = (torch.arange(kept) * 7 + torch.arange(rows).unsqueeze(1) * 3) % width
    return torch.zeros(rows, width, dtype=torch.bool).scatter(1, columns, True)


if __name__ == "__main__":
    GOLDEN.write_bytes(encode(golden_entries(), RECIPE).data)
