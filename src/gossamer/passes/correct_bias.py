"""Carry out a `CorrectBias` step: each layer's mean output error goes into its bias."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from ..model import TensorSite
from ..recipe import CorrectBias
from ..status import Status
from .calibrate import calibrate
from .scene import Scene
from .state import LayerState

__all__ = ["correct_bias"]

METHOD = "bias corrected"


def correct_bias(step: CorrectBias, scene: Scene) -> dict[str, LayerState]:
    """The states after the step; biases of `scene.model` have moved by (W − Ŵ)·E[x].

    E[x] is taken in the dense model: a layer's own error is corrected where its inputs are right, and the layers before
    it correct theirs.
    """
    teacher, batches = scene.teacher, scene.batches
    assert teacher is not None, "the front door has seen to it"
    assert batches is not None, "the front door has seen to it"
    states = dict(scene.states)
    shaped = [site for site in scene.sites if site.name in states and states[site.name].member is not None]
    obstacles = {site.name: _obstacle(site) for site in shaped}
    for site in shaped:
        if obstacles[site.name]:
            states[site.name] = states[site.name].noted(step, METHOD, Status.skipped(obstacles[site.name]))
    sites = [site for site in shaped if not obstacles[site.name]]
    means = calibrate(
        teacher,
        [_of(teacher, site) for site in sites],
        batches,
        statistic="column mean",
        count=step.batches,
        forward=scene.settings.forward,
    )
    dense = dict(teacher.named_parameters(remove_duplicate=False))
    for site in sites:
        status = Status.skipped("no batch reached it")
        if means[site.name].samples:
            bias = _bias(site)
            assert bias is not None, "a layer without one has an obstacle"
            with torch.no_grad():
                bias.add_(_mean_error(states[site.name], dense[site.name], means[site.name].result()).to(bias))
            status = Status.done()
        states[site.name] = states[site.name].noted(step, METHOD, status)
    return states


def _mean_error(state: LayerState, dense: Tensor, mean: Tensor) -> Tensor:
    """(W − Ŵ)·E[x] of each output channel: W (groups, out, in), E[x] (groups, in)."""
    lost = state.view.to_matrix(dense.detach()).double() - state.view.to_matrix(state.dense()).double()
    return torch.einsum("goi,gi->go", lost, mean.to(lost.device)).reshape(-1)


def _obstacle(site: TensorSite) -> str:
    """Why the mean error of a weight cannot go into a bias, or nothing."""
    view = site.view
    if view is None or view.kind not in ("linear", "transposed linear", "convolution"):
        return f"its kind, {view.kind if view else 'none'}, has no bias that takes up a mean error"
    if len(site.owners) > 1:
        return "its weight is shared by several layers, whose inputs differ"
    return "" if _bias(site) is not None else "it has no bias"


def _bias(site: TensorSite) -> nn.Parameter | None:
    bias: nn.Parameter | None = getattr(site.owners[0].module, "bias", None)
    return bias


def _of(model: nn.Module, site: TensorSite) -> TensorSite:
    """The same site in another copy of the model."""
    owners = tuple(replace(owner, module=model.get_submodule(owner.name)) for owner in site.owners)
    return replace(site, owners=owners)
