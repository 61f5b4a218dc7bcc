"""Normalised iterative hard thresholding: the step follows from the support, so the design may have any scale."""

from __future__ import annotations

import torch
from torch import Tensor

from ..linop import LinearOperator
from .restricted import keep_largest
from .support_search import SupportSearch

__all__ = ["NIHT"]

_MARGIN, _SHRINK = 0.01, 2.0
_MOST_CUTS = 60


class NIHT(SupportSearch):
    """g = Aᴴ(b − Ax), T = supp(x), at first supp_k(Aᴴb); μ = ‖g_T‖²/‖Ag_T‖²; x⁺ = H_k(x + μg).

    Where the support changed, μ ≤ (1 − c)‖x⁺ − x‖²/‖A(x⁺ − x)‖² must hold, else μ ← μ/(κ(1 − c)); c = .01, κ = 2.
    Source: Blumensath & Davies 2010.
    """

    patience = 50

    def __init__(self, A: LinearOperator, k: int) -> None:
        self.A, self.k = A, k

    def step(self, b: Tensor, x: Tensor, residual: Tensor) -> Tensor:
        g = self.A.rmv(residual)
        first = (x != 0).any(-1, keepdim=True)
        on = torch.where(torch.where(first, x != 0, keep_largest(g, self.k) != 0), g, 0)
        mu = _squares(on) / _squares(self.A.mv(on)).clamp(min=torch.finfo(residual.dtype).tiny)
        new = keep_largest(x + mu * g, self.k)
        for _ in range(_MOST_CUTS):
            change = new - x
            limit = (1 - _MARGIN) * _squares(change) / _squares(self.A.mv(change))
            cut = first & ((new != 0) != (x != 0)).any(-1, keepdim=True) & (mu > limit)
            if not bool(cut.any()):
                break
            mu = torch.where(cut, mu / (_SHRINK * (1 - _MARGIN)), mu)
            new = torch.where(cut, keep_largest(x + mu * g, self.k), new)
        return new


def _squares(x: Tensor) -> Tensor:
    return x.abs().square().sum(-1, keepdim=True)
