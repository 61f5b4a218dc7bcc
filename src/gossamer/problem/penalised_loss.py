"""A loss of a linear predictor with a penalty: what solvers of generalised linear models are given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import LinearOperator
from ..terms import Penalty
from .least_squares import widened
from .losses import Loss

__all__ = ["PenalisedLoss"]

STEPS = 60  # of Newton in one unknown a row, which takes about ten
HALVINGS = 40  # of one step: exp overflows from 710 on, and a first guess may be that far off


@dataclass(frozen=True, eq=False)
class PenalisedLoss:
    """min_{x, c} f(Ax + c; b) + Ω(x), one problem for each row of x.

    Where the loss or the penalty has `event_ndim` 2, all rows (classes, tasks) are one problem; a penalty of
    `event_ndim` 1 is then added up over them.

    Args: A (m, n), real; b as `loss.targets` returns it; weights (m,) > 0 of the samples, float64; intercept: fit c,
        one number a row, unpenalised, instead of 0.
    Raises: DataError on dtypes, NaN or infinity, an intercept that a loss does not know; StructureError where Ω does
        not fit n.
    """

    A: LinearOperator
    b: Tensor
    loss: Loss
    penalty: Penalty
    weights: Tensor
    intercept: bool = False

    def __post_init__(self) -> None:
        if self.A.dtype not in (torch.float32, torch.float64):
            raise DataError(f"A is {self.A.dtype}; convex solvers take float32 and float64, so convert A")
        if self.intercept and self.loss.shift_invariant:
            raise DataError(f"{type(self.loss).__name__} does not change with a constant; leave intercept=False")
        self.penalty.check(self.A.shape[1])
        if not bool(torch.isfinite(self.slope_at_zero).all()):
            raise DataError("A holds NaN or infinity (A'∇f is not finite); drop or fill those entries")

    def with_penalty(self, penalty: Penalty) -> PenalisedLoss:
        """The same data under another penalty; what was computed from A and b is kept."""
        other = PenalisedLoss.__new__(PenalisedLoss)
        vars(other).update(vars(self), penalty=penalty)
        vars(other).pop("at_zero", None)  # it is added up over what the penalty takes for one problem
        penalty.check(self.A.shape[1])
        return other

    def only(self, rows: slice | Tensor) -> PenalisedLoss:
        """The problem of some rows; what was computed from A and b is kept."""
        other = PenalisedLoss.__new__(PenalisedLoss)
        vars(other).update(vars(self), b=self.b[rows], level=self.level[rows], slope_at_zero=self.slope_at_zero[rows])
        vars(other).pop("at_zero", None)
        return other

    @property
    def event_ndim(self) -> int:
        """1: every row is a problem; 2: all rows are one."""
        return max(self.loss.event_ndim, self.penalty.event_ndim)

    @cached_property
    def wide(self) -> LinearOperator:
        """A in float64."""
        return widened(self.A)

    @cached_property
    def level(self) -> Tensor:
        """The constant that fits b best, (rows,), float64; 0 without an intercept."""
        zero = torch.zeros(len(self.b), dtype=torch.float64, device=self.b.device)
        return _best_constant(self, zero) if self.intercept else zero

    @cached_property
    def at_zero(self) -> Tensor:
        """The objective at x = 0, with c fitted where there is an intercept, (problems,) or ()."""
        z = self.level[:, None].expand(-1, self.A.shape[0])
        return self.total_loss(z)

    @cached_property
    def slope_at_zero(self) -> Tensor:
        """−A'∇f at x = 0 and that constant, (rows, n), float64."""
        z = self.level[:, None].expand(-1, self.A.shape[0])
        return -self.wide.rmv(self.loss.gradient(z, self.b, self.weights))

    def predictor(self, x: Tensor, intercept: Tensor) -> Tensor:
        """z = Ax + c, (rows, m), in float64."""
        return self.wide.mv(x.double()) + intercept.double()[:, None]

    def total_loss(self, z: Tensor) -> Tensor:
        """f(z) of each problem."""
        return added(self.loss.value(z, self.b, self.weights), self.event_ndim - self.loss.event_ndim)

    def total_penalty(self, x: Tensor) -> Tensor:
        """Ω(x) of each problem."""
        return added(self.penalty.value(x), self.event_ndim - self.penalty.event_ndim)


def added(values: Tensor, axes: int) -> Tensor:
    """Summed over the last `axes` axes, 0 or 1."""
    return values.sum(-1) if axes else values


def _best_constant(problem: PenalisedLoss, start: Tensor) -> Tensor:
    """argmin_c f(c·1) by Newton with halving; the curvature's bound makes every step a descent for all losses here."""
    loss, b, w = problem.loss, problem.b, problem.weights
    m = problem.A.shape[0]

    def value(c: Tensor) -> Tensor:
        return loss.value(c[:, None].expand(-1, m), b, w)

    c = start
    for _ in range(STEPS):
        z = c[:, None].expand(-1, m)
        slope = loss.gradient(z, b, w).sum(-1)
        step = -slope / loss.curvature(z, b, w).sum(-1).clamp(min=torch.finfo(torch.float64).tiny)
        length = torch.ones_like(c)
        for _ in range(HALVINGS):
            length = torch.where(value(c + length * step) <= value(c), length, length / 2)
        moved = torch.where(value(c + length * step) < value(c), c + length * step, c)
        if bool((moved == c).all()):
            break
        c = moved
    return c
