"""The front door for models: calibrate, compress, distil, verify."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..artifact import dense_bytes
from ..errors import DataError, EvaluateError, RecipeError, listed
from ..model import TensorSite, copied, inventory, keep_state, plain_, unswap_, unwrap
from ..progress import stage
from ..recipe import (
    CorrectBias,
    Distill,
    Factorize,
    Impose,
    Prune,
    Quantize,
    Recipe,
    ReestimateBatchNorm,
    Step,
    as_steps,
)
from .batch_norm import batch_norms, reestimate_batch_norm
from .correct_bias import correct_bias
from .data import Batches, Forward, Output, call, call_whole, described, dry_run
from .distil import check_output, distil
from .evaluate import Evaluate, evaluating, score
from .finish import Draft, Work, draft, finish
from .ledger import Ledger
from .plan import Assignment, plan
from .result import Result
from .scene import Scene
from .settings import ExampleInputs, Proof, Settings
from .shape import shape
from .state import LayerState

__all__ = ["RUN", "compress", "compress_"]

# How each kind of step is carried out: a new one is one file and one line.
RUN: Mapping[type[Step], Callable[[Any, Scene], dict[str, LayerState]]] = {
    Prune: shape,
    Quantize: shape,
    Factorize: shape,
    Impose: shape,
    Distill: distil,
    CorrectBias: correct_bias,
    ReestimateBatchNorm: reestimate_batch_norm,
}


def compress(
    model: nn.Module,
    recipe: Recipe,
    *,
    data: Iterable[Any] | None = None,
    evaluate: Evaluate | None = None,
    example_inputs: ExampleInputs | None = None,
    higher_is_better: bool = True,
    tolerance: float = 0.0,
    forward: Forward | None = None,
    output: Output | None = None,
    proof: Proof = Proof(),  # noqa: B008  # a frozen value
    seed: int = 0,
) -> Result:
    """Compress a copy of a model, and measure what that brought. The model itself is not touched.

    Args:
        model: any `nn.Module`, in any mode. Wrappers (torch.compile, DistributedDataParallel, ...) are taken off.
        recipe: steps such as `Prune`, `Quantize`, `Distill`, carried out in order; or the name of a ready recipe
            ("small", "weight-only-int8", ...), or the path of a recipe file (.yaml, .json).
        data: batches, for steps that calibrate or distil; `gossamer.passes.data` says which forms they may have. A
            list, a DataLoader or a generator.
        evaluate: evaluate(model) -> float, the metric that the report shows. It is called on the dense model before any
            slow work, after each step, and on the model that was read back from its file.
        example_inputs: what the model takes, as a tensor, a tuple or a dict of keywords; milliseconds, memory and
            output differences are measured on it. Without it they are not measured.
        higher_is_better: whether a larger metric is better. tolerance: a loss of metric that counts as none, ≥ 0.
        forward, output: how a batch reaches the model and which part of the result is its output, where the defaults do
            not fit.
        proof: how to measure; `Proof(measure=False)` leaves it out.
        seed: for everything that draws; the caller's random state is left as it was.
    Returns: a `Result`: the compressed model, the report, `save`.
    Raises: RecipeError, TargetError, DataError, EvaluateError, ModelError, all before any slow work begins.

    >>> from gossamer.recipe import Prune, Quantize
    >>> layers = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    >>> small = compress(layers, [Prune("2:4"), Quantize("int4")])
    >>> small.report.row("0.weight").structure
    '2:4 & int4'
    """
    settings = Settings(data, evaluate, example_inputs, higher_is_better, tolerance, forward, output, proof, seed)
    steps = as_steps(recipe)
    inner, notes = unwrap(model)
    with keep_state(inner):
        work = copied(inner)
        return _run(work, steps, settings, [*notes, *plain_(work)])


def compress_(model: nn.Module, recipe: Recipe, **settings: Any) -> Result:
    """`compress` in place, for those who lack the memory for a copy: the model's own layers become packed.

    The settings are those of `compress`. On an error its weights are put back. A recipe that distils, and measuring on
    `example_inputs`, need the dense model beside the small one and copy it all the same. Reparametrized layers (masks,
    weight norm) become plain first, and stay so.
    """
    checked, steps = Settings(**settings), as_steps(recipe)
    inner, notes = unwrap(model)
    with keep_state(inner):
        return _run(inner, steps, checked, [*notes, *plain_(inner)])


def _run(model: nn.Module, steps: Sequence[Step], settings: Settings, notes: list[str]) -> Result:
    _seeded(settings.seed)
    sites = inventory(model)
    assignments = plan(steps, sites)
    batches = _checked_data(model, steps, settings)
    metric = None if settings.evaluate is None else score(settings.evaluate, model)
    before = states = _states(sites, assignments)
    measured = settings.proof.measure and settings.example_inputs is not None
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    dense = copied(model) if measured or any(step.compares for step in steps) else None
    ledger = Ledger(dense_bytes(model), metric, metric)
    last: Draft | None = None
    try:
        for position, step in enumerate(steps):
            assignment, seed = assignments.get(position), settings.seed + 1000 * position
            _seeded(seed)  # what an `evaluate` draws must not change what a step draws
            scene = Scene(model, dense, sites, states, batches, assignment, settings, seed)
            states = RUN[type(step)](step, scene)
            with stage(f"looking at what {step} brought"):
                metric, failed = _scored(model, settings)
                last = draft(sites, states, steps[: position + 1])
            notes += [f"after {step}: {failed}"] if failed else []
            idle = assignment is not None and assignment.idle
            ledger = ledger.after(step, len(last.file.data), metric, settings.metric(), shrinks=step.shrinks, idle=idle)
        assert last is not None, "a recipe has at least one step"
        result = finish(Work(model, dense, sites, states, steps), last, assignments, settings, ledger, notes)
        return _tried(result, batches, settings)
    except BaseException:
        _restore(model, before, buffers, dense)
        raise


def _tried(result: Result, batches: Batches | None, settings: Settings) -> Result:
    """The result, with a note when the packed model cannot run a batch that the dense one could.

    A model may ask its first parameter for its dtype, and have none left once all its weights are packed.
    """
    if batches is None:
        return result
    try:
        with evaluating(result.model):
            call(result.model, next(batches.first(1)), settings.forward)
    except Exception as error:  # whatever the user's forward raises; the file is whole
        note = f"the packed model could not run the first batch ({type(error).__name__}: {error}); to_dense(model) can"
        return replace(result, report=replace(result.report, notes=(*result.report.notes, note)))
    return result


def _scored(model: nn.Module, settings: Settings) -> tuple[float | None, str]:
    """The metric after a step, or why there is none: halfway, a perplexity may be infinite and be mended later."""
    if settings.evaluate is None:
        return None, ""
    try:
        return score(settings.evaluate, model), ""
    except EvaluateError as error:
        return None, str(error)


def _states(sites: Sequence[TensorSite], assignments: Mapping[int, Assignment]) -> dict[str, LayerState]:
    """One state for each weight that some step aims at and that has a matrix, in the model's order."""
    aimed = {name for a in assignments.values() for name in (*a.names, *a.skipped)}
    return {
        site.name: LayerState.of(site.name, site.view, site.tensor)
        for site in sites
        if site.view is not None and site.name in aimed
    }


