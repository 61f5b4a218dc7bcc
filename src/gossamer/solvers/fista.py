"""Accelerated proximal gradient: any penalty, any linear map, many signals, any device."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import DataError
from ..problem import LeastSquares, duality_gap
from .convex import ConvexSolver, IterativeSolver, certified, warm
from .outcome import Recovery

__all__ = ["FISTA", "accelerated"]

STRIDE = 10  # iterations a round: the certificate costs about one of them in float64


@dataclass(frozen=True, eq=False)
class FistaState:
    """All x, and y, t and the last x of the problems that still run (`rows`)."""

    done: Tensor
    rows: Tensor
    x: Tensor
    y: Tensor
    t: Tensor
    steps: Tensor
    lipschitz: float


@dataclass(frozen=True)
class FISTA(IterativeSolver[LeastSquares, FistaState], ConvexSolver):
    """FISTA with adaptive restart, vectorised over problems.

        x⁺ = prox(y − A'(Ay − b)/L, 1/L),  t⁺ = (1 + √(1 + 4t²))/2,  y⁺ = x⁺ + ((t − 1)/t⁺)(x⁺ − x),  L ≥ ‖A‖₂²

    A problem whose momentum points uphill, ⟨y − x⁺, x⁺ − x⟩ > 0, begins again with t = 1. Problems leave the batch as
    their gap is reached, so that each row takes the steps of its solo run.

    Args: tol: the relative duality gap to reach; max_rounds: rounds of ten iterations at most.
    Source: Beck and Teboulle 2009; restart by gradient, O'Donoghue and Candès 2015.
    """

    tol: float = 1e-6
    max_rounds: int = 2000

    def solve(self, problem: LeastSquares, x0: Tensor | None = None) -> Recovery:
        return self.run(problem, x0)

    def within(self, steps: int) -> FISTA:
        """Rounded up to whole rounds."""
        return replace(self, max_rounds=-(-steps // STRIDE))

    def init(self, problem: LeastSquares, x0: Tensor | None) -> FistaState:
        x = warm(problem, x0)
        together = problem.penalty.event_ndim == 2
        x = x.unsqueeze(0) if together else x.unsqueeze(1)  # (problems, rows of one problem, n)
        count = len(x)
        bound = max(_in_range(problem.A.norm2_bound(), x.dtype), torch.finfo(x.dtype).tiny)
        ones = torch.ones(count, 1, 1, dtype=x.dtype, device=x.device)
        steps = torch.zeros(count, dtype=torch.int64, device=x.device)
        run = ~self._reached(problem, self._grouped(problem), x)  # a warm start may be good enough
        rows = run.nonzero()[:, 0]
        return FistaState(x.clone(), rows, x[run], x[run], ones[run], steps, bound)

    def step(self, problem: LeastSquares, state: FistaState) -> FistaState:
        b = self._grouped(problem)[state.rows]
        x, y, t = state.x, state.y, state.t
        for _ in range(STRIDE):
            forward = y - problem.A.rmv(problem.A.mv(y) - b) / state.lipschitz
            following = problem.penalty.prox(forward, 1 / state.lipschitz)
            x, y, t = accelerated(x, y, t, following)
        state.done[state.rows] = x
        state.steps[state.rows] += STRIDE
        run = ~self._reached(problem, b, x)
        return FistaState(state.done, state.rows[run], x[run], y[run], t[run], state.steps, state.lipschitz)

    def finished(self, problem: LeastSquares, state: FistaState) -> bool:
        return len(state.rows) == 0 or int(state.steps.max()) >= STRIDE * self.max_rounds

    def result(self, problem: LeastSquares, state: FistaState) -> Recovery:
        x = state.done.reshape(problem.b.shape[0], -1)
        steps = state.steps.squeeze(0) if problem.penalty.event_ndim == 2 else state.steps
        return certified(problem, x, steps, self.tol)

    def _grouped(self, problem: LeastSquares) -> Tensor:
        return problem.b.unsqueeze(0) if problem.penalty.event_ndim == 2 else problem.b.unsqueeze(1)

    def _reached(self, problem: LeastSquares, b: Tensor, x: Tensor) -> Tensor:
        gap = duality_gap(problem.wide, b, problem.penalty, x).gap
        return gap.reshape(len(x)) <= self.tol


def accelerated(x: Tensor, y: Tensor, t: Tensor, following: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The next x, y and t, after a proximal step from y led to `following`; t is 1 again where momentum is uphill.

    Args: x, y, following (problems, rows, n); t (problems, 1, 1).
    """
    uphill = ((y - following) * (following - x)).sum((-2, -1), keepdim=True) > 0
    t = torch.where(uphill, 1.0, t)
    longer = (1 + (1 + 4 * t * t).sqrt()) / 2
    return following, following + torch.where(uphill, 0.0, (t - 1) / longer) * (following - x), longer


def _in_range(bound: float, dtype: torch.dtype) -> float:
    """‖A‖₂², or an error where a gradient step would leave the range of the unknowns' type."""
    info = torch.finfo(dtype)
    if bound and not info.tiny <= bound <= info.max * info.eps:
        raise DataError(
            f"‖A‖² is {bound:.1e}, which {dtype} cannot work with; divide A by {bound**0.5:.1e}, or choose other units"
        )
    return bound
