"""What losses share whose samples each have a predictor of their own, so that one formula serves them all."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from ...linop.chosen import Chosen
from .base import Loss

__all__ = ["SampleLoss"]


class SampleLoss(Loss):
    """f(z) = Σ_i w_i f_i(z_i): a subclass says what f_i, its derivatives and its conjugate are, entry by entry."""

    @abstractmethod
    def values(self, z: Tensor, b: Tensor) -> Tensor:
        """f_i(z_i) ≥ 0."""

    @abstractmethod
    def slopes(self, z: Tensor, b: Tensor) -> Tensor:
        """f_i'(z_i)."""

    @abstractmethod
    def bends(self, z: Tensor, b: Tensor) -> Tensor:
        """f_i''(z_i), or a bound where that would be of no use."""

    @abstractmethod
    def conjugates(self, u: Tensor, b: Tensor) -> Tensor:
        """f_i*(u_i) = sup_z u z − f_i(z), infinite outside its domain."""

    @property
    def event_ndim(self) -> int:
        return 1

    @property
    def shift_invariant(self) -> bool:
        return False

    def value(self, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        return (w * self.values(z, b)).sum(-1)

    def gradient(self, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        return w * self.slopes(z, b)

    def curvature(self, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        return w * self.bends(z, b)

    def gram(self, chosen: Chosen, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        return chosen.gram(self.curvature(z, b, w).sqrt())

    def conjugate(self, z: Tensor, b: Tensor, w: Tensor, scale: Tensor) -> Tensor:
        return (w * self.conjugates(scale.unsqueeze(-1) * self.slopes(z, b), b)).sum(-1)
