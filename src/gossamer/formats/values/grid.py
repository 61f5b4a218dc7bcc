"""Integers of an affine grid, truly packed, with their scales and zero points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ...errors import ArtifactError
from ...structure import Grid, Structure
from ..field import Field
from ..spec import PackedSpec
from .base import ValuePart

__all__ = ["GridValues"]


class GridValues(ValuePart):
    """`codes` at `bits` bits, `scale` in the type it was fitted in, `zero_point` uint8 where not symmetric.

    Scales have shape (1,) for a tensor, (*b, 1) for a channel, (*b, n/group) for groups, like the member's.
    """

    floats: ClassVar[Mapping[str, torch.dtype]] = {"scale": torch.float16}

    def fits(self, structure: Structure) -> bool:
        return isinstance(structure.values, Grid)

    def fields(self, spec: PackedSpec) -> dict[str, Field]:
        grid = _grid(spec)
        alphabet, shape = grid.qmax - grid.qmin + 1, _scale_shape(grid, spec.shape)
        fields = {
            "codes": Field.packed(alphabet, spec.kept),
            "scale": Field.floats(spec.floats["scale"], shape),
        }
        return fields if grid.symmetric else fields | {"zero_point": Field.integers(alphabet, shape)}

    def check(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> None:
        if not bool((buffers["scale"] > 0).all()):
            raise ArtifactError("scale: holds zero or a negative number; every scale must be positive")


def _grid(spec: PackedSpec) -> Grid:
    assert isinstance(spec.structure.values, Grid), "only called where fits"
    return spec.structure.values


def _scale_shape(grid: Grid, shape: tuple[int, ...]) -> tuple[int, ...]:
    if grid.per == "tensor":
        return (1,)
    return (*shape[:-1], 1 if grid.group is None else shape[-1] // grid.group)
