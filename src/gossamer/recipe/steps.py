"""A recipe is data: an ordered list of frozen steps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

from ..errors import RecipeError, StructureError, did_you_mean
from ..layer import DEFAULT_METHOD, METHODS
from ..structure import Grid, Structure, TopK, Word, as_structure

__all__ = [
    "STEPS",
    "CompressStep",
    "CorrectBias",
    "Distill",
    "Factorize",
    "Impose",
    "Prune",
    "Quantize",
    "ReestimateBatchNorm",
    "Step",
    "Targets",
    "checked",
]

Targets = tuple[str | type, ...]


class Step(ABC):
    """One step of a recipe."""

    name: ClassVar[str]
    shrinks: ClassVar[bool] = True  # whether a smaller file is what it is for
    compares: ClassVar[bool] = False  # whether it needs the dense model beside the compressed one

    @abstractmethod
    def __str__(self) -> str: ...

    @property
    def reads(self) -> bool:
        """Whether it needs batches of data."""
        return True

    def to_dict(self) -> dict[str, Any]:
        """Plain values: the step's name, and the fields that are not at their default."""
        plain: dict[str, Any] = {"step": self.name}
        for entry in fields(self):  # type: ignore[arg-type]  # every step is a dataclass
            value = getattr(self, entry.name)
            default = entry.default_factory() if entry.default_factory is not MISSING else entry.default
            if value != default:
                plain[entry.name] = _plain(value)
        return plain


@dataclass(frozen=True)
class CompressStep(Step):
    """Bring each targeted weight into a structure.

    Args:
        structure: a word, a Structure or its text form.
        method: a name in `gossamer.layer.METHODS`; None takes the default of the structure's word.
        targets: names, 're:' patterns, type names or types of the layers; None is every layer that can be mapped.
        ignore: the same forms, taken out again.
        clip: search for clipped scales when a grid is fitted (default), or take the full range.
        batches: how many batches a method that calibrates reads; None is all of the data.
        floor: where one threshold is drawn over the whole model (`top10%/model`), the density that each layer keeps at
            least; None is a tenth of the density asked for, so that no layer is emptied. 0 lets a layer be emptied.
        cap: the density that each layer keeps at most.
    """

    structure: Structure
    method: str = ""
    targets: Targets | None = None
    ignore: Targets = ()
    clip: bool = True
    batches: int | None = 32
    floor: float | None = None
    cap: float = 1.0

    slots: ClassVar[tuple[str, ...]] = ("support", "values", "lowrank")

    def __init__(
        self,
        structure: Word | Structure | str,
        method: str | None = None,
        *,
        targets: Iterable[str | type] | None = None,
        ignore: Iterable[str | type] = (),
        clip: bool = True,
        batches: int | None = 32,
        floor: float | None = None,
        cap: float = 1.0,
    ) -> None:
        try:
            what = as_structure(structure)
        except StructureError as error:
            raise RecipeError(f"{type(self).__name__}: {error}") from None
        _check_slots(self, what)
        settle = object.__setattr__
        settle(self, "structure", what)
        settle(self, "method", method or (DEFAULT_METHOD[type(what.words[0])] if len(what.words) == 1 else "nearest"))
        settle(self, "targets", None if targets is None else _names("targets", targets))
        settle(self, "ignore", _names("ignore", ignore))
        settle(self, "clip", bool(clip))
        settle(self, "batches", batches)
        settle(self, "floor", floor)
        settle(self, "cap", cap)
        if self.method not in METHODS:
            nearest = did_you_mean(self.method, METHODS)
            raise RecipeError(
                f"{type(self).__name__}: no method {self.method!r:.80}{nearest or '; there are ' + ', '.join(METHODS)}"
            )
        foreign = [str(word) for word in what.words if not isinstance(word, METHODS[self.method].words)]
        if foreign:
            fitting = [
                name for name, method in METHODS.items() if all(isinstance(word, method.words) for word in what.words)
            ]
            raise RecipeError(
                f"{type(self).__name__}: {self.method} does not bring {', '.join(foreign)}; {' or '.join(fitting)} does"
            )
        _check_batches(self, batches)
        _check_bounds(self)
        if not clip and not isinstance(what.values, Grid):
            raise RecipeError(f"{type(self).__name__}: clip belongs to a grid, given {what}")

    @property
    def reads(self) -> bool:
        return bool(METHODS[self.method].needs)

    def __str__(self) -> str:
        return f"{self.name} {self.structure} ({self.method})"


