"""Supports that an earlier step has settled: a mask, and a choice within a mask."""

from __future__ import annotations

import torch
from torch import Tensor

from .base import SupportSet

__all__ = ["FixedSupport", "WithinSupport"]


class FixedSupport(SupportSet):
    """Exactly the entries of `mask` (bool, the tensor's shape)."""

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    @property
    def event_ndim(self) -> int:
        return 1

    def select(self, gain: Tensor, tie: Tensor) -> Tensor:
        return self.mask

    def excess(self, nonzero: Tensor) -> int:
        return int((nonzero & ~self.mask).sum())


class WithinSupport(SupportSet):
    """An inner support, chosen among the entries of `mask`: what a second pruning step does to a pruned weight.

    Exact, because every inner family is closed under taking subsets: entries outside the mask have gain zero, so
    choosing with them and then removing them loses nothing.
    """

    def __init__(self, inner: SupportSet, mask: Tensor) -> None:
        self.inner, self.mask = inner, mask

    @property
    def event_ndim(self) -> int:
        return self.inner.event_ndim

    def select(self, gain: Tensor, tie: Tensor) -> Tensor:
        nothing = torch.zeros((), dtype=gain.dtype, device=gain.device)
        inside = torch.where(self.mask, gain, nothing)
        return self.inner.select(inside, torch.where(self.mask, tie, nothing - 1)) & self.mask

    def excess(self, nonzero: Tensor) -> int:
        return self.inner.excess(nonzero) + int((nonzero & ~self.mask).sum())
