"""Coordinate descent on a growing working set, with Newton steps on the support."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import isfinite
from typing import cast

import torch
from torch import Tensor

from ..errors import DataError, StructureError
from ..problem import Certificate, LeastSquares, duality_gap
from ..terms import SeparablePenalty
from .convex import ConvexSolver, recovered, warm
from .gram_pool import GramPool
from .gram_quadratic import GramQuadratic
from .outcome import Recovery
from .support_factor import Indices, SupportFactor

__all__ = ["CoordinateDescent"]

FIRST = 100  # columns by which a working set grows at least, ...
SHARE = 1 / 64  # ... and this share of all: the dearer a look at A, the more is taken from each
# How far towards the worst violator left out an inner problem raises its levels: at levels that do not yet let it in,
# the columns that are in fit less of what it explains, and the next look picks better.
RAISE = 1 / 3
# Of the working set: where fewer are added, this round may be the last, and is solved and judged as such.
SETTLED = 0.07
LOOSE = 0.1  # of the worst violation outside: how well the inner problem is solved in the rounds before
TIGHT = 0.1  # the inner problem's share of the tolerance, lowered when the whole does not meet its own
FINEST = 1e-14  # of max |A'b|: rounding of the inner gradient in float64


@dataclass(frozen=True)
class CoordinateDescent(ConvexSolver):
    """Penalties of the L1 family, one signal after another, for designs with many columns.

    A round adds the columns that violate optimality most (half as many as there are nonzeros, at least 100 and a 64th
    of all), extends their Gram matrix by matrix products, solves the small problem in float64 and looks at all columns
    again. While violators must be left out the small problem has a larger penalty, by a third of the way to the one
    that would keep them at zero: λ falls as the working set grows. The small problem is solved by coordinate descent
    for which entries, and Newton steps for how large (`gram_quadratic`).
    A is read once a round, and once more where the certificate is asked. It is only multiplied and asked for columns
    of the working set: a sparse design is never made dense as a whole, and where its columns hold few entries they are
    swept as such, without a Gram matrix.

    Args: tol: the relative duality gap to reach; max_rounds: rounds at most.
    Source: working sets as in Massias, Gramfort and Salmon 2018 and Bertrand et al. 2022. Both extrapolate by Anderson;
        here a Newton step takes its place, which near as many nonzeros as samples converges where extrapolation crawls.
    """

    tol: float = 1e-6
    max_rounds: int = 100

    def solve(self, problem: LeastSquares, x0: Tensor | None = None, pool: GramPool | None = None) -> Recovery:
        """pool: columns known from an earlier solve with this very design."""
        self._check(problem)
        pool = pool or GramPool(problem.wide)
        start = warm(problem, x0).double()
        factor = SupportFactor()
        signals = [_Signal(problem, pool, factor, row, start[row], self.tol) for row in range(len(start))]
        return self._together(problem, signals, [signal.solve(self.max_rounds) for signal in signals])

    def along(self, problem: LeastSquares, penalties: Iterable[SeparablePenalty]) -> Iterator[Recovery]:
        """One signal under one penalty after another, each begun where the last one ended.

        What A'r was there is known, so a penalty that moves x little costs one certificate. Columns that enter next are
        told beforehand, and so found without another look at A, where their correlations move at most as fast as the
        penalty: the strong rule of Tibshirani et al. 2012, which here is a guess and is checked.
        """
        signal: _Signal | None = None
        for penalty in penalties:
            at = problem.with_penalty(penalty)
            if signal is None:
                self._check(at)
                signal = _Signal(at, GramPool(at.wide), SupportFactor(), 0, warm(at, None)[0].double(), self.tol)
                judged = signal.solve(self.max_rounds)
            else:
                judged = signal.moved_on(penalty, self.max_rounds)
            yield self._together(at, [signal], [judged])

    def _check(self, problem: LeastSquares) -> None:
        if not isinstance(problem.penalty, SeparablePenalty):
            raise StructureError(
                f"coordinate descent solves the L1 family, not {type(problem.penalty).__name__}; use FISTA"
            )
        if problem.A.device.type != "cpu":
            raise DataError(f"coordinate descent works on the CPU, A is on {problem.A.device}; use FISTA there")

    def _together(self, problem: LeastSquares, signals: list[_Signal], judged: list[Certificate]) -> Recovery:
        x = torch.stack([signal.x for signal in signals])
        return recovered(problem, x, judged, torch.tensor([signal.rounds for signal in signals]), self.tol)

    def within(self, steps: int) -> CoordinateDescent:
        return replace(self, max_rounds=steps)


class _Signal:
    """One signal's way to its solution."""

    def __init__(
        self, problem: LeastSquares, pool: GramPool, factor: SupportFactor, row: int, x: Tensor, tol: float
    ) -> None:
        self.problem, self.pool, self.x, self.tol = problem, pool, x, tol
        self.factor = factor
        self.target = problem.b[row]
        self.b = self.target.double()
        self.slope = problem.correlation[row]
        self.most = float(self.slope.abs().max())
        self.half = 0.5 * float(self.b @ self.b)
        self.working = torch.zeros(len(x), dtype=torch.bool)
        self._under(cast(SeparablePenalty, problem.penalty))

    def _under(self, penalty: SeparablePenalty) -> None:
        self.penalty, self.share, self.rounds = penalty, TIGHT, 0
        self.levels = penalty.levels(self.b).expand(len(self.x))
        least = float(torch.where(self.levels > 0, self.levels, torch.inf).min())
        self.unit = least if isfinite(least) else self.most

    def moved_on(self, penalty: SeparablePenalty, max_rounds: int) -> Certificate:
        """Solve under another penalty, from the present x and slope."""
        last, levels = self.penalty, self.levels
        self._under(penalty)
        self.slope = self.slope + (last.ridge - penalty.ridge) * self.x
        self._grow(self.levels - (levels - self.levels).clamp(min=0))
        self._inner(0.0)
        self.rounds = 1
        return self._rounds(self._judge(), max_rounds)

    def solve(self, max_rounds: int) -> Certificate:
        """Rounds until the certificate is below the tolerance, no round changes anything, or none is left.

        A round that adds no column and leaves the gap short asks more of the next inner problem.
        """
        wrong = self.penalty.outside(self.x, self.slope, self.levels)
        near = float(wrong.max()) <= 2 * self.tol**0.5 * self.most  # at zero the gap is about the square of this
        return self._rounds(self._judge() if near or bool(self.x.any()) else None, max_rounds)

    def _rounds(self, judged: Certificate | None, max_rounds: int) -> Certificate:
        while judged is None or float(judged.gap) > self.tol:
            before = self.x
            added, worst, raised = self._grow(self.levels)
            settled = raised == 1 and added <= SETTLED * int(self.working.sum())
            self._inner(0.0 if settled else LOOSE * worst, raised)
            self.rounds += 1
            stuck = not added and self.share < TIGHT and torch.equal(before, self.x)
            if stuck or self.rounds == max_rounds:
                return self._judge()
            self.share *= 1.0 if added else 0.1
            if settled or (raised == 1 and self.penalty.ridge):  # with a ridge what is a little wrong costs its square
                judged = self._judge()
            else:
                self._look()
        return judged

    def _look(self) -> None:
        """A'r − ridge·x anew from x: nothing that was updated step by step is believed."""
        wanted = self.x.numpy().nonzero()[0]
        fit = self.pool.forward(self.pool.places(wanted), self.x.numpy()[wanted])
        self.slope = self.problem.wide.rmv(self.b - fit) - self.penalty.ridge * self.x

    def _judge(self) -> Certificate:
        """The certificate of x as it is handed out, and the slope that it found."""
        self.x = self.x.to(self.target.dtype).double()
        judged = duality_gap(self.problem.wide, self.target, self.penalty, self.x)
        if judged.slope is None:
            self._look()
        else:
            self.slope = judged.slope
        return judged

    def _grow(self, levels: Tensor) -> tuple[int, float, float]:
        """Take the worst violators of `levels` in beside the nonzeros.

        Returns: how many were added; how wrong the worst was; by which factor the coming inner problem had better raise
            its levels, in view of the violators that had to be left out.
        """
        wrong = self.penalty.outside(self.x, self.slope, levels)
        nonzero = self.x != 0
        self.working |= nonzero
        wrong.masked_fill_(self.working, 0.0)
        count = max(FIRST, int(SHARE * len(wrong)), int(self.pool.growth * int(nonzero.sum())))
        most = wrong.topk(min(count, len(wrong)))
        new = most.indices[: int((most.values > 0).sum())]
        self.working[new] = True
        wrong[new] = 0.0
        left = float((wrong / levels).nan_to_num(posinf=0.0).max())
        return len(new), float(most.values[0]), 1 + RAISE * left

    def _inner(self, accuracy: float, raised: float = 1.0) -> None:
        indices = self.working.numpy().nonzero()[0]
        places: Indices | None = self.pool.places(indices)
        if 2 * len(indices) >= len(self.pool.indices):  # more columns do no harm, and need no copy of the Gram matrix
            places, indices = None, self.pool.indices
        size = float(self.x.abs().sum())
        last = self.share * self.tol * (self.half / size if size else self.unit)
        accuracy = max(accuracy, last, FINEST * self.most)
        levels = raised * self.levels.numpy()[indices]
        start = self.x.numpy()[indices], self.slope.numpy()[indices]
        found, left, settled = self.pool.swept(places, levels, self.penalty, *start, accuracy)
        if not settled:
            low, high = self.penalty.bounds
            inner = GramQuadratic(self.pool.gram, places, levels, low, high, self.penalty.ridge, self.factor)
            found = inner.solve(found, left, accuracy)
        self.x = torch.zeros_like(self.x)
        self.x.numpy()[indices] = found
