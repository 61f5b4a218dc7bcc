"""The Poisson loss with logarithmic link: counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import DataError
from .base import finite_targets
from .sample import SampleLoss

__all__ = ["Poisson"]


@dataclass(frozen=True)
class Poisson(SampleLoss):
    """f(z) = Σ_i w_i [exp z_i − b_i z_i + b_i log b_i − b_i], counts b_i ≥ 0: half the deviance for rates exp z.

    The last two terms do not depend on z; they make f(z) ≥ 0, so that a gap relative to f has a meaning. There is no
    global bound of the curvature exp z.

    >>> Poisson().targets([0, 2, -1], 3)
    Traceback (most recent call last):
        ...
    gossamer.errors.DataError: counts hold -1.0; give numbers ≥ 0
    """

    def targets(self, b: Any, m: int) -> Tensor:
        counts = finite_targets(b, m, "counts ≥ 0")
        if bool((counts < 0).any()):
            raise DataError(f"counts hold {float(counts.min())}; give numbers ≥ 0")
        if bool((counts == 0).all(-1).any()):
            raise DataError("counts are all 0 in one signal; its rate has no logarithm, so leave that signal out")
        return counts

    def values(self, z: Tensor, b: Tensor) -> Tensor:
        return z.exp() - b * z + torch.xlogy(b, b) - b

    def slopes(self, z: Tensor, b: Tensor) -> Tensor:
        return z.exp() - b

    def bends(self, z: Tensor, b: Tensor) -> Tensor:
        return z.exp()

    def conjugates(self, u: Tensor, b: Tensor) -> Tensor:
        rate = u + b
        inside = rate >= 0
        rate = rate.clamp(min=0)
        return torch.where(inside, torch.xlogy(rate, rate) - torch.xlogy(b, b) - u, torch.inf)
