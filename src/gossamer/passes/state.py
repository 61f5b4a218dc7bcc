"""What a pass knows of one weight while the recipe runs: a value, replaced at each step."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..nn import WeightView
from ..recipe import Step
from ..status import Status
from ..structure import Structure
from ..terms import FixedSupport, Member, StructureSet

__all__ = ["LayerState"]

PRUNED = 0.5  # a weight with at most this share of nonzeros did not come by them through training alone


@dataclass(frozen=True, eq=False)
class LayerState:
    """One weight that a step may compress.

    Args:
        name: the parameter's name.
        view: how the parameter is a matrix (groups, out, in).
        weight: the reference W in that view, which the member approximates; distillation moves it.
        member: what the model computes with, or None while no step has compressed it.
        outcomes: (step, method, status) of each step that aimed at it.
        error: the relative error of the last compressing step.
    """

    name: str
    view: WeightView
    weight: Tensor
    member: Member | None = None
    outcomes: tuple[tuple[str, str, Status], ...] = field(default=())
    error: float | None = None

    @classmethod
    def of(cls, name: str, view: WeightView, tensor: Tensor) -> LayerState:
        """The state before any step. A weight that arrives mostly zero was pruned: its zeros are kept as a support."""
        weight = view.to_matrix(tensor.detach()).clone()
        support = weight != 0
        kept = int(support.sum())
        if not 0 < kept <= PRUNED * weight.numel():
            return cls(name, view, weight)
        return cls(
            name, view, weight, StructureSet(Structure(), tuple(weight.shape), FixedSupport(support)).project(weight)
        )

    def noted(self, step: Step, method: str, status: Status) -> LayerState:
        """The state with one more outcome; `method` is told of steps that are done."""
        return replace(self, outcomes=(*self.outcomes, (str(step), method, status)))

    @property
    def dtype(self) -> torch.dtype:
        """The parameter's own dtype."""
        return self.weight.dtype

    def dense(self) -> Tensor:
        """The weight that the model computes with, in the parameter's shape and dtype."""
        matrix = self.weight if self.member is None else self.member.dense(self.dtype)
        return self.view.from_matrix(matrix)

    @property
    def status(self) -> Status:
        """One outcome out of all steps': failed before done before skipped; reasons are never dropped."""
        reasons = "; ".join(f"{step}: {status.reason}" for step, _, status in self.outcomes if status.reason)
        kinds = [status.kind for _, _, status in self.outcomes]
        for kind in ("failed", "done", "skipped"):
            if kind in kinds:
                return Status(kind, reasons)
        return Status.kept("no step aimed at it")

    @property
    def method(self) -> str:
        """The methods that shaped it, in order."""
        return " + ".join(method for _, method, status in self.outcomes if status.kind == "done")
