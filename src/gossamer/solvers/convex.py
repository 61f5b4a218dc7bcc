"""What solvers of penalised least squares share: what they take, what they give back, and the one loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

from ..problem import Certificate, LeastSquares, duality_gap
from ..problem.dual_cone import DualCone
from .outcome import Ending, Recovery

__all__ = ["ConvexSolver", "IterativeSolver", "certified", "recovered", "warm"]

Given = TypeVar("Given")
State = TypeVar("State")


class ConvexSolver(ABC):
    """Solves every row of a `LeastSquares` to a relative duality gap of `tol`, or says that it did not."""

    @abstractmethod
    def solve(self, problem: LeastSquares, x0: Tensor | None = None) -> Recovery:
        """x0 (signals, n): where to begin; None begins at zero."""

    @abstractmethod
    def within(self, steps: int) -> ConvexSolver:
        """The same solver, allowed this many of the steps that its recoveries count."""


class IterativeSolver(ABC, Generic[Given, State]):
    """A solver that is four functions of its problem and its state; the loop stands here."""

    @abstractmethod
    def init(self, problem: Given, x0: Tensor | None) -> State:
        """The state before the first round."""

    @abstractmethod
    def step(self, problem: Given, state: State) -> State:
        """One round."""

    @abstractmethod
    def finished(self, problem: Given, state: State) -> bool:
        """Whether another round would be of no use, or none is allowed."""

    @abstractmethod
    def result(self, problem: Given, state: State) -> Recovery:
        """What the state has come to, certified."""

    def run(self, problem: Given, x0: Tensor | None = None) -> Recovery:
        """Rounds until finished."""
        state = self.init(problem, x0)
        while not self.finished(problem, state):
            state = self.step(problem, state)
        return self.result(problem, state)


def warm(problem: LeastSquares, x0: Tensor | None) -> Tensor:
    """A starting point of the problem's shape, a copy: x0, or zero."""
    shape = (problem.b.shape[0], problem.A.shape[1])
    if x0 is None:
        return torch.zeros(shape, dtype=problem.A.dtype, device=problem.A.device)
    return x0.to(dtype=problem.A.dtype, device=problem.A.device).expand(shape).clone()


def certified(problem: LeastSquares, x: Tensor, steps: Tensor, tol: float, cone: DualCone | None = None) -> Recovery:
    """The recovery of x as it is handed out, judged by the certificate and by nothing the solver believes."""
    x = x.to(problem.b.dtype)
    return _ended(x, duality_gap(problem.wide, problem.b, problem.penalty, x, cone), steps, tol)


def recovered(problem: LeastSquares, x: Tensor, judged: Sequence[Certificate], steps: Tensor, tol: float) -> Recovery:
    """The recovery of x whose rows were judged one by one, each as it is handed out."""
    parts = [torch.stack([getattr(row, name) for row in judged]) for name in ("objective", "gap", "residual")]
    return _ended(x.to(problem.b.dtype), Certificate(*parts), steps, tol)


def _ended(x: Tensor, judged: Certificate, steps: Tensor, tol: float) -> Recovery:
    ending = torch.where(judged.gap <= tol, Ending.CONVERGED, Ending.STEPS_EXHAUSTED).to(torch.int8)
    ending = torch.where(torch.isfinite(judged.gap), ending, Ending.DIVERGED).to(torch.int8)
    return Recovery(x, ending, judged.residual, steps, judged.gap, judged.objective)
