"""What derivatives of solutions share: the unknowns that move with the data, and the linear equations between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .branch import Branch

__all__ = ["DEPENDENT", "Active", "slack_of", "solved"]

DEPENDENT = 1e-10  # of a diagonal entry: what Cholesky leaves of it where its column depends on those before
CARE = 10.0  # times the error of the stationary equation: what a margin must exceed to be told from zero
FLOOR = 1e-10  # of max |A'b|: rounding of that error in float64


@dataclass(frozen=True, eq=False)
class Active:
    """The active unknowns of each problem; unknown t·n + j is column j of its row t.

    Args: places (problems, k): where they are, the rest padding; held (problems, k) bool: which are not padding;
        used (u,): the columns with an unknown that some problem uses; ranks (n,): the place of each column among them.
    """

    places: Tensor
    held: Tensor
    used: Tensor
    ranks: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, branch: Branch, x: Tensor, n: int) -> Active:
        """Args: x (problems, rows·n)."""
        active = branch.active(x)
        held, places = active.to(torch.int8).topk(int(active.sum(-1).max()), dim=-1)
        moved = active | (x != 0)  # an entry at a bound rests, but counts in Ax
        used = moved.reshape(-1, n).any(0).nonzero()[:, 0]
        ranks = torch.zeros(n, dtype=torch.int64, device=x.device)
        ranks[used] = torch.arange(len(used), device=x.device)
        return cls(places, held.bool(), used, ranks)

    @property
    def row(self) -> Tensor:
        """The row of each active unknown, (problems, k)."""
        return self.places // len(self.ranks)

    @property
    def rank(self) -> Tensor:
        """The place of its column among the used ones, (problems, k)."""
        return self.ranks[self.places % len(self.ranks)]

    def part(self, problems: Tensor) -> Active:
        """Of some problems, by their places."""
        return replace(self, places=self.places[problems], held=self.held[problems])

    def among_used(self, entries: Tensor) -> Tensor:
        """Of entries (problems, rows, u) for the used columns, those of the active unknowns, (problems, k)."""
        return entries.flatten(1).gather(-1, self.row * len(self.used) + self.rank)

    def spread(self, step: Tensor, like: Tensor) -> Tensor:
        """A step of the active unknowns (problems, k), in all of them: (problems, unknowns)."""
        return torch.zeros_like(like).scatter_add(-1, self.places, step * self.held)


def slack_of(equation: Tensor, size: Tensor) -> Tensor:
    """What a level or a margin must exceed to be told from zero, (problems,).

    Args: equation (problems, k): the stationary equations, about 0; size: max |A'b| of each problem.
    """
    error = equation.detach().abs()
    return CARE * (error.amax(-1) if error.shape[-1] else error.sum(-1)) + FLOOR * size


def solved(matrix: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """H⁻¹ right for each H (problems, k, k) ⪰ 0, and which are regular; by the pseudoinverse where one is not."""
    factor, info = torch.linalg.cholesky_ex(matrix)
    left = factor.diagonal(dim1=-2, dim2=-1) ** 2
    regular = (info == 0) & (left > DEPENDENT * matrix.diagonal(dim1=-2, dim2=-1)).all(-1)
    found = torch.cholesky_solve(right[:, :, None], factor)[..., 0]
    if not bool(regular.all()):
        inverse = torch.linalg.pinv(matrix[~regular], rtol=DEPENDENT, hermitian=True)
        found[~regular] = (inverse @ right[~regular, :, None])[..., 0]
    return found, regular
