"""What one process measures of a saved model and of the dense one beside it."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial, reduce
from random import Random
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..artifact import load
from ..errors import DataError, GossamerError, VerifyError
from ..model import copied
from .data import call_whole, described, mapped, output_of, unpadded
from .evaluate import score
from .machine import machine
from .memory import peak_memory
from .timing import interleaved, ratio, relocate_, summary

__all__ = ["Job", "imported", "largest_difference", "measured", "resized"]


@dataclass(frozen=True, eq=False)
class Job:
    """All that the measuring process is told.

    Args:
        path: the saved file, absolute.
        into: what makes an empty model: "package.module:callable", a callable, or a model to copy.
        dense: the state_dict of the dense model.
        inputs: a tuple of positional or a mapping of keyword arguments of the model.
        evaluate: the metric: "package.module:callable", a callable, or None.
        evaluate_dense: whether to take the metric of the dense model as well.
        forward, output: how the inputs reach the model and where its output is; None for model(*inputs) and
            the default rule of `output_of`.
        weights: how the loaded model holds its weights, "dense" or "packed".
        batch_sizes: sizes at which to take times; None takes the inputs as they are.
        threads, runs, seconds: see `Effort`.
    """

    path: str
    into: Any
    dense: Mapping[str, Any]
    inputs: Any
    evaluate: Any
    evaluate_dense: bool
    forward: Any
    output: Any
    weights: Literal["dense", "packed"]
    batch_sizes: tuple[int, ...] | None
    threads: int
    runs: int | None
    seconds: float


def measured(job: Job) -> dict[str, Any]:
    """Load the file and measure it, as values that JSON can hold. The random state is put back.

    Times come first and the metric last: an `evaluate` may leave a model changed.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(job.threads)
    try:
        with torch.random.fork_rng(devices=[]):
            return _measured(job)
    finally:
        torch.set_num_threads(threads)


def imported(name: str) -> Any:
    """The object that "package.module:attribute" names. Raises VerifyError."""
    module, _, attribute = name.partition(":")
    try:
        return reduce(getattr, attribute.split("."), importlib.import_module(module))
    except Exception as error:
        raise VerifyError(
            f"{name!r} cannot be imported in the measuring process: {type(error).__name__}: {error}; "
            f"give 'package.module:callable' that `import` finds there, or the callable itself"
        ) from error


def resized(inputs: Any, size: int) -> Any:
    """The inputs at another batch size: tensors whose axis 0 is the batch are cut, or repeated in order.

    The batch is axis 0 of the first tensor that has axes; tensors of another length there are passed on as
    they are.
    Raises: DataError when no tensor has an axis.

    >>> resized((torch.tensor([1, 2, 3]), torch.tensor(7)), 5)
    (tensor([1, 2, 3, 1, 2]), tensor(7))
    """
    batch = _batch(inputs)
    if batch is None:
        raise DataError(f"example_inputs {described(inputs)} hold no tensor with a batch axis; give batch_sizes=None")
    return mapped(inputs, lambda t: t[torch.arange(size) % len(t)] if t.ndim and len(t) == batch else t)


def _measured(job: Job) -> dict[str, Any]:
    notes: list[str] = []
    dense, small = _dense(job), _small(job)
    run = job.forward or call_whole
    context = _gradless(dense, small, job, notes)
    with context():
        before, after = (output_of(run(model, job.inputs), job.output) for model in (dense, small))
        difference = _difference(*(unpadded(side, job.inputs) for side in (before, after)))
        peaks = [peak_memory(partial(run, model, job.inputs)) for model in (dense, small)]
    if None in peaks:
        notes.append("peak memory was not measured: this torch was built without its profiler")
    speed = {str(size): _speed(job, dense, small, inputs, context) for size, inputs in _sizes(job)}
    metrics: list[float | None] = [None, None]
    if job.evaluate is not None:
        evaluate = imported(job.evaluate) if isinstance(job.evaluate, str) else job.evaluate
        for index, model in enumerate((dense, small)):
            if model is small or job.evaluate_dense:
                torch.manual_seed(0)  # an evaluate that draws, draws the same for both
                metrics[index] = score(evaluate, model)
    return {
        "speed": speed,
        "peak_memory": peaks,
        "metric": metrics,
        "output_difference": difference,
        "machine": machine(),
        "notes": notes,
    }


