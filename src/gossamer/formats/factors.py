"""The low-rank part: two factors, kept as they are."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from .field import Field
from .spec import PackedSpec

__all__ = ["FACTORS", "factor_fields"]

FACTORS: Mapping[str, torch.dtype] = {"left": torch.float32, "right": torch.float32}


def factor_fields(spec: PackedSpec) -> dict[str, Field]:
    """`left` (*b, out, r) and `right` (*b, r, in) of a structure with a low-rank part; nothing otherwise."""
    word = spec.structure.lowrank
    if word is None:
        return {}
    *batch, out, columns = spec.shape
    shapes = {"left": (*batch, out, word.rank), "right": (*batch, word.rank, columns)}
    return {name: Field.floats(spec.floats[name], shape) for name, shape in shapes.items()}
