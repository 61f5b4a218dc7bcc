"""Measure a saved model against the dense one, on the model as it comes back from the file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..artifact import dense_bytes
from ..errors import ArtifactError, VerifyError
from ..model import unwrap
from ..progress import stage
from ..report import Measure, Outcome, Timing, Verdict
from .data import Forward, Output, mapped
from .evaluate import Evaluate
from .measure import Job
from .process import in_fresh_process
from .timing import Ratio, faster, grounds

__all__ = ["Effort", "Metric", "Verification", "check_name", "verdicts", "verify"]

ROUNDING = 1e-9  # of the metric's size: 0.90 − 0.89 is 0.010000000000000009, and loses no more than 0.01


@dataclass(frozen=True)
class Metric:
    """The user's figure of merit and when two values of it count as equal.

    Args:
        evaluate: "package.module:callable", or a callable; it is given a model and returns a finite number.
            None when no metric is wanted.
        before: the dense model's value; None measures it too, in the same process.
        higher_is_better: False for losses and perplexities.
        tolerance: the loss that counts as none, in the metric's units, at least 0.
    """

    evaluate: str | Evaluate | None = None
    before: float | None = None
    higher_is_better: bool = True
    tolerance: float = 0.0

    def gain(self, before: float, after: float) -> float:
        """How much better `after` is, in the metric's units."""
        return after - before if self.higher_is_better else before - after

    def as_good(self, before: float, after: float) -> Outcome:
        """Worse when it lost more than the tolerance, better when it gained more, else within noise.

        With tolerance 0 every loss is worse and every gain better.

        >>> Metric(tolerance=0.01).as_good(0.90, 0.89), Metric().as_good(0.90, 0.91)
        ('within noise', 'better')
        """
        gain = self.gain(before, after)
        slack = self.tolerance + ROUNDING * max(abs(before), abs(after))
        if gain < -slack:
            return "worse"
        return "better" if gain > slack else "within noise"


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Args:
        batch_sizes: the sizes at which milliseconds are taken, 1 or more each: axis 0 of the example inputs
            is cut or repeated. None takes the example inputs as they are.
        threads: torch's threads; None is what this process uses.
        runs: times each model is timed at each batch size, below 8 too few to call it faster; None goes by
            `seconds`.
        seconds: about how long all timing takes.
        timeout: seconds after which the measuring process is ended; None waits for ever.
    Raises: VerifyError on an impossible value.
    """

    batch_sizes: tuple[int, ...] | None = (1, 64)
    threads: int | None = None
    runs: int | None = None
    seconds: float = 3.0
    timeout: float | None = None

    def __post_init__(self) -> None:
        if self.batch_sizes is not None:
            object.__setattr__(self, "batch_sizes", tuple(self.batch_sizes))
        if self.batch_sizes is not None and (not self.batch_sizes or min(self.batch_sizes) < 1):
            raise VerifyError(f"batch_sizes are 1 or more, at least one of them, or None; given {self.batch_sizes}")
        for name in ("threads", "runs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise VerifyError(f"{name} is 1 or more, or None; given {value}")
        for name in ("seconds", "timeout"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise VerifyError(f"{name} is above 0; given {value}")


@dataclass(frozen=True)
class Verification:
    """What was measured: figures before and after, the verdicts, and how it was measured.

    `output_difference` is max |dense(x) − reloaded(x)| over the output for the example inputs; positions whose
    attention_mask is 0 do not count.
    """

    before: Measure
    after: Measure
    verdicts: tuple[Verdict, ...]
    output_difference: float
    machine: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def verify(
    path: str | os.PathLike[str],
    *,
    into: str | Callable[[], nn.Module] | nn.Module,
    dense: nn.Module,
    example_inputs: Tensor | tuple[Any, ...] | Mapping[str, Any],
    metric: Metric | None = None,
    effort: Effort | None = None,
    forward: Forward | None = None,
    output: Output | None = None,
    weights: Literal["dense", "packed"] = "dense",
) -> Verification:
    """Measure the model in a file against the dense one, in a fresh process that reads it back.

    The process is given the file, the names, the dense weights and the example inputs. Callables and models
    that are not names travel by cloudpickle; what cannot travel is measured in this process, and a note says
    so. Both models run on the CPU in evaluation mode.

    Milliseconds are medians of interleaved runs, with the weights moved to fresh memory 15 times. With r the
    ratio after/before in each of these blocks, a model is faster (slower) when the 99 % interval for the
    median of r lies wholly below 0.98 (above 1.02), and as far from 1 as 0.01 ms are; otherwise within noise.
    Peak memory is what one forward of the example inputs allocates above its start. Smaller means fewer bytes
    of file than the dense float state_dict as safetensors.

    Args:
        path: the file.
        into: what makes an empty model for it: "package.module:callable", a callable without arguments, or a
            model, which is copied.
        dense: the model that the file is measured against; left untouched.
        example_inputs: the positional arguments of the model, or a mapping of keyword arguments. Unlike a
            batch of data they hold no target. A `forward` is given them as they are.
        metric: the user's metric; None compares none.
        effort: batch sizes, threads and time.
        forward, output: as everywhere: how inputs reach the model, and which part of its result is the
            output.
        weights: how the reloaded model holds its weights.
    Raises:
        EvaluateError when the metric raises or is no finite number; ArtifactError when the file cannot be
        read; VerifyError when the process dies, or a model cannot be made or run.

    >>> import tempfile
    >>> from gossamer.artifact import save
    >>> net = nn.Linear(4, 2)
    >>> quick = Effort(batch_sizes=(1,), runs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = save(net, f"{folder}/small.safetensors")
    ...     found = verify(
    ...         f"{folder}/small.safetensors", into=net, dense=net, example_inputs=torch.ones(1, 4), effort=quick
    ...     )
    >>> found.output_difference, [verdict.question for verdict in found.verdicts]
    (0.0, ['smaller?', 'faster at batch 1?'])
    """
    metric, effort = metric or Metric(), effort or Effort()
    if not isinstance(metric, Metric) or not isinstance(effort, Effort):
        raise VerifyError(
            f"metric is a Metric(evaluate=...) and effort an Effort(...); given {metric!r:.80} and {effort!r:.80}"
        )
    file = Path(path).resolve()
    if not file.is_file():
        raise ArtifactError(f"{file.name}: no such file; save the result first")
    for name, value in (("into", into), ("evaluate", metric.evaluate)):
        check_name(name, value)
    if isinstance(into, nn.Module):
        into, _ = unwrap(into)
    dense, notes = unwrap(dense)
    if any(tensor.device.type != "cpu" for tensor in dense.state_dict().values() if isinstance(tensor, Tensor)):
        notes = [*notes, "measured on the CPU, where the dense model is not"]
    job = Job(
        path=str(file),
        into=into,
        dense=_on_cpu(dict(dense.state_dict())),
        inputs=_on_cpu((example_inputs,) if isinstance(example_inputs, Tensor) else example_inputs),
        evaluate=metric.evaluate,
        evaluate_dense=metric.before is None,
        forward=forward,
        output=output,
        weights=weights,
        batch_sizes=effort.batch_sizes,
        threads=effort.threads or torch.get_num_threads(),
        runs=effort.runs,
        seconds=effort.seconds,
    )
    with stage("measuring the file in a fresh process"):
        found, ways = in_fresh_process(job, effort.timeout)
    before, after = (
        Measure(
            size,
            {int(batch): Timing(**speed[side]) for batch, speed in found["speed"].items()},
            found["metric"][index],
            found["peak_memory"][index],
        )
        for index, (side, size) in enumerate((("before", dense_bytes(dense)), ("after", file.stat().st_size)))
    )
    if metric.before is not None:
        before = replace(before, metric=metric.before)
    ratios = {int(batch): Ratio(**speed["ratio"]) for batch, speed in found["speed"].items()}
    return Verification(
        before,
        after,
        verdicts(before, after, ratios, metric),
        found["output_difference"],
        found["machine"],
        (*ways, *notes, *found["notes"]),
    )


def verdicts(before: Measure, after: Measure, ratios: Mapping[int, Ratio], metric: Metric) -> tuple[Verdict, ...]:
    """Smaller? Faster at each batch size? As good? The last only where there is a metric."""
    found = [Verdict("smaller?", _smaller(before.bytes, after.bytes), before.bytes, after.bytes)]
    for batch, change in ratios.items():
        medians = before.ms[batch].median, after.ms[batch].median
        detail = grounds(change, medians[0])
        found.append(Verdict(f"faster at batch {batch}?", faster(change, medians[0]), *medians, detail))
    if before.metric is not None and after.metric is not None:
        outcome = metric.as_good(before.metric, after.metric)
        detail = f"{after.metric - before.metric:+.4g}, tolerance {metric.tolerance:g}"
        found.append(Verdict("as good?", outcome, before.metric, after.metric, detail))
    return tuple(found)


def _smaller(before: int, after: int) -> Outcome:
    if before == after:
        return "within noise"
    return "better" if after < before else "worse"


def _on_cpu(value: Any) -> Any:
    return mapped(value, lambda tensor: tensor.detach().cpu())


def check_name(role: str, value: object) -> None:
    """A name that another process will import: its form, and that its package is there. Raises VerifyError."""
    if not isinstance(value, str):
        return
    module, _, attribute = value.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
        raise VerifyError(f"{role}={value!r} is not of the form 'package.module:callable'")
    if module == "__main__":
        raise VerifyError(
            f"{role}={value!r}: __main__ is another module in the measuring process; give the callable itself"
        )
    package = module.partition(".")[0]
    if find_spec(package) is None:
        raise VerifyError(f"{role}={value!r}: there is no package {package!r} on the import path")
