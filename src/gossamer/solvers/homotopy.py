"""The Lasso's exact path: piecewise linear in the penalty, followed from breakpoint to breakpoint."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import StructureError
from ..problem import LeastSquares
from ..terms import L1
from .convex import ConvexSolver, certified
from .outcome import Recovery
from .support_inverse import SupportInverse

__all__ = ["Breakpoint", "Homotopy", "follow"]

Array = NDArray[np.float64]
PARALLEL = 1e-12  # a correlation that keeps up with the level this closely never meets it
NEAR = 1e-12  # of the largest level: once the residual is spent all correlations meet the level, at 0, up to rounding


@dataclass(frozen=True, eq=False)
class Breakpoint:
    """Where the path bends: the penalty, x there, and the dual direction d = A_S(A_S'A_S)⁻¹s of the piece before it.

    On that piece the residual moves along d: r(λ) = r(λ₀) − (λ₀ − λ)d, and A_S'd = s.
    """

    penalty: float
    x: Array
    dual: Array


def follow(A: Array, b: Array, until: float = 0.0, residual: float = 0.0) -> Iterator[Breakpoint]:
    """Yield the breakpoints of min ½‖Ax − b‖² + λ‖x‖₁ from the largest λ with a nonzero solution down to `until`.

    At each λ the active columns have correlation ±λ with the residual. As λ falls x_S moves along (A_S'A_S)⁻¹s until
    a column reaches that level (it enters) or an entry reaches zero (it leaves). Columns that depend on the active ones
    stay out: they cannot change the fit.

    Args: A (m, n), b (m,) float64; until: the last λ; residual: stop where ‖Ax − b‖ falls to this.
    Yields: breakpoints by falling λ, the last one at `until` or at the residual. A path that ends before either went
        through more breakpoints than 20 times the smaller side of A allows.
    Source: Osborne, Presnell and Turlach 2000; Efron, Hastie, Johnstone and Tibshirani 2004.
    """
    # Scaled by powers of two, which is exact: squares of very large or small entries would leave the range of float64.
    wide, tall = _power(A), _power(b)
    with np.errstate(over="ignore"):  # a level beyond all of the path's is as good as infinite
        until, residual = float(np.ldexp(until, -wide - tall)), float(np.ldexp(residual, -tall))
    for bend in _followed(np.ldexp(A.T, -wide), np.ldexp(b, -tall), until, residual):
        level = float(np.ldexp(bend.penalty, wide + tall))
        yield Breakpoint(level, np.ldexp(bend.x, tall - wide), np.ldexp(bend.dual, -wide))


def _power(entries: Array) -> int:
    """The exponent of the largest entry."""
    return int(np.frexp(np.abs(entries).max(initial=0.0))[1])


def _followed(At: Array, b: Array, until: float, residual: float) -> Iterator[Breakpoint]:
    """The path of entries of size about 1; At (n, m)."""
    rows = np.ascontiguousarray(At)
    x, left, signs = np.zeros(len(rows)), b.copy(), np.zeros(len(rows))
    barred = np.zeros(len(rows), bool)
    active = SupportInverse(rows)
    c = rows @ left
    level = float(np.abs(c).max(initial=0.0))
    start = level
    yield Breakpoint(level, x.copy(), np.zeros_like(b))
    if level <= until or float(np.linalg.norm(b)) <= residual:
        return
    entering, gone = int(np.abs(c).argmax()), -1
    for _ in range(20 * min(At.shape) + 20):
        if entering >= 0:
            signs[entering] = np.sign(c[entering])
            barred[entering] = not active.add(entering)
        S = active.support
        direction = active.inverse @ signs[S]
        dual = direction @ rows[S]
        meet = _meetings(level, c, rows @ dual, signs[gone] if gone >= 0 else 0.0, gone)
        meet[S], meet[barred] = np.inf, np.inf
        zero = np.where(x[S] * direction < 0, -x[S] / np.where(direction, direction, 1.0), np.inf)
        end = min(level - until, _to_residual(left, dual, residual))
        enter, leave = int(meet.argmin()), int(zero.argmin()) if len(S) else -1
        go = min(end, float(meet[enter]), float(zero[leave]))
        if end - go <= NEAR * max(end, start):
            go = end
        x[S] += go * direction
        left, level = left - go * dual, level - go
        c = rows @ left
        entering, gone = -1, -1
        if go == end:
            yield Breakpoint(level, x.copy(), dual)
            return
        if go == zero[leave]:
            gone = int(S[leave])
            x[gone] = 0.0
            active.drop(gone)
            barred[:] = False
        else:
            entering = enter
        yield Breakpoint(level, x.copy(), dual)


def _meetings(level: float, c: Array, slope: Array, sign: float, gone: int) -> Array:
    """How far the level falls until each correlation meets it from inside; ∞ where it never does."""
    up, down = 1 - slope, 1 + slope
    above = np.where(up > PARALLEL, np.maximum(level - c, 0.0) / np.where(up > PARALLEL, up, 1.0), np.inf)
    below = np.where(down > PARALLEL, np.maximum(level + c, 0.0) / np.where(down > PARALLEL, down, 1.0), np.inf)
    if gone >= 0:  # it stands at the level it has just left, up to rounding
        (above if sign > 0 else below)[gone] = np.inf
    meeting: Array = np.minimum(above, below)
    return meeting


def _to_residual(left: Array, dual: Array, residual: float) -> float:
    """The smallest t ≥ 0 with ‖left − t·dual‖ = residual; ∞ without one, and for residual 0, which λ = 0 reaches."""
    if residual <= 0:
        return float("inf")
    a, half, rest = float(dual @ dual), float(dual @ left), float(left @ left) - residual**2
    root = half * half - a * rest
    return (half - root**0.5) / a if root >= 0 and a > 0 else float("inf")


@dataclass(frozen=True)
class Homotopy(ConvexSolver):
    """The Lasso by its exact path, from the largest useful penalty down to the wanted one; dense and in float64.

    Args: tol: what the certificate is held against; the path itself has no tolerance.
    """

    tol: float = 1e-6

    def solve(self, problem: LeastSquares, x0: Tensor | None = None) -> Recovery:
        """x0 plays no part: the path begins at zero."""
        penalty = problem.penalty
        if not isinstance(penalty, L1) or penalty.weights is not None:
            raise StructureError("homotopy follows L1 without weights or bounds; use coordinate descent or FISTA")
        A = problem.wide.dense().cpu().numpy()
        x, steps = [], []
        for row in problem.b.double().cpu().numpy():
            count, last = deque(enumerate(follow(A, row, until=penalty.strength)), maxlen=1)[0]
            x.append(torch.from_numpy(last.x))
            steps.append(count)
        return certified(problem, torch.stack(x).to(problem.b.device), torch.tensor(steps), self.tol)

    def within(self, steps: int) -> Homotopy:
        """Itself: the path has as many pieces as it has, and half of it is the solution to another problem."""
        return self
