"""Absolute values within bounds: non-negative and boxed problems."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from torch import Tensor

from .separable import SeparablePenalty, check_bounds, check_factors, check_strength

__all__ = ["BoxedL1"]


@dataclass(frozen=True, eq=False)
class BoxedL1(SeparablePenalty):
    """Ω(x) = strength·Σ_j w_j|x_j| where low ≤ x_j ≤ high for every j, infinite elsewhere.

    The default bounds make it the non-negative L1.

    Args: strength ≥ 0; low ≤ 0 ≤ high, either may be infinite; weights (n,) ≥ 0, default ones.
    Raises: StructureError on a negative strength, or bounds that leave out zero.

    >>> import torch
    >>> BoxedL1(1.0, high=1.5).prox(torch.tensor([3.0, -5.0, 2.0]), 1.0)
    tensor([1.5000, 0.0000, 1.0000])
    """

    strength: float
    low: float = 0.0
    high: float = inf
    weights: Tensor | None = None

    def __post_init__(self) -> None:
        check_strength("strength", self.strength)
        check_bounds(self.low, self.high)

    def check(self, n: int) -> None:
        check_factors(self.weights, n, "columns")

    @property
    def level(self) -> float:
        return self.strength

    @property
    def factors(self) -> Tensor | None:
        return self.weights

    @property
    def bounds(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def ridge(self) -> float:
        return 0.0

    def without_ridge(self) -> BoxedL1:
        return self
