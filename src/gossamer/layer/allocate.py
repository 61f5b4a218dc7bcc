"""Allocation: words whose scope is the whole model become one word for each layer, before any is solved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ..structure import Structure, TopK
from ..terms.topk import largest
from .base import LayerTask

__all__ = ["Allocator", "GlobalMagnitude"]


class Allocator(ABC):
    """Decides each layer's structure from all tasks at once."""

    @abstractmethod
    def allocate(self, tasks: Sequence[LayerTask]) -> list[Structure]: ...


@dataclass(frozen=True)
class GlobalMagnitude(Allocator):
    """One threshold on |w| over all layers.

        max Σ_l Σ_{j kept} w_lj²   s.t. Σ_l kept_l = n − ⌊(1 − density)·n⌋

    A layer's structure becomes TopK(k=kept_l, scope='layer'). Ties go to the earlier layer, then the lower index.
    Entries that an earlier step removed are not candidates again. Tasks whose support is not of scope 'model' are
    left alone.

    Source: global magnitude pruning, as in Blalock et al. 2020, section 2.
    """

    def allocate(self, tasks: Sequence[LayerTask]) -> list[Structure]:
        structures = [task.structure for task in tasks]
        for word in dict.fromkeys(s.support for s in structures):
            if not isinstance(word, TopK) or word.scope != "model":
                continue
            members = [i for i, structure in enumerate(structures) if structure.support == word]
            sizes = [self._magnitude(tasks[i]) for i in members]
            every = torch.cat(sizes)
            chosen = largest(every.unsqueeze(0), every.unsqueeze(0), word.kept(every.numel()))[0]
            for i, mask in zip(members, chosen.split([part.numel() for part in sizes]), strict=True):
                local = TopK(k=int(mask.sum()), scope="layer")
                structures[i] = replace(structures[i], support=local)
        return structures

    @staticmethod
    def _magnitude(task: LayerTask) -> torch.Tensor:
        size = task.weight.abs().float()
        if not bool(torch.isfinite(size).all()):  # it will fail, and takes nothing from the others meanwhile
            return torch.zeros(size.numel())
        if task.held is not None and task.held.support is not None:
            size = torch.where(task.held.support, size, torch.zeros((), device=size.device))
        return size.reshape(-1).cpu()
