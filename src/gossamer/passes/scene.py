"""What a step finds when its turn comes, and what it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from ..model import TensorSite
from .data import Batches
from .plan import Assignment
from .settings import Settings
from .state import LayerState

__all__ = ["Scene"]


@dataclass(frozen=True, eq=False)
class Scene:
    """The stage on which a step acts.

    Args:
        model: the working copy, with original classes and dense weights: what earlier steps left.
        teacher: the dense model, or None when no step needs it.
        sites: every tensor of the model.
        states: what is known of each weight that some step aims at, by name.
        batches: the data, or None.
        assignment: which weights this step aims at; None for a step that aims at the whole model.
        settings: what the caller asked for. seed: this step's own.
    """

    model: nn.Module
    teacher: nn.Module | None
    sites: Sequence[TensorSite]
    states: Mapping[str, LayerState]
    batches: Batches | None
    assignment: Assignment | None
    settings: Settings
    seed: int
