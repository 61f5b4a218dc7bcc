"""Carry out a `ReestimateBatchNorm` step: running statistics that fit the compressed weights."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..progress import track
from ..recipe import ReestimateBatchNorm
from .data import batch_named, call
from .evaluate import evaluating
from .scene import Scene
from .state import LayerState

__all__ = ["batch_norms", "reestimate_batch_norm"]


def reestimate_batch_norm(step: ReestimateBatchNorm, scene: Scene) -> dict[str, LayerState]:
    """Average mean and variance over the batches, in every batch norm that keeps running ones.

    Only these layers are in training mode meanwhile, so that dropout is off and nothing else moves.
    Raises: DataError when a batch breaks.
    """
    assert scene.batches is not None, "the front door has seen to it"
    norms = batch_norms(scene.model)
    momenta = {norm: norm.momentum for norm in norms}
    with evaluating(scene.model):
        try:
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # torch's word for a plain average over all batches
                norm.train()
            for batch in track(str(step), scene.batches.first(step.batches), step.batches):
                with torch.no_grad(), batch_named(f"{step}: the batch {{}} could not be run", batch):
                    call(scene.model, batch, scene.settings.forward)
        finally:
            for norm, momentum in momenta.items():
                norm.momentum = momentum
    return dict(scene.states)


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """The layers whose running statistics a step can measure again."""
    return [module for module in model.modules() if isinstance(module, _BatchNorm) and module.running_mean is not None]
