"""Absolute values and squares: selection that keeps correlated columns together."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from torch import Tensor

from .boxed_l1 import BoxedL1
from .l1 import L1
from .separable import SeparablePenalty, check_factors, check_strength

__all__ = ["ElasticNet"]


@dataclass(frozen=True, eq=False)
class ElasticNet(SeparablePenalty):
    """Ω(x) = l1·Σ_j w_j|x_j| + (l2/2)‖x‖², with x ≥ 0 when `nonnegative`.

    Args: l1, l2 ≥ 0; weights (n,) ≥ 0 scale l1 alone, default ones.
    Raises: StructureError on a negative strength.
    Source: Zou and Hastie 2005, the "naive" elastic net, without the rescaling by 1 + l2.

    >>> import torch
    >>> ElasticNet(1.0, 1.0).prox(torch.tensor([3.0, -0.5]), 1.0)
    tensor([1., -0.])
    """

    l1: float
    l2: float
    weights: Tensor | None = None
    nonnegative: bool = False

    def __post_init__(self) -> None:
        check_strength("l1", self.l1)
        check_strength("l2", self.l2)

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
        return (0.0, inf) if self.nonnegative else (-inf, inf)

    @property
    def ridge(self) -> float:
        return self.l2

    def without_ridge(self) -> SeparablePenalty:
        return BoxedL1(self.l1, weights=self.weights) if self.nonnegative else L1(self.l1, self.weights)
