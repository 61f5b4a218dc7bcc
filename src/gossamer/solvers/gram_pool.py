"""The columns of a design that solvers asked for, and their Gram matrix."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..kernels import csr_l1_sweeps
from ..linop import LinearOperator
from ..linop.chosen import ColumnEntries
from ..linop.compressed import Compressed
from ..terms import SeparablePenalty

__all__ = ["GramPool", "Indices"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
ROOM = 256  # columns that there is room for at first
FEW = 4  # numbers of a Gram matrix for each entry of its columns: then sweeps over the entries cost less
SWEEPS = 40  # over entries, after which Newton steps are what helps
TIGHTER = 0.1  # of the accuracy asked for: some sweeps more cost nothing beside the look at A that they may save


class GramPool:
    """Columns of A and their Gram matrix, grown as they are asked for; float64, on the CPU.

    Signals of one batch and penalties of one path share it. Room is doubled when it runs out, so that a column is
    copied and multiplied about once, and not before the Gram matrix is asked for. Columns of a sparse design are held
    as their entries, and swept as such where they are few.
    """

    def __init__(self, A: LinearOperator) -> None:
        self.A = A
        self.place = np.full(A.shape[1], -1)
        self.indices: Indices = np.empty(0, np.intp)
        self._columns: _Columns = _Entries(A, A.shape[0]) if isinstance(A, ColumnEntries) else _Rows(A)
        self._gram: Array = np.empty((0, 0))
        self._multiplied = 0  # columns that `_gram` knows

    @property
    def growth(self) -> float:
        """How many columns are worth taking in at a time, as a share of those in use: more where they cost less."""
        return self._columns.growth

    @property
    def gram(self) -> Array:
        """(k, k), a view."""
        k, size = self._multiplied, len(self.indices)
        if k < size:
            self._gram = _with_room(self._gram, k, size, self.A.shape[1])
            self._columns.products(k, self._gram[k:size, :size])
            self._gram[:k, k:size] = self._gram[k:size, :k].T
            self._multiplied = size
        return self._gram[:size, :size]

    def places(self, wanted: Indices) -> Indices:
        """Where the wanted columns stand in the pool; those that it lacks are added."""
        new = wanted[self.place[wanted] < 0]
        for start in range(0, len(new), self._columns.piece):
            self._add(new[start : start + self._columns.piece])
        found: Indices = self.place[wanted]
        return found

    def forward(self, places: Indices, values: Array) -> Tensor:
        """Σ values_i a_i over the columns at `places`, (m,)."""
        spread = np.zeros(len(self.indices))
        spread[places] = values
        return self._columns.forward(spread)

    def swept(
        self, places: Indices | None, level: Array, penalty: SeparablePenalty, x: Array, h: Array, accuracy: float
    ) -> tuple[Array, Array, bool]:
        """Coordinate descent on the columns at `places`, None for all, where it needs no Gram matrix.

        Returns: x and h = c − (G + ridge)x, moved or as they came, and whether a sweep took away no slope above
            `accuracy`.
        """
        return self._columns.swept(places, level, penalty, x, h, accuracy)

    def _add(self, new: Indices) -> None:
        k, size = len(self.indices), len(self.indices) + len(new)
        self._columns.add(new)
        self.place[new] = np.arange(k, size)
        self.indices = np.concatenate([self.indices, new])


class _Columns(ABC):
    """How the columns of a pool are held."""

    growth: float
    piece: int  # columns that are asked of A at one time

    @abstractmethod
    def add(self, new: Indices) -> None:
        """Hold some columns more."""

    @abstractmethod
    def products(self, first: int, out: Array) -> None:
        """Products of the columns from `first` on with all k that are held, (k − first, k)."""

    @abstractmethod
    def swept(
        self, places: Indices | None, level: Array, penalty: SeparablePenalty, x: Array, h: Array, accuracy: float
    ) -> tuple[Array, Array, bool]:
        """As `GramPool.swept`."""

    @abstractmethod
    def forward(self, values: Array) -> Tensor:
        """Σ values_i a_i over all columns held, (m,)."""


class _Rows(_Columns):
    """Dense columns, held as rows, which products read in order."""

    growth, piece = 0.5, 1024

    def __init__(self, A: LinearOperator) -> None:
        self.A, self.count = A, 0
        self.rows: Array = np.empty((0, A.shape[0]))

    def add(self, new: Indices) -> None:
        k, size = self.count, self.count + len(new)
        if size > len(self.rows):
            room = _room(len(self.rows), size, self.A.shape[1])
            rows = np.empty((room, self.A.shape[0]))
            rows[:k] = self.rows[:k]
            self.rows = rows
        # By numpy, as the products are: its threads would wait for torch's, which stay awake a while after their work.
        np.copyto(self.rows[k:size], self.A.columns(torch.from_numpy(new)).mT.numpy())
        self.count = size

    def products(self, first: int, out: Array) -> None:
        fresh = self.rows[first : self.count]
        # By numpy: its matrix products know AVX-512 on every maker's processor, and halve the work of F F'.
        out[:, first:] = fresh @ fresh.T
        np.matmul(fresh, self.rows[:first].T, out=out[:, :first])

    def swept(
        self, places: Indices | None, level: Array, penalty: SeparablePenalty, x: Array, h: Array, accuracy: float
    ) -> tuple[Array, Array, bool]:
        return x, h, False  # a row of the Gram matrix is shorter than a column

    def forward(self, values: Array) -> Tensor:
        return torch.from_numpy(values @ self.rows[: self.count])


class _Entries(_Columns):
    """Columns of a sparse design as entries, each column as a row."""

    growth, piece = 2.0, 1 << 31

    def __init__(self, A: ColumnEntries, m: int) -> None:
        self.A = A
        self.held = Compressed.empty(m)
        self.crawls = False  # sweeps once did not settle: Newton steps, on the Gram matrix, will be wanted again

    def add(self, new: Indices) -> None:
        self.held = self.held.above(self.A.column_rows(torch.from_numpy(new)))

    def products(self, first: int, out: Array) -> None:
        torch.from_numpy(out).copy_(self.held.turned().gram(first))

    def swept(
        self, places: Indices | None, level: Array, penalty: SeparablePenalty, x: Array, h: Array, accuracy: float
    ) -> tuple[Array, Array, bool]:
        columns = self.held if places is None else self.held.rows_at(torch.from_numpy(places))
        if self.crawls or FEW * len(columns.places) > len(x) ** 2:
            return x, h, False
        low, high = penalty.bounds
        place, left, done = csr_l1_sweeps(
            columns.starts, columns.places, columns.values, columns.width,
            *(torch.from_numpy(part) for part in (level, x, h)),
            low=low, high=high, ridge=penalty.ridge, accuracy=TIGHTER * accuracy, sweeps=SWEEPS,
        )  # fmt: skip
        self.crawls = done < 0
        return place.numpy(), left.numpy(), not self.crawls

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
