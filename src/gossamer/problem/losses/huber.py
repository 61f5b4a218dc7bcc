"""The Huber loss: squares for small residuals, absolute values for outliers."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from ...errors import DataError
from .base import finite_targets
from .sample import SampleLoss

__all__ = ["Huber"]

SHARE = 0.1  # of the parabola's curvature beyond delta


@dataclass(frozen=True)
class Huber(SampleLoss):
    """f(z) = Σ_i w_i H(z_i − b_i), H(r) = ½r² for |r| ≤ delta, delta·|r| − ½delta² beyond.

    Its second derivative is 0 beyond delta, where Newton's model would have no floor. The curvature there is a share of
    delta/|r|, that of the lowest parabola above H which touches it at r and −r: the whole of it never overshoots and
    converges slowly, a tenth of it takes a third of the time and leaves the rest to the line search.

    Args: delta > 0, in the units of b.
    Source: Huber 1964; the parabola, Huber and Dutter 1974 (iterated reweighting).

    >>> one = torch.ones(2, dtype=torch.float64)
    >>> Huber(1.0).values(torch.tensor([1.0, 3.0], dtype=torch.float64), 0 * one)
    tensor([0.5000, 2.5000], dtype=torch.float64)
    """

    delta: float = 1.345  # 95 % of the efficiency of least squares where noise is Gaussian of deviation 1

    def __post_init__(self) -> None:
        if not (isfinite(self.delta) and self.delta > 0):
            raise DataError(f"delta is {self.delta}; give a finite residual > 0 in the units of b")

    def targets(self, b: Any, m: int) -> Tensor:
        return finite_targets(b, m, "numbers")

    def values(self, z: Tensor, b: Tensor) -> Tensor:
        size = (z - b).abs()
        return torch.where(size <= self.delta, 0.5 * size * size, self.delta * (size - 0.5 * self.delta))

    def slopes(self, z: Tensor, b: Tensor) -> Tensor:
        return (z - b).clamp(-self.delta, self.delta)

    def bends(self, z: Tensor, b: Tensor) -> Tensor:
        size = (z - b).abs()
        return torch.where(size <= self.delta, 1.0, SHARE * self.delta / size.clamp(min=self.delta))

    def conjugates(self, u: Tensor, b: Tensor) -> Tensor:
        return torch.where(u.abs() <= self.delta, 0.5 * u * u + b * u, torch.inf)
