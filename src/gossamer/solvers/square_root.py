"""The square-root Lasso, by Lassos whose penalty follows the residual."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import StructureError
from ..problem import LeastSquares, square_root_gap
from ..terms import L1
from .coordinate_descent import CoordinateDescent
from .gram_pool import GramPool
from .homotopy import follow
from .outcome import Ending, Recovery

__all__ = ["SquareRoot"]

FIRST = 1e-5  # the first Lasso's gap, which has only to find a support; each further one is asked for a tenth
FINEST = 1e-12
SPENT = 1e-12  # of ‖b‖: a least-squares residual this small is rounding
DEPENDENT = 1e-10  # relative: a support whose triangle has a smaller pivot has no closed form


@dataclass(frozen=True)
class SquareRoot:
    """min_x ‖Ax − b‖₂ + λ Σ_j w_j|x_j|, one signal after another, on the CPU.

    The minimum of ‖r‖²/(2σ) + σ/2 over σ is ‖r‖, at σ = ‖r‖. So x is the Lasso's solution at penalty λσ where σ is
    its own residual norm. On a support S with signs s, and v = λ·w_S·s,

        ‖r(σ)‖² = ‖r_S‖² + σ²·v'(A_S'A_S)⁻¹v,  which is σ² at σ = ‖r_S‖/√(1 − v'(A_S'A_S)⁻¹v),

    r_S the residual of least squares on S. A Lasso gives S and s, those give σ and x, and the gap tells whether they
    are right; if not, the next Lasso is solved at that σ. Where the root is not real, b is explained exactly, and x is
    the end of the Lasso's path.

    Args: tol: the gap to reach relative to ‖b‖; max_rounds: Lassos at most.
    Source: Belloni, Chernozhukov and Wang 2011; σ as an unknown, Sun and Zhang 2012.
    """

    tol: float = 1e-6
    max_rounds: int = 50

    def solve(self, problem: LeastSquares, x0: Tensor | None = None) -> Recovery:
        """x0 (signals, n) or (n,): where to begin."""
        penalty = problem.penalty
        if not isinstance(penalty, L1) or penalty.free is not None:
            raise StructureError(f"the square-root Lasso takes L1 with strength and weights > 0, not {penalty}")
        pool, found, rounds = GramPool(problem.wide), [], []
        for row in range(len(problem.b)):
            one = LeastSquares(problem.A, problem.b[row : row + 1], penalty)
            start = None if x0 is None else x0.expand(len(problem.b), -1)[row]
            x, count = self._one(one, penalty, pool, start)
            found.append(x)
            rounds.append(count)
        x = torch.cat(found).to(problem.b.dtype)
        judged = square_root_gap(problem.wide, problem.b, penalty, x)
        ending = torch.where(judged.gap <= self.tol, Ending.CONVERGED, Ending.STEPS_EXHAUSTED).to(torch.int8)
        return Recovery(x, ending, judged.residual, torch.tensor(rounds), judged.gap, judged.objective)

    def within(self, steps: int) -> SquareRoot:
        return replace(self, max_rounds=steps)

    def _one(self, problem: LeastSquares, penalty: L1, pool: GramPool, start: Tensor | None) -> tuple[Tensor, int]:
        x = torch.zeros(1, problem.A.shape[1], dtype=torch.float64) if start is None else start.double()[None]
        judged = square_root_gap(problem.wide, problem.b, penalty, x)
        sigma, tol = float(judged.residual), FIRST
        for count in range(self.max_rounds):
            if float(judged.gap) <= self.tol:
                return x, count
            at = problem.with_penalty(L1(penalty.strength * sigma, penalty.weights))
            x = CoordinateDescent(tol=tol).solve(at, x, pool).x.double()
            sigma, tol = _residual(problem, x), max(0.1 * tol, FINEST)
            closed = _on_support(problem, penalty, x[0])
            if closed is not None:
                sigma, x = closed[0], closed[1][None]
            if closed is not None and sigma == 0:
                return self._exact(problem, penalty), count + 1
            judged = square_root_gap(problem.wide, problem.b, penalty, x)
        return x, self.max_rounds

    def _exact(self, problem: LeastSquares, penalty: L1) -> Tensor:
        """The Lasso's path down to where the residual is below what the gap asks."""
        weights = penalty.levels(problem.correlation[0]).expand(problem.A.shape[1]).numpy() / penalty.strength
        b = problem.b[0].double().numpy()
        until = 0.5 * self.tol * penalty.strength * float((b**2).sum() ** 0.5)
        last = deque(follow(problem.wide.dense().numpy() / weights, b, until=until), maxlen=1)[0]
        return torch.from_numpy(last.x / weights)[None]


def _residual(problem: LeastSquares, x: Tensor) -> float:
    return float(torch.linalg.vector_norm(problem.wide.mv(x) - problem.b.double()))


def _on_support(problem: LeastSquares, penalty: L1, x: Tensor) -> tuple[float, Tensor] | None:
    """σ and x of the closed form; σ = 0 where the root is not real, None where the support's columns depend."""
    S = x.nonzero()[:, 0]
    if not len(S) or len(S) > problem.A.shape[0]:
        return None
    Q, R = torch.linalg.qr(problem.wide.columns(S))
    pivots = R.diagonal().abs()
    if float(pivots.min()) <= DEPENDENT * float(pivots.max()):
        return None
    b = problem.b[0].double()
    within = Q.mT @ b
    v = penalty.levels(x).expand_as(x)[S] * x[S].sign()
    h = torch.linalg.solve_triangular(R.mT, v[:, None], upper=False)[:, 0]
    left = 1 - float(h @ h)
    rest = float(torch.linalg.vector_norm(b - Q @ within))
    sigma = rest / left**0.5 if left > 0 and rest > SPENT * float(torch.linalg.vector_norm(b)) else 0.0
    whole = torch.zeros_like(x)
    whole[S] = torch.linalg.solve_triangular(R, (within - sigma * h)[:, None], upper=True)[:, 0]
    return sigma, whole
