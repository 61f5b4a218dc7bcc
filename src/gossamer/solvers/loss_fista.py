"""Accelerated proximal gradient for losses: any penalty, any linear map, any device, no bound of the curvature."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..linop import LinearOperator
from ..problem import PenalisedLoss, loss_gap
from .convex import IterativeSolver
from .fista import accelerated
from .losses import LossSolver, loss_recovery, starting_point
from .outcome import Recovery

__all__ = ["LossFISTA"]

STRIDE = 10  # iterations a round: the certificate costs about one of them in float64
RELAX = 0.7  # by which L falls each round, so that one steep place does not shorten all later steps
DOUBLINGS = 60


@dataclass(frozen=True, eq=False)
class LossFistaState:
    """x and c of all problems (problems, rows, n + 1), c last and in units of `unit`; the rest of those that run."""

    done: Tensor
    running: Tensor
    x: Tensor
    y: Tensor
    t: Tensor
    lipschitz: Tensor
    steps: Tensor
    unit: float


@dataclass(frozen=True)
class LossFISTA(IterativeSolver[PenalisedLoss, LossFistaState], LossSolver):
    """FISTA with backtracking and adaptive restart, vectorised over problems.

        x⁺ = prox(y − A'∇f(Ay)/L, 1/L), L doubled until f(Ax⁺) ≤ f(Ay) + ⟨∇, x⁺ − y⟩ + (L/2)‖x⁺ − y‖²

    and t, y and the restart as in `FISTA`. The intercept is one more column of ones, scaled to the norm ‖A‖₂, without
    penalty. Problems leave the batch as their gap is reached.

    Args: tol: the gap to reach, relative to the objective at zero; max_rounds: rounds of ten iterations at most.
    Source: Beck and Teboulle 2009, with backtracking; restart by gradient, O'Donoghue and Candès 2015.
    """

    tol: float = 1e-6
    max_rounds: int = 2000

    def solve(self, problem: PenalisedLoss, x0: Tensor | None = None, intercept0: Tensor | None = None) -> Recovery:
        start = torch.cat([part.reshape(len(problem.b), -1) for part in starting_point(problem, x0, intercept0)], 1)
        return self.run(problem, start)

    def within(self, steps: int) -> LossFISTA:
        """Rounded up to whole rounds."""
        return replace(self, max_rounds=-(-steps // STRIDE))

    def init(self, problem: PenalisedLoss, x0: Tensor | None) -> LossFistaState:
        """x0 (rows, n + 1): with the intercept."""
        assert x0 is not None, "given by solve"
        A = problem.A
        norm2 = max(A.norm2_bound(), torch.finfo(A.dtype).tiny)
        unit = (norm2 / A.shape[0]) ** 0.5
        x = x0.to(A.dtype)
        x[:, -1] /= unit
        x = x.unsqueeze(0) if problem.event_ndim == 2 else x.unsqueeze(1)
        count = len(x)
        running = torch.arange(count, device=x.device)
        z = _predictor(A, x, unit)
        b, w = _grouped(problem, running), problem.weights.to(A.dtype)
        bend = problem.loss.curvature(z, b, w).amax((-2, -1))[:, None, None] * norm2 + problem.penalty.ridge
        ones = torch.ones_like(bend)
        steps = torch.zeros(count, dtype=torch.int64, device=x.device)
        state = LossFistaState(x.clone(), running, x, x, ones, bend.clamp(min=norm2 * 1e-6), steps, unit)
        return self._without_reached(problem, state)

    def step(self, problem: PenalisedLoss, state: LossFistaState) -> LossFistaState:
        A, loss, w = problem.A, problem.loss, problem.weights.to(problem.A.dtype)
        b = _grouped(problem, state.running)
        x, y, t, lipschitz = state.x, state.y, state.t, state.lipschitz * RELAX
        for _ in range(STRIDE):
            z = _predictor(A, y, state.unit)
            here, slope = _value(problem, z, b, w), loss.gradient(z, b, w)
            gradient = torch.cat([A.rmv(slope), self._constant(problem, slope) * state.unit], -1)
            for _ in range(DOUBLINGS):
                following = y - gradient / lipschitz
                following = torch.cat(
                    [problem.penalty.prox(following[..., :-1], 1 / lipschitz), following[..., -1:]], -1
                )
                move = following - y
                model = here + ((gradient + 0.5 * lipschitz * move) * move).sum((-2, -1))
                there = _value(problem, _predictor(A, following, state.unit), b, w)
                short = ~(there <= model + 8 * torch.finfo(x.dtype).eps * here)
                if not bool(short.any()):
                    break
                lipschitz = torch.where(short[:, None, None], 2 * lipschitz, lipschitz)
            x, y, t = accelerated(x, y, t, following)
        state.done[state.running] = x
        state.steps[state.running] += STRIDE
        return self._without_reached(problem, replace(state, x=x, y=y, t=t, lipschitz=lipschitz))

    def finished(self, problem: PenalisedLoss, state: LossFistaState) -> bool:
        return len(state.running) == 0 or int(state.steps.max()) >= STRIDE * self.max_rounds

    def result(self, problem: PenalisedLoss, state: LossFistaState) -> Recovery:
        whole = state.done.reshape(len(problem.b), -1)
        steps = state.steps.squeeze(0) if problem.event_ndim == 2 else state.steps
        return loss_recovery(problem, whole[:, :-1], whole[:, -1] * state.unit, steps, self.tol)

    def _constant(self, problem: PenalisedLoss, slope: Tensor) -> Tensor:
        whole = slope.sum(-1, keepdim=True)
        return whole if problem.intercept else torch.zeros_like(whole)

    def _without_reached(self, problem: PenalisedLoss, state: LossFistaState) -> LossFistaState:
        x = state.x.reshape(-1, state.x.shape[-1])
        part = problem if problem.event_ndim == 2 else problem.only(state.running)
        run = (loss_gap(part, x[:, :-1], x[:, -1] * state.unit).gap > self.tol).reshape(-1)
        kept = {name: getattr(state, name)[run] for name in ("running", "x", "y", "t", "lipschitz")}
        return replace(state, **kept)


def _predictor(A: LinearOperator, x: Tensor, unit: float) -> Tensor:
    return A.mv(x[..., :-1]) + unit * x[..., -1:]


def _value(problem: PenalisedLoss, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
    """f(z) of each problem, (problems,)."""
    value = problem.loss.value(z, b, w)
    return value.sum(-1) if problem.loss.event_ndim == 1 else value


def _grouped(problem: PenalisedLoss, running: Tensor) -> Tensor:
    """The targets of the problems that run, (problems, rows of one problem, …)."""
    b = problem.b.to(problem.A.dtype)
    return b.unsqueeze(0) if problem.event_ndim == 2 else b[running].unsqueeze(1)
