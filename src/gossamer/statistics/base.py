"""What a statistic is: something measured over batches, which can be merged across batches and processes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from torch import Tensor

__all__ = ["Statistic"]


class Statistic(ABC):
    """Updated with the columns of a layer's input, merged with its own kind, read by methods."""

    @abstractmethod
    def update(self, columns: Tensor) -> None:
        """Add one batch: columns (groups, samples, in), the rows of X."""

    @abstractmethod
    def add(self, total: Tensor, samples: int) -> None:
        """Add a sum over rows of X, (groups, in), that was taken elsewhere: of what this statistic sums."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Add what another process measured; the order does not matter beyond rounding."""

    @abstractmethod
    def result(self) -> Tensor:
        """What was measured so far."""

    @property
    @abstractmethod
    def samples(self) -> int:
        """How many rows of X were seen."""
