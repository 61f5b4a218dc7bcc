"""Some columns of a design, each on one row of the unknown: what Newton's method works on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from .base import LinearOperator
from .compressed import Compressed

__all__ = ["Chosen", "ColumnEntries", "chosen_columns"]

THIN = 0.2  # density up to which a product of sparse columns costs less than one of dense columns


@runtime_checkable
class ColumnEntries(Protocol):
    """What an operator can do that holds its columns as entries."""

    def column_rows(self, indices: Tensor) -> Compressed:
        """Some columns, each as a row: (k, m)."""


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
        held = A.column_rows(columns[own])
        if len(held.values) <= THIN * m * len(columns):
            before = torch.cat([torch.zeros_like(columns[:1]), (columns < n).cumsum(0)])  # one of ones has no entry
            return _Entries(replace(held, starts=held.starts[before]), rows, height, columns == n)
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
    """Columns that are held as entries, each as a row; those of ones are empty and known by their places."""

    def __init__(self, columns: Compressed, rows: Tensor, height: int, ones: Tensor) -> None:
        self.columns, self.rows, self.height, self.ones = columns, rows, height, ones
        self.on_predictor = columns  # where each entry stands in the predictor, its rows laid end to end
        if height > 1:
            at = columns.places.long() + rows[columns.owners] * columns.width
            self.on_predictor = Compressed.of(columns.starts, at, columns.values, height * columns.width)

    def dense(self) -> Tensor:
        whole = torch.zeros(self.columns.shape, dtype=self.columns.values.dtype, device=self.columns.values.device)
        whole[self.columns.owners, self.columns.places] = self.columns.values
        whole[self.ones] = 1
        return whole.mT

    def take(self, places: Tensor) -> Chosen:
        return _Entries(self.columns.rows_at(places), self.rows[places], self.height, self.ones[places])

    def mv(self, t: Tensor) -> Tensor:
        level = torch.zeros(self.height, dtype=t.dtype, device=t.device)
        level.index_add_(0, self.rows[self.ones], t[self.ones])
        return self.on_predictor.rmv(t).view(self.height, -1) + level[:, None]

    def rmv(self, g: Tensor) -> Tensor:
        found = self.on_predictor.mv(g.reshape(-1))
        found[self.ones] = g[self.rows[self.ones]].sum(-1)
        return found

    def gram(self, factor: Tensor) -> Tensor:
        scaled = self.columns.with_values(self.columns.values * factor.reshape(-1)[self.on_predictor.places])
        whole = scaled.turned().gram()
        if bool(self.ones.any()):
            constant = factor[self.rows[self.ones]]
            whole[self.ones] = torch.stack([scaled.mv(row) for row in constant])
            whole[:, self.ones] = whole[self.ones].mT
            whole[self.ones.nonzero(), self.ones.nonzero()[:, 0]] = constant @ constant.mT
        return whole
