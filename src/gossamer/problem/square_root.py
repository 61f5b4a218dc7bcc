"""The certificate of a residual norm with a penalty: the square-root Lasso."""

from __future__ import annotations

import torch
from torch import Tensor

from ..linop import LinearOperator
from ..terms import Penalty
from .gap import HAIR, Certificate
from .least_squares import widened

__all__ = ["square_root_gap"]


def square_root_gap(A: LinearOperator, b: Tensor, penalty: Penalty, x: Tensor) -> Certificate:
    """Bound how far P(x) = ‖Ax − b‖₂ + Ω(x) is above its minimum.

    Any u with ‖u‖₂ ≤ 1 gives min P ≥ b'u − Ω*(A'u); u is the residual b − Ax, shortened until both are finite. An x
    that explains b exactly gives no u, and no bound.

    Args: A (m, n); b (*b, m); x (*b, n); any real dtype: everything is computed in float64. Ω has neither a ridge nor
        free entries.
    Returns: a Certificate whose gap is relative to P(0) = ‖b‖₂ (not divided where b = 0).

    >>> from gossamer.linop import Dense
    >>> from gossamer.terms import L1
    >>> A, b = Dense(torch.eye(2)), torch.tensor([3.0, 4.0])
    >>> float(square_root_gap(A, b, L1(0.9), torch.zeros(2)).gap) < 1e-12
    True
    """
    A, b, x = widened(A), b.double(), x.double()
    residual = b - A.mv(x)
    length = torch.linalg.vector_norm(residual, dim=-1)
    objective = length + penalty.value(x)
    u = residual / torch.where(length > 0, length, 1.0)[..., None]
    slope = A.rmv(u)
    scale = penalty.dual_scale(slope) * (1 - HAIR)
    bound = scale * (b * u).sum(-1) - penalty.conjugate(scale[..., None] * slope)
    at_zero = torch.linalg.vector_norm(b, dim=-1)
    gap = (objective - bound.clamp(min=0)).clamp(min=0) / torch.where(at_zero > 0, at_zero, 1.0)
    return Certificate(objective, gap, length)
