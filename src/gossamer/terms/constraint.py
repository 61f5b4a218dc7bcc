"""The constraint set of a whole structure: a support, a value set and a low-rank part together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..structure import LowRank, Structure
from .base import Constraint, SupportSet, ValueSet
from .fixed import FixedSupport
from .lowrank import nearest_factors
from .member import Member

__all__ = ["StructureSet"]

SWEEPS = 8  # alternations between the held part and the low-rank part


@dataclass(frozen=True, eq=False)
class StructureSet(Constraint):
    """{ S + L : supp(S) allowed, the entries of S legal values, rank(L) ≤ r }.

        project:  argmin_z ½ Σ_j metric_j (x_j − z_j)²

    Without a low-rank part the projection is exact, for any metric: keeping entry j gains metric_j·[x_j² −
    (x_j − Q(x_j))²] over dropping it, Q the nearest legal value, so the best support is the one with the largest total
    gain. With only a low-rank part it is exact by Eckart–Young. With both it alternates between the two, each exact
    given the other: a heuristic, and `exact` says so. `factors`, when given, are a frozen low-rank part.

    Args: structure; shape of the tensors (*b, n); where, what: the slots' sets, None for a free slot; factors.
    Source: the elementwise rule is derived above; GoDec (Zhou & Tao 2011) for the alternation.
    """

    structure: Structure
    shape: tuple[int, ...]
    where: SupportSet | None = None
    what: ValueSet | None = None
    factors: tuple[Tensor, Tensor] | None = None

    @property
    def event_ndim(self) -> int:
        return max(self.where.event_ndim if self.where else 1, 2 if self.structure.lowrank else 1)

    @property
    def exact(self) -> bool:
        return self.structure.lowrank is None or self.factors is not None or self._holds_nothing

    def project(self, x: Tensor, metric: Tensor | None = None) -> Member:
        word = self.structure.lowrank
        if word is None or self.factors is not None:
            return self._held(x, metric, self.factors)
        if self._holds_nothing:
            return self._held(x, metric, nearest_factors(word, x, metric))
        return self._alternate(word, x, metric)

    @property
    def is_point(self) -> bool:
        """One member only: a frozen low-rank part and nothing beside it."""
        return self._holds_nothing and self.factors is not None

    @property
    def _holds_nothing(self) -> bool:
        """Only a low-rank part: everything else is zero."""
        return self.structure.lowrank is not None and self.where is None and self.what is None

    def violation(self, x: Tensor) -> float:
        """Excess nonzeros plus the largest distance to a legal value; frozen factors are subtracted first."""
        if self.structure.lowrank is not None and self.factors is None:
            held = self.project(x)
            return float((x.float() - held.dense(torch.float32)).abs().max()) if x.numel() else 0.0
        rest = _minus(x, self.factors)
        excess = float(self.where.excess(rest != 0)) if self.where else 0.0
        if self.what is None or not x.numel():
            return excess
        distance = torch.where(rest != 0, (rest - self.what.nearest(rest)).abs(), torch.zeros((), device=x.device))
        return excess + float(distance.max())

    def _held(self, x: Tensor, metric: Tensor | None, factors: tuple[Tensor, Tensor] | None) -> Member:
        """The exact projection of x − LR onto support and values."""
        left, right = factors or (None, None)
        if self._holds_nothing:
            return Member(self.structure, self.shape, x.dtype, left=left, right=right)
        rest = _minus(x, factors)
        codes = self.what.encode(rest) if self.what else None
        support = self._support(rest, codes, metric)
        flat = rest if codes is None else codes
        flat = flat.reshape(-1) if support is None else flat[support]
        return Member(
            self.structure,
            self.shape,
            x.dtype,
            support,
            values=_stored(flat, x.dtype) if codes is None else None,
            codes=None if codes is None else flat,
            left=left,
            right=right,
            **(self.what.parts() if self.what else {}),
        )

    def _support(self, rest: Tensor, codes: Tensor | None, metric: Tensor | None) -> Tensor | None:
        if self.where is None:
            return None
        nearest = rest if codes is None or self.what is None else self.what.decode(codes)
        gain = rest**2 - (rest - nearest) ** 2
        gain = gain if metric is None else gain * metric.to(gain.dtype)
        return self.where.select(gain, rest.abs())

    def _alternate(self, word: LowRank, x: Tensor, metric: Tensor | None) -> Member:
        columns = metric if metric is None or metric.ndim < 2 or metric.shape[-2] == 1 else None
        best, least = None, float("inf")
        rest = torch.zeros(self.shape, dtype=torch.float32, device=x.device)
        for _ in range(SWEEPS):
            factors = nearest_factors(word, x.float() - rest, columns)
            member = self._held(x, metric, factors)
            rest = member.held()
            off = (x.float() - member.dense(torch.float32)) ** 2
            error = float((off if metric is None else off * metric).sum())
            if error >= least:
                break
            best, least = member, error
        assert best is not None
        return best

    def frozen(self, member: Member) -> StructureSet:
        """The subset that keeps this member's support and low-rank part, and the set's own scales or codebook."""
        where = None if member.support is None else FixedSupport(member.support)
        factors = None if member.left is None or member.right is None else (member.left, member.right)
        return StructureSet(member.structure, self.shape, where, self.what, factors)


def _minus(x: Tensor, factors: tuple[Tensor, Tensor] | None) -> Tensor:
    return x.to(torch.float32) if factors is None else x.to(torch.float32) - factors[0].float() @ factors[1].float()


def _stored(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Held entries in the weight's own dtype; float64 weights are held in float32."""
    return values.to(torch.float32 if dtype == torch.float64 else dtype)
