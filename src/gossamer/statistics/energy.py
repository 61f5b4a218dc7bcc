"""The energy of each input column: the diagonal of H = XᵀX."""

from __future__ import annotations

from torch import Tensor

from .base import Statistic

__all__ = ["ColumnEnergy"]


class ColumnEnergy(Statistic):
    """diag(XᵀX), summed in float64: result (groups, in).

    >>> import torch
    >>> energy = ColumnEnergy()
    >>> energy.update(torch.tensor([[[1.0, 2.0], [3.0, 0.0]]]))
    >>> energy.result().tolist(), energy.samples
    ([[10.0, 4.0]], 2)
    """

    def summed(self, columns: Tensor) -> Tensor:
        return columns.square().sum(1)

    def result(self) -> Tensor:
        return self.total
