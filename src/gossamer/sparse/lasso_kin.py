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
from ..solvers import FISTA, Recovery, SquareRoot
from ..terms import L1, L1Ball
from .checks import check_gap
from .convex import elastic_net, lasso
from .regression_data import RegressionData

__all__ = ["adaptive_lasso", "lasso_constrained", "relaxed_lasso", "square_root_lasso"]

CHANCE = 0.05  # that the default penalty of the square-root Lasso lets noise alone in
MARGIN = 1.1  # by which that penalty exceeds what noise reaches
FLOOR = 1e-3  # of a pilot's largest |x|: below it the weight rises no more, so that a column may come back


def lasso_constrained(
    A: Any,
    b: Any,
    radius: float,
    *,
    tol: float = 1e-6,
    intercept: bool = False,
    sample_weights: Any = None,
    x0: Tensor | None = None,
) -> Recovery:
    """Fit b within a budget of absolute values.

        min_{x, c} ½ Σ_i s_i (a_i'x + c − b_i)² s.t. ‖x‖₁ ≤ radius

    Each budget has the solution of some penalty, `lasso`; which one depends on the data.

    Args: as for `lasso`; radius > 0.
    Returns: a Recovery; x meets the budget but for rounding.

    >>> lasso_constrained(torch.eye(3), torch.tensor([3.0, 0.5, -2.0]), 3.0).x.round(decimals=3) + 0.0
    tensor([ 2.,  0., -1.])
    """
    data = RegressionData.of(A, b, intercept=intercept, sample_weights=sample_weights)
    return data.answer(FISTA(tol=check_gap(tol)).solve(LeastSquares(data.A, data.b, L1Ball(radius)), data.start(x0)))


def square_root_lasso(
    A: Any,
    b: Any,
    penalty: float | None = None,
    *,
    tol: float = 1e-6,
    weights: Any = None,
    intercept: bool = False,
    x0: Tensor | None = None,
) -> Recovery:
    """Fit b by few columns, with a penalty that need not know the noise.

        min_{x, c} ‖Ax + c − b‖₂ + penalty·Σ_j w_j|x_j|

    Noise of any size reaches max_j |a_j'ε|/(‖a_j‖‖ε‖) ≈ Φ⁻¹(1 − α/2n)/√m in the gradient at the truth, so a penalty a
    little above that keeps out what is noise with probability 1 − α.

    Args: as for `lasso`; A on the CPU. penalty: ≥ 0; None takes 1.1·Φ⁻¹(1 − 0.05/2n)/√m, and the columns' norms as
        weights unless some are given. weights: w (n,) > 0.
    Returns: a Recovery; `gap` is relative to ‖b‖. So small a penalty that b is explained exactly gives the solution of
        `basis_pursuit`, up to a residual of tol·‖b‖.
    Source: Belloni, Chernozhukov and Wang 2011, with columns of norm 1 in place of √m.

    >>> square_root_lasso(torch.eye(3), torch.tensor([4.0, 0.0, 3.0]), 0.75).x.round(decimals=3)
    tensor([0.5980, 0.0000, 0.0000])
    """
    data = RegressionData.of(A, b, intercept=intercept)
    factors = None if weights is None else torch.as_tensor(weights)
    m, n = data.A.shape
    if penalty is None:
        penalty = MARGIN * NormalDist().inv_cdf(1 - CHANCE / (2 * n)) / m**0.5
        if factors is None:
            norms = data.A.column_norms()
            factors = torch.where(data.blank, norms.max(), norms)
    problem = LeastSquares(data.A, data.b, L1(penalty, factors))
    return data.answer(SquareRoot(tol=check_gap(tol)).solve(problem, data.start(x0)))


