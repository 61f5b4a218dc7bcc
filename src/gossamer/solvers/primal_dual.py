"""Basis pursuit by a primal–dual method: any linear map and device, many signals, real or complex."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..problem import Pursuit, pursuit_gap
from .convex import IterativeSolver
from .outcome import Recovery
from .pursuit import PursuitSolver, pursued

__all__ = ["PrimalDual"]

STRIDE = 25  # iterations between two looks at the certificate
FALL = 0.3  # a restart is due once the error has fallen to this share of the last restart's
LONG = 0.4  # or once this share of all iterations lies since then
NEAR = 0.9  # of the radius that counts as feasible: where the iterates must be before they are handed out


@dataclass(frozen=True, eq=False)
class PrimalDualState:
    """For all signals: x, y, the extrapolated x, sums and their count since the last restart, where that was (its x, y
    and error), the weight of y's step against x's, and whether the end was reached."""

    x: Tensor
    y: Tensor
    bar: Tensor
    x_sum: Tensor
    y_sum: Tensor
    count: Tensor
    x_from: Tensor
    y_from: Tensor
    error: Tensor
    weight: Tensor
    steps: Tensor
    reached: Tensor


@dataclass(frozen=True)
class PrimalDual(IterativeSolver[Pursuit, PrimalDualState], PursuitSolver):
    """min ‖x‖₁ s.t. ‖Ax − b‖₂ ≤ ε, vectorised over signals; A is only multiplied, never made dense.

        y⁺ = S(y + σ(Ax̄ − b)),  x⁺ = soft(x − τAᴴy⁺, τ),  x̄ = 2x⁺ − x,  στ‖A‖₂² < 1

    where S shrinks the norm of its argument by σε and soft shrinks absolute values. −y is the dual witness. Iterates
    circle around the solution while they approach it; from time to time a signal begins again at its average or its
    last point, whichever is better, and weighs the steps by how far x and y have come. In float64.

    Args: tol: the relative gap to reach; max_rounds: rounds of 25 iterations at most.
    Source: Chambolle and Pock 2011; restarts and weight, Applegate et al. 2021, in the same form for each signal.
    """

    tol: float = 1e-6
    max_rounds: int = 2000

    def solve(self, problem: Pursuit) -> Recovery:
        return self.run(problem)

    def within(self, steps: int) -> PrimalDual:
        """Rounded up to whole rounds."""
        return replace(self, max_rounds=-(-steps // STRIDE))

    def init(self, problem: Pursuit, x0: Tensor | None) -> PrimalDualState:
        A, b = problem.wide, problem.wide_b
        x = torch.zeros(len(b), A.shape[1], dtype=b.dtype, device=b.device)
        y = torch.zeros_like(b)
        tiny = torch.finfo(torch.float64).tiny
        # ‖A'b‖/‖A‖² is about ‖x‖ and √m/‖A‖ about ‖y‖
        norm = max(A.norm2_bound(), tiny) ** 0.5
        weight = norm * A.shape[0] ** 0.5 / _norm(A.rmv(b)).clamp(min=tiny)
        weight = torch.where(_norm(b) > 0, weight, 1.0)
        zero = torch.zeros(len(b), dtype=torch.int64, device=b.device)
        endless = torch.full((len(b), 1), torch.inf, dtype=torch.float64, device=b.device)
        reached = _norm(b)[:, 0] <= problem.radius
        return PrimalDualState(x, y, x, x, y, endless * 0, x, y, endless, weight, zero, reached)

    def step(self, problem: Pursuit, state: PrimalDualState) -> PrimalDualState:
        run = (~state.reached).nonzero()[:, 0]
        A, b = problem.wide, problem.wide_b[run]
        some = _rows(state, run)
        norm = max(A.norm2_bound(), torch.finfo(torch.float64).tiny) ** 0.5
        tau, sigma = 0.99 / (norm * some.weight), 0.99 * some.weight / norm
        x, y, bar = some.x, some.y, some.bar
        x_sum, y_sum = some.x_sum, some.y_sum
        for _ in range(STRIDE):
            y = _shrunk(y + sigma * (A.mv(bar) - b), sigma * problem.epsilon)
            following = _soft(x - tau * A.rmv(y), tau)
            bar, x = 2 * following - x, following
            x_sum, y_sum = x_sum + x, y_sum + y
        moved = replace(some, x=x, y=y, bar=bar, x_sum=x_sum, y_sum=y_sum, count=some.count + STRIDE)
        moved = replace(moved, steps=some.steps + STRIDE)
        return _written(state, run, self._looked(problem, run, moved))

    def finished(self, problem: Pursuit, state: PrimalDualState) -> bool:
        return bool(state.reached.all()) or int(state.steps.max()) >= STRIDE * self.max_rounds

    def result(self, problem: Pursuit, state: PrimalDualState) -> Recovery:
        return pursued(problem, state.x, -state.y, state.steps, self.tol)

    def _looked(self, problem: Pursuit, run: Tensor, state: PrimalDualState) -> PrimalDualState:
        """What reached its end, at its better point; and restarts where they are due."""
        now, over = self._error(problem, run, state.x, state.y)
        x_mean, y_mean = state.x_sum / state.count, state.y_sum / state.count
        mean, mean_over = self._error(problem, run, x_mean, y_mean)
        better = mean < now
        error, over = torch.where(better, mean, now), torch.where(better, mean_over, over)
        x, y = torch.where(better, x_mean, state.x), torch.where(better, y_mean, state.y)
        reached = (error <= self.tol) & ~over
        long = state.count >= LONG * state.steps[:, None]
        due = (error <= FALL * state.error) | long | reached
        gone_x, gone_y = _norm(x - state.x_from), _norm(y - state.y_from)
        known = (gone_x > 0) & (gone_y > 0)
        weight = torch.where(known, (gone_y / torch.where(known, gone_x, 1.0) * state.weight) ** 0.5, state.weight)
        fresh = {"x": x, "y": y, "bar": x, "x_from": x, "y_from": y, "error": error, "weight": weight}
        zero = {"x_sum": torch.zeros_like(x), "y_sum": torch.zeros_like(y), "count": torch.zeros_like(state.count)}
        parts = {name: torch.where(due, new, getattr(state, name)) for name, new in (fresh | zero).items()}
        return replace(state, **parts, reached=reached[:, 0])

    def _error(self, problem: Pursuit, run: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The worse of the gap and the share of ‖b‖ by which x is outside, (signals, 1); and whether it is outside."""
        b, radius = problem.wide_b[run], problem.radius[run]
        epsilon = torch.full_like(radius, problem.epsilon)
        judged = pursuit_gap(problem.wide, b, x, -y, epsilon)
        slack = torch.where(epsilon < radius, NEAR * radius, radius * (1 + 1e-7))  # ε itself, but for rounding
        outside = (judged.residual - epsilon).clamp(min=0) / _norm(b)[:, 0]
        return torch.maximum(judged.gap, outside)[:, None], (judged.residual > slack)[:, None]


def _rows(state: PrimalDualState, run: Tensor) -> PrimalDualState:
    return PrimalDualState(**{name: part[run] for name, part in vars(state).items()})


def _written(state: PrimalDualState, run: Tensor, some: PrimalDualState) -> PrimalDualState:
    places = (run,)
    return PrimalDualState(**{name: part.index_put(places, getattr(some, name)) for name, part in vars(state).items()})


def _norm(x: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return norms


def _shrunk(x: Tensor, by: Tensor) -> Tensor:
    """x with its norm less by `by`, or 0."""
    return x * (1 - by / _norm(x).clamp(min=torch.finfo(torch.float64).tiny)).clamp(min=0)


def _soft(x: Tensor, by: Tensor) -> Tensor:
    """Each entry with its absolute value less by `by`, or 0; its sign or phase stays."""
    size = x.abs()
    return x * ((size - by).clamp(min=0) / size.clamp(min=torch.finfo(torch.float64).tiny))
