"""The smallest ‖x‖₁ that explains the data: what pursuit solvers are given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import LinearOperator
from ..terms import L1
from .least_squares import LeastSquares, widened, widened_entries

__all__ = ["Pursuit"]


@dataclass(frozen=True, eq=False)
class Pursuit:
    """min ‖x‖₁ s.t. ‖Ax − b‖₂ ≤ epsilon, one problem for each row of b.

    Args: A (m, n), real or complex; b (signals, m); epsilon ≥ 0 in the units of b; 0 asks for Ax = b.
    Raises: DataError on shapes, dtypes, NaN or infinity, or a negative epsilon.
    """

    A: LinearOperator
    b: Tensor
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        if not (isfinite(self.epsilon) and self.epsilon >= 0):
            raise DataError(f"epsilon is {self.epsilon}; give a finite residual norm ≥ 0 in the units of b")
        if not self.is_complex:
            _ = self.data
        elif self.b.dtype != self.A.dtype or not bool(torch.isfinite(torch.view_as_real(self.b)).all()):
            raise DataError(f"A is {self.A.dtype}, b is {self.b.dtype}; give both alike, and b finite")

    @property
    def is_complex(self) -> bool:
        """Whether x is complex; then |x_j| is its modulus."""
        return self.A.dtype.is_complex

    @cached_property
    def data(self) -> LeastSquares:
        """The same data, checked; real only."""
        if self.is_complex:
            raise DataError(f"A is {self.A.dtype}; this solver is for real data, so use solver='primal_dual'")
        return LeastSquares(self.A, self.b, L1(1.0))

    @cached_property
    def wide(self) -> LinearOperator:
        """A in float64 or complex128."""
        return widened(self.A) if self.is_complex else self.data.wide

    @cached_property
    def wide_b(self) -> Tensor:
        """b in float64 or complex128."""
        return widened_entries(self.b)

    @cached_property
    def matrix(self) -> Tensor:
        """A, dense and in float64; real only."""
        return self.data.wide.dense()

    @cached_property
    def radius(self) -> Tensor:
        """The residual that counts as feasible, (signals,): epsilon, or 1e-7‖b‖ where that is more."""
        sizes: Tensor = torch.linalg.vector_norm(self.wide_b, dim=-1)
        return sizes.mul(1e-7).clamp(min=self.epsilon)
