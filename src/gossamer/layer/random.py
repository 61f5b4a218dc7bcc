"""The baseline that every pruning method must beat."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ..errors import StructureError
from ..structure import NM, Block, Structure, TopK, Word
from ..terms import FixedSupport, Member
from .base import Compressor, LayerTask, constraint, fits

__all__ = ["RandomSupport"]


@dataclass(frozen=True)
class RandomSupport(Compressor):
    """A support drawn uniformly among those with the structure's exact count: a baseline, not a method.

    Every entry gets its own draw (a mask of shape (in,) would remove whole input channels).
    """

    words: tuple[type[Word], ...] = (TopK, NM, Block)

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    def check(self, structure: Structure, shape: tuple[int, ...]) -> None:
        if structure.support is None or len(structure.words) != 1:
            raise StructureError(f"random draws a support; {structure} is not one")
        if isinstance(structure.support, TopK) and structure.support.scope == "model":
            raise StructureError(f"{structure} would be shared out by magnitude; draw it in scope layer or row")
        fits(structure, shape)

    def member(self, task: LayerTask) -> Member:
        allowed = constraint(task, None)
        generator = torch.Generator().manual_seed(task.seed)
        gain = torch.rand(task.shape, generator=generator).to(task.weight.device)
        if task.held is not None and task.held.support is not None:
            gain = gain * task.held.support
        assert allowed.where is not None, "check has seen a support"
        chosen = replace(allowed, where=FixedSupport(allowed.where.select(gain, gain)))
        return chosen.project(task.weight)
