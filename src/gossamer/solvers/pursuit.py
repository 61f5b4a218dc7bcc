"""What pursuit solvers share, and basis pursuit by homotopy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from ..problem import Pursuit, pursuit_gap
from .homotopy import follow
from .outcome import Ending, Recovery

__all__ = ["HomotopyPursuit", "PursuitSolver", "pursued"]

SLACK = 1e-6  # of ε: rounding of the point where the residual meets it


class PursuitSolver(ABC):
    """Solves every row of a `Pursuit`."""

    @abstractmethod
    def solve(self, problem: Pursuit) -> Recovery: ...

    @abstractmethod
    def within(self, steps: int) -> PursuitSolver:
        """The same solver, allowed this many of the steps that its recoveries count."""


def pursued(problem: Pursuit, x: Tensor, dual: Tensor, steps: Tensor, tol: float) -> Recovery:
    """The recovery of x as it is handed out, judged by its residual and by weak duality with any y."""
    x = x.to(problem.b.dtype)
    epsilon = torch.full(x.shape[:1], problem.epsilon, dtype=torch.float64, device=x.device)
    judged = pursuit_gap(problem.wide, problem.b, x, dual, epsilon)
    rounding = 32 * torch.finfo(x.dtype).eps * torch.linalg.vector_norm(problem.wide_b, dim=-1)
    outside = judged.residual > problem.radius * (1 + SLACK) + rounding
    ending = torch.where(judged.gap <= tol, Ending.CONVERGED, Ending.STEPS_EXHAUSTED)
    ending = torch.where(outside, Ending.INFEASIBLE, ending).to(torch.int8)
    return Recovery(x, ending, judged.residual, steps, judged.gap, judged.objective)


@dataclass(frozen=True)
class HomotopyPursuit(PursuitSolver):
    """Basis pursuit as the end of the Lasso's exact path: λ → 0, or where the residual has fallen to ε. In float64.

    The dual witness is the direction in which the residual of the last piece shrinks, or that residual itself.

    Args: tol: what the certificate is held against; the path itself has no tolerance.
    Source: Donoho and Tsaig 2008.
    """

    tol: float = 1e-6

    def solve(self, problem: Pursuit) -> Recovery:
        A = problem.matrix.cpu().numpy()
        found, duals, steps = [], [], []
        for row in problem.b.double().cpu().numpy():
            count, last = deque(enumerate(follow(A, row, residual=problem.epsilon)), maxlen=1)[0]
            found.append(torch.from_numpy(last.x))
            duals.append(torch.from_numpy(row - A @ last.x if problem.epsilon else last.dual))
            steps.append(count)
        device = problem.b.device
        x, dual = torch.stack(found).to(device), torch.stack(duals).to(device)
        return pursued(problem, x, dual, torch.tensor(steps, device=device), self.tol)

    def within(self, steps: int) -> HomotopyPursuit:
        """Itself: half of a path is the solution to another problem."""
        return self
