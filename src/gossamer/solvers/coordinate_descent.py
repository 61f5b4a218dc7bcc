"""Coordinate descent on a growing working set, with Newton steps on the support."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from ..errors import DataError, StructureError
from ..linop import LinearOperator
from ..problem import LeastSquares
from ..terms import SeparablePenalty
from .convex import ConvexSolver, certified, warm
from .gram_quadratic import GramQuadratic
from .outcome import Recovery

__all__ = ["CoordinateDescent", "GramPool"]

FIRST = 100  # columns of the first working set
PIECE = 256  # columns that are asked of A at one time
TIGHT = 0.1  # the inner problem's share of the tolerance, lowered when the whole does not meet its own
FINEST = 1e-14  # of max |A'b|: rounding of the inner gradient in float64


class GramPool:
    """Columns of a design that were asked for, and their Gram matrix, grown as they are; float64.

    Signals of one batch and penalties of one path share it.
    """

    def __init__(self, A: LinearOperator) -> None:
        self.A = A
        self.place = torch.full((A.shape[1],), -1)
        self.indices = torch.empty(0, dtype=torch.int64)
        self.columns = torch.empty(A.shape[0], 0, dtype=torch.float64)
        self.gram = torch.empty(0, 0, dtype=torch.float64)

    def places(self, wanted: Tensor) -> Tensor:
        """Where the wanted columns stand in the pool; those that it lacks are added."""
        new = wanted[self.place[wanted] < 0]
        if len(new):
            fresh = torch.cat([self.A.columns(piece) for piece in new.split(PIECE)], 1)
            across = self.columns.mT @ fresh
            self.gram = torch.cat([torch.cat([self.gram, across], 1), torch.cat([across.mT, fresh.mT @ fresh], 1)])
            self.columns = torch.cat([self.columns, fresh], 1)
            self.place[new] = torch.arange(len(self.indices), len(self.indices) + len(new))
            self.indices = torch.cat([self.indices, new])
        return self.place[wanted]


@dataclass(frozen=True)
class CoordinateDescent(ConvexSolver):
    """Penalties of the L1 family, one signal after another, for designs with many columns.

    A round adds the columns that violate optimality most (as many as there are nonzeros, at least 100), extends their
    Gram matrix by matrix products, solves the small problem tightly in float64 and looks at the gap of the whole. The
    small problem is solved by coordinate descent for which entries, and Newton steps for how large (`gram_quadratic`).
    A is only multiplied and asked for columns of the working set: a sparse design is never made dense as a whole.

    Args: tol: the relative duality gap to reach; max_rounds: rounds at most.
    Source: working sets as in Massias, Gramfort and Salmon 2018 and Bertrand et al. 2022. Both extrapolate by Anderson;
        here a Newton step takes its place, which near as many nonzeros as samples converges where extrapolation crawls.
    """

    tol: float = 1e-6
    max_rounds: int = 100

    def solve(self, problem: LeastSquares, x0: Tensor | None = None, pool: GramPool | None = None) -> Recovery:
        """pool: columns known from an earlier solve with this very design."""
        if not isinstance(problem.penalty, SeparablePenalty):
            raise StructureError(
                f"coordinate descent solves the L1 family, not {type(problem.penalty).__name__}; use FISTA"
            )
        if problem.A.device.type != "cpu":
            raise DataError(f"coordinate descent works on the CPU, A is on {problem.A.device}; use FISTA there")
        pool = pool or GramPool(problem.wide)
        start = warm(problem, x0).double()
        solved = [_Signal(problem, pool, row, start[row]).solve(self.tol, self.max_rounds) for row in range(len(start))]
        x = torch.stack([signal.x for signal in solved])
        return certified(problem, x, torch.tensor([signal.rounds for signal in solved]), self.tol)

    def within(self, steps: int) -> CoordinateDescent:
        return replace(self, max_rounds=steps)


class _Signal:
    """One signal's way to its solution."""

    def __init__(self, problem: LeastSquares, pool: GramPool, row: int, x: Tensor) -> None:
        self.problem, self.pool, self.x, self.rounds = problem, pool, x, 0
        self.penalty = cast(SeparablePenalty, problem.penalty)
        self.b = problem.b[row].double()
        self.levels = self.penalty.levels(self.b).expand(len(x))
        self.correlation = problem.correlation[row]
        self.half = 0.5 * float(self.b @ self.b)
        self.working = torch.empty(0, dtype=torch.int64)
        self.residual, self.slope = self.b, self.correlation
        if bool(x.any()):
            self._look()

    def solve(self, tol: float, max_rounds: int) -> _Signal:
        """Rounds until the gap is reached. A round that leaves it short asks more of the next inner problem."""
        tight = TIGHT
        while self.rounds < max_rounds and self._gap() > tol * self.half:
            before = len(self.working)
            self._grow()
            self._inner(tight * tol)
            self._look()
            self.rounds += 1
            tight = tight if len(self.working) > before else tight * 0.1
        return self

    def _look(self) -> None:
        """Residual and A'r − ridge·x anew from x: nothing that was updated step by step is believed."""
        places = self.pool.places(self.x.nonzero()[:, 0])
        self.residual = self.b - self.pool.columns[:, places] @ self.x[self.pool.indices[places]]
        self.slope = self.problem.wide.rmv(self.residual) - self.penalty.ridge * self.x

    def _gap(self) -> float:
        """The solver's own view; what is reported comes from `problem.duality_gap`."""
        rest, ridge = self.penalty.without_ridge(), self.penalty.ridge
        slope = self.slope if rest.free is None else torch.where(rest.free, 0.0, self.slope)
        scale = float(rest.dual_scale(slope)) * (1 - 1e-13)
        primal = 0.5 * self.residual @ self.residual + self.penalty.value(self.x)
        left = self.b - scale * self.residual
        dual = (
            self.half - 0.5 * left @ left - 0.5 * ridge * scale**2 * (self.x @ self.x) - rest.conjugate(scale * slope)
        )
        free = 0.0 if rest.free is None else float((self.slope - slope).abs() @ self.x.abs())
        return float(primal - dual) + free

    def _grow(self) -> None:
        """The nonzeros, the working set so far, and the worst violators."""
        nonzero = self.x != 0
        wrong = _violation(self.penalty, self.levels, self.x, self.slope)
        room = max(FIRST, int(nonzero.sum()))
        wrong[self.working] = 0.0
        wrong[nonzero] = 0.0
        most = wrong.topk(min(room, len(wrong)))
        chosen = torch.cat([self.working, nonzero.nonzero()[:, 0], most.indices[most.values > 0]])
        self.working = chosen.unique()

    def _inner(self, accuracy: float) -> None:
        places = self.pool.places(self.working)
        whole = len(places) == len(self.pool.indices) and bool((places.diff() == 1).all())
        gram = self.pool.gram if whole else self.pool.gram[places][:, places]
        gram = gram + self.penalty.ridge * torch.eye(len(gram), dtype=gram.dtype) if self.penalty.ridge else gram
        levels = self.levels[self.working]
        positive = levels[levels > 0]
        most = float(self.correlation.abs().max())
        unit = float(positive.min()) if len(positive) else most
        low, high = self.penalty.bounds
        inner = GramQuadratic(gram.numpy(), levels.numpy(), low, high)
        x, h = self.x[self.working].numpy(), self.slope[self.working].numpy()
        inner.solve(x, h, max(accuracy * unit, FINEST * most))
        self.x = torch.zeros_like(self.x)
        self.x[self.working] = torch.from_numpy(x)


def _violation(penalty: SeparablePenalty, levels: Tensor, x: Tensor, slope: Tensor) -> Tensor:
    """Each entry's distance to optimality; `slope` is A'r − ridge·x."""
    low, high = penalty.bounds
    above = torch.where((x >= high) | (slope < 0), 0.0, slope.abs() - levels)
    below = torch.where((x <= low) | (slope > 0), 0.0, slope.abs() - levels)
    return torch.maximum(above, below).clamp(min=0)