def adaptive_lasso(
    A: Any,
    b: Any,
    penalty: float,
    *,
    pilot: str | Tensor = "lasso",
    pilot_penalty: float | None = None,
    gamma: float = 1.0,
    tol: float = 1e-6,
    nonnegative: bool = False,
    intercept: bool = False,
    sample_weights: Any = None,
    solver: str | None = None,
) -> Recovery:
    """The Lasso with weights from a first fit: what that found large is shrunk less, what it found small more.

        min_x ½‖Ax − b‖² + penalty·Σ_j w_j|x_j|,  w_j = 1/max(|x̂_j|, 0.001·max|x̂|)^gamma

    Args: as for `lasso`. pilot: "lasso", "ridge", or x̂ itself (n,) or (signals, n); pilot_penalty: of the pilot;
        default `penalty` for the Lasso, the mean square norm of the columns for the ridge. gamma > 0.
    Returns: a Recovery; the gap is that of the weighted problem.
    Raises: DataError where the pilot is zero: then it tells nothing, so lower its penalty.
    Source: Zou 2006; the floor is a difference, which keeps columns that the pilot dropped from being out for good.

    >>> adaptive_lasso(torch.eye(3), torch.tensor([4.0, 1.2, 0.0]), 1.0).x.round(decimals=3)
    tensor([3.6670, 0.0000, 0.0000])
    """
    if not gamma > 0:
        raise StructureError(f"gamma is {gamma}; give a power > 0, usually 0.5, 1 or 2")
    options: dict[str, Any] = {"intercept": intercept, "sample_weights": sample_weights}
    first = _pilot(A, b, penalty, pilot, pilot_penalty, options)
    signals = first.reshape(-1, first.shape[-1])
    if bool((signals == 0).all(-1).any()):
        raise DataError("the pilot is zero, so it gives no weights; lower pilot_penalty, or give pilot='ridge'")
    size = signals.abs()
    weights = torch.maximum(size, FLOOR * size.amax(-1, keepdim=True)) ** -gamma
    targets = as_signals(b, first.dtype)
    options |= {"nonnegative": nonnegative, "solver": solver, "tol": tol}
    if targets.ndim == 1:
        return lasso(A, targets, penalty, weights=weights[0], **options)
    found = [lasso(A, row, penalty, weights=w, **options) for row, w in zip(targets, weights, strict=True)]
    return Recovery.stacked(found)


def relaxed_lasso(
    A: Any,
    b: Any,
    penalty: float,
    *,
    blend: float = 0.0,
    tol: float = 1e-6,
    weights: Any = None,
    intercept: bool = False,
    sample_weights: Any = None,
    solver: str | None = None,
    x0: Tensor | None = None,
) -> Recovery:
    """The Lasso's support, with the shrinkage of its values taken back in part or whole.

        x = blend·x̂ + (1 − blend)·argmin {½‖Az − b‖² : z = 0 where x̂ = 0},  x̂ the Lasso's solution

    Args: as for `lasso`; blend from 0 (least squares on the support) to 1 (the Lasso itself).
    Returns: a Recovery; `gap` and `status` are of x̂, from which the support is, `residual` and `objective` (½‖Ax − b‖²,
        weighted) of x. Where columns of the support depend on each other, z has the least norm.
    Source: Meinshausen 2007, in the simple form of Hastie, Tibshirani and Tibshirani 2020.

    >>> relaxed_lasso(torch.eye(3), torch.tensor([3.0, 0.5, -2.0]), 1.0, blend=0.5).x
    tensor([ 2.5000,  0.0000, -1.5000])
    """
    if not 0 <= blend <= 1:
        raise StructureError(f"blend is {blend}; give the Lasso's share, from 0 to 1")
    data = RegressionData.of(A, b, intercept=intercept, sample_weights=sample_weights)
    options: dict[str, Any] = {"intercept": intercept, "sample_weights": sample_weights, "solver": solver, "x0": x0}
    found = lasso(A, b, penalty, weights=weights, tol=tol, **options)
    hat = found.x.reshape(len(data.b), -1).double()
    x = torch.stack([_refitted(data, row, hat[row], blend) for row in range(len(hat))])
    problem = LeastSquares(data.A, data.b, L1(0.0))
    residual = torch.linalg.vector_norm(problem.wide.mv(x) - data.b.double(), dim=-1)
    one = found if not data.single else Recovery.stacked([found])
    mine = replace(one, x=x.to(data.b.dtype), residual=residual, objective=0.5 * residual**2, intercept=None)
    return data.answer(mine)


def _refitted(data: RegressionData, row: int, hat: Tensor, blend: float) -> Tensor:
    where = hat.nonzero()[:, 0]
    columns = data.A.columns(where).double()
    free = torch.linalg.lstsq(columns.cpu(), data.b[row].double().cpu()[:, None], driver="gelsd").solution[:, 0]
    x = blend * hat
    x[where] += (1 - blend) * free.to(x)
    return x


def _pilot(
    A: Any, b: Any, penalty: float, pilot: str | Tensor, strength: float | None, options: dict[str, Any]
) -> Tensor:
    if isinstance(pilot, Tensor):
        return pilot
    if pilot == "lasso":
        return lasso(A, b, penalty if strength is None else strength, **options).x
    if pilot == "ridge":
        if strength is None:
            strength = float((RegressionData.of(A, b, **options).A.column_norms() ** 2).mean())
        return elastic_net(A, b, 0.0, strength, solver="fista", **options).x
    raise StructureError(f"no pilot {pilot!r}; give 'lasso', 'ridge' or the coefficients themselves")