class Prune(CompressStep):
    """Set weights to zero: a support such as `TopK(0.1)`, `NM(2, 4)`, `Block(4, 1, density=0.25)`.

    >>> str(Prune("2:4", "wanda"))
    'prune 2:4 (wanda)'
    """

    name = "prune"
    slots = ("support",)


class Quantize(CompressStep):
    """Draw the values from a small set: `Grid(bits=8)`, `Grid(4, group=64)`, `Codebook(16)`.

    >>> str(Quantize("int4/g64"))
    'quantize int4/g64 (rtn)'
    """

    name = "quantize"
    slots = ("values",)


class Factorize(CompressStep):
    """Add a low-rank part that takes up what the other slots leave.

    >>> str(Factorize("rank8"))
    'factorize rank8 (svd)'
    """

    name = "factorize"
    slots = ("lowrank",)


class Impose(CompressStep):
    """A whole structure at once, its slots chosen together.

    >>> str(Impose("2:4 & int4/g64 + rank8"))
    'impose 2:4 & int4/g64 + rank8 (nearest)'
    """

    name = "impose"


@dataclass(frozen=True)
class Distill(Step):
    """Train the compressed model towards the dense one, inside the structure.

        min (1 − alpha)·CE(y, z_s) + alpha·T²·KL(softmax(z_t/T) ‖ softmax(z_s/T))      loss "kl"
        min mean (z_t − z_s)²                                                           loss "mse"

    Pruned positions stay zero, scales, zero points, codebooks and low-rank parts do not move, codes stay integers.

    Args:
        epochs: passes over the data, or fewer with `steps`.
        lr: peak learning rate of Adam, which falls to zero along a half cosine.
        steps: stop after so many batches; None is all epochs.
        temperature: T > 0. alpha: in [0, 1]; below 1 each batch must carry integer targets.
    Source: Hinton et al. 2015; straight-through latent weights as in Bengio et al. 2013.
    """

    epochs: int = 1
    lr: float = 1e-3
    steps: int | None = None
    temperature: float = 2.0
    alpha: float = 1.0
    loss: str = "kl"

    name: ClassVar[str] = "distill"
    shrinks: ClassVar[bool] = False
    compares: ClassVar[bool] = True

    def __post_init__(self) -> None:
        wrong = [
            text
            for bad, text in (
                (not _counts(self.epochs), f"epochs must be a whole number of at least 1, given {self.epochs!r}"),
                (not _positive(self.lr), f"lr must be positive and finite, given {self.lr!r}"),
                (
                    self.steps is not None and not _counts(self.steps),
                    f"steps must be a whole number of at least 1, given {self.steps!r}",
                ),
                (
                    not _positive(self.temperature),
                    f"temperature must be positive and finite, given {self.temperature!r}",
                ),
                (
                    not isinstance(self.alpha, int | float) or not 0 <= self.alpha <= 1,
                    f"alpha must lie in [0, 1], given {self.alpha}",
                ),
                (self.loss not in ("kl", "mse"), f"loss must be 'kl' or 'mse', given {self.loss!r}"),
            )
            if bad
        ]
        if wrong:
            raise RecipeError("Distill: " + "; ".join(wrong))

    def __str__(self) -> str:
        count, unit = (self.epochs, "epoch") if self.steps is None else (self.steps, "step")
        return f"distill {count} {unit}" + ("s" if count != 1 else "")


