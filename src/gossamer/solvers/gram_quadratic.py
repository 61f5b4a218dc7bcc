"""A small penalised quadratic, solved tightly: the inner problem of working sets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from ..kernels import l1_sweeps
from .support_factor import Indices, SupportFactor

__all__ = ["GramQuadratic"]

Array = NDArray[np.float64]
SWEEPS = 16  # between two Newton steps: they cost about as much as one where the nonzeros are many
ROUNDS = 500


@dataclass(eq=False)
class GramQuadratic:
    """min_x ½x'(G + ridge)x − c'x + Σ level_j|x_j|, low ≤ x_j ≤ high.

    Args: whole (n, n), whose rows may lie apart; places (k,): the rows and columns of it that are G, None for all of
        them; level (k,); factor: what is known of `whole` from earlier Newton steps.
    """

    whole: Array
    places: Indices | None
    level: Array
    low: float
    high: float
    ridge: float
    factor: SupportFactor = field(default_factory=SupportFactor)

    def __post_init__(self) -> None:
        self.G = self.whole if self.places is None else self.whole[np.ix_(self.places, self.places)]

    def solve(self, x: Array, h: Array, accuracy: float) -> Array:
        """From x with h = c − (G + ridge)x, until a sweep takes away no slope above `accuracy`.

        Coordinate descent decides which entries are nonzero and is fast while they are few; a Newton step on those,
        now and then, sets them all at once, which is what helps near as many nonzeros as samples.
        """
        place, left = torch.from_numpy(x), torch.from_numpy(h)
        gram, level = torch.from_numpy(self.G), torch.from_numpy(self.level)
        for _ in range(ROUNDS):
            place, left, done = l1_sweeps(
                gram, level, place, left,
                low=self.low, high=self.high, ridge=self.ridge, accuracy=accuracy, sweeps=SWEEPS,
            )  # fmt: skip
            if done >= 0:
                break
            self._newton(place.numpy(), left.numpy())
        return place.numpy()

    def _newton(self, x: Array, h: Array) -> None:
        """Minimise on the orthant of the present signs, as far as it goes; nothing where that is no gain. In place."""
        S = np.flatnonzero((x != 0) & (x > self.low) & (x < self.high))
        if not len(S):
            return
        held = x[S]
        support = S if self.places is None else self.places[S]
        move = self.factor.solve(self.whole, support, self.ridge, h[S] - self.level[S] * np.sign(held))
        if move is None:
            return
        floor = np.where(held > 0, max(0.0, self.low), self.low)
        roof = np.where(held < 0, min(0.0, self.high), self.high)
        landed = np.clip(held + move, floor, roof)
        crossing = landed != held + move
        trials = [landed - held]
        if crossing.any():  # clipping all that cross may go too far; the way to the first crossing never does
            fraction = np.where(crossing, (landed - held) / np.where(crossing, move, 1.0), np.inf)
            first = int(fraction.argmin())
            short = float(fraction[first]) * move
            short[first] = landed[first] - held[first]
            trials.append(short)
        for step in trials:
            whole = np.zeros_like(x)
            whole[S] = step
            pull = self.G @ whole + self.ridge * whole
            gain = float(h[S] @ step - 0.5 * step @ pull[S])
            gain -= float(self.level[S] @ (np.abs(held + step) - np.abs(held)))
            if gain > 0:
                x[S] = landed if step is trials[0] else held + step
                h -= pull
                return
        self.factor.forget()
