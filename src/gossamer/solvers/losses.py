"""What solvers of penalised losses share: what they take, and what they give back."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ..problem import PenalisedLoss, loss_gap
from .outcome import Ending, Recovery

__all__ = ["LossSolver", "loss_recovery", "starting_point"]


class LossSolver(ABC):
    """Solves a `PenalisedLoss` to a gap of `tol` relative to its objective at zero, or says that it did not."""

    @abstractmethod
    def solve(self, problem: PenalisedLoss, x0: Tensor | None = None, intercept0: Tensor | None = None) -> Recovery:
        """x0 (rows, n) or (n,), intercept0 (rows,): where to begin; None begins at zero and its best constant."""

    @abstractmethod
    def within(self, steps: int) -> LossSolver:
        """The same solver, allowed this many of the steps that its recoveries count."""


def starting_point(problem: PenalisedLoss, x0: Tensor | None, intercept0: Tensor | None) -> tuple[Tensor, Tensor]:
    """x (rows, n) and c (rows,) in float64, copies."""
    shape = (len(problem.b), problem.A.shape[1])
    like = problem.level
    x = like.new_zeros(shape) if x0 is None else x0.to(like).expand(shape).clone()
    c = like.clone() if intercept0 is None or not problem.intercept else intercept0.to(like).expand(shape[:1]).clone()
    return x, c


def loss_recovery(problem: PenalisedLoss, x: Tensor, c: Tensor, steps: Tensor, tol: float) -> Recovery:
    """The recovery of x as it is handed out, judged by the certificate and by nothing the solver believes."""
    x, c = x.to(problem.A.dtype), c.to(problem.A.dtype)
    judged = loss_gap(problem, x, c)
    ending = torch.where(judged.gap <= tol, Ending.CONVERGED, Ending.STEPS_EXHAUSTED).to(torch.int8)
    intercept = c if problem.intercept else None
    return Recovery(x, ending, judged.residual, steps, judged.gap, judged.objective, intercept=intercept)
