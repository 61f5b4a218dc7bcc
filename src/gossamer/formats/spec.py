"""What a packed weight says of itself, apart from its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

import torch

from ..structure import Structure

__all__ = ["PackedSpec"]


@dataclass(frozen=True)
class PackedSpec:
    """The static half of a `PackedWeight`: plain numbers and names, from which every buffer's size follows.

    Args:
        structure, shape, dtype: those of the `Member` that was packed.
        index: key of `INDICES`: how the support is held.
        values: key of `VALUES`: how the held entries are held.
        kept: number of held entries.
        size: entries of the codebook, 0 without one.
        floats: types of the floating side parts that are there: scale, codebook, left, right.
    """

    structure: Structure
    shape: tuple[int, ...]
    dtype: torch.dtype
    index: str
    values: str
    kept: int
    size: int = 0
    floats: Mapping[str, torch.dtype] = field(default_factory=dict)

    @property
    def numel(self) -> int:
        return prod(self.shape)

    @property
    def width(self) -> int:
        """Length of a row, the last axis."""
        return self.shape[-1] if self.shape else 1

    @property
    def rows(self) -> int:
        return prod(self.shape[:-1])
