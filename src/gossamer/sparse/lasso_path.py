"""The Lasso at many penalties, each begun where the last one ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from ..problem import LeastSquares
from ..solvers import CoordinateDescent, GramPool, Recovery
from ..terms import L1
from .regression_data import RegressionData

__all__ = ["Path", "lasso_path"]


@dataclass(frozen=True, eq=False)
class Path:
    """Solutions along falling penalties: `recovery.x` is (penalties, n), and so on for gap, objective and intercept."""

    penalties: Tensor
    recovery: Recovery

    @property
    def x(self) -> Tensor:
        """(penalties, n)."""
        return self.recovery.x


def lasso_path(
    A: Any,
    b: Any,
    penalties: Any = None,
    *,
    count: int = 100,
    ratio: float = 1e-2,
    tol: float = 1e-6,
    weights: Any = None,
    intercept: bool = False,
    sample_weights: Any = None,
) -> Path:
    """The Lasso of one signal at falling penalties, with warm starts and one growing Gram matrix.

    Args:
        A, b, tol, weights, intercept, sample_weights: as for `lasso`; b (m,).
        penalties: to solve at, ≥ 0, largest first; default `count` of them, evenly spaced in their logarithm from
            max_j |a_j'b|/w_j, over penalised columns, down to `ratio` times that.
    Returns: a Path; every point has its own certificate.
    Raises: DataError on shapes, types, NaN, penalties that rise, or data that ask autograd for derivatives.

    >>> path = lasso_path(torch.eye(2), torch.tensor([4.0, 2.0]), [4.0, 3.0, 1.0])
    >>> path.x + 0.0
    tensor([[0., 0.],
            [1., 0.],
            [3., 1.]])
    """
    data = RegressionData.of(A, b, intercept=intercept, sample_weights=sample_weights)
    if not data.single:
        raise DataError(f"b has {len(data.b)} rows; a path is of one signal, so give (m,) and call it for each row")
    if data.traced is not None:
        raise DataError("a path has no derivative; call lasso at the penalty that matters, or lasso_path in no_grad()")
    factors = None if weights is None else torch.as_tensor(weights).detach()
    problem = LeastSquares(data.A, data.b, L1(1.0, factors))
    grid = _grid(problem, count, ratio) if penalties is None else torch.as_tensor(penalties, dtype=torch.float64)
    if grid.ndim != 1 or not len(grid) or not bool(torch.isfinite(grid).all()) or bool((grid.diff() > 0).any()):
        raise DataError("penalties: give one axis of finite numbers, largest first")
    pool, solver, last = GramPool(problem.wide), CoordinateDescent(tol=tol), None
    found: list[Recovery] = []
    for level in grid.tolist():
        at = problem.with_penalty(L1(level, factors))
        found.append(solver.solve(at, last, pool))
        last = found[-1].x
    return Path(grid, data.answers(found))


def _grid(problem: LeastSquares, count: int, ratio: float) -> Tensor:
    if count < 1 or not 0 < ratio < 1:
        raise DataError(f"count is {count}, ratio is {ratio}; give count ≥ 1 and 0 < ratio < 1")
    penalty = problem.penalty
    assert isinstance(penalty, L1), "made above"
    levels = penalty.levels(problem.correlation[0]).expand_as(problem.correlation[0])
    top = float(torch.where(levels > 0, problem.correlation[0].abs() / levels, 0.0).max())
    return top * torch.logspace(0, float(torch.tensor(ratio).log10()), count, dtype=torch.float64)
