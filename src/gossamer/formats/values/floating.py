"""Values as they are, in one floating type."""

from __future__ import annotations

import torch
from torch import Tensor

from ...structure import Structure
from ..field import Field
from ..spec import PackedSpec
from .base import ValuePart
from .nothing import NoValues

__all__ = ["FloatingValues"]


class FloatingValues(ValuePart):
    """`values` (kept,) in `dtype`. Any bit pattern is allowed: these are the user's numbers, NaN included."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype

    def fits(self, structure: Structure) -> bool:
        return structure.values is None and not NoValues().fits(structure)

    def fields(self, spec: PackedSpec) -> dict[str, Field]:
        return {"values": Field.floats(self.dtype, (spec.kept,), finite=False)}

    def check(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> None:
        return None
