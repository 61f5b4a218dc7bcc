"""No values: the weight is its low-rank part alone."""

from __future__ import annotations

from torch import Tensor

from ...structure import Structure
from ..field import Field
from ..spec import PackedSpec
from .base import ValuePart

__all__ = ["NoValues"]


class NoValues(ValuePart):
    """0 bytes."""

    def fits(self, structure: Structure) -> bool:
        return structure.lowrank is not None and structure.support is None and structure.values is None

    def fields(self, spec: PackedSpec) -> dict[str, Field]:
        return {}

    def check(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> None:
        return None
