"""The multinomial loss: several classes, by softmax."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ...errors import DataError
from ...linop.chosen import Chosen
from .base import Loss, finite_targets
from .logistic import SURE

__all__ = ["Multinomial"]


@dataclass(frozen=True)
class Multinomial(Loss):
    """f(z) = Σ_i w_i [log Σ_k exp z_ki − z_{b_i,i}], labels b_i 0 … K − 1; z is (K, m): −log-likelihood of softmax(z).

    All K classes have their own coefficients; which of the equivalent solutions is chosen is left to the penalty.

    >>> Multinomial().targets([0, 2, 1], 3)
    tensor([[1., 0., 0.],
            [0., 0., 1.],
            [0., 1., 0.]], dtype=torch.float64)
    """

    @property
    def event_ndim(self) -> int:
        return 2

    @property
    def shift_invariant(self) -> bool:
        return False

    def targets(self, b: Any, m: int) -> Tensor:
        """One-hot, (K, m)."""
        given = finite_targets(b, m, "labels 0 to K − 1")
        if len(given) != 1:
            raise DataError(f"labels have {len(given)} rows; a multinomial problem has one label a sample, (m,)")
        labels = given[0].long()
        if not bool((given[0] == labels).all()) or bool((labels < 0).any()):
            raise DataError("labels must be whole numbers from 0 to K − 1; number the classes")
        counts = torch.bincount(labels)
        if len(counts) < 2 or bool((counts == 0).any()):
            empty = (counts == 0).nonzero()[:3, 0].tolist()
            raise DataError(
                f"labels go from 0 to {len(counts) - 1} and none is {empty or 1}; give two or more classes without gaps"
            )
        return torch.nn.functional.one_hot(labels).mT.to(torch.float64).contiguous()

    def value(self, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        """log(1 + Σ of the others), which a sure sample makes as small as it is; log Σ of all would round it off."""
        own = (b * z).sum(-2, keepdim=True)
        others = torch.logsumexp(torch.where(b > 0.5, -torch.inf, z - own), -2)
        return (w * softplus(others, threshold=SURE)).sum(-1)

    def gradient(self, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        """p − b, the own class as minus the sum of the others: near 1, p − 1 would lose its digits."""
        others = z.softmax(-2) * (1 - b)
        return w * (others - b * others.sum(-2, keepdim=True))

    def curvature(self, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        return w * z.softmax(-2)

    def gram(self, chosen: Chosen, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        """∇² is diag(p) − pp' in each sample."""
        p, root = z.softmax(-2), w.sqrt()
        same = chosen.rows[:, None] == chosen.rows
        return torch.where(same, chosen.gram(p.sqrt() * root), 0.0) - chosen.gram(p * root)

    def conjugate(self, z: Tensor, b: Tensor, w: Tensor, scale: Tensor) -> Tensor:
        """Minus the entropy of the probabilities, drawn from p toward the label."""
        s = scale[..., None, None]
        p = s * z.softmax(-2) + (1 - s) * b
        return (w * torch.xlogy(p, p).sum(-2)).sum(-1)
