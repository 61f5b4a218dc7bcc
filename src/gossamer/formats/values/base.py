"""What a value part is: one way to hold the entries themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ...structure import Structure
from ..field import Field
from ..spec import PackedSpec

__all__ = ["ValuePart"]


class ValuePart(ABC):
    """Holds the kept entries in buffers named like `Member`'s fields; their sizes follow from the spec."""

    # side parts of a free floating type, each with the type that goes without saying
    floats: ClassVar[Mapping[str, torch.dtype]] = {}

    @abstractmethod
    def fits(self, structure: Structure) -> bool:
        """Whether members of this structure hold their entries this way."""

    @abstractmethod
    def fields(self, spec: PackedSpec) -> dict[str, Field]:
        """The buffers by name."""

    @abstractmethod
    def check(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> None:
        """Raises ArtifactError where buffers of the right size and range still make no values."""

    def pack(self, spec: PackedSpec, parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Buffers for a member's parts."""
        return {name: field.pack(parts[name]) for name, field in self.fields(spec).items()}

    def unpack(self, spec: PackedSpec, buffers: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The member's parts. Traceable."""
        return {name: field.unpack(buffers[name]) for name, field in self.fields(spec).items()}
