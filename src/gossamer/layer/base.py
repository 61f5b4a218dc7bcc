"""A layer compressor: a task goes in, a result comes out. It knows structures and weights, no module, no format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..errors import StructureError
from ..problem import LayerQuadratic
from ..status import Status
from ..structure import Grid, Structure, TopK, Word
from ..terms import Member, StructureSet, WithinSupport, fit_values, frozen, support_set
from ..terms.lowrank import check_rank

LARGEST = 1e15  # squares, and their sums over a layer, stay far inside float32

__all__ = ["Compressor", "LayerResult", "LayerTask", "constraint", "fits"]


@dataclass(frozen=True, eq=False)
class LayerTask:
    """One weight to be compressed.

    Args:
        name: the parameter's name, for messages.
        weight: W (groups, out, in), the reference that the result should stay near.
        structure: what this step asks for; the slots that it leaves empty keep what `held` has.
        held: the member that earlier steps left, or None.
        energy: diag(XᵀX) (groups, in), or None where nothing was measured.
        seed: for methods that draw.
        options: passed to the fit of the values.
    """

    name: str
    weight: Tensor
    structure: Structure
    held: Member | None = None
    energy: Tensor | None = None
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.weight.shape)


@dataclass(frozen=True, eq=False)
class LayerResult:
    """What became of the task; `error` is `LayerQuadratic.relative`, with the energies where there are any."""

    status: Status
    member: Member | None = None
    error: float | None = None


class Compressor(ABC):
    """A named method: (metric, term, solver)."""

    words: tuple[type[Word], ...]  # the words that it may bring

    @property
    @abstractmethod
    def needs(self) -> tuple[str, ...]:
        """Names of the statistics it reads, keys of `statistics.STATISTICS`."""

    @abstractmethod
    def check(self, structure: Structure, shape: tuple[int, ...]) -> None:
        """Cheap, before slow work. Raises StructureError when it cannot bring `structure` to a weight of `shape`."""

    @abstractmethod
    def member(self, task: LayerTask) -> Member: ...

    def compress(self, task: LayerTask) -> LayerResult:
        """Solve the task; a weight that cannot be compressed is a status, never an exception."""
        if not bool(torch.isfinite(task.weight).all()):
            return LayerResult(Status.failed("the weight holds NaN or infinity; mend the model before compressing it"))
        if float(task.weight.abs().max()) > LARGEST:
            return LayerResult(
                Status.failed(f"it holds a weight beyond ±{LARGEST:g}, whose square float32 cannot hold")
            )
        if task.energy is not None and not bool(torch.isfinite(task.energy).all()):
            return LayerResult(Status.failed("the calibration data gave NaN or infinity at its inputs; mend the data"))
        if self.needs and task.energy is None:
            return LayerResult(Status.skipped("no calibration input reached it; use a method that needs none"))
        try:
            member = self.member(task)
        except StructureError as error:
            return LayerResult(Status.skipped(str(error)))
        fit = LayerQuadratic(task.weight, task.energy)
        empty = member.kept == 0 and member.left is None
        status = Status.done("no entry is kept: the layer gives its bias alone" if empty else "")
        return LayerResult(status, member, fit.relative(member.dense(torch.float32)))


def fits(structure: Structure, shape: tuple[int, ...]) -> None:
    """Raises StructureError when a structure cannot lie on a tensor of `shape`."""
    # A model-wide support stands for a count in each layer, and a count fits every layer.
    shared = isinstance(structure.support, TopK) and structure.support.scope == "model"
    if structure.support is not None and not shared:
        support_set(structure.support, shape)
    if structure.values is not None:
        options: dict[str, Any] = {"clip": False} if isinstance(structure.values, Grid) else {}  # zeros need no search
        fit_values(structure.values, torch.zeros((*(1 for _ in shape[:-1]), shape[-1])), **options)
    if structure.lowrank is not None:
        check_rank(structure.lowrank, shape)


def constraint(task: LayerTask, metric: Tensor | None) -> StructureSet:
    """The set that this step projects onto: the slots it names are new, the others frozen as earlier steps left them.

    A new support is chosen within an old one, so that both hold; old scales, codebooks and factors do not move.
    """
    asked, held = task.structure, task.held
    before = frozen(held) if held is not None else StructureSet(Structure(), task.shape)
    structure = before.structure.filled(*asked.words)
    where, what, factors = before.where, before.what, before.factors
    if asked.support is not None:
        chosen = support_set(asked.support, task.shape)
        where = chosen if held is None or held.support is None else WithinSupport(chosen, held.support)
    if asked.lowrank is not None:
        factors = None
    if asked.values is not None:
        rest = task.weight.to(torch.float32)
        if factors is not None:
            rest = rest - factors[0] @ factors[1]
        support = StructureSet(structure, task.shape, where).project(rest, metric).support if where else None
        what = fit_values(asked.values, rest, metric, support, **task.options)
    return StructureSet(structure, task.shape, where, what, factors)
