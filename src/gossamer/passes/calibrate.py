"""Run calibration batches and measure what methods need of each layer's inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from ..model import TensorSite, columns
from ..statistics import ColumnEnergy
from .data import Batches, Forward, call

__all__ = ["calibrate"]


def calibrate(
    model: nn.Module,
    sites: Sequence[TensorSite],
    batches: Batches,
    *,
    count: int | None = None,
    forward: Forward | None = None,
) -> dict[str, ColumnEnergy]:
    """The column energies diag(XᵀX) of every site's inputs, by the site's name, over at most `count` batches.

    The model runs in evaluation mode without gradients; its modes and hooks are as before afterwards. A layer used twice
    adds up both uses, and so does a weight shared by two layers. A site that no batch reaches keeps zero samples.
    """
    energies = {site.name: ColumnEnergy() for site in sites}
    modes = [(module, module.training) for module in model.modules()]
    handles: list[Any] = []
    try:
        for site in sites:
            handles += list(_listen(site, energies[site.name]))
        model.eval()
        with torch.no_grad():
            for batch in batches.first(count):
                call(model, batch, forward)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
    return energies


def _listen(site: TensorSite, energy: ColumnEnergy) -> Iterable[Any]:
    """A pre-hook on each module that owns the weight."""
    for owner in site.owners:

        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            found = columns(site.view, module, args, kwargs)
            if found is not None:
                energy.update(found)

        yield owner.module.register_forward_pre_hook(hook, with_kwargs=True)
