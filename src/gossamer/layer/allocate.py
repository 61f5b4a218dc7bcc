"""Allocation: words whose scope is the whole model become one word for each layer, before any is solved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..structure import Structure, TopK
from ..terms.topk import largest
from .base import LayerTask

__all__ = ["Allocator", "GlobalMagnitude"]

FLOOR = 0.1  # of the density asked for: what a layer keeps where nothing else was said


class Allocator(ABC):
    """Decides each layer's structure from all tasks at once."""

    @abstractmethod
    def allocate(self, tasks: Sequence[LayerTask]) -> list[Structure]: ...


@dataclass(frozen=True)
class GlobalMagnitude(Allocator):
    """One threshold on |w| over all layers, within bounds for each.

        max Σ_l Σ_{j kept} w_lj²   s.t. Σ_l kept_l = n − ⌊(1 − density)·n⌋,  ⌊floor·n_l⌋ ≤ kept_l ≤ ⌈cap·n_l⌉

    A layer's structure becomes TopK(k=kept_l, scope='layer'). Ties go to the earlier layer, then the lower index.
    Entries that an earlier step removed are not candidates again. Tasks whose support is not of scope 'model' are
    left alone. With a floor above 0 a layer keeps at least one entry, as far as the total allows.

    Args:
        floor: the least density of a layer; None is a tenth of the model's. cap: the largest.
    Source: global magnitude pruning, as in Blalock et al. 2020, section 2. The bounds are laminar, so that taking the
        largest entries, first within the floors and then within the caps, is exact.
    """

    floor: float | None = None
    cap: float = 1.0

    def allocate(self, tasks: Sequence[LayerTask]) -> list[Structure]:
        structures = [task.structure for task in tasks]
        for word in dict.fromkeys(s.support for s in structures):
            if not isinstance(word, TopK) or word.scope != "model":
                continue
            members = [i for i, structure in enumerate(structures) if structure.support == word]
            counts = self._counts(word, [_magnitude(tasks[i]) for i in members])
            for i, count in zip(members, counts, strict=True):
                structures[i] = replace(structures[i], support=TopK(k=count, scope="layer"))
        return structures

    def _counts(self, word: TopK, sizes: Sequence[Tensor]) -> list[int]:
        """How many entries each layer keeps. What a floor holds sorts before all else, what a cap bars after all."""
        total = word.kept(sum(size.numel() for size in sizes))
        floors = self._floors(word, sizes, total)
        keys = []
        for size, least in zip(sizes, floors, strict=True):
            key = size.clone()
            key[_among(size, least)] = torch.inf
            if self.cap < 1:
                key[~_among(size, TopK(self.cap).kept(size.numel()))] = -1.0
            keys.append(key)
        every = torch.cat(keys)
        chosen = largest(every.unsqueeze(0), every.unsqueeze(0), total)[0] & (every >= 0)
        return [int(part.sum()) for part in chosen.split([size.numel() for size in sizes])]

    def _floors(self, word: TopK, sizes: Sequence[Tensor], total: int) -> list[int]:
        entries = sum(size.numel() for size in sizes)
        density = total / max(entries, 1)
        floor = FLOOR * density if self.floor is None else self.floor
        alive = [int((size > 0).sum()) for size in sizes]
        least = [min(int(floor * size.numel()), held) for size, held in zip(sizes, alive, strict=True)]
        never_empty = [min(max(count, 1), held) for count, held in zip(least, alive, strict=True)]
        return never_empty if floor > 0 and sum(never_empty) <= total else least


def _among(size: Tensor, count: int) -> Tensor:
    """The `count` largest of a layer's entries."""
    return largest(size.unsqueeze(0), size.unsqueeze(0), count)[0]


def _magnitude(task: LayerTask) -> Tensor:
    size = task.weight.abs().float()
    if not bool(torch.isfinite(size).all()):  # it will fail, and takes nothing from the others meanwhile
        return torch.zeros(size.numel())
    if task.held is not None and task.held.support is not None:
        size = torch.where(task.held.support, size, torch.zeros((), device=size.device))
    return size.reshape(-1).cpu()
