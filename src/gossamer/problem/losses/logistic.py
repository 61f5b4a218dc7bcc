"""The logistic loss: two classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ...errors import DataError
from .base import finite_targets
from .sample import SampleLoss

__all__ = ["Logistic"]

SURE = 40.0  # log(1 + exp z) is z to the last bit of float64 from here on; torch's default of 20 is not


@dataclass(frozen=True)
class Logistic(SampleLoss):
    """f(z) = Σ_i w_i [log(1 + exp z_i) − b_i z_i], labels 0 or 1: minus the log-likelihood of P(1) = 1/(1 + exp −z).

    Labels −1 and 1 are refused rather than guessed at. A signal whose labels are all alike is refused too: with an
    intercept it has no minimiser.

    >>> Logistic().targets([1, 0, 1], 3)
    tensor([[1., 0., 1.]], dtype=torch.float64)
    >>> Logistic().targets([1, -1, 1], 3)
    Traceback (most recent call last):
        ...
    gossamer.errors.DataError: labels hold -1.0; give 0 and 1 (from −1 and 1: (labels + 1) / 2)
    """

    def targets(self, b: Any, m: int) -> Tensor:
        labels = finite_targets(b, m, "labels 0 and 1")
        wrong = (labels != 0) & (labels != 1)
        if bool(wrong.any()):
            raise DataError(f"labels hold {float(labels[wrong][0])}; give 0 and 1 (from −1 and 1: (labels + 1) / 2)")
        alike = labels.amin(-1) == labels.amax(-1)
        if bool(alike.any()):
            raise DataError(f"labels are all {float(labels[alike][0, 0]):g} in one signal; both classes must occur")
        return labels

    def values(self, z: Tensor, b: Tensor) -> Tensor:
        return softplus(torch.where(b > 0.5, -z, z), threshold=SURE)

    def slopes(self, z: Tensor, b: Tensor) -> Tensor:
        return torch.where(b > 0.5, -torch.sigmoid(-z), torch.sigmoid(z))

    def bends(self, z: Tensor, b: Tensor) -> Tensor:
        return torch.sigmoid(z) * torch.sigmoid(-z)

    def conjugates(self, u: Tensor, b: Tensor) -> Tensor:
        """The entropy of |u|, which is how far the probability is from the label."""
        size = torch.where(b > 0.5, -u, u)
        inside = (size >= 0) & (size <= 1)
        p = size.clamp(0, 1)
        return torch.where(inside, torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p), torch.inf)
