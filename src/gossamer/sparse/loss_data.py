"""A design and its targets under a loss, as a user gives them, ready for a solver, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError, StructureError, did_you_mean
from ..linop import LinearOperator, Standardised, as_operator, as_signals
from ..problem import LOSSES, Loss, PenalisedLoss
from ..solvers import LOSS_SOLVERS, Recovery
from ..terms import L1, Penalty, SeparablePenalty
from .checks import check_gap, check_sample_weights, check_solver, check_x0, within
from .loss_options import LossOptions
from .regression_data import RegressionData

__all__ = ["LossData", "as_loss", "solved", "standards"]


@dataclass(frozen=True, eq=False)
class LossData:
    """A problem without its penalty, and what turns a solver's x into the user's.

    Args: single: the answer is one signal's, without the axis of signals; mean, scale (n,): of the columns, where they
        were standardised.
    """

    problem: PenalisedLoss
    single: bool
    mean: Tensor | None = None
    scale: Tensor | None = None

    @classmethod
    def of(
        cls,
        A: Any,
        b: Any,
        loss: str | Loss,
        *,
        intercept: bool = False,
        sample_weights: Any = None,
        standardise: bool = False,
    ) -> LossData:
        """Raises DataError on shapes, targets, and sample weights that are not positive."""
        design, chosen = as_operator(A.detach() if isinstance(A, Tensor) else A), as_loss(loss)
        m = design.shape[0]
        b = as_signals(b)
        single = chosen.event_ndim == 1 and (b.ndim == 1 or chosen.shift_invariant)
        weights = torch.ones(m, dtype=torch.float64) if sample_weights is None else torch.as_tensor(sample_weights)
        weights = check_sample_weights(weights.to(torch.float64), m)
        targets = chosen.targets(b.detach(), m).to(design.device)
        if 0 in targets.shape:
            raise DataError(f"b has shape {tuple(b.shape)}; give at least one signal")
        mean, scale = standards(design, weights, intercept) if standardise else (None, None)
        design = Standardised(design, mean, scale) if standardise else design
        problem = PenalisedLoss(design, targets, chosen, L1(1.0), weights.to(design.device), intercept)
        return cls(problem, single, mean, scale)

    def start(self, x0: Tensor | None) -> Tensor | None:
        """The user's x0 in the solver's units."""
        return check_x0(x0, len(self.problem.b), self.problem.A.shape[1], self.scale)

    def answer(self, recovery: Recovery) -> Recovery:
        """In the user's shapes and units."""
        if self.scale is not None:
            x, c = recovery.x / self.scale, recovery.intercept
            recovery = replace(recovery, x=x, intercept=c if c is None or self.mean is None else c - x @ self.mean)
        return recovery.one() if self.single else recovery


def standards(A: Any, weights: Tensor, intercept: bool) -> tuple[Tensor | None, Tensor | None]:
    """The columns' mean and scale, as for least squares, blank columns and all; in the graph of A and the weights."""
    design = as_operator(A)
    nothing = torch.zeros(design.shape[0], dtype=design.dtype, device=design.device)
    data = RegressionData.of(design, nothing, intercept=intercept, sample_weights=weights, standardise=True)
    at = data.traced or data
    return at.mean, at.scale


def as_loss(loss: str | Loss) -> Loss:
    """A loss by its name in LOSSES, or as it is. Raises StructureError on a name that is not known."""
    if isinstance(loss, Loss):
        return loss
    if loss not in LOSSES:
        raise StructureError(f"no loss {loss!r}; known: {', '.join(LOSSES)}{did_you_mean(loss, LOSSES)}")
    return LOSSES[loss]()


def solved(data: LossData, penalty: Penalty, options: LossOptions, last: Recovery | None = None) -> Recovery:
    """The solver's own recovery, from x0 or from where the last one ended.

    Args: options: of which these say how: tol, solver, x0, max_steps.
    """
    problem, solver = data.problem.with_penalty(penalty), options.get("solver")
    name = check_solver(_choice(problem.A, penalty) if solver is None else solver, LOSS_SOLVERS)
    begin, constant = (data.start(options.get("x0")), None) if last is None else (last.x, last.intercept)
    method = within(LOSS_SOLVERS[name](tol=check_gap(options.get("tol", 1e-6))), options.get("max_steps"))
    return method.solve(problem, begin, constant)


def _choice(A: LinearOperator, penalty: Penalty) -> str:
    return "prox_newton" if isinstance(penalty, SeparablePenalty) and A.device.type == "cpu" else "fista"
