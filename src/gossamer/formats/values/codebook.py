"""Codes into a small table of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ...errors import ArtifactError
from ...structure import Codebook, Structure
from ..field import Field
from ..spec import PackedSpec
from .base import ValuePart

__all__ = ["CodebookValues"]


class CodebookValues(ValuePart):
    """`codes` at ⌈log2 size⌉ bits (none for a single entry) and `codebook` (size,), ascending."""

    floats: ClassVar[Mapping[str, torch.dtype]] = {"codebook": torch.float16}

    def fits(self, structure: Structure) -> bool:
        return isinstance(structure.values, Codebook)

    def fields(self, spec: PackedSpec) -> dict[str, Field]:
        return {
            "codes": Field.packed(spec.size, spec.kept),
            "codebook": Field.floats(spec.floats["codebook"], (spec.size,)),
        }

    def check(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> None:
        codebook = buffers["codebook"].float()
        if bool((codebook[1:] < codebook[:-1]).any()):
            raise ArtifactError("codebook: not ascending")
