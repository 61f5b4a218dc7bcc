"""What an index part is: one way to hold where the nonzeros are."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from ..field import Field
from ..spec import PackedSpec

__all__ = ["IndexPart"]


class IndexPart(ABC):
    """Holds a support in buffers whose sizes follow from the spec alone."""

    @abstractmethod
    def fits(self, spec: PackedSpec) -> bool:
        """Whether a feasible support of this structure, shape and count can be held."""

    @abstractmethod
    def fields(self, spec: PackedSpec) -> dict[str, Field]:
        """The buffers by name; only called where `fits`."""

    @abstractmethod
    def pack(self, spec: PackedSpec, support: Tensor) -> dict[str, Tensor]:
        """Buffers for a support, bool of `spec.shape`, of `spec.kept` entries, that obeys the structure."""

    @abstractmethod
    def support(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> Tensor | None:
        """The support, bool of `spec.shape`; None: every entry. Traceable: no shape depends on data."""

    @abstractmethod
    def check(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> None:
        """Raises ArtifactError where buffers of the right size and range still make no support."""

    def nbytes(self, spec: PackedSpec) -> int:
        """Bytes of the buffers."""
        return sum(field.nbytes for field in self.fields(spec).values())
