"""Penalties of one kind and any strength: what paths and cross-validation move along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from ..terms import L1, BoxedL1, ElasticNet, Group, MultiTask, Penalty, SparseGroup
from .strengths import as_weights, held, refuse

__all__ = ["Family", "group_family", "l1_family", "net_family", "task_family"]

Family = Callable[[float], Penalty]  # λ ↦ Ω_λ, proportional to λ


def l1_family(weights: Any = None, nonnegative: bool = False) -> Family:
    """λ·Σ_j w_j|x_j|, also for x ≥ 0."""
    factors = _factors(weights)
    if nonnegative:
        return lambda level: BoxedL1(level, weights=factors)
    return lambda level: L1(level, factors)


def net_family(l1_ratio: float, weights: Any = None, nonnegative: bool = False) -> Family:
    """λ·(ρ·Σ_j w_j|x_j| + (1 − ρ)/2·‖x‖²), also for x ≥ 0. Raises: DataError unless 0 ≤ ρ ≤ 1."""
    if not 0 <= l1_ratio <= 1:
        raise DataError(f"l1_ratio is {l1_ratio}; give a number from 0 (all squares) to 1 (the Lasso)")
    factors = _factors(weights)
    low = 0.0 if nonnegative else -inf
    return lambda level: ElasticNet(level * l1_ratio, level * (1 - l1_ratio), factors, low)


def group_family(groups: Sequence[int] | Tensor, weights: Any = None, l1_ratio: float = 0.0) -> Family:
    """λ·(ρ·‖x‖₁ + (1 − ρ)·Σ_g w_g‖x_g‖₂). Raises: DataError unless 0 ≤ ρ ≤ 1."""
    if not 0 <= l1_ratio <= 1:
        raise DataError(f"l1_ratio is {l1_ratio}; give a number from 0 (groups alone) to 1 (entries alone)")
    labels, factors = torch.as_tensor(groups), _factors(weights)
    if l1_ratio == 0:
        return lambda level: Group(level, labels, factors)
    return lambda level: SparseGroup(level * l1_ratio, level * (1 - l1_ratio), labels, factors)


def task_family(weights: Any = None) -> Family:
    """λ·Σ_j w_j‖row j of X‖₂."""
    factors = _factors(weights)
    return lambda level: MultiTask(level, factors)


def _factors(weights: Any) -> Tensor | None:
    refuse("a path of penalties", weights)
    factors: Tensor | None = held(as_weights(weights))
    return factors
