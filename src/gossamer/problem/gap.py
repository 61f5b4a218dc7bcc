"""The certificate of a convex problem: a lower bound of its minimum, from the data and x alone, in float64.

No solver's code is used here, so that what a solver believes and what is true can differ visibly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..linop import LinearOperator
from ..terms import Penalty
from .dual_cone import DualCone
from .least_squares import widened, widened_entries

__all__ = ["HAIR", "Certificate", "duality_gap", "pursuit_gap"]

TOGETHER = 1 << 16  # entries of x judged at once: what is computed from them stays in the cache
LEAST_ROWS = 64  # and rows at least, so that a product with A reads it for many
HAIR = 1e-13  # a dual point is drawn inside by this much, so that rounding cannot carry it over the edge


@dataclass(frozen=True, eq=False)
class Certificate:
    """What x is worth, for each problem, float64.

    Args:
        objective: P(x).
        gap: P(x) minus a lower bound of the minimum, divided by P(0); the true error is never above it.
        residual: ‖Ax − b‖₂ of each signal.
        slope: A'(b − Ax) − μx, for a solver that goes on from x; None where the penalty leaves entries free.
    """

    objective: Tensor
    gap: Tensor
    residual: Tensor
    slope: Tensor | None = None


def duality_gap(A: LinearOperator, b: Tensor, penalty: Penalty, x: Tensor, cone: DualCone | None = None) -> Certificate:
    """Bound how far P(x) = ½‖Ax − b‖² + Ω(x) is above its minimum.

    With r = b − Ax, Ω = Ω₀ + (μ/2)‖·‖² and c = A'r − μx, any s for which Ω₀*(s·c) is finite gives

        min P ≥ D = ½‖b‖² − ½‖b − s·r‖² − ½s²μ‖x‖² − Ω₀*(s·c),

    and with μ > 0 also ½‖b‖² − ½‖b − r‖² − Ω*(A'r), whose loss is of second order in what violates; the better counts.
    Entries that Ω₀ does not touch need c = 0: the dual point is that of x with those entries fitted to the rest.
    Entries that it bounds on one side alone need c ≤ 0 there: `DualCone` moves the residual to where that holds.

    Args: A (m, n); b (*b, m); x (*b, n); any real dtype: everything is computed in float64. cone: `DualCone.under` this
        A and penalty, from those who ask for one problem's gap in parts; else it is computed here.
    Returns: a Certificate of shape *b (less the tasks of a multi-task penalty); b = 0 has P(0) = 0 and is not divided.
    Source: Massias, Gramfort and Salmon 2018 (rescaled residuals); FISTA's and coordinate descent's common gap.

    >>> from gossamer.linop import Dense
    >>> from gossamer.terms import L1
    >>> A, b = Dense(torch.eye(2)), torch.tensor([3.0, 0.5])
    >>> float(duality_gap(A, b, L1(1.0), torch.tensor([2.0, 0.0])).gap) < 1e-12
    True
    """
    A = widened(A)
    cone = DualCone.under(A, penalty) if cone is None else cone
    rows = max(LEAST_ROWS, TOGETHER // max(x.shape[-1], 1))
    if penalty.event_ndim > 1 or x.ndim != 2 or b.ndim != 2 or len(x) <= rows:
        found = _judged(A, b, penalty, x, cone)
        return found if cone is None else replace(found, slope=None)  # it is another point's
    pieces = zip(b.split(rows), x.split(rows), strict=True)
    parts = [_judged(A, targets, penalty, some, cone) for targets, some in pieces]
    fields = [torch.cat([getattr(part, name) for part in parts]) for name in ("objective", "gap", "residual")]
    return Certificate(*fields)


def _judged(A: LinearOperator, b: Tensor, penalty: Penalty, x: Tensor, cone: DualCone | None) -> Certificate:
    b, x = b.double(), x.double()
    event, ridge, rest = penalty.event_ndim, penalty.ridge, penalty.without_ridge()
    residual = b - A.mv(x)
    objective = _total(0.5 * residual * residual, event) + penalty.value(x)
    point, left = x, residual
    if rest.free is not None:
        point = _fitted(A, rest.free, ridge, x, residual)
        left = b - A.mv(point)
    pull = A.rmv(left)
    if cone is not None:
        left = cone.inside(A, left)
        pull = cone.clean(A.rmv(left))
    slope = pull - ridge * point if ridge else pull
    if rest.free is not None:
        slope = torch.where(rest.free, 0.0, slope)
    bound = torch.full_like(objective, -torch.inf)
    if not ridge or rest.half_free is None:
        scale = (rest.dual_scale(slope) * (1 - HAIR))[(..., *[None] * event)]
        bound = _explained(b, scale * left, event) - rest.conjugate(scale * slope)
        if ridge:
            bound = bound - 0.5 * ridge * _total((scale * point) ** 2, event)
    if ridge:  # which makes Ω* finite everywhere, so that the residual is dual as it is
        bound = torch.maximum(bound, _explained(b, left, event) - penalty.conjugate(pull))
    at_zero = 0.5 * _total(b * b, event)
    gap = (objective - bound).clamp(min=0) / torch.where(at_zero > 0, at_zero, 1.0)
    norm = torch.linalg.vector_norm(residual, dim=-1)
    return Certificate(objective, gap, norm, slope if rest.free is None else None)


def _explained(b: Tensor, dual: Tensor, event: int) -> Tensor:
    """½‖b‖² − ½‖b − y‖², what a dual point y claims of the objective at zero."""
    return 0.5 * _total(b * b - (b - dual) ** 2, event)


def _fitted(A: LinearOperator, free: Tensor, ridge: float, x: Tensor, residual: Tensor) -> Tensor:
    """x with its free entries moved to the least-squares fit of what the others leave."""
    where = free.expand(x.shape[-1]).nonzero()[:, 0]
    columns = A.columns(where)
    if ridge:
        rows = torch.eye(len(where), dtype=torch.float64, device=x.device) * ridge**0.5
        columns = torch.cat([columns, rows])
        residual = torch.cat([residual, -(ridge**0.5) * x[..., where]], -1)
    move = torch.linalg.pinv(columns, rtol=1e-12) @ residual.unsqueeze(-1)
    point = x.clone()
    point[..., where] += move.squeeze(-1)
    return point


def pursuit_gap(A: LinearOperator, b: Tensor, x: Tensor, dual: Tensor, epsilon: Tensor) -> Certificate:
    """Bound how far ‖x‖₁ is above min ‖x‖₁ s.t. ‖Ax − b‖ ≤ ε.

    Any y with ‖A'y‖_∞ ≤ 1 gives min ≥ b'y − ε‖y‖; `dual` is any y at all, and is scaled to be one.

    Complex data: b'y is the real part of bᴴy, and |·| the modulus.

    Args: A (m, n); b, dual (*b, m); x (*b, n); epsilon (*b), in the units of b.
    Returns: a Certificate whose objective is ‖x‖₁, with the gap relative to it (not divided where x = 0). A point
        outside the ball is judged by its residual, not here.

    >>> from gossamer.linop import Dense
    >>> A, b = Dense(torch.eye(2)), torch.tensor([3.0, 0.0])
    >>> float(pursuit_gap(A, b, b, torch.tensor([1.0, 0.0]), torch.tensor(0.0)).gap) < 1e-12
    True
    """
    A, b, x, dual = widened(A), *(widened_entries(part) for part in (b, x, dual))
    objective = x.abs().sum(-1)
    residual = torch.linalg.vector_norm(A.mv(x) - b, dim=-1)
    dual = dual / A.rmv(dual).abs().amax(-1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
    bound = (b.conj() * dual).sum(-1).real - epsilon.double() * torch.linalg.vector_norm(dual, dim=-1)
    gap = (objective - bound.clamp(min=0)).clamp(min=0) / torch.where(objective > 0, objective, 1.0)
    return Certificate(objective, gap, residual)


def _total(x: Tensor, event: int) -> Tensor:
    return x.sum(tuple(range(-event, 0)))
