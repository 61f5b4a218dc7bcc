"""The sum of absolute values, with a factor for each entry."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from torch import Tensor

from .separable import SeparablePenalty, check_factors, check_strength

__all__ = ["L1"]


@dataclass(frozen=True, eq=False)
class L1(SeparablePenalty):
    """Ω(x) = strength·Σ_j w_j|x_j|.

    Args: strength ≥ 0; weights (n,) ≥ 0, default ones: an entry of weight 0 is not penalised.
    Raises: StructureError on a negative strength.

    >>> import torch
    >>> L1(1.0).prox(torch.tensor([3.0, -0.5]), 1.0)
    tensor([2., -0.])
    """

    strength: float
    weights: Tensor | None = None

    def __post_init__(self) -> None:
        check_strength("strength", self.strength)

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
        return -inf, inf

    @property
    def ridge(self) -> float:
        return 0.0

    def without_ridge(self) -> L1:
        return self
