"""The energy of each input column: the diagonal of H = XᵀX."""

from __future__ import annotations

import torch
from torch import Tensor

from .base import Statistic

__all__ = ["ColumnEnergy"]


class ColumnEnergy(Statistic):
    """diag(XᵀX), summed in float64: result (groups, in).

    >>> energy = ColumnEnergy()
    >>> energy.update(torch.tensor([[[1.0, 2.0], [3.0, 0.0]]]))
    >>> energy.result().tolist(), energy.samples
    ([[10.0, 4.0]], 2)
    """

    def __init__(self) -> None:
        self._total: Tensor | None = None
        self._samples = 0

    def update(self, columns: Tensor) -> None:
        energy = columns.detach().double().square().sum(1)
        self._total = energy if self._total is None else self._total + energy
        self._samples += columns.shape[1]

    def merge(self, other: ColumnEnergy) -> None:
        if other._total is not None:
            self._total = other._total if self._total is None else self._total + other._total
        self._samples += other._samples

    def result(self) -> Tensor:
        return torch.zeros(0, dtype=torch.float64) if self._total is None else self._total

    @property
    def samples(self) -> int:
        return self._samples
