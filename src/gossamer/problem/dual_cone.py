"""Where a residual must lie to bound least squares with one-sided, unpenalised entries: non-negative least squares."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..linop import LinearOperator
from ..terms import Penalty

__all__ = ["DualCone"]

NOTHING = 1e-12  # of a column's norm: what is left of it lies in the space that was taken out
ALONE = 1e-9  # of one: a distance of the columns' hull from 0, and a share in a sum, that count as none


@dataclass(frozen=True, eq=False)
class DualCone:
    """{θ : σ_j a_j'θ ≤ 0 for every j with σ_j ≠ 0}, which every dual point must be in.

    Where some of these columns add up to nothing (Σ z_j σ_j a_j = 0, z > 0), θ must be orthogonal to them all. In what
    is left of the space there is a q with σ_j a_j'q ≥ 1 for the others, and a point is moved inside along it.

    Args: sides (n,): σ; flat (n,): columns that θ is orthogonal to; basis (m, r): their space, orthonormal; inward
        (m,): q; depth (n,): σ_j a_j'q, 1 where σ_j is 0.
    """

    sides: Tensor
    flat: Tensor
    basis: Tensor
    inward: Tensor
    depth: Tensor

    @classmethod
    def under(cls, A: LinearOperator, penalty: Penalty) -> DualCone | None:
        """That of a penalty which leaves entries free on one side; None where there are none, or a ridge holds them."""
        if penalty.half_free is None or penalty.ridge:
            return None
        return cls.of(A, penalty.half_free.expand(A.shape[1]), penalty.free)

    @classmethod
    def of(cls, A: LinearOperator, sides: Tensor, free: Tensor | None) -> DualCone:
        """free (n,): columns that θ is orthogonal to already, from the start."""
        sides = sides.to(A.device)
        flat = torch.zeros_like(sides, dtype=torch.bool) if free is None else free.expand_as(sides).clone()
        half = sides.nonzero()[:, 0]
        columns = A.columns(half) * sides[half]
        norms = torch.linalg.vector_norm(columns, dim=0)
        inward, depth = columns.new_zeros(len(columns)), torch.ones_like(sides)
        while True:
            basis = _space(A.columns(flat.nonzero()[:, 0]))
            left = columns - basis @ (basis.mT @ columns)
            thick = torch.linalg.vector_norm(left, dim=0) > NOTHING * norms
            flat[half[~thick]] = True
            if not bool(thick.any()):
                return cls(sides, flat, basis, inward, depth)
            unit = left[:, thick] / torch.linalg.vector_norm(left[:, thick], dim=0)
            # min ‖Σ z_j u_j‖² + (1 − Σ z_j)²: its optimality says u_j'q ≥ 1 for q = (Σ z_j u_j)/(1 − Σ z_j).
            weights = _nearest(torch.cat([unit, unit.new_ones(1, unit.shape[1])]))
            short = 1 - float(weights.sum())
            if short > ALONE:
                inward = unit @ weights / short
                depth[half] = torch.where(thick, columns.mT @ inward, 1.0)
                return cls(sides, flat, basis, inward, depth)
            flat[half[thick.nonzero()[:, 0][weights > ALONE]]] = True

    def inside(self, A: LinearOperator, point: Tensor) -> Tensor:
        """The points (signals, m), each moved into the cone."""
        if self.basis.shape[1]:
            point = point - point @ self.basis @ self.basis.mT
        outside = torch.where(self.flat, 0.0, A.rmv(point) * self.sides / self.depth).amax(-1, keepdim=True)
        return point - outside.clamp(min=0) * self.inward

    def clean(self, slope: Tensor) -> Tensor:
        """A'θ of a point inside, without the rounding that would put it outside."""
        slope = torch.where(self.flat, 0.0, slope)
        return torch.where(self.sides > 0, slope.clamp(max=0), torch.where(self.sides < 0, slope.clamp(min=0), slope))


def _space(columns: Tensor) -> Tensor:
    """An orthonormal basis (m, r) of what the columns span."""
    if not columns.shape[1]:
        return columns
    left, sizes, _ = torch.linalg.svd(columns, full_matrices=False)
    basis: Tensor = left[:, sizes > NOTHING * sizes.max()]
    return basis


def _nearest(columns: Tensor) -> Tensor:
    """argmin_z ‖columns·z − e‖ over z ≥ 0, e the last unit vector; active sets (Lawson and Hanson 1974, chapter 23)."""
    count = columns.shape[1]
    target = torch.zeros_like(columns[:, 0])
    target[-1] = 1.0
    z, held = torch.zeros_like(columns[0]), torch.zeros(count, dtype=torch.bool, device=columns.device)
    for _ in range(3 * count):
        slope = torch.where(held, -torch.inf, columns.mT @ (target - columns @ z))
        if float(slope.max()) <= NOTHING:
            break
        held[slope.argmax()] = True
        while True:
            aim = torch.zeros_like(z)
            aim[held] = torch.linalg.pinv(columns[:, held]) @ target
            behind = held & (aim <= 0)
            if not bool(behind.any()):
                break
            z = z + float((z / (z - aim))[behind].min()) * (aim - z)
            held = held & (z > NOTHING)
            z = torch.where(held, z, 0.0)
        z = aim
    return z
