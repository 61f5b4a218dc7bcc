"""A map turned round."""

from __future__ import annotations

from torch import Tensor

from .base import LinearOperator
from .products import checked, columns_by_products, dense_by_columns, gram_by_columns, norms_by_columns

__all__ = ["Adjoint"]


class Adjoint(LinearOperator):
    """Aᴴ. The adjoint of an orthonormal transform is its inverse: `Masked(seen) @ Adjoint(SubsampledDCT(n, all))`
    measures some samples of a signal whose cosine coefficients are the unknowns.

    >>> import torch
    >>> from gossamer.linop import Dense
    >>> Adjoint(Dense(torch.tensor([[1.0, 2.0]]))).mv(torch.tensor([1.0]))
    tensor([1., 2.])
    """

    def __init__(self, within: LinearOperator) -> None:
        self.within = within
        self.shape = (within.shape[1], within.shape[0])
        self.dtype, self.device = within.dtype, within.device

    def mv(self, x: Tensor) -> Tensor:
        return self.within.rmv(checked(self, x, 1))

    def rmv(self, y: Tensor) -> Tensor:
        return self.within.mv(checked(self, y, 0))

    def dense(self) -> Tensor:
        return dense_by_columns(self)

    def columns(self, indices: Tensor) -> Tensor:
        return columns_by_products(self, indices)

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        return norms_by_columns(self, centre)

    def gram(self) -> Tensor:
        return gram_by_columns(self)

    def norm2_bound(self) -> float:
        return self.within.norm2_bound()

    def double(self) -> Adjoint:
        return Adjoint(self.within.double())
