"""Carry out one compressing step: allocate over all its layers, then compress each."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..errors import TargetError, listed
from ..layer import METHODS, GlobalMagnitude, LayerResult, LayerTask
from ..progress import track
from ..recipe import CompressStep
from ..status import Status
from .calibrate import calibrate
from .scene import Scene
from .state import LayerState

__all__ = ["shape"]


def shape(step: CompressStep, scene: Scene) -> dict[str, LayerState]:
    """The states after `step`; the model's weights are replaced by the members' dense forms."""
    assert scene.assignment is not None, "the plan has an assignment for every compressing step"
    states = dict(scene.states)
    for name, reason in scene.assignment.skipped.items():
        if name not in states:  # a tensor that is no matrix; its row has the reason from the inventory
            continue
        states[name] = states[name].noted(step, step.method, Status.skipped(reason))
    energies = _energies(step, scene)
    names = scene.assignment.names
    tasks = [_task(step, states[name], energies.get(name), scene.seed + i) for i, name in enumerate(names)]
    parameters = dict(scene.model.named_parameters(remove_duplicate=False))
    allotted = zip(tasks, GlobalMagnitude(step.floor, step.cap).allocate(tasks), strict=True)
    for task, structure in track(str(step), allotted, len(tasks)):
        result = METHODS[step.method].compress(replace(task, structure=structure))
        states[task.name] = _settled(states[task.name], step, result)
        with torch.no_grad():
            parameters[task.name].copy_(states[task.name].dense())
    return states


def _energies(step: CompressStep, scene: Scene) -> dict[str, Tensor]:
    assert scene.assignment is not None
    if not METHODS[step.method].needs or scene.batches is None:
        return {}
    sites = [site for site in scene.sites if site.name in scene.assignment.names]
    measured = calibrate(
        scene.model,
        sites,
        scene.batches,
        count=step.batches,
        forward=scene.settings.forward,
    )
    unreached = [name for name in scene.assignment.named if not measured[name].samples]
    if unreached:
        raise TargetError(
            listed(sorted(unreached), f"{step}: no calibration batch reached these layers, which were named:")
        )
    return {name: energy.result() for name, energy in measured.items() if energy.samples}


def _task(step: CompressStep, state: LayerState, energy: Tensor | None, seed: int) -> LayerTask:
    options = {} if step.clip else {"clip": False}
    return LayerTask(state.name, state.weight, step.structure, state.member, energy, seed, options)


def _settled(state: LayerState, step: CompressStep, result: LayerResult) -> LayerState:
    noted = state.noted(step, step.method, result.status)
    return noted if result.member is None else replace(noted, member=result.member, error=result.error)
