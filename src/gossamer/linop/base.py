"""What a linear map is: two products, its adjoint's among them, and what solvers may ask beside them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

__all__ = ["LinearOperator"]


class LinearOperator(ABC):
    """A: Rⁿ → Rᵐ (or Cⁿ → Cᵐ). Unknowns lie on the last axis; the axes before it are a batch.

        ⟨A x, y⟩ = ⟨x, Aᴴ y⟩

    `mv` and `rmv` are all that a solver needs; the rest has a plain form here that costs n products, and a subclass
    writes its own where it knows better.
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
    def column_norms(self) -> Tensor:
        """‖a_j‖₂ of each column, (n,)."""

    @abstractmethod
    def gram(self) -> Tensor:
        """AᴴA (n, n)."""

    @abstractmethod
    def norm2_bound(self) -> float:
        """A number not below ‖A‖₂², and not far above it."""
