"""Norms of groups: columns that enter and leave together."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .grouped import GroupedPenalty
from .separable import check_strength

__all__ = ["Group", "SparseGroup"]


@dataclass(frozen=True, eq=False)
class Group(GroupedPenalty):
    """Ω(x) = strength·Σ_g w_g‖x_g‖₂.

    Args: strength ≥ 0; labels (n,) int64, the group 0 … G − 1 of each entry; weights (G,) ≥ 0, default √|g|, which
    treats groups of different sizes alike.
    Raises: StructureError on a negative strength.
    Source: Yuan and Lin 2006.

    >>> import torch
    >>> Group(1.0, torch.tensor([0, 0, 1]), torch.ones(2)).prox(torch.tensor([3.0, 4.0, 0.5]), 1.0)
    tensor([2.4000, 3.2000, 0.0000])
    """

    strength: float
    labels: Tensor
    weights: Tensor | None = None

    def __post_init__(self) -> None:
        check_strength("strength", self.strength)

    @property
    def entry(self) -> float:
        return 0.0

    @property
    def level(self) -> float:
        return self.strength

    @property
    def groups(self) -> Tensor:
        return self.labels

    @property
    def factors(self) -> Tensor | None:
        return self.weights

    def restricted(self, columns: Tensor) -> Group:
        return Group(self.strength, *self.part(columns))


@dataclass(frozen=True, eq=False)
class SparseGroup(GroupedPenalty):
    """Ω(x) = l1·‖x‖₁ + strength·Σ_g w_g‖x_g‖₂: few groups, and few entries in each.

    Args: as for `Group`; l1 ≥ 0.
    Raises: StructureError on a negative strength.
    Source: Simon, Friedman, Hastie and Tibshirani 2013.

    >>> import torch
    >>> SparseGroup(1.0, 1.0, torch.tensor([0, 0, 1]), torch.ones(2)).prox(torch.tensor([4.0, 5.0, 1.5]), 1.0)
    tensor([2.4000, 3.2000, 0.0000])
    """

    l1: float
    strength: float
    labels: Tensor
    weights: Tensor | None = None

    def __post_init__(self) -> None:
        check_strength("l1", self.l1)
        check_strength("strength", self.strength)

    @property
    def entry(self) -> float:
        return self.l1

    @property
    def level(self) -> float:
        return self.strength

    @property
    def groups(self) -> Tensor:
        return self.labels

    @property
    def factors(self) -> Tensor | None:
        return self.weights

    def restricted(self, columns: Tensor) -> SparseGroup:
        return SparseGroup(self.l1, self.strength, *self.part(columns))
