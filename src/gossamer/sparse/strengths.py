"""What users give beside the data, in their graph for derivatives and outside of it for solvers; and who refuses it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import DataError, StructureError

__all__ = ["as_strength", "as_weights", "held", "in_graph", "refuse", "weighted"]


def as_strength(name: str, value: float | Tensor, like: Tensor | None = None) -> Tensor:
    """One number as a tensor () in float64, on the device of `like` or the CPU, in the graph that it came with.

    Raises: StructureError on what is no number, or has axes.
    """
    try:
        strength = torch.as_tensor(value, dtype=torch.float64, device="cpu" if like is None else like.device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise StructureError(f"{name} is {value!r}; give one number, or a tensor of shape ()") from error
    if strength.ndim:
        raise StructureError(f"{name} has shape {tuple(strength.shape)}; give one number, or a tensor of shape ()")
    return strength


def as_weights(weights: Any) -> Tensor | None:
    """Factors of a penalty as a tensor; None stays None, which is ones. Raises: StructureError on one number."""
    if weights is None:
        return None
    factors = weights if isinstance(weights, Tensor) else torch.as_tensor(weights)  # as_tensor moves to torch's device
    if not factors.ndim:
        raise StructureError(f"weights are one number, {float(factors)}; give a factor for each column (each group)")
    return factors


def weighted(strength: Tensor, weights: Tensor | None) -> Tensor:
    """strength·w, in the graph of both."""
    return strength if weights is None else strength * weights.to(strength)


def held(part: Any) -> Any:
    """As solvers take it: outside of autograd, and a strength as a number."""
    if not isinstance(part, Tensor):
        return part
    return part.detach() if part.ndim else part.item()


def in_graph(*parts: Any) -> bool:
    """Whether autograd asks for a derivative in one of them."""
    return torch.is_grad_enabled() and any(isinstance(part, Tensor) and part.requires_grad for part in parts)


def refuse(what: str, *parts: Any) -> None:
    """Raises: DataError where autograd asks for a derivative in one of them, which `what` has not."""
    if in_graph(*parts):
        raise DataError(
            f"an argument takes part in autograd, and {what} has no derivative; detach it, or use torch.no_grad()"
        )
