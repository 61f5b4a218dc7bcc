"""The Lasso's kin: by a budget, without knowing the noise, reweighted, and with its shrinkage taken back."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError, StructureError
from ..linop import as_signals
from ..problem import LeastSquares
from ..problem.least_squares import widened
from ..solvers import FISTA, Ending, Recovery, SquareRoot
from ..solvers.implicit import attach_budget, attach_fit, attach_square_root
from ..solvers.restricted import RestrictedFit
from ..terms import L1, L1Ball
from .checks import check_gap, within
from .convex import lasso
from .regression_data import RegressionData
from .ridge import ridge
from .strengths import as_strength, as_weights, held

__all__ = ["adaptive_lasso", "lasso_constrained", "relaxed_lasso", "square_root_lasso"]

CHANCE = 0.05  # that the default penalty of the square-root Lasso lets noise alone in
MARGIN = 1.1  # by which that penalty exceeds what noise reaches
FLOOR = 1e-3  # of a pilot's largest |x|: below it the weight rises no more, so that a column may come back


def lasso_constrained(
    A: Any,
    b: Any,
    radius: float | Tensor,
    *,
    tol: float = 1e-6,
    intercept: bool = False,
    sample_weights: Any = None,
    x0: Tensor | None = None,
    max_steps: int | None = None,
) -> Recovery:
    """Fit b within a budget of absolute values.

        min_{x, c} ½ Σ_i s_i (a_i'x + c − b_i)² s.t. ‖x‖₁ ≤ radius

    Each budget has the solution of some penalty, `lasso`; which one depends on the data.

    Args: as for `lasso`; radius > 0, a number or a tensor of shape ().
    Returns: a Recovery; x meets the budget but for rounding, and takes part in autograd as that of `lasso` does: it
        is differentiated as the Lasso's, whose penalty moves so that ‖x‖₁ stays the budget.

    >>> lasso_constrained(torch.eye(3), torch.tensor([3.0, 0.5, -2.0]), 3.0).x.round(decimals=3) + 0.0
    tensor([ 2.,  0., -1.])
    """
    data = RegressionData.of(A, b, intercept=intercept, sample_weights=sample_weights)
    budget, solver = as_strength("radius", radius, data.b), within(FISTA(tol=check_gap(tol)), max_steps)
    found = solver.solve(LeastSquares(data.A, data.b, L1Ball(held(budget))), data.start(x0))
    if (at := data.seen(budget)) is not None:
        found = attach_budget(at.A, at.b, budget, found)
    return data.answer(found)


def square_root_lasso(
    A: Any,
    b: Any,
    penalty: float | Tensor | None = None,
    *,
    tol: float = 1e-6,
    weights: Any = None,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    x0: Tensor | None = None,
    max_steps: int | None = None,
) -> Recovery:
    """Fit b by few columns, with a penalty that need not know the noise.

        min_{x, c} √(Σ_i s_i (a_i'x + c − b_i)²) + penalty·Σ_j w_j|x_j|

    Noise of any size reaches max_j |a_j'ε|/(‖a_j‖‖ε‖) ≈ Φ⁻¹(1 − α/2n)/√m in the gradient at the truth, so a penalty a
    little above that keeps out what is noise with probability 1 − α. With sample weights s this holds of noise whose
    variance in sample i is proportional to 1/s_i, and ‖a_j‖² is Σ_i s_i a_ij².

    Args: as for `lasso`; A on the CPU. penalty: ≥ 0; None takes 1.1·Φ⁻¹(1 − 0.05/2n)/√m, and the columns' norms as
        weights unless some are given. weights: w (n,) > 0. max_steps: Lassos that are solved, at most.
    Returns: a Recovery; `gap` is relative to ‖b‖. So small a penalty that b is explained exactly gives the solution of
        `basis_pursuit`, up to a residual of tol·‖b‖. x takes part in autograd as that of `lasso` does: it is the
        Lasso's at penalty·‖Ax − b‖, which moves with the data. Where b is explained exactly `differentiable` is False.
    Source: Belloni, Chernozhukov and Wang 2011, with columns of norm 1 in place of √m.

    >>> square_root_lasso(torch.eye(3), torch.tensor([4.0, 0.0, 3.0]), 0.75).x.round(decimals=3)
    tensor([0.5980, 0.0000, 0.0000])
    """
    data = RegressionData.of(A, b, intercept=intercept, sample_weights=sample_weights, standardise=standardise)
    factors, (m, n) = as_weights(weights), data.A.shape
    if penalty is None:
        penalty = MARGIN * NormalDist().inv_cdf(1 - CHANCE / (2 * n)) / m**0.5
        if factors is None:
            norms = (data.traced or data).A.column_norms()
            factors = torch.where(data.blank, norms.max(), norms)
    strength, solver = as_strength("penalty", penalty, data.b), within(SquareRoot(tol=check_gap(tol)), max_steps)
    found = solver.solve(LeastSquares(data.A, data.b, L1(held(strength), held(factors))), data.start(x0))
    if (at := data.seen(strength, factors)) is not None:
        found = attach_square_root(at.A, at.b, strength, factors, found)
    return data.answer(found)


def adaptive_lasso(
    A: Any,
    b: Any,
    penalty: float | Tensor,
    *,
    pilot: str | Tensor = "lasso",
    pilot_penalty: float | Tensor | None = None,
    gamma: float = 1.0,
    tol: float = 1e-6,
    nonnegative: bool = False,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    solver: str | None = None,
    max_steps: int | None = None,
) -> Recovery:
    """The Lasso with weights from a first fit: what that found large is shrunk less, what it found small more.

        min_x ½‖Ax − b‖² + penalty·Σ_j w_j|x_j|,  w_j = 1/max(|x̂_j|, 0.001·max|x̂|)^gamma

    Args: as for `lasso`. pilot: "lasso", "ridge", or x̂ itself (n,) or (signals, n); pilot_penalty: of the pilot;
        default `penalty` for the Lasso, the mean square norm of the columns for the ridge, where 0 is least squares
        of least norm. gamma > 0. standardise: for the pilot too, and w is of x̂ in those units; an x̂ that is given is
        in the units of A. solver, max_steps: of the weighted problem.
    Returns: a Recovery; the gap is that of the weighted problem. x takes part in autograd as that of `lasso` does, and
        the weights with it, through the pilot; give x̂ detached to hold them.
    Raises: DataError where the pilot is zero: then it tells nothing, so lower its penalty.
    Source: Zou 2006; the floor is a difference, which keeps columns that the pilot dropped from being out for good.

    >>> adaptive_lasso(torch.eye(3), torch.tensor([4.0, 1.2, 0.0]), 1.0).x.round(decimals=3)
    tensor([3.6670, 0.0000, 0.0000])
    """
    if not gamma > 0:
        raise StructureError(f"gamma is {gamma}; give a power > 0, usually 0.5, 1 or 2")
    options: dict[str, Any] = {"intercept": intercept, "standardise": standardise, "sample_weights": sample_weights}
    data = RegressionData.of(A, b, **options)
    options |= {"tol": tol}
    own = penalty if isinstance(pilot, str) and pilot == "lasso" else None
    first, certain = _pilot(A, b, data, pilot, own if pilot_penalty is None else pilot_penalty, options)
    size = first.expand(len(data.b), -1).abs()
    if bool((size == 0).all(-1).any()):
        raise DataError("the pilot is zero, so it gives no weights; lower pilot_penalty, or give pilot='ridge'")
    scale = (data.traced or data).scale
    size = size if scale is None else size * scale
    weights = torch.maximum(size, FLOOR * size.amax(-1, keepdim=True)) ** -gamma
    options |= {"nonnegative": nonnegative, "solver": solver, "max_steps": max_steps}
    rows = as_signals(b, data.A.dtype).reshape(len(data.b), -1)
    each = [lasso(A, row, penalty, weights=w, **options) for row, w in zip(rows, weights, strict=True)]
    found = each[0] if data.single else Recovery.stacked(each)
    return replace(found, differentiable=_both(found.differentiable, certain))


def relaxed_lasso(
    A: Any,
    b: Any,
    penalty: float | Tensor,
    *,
    blend: float | Tensor = 0.0,
    tol: float = 1e-6,
    weights: Any = None,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    solver: str | None = None,
    x0: Tensor | None = None,
    max_steps: int | None = None,
) -> Recovery:
    """The Lasso's support, with the shrinkage of its values taken back in part or whole.

        x = blend·x̂ + (1 − blend)·argmin {½‖Az − b‖² : z = 0 where x̂ = 0},  x̂ the Lasso's solution

    Args: as for `lasso`; blend from 0 (least squares on the support) to 1 (the Lasso itself).
    Returns: a Recovery; `gap` and `status` are of x̂, from which the support is, `residual` and `objective` (½‖Ax − b‖²,
        weighted) of x. Where columns of the support depend on each other, z has the least norm. x takes part in
        autograd as that of `lasso` does, in `blend` too: both x̂ and z do, with the support held.
    Source: Meinshausen 2007, in the simple form of Hastie, Tibshirani and Tibshirani 2020.

    >>> relaxed_lasso(torch.eye(3), torch.tensor([3.0, 0.5, -2.0]), 1.0, blend=0.5).x
    tensor([ 2.5000,  0.0000, -1.5000])
    """
    options: dict[str, Any] = {"intercept": intercept, "standardise": standardise, "sample_weights": sample_weights}
    data = RegressionData.of(A, b, **options)
    share = as_strength("blend", blend, data.b)
    if not 0 <= share <= 1:
        raise StructureError(f"blend is {held(share)}; give the Lasso's share, from 0 to 1")
    hat = lasso(A, b, penalty, weights=weights, tol=tol, solver=solver, x0=x0, max_steps=max_steps, **options)
    shrunk, scale = hat.x.reshape(len(data.b), -1).double(), (data.traced or data).scale
    shrunk = shrunk if scale is None else shrunk * scale
    free = _fitted(data, shrunk != 0)
    x = (share * shrunk + (1 - share) * free.x).to(data.b.dtype)
    residual = torch.linalg.vector_norm(widened(data.A).mv(x.detach().double()) - data.b.double(), dim=-1)
    found = Recovery.stacked([hat]) if data.single else hat
    certain = _both(found.differentiable, free.differentiable)
    mine = replace(found, x=x, residual=residual, objective=0.5 * residual**2, intercept=None)
    return data.answer(replace(mine, differentiable=certain))


def _fitted(data: RegressionData, support: Tensor) -> Recovery:
    """Least squares on the support of each row, of least norm where that does not decide it; in float64.

    In the user's graph where the data are in one.
    """
    A, b = widened(data.A), data.b.double()
    fit = RestrictedFit(A, once=True)
    x = fit(b, support)
    x = x + fit(b - A.mv(x), support)  # normal equations lose half of the digits: fitting what is left brings them back
    residual = torch.linalg.vector_norm(A.mv(x) - b, dim=-1)
    ending = torch.full_like(residual, Ending.CONVERGED, dtype=torch.int8)
    found = Recovery(x, ending, residual, torch.ones_like(ending, dtype=torch.int64))
    return found if data.traced is None else attach_fit(data.traced.A, data.traced.b, found)


def _pilot(
    A: Any, b: Any, data: RegressionData, pilot: str | Tensor, strength: Any, options: dict[str, Any]
) -> tuple[Tensor, Tensor | None]:
    """x̂, and whether it has one derivative; None where autograd asks for none.

    Args: data: of A and b with these options; strength: of the pilot's penalty, None for the ridge's own.
    """
    if isinstance(pilot, Tensor):
        shapes = (data.A.shape[1],), (len(data.b), data.A.shape[1])
        if tuple(pilot.shape) not in shapes:
            raise DataError(f"pilot has shape {tuple(pilot.shape)}; give {shapes[0]} or {shapes[1]}")
        return pilot, None
    if pilot not in ("lasso", "ridge"):
        raise StructureError(f"no pilot {pilot!r}; give 'lasso', 'ridge' or the coefficients themselves")
    if strength is None:
        strength = ((data.traced or data).A.column_norms() ** 2).mean()
    if pilot == "lasso":
        found = lasso(A, b, strength, **options)
    elif strength == 0:
        everywhere = torch.ones(len(data.b), data.A.shape[1], dtype=torch.bool, device=data.b.device)
        least = _fitted(data, everywhere)
        found = data.answer(replace(least, x=least.x.to(data.b.dtype)))
    else:
        found = ridge(A, b, strength, **options)
    return found.x, found.differentiable


def _both(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Whether two parts of an answer have one derivative; a part that autograd asks nothing of (None) has."""
    if first is None or second is None:
        return second if first is None else first
    return first & second
