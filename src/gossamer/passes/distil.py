"""Train a compressed model towards its dense teacher without leaving the structure."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..distill import LOSSES
from ..errors import DataError
from ..progress import track
from ..recipe import Distill
from ..terms import StructureSet, frozen
from .data import Batches, Output, attention_mask, batch_named, call, described, output_of, target_of
from .scene import Scene
from .state import LayerState

__all__ = ["check_output", "distil"]

log = logging.getLogger(__name__)


def distil(step: Distill, scene: Scene) -> dict[str, LayerState]:
    """Train the scene's model in place, and return the layers' new states.

    Every trained parameter has a float32 latent; a compressed one reaches the model as its projection,

        Ŵ = P_S(latent),   ∂loss/∂latent := support · ∂loss/∂Ŵ          (straight-through)

    with S frozen: support, scales, zero points, codebook and factors are those of the member before. Parameters that
    the user had frozen (requires_grad False) are not trained. A model that arrives in evaluation mode is in training
    mode meanwhile, so that running statistics follow the new weights; one in training mode keeps each layer's own.
    """
    model, teacher, batches, states = scene.model, scene.teacher, scene.batches, scene.states
    assert teacher is not None, "the front door has seen to it"
    assert batches is not None, "the front door has seen to it"
    inside = {name: frozen(state.member) for name, state in states.items() if state.member is not None}
    parameters = dict(model.named_parameters())
    latents = {
        name: _latent(states[name].view.from_matrix(states[name].weight) if name in inside else parameter)
        for name, parameter in parameters.items()
        # A set of one point has nothing to train: its latent would only drift away from it.
        if parameter.requires_grad and parameter.is_floating_point() and not (name in inside and inside[name].is_point)
    }
    if not latents:
        raise DataError("nothing to distil: no parameter of the model requires a gradient")
    optimizer = torch.optim.Adam(latents.values(), lr=step.lr)
    total = step.steps or step.epochs * batches.count()
    modes = {module: module.training for module in model.modules()}
    teacher.eval()
    if not model.training:  # a model in training mode may hold layers that the user froze in evaluation mode
        model.train()
    try:
        for count, batch in enumerate(track(str(step), _epochs(batches, step, total), total)):
            for group in optimizer.param_groups:
                group["lr"] = step.lr * 0.5 * (1 + math.cos(math.pi * count / total))
            with torch.inference_mode(False), torch.enable_grad():
                feasible = {
                    parameters[name]: _feasible(name, latent, parameters[name].dtype, inside, states)
                    for name, latent in latents.items()
                }
                loss = _compared(step, scene, batch, count, feasible)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
            optimizer.step()
            if count % 100 == 0:
                log.info("%s: batch %d of %d, loss %.4f", step, count, total, float(loss.detach()))
    finally:
        for module, training in modes.items():
            module.training = training
    return _settled(parameters, latents, inside, states)


def check_output(step: Distill, batch: Any, result: Any, logits: Tensor, output: Output | None) -> None:
    """Before slow work: whether the step's loss fits what the model gives for a batch.

    Raises: DataError when the output is not rows of logits where the loss needs them, or alpha < 1 and there is neither
        a loss of the model's own nor an integer target for each row.
    """
    rows = logits.ndim >= 2 and logits.shape[-1] >= 2 and (logits.ndim <= 3 or output is not None)
    if not rows and (step.loss == "kl" or step.alpha < 1):
        raise DataError(
            f"{step} compares rows of logits (*rows, classes), at least two classes on the last axis; the output is "
            f"{described(logits)}. Use Distill(loss='mse', alpha=1), or put the classes last with output=lambda r: ..."
        )
    if step.alpha == 1 or _own_loss(result) is not None:
        return
    target = target_of(batch)
    if target is None or target.is_floating_point() or target.shape != logits.shape[:-1]:
        raise DataError(
            f"Distill(alpha={step.alpha}) weighs a cross-entropy by integer targets, one for each row of the output "
            f"{described(logits)}; the batch {described(batch)} has none. Give alpha=1, or batches (x, y)"
        )


def _compared(step: Distill, scene: Scene, batch: Any, count: int, feasible: Mapping[nn.Parameter, Tensor]) -> Tensor:
    """The loss on one batch, with the feasible weights in the student. Raises DataError that names the batch."""
    assert scene.teacher is not None, "the front door has seen to it"
    forward, output = scene.settings.forward, scene.settings.output
    with batch_named(f"{step}: batch {count + 1}, {{}}, could not be trained on", batch):
        with torch.no_grad():
            target = output_of(call(scene.teacher, batch, forward), output)
        with _substituted(scene.model, feasible):
            result = call(scene.model, batch, forward)
            loss = _loss(step, result, output_of(result, output), target, batch)
    if not bool(torch.isfinite(loss)):
        raise DataError(
            f"{step}: the loss became {float(loss.detach())} at batch {count + 1}; choose a smaller lr than {step.lr}, "
            f"or look for NaN in the data"
        )
    return loss


def _latent(weight: Tensor) -> nn.Parameter:
    """At least float32: half-precision weights would swallow an optimizer's small steps."""
    return nn.Parameter(weight.detach().to(torch.promote_types(weight.dtype, torch.float32), copy=True))


