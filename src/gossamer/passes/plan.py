"""Which step aims at which weight: settled, and every offender reported, before anything slow begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import RecipeError, StructureError, TargetError, listed
from ..layer import METHODS
from ..model import TensorSite, select
from ..recipe import CompressStep, Step
from ..structure import Word

__all__ = ["Assignment", "plan"]


@dataclass(frozen=True)
class Assignment:
    """The weights that one compressing step will shape (of which the user named some), and why it leaves others."""

    step: CompressStep
    names: tuple[str, ...]
    named: frozenset[str] = frozenset()
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Whether the step has nothing to do, as one made of wishes where an earlier step has filled every slot."""
        return not self.names and not self.skipped


def plan(steps: Sequence[Step], sites: Sequence[TensorSite]) -> dict[int, Assignment]:
    """The assignment of each compressing step, by its position in the recipe.

    A layer that a step aims at by default and cannot shape is skipped with a reason. A layer that the user named is an
    error.

    Raises: TargetError or RecipeError with all offenders at once.
    """
    assignments: dict[int, Assignment] = {}
    wrong: list[str] = []
    clashes: list[str] = []
    unknown: list[str] = []
    filled: dict[str, dict[str, str]] = {}
    for position, step in enumerate(steps):
        if not isinstance(step, CompressStep):
            continue
        names: list[str] = []
        named: set[str] = set()
        skipped: dict[str, str] = {}
        try:
            choices = select(sites, step.targets, step.ignore)
        except TargetError as error:
            unknown.append(f"step {position + 1}, {step}: " + str(error).replace("\n", "\n  "))
            continue
        for choice in choices:
            site = choice.site
            if choice.wished and _brings_again(step, filled.get(site.name, {})):
                continue
            obstacle = _obstacle(step, site)
            if obstacle and choice.named:
                wrong.append(f"step {position + 1}, {step}: layer {site.name!r}: {obstacle}")
            elif obstacle:
                skipped[site.name] = obstacle
            else:
                names.append(site.name)
                named |= {site.name} if choice.named else set()
                clashes += _fill(filled.setdefault(site.name, {}), step, position, site.name)
        assignments[position] = Assignment(step, tuple(names), frozenset(named), skipped)
    if unknown:
        raise TargetError(listed(unknown, "the model does not have what these steps name:"))
    if wrong:
        raise TargetError(listed(wrong, "layers that were named cannot be compressed as asked:"))
    if clashes:
        heading = "a slot can be filled once; leave the layer out of one of the two steps with ignore=[...]:"
        raise RecipeError(listed(clashes, heading))
    return assignments


def _obstacle(step: CompressStep, site: TensorSite) -> str:
    """Why `step` cannot shape the weight, or nothing."""
    if site.view is None:
        return site.reason
    method = METHODS[step.method]
    if method.needs and not site.view.calibrates:
        return (
            f"{step.method} needs the layer's inputs, which are not mapped for {site.view.kind}; "
            f"use a method that needs none"
        )
    try:
        method.check(step.structure, site.view.matrix_shape)
    except StructureError as error:
        return str(error)
    return ""


def _brings_again(step: CompressStep, slots: Mapping[str, str]) -> list[Word]:
    """The step's words whose slot is filled; supports may be narrowed again, values and low-rank parts may not."""
    return [word for word in step.structure.words if word.slot in slots and word.slot != "support"]


def _fill(slots: dict[str, str], step: CompressStep, position: int, name: str) -> list[str]:
    """Note which slots the step fills, and return its clashes with what earlier steps filled."""
    found = [
        f"layer {name!r}: step {position + 1} ({word}) would replace what {slots[word.slot]} made"
        for word in _brings_again(step, slots)
    ]
    slots.update({word.slot: f"step {position + 1} ({word})" for word in step.structure.words})
    return found
