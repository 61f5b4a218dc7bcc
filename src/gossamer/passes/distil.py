"""Train a compressed model towards its dense teacher without leaving the structure."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..distill import LOSSES
from ..errors import DataError
from ..recipe import Distill
from ..terms import StructureSet, frozen
from .data import Batches, call, described, output_of, target_of
from .scene import Scene
from .state import LayerState

__all__ = ["check_targets", "distil"]

log = logging.getLogger(__name__)


def distil(step: Distill, scene: Scene) -> dict[str, LayerState]:
    """Train the scene's model in place, and return the layers' new states.

    Every trained parameter has a float32 latent; a compressed one reaches the model as its projection,

        Ŵ = P_S(latent),   ∂loss/∂latent := support · ∂loss/∂Ŵ          (straight-through)

    with S frozen: support, scales, zero points, codebook and factors are those of the member before. Parameters that
    the user had frozen (requires_grad False) are not trained. The model is in training mode meanwhile, so that
    running statistics follow the new weights.
    """
    model, teacher, batches, states = scene.model, scene.teacher, scene.batches, scene.states
    forward, output = scene.settings.forward, scene.settings.output
    assert teacher is not None, "the front door has seen to it"
    assert batches is not None, "the front door has seen to it"
    inside = {name: frozen(state.member) for name, state in states.items() if state.member is not None}
    latents = {
        name: _latent(states[name].view.from_matrix(states[name].weight) if name in inside else parameter)
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and parameter.is_floating_point()
    }
    if not latents:
        raise DataError("nothing to distil: no parameter of the model requires a gradient")
    dtypes = {name: parameter.dtype for name, parameter in model.named_parameters()}
    optimizer = torch.optim.Adam(latents.values(), lr=step.lr)
    total = step.steps or step.epochs * sum(1 for _ in batches)
    modes = {module: module.training for module in model.modules()}
    teacher.eval()
    model.train()
    try:
        for count, batch in enumerate(_epochs(batches, step, total)):
            for group in optimizer.param_groups:
                group["lr"] = step.lr * 0.5 * (1 + math.cos(math.pi * count / total))
            feasible = {name: _feasible(name, latents[name], dtypes[name], inside, states) for name in latents}
            with torch.no_grad():
                target = output_of(call(teacher, batch, forward), output)
            with _substituted(model, feasible):
                student = output_of(call(model, batch, forward), output)
                loss = _loss(step, student, target, batch)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
            optimizer.step()
            if count % 100 == 0:
                log.info("%s: batch %d of %d, loss %.4f", step, count, total, float(loss.detach()))
    finally:
        for module, training in modes.items():
            module.training = training
    return _settled(model, latents, inside, states)


def check_targets(step: Distill, batch: object, output: Tensor) -> None:
    """Before slow work: raises DataError when alpha < 1 and the batch has no integer targets for the output's rows."""
    if step.alpha == 1:
        return
    target = target_of(batch)
    if target is None or target.is_floating_point() or target.numel() != output[..., 0].numel():
        raise DataError(
            f"Distill(alpha={step.alpha}) weighs a cross-entropy by integer targets, one for each row of the output "
            f"{described(output)}; the batch {described(batch)} has none. Give alpha=1, or batches (x, y)"
        )


def _latent(weight: Tensor) -> nn.Parameter:
    return nn.Parameter(weight.detach().to(torch.float32, copy=True))


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


def _loss(step: Distill, student: Tensor, teacher: Tensor, batch: object) -> Tensor:
    loss = student.new_zeros(())
    if step.alpha > 0:
        loss = step.alpha * LOSSES[step.loss](student, teacher, step.temperature)
    if step.alpha < 1:
        target = target_of(batch)
        assert target is not None, "check_targets has seen it"
        flat = student.reshape(-1, student.shape[-1]).float()
        loss = loss + (1 - step.alpha) * F.cross_entropy(flat, target.reshape(-1).long().to(flat.device))
    return loss


@contextmanager
def _substituted(model: nn.Module, tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """Let the model compute with `tensors` in place of its parameters of those names, tied ones included.

    torch.func.functional_call does this for one call of the module; here the user's `forward` may call any method.
    """
    by_parameter = {id(dict(model.named_parameters())[name]): tensor for name, tensor in tensors.items()}
    before: list[tuple[nn.Module, str, nn.Parameter]] = []
    try:
        for module in model.modules():
            for name, parameter in module._parameters.items():
                if parameter is not None and id(parameter) in by_parameter:
                    before.append((module, name, parameter))
        for module, name, parameter in before:
            _place(module, name, by_parameter[id(parameter)])
        yield
    finally:
        for module, name, parameter in before:
            _place(module, name, parameter)


def _place(module: nn.Module, name: str, tensor: Tensor) -> None:
    module._parameters[name] = tensor  # type: ignore[assignment]  # a plain tensor is what carries the gradient
    if isinstance(module, nn.RNNBase):  # it computes with a list of its own
        module._flat_weights[module._flat_weights_names.index(name)] = tensor


def _settled(
    model: nn.Module,
    latents: Mapping[str, nn.Parameter],
    inside: Mapping[str, StructureSet],
    states: Mapping[str, LayerState],
) -> dict[str, LayerState]:
    after = dict(states)
    parameters = dict(model.named_parameters())
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
