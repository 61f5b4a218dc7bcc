"""Some columns of a design, each on one row of the unknown: what Newton's method works on."""

from __future__ import annotations

import torch
from torch import Tensor

from .base import LinearOperator

__all__ = ["Chosen"]


class Chosen:
    """k columns C of A (m, n), of which column j acts on row `rows[j]` of a predictor (rows, m).

    Index n is a column of ones, which A need not hold: the intercept.

    >>> from gossamer.linop import Dense
    >>> C = Chosen(Dense(torch.tensor([[1.0, 2.0], [3.0, 4.0]])), torch.tensor([0, 2]), torch.tensor([0, 1]), 2)
    >>> C.mv(torch.tensor([1.0, 5.0]))
    tensor([[1., 3.],
            [5., 5.]])
    """

    def __init__(self, A: LinearOperator, columns: Tensor, rows: Tensor, height: int) -> None:
        self.rows, self.height = rows, height
        n = A.shape[1]
        constant = columns == n
        self._matrix = torch.ones(A.shape[0], len(columns), dtype=A.dtype, device=A.device)
        self._matrix[:, ~constant] = A.columns(columns[~constant])

    def dense(self) -> Tensor:
        """C (m, k)."""
        return self._matrix

    def mv(self, t: Tensor) -> Tensor:
        """The predictor that coefficients t (k,) add up to, (rows, m)."""
        spread = torch.zeros(len(t), self.height, dtype=t.dtype, device=t.device)
        spread[torch.arange(len(t), device=t.device), self.rows] = t
        return (self._matrix @ spread).mT

    def rmv(self, g: Tensor) -> Tensor:
        """⟨c_j, g[rows_j]⟩ of each column, for g (rows, m)."""
        return g[0] @ self._matrix if self.height == 1 else (self._matrix.mT * g[self.rows]).sum(-1)

    def gram(self, factor: Tensor) -> Tensor:
        """B'B (k, k), where column j of B is c_j times factor[rows_j], factor (rows, m)."""
        scaled = self._matrix.mT * factor[self.rows]
        return scaled @ scaled.mT
