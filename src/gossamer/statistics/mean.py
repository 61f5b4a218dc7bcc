"""The mean of each input column."""

from __future__ import annotations

from torch import Tensor

from .base import Statistic

__all__ = ["ColumnMean"]


class ColumnMean(Statistic):
    """E[x], summed in float64: result (groups, in).

    >>> import torch
    >>> mean = ColumnMean()
    >>> mean.update(torch.tensor([[[1.0, 2.0], [3.0, 0.0]]]))
    >>> mean.result().tolist(), mean.samples
    ([[2.0, 1.0]], 2)
    """

    def summed(self, columns: Tensor) -> Tensor:
        return columns.sum(1)

    def result(self) -> Tensor:
        return self.total / max(self.samples, 1)
