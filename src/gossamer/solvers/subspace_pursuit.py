"""Subspace pursuit."""

from __future__ import annotations

import torch
from torch import Tensor

from ..linop import LinearOperator
from .restricted import RestrictedFit, keep_largest
from .support_search import SupportSearch

__all__ = ["SubspacePursuit"]


class SubspacePursuit(SupportSearch):
    """Ω = supp_k(Aᴴr), T = Ω ∪ supp(x), S = supp_k(A_T⁺b), x⁺_S = A_S⁺b; stops when the residual no longer falls.

    Source: Dai & Milenkovic 2009. The second least squares is what lifts it above CoSaMP.
    """

    patience = 1

    def __init__(self, A: LinearOperator, k: int) -> None:
        self.A, self.k, self.fit = A, k, RestrictedFit(A)

    def step(self, b: Tensor, x: Tensor, residual: Tensor) -> Tensor:
        found = self.A.rmv(residual).abs().topk(self.k, dim=-1).indices
        support = (x != 0).scatter(1, found, torch.ones_like(found, dtype=torch.bool))
        return self.fit(b, keep_largest(self.fit(b, support), self.k) != 0)
