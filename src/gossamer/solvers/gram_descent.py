"""Many signals over one small design: greedy coordinate descent and Newton steps on the Gram matrix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import torch
from torch import Tensor

from .. import kernels
from ..errors import StructureError
from ..problem import LeastSquares
from ..terms import SeparablePenalty
from .convex import ConvexSolver, certified, warm
from .outcome import Ending, Recovery

__all__ = ["GramDescent"]

GATE = 0.5  # of the tolerance: what the solver's own estimate must promise before the certificate is asked


@dataclass(frozen=True)
class GramDescent(ConvexSolver):
    """Penalties of the L1 family, for thousands of signals and up to a few thousand columns.

    Each signal moves the coordinate that has farthest to go, fifteen times; then a Newton step on its support, as far
    as the signs allow. Everything is float64 on the Gram matrix, computed once. The kernel is native where it was
    built, spread over torch's threads; a signal's arithmetic depends neither on these nor on the others in its batch.

    Args: tol: the relative duality gap to reach; max_rounds: rounds (fifteen coordinates and one Newton step) at most.
    Source: see `kernels.gram_descent`.
    """

    tol: float = 1e-6
    max_rounds: int = 300

    def solve(self, problem: LeastSquares, x0: Tensor | None = None) -> Recovery:
        penalty = problem.penalty
        if not isinstance(penalty, SeparablePenalty):
            raise StructureError(f"Gram descent solves the L1 family, not {type(penalty).__name__}; use FISTA")
        start = None if x0 is None else warm(problem, x0).double()
        design, correlation, squares = _design(problem, penalty), problem.correlation, _squares(problem.b)
        x, rounds = kernels.gram_descent(*design, correlation, squares, start, GATE * self.tol, self.max_rounds)
        steps = torch.where(rounds < 0, -1 - rounds, rounds).long()
        found = certified(problem, _inside(penalty, x), steps, self.tol)
        # Where the solver thinks that it is there and the certificate does not, it is asked for all that it can.
        again = (rounds >= 0) & (found.ending != Ending.CONVERGED)
        left = self.max_rounds - int(steps[again].max()) if bool(again.any()) else 0
        if left < 1:
            return found
        more, rounds = kernels.gram_descent(*design, correlation[again], squares[again], x[again], 0.0, left)
        x[again] = more
        steps[again] += torch.where(rounds < 0, -1 - rounds, rounds)
        return certified(problem, _inside(penalty, x), steps, self.tol)

    def within(self, steps: int) -> GramDescent:
        return replace(self, max_rounds=steps)


def _design(problem: LeastSquares, penalty: SeparablePenalty) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The Gram matrix with ones on its diagonal, the scales that made them, thresholds and bounds in these scales."""
    gram = problem.wide.gram()
    diagonal = gram.diagonal() + penalty.ridge
    # A column of zeros stays where it is put whatever its scale; that is at zero, unless it is warm and not penalised.
    scales = torch.where(diagonal > 0, diagonal, 1.0).rsqrt()
    gram = gram * scales[:, None] * scales
    gram.diagonal().fill_(1.0)
    low, high = (torch.full_like(scales, bound) / scales for bound in penalty.bounds)
    return gram, scales, penalty.levels(scales).expand_as(scales) * scales, low, high


def _squares(b: Tensor) -> Tensor:
    sizes: Tensor = torch.linalg.vector_norm(b, dim=-1, dtype=torch.float64)
    return sizes * sizes


def _inside(penalty: SeparablePenalty, x: Tensor) -> Tensor:
    """Scaling there and back may end a rounding outside of the bounds."""
    low, high = penalty.bounds
    return x if (low, high) == (-inf, inf) else x.clamp_(low, high)
