"""Which entries of a vector are observed."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import DataError
from .base import LinearOperator
from .products import checked, columns_by_products, dense_by_columns, norms_by_columns

__all__ = ["Masked"]


class Masked(LinearOperator):
    """x ↦ x[observed]: rows of the identity. `Masked(rows) @ A` is A with only those rows.

    Args:
        observed: bool (n,) with at least one True; for an image, its mask flattened row by row.
        dtype: of the numbers, since a mask has none of its own.
    Raises: DataError for a mask of another type or shape, or one that observes nothing.

    >>> A = Masked(torch.tensor([True, False, True]))
    >>> A.mv(torch.tensor([1.0, 2.0, 3.0])), A.rmv(torch.tensor([5.0, 6.0]))
    (tensor([1., 3.]), tensor([5., 0., 6.]))
    """

    def __init__(self, observed: Tensor, dtype: torch.dtype = torch.float32) -> None:
        if observed.dtype != torch.bool or observed.ndim != 1 or not bool(observed.any()):
            raise DataError(
                f"Masked needs a bool mask (n,) with at least one True, given {observed.dtype} "
                f"{tuple(observed.shape)}; flatten an image's, and compare numbers first (mask > 0)"
            )
        self.observed = observed
        self._places = observed.nonzero()[:, 0]
        self.shape = (len(self._places), len(observed))
        self.dtype, self.device = dtype, observed.device

    def mv(self, x: Tensor) -> Tensor:
        return checked(self, x, 1)[..., self._places]

    def rmv(self, y: Tensor) -> Tensor:
        return y.new_zeros(*y.shape[:-1], self.shape[1]).index_copy(-1, self._places, checked(self, y, 0))

    def dense(self) -> Tensor:
        return dense_by_columns(self)

    def columns(self, indices: Tensor) -> Tensor:
        return columns_by_products(self, indices)

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        return self.observed.to(self.dtype).real.clone() if centre is None else norms_by_columns(self, centre)

    def gram(self) -> Tensor:
        return torch.diag(self.observed.to(self.dtype))

    def norm2_bound(self) -> float:
        return 1.0

    def double(self) -> Masked:
        return Masked(self.observed, torch.complex128 if self.dtype.is_complex else torch.float64)
