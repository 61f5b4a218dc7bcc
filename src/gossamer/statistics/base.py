"""What a statistic is: a sum over the rows of X, which can be merged across batches and processes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor

__all__ = ["Statistic"]


class Statistic(ABC):
    """Updated with the columns of a layer's input, merged with its own kind, read by methods.

    What it sums and what it makes of the sum is each statistic's own; the sum, in float64, stands here.
    """

    def __init__(self) -> None:
        self._total: Tensor | None = None
        self._samples = 0

    @abstractmethod
    def summed(self, columns: Tensor) -> Tensor:
        """What one batch adds, (groups, in): columns (groups, samples, in) in float64, the rows of X."""

    @abstractmethod
    def result(self) -> Tensor:
        """What was measured so far."""

    def update(self, columns: Tensor) -> None:
        """Add one batch: columns (groups, samples, in), the rows of X."""
        self.add(self.summed(columns.detach().double()), columns.shape[1])

    def add(self, total: Tensor, samples: int) -> None:
        """Add a sum over rows of X, (groups, in), that was taken elsewhere, without X being written out."""
        self._total = total.double() if self._total is None else self._total + total
        self._samples += samples

    def merge(self, other: Self) -> None:
        """Add what another process measured; the order does not matter beyond rounding."""
        if other._total is not None:
            self.add(other._total, other._samples)

    @property
    def total(self) -> Tensor:
        """The sum so far; empty before the first batch."""
        return torch.zeros(0, dtype=torch.float64) if self._total is None else self._total

    @property
    def samples(self) -> int:
        """How many rows of X were seen."""
        return self._samples
