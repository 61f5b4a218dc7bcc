"""What penalties of the L1 family share: each entry stands alone, so that one formula serves them all."""

from __future__ import annotations

from abc import abstractmethod
from math import inf, isfinite

import torch
from torch import Tensor

from ..errors import StructureError
from .base import Penalty

__all__ = ["SeparablePenalty", "as_factors", "check_bounds", "check_factors", "check_strength"]


def check_strength(name: str, value: float) -> None:
    """Raises StructureError when a strength is negative or not finite."""
    if not (isfinite(value) and value >= 0):
        raise StructureError(f"{name} is {value}; a convex penalty needs a finite number ≥ 0")


def check_bounds(low: float, high: float) -> None:
    """Raises StructureError where zero is left out, or nothing else is left."""
    if not low <= 0 <= high or low == high:
        raise StructureError(f"bounds [{low}, {high}]: give low ≤ 0 ≤ high, not both 0, or shift x")


def as_factors(weights: Tensor | None, like: Tensor) -> Tensor | float:
    """Factors in the dtype and on the device of `like`; 1.0 when there are none."""
    return 1.0 if weights is None else weights.to(like)


def check_factors(weights: Tensor | None, count: int, what: str) -> None:
    """Raises StructureError when there is not one finite factor ≥ 0 for each of `count` things."""
    if weights is None:
        return
    if tuple(weights.shape) != (count,):
        raise StructureError(f"weights have shape {tuple(weights.shape)}; give one for each of the {count} {what}")
    if not bool(((weights >= 0) & torch.isfinite(weights)).all()):
        raise StructureError("weights hold a negative number, NaN or infinity; give factors ≥ 0 (0: not penalised)")


class SeparablePenalty(Penalty):
    """Ω(x) = Σ_j strength·w_j|x_j| + (ridge/2)x_j², and low ≤ x_j ≤ high, where low ≤ 0 ≤ high.

    A subclass says what its strength, ridge, bounds and weights are; all mathematics stands here.
    """

    @property
    @abstractmethod
    def level(self) -> float:
        """The strength of the absolute values."""

    @property
    @abstractmethod
    def factors(self) -> Tensor | None:
        """w (n,) ≥ 0; None is ones."""

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float]:
        """(low, high)."""

    @property
    def event_ndim(self) -> int:
        return 1

    @property
    def free(self) -> Tensor | None:
        """Bounds are no freedom: an entry with bounds but without weight keeps a conjugate of its own."""
        if self.bounds != (-inf, inf) or self.ridge:
            return None
        if self.factors is not None:
            free = (self.factors == 0) | torch.full_like(self.factors, self.level == 0, dtype=torch.bool)
            return free if bool(free.any()) else None
        return torch.ones((), dtype=torch.bool) if self.level == 0 else None

    @property
    def half_free(self) -> Tensor | None:
        low, high = self.bounds
        side = float(high == inf) - float(low == -inf)
        loose = torch.as_tensor(self.level == 0) if self.factors is None else self.level * self.factors == 0
        return torch.where(loose, side, 0.0).double() if side and bool(loose.any()) else None

    @property
    def _plain(self) -> bool:
        """Nothing but one strength: a maximum then says what is otherwise asked entry by entry."""
        return self.factors is None and not self.ridge and self.bounds == (-inf, inf)

    def levels(self, like: Tensor) -> Tensor:
        """strength·w, broadcasting to `like`."""
        return torch.as_tensor(self.level * as_factors(self.factors, like), dtype=like.dtype, device=like.device)

    def value(self, x: Tensor) -> Tensor:
        low, high = self.bounds
        if self._plain:
            size: Tensor = x.abs().sum(-1)  # a third of what vector_norm of order 1 takes
            return self.level * size
        whole: Tensor = (self.levels(x) * x.abs()).sum(-1)
        if self.ridge:
            whole = whole + 0.5 * self.ridge * (x * x).sum(-1)
        if (low, high) == (-inf, inf):
            return whole
        return torch.where(((x >= low) & (x <= high)).all(-1), whole, inf)

    def prox(self, x: Tensor, step: float | Tensor) -> Tensor:
        """The soft threshold, shrunk by the ridge, then clipped: on the line a convex function may be clipped last."""
        shrunk = (x.abs() - step * self.levels(x)).clamp(min=0) * x.sign() / (1 + step * self.ridge)
        return shrunk.clamp(*self.bounds)

    def conjugate(self, v: Tensor) -> Tensor:
        """Each entry at its maximiser: S(v)/ridge, or the bound that it runs into."""
        low, high = self.bounds
        if self._plain:
            return torch.where(v.abs().amax(-1) > self.level, inf, 0.0).to(v)
        excess = (v.abs() - self.levels(v)).clamp(min=0)
        bound = torch.where(v > 0, torch.full_like(v, high), -low)  # of two floats it would be float32
        if self.ridge:
            size = torch.minimum(excess / self.ridge, bound)
            return (size * excess - 0.5 * self.ridge * size * size).sum(-1)
        return torch.where(excess > 0, excess * bound, 0.0).sum(-1)

    def dual_scale(self, v: Tensor) -> Tensor:
        low, high = self.bounds
        if self.ridge:
            return torch.ones(v.shape[:-1], dtype=v.dtype, device=v.device)
        if self._plain:
            return (self.level / v.abs().amax(-1)).nan_to_num(nan=1.0, posinf=1.0).clamp(max=1.0)
        endless = torch.where(v > 0, high == inf, low == -inf)
        levels = self.levels(v).expand_as(v)
        ratio = torch.where(endless & (v.abs() > levels), levels / v.abs(), 1.0)
        return ratio.amin(-1).clamp(max=1.0)

    def subdiff_distance(self, x: Tensor, grad: Tensor) -> Tensor:
        return self.outside(x, -grad - self.ridge * x, self.levels(x)).amax(-1)

    def outside(self, x: Tensor, pull: Tensor, levels: Tensor) -> Tensor:
        """How far each entry's pull, −grad less the ridge's part, is from the subdifferential of the rest at x.

        That is the interval of a point off the kinks, of [−λ, λ] at zero, of a half-line at a bound; levels (n,): λ·w.
        """
        low, high = self.bounds
        if (low, high) == (-inf, inf):
            wrong = (pull.abs() - levels).clamp_(min=0)
            off = x.nonzero(as_tuple=True)  # few as a rule: they are asked apart, at an eighth of the time for all
            wrong[off] = (pull[off] - levels.expand_as(x)[off] * x[off].sign()).abs()
            return wrong
        least = torch.where(x > 0, levels, -levels)
        most = torch.where(x < 0, -levels, levels)
        least = torch.where(x <= low, -inf, least)
        most = torch.where(x >= high, inf, most)
        return torch.maximum(least - pull, pull - most).clamp(min=0)
