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
        self.add(columns.detach().double().square().sum(1), columns.shape[1])

    def add(self, energy: Tensor, samples: int) -> None:
        """Add energies (groups, in) that were summed elsewhere over so many rows, without X being written out."""
        self._total = energy.double() if self._total is None else self._total + energy
        self._samples += samples

    def merge(self, other: ColumnEnergy) -> None:
        if other._total is not None:
            self.add(other._total, other._samples)

    def result(self) -> Tensor:
        return torch.zeros(0, dtype=torch.float64) if self._total is None else self._total

    @property
    def samples(self) -> int:
        return self._samples
