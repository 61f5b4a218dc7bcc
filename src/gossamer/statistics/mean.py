"""The mean of each input column."""

from __future__ import annotations

import torch
from torch import Tensor

from .base import Statistic

__all__ = ["ColumnMean"]


class ColumnMean(Statistic):
    """E[x], summed in float64: result (groups, in).

    >>> mean = ColumnMean()
    >>> mean.update(torch.tensor([[[1.0, 2.0], [3.0, 0.0]]]))
    >>> mean.result().tolist(), mean.samples
    ([[2.0, 1.0]], 2)
    """

    def __init__(self) -> None:
        self._total: Tensor | None = None
        self._samples = 0

    def update(self, columns: Tensor) -> None:
        self.add(columns.detach().double().sum(1), columns.shape[1])

    def add(self, total: Tensor, samples: int) -> None:
        """Add sums (groups, in) that were taken elsewhere over so many rows, without X being written out."""
        self._total = total.double() if self._total is None else self._total + total
        self._samples += samples

    def merge(self, other: ColumnMean) -> None:
        if other._total is not None:
            self.add(other._total, other._samples)

    def result(self) -> Tensor:
        return torch.zeros(0, dtype=torch.float64) if self._total is None else self._total / max(self._samples, 1)

    @property
    def samples(self) -> int:
        return self._samples
