"""The columns of a design that solvers asked for, and their Gram matrix."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..linop import LinearOperator

__all__ = ["GramPool"]

Array = NDArray[np.float64]
ROOM = 256  # columns that there is room for at first
PIECE = 1024  # columns that are asked of A at one time


class GramPool:
    """Columns of A and their Gram matrix, grown as they are asked for; float64, on the CPU.

    Signals of one batch and penalties of one path share it. Columns are held as rows, which products read in order, and
    room is doubled when it runs out, so that a column is copied and multiplied about once.
    """

    def __init__(self, A: LinearOperator) -> None:
        self.A = A
        self.place = np.full(A.shape[1], -1)
        self.indices: NDArray[np.intp] = np.empty(0, np.intp)
        self._rows: Array = np.empty((0, A.shape[0]))
        self._gram: Array = np.empty((0, 0))

    @property
    def gram(self) -> Array:
        """(k, k), a view."""
        k = len(self.indices)
        return self._gram[:k, :k]

    def places(self, wanted: NDArray[np.intp]) -> NDArray[np.intp]:
        """Where the wanted columns stand in the pool; those that it lacks are added."""
        new = wanted[self.place[wanted] < 0]
        for start in range(0, len(new), PIECE):
            self._add(new[start : start + PIECE])
        found: NDArray[np.intp] = self.place[wanted]
        return found

    def forward(self, places: NDArray[np.intp], values: Array) -> Tensor:
        """Σ values_i a_i over the columns at `places`, (m,)."""
        return torch.from_numpy(values @ self._rows[places])

    def _add(self, new: NDArray[np.intp]) -> None:
        k, size = len(self.indices), len(self.indices) + len(new)
        self._make_room(size)
        fresh = self._rows[k:size]
        torch.from_numpy(fresh).copy_(self.A.columns(torch.from_numpy(new)).mT)
        # By numpy: its matrix products know AVX-512 on every maker's processor, and halve the work of F F'.
        self._gram[k:size, k:size] = fresh @ fresh.T
        across = np.matmul(fresh, self._rows[:k].T, out=self._gram[k:size, :k])
        self._gram[:k, k:size] = across.T
        self.place[new] = np.arange(k, size)
        self.indices = np.concatenate([self.indices, new])

    def _make_room(self, size: int) -> None:
        k, room = len(self.indices), len(self._rows)
        if size <= room:
            return
        room = min(max(size, 2 * room, ROOM), max(size, self.A.shape[1]))
        rows, gram = np.empty((room, self.A.shape[0])), np.empty((room, room))
        rows[:k], gram[:k, :k] = self._rows[:k], self.gram
        self._rows, self._gram = rows, gram
