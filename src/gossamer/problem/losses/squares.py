"""Least squares, as one loss among others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .base import finite_targets
from .sample import SampleLoss

__all__ = ["Squares"]


@dataclass(frozen=True)
class Squares(SampleLoss):
    """f(z) = ½ Σ_i w_i (z_i − b_i)². Prefer `lasso` and its kin, which know that the Hessian is constant.

    >>> one = torch.ones(2, dtype=torch.float64)
    >>> float(Squares().value(torch.zeros(2, dtype=torch.float64), 2 * one, one))
    4.0
    """

    def targets(self, b: Any, m: int) -> Tensor:
        return finite_targets(b, m, "numbers")

    def values(self, z: Tensor, b: Tensor) -> Tensor:
        return 0.5 * (z - b) ** 2

    def slopes(self, z: Tensor, b: Tensor) -> Tensor:
        return z - b

    def bends(self, z: Tensor, b: Tensor) -> Tensor:
        return torch.ones_like(z)

    def conjugates(self, u: Tensor, b: Tensor) -> Tensor:
        return 0.5 * u * u + b * u
