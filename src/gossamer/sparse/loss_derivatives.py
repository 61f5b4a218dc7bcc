"""Solutions under a loss as autograd is to see them: what of a user's arguments takes part, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError, StructureError
from ..linop import Standardised, as_operator, as_signals
from ..solvers import Recovery
from ..solvers.branch import Branch, EntryBranch, GroupBranch
from ..solvers.implicit_loss import attach_loss
from ..terms import Penalty
from .loss_data import LossData, standards
from .strengths import as_weights

__all__ = ["asking", "differentiated"]

TRACED = ("l1", "l2", "weights", "sample_weights")


def asking(A: Any, b: Any, options: Mapping[str, Any]) -> tuple[Any, ...]:
    """Of what a loss is given, all that can take part in autograd."""
    return (A, b, *(options.get(name) for name in TRACED))


def differentiated(
    data: LossData, found: Recovery, A: Any, b: Any, penalty: Any, options: Mapping[str, Any]
) -> Recovery:
    """The solver's own recovery `found` as the user's, in the graph of A, b, penalty and options."""
    if isinstance(penalty, Penalty):
        raise StructureError(
            "a Penalty has no derivative here; give its strength and options instead, or detach the data"
        )
    problem, design = data.problem, as_operator(A)
    m, n = problem.A.shape
    weights = options.get("sample_weights")
    samples = torch.as_tensor(weights).to(problem.weights) if weights is not None else problem.weights
    targets = problem.loss.targets(as_signals(b), m).to(problem.weights.device)
    if isinstance(b, Tensor) and b.requires_grad and not targets.requires_grad:
        raise DataError("the targets take part in autograd, and labels have no derivative; detach them")
    together = found.ending.ndim == 0
    branch = _branch(penalty, options, n, len(targets) if together else 1, problem.weights)
    if options.get("standardise"):
        mean, scale = standards(design, samples, problem.intercept)
        data, design = replace(data, mean=mean, scale=scale), Standardised(design, mean, scale)
    return data.answer(attach_loss(design, targets, samples, problem.loss, branch, found, together=together))


def _branch(penalty: Any, options: Mapping[str, Any], n: int, rows: int, like: Tensor) -> Branch:
    """Ω on `rows` rows of n unknowns, in the graph of its strengths."""
    strength = torch.as_tensor(penalty).to(like)
    first, second = (torch.as_tensor(options.get(name, 0.0)).to(like) for name in ("l1", "l2"))
    factors = as_weights(options.get("weights"))
    weights = None if factors is None else factors.to(like)
    if options.get("groups") is not None:
        labels = torch.as_tensor(options["groups"]).to(like.device)
        sizes = torch.bincount(labels).to(like).sqrt() if weights is None else weights
        count = len(sizes)
        apart = torch.arange(rows, device=like.device).repeat_interleave(n) * count + labels.repeat(rows)
        return GroupBranch(first, (strength * sizes).repeat(rows), apart)
    levels = strength.expand(n) if weights is None else strength * weights
    if options.get("shared"):
        return GroupBranch(like.new_zeros(()), levels, torch.arange(n, device=like.device).repeat(rows))
    low = 0.0 if options.get("nonnegative") else -torch.inf
    return EntryBranch(levels.repeat(rows), second, low)
