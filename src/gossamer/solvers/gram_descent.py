"""Many signals over one small design: greedy coordinate descent and Newton steps on the Gram matrix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import inf

import torch
from torch import Tensor

from .. import kernels
from ..errors import StructureError
from ..kernels.checks import PADDED
from ..kernels.rows import spread
from ..problem import LeastSquares
from ..problem.dual_cone import DualCone
from ..terms import SeparablePenalty
from .convex import ConvexSolver, certified, warm
from .outcome import Ending, Recovery

__all__ = ["GramDescent"]

ENTRIES = 1 << 16  # of x, in a part of the signals
LEAST_ROWS, LEAST_PARTS = 64, 8  # of a part, and parts where there are rows enough
GATE = 0.5  # of the tolerance: what the solver's own estimate must promise before the certificate is asked


@dataclass(frozen=True, eq=False)
class Shared:
    """What all signals have in common: the penalty, the kernel's first arguments, and what the certificate needs."""

    penalty: SeparablePenalty
    design: tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
    cone: DualCone | None


@dataclass(frozen=True)
class GramDescent(ConvexSolver):
    """Penalties of the L1 family, for thousands of signals and up to a few thousand columns.

    Each signal moves the coordinate that has farthest to go, up to twenty times; then a Newton step on its support, as
    far as the signs allow. Everything is float64 on the Gram matrix, computed once; the kernel is native where it was
    built. A few hundred signals at a time are solved and certified while they are in the cache, on each of torch's
    threads; which signals these are does not depend on the number of threads.

    Args: tol: the relative duality gap to reach; max_rounds: rounds (coordinates and one Newton step) at most.
    Source: see `kernels.gram_descent`.
    """

    tol: float = 1e-6
    max_rounds: int = 300

    def solve(self, problem: LeastSquares, x0: Tensor | None = None) -> Recovery:
        penalty = problem.penalty
        if not isinstance(penalty, SeparablePenalty):
            raise StructureError(f"Gram descent solves the L1 family, not {type(penalty).__name__}; use FISTA")
        count, n = len(problem.b), problem.A.shape[1]
        rows = _together(count, n) if problem.b.device.type == "cpu" else count
        parts, x = problem.parts(rows), problem.b.new_empty(count, n)
        starts = [None] * len(parts) if x0 is None else warm(problem, x0).double().split(rows)
        run = partial(self._part, Shared(penalty, _design(problem, penalty), DualCone.under(problem.wide, penalty)))
        return Recovery.joined(spread(run, list(zip(parts, starts, x.split(rows), strict=True))), x)

    def _part(self, shared: Shared, problem: LeastSquares, start: Tensor | None, into: Tensor) -> Recovery:
        """Some of the signals; x goes to its place at once, when it is in the cache."""
        found = self._solved(shared, problem, start)
        return replace(found, x=into.copy_(found.x))

    def _solved(self, shared: Shared, problem: LeastSquares, start: Tensor | None) -> Recovery:
        design, penalty, cone = shared.design, shared.penalty, shared.cone
        correlation, squares = problem.correlation, _squares(problem.b)
        x, rounds = kernels.gram_descent(*design, correlation, squares, start, GATE * self.tol, self.max_rounds)
        steps = torch.where(rounds < 0, -1 - rounds, rounds).long()
        found = certified(problem, _inside(penalty, x), steps, self.tol, cone)
        # Where the solver thinks that it is there and the certificate does not, it is asked for all that it can.
        again = (rounds >= 0) & (found.ending != Ending.CONVERGED)
        left = self.max_rounds - int(steps[again].max()) if bool(again.any()) else 0
        if left < 1:
            return found
        more, rounds = kernels.gram_descent(*design, correlation[again], squares[again], x[again], 0.0, left)
        x[again] = more
        steps[again] += torch.where(rounds < 0, -1 - rounds, rounds)
        return certified(problem, _inside(penalty, x), steps, self.tol, cone)

    def within(self, steps: int) -> GramDescent:
        return replace(self, max_rounds=steps)


def _together(count: int, n: int) -> int:
    """Signals that are solved at once: what belongs to them stays in the cache, and threads find enough such parts."""
    return max(LEAST_ROWS, min(ENTRIES // n, count // LEAST_PARTS))


def _design(problem: LeastSquares, penalty: SeparablePenalty) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The Gram matrix as the kernel takes it, the scales that gave it ones, thresholds and bounds in these scales."""
    gram = problem.wide.gram()
    diagonal, n = gram.diagonal() + penalty.ridge, len(gram)
    # A column of zeros stays where it is put whatever its scale; that is at zero, unless it is warm and not penalised.
    scales = torch.where(diagonal > 0, diagonal, 1.0).rsqrt()
    off_diagonal = gram.new_zeros(n, -(n // -PADDED) * PADDED)
    off_diagonal[:, :n] = gram * scales[:, None] * scales
    off_diagonal.diagonal().zero_()
    low, high = (torch.full_like(scales, bound) / scales for bound in penalty.bounds)
    return off_diagonal, scales, penalty.levels(scales).expand_as(scales) * scales, low, high


def _squares(b: Tensor) -> Tensor:
    sizes: Tensor = torch.linalg.vector_norm(b, dim=-1, dtype=torch.float64)
    return sizes * sizes


def _inside(penalty: SeparablePenalty, x: Tensor) -> Tensor:
    """Scaling there and back may end a rounding outside of the bounds."""
    low, high = penalty.bounds
    return x if (low, high) == (-inf, inf) else x.clamp_(low, high)
