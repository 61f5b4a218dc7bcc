"""Orthogonal matching pursuit with the residual itself in hand: any operator, real or complex, many signals at once."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..linop import LinearOperator
from .outcome import Ending, Recovery

__all__ = ["Rule", "omp", "rounding"]

Rule = Literal["correlation", "residual"]
_ITEMS_AT_ONCE = 1 << 24


def rounding(b: Tensor) -> Tensor:
    """The residual norm that rounding alone leaves of each signal: 16 roundings of ‖b‖."""
    norms: Tensor = torch.linalg.vector_norm(b, dim=-1)
    return 16 * torch.finfo(b.dtype).eps * norms


def omp(A: LinearOperator, b: Tensor, k: int, targets: Tensor, rule: Rule = "correlation") -> Recovery:
    """Add one column a step, and fit all chosen columns anew.

        correlation: j = argmax |a_jᴴr| / ‖a_j‖        residual: j = argmax |a_jᴴr| / ‖P⊥a_j‖

    where P⊥ removes the chosen columns: the second rule takes the column that lowers the residual most (order-recursive
    or orthogonal least squares). The fit is a Gram–Schmidt basis of the chosen columns, made twice orthogonal, so the
    residual keeps its digits in float32 too.

    Args: b (signals, m); targets (signals,), residual norms at which to stop, raised to what rounding leaves.
    """
    parts = b.split(max(1, _ITEMS_AT_ONCE // (k * A.shape[0] + 4 * A.shape[1])))
    found = [
        _pursue(A, part, k, goal, rule) for part, goal in zip(parts, targets.split(parts[0].shape[0]), strict=True)
    ]
    x, ending, residual, steps = (torch.cat(pieces) for pieces in zip(*found, strict=True))
    return Recovery(x, ending, residual, steps)


def _pursue(A: LinearOperator, b: Tensor, k: int, targets: Tensor, rule: Rule) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    count, (m, n) = b.shape[0], A.shape
    epsilon, norms = torch.finfo(b.dtype).eps, A.column_norms()
    rows = torch.arange(count, device=b.device)
    basis, z = b.new_zeros(count, k, m), b.new_zeros(count, k)
    triangle = torch.eye(k, dtype=b.dtype, device=b.device).repeat(count, 1, 1)
    chosen = torch.zeros(count, k, dtype=torch.long, device=b.device)
    taken = torch.zeros(count, n, dtype=torch.bool, device=b.device)
    steps, dependent = torch.zeros_like(rows), torch.zeros_like(rows, dtype=torch.bool)
    goal, residual = torch.maximum(targets, rounding(b)), b.clone()
    beside = norms.square().expand(count, n).clone()
    for t in range(k):
        active = (torch.linalg.vector_norm(residual, dim=-1) > goal) & ~dependent
        if not bool(active.any()):
            break
        score = A.rmv(residual).abs() / beside.clamp(min=0).sqrt()
        # What remains of a column below this is rounding, and a quotient with it means nothing.
        score = torch.where(taken | (beside <= 1e3 * epsilon * norms.square()), -1, score)
        best, j = score.max(-1)
        column = A.columns(j).mT
        q, along = _orthogonal(column, basis[:, :t])
        p = torch.linalg.vector_norm(q, dim=-1)
        dependent = dependent | (active & ((best <= 0) | (p <= 100 * epsilon * norms[j])))
        go = active & ~dependent
        q = torch.where(go[:, None], q / torch.where(go, p, 1)[:, None], 0)
        basis[:, t] = q
        triangle[:, t, :t] = torch.where(go[:, None], along, 0)
        triangle[:, t, t] = torch.where(go, p, 1).to(b.dtype)
        z[:, t] = (q.conj() * residual).sum(-1)
        residual = residual - z[:, t, None] * q
        chosen[:, t] = torch.where(go, j, 0)
        taken[rows[go], j[go]] = True
        steps = steps + go
        if rule == "residual":
            beside = beside - A.rmv(q).abs().square()
    gamma = torch.linalg.solve_triangular(triangle.mT, z.unsqueeze(-1), upper=True).squeeze(-1)
    x = b.new_zeros(count, n).scatter_add(1, chosen, torch.where(_first(steps, k), gamma, 0))
    left = torch.linalg.vector_norm(b - A.mv(x), dim=-1)
    reached = torch.linalg.vector_norm(residual, dim=-1) <= goal
    ending = torch.where(reached, Ending.RESIDUAL_REACHED, Ending.SPARSITY_REACHED)
    return x, torch.where(dependent & ~reached, Ending.DEPENDENT_COLUMN, ending).to(torch.int8), left, steps


def _orthogonal(column: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """The column less its part in the basis, removed twice: once leaves κ roundings of it, twice one."""
    first = (basis.conj() @ column.unsqueeze(-1)).squeeze(-1)
    q = column - (first.unsqueeze(1) @ basis).squeeze(1)
    second = (basis.conj() @ q.unsqueeze(-1)).squeeze(-1)
    return q - (second.unsqueeze(1) @ basis).squeeze(1), first + second


def _first(steps: Tensor, k: int) -> Tensor:
    return torch.arange(k, device=steps.device) < steps[:, None]
