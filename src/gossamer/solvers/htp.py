"""Hard thresholding pursuit."""

from __future__ import annotations

from torch import Tensor

from ..linop import LinearOperator
from .restricted import RestrictedFit, keep_largest
from .support_search import SupportSearch

__all__ = ["HTP"]


class HTP(SupportSearch):
    """S = supp_k(x + μAᴴ(b − Ax)), x⁺_S = A_S⁺b.

    Source: Foucart 2011. μ = 1 is for columns of norm 1.
    """

    patience = 15

    def __init__(self, A: LinearOperator, k: int, mu: float) -> None:
        self.A, self.k, self.mu, self.fit = A, k, mu, RestrictedFit(A)

    def step(self, b: Tensor, x: Tensor, residual: Tensor) -> Tensor:
        return self.fit(b, keep_largest(x + self.mu * self.A.rmv(residual), self.k) != 0)
