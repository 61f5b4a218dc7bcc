"""The columns of a design that solvers asked for, and their Gram matrix."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..linop import LinearOperator
from ..linop.chosen import ColumnEntries
from ..linop.compressed import Compressed

__all__ = ["GramPool"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
ROOM = 256  # columns that there is room for at first
PIECE = 1024  # columns that are asked of A at one time


class GramPool:
    """Columns of A and their Gram matrix, grown as they are asked for; float64, on the CPU.

    Signals of one batch and penalties of one path share it. Room is doubled when it runs out, so that a column is
    copied and multiplied about once. Columns of a sparse design are held as their entries.
    """

    def __init__(self, A: LinearOperator) -> None:
        self.A = A
        self.place = np.full(A.shape[1], -1)
        self.indices: Indices = np.empty(0, np.intp)
        self._columns: _Columns = _Entries(A, A.shape[0]) if isinstance(A, ColumnEntries) else _Rows(A)
        self._gram: Array = np.empty((0, 0))

    @property
    def growth(self) -> float:
        """How many columns are worth taking in at a time, as a share of those in use: more where they cost less."""
        return self._columns.growth

    @property
    def gram(self) -> Array:
        """(k, k), a view."""
        k = len(self.indices)
        return self._gram[:k, :k]

    def places(self, wanted: Indices) -> Indices:
        """Where the wanted columns stand in the pool; those that it lacks are added."""
        new = wanted[self.place[wanted] < 0]
        for start in range(0, len(new), PIECE):
            self._add(new[start : start + PIECE])
        found: Indices = self.place[wanted]
        return found

    def forward(self, places: Indices, values: Array) -> Tensor:
        """Σ values_i a_i over the columns at `places`, (m,)."""
        spread = np.zeros(len(self.indices))
        spread[places] = values
        return self._columns.forward(spread)

    def _add(self, new: Indices) -> None:
        k, size = len(self.indices), len(self.indices) + len(new)
        self._gram = _with_room(self._gram, k, size, self.A.shape[1])
        self._columns.add(new, self._gram[k:size, :size])
        self._gram[:k, k:size] = self._gram[k:size, :k].T
        self.place[new] = np.arange(k, size)
        self.indices = np.concatenate([self.indices, new])


class _Columns(ABC):
    """How the columns of a pool are held."""

    growth: float

    @abstractmethod
    def add(self, new: Indices, products: Array) -> None:
        """Hold f columns more, and write their products with all k + f, the new ones last, to `products` (f, k + f)."""

    @abstractmethod
    def forward(self, values: Array) -> Tensor:
        """Σ values_i a_i over all columns held, (m,)."""


class _Rows(_Columns):
    """Dense columns, held as rows, which products read in order."""

    growth = 0.5

    def __init__(self, A: LinearOperator) -> None:
        self.A, self.count = A, 0
        self.rows: Array = np.empty((0, A.shape[0]))

    def add(self, new: Indices, products: Array) -> None:
        k, size = self.count, self.count + len(new)
        if size > len(self.rows):
            room = _room(len(self.rows), size, self.A.shape[1])
            rows = np.empty((room, self.A.shape[0]))
            rows[:k] = self.rows[:k]
            self.rows = rows
        fresh = self.rows[k:size]
        # By numpy, the copy as well: its matrix products know AVX-512 on every maker's processor and halve the work of
        # F F', and its threads would wait for torch's, which stay awake for a while after each piece of work.
        np.copyto(fresh, self.A.columns(torch.from_numpy(new)).mT.numpy())
        products[:, k:] = fresh @ fresh.T
        np.matmul(fresh, self.rows[:k].T, out=products[:, :k])
        self.count = size

    def forward(self, values: Array) -> Tensor:
        return torch.from_numpy(values @ self.rows[: self.count])


class _Entries(_Columns):
    """Columns of a sparse design as entries, each column as a row."""

    growth = 2.0

    def __init__(self, A: ColumnEntries, m: int) -> None:
        self.A = A
        self.held = Compressed.empty(m)

    def add(self, new: Indices, products: Array) -> None:
        before = len(self.held.counts)
        self.held = self.held.above(self.A.column_rows(torch.from_numpy(new)))
        torch.from_numpy(products).copy_(self.held.turned().gram(before))

    def forward(self, values: Array) -> Tensor:
        return self.held.rmv(torch.from_numpy(values))


def _room(before: int, size: int, most: int) -> int:
    return min(max(size, 2 * before, ROOM), max(size, most))


def _with_room(gram: Array, k: int, size: int, most: int) -> Array:
    """The same k × k matrix where there is room for `size` rows."""
    if size <= len(gram):
        return gram
    room = _room(len(gram), size, most)
    wider = np.empty((room, room))
    wider[:k, :k] = gram[:k, :k]
    return wider
