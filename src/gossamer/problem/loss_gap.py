"""The certificate of a penalised loss: a lower bound of its minimum, from the data and x alone, in float64.

No solver's code is used here, so that what a solver believes and what is true can differ visibly.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..linop.bounded_inverse import bounded_inverse
from ..linop.chosen import chosen_columns
from .gap import HAIR, Certificate
from .penalised_loss import PenalisedLoss

__all__ = ["loss_gap"]

LEVEL = 1e-10  # slope of what is not penalised that passes for rounding, as a share of the terms that cancel in it
ROUNDING = 1e-14  # at which there is nothing left to fit
STEPS = 50  # of Newton on what is not penalised, which takes about five
SHORTEST = 1e-12  # of a step's halvings


def loss_gap(problem: PenalisedLoss, x: Tensor, intercept: Tensor | None = None) -> Certificate:
    """Bound how far P(x, c) = f(Ax + c) + Ω(x) is above its minimum.

    With u = ∇f(z), Ω = Ω₀ + (μ/2)‖·‖² and v = −A'u − μx, any s in [0, 1] for which Ω₀*(s·v) is finite gives

        min P ≥ D = −f*(s·u) − ½s²μ‖x‖² − Ω₀*(s·v)

    where Σu = 0 if there is an intercept and v_j = 0 where Ω₀ does not reach. The dual point is therefore that of x
    with the intercept and those entries fitted to the rest; where they cannot be fitted (a class that they separate
    has no finite fit) the gap is infinite.

    Args: x (rows, n), c `intercept` (rows,), any real dtype: everything is computed in float64.
    Returns: a Certificate; its gap is relative to P(0, c₀), c₀ the constant that fits b best, and its residual is
        ‖∇f(z)‖₂ of each row, which is ‖Ax − b‖₂ for least squares.

    >>> from gossamer.linop import Dense
    >>> from gossamer.problem import LOSSES, PenalisedLoss
    >>> from gossamer.terms import L1
    >>> loss, one = LOSSES["logistic"](), torch.ones(2, dtype=torch.float64)
    >>> problem = PenalisedLoss(Dense(torch.eye(2)), loss.targets([0, 1], 2), loss, L1(0.1), one)
    >>> best = torch.tensor([[-9.0, 9.0]], dtype=torch.float64).abs().log() * torch.tensor([-1.0, 1.0])
    >>> bool(loss_gap(problem, best).gap < 1e-12), bool(loss_gap(problem, 1.01 * best).gap > 1e-6)
    (True, True)
    """
    x = x.double()
    c = torch.zeros(len(x), dtype=torch.float64, device=x.device) if intercept is None else intercept.double()
    loss, b, w = problem.loss, problem.b, problem.weights
    z = problem.predictor(x, c)
    residual = torch.linalg.vector_norm(loss.gradient(z, b, w), dim=-1)
    objective = problem.total_loss(z) + problem.total_penalty(x)
    point, z, fitted = _with_free_fitted(problem, x, z)
    bound = torch.where(fitted, _dual(problem, point, z), -torch.inf)
    at_zero = problem.at_zero
    gap = (objective - bound).clamp(min=0) / torch.where(at_zero > 0, at_zero, 1.0)
    return Certificate(objective, gap.nan_to_num(nan=torch.inf, posinf=torch.inf), residual)


def _dual(problem: PenalisedLoss, x: Tensor, z: Tensor) -> Tensor:
    """D at the gradient of z, drawn toward 0 until Ω₀* is finite."""
    loss, b, w = problem.loss, problem.b, problem.weights
    ridge, rest = problem.penalty.ridge, problem.penalty.without_ridge()
    slope = -problem.wide.rmv(loss.gradient(z, b, w)) - ridge * x
    if rest.free is not None:
        slope = torch.where(rest.free, 0.0, slope)
    event, together = problem.event_ndim, problem.event_ndim - problem.penalty.event_ndim
    scale = rest.dual_scale(slope)
    scale = (scale.amin(-1) if together else scale) * (1 - HAIR)
    whole = scale[(..., *[None] * event)]
    for_loss = scale.unsqueeze(-1).expand(len(z)) if event > loss.event_ndim else scale
    conjugate = loss.conjugate(z, b, w, for_loss)
    conjugate = conjugate.sum(-1) if event > loss.event_ndim else conjugate
    penalty = rest.conjugate(whole * slope)
    penalty = penalty.sum(-1) if together else penalty
    return -conjugate - 0.5 * ridge * ((whole * x) ** 2).sum(tuple(range(-event, 0))) - penalty


def _with_free_fitted(problem: PenalisedLoss, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x and z with the intercept and the free entries fitted to the rest, and whether each problem could be."""
    free = problem.penalty.without_ridge().free
    n = problem.A.shape[1]
    where = torch.empty(0, dtype=torch.int64, device=x.device)
    if free is not None:
        where = free.to(x.device).expand(n).nonzero()[:, 0]
    if problem.intercept:
        where = torch.cat([where, where.new_tensor([n])])
    together = problem.event_ndim == 2
    if not len(where):
        return x, z, torch.ones((), dtype=torch.bool, device=x.device)
    point, fitted = torch.cat([x, torch.zeros_like(x[:, :1])], 1), []
    z = z.clone()
    for some in [slice(None)] if together else [slice(row, row + 1) for row in range(len(x))]:
        fitted.append(_newton(problem, point[some], z[some], problem.b[some], where))
    done = torch.tensor(fitted, device=x.device)
    return point[:, :n], z, done[0] if together else done


def _newton(problem: PenalisedLoss, point: Tensor, z: Tensor, b: Tensor, where: Tensor) -> bool:
    """Moves the entries `where` of one problem's rows (in place) to their fit; False where their slope stays."""
    loss, w, rows, ridge = problem.loss, problem.weights, len(point), problem.penalty.ridge
    columns, place = where.repeat(rows), torch.arange(rows, device=z.device).repeat_interleave(len(where))
    chosen = chosen_columns(problem.wide, columns, place, rows)
    heavy = ridge * (columns < problem.A.shape[1]).double()
    t = point[place, columns]

    def value(z: Tensor, t: Tensor) -> Tensor:
        return loss.value(z, b, w).sum() + 0.5 * (heavy * t * t).sum()

    sizes, ok = chosen.dense().abs(), False
    for _ in range(STEPS):
        gradient = loss.gradient(z, b, w)
        slope = chosen.rmv(gradient) + heavy * t
        terms = (sizes.mT * gradient[place].abs()).sum(-1) + (heavy * t).abs()
        ok = bool((slope.abs() <= LEVEL * terms).all())
        if bool((slope.abs() <= ROUNDING * terms).all()):
            break
        hessian = loss.gram(chosen, z, b, w) + torch.diag(heavy)
        step = -bounded_inverse(hessian) @ slope
        shift, length, before = chosen.mv(step), 1.0, value(z, t)
        while length > SHORTEST:
            there, then = z + length * shift, t + length * step
            if bool(value(there, then) <= before * (1 + 1e-14)):
                break
            # At the end the value is all rounding (a Poisson loss is a difference of large numbers); the slope is not.
            left = chosen.rmv(loss.gradient(there, b, w)) + heavy * then
            if bool(torch.linalg.vector_norm(left) <= 0.5 * torch.linalg.vector_norm(slope)):
                break
            length /= 2
        if length <= SHORTEST:
            break
        t += length * step
        z += length * shift
    point[place, columns] = t
    return ok
