"""Absolute values and squares: selection that keeps correlated columns together."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from torch import Tensor

from .boxed_l1 import BoxedL1
from .l1 import L1
from .separable import SeparablePenalty, check_bounds, check_factors, check_strength

__all__ = ["ElasticNet"]


@dataclass(frozen=True, eq=False)
class ElasticNet(SeparablePenalty):
    """Ω(x) = l1·Σ_j w_j|x_j| + (l2/2)‖x‖² where low ≤ x_j ≤ high for every j, infinite elsewhere.

    Args: l1, l2 ≥ 0; weights (n,) ≥ 0 scale l1 alone, default ones; low ≤ 0 ≤ high, by default infinite.
    Raises: StructureError on a negative strength, or bounds that leave out zero.
    Source: Zou and Hastie 2005, the "naive" elastic net, without the rescaling by 1 + l2.

    >>> import torch
    >>> ElasticNet(1.0, 1.0).prox(torch.tensor([3.0, -0.5]), 1.0)
    tensor([1., -0.])
    """

    l1: float
    l2: float
    weights: Tensor | None = None
    low: float = -inf
    high: float = inf

    def __post_init__(self) -> None:
        check_strength("l1", self.l1)
        check_strength("l2", self.l2)
        check_bounds(self.low, self.high)

    def check(self, n: int) -> None:
        check_factors(self.weights, n, "columns")

    @property
    def level(self) -> float:
        return self.l1

    @property
    def factors(self) -> Tensor | None:
        return self.weights

    @property
    def bounds(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def ridge(self) -> float:
        return self.l2

    def without_ridge(self) -> SeparablePenalty:
        if self.bounds == (-inf, inf):
            return L1(self.l1, self.weights)
        return BoxedL1(self.l1, self.low, self.high, self.weights)
