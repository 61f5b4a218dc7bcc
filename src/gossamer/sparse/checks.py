"""What the functions of this room ask of a tolerance, a number of steps, a name and a starting point."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, Self, TypeVar

import torch
from torch import Tensor

from ..errors import DataError, StructureError, did_you_mean

__all__ = [
    "check_gap",
    "check_residual",
    "check_rule",
    "check_sample_weights",
    "check_solver",
    "check_steps",
    "check_x0",
    "within",
]

RULES = ("correlation", "residual")


class Stepping(Protocol):
    """What works in steps that can be counted."""

    def within(self, steps: int) -> Self:
        """The same, allowed this many."""


Method = TypeVar("Method", bound=Stepping)


def check_gap(tol: float) -> float:
    """A relative duality gap to reach."""
    if not 0 < tol < 1:
        raise DataError(f"tol is {tol}; it is a relative gap: give a number between 0 and 1, such as 1e-6")
    return tol


def check_residual(tol: float | None) -> float:
    """A relative residual to reach; None asks for what rounding leaves."""
    if tol is not None and not 0 <= tol < 1:
        raise DataError(f"tol bounds ‖Ax − b‖/‖b‖ and must be from 0 to below 1, given {tol!r}")
    return 0.0 if tol is None else tol


def check_rule(rule: str, name: str = "rule") -> None:
    """Which column a matching pursuit takes."""
    if rule not in RULES:
        raise DataError(f"{name} must be 'correlation' or 'residual', given {rule!r}")


def check_steps(max_steps: int | None) -> int | None:
    """Steps allowed; None leaves them to the solver."""
    if max_steps is not None and (isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1):
        raise DataError(f"max_steps must be an int of at least 1, given {max_steps!r}")
    return max_steps


def within(method: Method, max_steps: int | None) -> Method:
    """A solver that takes so many steps at most; None leaves them to it."""
    steps = check_steps(max_steps)
    return method if steps is None else method.within(steps)


def check_sample_weights(weights: Tensor, m: int) -> Tensor:
    """One weight above zero for each sample."""
    if tuple(weights.shape) != (m,) or not bool(((weights > 0) & torch.isfinite(weights)).all()):
        raise DataError(f"sample_weights: give {m} finite numbers > 0 (leave samples of weight 0 out)")
    return weights


def check_solver(name: str, known: Iterable[str]) -> str:
    """A name out of a table of solvers."""
    if name not in known:
        raise StructureError(f"no solver {name!r}; known: {', '.join(known)}{did_you_mean(name, known)}")
    return name


def check_x0(x0: Any, signals: int, n: int, scale: Tensor | None) -> Tensor | None:
    """Where to begin, as a tensor without a graph, for columns that were divided by `scale` (n,)."""
    if x0 is None:
        return None
    point = torch.as_tensor(x0).detach()
    if tuple(point.shape) not in ((n,), (signals, n)):
        raise DataError(f"x0 has shape {tuple(point.shape)}; give ({n},) or {(signals, n)}")
    return point if scale is None else point.to(scale) * scale
