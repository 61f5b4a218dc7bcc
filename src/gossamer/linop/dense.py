"""A matrix that is held as one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..kernels.native import readable
from .base import LinearOperator
from .products import checked, few_places, norm2_by_lanczos, norms_by_columns

__all__ = ["Dense"]

LARGE = 1 << 16  # entries: from here on reading them costs more than the way to numpy and back
SMALL = 256  # of the smaller side: up to here all eigenvalues cost less than the products of Lanczos


@dataclass(frozen=True, eq=False)
class UnitColumns:
    """A matrix whose columns have norm 1. Args: rows (n, m), a column each; gram (n, n); scales (n,), 1/‖a_j‖."""

    rows: Tensor
    gram: Tensor
    scales: Tensor


class Dense(LinearOperator):
    """A dense matrix A (m, n).

    Column norms, the Gram matrix and the norm are computed once and kept, unless A takes part in autograd.

    >>> A = Dense(torch.tensor([[1.0, 2.0], [0.0, 1.0]]))
    >>> A.mv(torch.tensor([1.0, 1.0])), A.rmv(torch.tensor([1.0, 1.0]))
    (tensor([3., 1.]), tensor([1., 3.]))
    """

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.shape = (matrix.shape[0], matrix.shape[1])
        self.dtype, self.device = matrix.dtype, matrix.device

    def mv(self, x: Tensor) -> Tensor:
        x = checked(self, x, 1)
        if not self.matrix.requires_grad and (places := few_places(x)) is not None:
            return _times(x[places], self.columns(places).mT)
        return _times(x, self.matrix.mT)

    def rmv(self, y: Tensor) -> Tensor:
        return _times(checked(self, y, 0), self.matrix.conj())

    def dense(self) -> Tensor:
        return self.matrix

    def columns(self, indices: Tensor) -> Tensor:
        if _for_numpy(self.matrix, indices):  # which picks out of a row-major matrix in a fifth of torch's time
            return torch.from_numpy(self.matrix.detach().numpy().T[indices.numpy()]).mT
        return self.matrix.mT[indices].mT if self._by_columns else self.matrix.index_select(1, indices)

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        if centre is not None:
            return norms_by_columns(self, centre)
        return self._column_norms() if self.matrix.requires_grad else self._norms

    def gram(self) -> Tensor:
        return self.matrix.mH @ self.matrix if self.matrix.requires_grad else self._gram

    def norm2_bound(self) -> float:
        return self._norm2

    def double(self) -> Dense:
        return Dense(self.matrix.to(torch.complex128 if self.dtype.is_complex else torch.float64))

    @property
    def _by_columns(self) -> bool:
        """Whether a column's entries lie side by side."""
        return self.matrix.stride(0) == 1

    def _column_norms(self) -> Tensor:
        norms: Tensor = torch.linalg.vector_norm(self.matrix, dim=0)
        return norms

    @cached_property
    def unit(self) -> UnitColumns:
        """The columns divided by their norms, which are not 0: values alone, no derivative passes through them."""
        matrix = self.matrix.detach()
        scales = 1 / torch.linalg.vector_norm(matrix, dim=0)
        rows = (matrix.mT * scales[:, None]).contiguous()
        return UnitColumns(rows, rows.conj() @ rows.mT, scales)

    @cached_property
    def _norms(self) -> Tensor:
        return self._column_norms()

    @cached_property
    def _gram(self) -> Tensor:
        return self.matrix.mH @ self.matrix

    @cached_property
    def _norm2(self) -> float:
        """Small: the top eigenvalue of the smaller Gram matrix, in float64, raised by rounding. Else by Lanczos."""
        if min(self.shape) > SMALL:
            return norm2_by_lanczos(self)
        wide = self.double().matrix.detach()
        small = wide.mH @ wide if self.shape[1] <= self.shape[0] else wide @ wide.mH
        return float(torch.linalg.eigvalsh(small)[-1].clamp(min=0)) * (1 + 1e-6)


def _times(vectors: Tensor, matrix: Tensor) -> Tensor:
    """vectors @ matrix; of one vector by numpy, outside of autograd.

    Such a product is as fast as memory is read, and numpy's BLAS does so on every maker's processor.
    """
    if vectors.numel() != vectors.shape[-1] or matrix.is_complex() or not _for_numpy(matrix, vectors):
        return vectors @ matrix
    return torch.from_numpy(vectors.detach().numpy() @ matrix.detach().numpy())


def _for_numpy(matrix: Tensor, other: Tensor) -> bool:
    """Whether numpy can read both, and the matrix is large enough to be worth it."""
    return matrix.numel() >= LARGE and not torch.compiler.is_compiling() and readable([matrix, other])
