"""The ball of the sum of absolute values: the Lasso by a budget instead of a price."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

import torch
from torch import Tensor

from ..errors import StructureError
from .base import Penalty

__all__ = ["L1Ball"]

INSIDE = 16  # roundings by which a projection aims inside the ball, and half of those by which a point may be outside


@dataclass(frozen=True, eq=False)
class L1Ball(Penalty):
    """Ω(x) = 0 where ‖x‖₁ ≤ radius, infinite elsewhere.

    Args: radius > 0. Projections aim at radius·(1 − 16 roundings), so that a sum in another order stays inside.
    Raises: StructureError on a radius that is not one.
    Source: Duchi, Shalev-Shwartz, Singer and Chandra 2008 (the projection, by sorting).

    >>> import torch
    >>> L1Ball(2.0).prox(torch.tensor([3.0, -1.5, 0.2]), 1.0).round(decimals=4)
    tensor([ 1.7500, -0.2500,  0.0000])
    """

    radius: float

    def __post_init__(self) -> None:
        if not (isfinite(self.radius) and self.radius > 0):
            raise StructureError(f"radius is {self.radius}; give a finite sum of absolute values > 0")

    @property
    def event_ndim(self) -> int:
        return 1

    @property
    def ridge(self) -> float:
        return 0.0

    @property
    def free(self) -> Tensor | None:
        return None

    @property
    def half_free(self) -> Tensor | None:
        return None

    def without_ridge(self) -> L1Ball:
        return self

    def check(self, n: int) -> None:
        """Any n will do."""

    def value(self, x: Tensor) -> Tensor:
        slack = 1 + 0.5 * INSIDE * torch.finfo(x.dtype).eps
        return torch.where(x.abs().sum(-1) <= self.radius * slack, 0.0, inf).to(x.dtype)

    def prox(self, x: Tensor, step: float | Tensor) -> Tensor:
        """The projection, whatever the step: soft threshold at the level that leaves the radius."""
        goal = self.radius * (1 - INSIDE * torch.finfo(x.dtype).eps)
        falling = x.abs().sort(-1, descending=True).values
        counts = torch.arange(1, x.shape[-1] + 1, device=x.device)
        levels = (falling.cumsum(-1) - goal) / counts
        kept = (falling > levels).sum(-1, keepdim=True)
        level = levels.gather(-1, kept - 1).clamp(min=0)
        return (x.abs() - level).clamp(min=0) * x.sign()

    def conjugate(self, v: Tensor) -> Tensor:
        return self.radius * v.abs().amax(-1)

    def dual_scale(self, v: Tensor) -> Tensor:
        return torch.ones(v.shape[:-1], dtype=v.dtype, device=v.device)

    def subdiff_distance(self, x: Tensor, grad: Tensor) -> Tensor:
        """Inside, −grad must be 0. On the sphere it must be t·sign(x) and no larger at zeros, for the best t ≥ 0."""
        sphere = x.abs().sum(-1) >= self.radius * (1 - 2 * INSIDE * torch.finfo(x.dtype).eps)
        along = torch.where(x != 0, -grad * x.sign(), torch.nan)
        low, high = along.nan_to_num(nan=inf).amin(-1), along.nan_to_num(nan=-inf).amax(-1)
        off = torch.where(x == 0, grad.abs(), 0.0).amax(-1)
        t = torch.maximum((low + high) / 2, (low + off) / 2).clamp(min=0)  # levels the farthest below with those above
        apart = torch.maximum(torch.maximum(high - t, t - low), off - t).clamp(min=0)
        return torch.where(sphere, apart, grad.abs().amax(-1))
