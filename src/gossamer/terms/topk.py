"""The k largest gains within each row, block of columns or layer."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from ..errors import StructureError
from ..structure import TopK
from .base import SupportSet

__all__ = ["TopKSupport", "largest"]

FEW = 64  # rows with equal gains at the threshold that are worth a look each


def largest(gain: Tensor, tie: Tensor, k: int) -> Tensor:
    """Mark the `k` largest entries of each row of `gain` (r, n); ties keep the larger `tie`, then the lower index.

    The k-th largest gain is a threshold; only entries that equal it are sorted, so that the rule holds exactly and the
    same on every machine.

    >>> largest(torch.tensor([[1.0, 2.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 5.0, 0.0]]), 2)
    tensor([[False,  True,  True, False]])
    """
    n = gain.shape[-1]
    if k <= 0 or gain.numel() == 0:
        return torch.zeros(gain.shape, dtype=torch.bool, device=gain.device)
    if k >= n:
        return torch.ones(gain.shape, dtype=torch.bool, device=gain.device)
    threshold = gain.kthvalue(n - k + 1, dim=-1, keepdim=True).values
    chosen, equal = gain > threshold, gain == threshold
    wanted = k - chosen.sum(-1)
    chosen |= equal
    crowded = (equal.sum(-1) > wanted).nonzero()[:, 0]
    if len(crowded) <= FEW:
        for row in crowded.tolist():
            chosen[row, _last(equal[row].nonzero()[:, 0], tie[row], int(wanted[row]))] = False
    else:
        chosen[crowded] = _sorted(gain[crowded], tie[crowded], k)
    return chosen


def _last(places: Tensor, tie: Tensor, count: int) -> Tensor:
    """The places that come after the first `count` by larger tie, then lower index."""
    return places[tie[places].sort(descending=True, stable=True).indices[count:]]


def _sorted(gain: Tensor, tie: Tensor, k: int) -> Tensor:
    """`largest` by two stable sorts: the reference, and faster where many short rows hold equal gains."""
    order = tie.sort(dim=-1, descending=True, stable=True).indices
    rank = gain.gather(-1, order).sort(dim=-1, descending=True, stable=True).indices
    chosen = torch.zeros(gain.shape, dtype=torch.bool, device=gain.device)
    return chosen.scatter_(-1, order.gather(-1, rank[..., :k]), True)


class TopKSupport(SupportSet):
    """At most k nonzeros in each unit of `TopK.scope`.

        max_z Σ_{j in supp} gain_j   s.t. |supp| ≤ k in each unit

    Exact for any gain. Scope "model" cannot be projected by one layer alone: the allocator turns it into a count first.

    Source: hard thresholding; Wanda (Sun et al. 2023) is scope row with metric diag(H), magnitude is metric None.
    """

    def __init__(self, word: TopK, shape: tuple[int, ...]) -> None:
        if word.scope == "model":
            raise StructureError(
                f"{word} spans the whole model; allocate a count to each layer first, or use scope='layer' here"
            )
        if word.block is not None and shape[-1] % word.block:
            raise StructureError(
                f"width {shape[-1]} is not a multiple of block {word.block}; choose a divisor of {shape[-1]}"
            )
        self.word, self.shape = word, shape

    @property
    def event_ndim(self) -> int:
        return 1 if self.word.scope == "row" else len(self.shape)

    def _units(self, x: Tensor) -> Tensor:
        """(units, entries): one row for each unit of the scope."""
        if self.word.scope == "row":
            return x.reshape(-1, self.shape[-1])
        if self.word.block is None:
            return x.reshape(1, -1)
        return x.reshape(-1, self.shape[-1] // self.word.block, self.word.block).transpose(0, 1).flatten(1)

    def _back(self, units: Tensor) -> Tensor:
        if self.word.block is None:
            return units.reshape(self.shape)
        rows = prod(self.shape[:-1])
        return units.reshape(-1, rows, self.word.block).transpose(0, 1).reshape(self.shape)

    def select(self, gain: Tensor, tie: Tensor) -> Tensor:
        units = self._units(gain)
        chosen = largest(units, self._units(tie), self.word.kept(units.shape[1]))
        return self._back(chosen & (units >= 0))

    def excess(self, nonzero: Tensor) -> int:
        units = self._units(nonzero)
        return int((units.sum(-1) - self.word.kept(units.shape[1])).clamp(min=0).sum())
