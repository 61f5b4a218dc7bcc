"""Some columns of a design, each on one row of the unknown: what Newton's method works on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from .base import LinearOperator
from .sparse import entry_matrix

__all__ = ["Chosen", "ColumnEntries", "chosen_columns"]

THIN = 0.2  # density up to which a product of sparse columns costs less than one of dense columns


@runtime_checkable
class ColumnEntries(Protocol):
    """What an operator can do that holds its columns as entries."""

    def column_entries(self, indices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of some columns: how many entries each has, (k,), and the sample and the value of each entry, in order."""


class Chosen(ABC):
    """k columns C of A (m, n), of which column j acts on row `rows[j]` of a predictor (rows, m).

    Index n is a column of ones, which A need not hold: the intercept.
    """

    rows: Tensor

    @abstractmethod
    def dense(self) -> Tensor:
        """C (m, k)."""

    @abstractmethod
    def take(self, places: Tensor) -> Chosen:
        """Some of the columns, in the order of `places`."""

    @abstractmethod
    def mv(self, t: Tensor) -> Tensor:
        """The predictor that coefficients t (k,) add up to, (rows, m)."""

    @abstractmethod
    def rmv(self, g: Tensor) -> Tensor:
        """⟨c_j, g[rows_j]⟩ of each column, for g (rows, m)."""

    @abstractmethod
    def gram(self, factor: Tensor) -> Tensor:
        """B'B (k, k), where column j of B is c_j times factor[rows_j], factor (rows, m)."""


def chosen_columns(A: LinearOperator, columns: Tensor, rows: Tensor, height: int) -> Chosen:
    """Columns (k,) of A, or n for ones, on rows (k,) of a predictor of `height` rows.

    >>> from gossamer.linop import Dense
    >>> A = Dense(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    >>> chosen_columns(A, torch.tensor([0, 2]), torch.tensor([0, 1]), 2).mv(torch.tensor([1.0, 5.0]))
    tensor([[1., 3.],
            [5., 5.]])
    """
    m, n = A.shape
    own = (columns < n).nonzero()[:, 0]
    if isinstance(A, ColumnEntries):
        counts = torch.zeros_like(columns)
        counts[own], samples, values = A.column_entries(columns[own])
        if len(values) <= THIN * m * len(columns):
            return _Entries(counts, samples, values, m, rows, height, columns == n)
    matrix = torch.ones(m, len(columns), dtype=A.dtype, device=A.device)
    matrix[:, own] = A.columns(columns[own])
    return _Matrix(matrix, rows, height)


class _Matrix(Chosen):
    """Columns that are held dense."""

    def __init__(self, matrix: Tensor, rows: Tensor, height: int) -> None:
        self.matrix, self.rows, self.height = matrix, rows, height

    def dense(self) -> Tensor:
        return self.matrix

    def take(self, places: Tensor) -> Chosen:
        return _Matrix(self.matrix[:, places], self.rows[places], self.height)

    def mv(self, t: Tensor) -> Tensor:
        spread = torch.zeros(len(t), self.height, dtype=t.dtype, device=t.device)
        spread[torch.arange(len(t), device=t.device), self.rows] = t
        return (self.matrix @ spread).mT

    def rmv(self, g: Tensor) -> Tensor:
        return g[0] @ self.matrix if self.height == 1 else (self.matrix.mT * g[self.rows]).sum(-1)

    def gram(self, factor: Tensor) -> Tensor:
        scaled = self.matrix.mT * factor[self.rows]
        return scaled @ scaled.mT


class _Entries(Chosen):
    """Columns that are held as entries, column by column; those of ones are held as nothing but their places."""

    def __init__(
        self, counts: Tensor, samples: Tensor, values: Tensor, m: int, rows: Tensor, height: int, ones: Tensor
    ) -> None:
        self.counts, self.samples, self.values = counts, samples, values
        self.m, self.rows, self.height, self.ones = m, rows, height, ones
        self.column = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
        self.by_sample = samples.argsort(stable=True)

    def dense(self) -> Tensor:
        whole = torch.zeros(len(self.rows), self.m, dtype=self.values.dtype, device=self.values.device)
        whole[self.column, self.samples] = self.values
        whole[self.ones] = 1
        return whole.mT

    def take(self, places: Tensor) -> Chosen:
        counts = self.counts[places]
        first = (self.counts.cumsum(0) - self.counts)[places]
        within = torch.arange(int(counts.sum()), device=places.device)
        entries = within + torch.repeat_interleave(first - (counts.cumsum(0) - counts), counts)
        kept = self.samples[entries], self.values[entries]
        return _Entries(counts, *kept, self.m, self.rows[places], self.height, self.ones[places])

    def mv(self, t: Tensor) -> Tensor:
        flat = torch.zeros(self.height * self.m, dtype=t.dtype, device=t.device)
        flat.index_add_(0, self.rows[self.column] * self.m + self.samples, self.values * t[self.column])
        found = flat.view(self.height, self.m)
        level = torch.zeros(self.height, dtype=t.dtype, device=t.device)
        return found + level.index_add_(0, self.rows[self.ones], t[self.ones])[:, None]

    def rmv(self, g: Tensor) -> Tensor:
        found = torch.zeros(len(self.rows), dtype=g.dtype, device=g.device)
        found.index_add_(0, self.column, self.values * g[self.rows[self.column], self.samples])
        found[self.ones] = g[self.rows[self.ones]].sum(-1)
        return found

    def gram(self, factor: Tensor) -> Tensor:
        k = len(self.rows)
        scaled = self.values * factor[self.rows[self.column], self.samples]
        flat = entry_matrix(self.column, self.samples, scaled, (k, self.m))
        order = self.by_sample
        tall = entry_matrix(self.samples[order], self.column[order], scaled[order], (self.m, k))
        whole = (flat @ tall).to_dense()
        constant = factor[self.rows[self.ones]]
        whole[:, self.ones] = flat @ constant.mT
        whole[self.ones] = whole[:, self.ones].mT
        whole[self.ones.nonzero(), self.ones.nonzero()[:, 0]] = constant @ constant.mT
        return whole
