"""What the caller of a pass asks for, gathered once and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ..errors import RecipeError
from .data import Forward, Output
from .evaluate import Evaluate
from .verify import Effort, Metric, check_name

__all__ = ["ExampleInputs", "Proof", "Settings"]

ExampleInputs = Tensor | tuple[Any, ...] | Mapping[str, Any]


@dataclass(frozen=True)
class Proof:
    """How the result is measured.

    Args:
        measure: False leaves measuring out; the report then holds the rows and the bytes alone.
        factory: what makes an empty model in the child process that reads the file back: "package.module:callable", a
            callable, or None for a copy of the model itself.
        metric: the metric as "package.module:callable" for that process; None sends `evaluate` itself.
        effort: batch sizes, threads and time.
    """

    measure: bool = True
    factory: str | Callable[[], nn.Module] | None = None
    metric: str | None = None
    effort: Effort = field(default_factory=Effort)


@dataclass(frozen=True, eq=False)
class Settings:
    """The keyword arguments of `compress`, in one value; they are documented there."""

    data: Iterable[Any] | None = None
    evaluate: Evaluate | None = None
    example_inputs: ExampleInputs | None = None
    higher_is_better: bool = True
    tolerance: float = 0.0
    forward: Forward | None = None
    output: Output | None = None
    proof: Proof = field(default_factory=Proof)
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.proof, Proof):
            raise RecipeError(f"proof is a Proof, such as Proof(measure=False); given {self.proof!r}")
        check_name("factory", self.proof.factory)
        check_name("metric", self.proof.metric)
        if not isinstance(self.proof.effort, Effort):
            raise RecipeError(f"effort is an Effort, such as Effort(batch_sizes=(1, 8)); given {self.proof.effort!r}")
        if self.evaluate is not None and not callable(self.evaluate):
            raise RecipeError(f"evaluate is a function evaluate(model) -> float; given {self.evaluate!r}")
        if not isinstance(self.seed, int):
            raise RecipeError(f"seed is a whole number, given {self.seed!r}")
        if not isinstance(self.tolerance, int | float) or not self.tolerance >= 0:
            raise RecipeError(
                f"tolerance is the loss of metric that counts as none, at least 0; given {self.tolerance!r}"
            )
        if isinstance(self.example_inputs, Tensor):
            object.__setattr__(self, "example_inputs", (self.example_inputs,))
        if self.example_inputs is not None and not isinstance(self.example_inputs, tuple | Mapping):
            given = type(self.example_inputs).__name__
            raise RecipeError(
                f"example_inputs is a tensor, a tuple of what the model takes, or a dict of keywords; given {given}"
            )

    @property
    def metric_name(self) -> str:
        """What the metric is called: by its `name`, or as a function was defined."""
        named = getattr(self.evaluate, "name", None) or getattr(self.evaluate, "__name__", None)
        return named if isinstance(named, str) and named != "<lambda>" else "metric"

    def metric(self, before: float | None = None) -> Metric:
        """The rule for the metric, with the dense model's value."""
        evaluate = self.proof.metric or self.evaluate
        return Metric(evaluate, before, self.higher_is_better, self.tolerance)
