"""A map given by two functions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import DataError
from .base import LinearOperator
from .products import (
    adjoint_gap,
    checked,
    columns_by_products,
    dense_by_columns,
    gram_by_columns,
    norm2_by_lanczos,
    norms_by_columns,
)

__all__ = ["Callables"]

FALSE_ADJOINT = 1e-3  # rounding of long sums in float32 stays below, a wrong adjoint is near 1


class Callables(LinearOperator):
    """A map of your own: `mv` and its adjoint `rmv`.

    Both are tried once, on a random batch of two, and refused unless shapes, type and the adjoint identity hold.

    Args:
        mv: A x, (*b, n) → (*b, m), linear; rmv: Aᴴ y, (*b, m) → (*b, n).
        shape: (m, n).
        dtype, device: of what both take and give.
    Raises: DataError when a function does not hold what is asked of it.

    >>> A = Callables(lambda x: x.cumsum(-1), lambda y: y.flip(-1).cumsum(-1).flip(-1), (3, 3))
    >>> A.mv(torch.ones(3)), A.rmv(torch.ones(3))
    (tensor([1., 2., 3.]), tensor([3., 2., 1.]))
    """

    def __init__(
        self,
        mv: Callable[[Tensor], Tensor],
        rmv: Callable[[Tensor], Tensor],
        shape: tuple[int, int],
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        if len(shape) != 2 or min(shape) < 1:
            raise DataError(f"Callables: shape is (m, n), each at least 1, given {shape}")
        self._mv, self._rmv = mv, rmv
        self.shape, self.dtype, self.device = (shape[0], shape[1]), dtype, torch.device(device)
        self._try()

    def mv(self, x: Tensor) -> Tensor:
        return self._mv(checked(self, x, 1))

    def rmv(self, y: Tensor) -> Tensor:
        return self._rmv(checked(self, y, 0))

    def dense(self) -> Tensor:
        return dense_by_columns(self)

    def columns(self, indices: Tensor) -> Tensor:
        return columns_by_products(self, indices)

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        return norms_by_columns(self, centre)

    def gram(self) -> Tensor:
        return gram_by_columns(self)

    def norm2_bound(self) -> float:
        return norm2_by_lanczos(self)

    def double(self) -> Callables:
        """The functions stay as they are: x is rounded to their type, and so is what they give."""
        wide = torch.complex128 if self.dtype.is_complex else torch.float64
        return Callables(
            lambda x: self._mv(x.to(self.dtype)).to(wide),
            lambda y: self._rmv(y.to(self.dtype)).to(wide),
            self.shape,
            wide,
            self.device,
        )

    def _try(self) -> None:
        m, n = self.shape
        for name, function, taken, given in (("mv", self._mv, n, m), ("rmv", self._rmv, m, n)):
            found = function(torch.zeros(2, taken, dtype=self.dtype, device=self.device))
            if tuple(found.shape) != (2, given) or found.dtype != self.dtype:
                raise DataError(
                    f"Callables: {name} must take (2, {taken}) to (2, {given}) in {self.dtype}, "
                    f"it gave {tuple(found.shape)} in {found.dtype}"
                )
        gap = adjoint_gap(self)
        if not gap <= FALSE_ADJOINT:
            raise DataError(
                f"Callables: rmv is not the adjoint of mv: ⟨Ax, y⟩ and ⟨x, Aᴴy⟩ differ by {gap:.1e}; for complex maps "
                f"rmv must conjugate as well as transpose"
            )
