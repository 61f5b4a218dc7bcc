"""A map times a number."""

from __future__ import annotations

from math import isfinite

from torch import Tensor

from ..errors import DataError
from .base import LinearOperator
from .products import checked

__all__ = ["Scaled"]


class Scaled(LinearOperator):
    """factor · A.

    Raises: DataError unless the factor is a finite number, and real where A is.

    >>> import torch
    >>> from gossamer.linop import Dense
    >>> Scaled(3.0, Dense(torch.eye(2))).mv(torch.tensor([1.0, 2.0]))
    tensor([3., 6.])
    """

    def __init__(self, factor: complex, within: LinearOperator) -> None:
        if not isfinite(abs(factor)) or (isinstance(factor, complex) and not within.dtype.is_complex):
            raise DataError(f"Scaled: the factor must be finite, and real for a {within.dtype} map, given {factor!r}")
        self.factor, self.within = factor, within
        self.shape, self.dtype, self.device = within.shape, within.dtype, within.device

    def mv(self, x: Tensor) -> Tensor:
        return self.factor * self.within.mv(checked(self, x, 1))

    def rmv(self, y: Tensor) -> Tensor:
        return self.factor.conjugate() * self.within.rmv(checked(self, y, 0))

    def dense(self) -> Tensor:
        return self.factor * self.within.dense()

    def columns(self, indices: Tensor) -> Tensor:
        return self.factor * self.within.columns(indices)

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        if centre is None or self.factor == 0:
            own = abs(self.factor) * self.within.column_norms()
            return own if centre is None else centre.abs() * self.shape[0] ** 0.5
        return abs(self.factor) * self.within.column_norms(centre / self.factor)

    def gram(self) -> Tensor:
        return abs(self.factor) ** 2 * self.within.gram()

    def norm2_bound(self) -> float:
        return abs(self.factor) ** 2 * self.within.norm2_bound()

    def double(self) -> Scaled:
        return Scaled(self.factor, self.within.double())
