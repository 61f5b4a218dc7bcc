"""What a linear map is: two products, its adjoint's among them, and what solvers may ask beside them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ..errors import DataError
from .products import checked, dense_by_columns, gram_by_columns, norm2_by_lanczos, norms_by_columns

__all__ = ["Composition", "LinearOperator"]


class LinearOperator(ABC):
    """A: Rⁿ → Rᵐ (or Cⁿ → Cᵐ). Unknowns lie on the last axis; the axes before it are a batch.

        ⟨A x, y⟩ = ⟨x, Aᴴ y⟩

    `mv` and `rmv` are all that a solver needs; `linop.products` holds a plain form of the rest that costs n products,
    for operators that know no better. An operator is a constant: what it was made from must not change under it.
    """

    shape: tuple[int, int]
    dtype: torch.dtype
    device: torch.device

    @abstractmethod
    def mv(self, x: Tensor) -> Tensor:
        """A x: (*b, n) → (*b, m)."""

    @abstractmethod
    def rmv(self, y: Tensor) -> Tensor:
        """Aᴴ y: (*b, m) → (*b, n)."""

    @abstractmethod
    def dense(self) -> Tensor:
        """The matrix (m, n)."""

    @abstractmethod
    def columns(self, indices: Tensor) -> Tensor:
        """Some columns, dense: (k,) → (m, k)."""

    @abstractmethod
    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        """‖a_j‖₂ of each column, (n,); with `centre` (n,), ‖a_j − centre_j·1‖₂ without cancellation."""

    @abstractmethod
    def gram(self) -> Tensor:
        """AᴴA (n, n)."""

    @abstractmethod
    def norm2_bound(self) -> float:
        """A number not below ‖A‖₂², and at most 1.5 times it."""

    @abstractmethod
    def double(self) -> LinearOperator:
        """The same map in float64 or complex128: where certificates are computed."""

    def __matmul__(self, other: LinearOperator) -> Composition:
        """A @ B: first B, then A."""
        if not isinstance(other, LinearOperator):
            raise DataError(
                f"@ joins two linear operators, given {type(other).__name__}; for a product with x (*b, n) call mv(x), "
                f"to join a matrix wrap it: A @ as_operator(B)"
            )
        return Composition(self, other)


class Composition(LinearOperator):
    """left · right: first `right`, then `left`. Made by `left @ right`.

    Raises: DataError when the inner sizes, types or devices differ.

    >>> from gossamer.linop import Dense
    >>> A = Dense(torch.tensor([[1.0, 2.0]])) @ Dense(torch.eye(2))
    >>> A.shape, A.mv(torch.tensor([1.0, 1.0]))
    ((1, 2), tensor([3.]))
    """

    def __init__(self, left: LinearOperator, right: LinearOperator) -> None:
        if left.shape[1] != right.shape[0]:
            raise DataError(
                f"A @ B: A takes {left.shape[1]} numbers and B gives {right.shape[0]}; "
                f"the shapes are {left.shape} and {right.shape}"
            )
        if left.dtype != right.dtype or left.device != right.device:
            raise DataError(
                f"A @ B: A is {left.dtype} on {left.device}, B is {right.dtype} on {right.device}; convert one of them"
            )
        self.left, self.right = left, right
        self.shape = (left.shape[0], right.shape[1])
        self.dtype, self.device = left.dtype, left.device

    def mv(self, x: Tensor) -> Tensor:
        return self.left.mv(self.right.mv(checked(self, x, 1)))

    def rmv(self, y: Tensor) -> Tensor:
        return self.right.rmv(self.left.rmv(checked(self, y, 0)))

    def dense(self) -> Tensor:
        return dense_by_columns(self)

    def columns(self, indices: Tensor) -> Tensor:
        return self.left.mv(self.right.columns(indices).mT).mT

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        return norms_by_columns(self, centre)

    def gram(self) -> Tensor:
        return gram_by_columns(self)

    def norm2_bound(self) -> float:
        return norm2_by_lanczos(self)

    def double(self) -> Composition:
        return Composition(self.left.double(), self.right.double())