def _checked_data(model: nn.Module, steps: Sequence[Step], settings: Settings) -> Batches | None:
    """One batch, and the example inputs, through the model before any slow work."""
    batches = None if settings.data is None else Batches(settings.data)
    wanting = [f"step {i + 1}, {step}" for i, step in enumerate(steps) if step.reads]
    distils = any(isinstance(step, Distill) for step in steps)
    if distils and not any(parameter.requires_grad for parameter in model.parameters()):
        raise DataError("nothing to distil: no parameter requires a gradient; call model.requires_grad_(True) first")
    if any(isinstance(step, ReestimateBatchNorm) for step in steps) and not batch_norms(model):
        raise RecipeError("reestimate batch norm: the model has no batch norm with running statistics; leave it out")
    if wanting and batches is None:
        raise RecipeError(listed(wanting, "these steps need data; give data=<an iterable of batches>:"))
    with evaluating(model):
        if batches is not None:
            batch = next(batches.first(1))
            result, logits = dry_run(model, batch, settings.forward, settings.output)
            for step in steps:
                if isinstance(step, Distill):
                    check_output(step, batch, result, logits, settings.output)
        if settings.example_inputs is not None:
            _try_example(model, settings.example_inputs)
    return batches


def _try_example(model: nn.Module, inputs: ExampleInputs) -> None:
    try:
        call_whole(model, inputs)
    except Exception as error:
        raise DataError(
            f"the model could not take example_inputs {described(inputs)}: {type(error).__name__}: {error}; "
            f"give what model(*example_inputs) or model(**example_inputs) takes"
        ) from error


def _restore(
    model: nn.Module, before: Mapping[str, LayerState], buffers: Mapping[str, Tensor], dense: nn.Module | None
) -> None:
    """Put the weights back that a failed run has changed: this matters to `compress_` alone."""
    unswap_(model)
    parameters = dict(model.named_parameters(remove_duplicate=False))
    with torch.no_grad():
        if dense is not None:
            model.load_state_dict(dense.state_dict())
            return
        for name, state in before.items():
            parameters[name].copy_(state.dense())
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])


def _seeded(seed: int) -> None:
    """Everything that draws, here and in the user's data; `keep_state` puts the caller's states back."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  # data sets draw from the global state
    torch.manual_seed(seed)
