"""Levels of a path: which penalties, and the solutions along them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from ..solvers import Recovery
from .strengths import refuse

__all__ = ["Path", "falling", "given_levels", "levels_of"]


@dataclass(frozen=True, eq=False)
class Path:
    """Solutions along falling penalties: `recovery.x` is (penalties, n), and so on for gap, objective and intercept.

    Of tasks or classes that are one problem x is (penalties, tasks, n).
    """

    penalties: Tensor
    recovery: Recovery

    @property
    def x(self) -> Tensor:
        """(penalties, n), or (penalties, tasks, n)."""
        return self.recovery.x


def falling(top: float, count: int, ratio: float) -> Tensor:
    """`count` numbers from `top` to ratio·top, evenly spaced in their logarithm.

    Where top is 0 (a target that no column knows of) x is zero at any level, and the numbers start from 1.
    """
    if count < 1 or not 0 < ratio < 1:
        raise DataError(f"count is {count}, ratio is {ratio}; give count ≥ 1 and 0 < ratio < 1")
    if top == float("inf"):
        raise DataError("no penalty makes x zero here, so there is no place to start; give penalties yourself")
    spaced = torch.logspace(0, float(torch.tensor(ratio, dtype=torch.float64).log10()), count, dtype=torch.float64)
    return (top or 1.0) * spaced


def levels_of(penalties: Any, top: Callable[[], float], count: int, ratio: float) -> Tensor:
    """The user's own penalties; where None are given, `count` falling ones from top(), which is asked only then."""
    return falling(top(), count, ratio) if penalties is None else given_levels(penalties)


def given_levels(penalties: Any) -> Tensor:
    """The user's own levels, float64. Raises: DataError unless they are finite, ≥ 0 and do not rise."""
    refuse("a path", penalties)
    levels = torch.as_tensor(penalties, dtype=torch.float64).detach()
    if levels.ndim != 1 or not len(levels) or not bool(torch.isfinite(levels).all()) or bool((levels < 0).any()):
        raise DataError("penalties: give one axis of finite numbers ≥ 0, largest first")
    if bool((levels.diff() > 0).any()):
        raise DataError("penalties: give the largest first, since each fit begins where the last one ended")
    return levels
