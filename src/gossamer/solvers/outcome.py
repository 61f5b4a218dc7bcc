"""How a solver ended, for each problem of a batch: a code, and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from typing import Any

import torch
from torch import Tensor

__all__ = ["ADVICE", "BENT", "Ending", "Recovery"]


class Ending(IntEnum):
    """Why a solver stopped on one problem."""

    CONVERGED = 0
    SPARSITY_REACHED = 1
    RESIDUAL_REACHED = 2
    DEPENDENT_COLUMN = 3
    STEPS_EXHAUSTED = 4
    STALLED = 5
    DIVERGED = 6
    INFEASIBLE = 7


ADVICE: Mapping[Ending, str] = {
    Ending.CONVERGED: "converged: the certificate is below the tolerance",
    Ending.SPARSITY_REACHED: "k nonzeros were chosen",
    Ending.RESIDUAL_REACHED: "the residual is below the target",
    Ending.DEPENDENT_COLUMN: "the next column depends on those chosen; ask for fewer nonzeros, or merge equal columns",
    Ending.STEPS_EXHAUSTED: "not converged within the steps allowed; allow more, loosen tol, or scale the columns",
    Ending.STALLED: "no step improves it further, above the tolerance; try float64, or another solver",
    Ending.DIVERGED: "the iterates grow beyond all bounds; use a smaller step, a solver that bounds it, or scale A",
    Ending.INFEASIBLE: "no x meets the constraint; allow a larger residual",
}
BENT = (
    "; its derivative is not unique here (a column stands at the penalty's level, columns in use depend on each other, "
    "or tol is too loose to tell)"
)


@dataclass(frozen=True, eq=False)
class Recovery:
    """The solutions of one or many problems that share a design.

    Args:
        x: (n,) or (signals, n).
        ending: a code of `Ending` for each problem, () or (signals,), int8.
        residual: ‖Ax − b‖₂ of each, computed from x; for other losses the norm of the loss's gradient, which it is.
        steps: iterations (greedy: columns chosen) of each, int64.
        gap: for convex problems the duality gap relative to the objective at zero, float64; else None.
        objective: the objective's value where there is one.
        intercept: the constant that was fitted beside x, () or (signals,), where one was asked for.
        differentiable: whether x has one derivative here, like `ending`; None where autograd asks for none. Where it
            is False, backward gives a one-sided derivative or that of minimum norm (`solvers.implicit`).
    """

    x: Tensor
    ending: Tensor
    residual: Tensor
    steps: Tensor
    gap: Tensor | None = None
    objective: Tensor | None = None
    history: tuple[float, ...] = field(default=())
    intercept: Tensor | None = None
    differentiable: Tensor | None = None

    @property
    def status(self) -> str | list[str]:
        """What the codes mean: one sentence, or one for each problem."""
        smooth = self.ending >= 0 if self.differentiable is None else self.differentiable
        pairs = zip(self.ending.reshape(-1).tolist(), smooth.reshape(-1).tolist(), strict=True)
        words = [ADVICE[Ending(code)] + ("" if alone else BENT) for code, alone in pairs]
        return words if self.ending.ndim else words[0]

    def one(self, signal: int = 0) -> Recovery:
        """The recovery of one signal, without the axis of signals. What all signals share stays as it is."""
        parts: dict[str, Any] = {name: part[signal] if part.ndim else part for name, part in _tensors(self).items()}
        return replace(self, **parts)

    @staticmethod
    def stacked(found: Sequence[Recovery]) -> Recovery:
        """Recoveries of one kind, one on another along a new first axis."""
        parts: dict[str, Any] = {
            name: torch.stack([getattr(one, name) for one in found]) for name in _tensors(found[0])
        }
        return replace(found[0], **parts)

    @staticmethod
    def joined(found: Sequence[Recovery], x: Tensor) -> Recovery:
        """The signals of several recoveries of one kind, one after another; x (signals, n) holds all of theirs."""
        names = _tensors(found[0]).keys() - {"x"}
        parts: dict[str, Any] = {name: torch.cat([getattr(one, name) for one in found]) for name in names}
        return replace(found[0], x=x, **parts)

    @property
    def support(self) -> Tensor:
        """Where x is not zero: bool like x."""
        return self.x != 0


def _tensors(recovery: Recovery) -> dict[str, Tensor]:
    parts = {part.name: getattr(recovery, part.name) for part in fields(recovery)}
    return {name: part for name, part in parts.items() if isinstance(part, Tensor)}
