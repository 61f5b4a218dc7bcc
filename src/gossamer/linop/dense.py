"""A matrix that is held as one."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from .base import LinearOperator

__all__ = ["Dense"]


class Dense(LinearOperator):
    """A dense matrix A (m, n).

    >>> A = Dense(torch.tensor([[1.0, 2.0], [0.0, 1.0]]))
    >>> A.mv(torch.tensor([1.0, 1.0])), A.rmv(torch.tensor([1.0, 1.0]))
    (tensor([3., 1.]), tensor([1., 3.]))
    """

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.shape = (matrix.shape[0], matrix.shape[1])
        self.dtype, self.device = matrix.dtype, matrix.device

    def mv(self, x: Tensor) -> Tensor:
        return x @ self.matrix.mT

    def rmv(self, y: Tensor) -> Tensor:
        return y @ self.matrix.conj()

    def dense(self) -> Tensor:
        return self.matrix

    def columns(self, indices: Tensor) -> Tensor:
        return self.matrix[:, indices]

    def column_norms(self) -> Tensor:
        return self._norms

    def gram(self) -> Tensor:
        return self._gram

    def norm2_bound(self) -> float:
        return self._norm2

    @cached_property
    def _norms(self) -> Tensor:
        return torch.linalg.vector_norm(self.matrix, dim=0)

    @cached_property
    def _gram(self) -> Tensor:
        return self.matrix.mH @ self.matrix

    @cached_property
    def _norm2(self) -> float:
        """The largest eigenvalue of the smaller Gram matrix, raised by its rounding."""
        small = self.matrix.mH @ self.matrix if self.shape[1] <= self.shape[0] else self.matrix @ self.matrix.mH
        return float(torch.linalg.matrix_norm(small.double() if not small.is_complex() else small, 2)) * (1 + 1e-6)
