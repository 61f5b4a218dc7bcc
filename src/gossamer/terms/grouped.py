"""What penalties of groups share: disjoint groups of entries that enter and leave together."""

from __future__ import annotations

from abc import abstractmethod
from math import inf

import torch
from torch import Tensor

from ..errors import StructureError
from .blockwise import BlockPenalty
from .separable import as_factors, check_factors

__all__ = ["GroupedPenalty"]

HALVINGS = 60  # of the interval [0, 1] in search of a dual scale: to the last bit of float64


class GroupedPenalty(BlockPenalty):
    """Ω(x) = entry·‖x‖₁ + level·Σ_g w_g‖x_g‖₂ over disjoint groups g that cover all entries.

    A subclass says what `entry`, `level`, the labels and the weights are; all mathematics stands here.
    """

    @property
    @abstractmethod
    def entry(self) -> float:
        """The strength of the absolute values."""

    @property
    @abstractmethod
    def level(self) -> float:
        """The strength of the groups' norms."""

    @property
    @abstractmethod
    def groups(self) -> Tensor:
        """The group of each entry, (n,), int64: 0 to G − 1."""

    @property
    @abstractmethod
    def factors(self) -> Tensor | None:
        """w (G,) ≥ 0; None is the square root of each group's size."""

    @property
    def event_ndim(self) -> int:
        return 1

    @property
    def ridge(self) -> float:
        return 0.0

    @property
    def half_free(self) -> None:
        return None

    @property
    def free(self) -> Tensor | None:
        free = (self.radii(torch.ones(1, dtype=torch.float64)) == 0)[self.groups] & (self.entry == 0)
        return free if bool(free.any()) else None

    def without_ridge(self) -> GroupedPenalty:
        return self

    def check(self, n: int) -> None:
        labels = self.groups
        if tuple(labels.shape) != (n,) or labels.dtype != torch.int64:
            given = f"groups are {labels.dtype} of shape {tuple(labels.shape)}"
            raise StructureError(f"{given}; give int64 labels, one for each of the {n} columns")
        sizes = torch.bincount(labels.clamp(min=0))
        if bool((labels < 0).any()) or bool((sizes == 0).any()):
            raise StructureError("groups must be labelled 0 to G − 1 with none left out; renumber them")
        check_factors(self.factors, len(sizes), "groups")

    def blocks(self, n: int) -> Tensor:
        return self.groups

    def outside(self, v: Tensor) -> Tensor:
        return self._outer(v) - self.radii(v)

    def part(self, columns: Tensor) -> tuple[Tensor, Tensor | None]:
        """Labels from 0 and factors of some columns, which are whole groups."""
        kept, labels = self.groups[columns].unique(return_inverse=True)
        return labels, None if self.factors is None else self.factors[kept.to(self.factors.device)]

    def radii(self, like: Tensor) -> Tensor:
        """level·w_g, (G,)."""
        if self.factors is None:
            return self.level * torch.bincount(self.groups).to(like).sqrt()
        return self.level * torch.as_tensor(as_factors(self.factors, like))

    def norms(self, x: Tensor) -> Tensor:
        """‖x_g‖₂ of each group, (*b, G)."""
        sums = torch.zeros((*x.shape[:-1], int(self.groups.max()) + 1), dtype=x.dtype, device=x.device)
        return sums.index_add_(-1, self.groups, x * x).sqrt()

    def value(self, x: Tensor) -> Tensor:
        return self.entry * x.abs().sum(-1) + (self.radii(x) * self.norms(x)).sum(-1)

    def prox(self, x: Tensor, step: float | Tensor) -> Tensor:
        """Soft threshold, then shrink each group: the two compose exactly (Friedman, Hastie and Tibshirani 2010)."""
        soft = (x.abs() - step * self.entry).clamp(min=0) * x.sign()
        norms = self.norms(soft)
        kept = (1 - step * self.radii(x) / norms.clamp(min=torch.finfo(x.dtype).tiny)).clamp(min=0)
        return soft * kept[..., self.groups]

    def conjugate(self, v: Tensor) -> Tensor:
        """Zero where every group's soft threshold lies in its ball, else infinite."""
        return torch.where((self._outer(v) <= self.radii(v)).all(-1), 0.0, inf)

    def dual_scale(self, v: Tensor) -> Tensor:
        """By halving, ending on the feasible side: ‖S(s·v_g)‖ rises with s."""
        low = torch.zeros(v.shape[:-1], dtype=v.dtype, device=v.device)
        high = torch.ones_like(low)
        low = torch.where(torch.isfinite(self.conjugate(v)), high, low)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            inside = torch.isfinite(self.conjugate(v * middle.unsqueeze(-1)))
            low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
        return low

    def subdiff_distance(self, x: Tensor, grad: Tensor) -> Tensor:
        """In each group's own norm; a group at zero allows a ball after the soft threshold."""
        radii, norms = self.radii(x), self.norms(x)
        unit = x / norms.clamp(min=torch.finfo(x.dtype).tiny)[..., self.groups]
        smooth = grad + radii[self.groups] * unit
        at_zero = (smooth.abs() - self.entry).clamp(min=0)
        apart = self.norms(torch.where(x == 0, at_zero, smooth + self.entry * x.sign()))
        return torch.where(norms == 0, (self._outer(grad) - radii).clamp(min=0), apart).amax(-1)

    def _outer(self, v: Tensor) -> Tensor:
        """‖S_entry(v_g)‖ of each group."""
        return self.norms((v.abs() - self.entry).clamp(min=0))
