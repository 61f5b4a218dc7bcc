"""A small penalised quadratic, solved tightly: the inner problem of working sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["GramQuadratic"]

Array = NDArray[np.float64]
SWEEPS = 1000


@dataclass(eq=False)
class GramQuadratic:
    """min_x ½x'Gx − c'x + Σ level_j|x_j|, low ≤ x_j ≤ high; G (k, k) holds the ridge already.

    Args: G, level (k,), low and high. x (k,) and h = c − Gx (k,) are changed in place by `solve`.
    """

    G: Array
    level: Array
    low: float
    high: float

    def solve(self, x: Array, h: Array, accuracy: float) -> None:
        """Until no entry violates optimality by more than `accuracy`, or no sweep improves.

        A sweep of coordinate descent decides which entries are nonzero; a Newton step on those then sets them all.
        """
        for _ in range(SWEEPS):
            wrong = self.violation(x, h)
            if float(wrong.max(initial=0.0)) <= accuracy:
                return
            self._sweep(x, h, np.flatnonzero((wrong > 0.5 * accuracy) | (x != 0)))
            if not self._newton(x, h):
                self._sweep(x, h, np.flatnonzero(x))

    def violation(self, x: Array, h: Array) -> Array:
        """The distance of h_j from the subdifferential of the rest at x_j."""
        least = np.where(x > 0, self.level, -self.level)
        most = np.where(x < 0, -self.level, self.level)
        least = np.where(x <= self.low, -np.inf, least)
        most = np.where(x >= self.high, np.inf, most)
        distance: Array = np.maximum(np.maximum(least - h, h - most), 0.0)
        return distance

    def _sweep(self, x: Array, h: Array, order: NDArray[np.intp]) -> None:
        G, low, high = self.G, self.low, self.high
        diagonal, level = G.diagonal().tolist(), self.level.tolist()
        for j in order.tolist():
            d = diagonal[j]
            if d <= 0:
                continue
            old = float(x[j])
            z = float(h[j]) + d * old
            size = abs(z) - level[j]
            new = 0.0 if size <= 0 else (size / d if z > 0 else -size / d)
            new = min(max(new, low), high)
            if new != old:
                x[j] = new
                h -= (new - old) * G[j]

    def _newton(self, x: Array, h: Array) -> bool:
        """Minimise on the orthant of the present signs, as far as it goes; False where that was no gain."""
        S = np.flatnonzero((x != 0) & (x > self.low) & (x < self.high))
        if not len(S):
            return False
        block = np.ascontiguousarray(self.G[np.ix_(S, S)])
        factor, info = torch.linalg.cholesky_ex(torch.from_numpy(block))
        if int(info):
            return False
        slope = h[S] - self.level[S] * np.sign(x[S])
        move = torch.cholesky_solve(torch.from_numpy(slope)[:, None], factor)[:, 0].numpy()
        if not np.isfinite(move).all():
            return False
        floor = np.where(x[S] > 0, max(0.0, self.low), self.low)
        roof = np.where(x[S] < 0, min(0.0, self.high), self.high)
        landed = np.clip(x[S] + move, floor, roof)
        crossing = landed != x[S] + move
        trials = [landed - x[S]]
        if crossing.any():  # clipping all that cross may go too far; the way to the first crossing never does
            fraction = np.where(crossing, (landed - x[S]) / np.where(crossing, move, 1.0), np.inf)
            first = int(fraction.argmin())
            short = float(fraction[first]) * move
            short[first] = landed[first] - x[S[first]]
            trials.append(short)
        for step in trials:
            pull = step @ self.G[S]
            gain = float(h[S] @ step - 0.5 * step @ pull[S])
            gain -= float(self.level[S] @ (np.abs(x[S] + step) - np.abs(x[S])))
            if gain > 0:
                x[S] += step
                h -= pull
                return True
        return False
