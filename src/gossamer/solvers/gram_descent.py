"""Many signals over one small design: greedy coordinate descent on the Gram matrix, all signals at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import StructureError
from ..problem import LeastSquares, duality_gap
from ..terms import SeparablePenalty
from .convex import ConvexSolver, certified, warm
from .outcome import Recovery

__all__ = ["GramDescent"]

TOGETHER = 512  # signals at once: their correlations stay in the cache
GREEDY = 12  # coordinate steps between two Newton steps
GATE = 0.5  # of the tolerance: what the optimality measure must promise before the gap is computed


@dataclass(eq=False)
class _Batch:
    """x, h = A'b − (G + ridge)x, and the row of each signal that still runs."""

    x: Tensor
    h: Tensor
    rows: Tensor

    def keep(self, which: Tensor) -> _Batch:
        return _Batch(self.x[which], self.h[which], self.rows[which])


@dataclass(frozen=True)
class GramDescent(ConvexSolver):
    """Penalties of the L1 family, for thousands of signals and up to a few thousand columns.

    Each signal moves the coordinate that lowers its objective most, a dozen times; then a Newton step on its support,
    as far as the signs allow. Both are vectorised over signals, in float64 on the Gram matrix, which is computed once.
    A signal's arithmetic does not depend on the others in its batch, but for the order of sums in a batched product.

    Args: tol: the relative duality gap to reach; max_rounds: rounds (a dozen coordinates and one Newton step) at most.
    Source: greedy rule, Dhillon, Ravikumar and Tewari 2011; the Newton step is that of feature-sign search (Lee et al.
        2006), which adds one entry at a time.
    """

    tol: float = 1e-6
    max_rounds: int = 300

    def solve(self, problem: LeastSquares, x0: Tensor | None = None) -> Recovery:
        if not isinstance(problem.penalty, SeparablePenalty):
            raise StructureError(f"Gram descent solves the L1 family, not {type(problem.penalty).__name__}; use FISTA")
        x = warm(problem, x0).double()
        gram = problem.wide.gram()
        ridge = problem.penalty.ridge
        if ridge:
            gram = gram + ridge * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        steps = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        rows = torch.arange(len(x), device=x.device)
        correlation = problem.correlation
        for some in rows.split(TOGETHER):
            batch = _Batch(x[some], correlation[some] - x[some] @ gram, some)
            self._run(problem, gram, batch, x, steps)
        return certified(problem, x, steps, self.tol)

    def within(self, steps: int) -> GramDescent:
        return replace(self, max_rounds=steps)

    def _run(self, problem: LeastSquares, gram: Tensor, batch: _Batch, x: Tensor, steps: Tensor) -> None:
        """One batch to its end; results go to x and steps."""
        penalty = problem.penalty
        assert isinstance(penalty, SeparablePenalty), "checked on entry"
        for _ in range(self.max_rounds):
            running = ~self._reached(problem, batch)
            x[batch.rows] = batch.x
            batch = batch.keep(running)
            if not len(batch.rows):
                return
            _descend(penalty, gram, batch)
            _newton(penalty, gram, batch)
            batch.h = problem.correlation[batch.rows] - batch.x @ gram
            steps[batch.rows] += 1
        x[batch.rows] = batch.x

    def _reached(self, problem: LeastSquares, batch: _Batch) -> Tensor:
        """The gap, of those whose optimality measure promises one: ‖x‖₁ times the worst violation is a part of it."""
        b = problem.b[batch.rows].double()
        slope = problem.penalty.ridge * batch.x
        wrong = problem.penalty.subdiff_distance(batch.x, -(batch.h + slope))
        near = wrong * batch.x.abs().sum(-1) <= GATE * self.tol * (b * b).sum(-1)
        reached = torch.zeros_like(near)
        gap = duality_gap(problem.wide, b[near], problem.penalty, batch.x[near]).gap
        reached[near] = gap <= self.tol
        return reached


def _descend(penalty: SeparablePenalty, gram: Tensor, batch: _Batch) -> None:
    """A dozen times: the coordinate with the largest d_j·δ_j², which is at least half of what it gains."""
    x, h = batch.x, batch.h
    diagonal = gram.diagonal()
    safe = torch.where(diagonal > 0, diagonal, 1.0)
    root, threshold = diagonal.sqrt(), penalty.levels(x) / safe
    low, high = penalty.bounds
    every = torch.arange(len(x), device=x.device)
    for _ in range(GREEDY):
        z = x + h / safe
        move = (z - z.clamp(-threshold, threshold)).clamp(low, high) - x
        best = (move.abs() * root).argmax(-1)
        size = move[every, best]
        x[every, best] += size
        h -= size[:, None] * gram[best]


def _newton(penalty: SeparablePenalty, gram: Tensor, batch: _Batch) -> None:
    """Minimise over the orthant of the present signs, up to where the first entry would leave it.

    Where clipping all entries that would leave lowers the objective more, that is done instead.
    """
    x, h = batch.x, batch.h
    low, high = penalty.bounds
    inside = (x != 0) & (x > low) & (x < high)
    widest = int(inside.sum(-1).max())
    if not widest:
        return
    held, places = inside.to(torch.int8).topk(widest, dim=-1)
    held = held.bool()
    values, sign = x.gather(-1, places), x.gather(-1, places).sign()
    level = penalty.levels(x).expand_as(x).gather(-1, places)
    slope = torch.where(held, h.gather(-1, places) - level * sign, 0.0)
    block = gram[places[:, :, None], places[:, None, :]] * (held[:, :, None] & held[:, None, :])
    block = block + torch.diag_embed((~held).to(block.dtype))
    factor, info = torch.linalg.cholesky_ex(block)
    move = torch.where((info == 0)[:, None], torch.cholesky_solve(slope[..., None], factor)[..., 0], 0.0)
    move = torch.where(torch.isfinite(move), move, 0.0)
    floor = torch.where(sign > 0, torch.full_like(sign, max(0.0, low)), low)
    roof = torch.where(sign < 0, torch.full_like(sign, min(0.0, high)), high)
    landed = torch.minimum(torch.maximum(values + move, floor), roof)
    crossing = landed != values + move
    reach = torch.where(crossing, (landed - values) / torch.where(crossing, move, 1.0), 1.0)
    least = reach.amin(-1, keepdim=True)
    short = torch.where(crossing & (reach == least), landed - values, least * move)
    clipped = landed - values

    def gain(step: Tensor) -> Tensor:
        curved = (block @ step[..., None])[..., 0]
        return ((slope - 0.5 * curved) * step).sum(-1, keepdim=True)  # signs hold, so |x| is linear here

    step = torch.where(gain(clipped) >= gain(short), clipped, short)
    step = torch.where(held & (gain(step) > 0), step, 0.0)
    x.scatter_add_(-1, places, step)
