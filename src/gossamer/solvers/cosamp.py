"""CoSaMP: compressive sampling matching pursuit."""

from __future__ import annotations

import torch
from torch import Tensor

from ..linop import LinearOperator
from .restricted import RestrictedFit, keep_largest
from .support_search import SupportSearch

__all__ = ["CoSaMP"]


class CoSaMP(SupportSearch):
    """Ω = supp_2k(Aᴴr), T = Ω ∪ supp(x), b_T = A_T⁺b (of minimum norm where |T| > m), x⁺ = H_k(b_T).

    Source: Needell & Tropp 2009.
    """

    patience = 15

    def __init__(self, A: LinearOperator, k: int) -> None:
        self.A, self.k, self.fit = A, k, RestrictedFit(A)

    def step(self, b: Tensor, x: Tensor, residual: Tensor) -> Tensor:
        wide = min(2 * self.k, self.A.shape[1])
        found = self.A.rmv(residual).abs().topk(wide, dim=-1).indices
        support = (x != 0).scatter(1, found, torch.ones_like(found, dtype=torch.bool))
        return keep_largest(self.fit(b, support), self.k)
