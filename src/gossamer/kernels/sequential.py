"""The plain form of kernels that go from one number to the next: they look at values, so they are not traced."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["l1_sweeps", "soft_threshold"]


def l1_sweeps(
    gram: Tensor, levels: Tensor, x: Tensor, h: Tensor,
    low: float, high: float, ridge: float, accuracy: float, sweeps: int,
) -> tuple[Tensor, Tensor, int]:  # fmt: skip
    """csrc/l1_sweeps.cpp says what is computed; here with numpy rows, for the price of a call a move."""
    G, level = gram.detach().cpu().numpy(), levels.tolist()
    place, left = x.detach().cpu().numpy().copy(), h.detach().cpu().numpy().copy()
    curves = [float(curve) + ridge for curve in G.diagonal()]
    for done in range(1, sweeps + 1):
        most = 0.0
        for j in range(len(place)):
            old, pull, curve = float(place[j]), float(left[j]), curves[j]
            if curve <= 0 or (old == 0 and abs(pull) <= level[j]):
                continue
            new = soft_threshold(pull + curve * old, level[j], curve, low, high)
            move = new - old
            if move:
                place[j] = new
                left -= move * G[j]
                left[j] -= ridge * move
                most = max(most, abs(move) * curve)
        if most <= accuracy:
            return torch.from_numpy(place).to(x.device), torch.from_numpy(left).to(h.device), done
    return torch.from_numpy(place).to(x.device), torch.from_numpy(left).to(h.device), -1 - sweeps


def soft_threshold(z: float, level: float, curve: float, low: float, high: float) -> float:
    """argmin_u ½curve·u² − z·u + level|u|, low ≤ u ≤ high, for curve > 0."""
    size = abs(z) - level
    free = 0.0 if size <= 0 else (size / curve if z > 0 else -size / curve)
    return min(max(free, low), high)