def _dense(job: Job) -> nn.Module:
    model = _built(job.into)
    state: Any = OrderedDict(job.dense)
    # The classes' versions do not travel; without them a module takes its weights for those of an old version.
    state._metadata = getattr(model.state_dict(), "_metadata", {})
    try:
        # assign: the dense weights keep their own dtype, which may be another than the factory's
        model.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise VerifyError(f"the dense model is not what {_called(job.into)} makes: {error}") from error
    return model.eval()


def _small(job: Job) -> nn.Module:
    return load(job.path, into=_built(job.into), weights=job.weights).cpu().eval()


def _built(into: Any) -> nn.Module:
    if isinstance(into, nn.Module):
        return copied(into).cpu()
    factory = imported(into) if isinstance(into, str) else into
    try:
        model = factory()
    except Exception as error:
        raise VerifyError(
            f"{_called(into)} raised {type(error).__name__}: {error}; "
            f"it must make the model when called without arguments"
        ) from error
    if not isinstance(model, nn.Module):
        raise VerifyError(f"{_called(into)} made a {type(model).__name__}; it must make a torch.nn.Module")
    return model.cpu()


def _called(into: Any) -> str:
    if isinstance(into, nn.Module):
        return f"the model given as into ({type(into).__name__})"
    return f"into={into!r}" if isinstance(into, str) else f"into={getattr(into, '__qualname__', into)}"


def _gradless(
    dense: nn.Module, small: nn.Module, job: Job, notes: list[str]
) -> Callable[[], AbstractContextManager[Any]]:
    """Inference mode, or no_grad for both where one of the two refuses it."""
    run = job.forward or call_whole
    for context in (torch.inference_mode, torch.no_grad):
        for name, model in (("dense", dense), ("reloaded", small)):
            try:
                with context():
                    run(model, job.inputs)
            except Exception as error:
                if context is torch.inference_mode and "inference" in str(error).lower():
                    notes.append(f"measured under no_grad: the {name} model refuses inference mode ({error})")
                    break
                raise VerifyError(
                    f"the {name} model could not take example_inputs {described(job.inputs)}: "
                    f"{type(error).__name__}: {error}"
                ) from error
        else:
            return context
    raise AssertionError("no_grad either works or raises")


def _sizes(job: Job) -> Sequence[tuple[int, Any]]:
    if job.batch_sizes is None:
        return [(_batch(job.inputs) or 1, job.inputs)]
    return [(size, resized(job.inputs, size)) for size in job.batch_sizes]


def _speed(
    job: Job,
    dense: nn.Module,
    small: nn.Module,
    inputs: Any,
    context: Callable[[], AbstractContextManager[Any]],
) -> dict[str, Any]:
    run = job.forward or call_whole
    order = Random(0)
    try:
        with context():
            blocks = interleaved(
                lambda: run(dense, inputs),
                lambda: run(small, inputs),
                seconds=job.seconds / len(job.batch_sizes or (1,)),
                runs=job.runs,
                between=lambda: relocate_((dense, small), order),
            )
    except GossamerError:
        raise
    except Exception as error:
        raise VerifyError(
            f"a model could not take the batch {described(inputs)}: {type(error).__name__}: {error}; "
            f"give batch_sizes that it takes, or None for example_inputs as they are"
        ) from error
    return {
        "before": asdict(summary([ms for block in blocks for ms in block.before])),
        "after": asdict(summary([ms for block in blocks for ms in block.after])),
        "ratio": asdict(ratio(blocks)),
    }


def _difference(before: Tensor, after: Tensor) -> float:
    if before.shape != after.shape:
        raise VerifyError(f"the reloaded model gives {described(after)} where the dense one gives {described(before)}")
    return largest_difference(before, after)


def largest_difference(before: Tensor, after: Tensor) -> float:
    """max |before − after| of two tensors of one shape; 0 where they hold nothing."""
    if before.numel() == 0:
        return 0.0
    wide = torch.complex128 if before.is_complex() else torch.float64
    return float((before.to(wide) - after.to(wide)).abs().max())


def _batch(inputs: Any) -> int | None:
    if isinstance(inputs, Tensor):
        return len(inputs) if inputs.ndim else None
    if isinstance(inputs, Mapping | tuple | list):
        items = inputs.values() if isinstance(inputs, Mapping) else inputs
        return next((found for found in map(_batch, items) if found is not None), None)
    return None
