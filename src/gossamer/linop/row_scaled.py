"""A map with each sample scaled: how sample weights enter least squares."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import DataError
from .base import LinearOperator
from .products import checked, gram_by_columns, norm2_by_lanczos, norms_by_columns

__all__ = ["RowScaled"]


class RowScaled(LinearOperator):
    """diag(scale) · A. With scale = √w, ‖·‖² of the residual is Σ w_i r_i².

    Raises: DataError unless there is one finite real number for each row.

    >>> from gossamer.linop import Dense
    >>> RowScaled(torch.tensor([1.0, 2.0]), Dense(torch.eye(2))).mv(torch.tensor([1.0, 1.0]))
    tensor([1., 2.])
    """

    def __init__(self, scale: Tensor, within: LinearOperator) -> None:
        if tuple(scale.shape) != (within.shape[0],) or not bool(torch.isfinite(scale).all()):
            raise DataError(f"RowScaled: needs {within.shape[0]} finite numbers, given shape {tuple(scale.shape)}")
        if scale.is_complex() or torch.promote_types(scale.dtype, within.dtype) != within.dtype:
            raise DataError(f"RowScaled: scale must be real and no wider than {within.dtype}, given {scale.dtype}")
        self.scale, self.within = scale, within
        self.shape, self.dtype, self.device = within.shape, within.dtype, within.device

    def mv(self, x: Tensor) -> Tensor:
        return self.scale * self.within.mv(checked(self, x, 1))

    def rmv(self, y: Tensor) -> Tensor:
        return self.within.rmv(self.scale * checked(self, y, 0))

    def dense(self) -> Tensor:
        return self.scale[:, None] * self.within.dense()

    def columns(self, indices: Tensor) -> Tensor:
        return self.scale[:, None] * self.within.columns(indices)

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        return norms_by_columns(self, centre)

    def gram(self) -> Tensor:
        return gram_by_columns(self)

    def norm2_bound(self) -> float:
        return norm2_by_lanczos(self)

    def double(self) -> RowScaled:
        return RowScaled(self.scale.double(), self.within.double())
