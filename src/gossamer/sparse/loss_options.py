"""The keywords that all losses share, in one place, and the penalty that they add up to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, TypedDict

import torch
from torch import Tensor

from ..errors import StructureError
from ..terms import ElasticNet, Group, Penalty, SparseGroup
from .families import l1_family, task_family
from .strengths import as_weights

__all__ = ["LossOptions", "PenaltyOptions", "penalty_maker"]


class LossOptions(TypedDict, total=False):
    """What every function of a loss takes, all optional.

    Args:
        l2: ≥ 0, adds (l2/2)‖x‖².
        groups: (n,) the group 0 … G − 1 of each column: the penalty is then penalty·Σ_g w_g‖x_g‖₂.
        l1: ≥ 0, with groups: adds l1·‖x‖₁, few columns in each group.
        shared: with classes or many signals: penalty·Σ_j w_j‖column j of x‖₂, so that all choose the same columns.
        weights: w ≥ 0, (n,) or (G,), default ones, for groups √|g|; a column of weight 0 is not penalised.
        nonnegative: x ≥ 0.
        intercept: fit c, unpenalised; A is not densified.
        sample_weights: (m,) > 0, default ones.
        standardise: penalise columns of (weighted) mean square 1, about their mean if there is an intercept; x comes
            back in the units of A, and a sparse A stays sparse.
        tol: of the gap relative to the objective at x = 0 (and the constant that fits best), in float64.
        solver: "prox_newton" (L1 family, CPU) or "fista" (all); None chooses.
        x0: where to begin, like x.
        max_steps: of the solver, in the unit of `Recovery.steps`; None leaves it to the solver.
    """

    l2: float | Tensor
    groups: Any
    l1: float | Tensor
    shared: bool
    weights: Any
    nonnegative: bool
    intercept: bool
    sample_weights: Any
    standardise: bool
    tol: float
    solver: str | None
    x0: Tensor | None
    max_steps: int | None


@dataclass(frozen=True, kw_only=True)
class PenaltyOptions:
    """The part of `LossOptions` that says what the penalty is."""

    l2: float = 0.0
    groups: Any = None
    l1: float = 0.0
    shared: bool = False
    weights: Any = None
    nonnegative: bool = False


def penalty_maker(options: PenaltyOptions) -> Callable[[float], Penalty]:
    """The penalty as a function of its strength. Raises StructureError where options contradict each other."""
    weights = as_weights(options.weights)
    given = {
        "groups": options.groups is not None,
        "shared": options.shared,
        "l2": options.l2 != 0,
        "nonnegative": options.nonnegative,
    }
    chosen = [name for name, said in given.items() if said]
    if len(chosen) > 1 and chosen != ["l2", "nonnegative"]:
        raise StructureError(
            f"{' and '.join(chosen)} are given together; no penalty here is all of them, leave one out"
        )
    if options.l1 and options.groups is None:
        raise StructureError(f"l1 is {options.l1} without groups; the penalty itself is the strength of |x|")
    if options.groups is not None:
        labels = torch.as_tensor(options.groups)
        if options.l1:
            return lambda strength: SparseGroup(options.l1, strength, labels, weights)
        return lambda strength: Group(strength, labels, weights)
    if options.shared:
        return task_family(weights)
    if options.l2:
        low = 0.0 if options.nonnegative else -inf
        return lambda strength: ElasticNet(strength, options.l2, weights, low)
    return l1_family(weights, options.nonnegative)
