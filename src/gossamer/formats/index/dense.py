"""No index: every entry is held."""

from __future__ import annotations

from torch import Tensor

from ..field import Field
from ..spec import PackedSpec
from .base import IndexPart

__all__ = ["DenseIndex"]


class DenseIndex(IndexPart):
    """0 bytes. Also serves a weight that is nothing but its low-rank part."""

    def fits(self, spec: PackedSpec) -> bool:
        return spec.kept == spec.numel or spec.values == "none"

    def fields(self, spec: PackedSpec) -> dict[str, Field]:
        return {}

    def pack(self, spec: PackedSpec, support: Tensor) -> dict[str, Tensor]:
        return {}

    def support(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> Tensor | None:
        return None

    def check(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> None:
        return None
