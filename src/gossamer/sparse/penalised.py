"""Least squares under one family of penalties: single fits, and paths that begin each fit where the last one ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from ..errors import DataError
from ..problem import LeastSquares
from ..solvers import CoordinateDescent, Recovery
from ..terms import SeparablePenalty
from .checks import check_gap, within
from .convex import solved
from .families import Family
from .path import Path, given_levels, levels_of
from .regression_data import RegressionData

__all__ = ["Penalised", "zero_level"]

WIDER = 16.0  # how much further out to look for the edge of a penalty's dual ball


@dataclass(frozen=True)
class Penalised:
    """min_x ½ Σ_i s_i (a_i'x + c − b_i)² + Ω_λ(x), for the λ that it is asked for.

    Args:
        family: λ ↦ Ω_λ, proportional to λ. Ω₁ alone decides from which λ on x is zero.
        tol: relative duality gap; intercept: fit c; standardise: penalise columns of mean square 1, about their mean
            when there is an intercept (x is given back for the columns as they came); max_steps: of the solver.
    """

    family: Family
    tol: float = 1e-6
    intercept: bool = False
    standardise: bool = False
    max_steps: int | None = None

    def data(self, A: Any, b: Any, sample_weights: Any = None) -> RegressionData:
        """What the solver sees."""
        return RegressionData.of(
            A, b, intercept=self.intercept, sample_weights=sample_weights, standardise=self.standardise
        )

    def fit(
        self,
        A: Any,
        b: Any,
        level: float,
        sample_weights: Any = None,
        x0: Tensor | None = None,
        solver: str | None = None,
    ) -> Recovery:
        """One λ."""
        data = self.data(A, b, sample_weights)
        return solved(data, self.family(level), self.tol, solver, data.start(x0), self.max_steps)

    def first(self, A: Any, b: Any, sample_weights: Any = None) -> float:
        """The level at which x leaves zero."""
        data = self.data(A, b, sample_weights)
        return zero_level(LeastSquares(data.A, data.b, self.family(1.0)))

    def path(self, A: Any, b: Any, levels: Any, sample_weights: Any = None) -> Path:
        """Falling levels; x is (levels, n), or (levels, tasks, n) for tasks that are one problem."""
        return self._along(self.data(A, b, sample_weights), given_levels(levels))

    def path_of(self, A: Any, b: Any, levels: Any, count: int, ratio: float, sample_weights: Any = None) -> Path:
        """The path of one signal (m,) at the levels given, or where None are, at `count` falling ones."""
        data = self.data(A, b, sample_weights)
        data.check_single()
        problem = LeastSquares(data.A, data.b, self.family(1.0))
        return self._along(data, levels_of(levels, lambda: zero_level(problem), count, ratio), problem)

    def _along(self, data: RegressionData, levels: Tensor, problem: LeastSquares | None = None) -> Path:
        found = [data.answer(at) for at in self.walk(data, levels.tolist(), problem)]
        return Path(levels, Recovery.stacked(found))

    def coefficients(self, A: Any, b: Any, levels: Tensor, sample_weights: Any = None) -> tuple[Tensor, Tensor | None]:
        """Of a path: x and intercepts."""
        found = self.path(A, b, levels, sample_weights).recovery
        return found.x, found.intercept

    def walk(
        self, data: RegressionData, levels: list[float], problem: LeastSquares | None = None
    ) -> Iterator[Recovery]:
        """One level after another, as the solver sees it; the caller may stop at any.

        Args: problem: of these data, under any penalty, where there is one: what it knows of them is not computed anew.
        """
        if data.traced is not None:
            raise DataError("a path has no derivative; fit at the penalty that matters, or give A.detach(), b.detach()")
        last: Tensor | None = None
        as_seen = replace(data, single=False, mean=None, scale=None)
        problem = problem or LeastSquares(data.A, data.b, self.family(levels[0]))
        if problem.penalty.event_ndim == 1 and len(data.b) > 1:
            data.check_single()
        if isinstance(problem.penalty, SeparablePenalty) and data.A.device.type == "cpu":
            descent = within(CoordinateDescent(tol=check_gap(self.tol)), self.max_steps)
            yield from descent.along(problem, (cast(SeparablePenalty, self.family(level)) for level in levels))
            return
        for level in levels:
            found = solved(as_seen, self.family(level), self.tol, None, last, self.max_steps)
            yield found
            last = found.x


def zero_level(problem: LeastSquares) -> float:
    """The least λ at which x = 0 solves the problem with penalty λ·Ω, Ω being the problem's; 0 when b is no use at all.

    That is where A'b enters λ times the dual ball of Ω. Entries that Ω leaves free are left out.
    """
    rest = problem.penalty.without_ridge()
    correlation = problem.correlation if rest.event_ndim == 2 else problem.correlation[0]
    if rest.free is not None:
        correlation = torch.where(rest.free, 0.0, correlation)
    size = float(correlation.abs().max())
    if size == 0:
        return 0.0
    correlation, factor = correlation / size, 1.0
    for _ in range(64):
        share = float(rest.dual_scale(factor * correlation))
        if share < 1:
            return size / (factor * share) if share > 0 else float("inf")
        factor *= WIDER
    return 0.0