def _epochs(batches: Batches, step: Distill, total: int) -> Iterator[object]:
    count = 0
    for _ in range(step.epochs if step.steps is None else total):
        for batch in batches.first(None):
            if count == total:
                return
            yield batch
            count += 1


def _feasible(
    name: str,
    latent: Tensor,
    dtype: torch.dtype,
    inside: Mapping[str, StructureSet],
    states: Mapping[str, LayerState],
) -> Tensor:
    if name not in inside:
        return latent.to(dtype)
    view = states[name].view
    with torch.no_grad():
        member = inside[name].project(view.to_matrix(latent))
        dense = view.from_matrix(member.dense(torch.float32))
        support = None if member.support is None else view.from_matrix(member.support)
    carried = latent if support is None else latent * support
    return (carried + (dense - carried).detach()).to(dtype)


def _loss(step: Distill, result: Any, student: Tensor, teacher: Tensor, batch: Any) -> Tensor:
    """Padded rows (attention_mask 0) do not count; a loss of the model's own knows how its labels are shifted."""
    mask = attention_mask(batch)
    if mask is not None and mask.shape == student.shape[:-1]:
        kept = mask.bool().to(student.device)
    else:
        kept = torch.ones(student.shape[:-1], dtype=torch.bool, device=student.device)
    loss = student.new_zeros((), dtype=torch.float32)
    if step.alpha > 0:
        loss = loss + step.alpha * LOSSES[step.loss](student[kept], teacher[kept], step.temperature)
    if step.alpha == 1:
        return loss
    own = _own_loss(result)
    if own is None:
        target = target_of(batch)
        assert target is not None, "check_output has seen it"
        own = F.cross_entropy(student[kept].float(), target.to(student.device)[kept].long())
    return loss + (1 - step.alpha) * own


def _own_loss(result: Any) -> Tensor | None:
    loss = result.get("loss") if isinstance(result, Mapping) else None
    return loss if isinstance(loss, Tensor) else None


@contextmanager
def _substituted(model: nn.Module, tensors: Mapping[nn.Parameter, Tensor]) -> Iterator[None]:
    """Let the model compute with `tensors` in place of its parameters, tied ones included.

    torch.func.functional_call does this for one call of the module; here the user's `forward` may call any method.
    """
    before = [
        (module, name, parameter)
        for module in model.modules()
        for name, parameter in module._parameters.items()
        if parameter is not None and parameter in tensors
    ]
    try:
        for module, name, parameter in before:
            _place(module, name, tensors[parameter])
        yield
    finally:
        for module, name, parameter in before:
            _place(module, name, parameter)


def _place(module: nn.Module, name: str, tensor: Tensor) -> None:
    module._parameters[name] = tensor  # type: ignore[assignment]  # a plain tensor is what carries the gradient
    if isinstance(module, nn.RNNBase):  # it computes with a list of its own
        module._flat_weights[module._flat_weights_names.index(name)] = tensor


def _settled(
    parameters: Mapping[str, nn.Parameter],
    latents: Mapping[str, nn.Parameter],
    inside: Mapping[str, StructureSet],
    states: Mapping[str, LayerState],
) -> dict[str, LayerState]:
    after = dict(states)
    with torch.no_grad():
        for name, latent in latents.items():
            if name in inside:
                weight = states[name].view.to_matrix(latent.detach()).to(states[name].weight.dtype)
                after[name] = replace(states[name], weight=weight, member=inside[name].project(weight))
                parameters[name].copy_(after[name].dense())
            else:
                parameters[name].copy_(latent)
                if name in after:
                    weight = states[name].view.to_matrix(parameters[name].detach()).clone()
                    after[name] = replace(states[name], weight=weight)
    return after
