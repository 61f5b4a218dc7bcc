"""One bit an entry."""

from __future__ import annotations

from torch import Tensor

from ...kernels import pack_mask, unpack_mask
from ..field import Field
from ..spec import PackedSpec
from .base import IndexPart

__all__ = ["BitmaskIndex"]


class BitmaskIndex(IndexPart):
    """⌈numel/8⌉ bytes: entry i, row-major, is bit i mod 8 (least significant first) of byte ⌊i/8⌋."""

    def fits(self, spec: PackedSpec) -> bool:
        return spec.values != "none"

    def fields(self, spec: PackedSpec) -> dict[str, Field]:
        return {"mask": Field.packed(2, spec.numel)}

    def pack(self, spec: PackedSpec, support: Tensor) -> dict[str, Tensor]:
        return {"mask": pack_mask(support.reshape(-1).contiguous())}

    def support(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> Tensor | None:
        return unpack_mask(buffers["mask"], spec.numel).reshape(spec.shape)

    def check(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> None:
        return None  # every mask is a support; the count is compared for all index parts alike
