"""A penalty near a solution: smooth on the entries in use, and a margin by which the others stay at rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

__all__ = ["Branch", "EntryBranch", "GroupBranch", "SupportBranch"]


class Branch(ABC):
    """Ω around a point x (problems, unknowns), float64. Its strengths are tensors and may take part in autograd."""

    @property
    @abstractmethod
    def requires_grad(self) -> bool:
        """Whether a strength takes part in autograd."""

    @abstractmethod
    def active(self, x: Tensor) -> Tensor:
        """The entries that move with the data, bool: Ω is smooth in them."""

    @abstractmethod
    def slope(self, x: Tensor) -> Tensor:
        """∇Ω in the active entries, in the graph of the strengths; the other entries mean nothing."""

    @abstractmethod
    def curvature(self, x: Tensor, places: Tensor) -> Tensor:
        """∇²Ω between the entries `places` (problems, k), all active or not used: (problems, k, k)."""

    @abstractmethod
    def margin(self, x: Tensor, pull: Tensor) -> Tensor:
        """How much the pull A'(b − Ax) must change before a resting entry moves: the least one, (problems,)."""

    @abstractmethod
    def survives(self, x: Tensor, move: Tensor) -> Tensor:
        """Whether x + move (both (problems, unknowns)) lies on the same branch as x, (problems,)."""


@dataclass(frozen=True, eq=False)
class EntryBranch(Branch):
    """Ω(x) = Σ_j level_j|x_j| + (ridge/2)‖x‖² on low ≤ x_j ≤ high: the L1 family.

    Args: level () or (unknowns,); ridge (); both in float64.
    """

    level: Tensor
    ridge: Tensor
    low: float = -inf
    high: float = inf

    @property
    def requires_grad(self) -> bool:
        return self.level.requires_grad or self.ridge.requires_grad

    def active(self, x: Tensor) -> Tensor:
        """An entry without penalty moves even where it is exactly zero; one at a bound rests."""
        return (x > self.low) & (x < self.high) & ((x != 0) | (self.level == 0))

    def slope(self, x: Tensor) -> Tensor:
        return self.level * x.sign() + self.ridge * x

    def curvature(self, x: Tensor, places: Tensor) -> Tensor:
        count = places.shape[-1]
        eye = torch.eye(count, dtype=x.dtype, device=x.device) * self.ridge.detach()
        return eye.expand(len(places), count, count)

    def margin(self, x: Tensor, pull: Tensor) -> Tensor:
        """To the nearer end of the subdifferential; beyond a bound it has no end."""
        level, rest = self.level.detach(), pull - self.ridge.detach() * x
        least = torch.where(x > 0, level, -level)
        most = torch.where(x < 0, -level, level)
        least = torch.where(x <= self.low, -inf, least)
        most = torch.where(x >= self.high, inf, most)
        return torch.where(self.active(x), inf, torch.minimum(rest - least, most - rest)).amin(-1)

    def survives(self, x: Tensor, move: Tensor) -> Tensor:
        there = x + move
        inside = (there > self.low) & (there < self.high) & ((there * x > 0) | (self.level == 0))
        return (inside | ~self.active(x)).all(-1)


@dataclass(frozen=True, eq=False)
class GroupBranch(Branch):
    """Ω(x) = entry·‖x‖₁ + Σ_g radii_g‖x_g‖₂.

    Args: entry (); radii (G,); labels (unknowns,), the group of each entry.
    """

    entry: Tensor
    radii: Tensor
    labels: Tensor

    @property
    def requires_grad(self) -> bool:
        return self.entry.requires_grad or self.radii.requires_grad

    def active(self, x: Tensor) -> Tensor:
        """A group in use moves as a whole, unless a penalty of its own holds an entry at zero."""
        moving = (self._norms(x) > 0) | (self.radii == 0)
        return moving[:, self.labels] & ((x != 0) | (self.entry == 0))

    def slope(self, x: Tensor) -> Tensor:
        return self.entry * x.sign() + self.radii[self.labels] * self._unit(x)

    def curvature(self, x: Tensor, places: Tensor) -> Tensor:
        """radii_g/‖x_g‖·(I − uu') within a group, u = x_g/‖x_g‖: a norm is flat along itself."""
        norms = self._norms(x)
        bend = torch.where(norms > 0, self.radii.detach() / torch.where(norms > 0, norms, 1.0), 0.0)
        labels = self.labels[places]
        unit = self._unit(x).gather(-1, places)
        eye = torch.eye(places.shape[-1], dtype=x.dtype, device=x.device)
        flat = eye - unit[:, :, None] * unit[:, None, :]
        return (labels[:, :, None] == labels[:, None, :]) * flat * bend.gather(-1, labels)[:, :, None]

    def margin(self, x: Tensor, pull: Tensor) -> Tensor:
        entry, radii, norms = self.entry.detach(), self.radii.detach(), self._norms(x)
        outer = self._norms((pull.abs() - entry).clamp(min=0))
        groups = torch.where((norms > 0) | (radii == 0), inf, radii - outer).amin(-1)
        held = (norms > 0)[:, self.labels] & ~self.active(x)
        return torch.minimum(groups, torch.where(held, entry - pull.abs(), inf).amin(-1))

    def survives(self, x: Tensor, move: Tensor) -> Tensor:
        """No group is crossed through zero; entries may change sign unless a penalty of their own bends there."""
        norms = self._norms(x)
        groups = ((self._norms(move) < norms) | (norms == 0) | (self.radii == 0)).all(-1)
        return groups & (((x + move) * x > 0) | (self.entry == 0) | (x == 0)).all(-1)

    def _norms(self, x: Tensor) -> Tensor:
        sums = torch.zeros((len(x), len(self.radii)), dtype=x.dtype, device=x.device)
        return sums.index_add_(-1, self.labels, x * x).sqrt()

    def _unit(self, x: Tensor) -> Tensor:
        return x / self._norms(x).clamp(min=torch.finfo(x.dtype).tiny)[:, self.labels]


@dataclass(frozen=True)
class SupportBranch(Branch):
    """Ω = 0 on the nonzeros of x, infinite elsewhere: least squares on a support that is given."""

    @property
    def requires_grad(self) -> bool:
        return False

    def active(self, x: Tensor) -> Tensor:
        return x != 0

    def slope(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)

    def curvature(self, x: Tensor, places: Tensor) -> Tensor:
        count = places.shape[-1]
        return torch.zeros((len(places), count, count), dtype=x.dtype, device=x.device)

    def margin(self, x: Tensor, pull: Tensor) -> Tensor:
        return torch.full_like(x[:, 0], inf)

    def survives(self, x: Tensor, move: Tensor) -> Tensor:
        return torch.ones_like(x[:, 0], dtype=torch.bool)
