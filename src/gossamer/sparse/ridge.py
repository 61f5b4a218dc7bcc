"""Ridge regression: least squares with squares for a penalty, many targets at once."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError, StructureError
from ..linop import LinearOperator
from ..problem.least_squares import widened
from ..solvers import Ending, Recovery
from ..solvers.implicit import as_solution
from .checks import check_gap
from .regression_data import RegressionData
from .strengths import as_strength, as_weights, held, weighted

__all__ = ["ridge"]

DENSE = 1 << 26  # entries of A up to which the smaller Gram matrix is formed; larger operators are multiplied only
POLISH = 3  # rounds of refinement: each takes the error of the factor times the condition off
MOST = 10_000  # conjugate gradient steps
FINE = 1e-12  # of a gradient's norm: what may be left of the equation of a derivative


def ridge(
    A: Any,
    b: Any,
    penalty: float | Tensor,
    *,
    weights: Any = None,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    tol: float = 1e-6,
) -> Recovery:
    """Fit b by all columns of A, shrunk.

        min_x ½ Σ_i s_i (a_i'x + c − b_i)² + (penalty/2)·Σ_j w_j x_j²

    scikit-learn's Ridge(alpha) is penalty = alpha: there is no 1/m in either.

    Args:
        A, b, intercept, standardise, sample_weights: as for `lasso`.
        penalty: > 0, a number or a tensor of shape (). weights: w (n,) > 0, default ones.
        tol: of the gap relative to the objective at x = 0, in float64, as for `lasso`. With g the gradient in the units
            where all w are 1, the objective is above its minimum by at most ½‖g‖²/penalty: that is the gap. Where a
            Cholesky factor serves, x is as right as float64 allows whatever tol is.
    Returns: a Recovery; `gap` is what the gradient of x says, and `status` whether it is below tol. x takes part in
        autograd as that of `lasso` does, and its derivative is unique everywhere.
    Raises: DataError on shapes, types, NaN; StructureError on a penalty or weights that are not above 0.
    Source: the smaller of the two Gram matrices, (A'A + λ)⁻¹A' = A'(AA' + λ)⁻¹, by Cholesky with refinement; conjugate
        gradients (Hestenes and Stiefel 1952) where A is too large or an operator's columns are not at hand.

    >>> ridge(torch.eye(2), torch.tensor([3.0, -1.0]), 1.0).x
    tensor([ 1.5000, -0.5000])
    """
    check_gap(tol)
    data = RegressionData.of(A, b, intercept=intercept, sample_weights=sample_weights, standardise=standardise)
    level, factors = as_strength("penalty", penalty, data.b), as_weights(weights)
    strength = held(level)
    if not (isfinite(strength) and strength > 0):
        raise StructureError(f"penalty is {strength}; ridge needs a finite number > 0, or use lasso with penalty 0")
    design = widened(data.A)
    scale = _scale(held(factors), design)
    targets = data.b.double()
    correlation = design.rmv(targets) * scale
    if not bool(torch.isfinite(correlation).all()):
        raise DataError("A or b holds NaN or infinity (A'b is not finite); drop or fill those entries")
    goal = (tol * strength) ** 0.5 * torch.linalg.vector_norm(targets, dim=-1)
    z, steps = _solved(design, scale, correlation, strength, goal)
    found = _certified(design, targets, scale, strength, (z * scale).to(data.b.dtype), steps, tol)
    if (at := data.seen(level, factors)) is not None:
        found = _attached(at, design, scale, weighted(level, factors), strength, found)
    return data.answer(found)


def _attached(
    at: RegressionData, design: LinearOperator, scale: Tensor, levels: Tensor, penalty: float, found: Recovery
) -> Recovery:
    """A'(Ax − b) + λWx = 0 as autograd sees it; its Jacobian A'A + λW is what the solver inverts."""
    A, x = widened(at.A), found.x.double()
    equation = A.rmv(A.mv(x) - at.b.double()) + levels * x

    def turned(grad: Tensor) -> Tensor:
        right = grad.double() * scale
        goal = FINE * torch.linalg.vector_norm(right, dim=-1)
        return -_solved(design, scale, right, penalty, goal)[0] * scale

    x = as_solution(equation, found.x, turned)
    return replace(found, x=x, differentiable=torch.ones_like(found.ending, dtype=torch.bool))


def _scale(weights: Tensor | None, design: LinearOperator) -> Tensor:
    """1/√w: in x/scale every weight is 1."""
    n = design.shape[1]
    ones = torch.ones(n, dtype=torch.float64, device=design.device)
    if weights is None:
        return ones
    factors = weights.to(ones)
    if tuple(factors.shape) != (n,) or not bool(((factors > 0) & torch.isfinite(factors)).all()):
        raise StructureError(f"weights: give {n} finite numbers > 0, one for each column of A")
    return factors.rsqrt()


def _slope(A: LinearOperator, scale: Tensor, correlation: Tensor, penalty: float, z: Tensor) -> Tensor:
    """What is left of the normal equations, c − (S A'A S + λ)z."""
    return correlation - A.rmv(A.mv(z * scale)) * scale - penalty * z


def _solved(
    A: LinearOperator, scale: Tensor, correlation: Tensor, penalty: float, goal: Tensor
) -> tuple[Tensor, Tensor]:
    """z of (S A'A S + λ)z = c to a residual of `goal`, S = diag(scale), and the steps of each row."""
    small = A.shape[0] * A.shape[1] <= DENSE
    return (_factored if small else _conjugate)(A, scale, correlation, penalty, goal)


def _factored(
    A: LinearOperator, scale: Tensor, correlation: Tensor, penalty: float, goal: Tensor
) -> tuple[Tensor, Tensor]:
    m, n = A.shape
    matrix = A.dense() * scale
    gram = matrix.mT @ matrix if n <= m else matrix @ matrix.mT
    gram.diagonal().add_(penalty)
    factor, failed = torch.linalg.cholesky_ex(gram)
    if int(failed):  # a penalty far below the rounding of A'A
        return _conjugate(A, scale, correlation, penalty, goal)
    z, left = torch.zeros_like(correlation), correlation
    for _ in range(POLISH):
        if n <= m:
            z = z + torch.cholesky_solve(left.mT, factor).mT
        else:  # (M'M + λ)⁻¹v = (v − M'(MM' + λ)⁻¹Mv)/λ
            inner = torch.cholesky_solve(matrix @ left.mT, factor)
            z = z + (left - (matrix.mT @ inner).mT) / penalty
        left = _slope(A, scale, correlation, penalty, z)
        if bool((torch.linalg.vector_norm(left, dim=-1) <= 0.5 * goal).all()):
            break
    return z, torch.ones(len(z), dtype=torch.int64, device=z.device)


def _conjugate(
    A: LinearOperator, scale: Tensor, correlation: Tensor, penalty: float, goal: Tensor
) -> tuple[Tensor, Tensor]:
    """Conjugate gradients on all rows at once; a row that is done stands still."""
    z, left = torch.zeros_like(correlation), correlation.clone()
    way, square = left.clone(), (left * left).sum(-1, keepdim=True)
    steps = torch.zeros(len(z), dtype=torch.int64, device=z.device)
    for _ in range(MOST):
        running = square.sqrt() > 0.25 * goal[:, None]
        if not bool(running.any()):
            break
        image = A.rmv(A.mv(way * scale)) * scale + penalty * way
        length = torch.where(running, square / (way * image).sum(-1, keepdim=True), 0.0)
        z, left = z + length * way, left - length * image
        following = (left * left).sum(-1, keepdim=True)
        way = torch.where(running, left + (following / square) * way, way)
        square = torch.where(running, following, square)
        steps += running[:, 0]
    return z, steps


def _certified(
    A: LinearOperator, b: Tensor, scale: Tensor, penalty: float, x: Tensor, steps: Tensor, tol: float
) -> Recovery:
    """From the data and x alone: P is penalty-strongly convex in z = x/scale, so P − min P ≤ ½‖∇P‖²/penalty."""
    z = x.double() / scale
    residual = b - A.mv(x.double())
    slope = torch.linalg.vector_norm(A.rmv(residual) * scale - penalty * z, dim=-1)
    size = torch.linalg.vector_norm(residual, dim=-1)
    at_zero = 0.5 * (b * b).sum(-1)
    gap = 0.5 * slope * slope / penalty / torch.where(at_zero > 0, at_zero, 1.0)
    ending = torch.where(gap <= tol, Ending.CONVERGED, Ending.STEPS_EXHAUSTED).to(torch.int8)
    return Recovery(x, ending, size, steps, gap, 0.5 * size * size + 0.5 * penalty * (z * z).sum(-1))
