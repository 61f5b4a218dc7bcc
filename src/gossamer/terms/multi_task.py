"""Norms of rows: one support shared by all tasks."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from .blockwise import BlockPenalty
from .separable import as_factors, check_factors, check_strength

__all__ = ["MultiTask"]


@dataclass(frozen=True, eq=False)
class MultiTask(BlockPenalty):
    """Ω(x) = strength·Σ_j w_j‖(x_1j, …, x_Tj)‖₂: the T tasks choose the same columns. x is (*b, tasks, n).

    Args: strength ≥ 0; weights (n,) ≥ 0, default ones.
    Raises: StructureError on a negative strength.
    Source: Obozinski, Taskar and Jordan 2010.

    >>> import torch
    >>> MultiTask(1.0).prox(torch.tensor([[3.0, 0.5], [4.0, 0.5]]), 1.0)
    tensor([[2.4000, 0.0000],
            [3.2000, 0.0000]])
    """

    strength: float
    weights: Tensor | None = None

    def __post_init__(self) -> None:
        check_strength("strength", self.strength)

    @property
    def event_ndim(self) -> int:
        return 2

    @property
    def ridge(self) -> float:
        return 0.0

    @property
    def half_free(self) -> None:
        return None

    @property
    def free(self) -> Tensor | None:
        if self.strength == 0:
            return torch.ones((), dtype=torch.bool)
        free = None if self.weights is None else self.weights == 0
        return free if free is not None and bool(free.any()) else None

    def without_ridge(self) -> MultiTask:
        return self

    def check(self, n: int) -> None:
        check_factors(self.weights, n, "columns")

    def blocks(self, n: int) -> Tensor:
        return torch.arange(n)

    def outside(self, v: Tensor) -> Tensor:
        norms: Tensor = torch.linalg.vector_norm(v, dim=-2)
        return norms - self.radii(v)

    def restricted(self, columns: Tensor) -> MultiTask:
        return MultiTask(self.strength, None if self.weights is None else self.weights[columns.to(self.weights.device)])

    def radii(self, like: Tensor) -> Tensor:
        """strength·w, broadcasting over columns."""
        return torch.as_tensor(self.strength * as_factors(self.weights, like), dtype=like.dtype, device=like.device)

    def value(self, x: Tensor) -> Tensor:
        norms: Tensor = torch.linalg.vector_norm(x, dim=-2)
        return (self.radii(x) * norms).sum(-1)

    def prox(self, x: Tensor, step: float | Tensor) -> Tensor:
        norms: Tensor = torch.linalg.vector_norm(x, dim=-2, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)
        return x * (1 - step * self.radii(x) / norms).clamp(min=0)

    def conjugate(self, v: Tensor) -> Tensor:
        """Zero where every column's norm over the tasks is at most its radius, else infinite."""
        return torch.where((torch.linalg.vector_norm(v, dim=-2) <= self.radii(v)).all(-1), 0.0, inf)

    def dual_scale(self, v: Tensor) -> Tensor:
        norms = torch.linalg.vector_norm(v, dim=-2)
        radii = self.radii(v).expand_as(norms)
        return torch.where(norms > radii, radii / norms, 1.0).amin(-1)

    def subdiff_distance(self, x: Tensor, grad: Tensor) -> Tensor:
        norms, radii = torch.linalg.vector_norm(x, dim=-2, keepdim=True), self.radii(x)
        smooth = grad + radii * x / norms.clamp(min=torch.finfo(x.dtype).tiny)
        apart = torch.linalg.vector_norm(smooth, dim=-2)
        at_zero = (torch.linalg.vector_norm(grad, dim=-2) - radii).clamp(min=0)
        return torch.where(norms.squeeze(-2) == 0, at_zero, apart).amax(-1)
