"""The Lasso and the elastic net at many penalties, each begun where the last one ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from ..errors import DataError
from ..problem import LeastSquares
from ..solvers import CoordinateDescent, Recovery
from ..terms import SeparablePenalty
from .families import Family, l1_family, net_family
from .regression_data import RegressionData

__all__ = ["Path", "elastic_net_path", "lasso_path"]


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
    return _path(data, l1_family(weights), penalties, count, ratio, tol)


def elastic_net_path(
    A: Any,
    b: Any,
    penalties: Any = None,
    *,
    l1_ratio: float = 0.5,
    count: int = 100,
    ratio: float = 1e-2,
    tol: float = 1e-6,
    weights: Any = None,
    nonnegative: bool = False,
    intercept: bool = False,
    sample_weights: Any = None,
) -> Path:
    """The elastic net of one signal at falling penalties λ, with warm starts and one growing Gram matrix.

        min_x ½ Σ_i s_i (a_i'x + c − b_i)² + λ·(ρ·Σ_j w_j|x_j| + (1 − ρ)/2·‖x‖²),   ρ = l1_ratio

    scikit-learn's enet_path(alphas, l1_ratio) is penalties = m·alphas.

    Args:
        A, b, penalties, count, ratio, tol, weights, intercept, sample_weights: as for `lasso_path`; the default
            penalties begin where x leaves zero.
        l1_ratio: ρ from 0 to 1, which is the Lasso; at 0 no penalty makes x zero, so give the penalties.
        nonnegative: x ≥ 0.
    Returns: a Path; every point has its own certificate.
    Raises: as `lasso_path`.

    >>> elastic_net_path(torch.eye(2), torch.tensor([4.0, 2.0]), [4.0, 2.0]).x + 0.0
    tensor([[0.6667, 0.0000],
            [1.5000, 0.5000]])
    """
    data = RegressionData.of(A, b, intercept=intercept, sample_weights=sample_weights)
    return _path(data, net_family(l1_ratio, weights, nonnegative), penalties, count, ratio, tol)


def _path(data: RegressionData, family: Family, penalties: Any, count: int, ratio: float, tol: float) -> Path:
    if not data.single:
        raise DataError(f"b has {len(data.b)} rows; a path is of one signal, so give (m,) and call it for each row")
    if data.traced is not None:
        raise DataError("a path has no derivative; call lasso at the penalty that matters, or lasso_path in no_grad()")
    problem = LeastSquares(data.A, data.b, family(1.0))
    grid = _grid(problem, count, ratio) if penalties is None else torch.as_tensor(penalties, dtype=torch.float64)
    if grid.ndim != 1 or not len(grid) or not bool(torch.isfinite(grid).all()) or bool((grid.diff() > 0).any()):
        raise DataError("penalties: give one axis of finite numbers, largest first")
    terms = [cast(SeparablePenalty, family(level)) for level in grid.tolist()]
    return Path(grid, data.answers(list(CoordinateDescent(tol=tol).along(problem, terms))))


def _grid(problem: LeastSquares, count: int, ratio: float) -> Tensor:
    if count < 1 or not 0 < ratio < 1:
        raise DataError(f"count is {count}, ratio is {ratio}; give count ≥ 1 and 0 < ratio < 1")
    penalty, correlation = cast(SeparablePenalty, problem.penalty), problem.correlation[0]
    if penalty.level == 0:
        raise DataError("l1_ratio is 0, so x is zero at no penalty and there is no first one to take; give penalties")
    pull = correlation.abs() if penalty.bounds[0] < 0 else correlation.clamp(min=0)
    levels = penalty.levels(correlation).expand_as(correlation)
    top = float(torch.where(levels > 0, pull / levels, 0.0).max())
    return top * torch.logspace(0, float(torch.tensor(ratio).log10()), count, dtype=torch.float64)