@dataclass(frozen=True)
class CorrectBias(Step):
    """Take the mean error that compressing left in each layer's output into its bias.

        b := b + (W − Ŵ)·E[x]

    W is the dense model's weight, Ŵ the compressed one, E[x] the mean input in the dense model, per output channel. It
    acts on every compressed linear layer and convolution that has a bias; the others are told in their row.

    Args: batches: how many batches the mean is taken over; None is all of the data.
    Source: Nagel et al. 2019, section 4.2 (the empirical form).

    >>> str(CorrectBias())
    'correct bias'
    """

    batches: int | None = 32

    name: ClassVar[str] = "correct-bias"
    shrinks: ClassVar[bool] = False
    compares: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check_batches(self, self.batches)

    def __str__(self) -> str:
        return "correct bias"


@dataclass(frozen=True)
class ReestimateBatchNorm(Step):
    """Measure the running mean and variance of every batch norm again, with the compressed weights before it.

    The statistics are the plain average over the batches; nothing else of the model changes.

    Args: batches: how many batches; None is all of the data. Each must hold more than one value a channel.
    Source: Li et al. 2020 (EagleEye), section 3.3, adaptive batch normalization.

    >>> str(ReestimateBatchNorm(batches=10))
    'reestimate batch norm'
    """

    batches: int | None = 32

    name: ClassVar[str] = "reestimate-batch-norm"
    shrinks: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_batches(self, self.batches)

    def __str__(self) -> str:
        return "reestimate batch norm"


# Every step by the name that a recipe file gives it.
STEPS: Mapping[str, type[Step]] = {
    "prune": Prune,
    "quantize": Quantize,
    "factorize": Factorize,
    "impose": Impose,
    "distill": Distill,
    "correct-bias": CorrectBias,
    "reestimate-batch-norm": ReestimateBatchNorm,
}


def checked(recipe: Step | Iterable[Step]) -> tuple[Step, ...]:
    """Steps that are given as objects. Raises RecipeError that names every wrong entry at once."""
    if isinstance(recipe, str | Word | Structure) or not isinstance(recipe, Step | Iterable):
        raise RecipeError(f"a recipe is a list of steps, given {recipe!r}; wrap it, as in [Prune('2:4')]")
    steps = (recipe,) if isinstance(recipe, Step) else tuple(recipe)
    wrong = [
        f"entry {i}: {type(step).__name__} is not a step" for i, step in enumerate(steps) if not isinstance(step, Step)
    ]
    if wrong or not steps:
        raise RecipeError(
            "a recipe is a list of steps such as Prune, Quantize, Distill: " + ("; ".join(wrong) or "it is empty")
        )
    return steps


def _check_slots(step: CompressStep, structure: Structure) -> None:
    foreign = [word for word in structure.words if word.slot not in step.slots]
    if foreign or not structure.words:
        raise RecipeError(
            f"{type(step).__name__} fills {' and '.join(step.slots)}; given {structure}. "
            f"Use Prune for supports, Quantize for values, Factorize for rank, Impose for all together"
        )


def _check_batches(step: Step, batches: object) -> None:
    if batches is not None and not _counts(batches):
        raise RecipeError(f"{type(step).__name__}: batches is at least 1, or None for all; given {batches!r}")


def _check_bounds(step: CompressStep) -> None:
    """Floor and cap: of a support that one threshold over the model decides, and around its density."""
    if step.floor is None and step.cap == 1.0:
        return
    support, name = step.structure.support, type(step).__name__
    if not isinstance(support, TopK) or support.scope != "model" or support.density is None:
        raise RecipeError(
            f"{name}: floor and cap bound each layer's share of one density for the whole model, such as "
            f"'top10%/model'; given {step.structure}"
        )
    for field, value, low, high in (("floor", step.floor, 0.0, support.density), ("cap", step.cap, support.density, 1)):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (number and low <= value <= high):
            raise RecipeError(
                f"{name}: {field} is a density between {low:g} and {high:g}, as {step.structure} asks; given {value!r}"
            )


def _counts(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _names(field: str, entries: Iterable[str | type]) -> Targets:
    if isinstance(entries, str | type):
        raise RecipeError(f"{field} is a list, given {entries!r}; write [{entries!r}]")
    return tuple(entries)


def _plain(value: Any) -> Any:
    if isinstance(value, Structure):
        return str(value)
    if isinstance(value, tuple):
        return [entry.__name__ if isinstance(entry, type) else entry for entry in value]
    return value
