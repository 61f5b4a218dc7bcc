"""Iterative hard thresholding with a fixed step."""

from __future__ import annotations

from torch import Tensor

from ..linop import LinearOperator
from .restricted import keep_largest
from .support_search import SupportSearch

__all__ = ["IHT"]


class IHT(SupportSearch):
    """x⁺ = H_k(x + μAᴴ(b − Ax)); with μ < 1/‖A‖² the residual never rises.

    Source: Blumensath & Davies 2009.
    """

    patience = 50

    def __init__(self, A: LinearOperator, k: int, mu: float) -> None:
        self.A, self.k, self.mu = A, k, mu

    def step(self, b: Tensor, x: Tensor, residual: Tensor) -> Tensor:
        return keep_largest(x + self.mu * self.A.rmv(residual), self.k)
