"""Positions within each run of an N:M support."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ArtifactError
from ...structure import NM
from ..field import Field
from ..spec import PackedSpec
from .base import IndexPart

__all__ = ["WIDEST_RUN", "NMIndex", "full_runs"]

WIDEST_RUN = 256  # a position is one packed symbol of at most 8 bits


class NMIndex(IndexPart):
    """`keep` positions in each run, ascending, packed at ⌈log2 of⌉ bits.

    Only for runs that are all full: a run that holds fewer has no spare code for an empty slot, and a bitmask
    takes it.
    """

    def fits(self, spec: PackedSpec) -> bool:
        return full_runs(spec) is not None

    def fields(self, spec: PackedSpec) -> dict[str, Field]:
        return {"positions": Field.packed(_word(spec).of, spec.kept)}

    def pack(self, spec: PackedSpec, support: Tensor) -> dict[str, Tensor]:
        positions = support.reshape(-1, _word(spec).of).nonzero()[:, 1]
        return {"positions": self.fields(spec)["positions"].pack(positions.to(torch.uint8))}

    def support(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> Tensor | None:
        positions = self._positions(spec, buffers)
        mask = torch.zeros((positions.shape[0], _word(spec).of), dtype=torch.bool, device=positions.device)
        return mask.scatter(1, positions.to(torch.int64), True).reshape(spec.shape)

    def check(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> None:
        positions = self._positions(spec, buffers)
        if bool((positions[:, 1:] <= positions[:, :-1]).any()):
            raise ArtifactError(f"positions: not strictly increasing within each run of {_word(spec).of}")

    def _positions(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> Tensor:
        return self.fields(spec)["positions"].unpack(buffers["positions"]).reshape(-1, _word(spec).keep)


def full_runs(spec: PackedSpec) -> NM | None:
    """The N:M word when every run holds exactly `keep` and is at most `WIDEST_RUN` wide.

    No run of a feasible support holds more than `keep`, so the total says whether all are full.
    """
    word = spec.structure.support
    if not isinstance(word, NM) or not 2 <= word.of <= WIDEST_RUN or spec.width % word.of or spec.values == "none":
        return None
    return word if spec.numel and spec.kept == spec.numel // word.of * word.keep else None


def _word(spec: PackedSpec) -> NM:
    word = spec.structure.support
    assert isinstance(word, NM), "only called where fits"
    return word
