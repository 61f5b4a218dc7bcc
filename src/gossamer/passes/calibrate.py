"""Run calibration batches and measure what methods need of each layer's inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from ..model import TensorSite, column_energy
from ..statistics import ColumnEnergy
from .data import Batches, Forward, batch_named, call
from .evaluate import evaluating

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

    The model runs in evaluation mode without gradients; its modes and hooks are as before afterwards. A layer used
    twice adds up both uses, and so does a weight shared by two layers. A site that no batch reaches keeps zero
    samples.
    """
    energies = {site.name: ColumnEnergy() for site in sites}
    handles: list[RemovableHandle] = []
    try:
        for site in sites:
            handles += _listen(site, energies[site.name])
        with evaluating(model):
            for position, batch in enumerate(batches.first(count)):
                advice = ". If the data are one batch, write data=[batch]"
                with batch_named(f"calibration batch {position + 1}, {{}}", batch, advice):
                    call(model, batch, forward)
    finally:
        for handle in handles:
            handle.remove()
    return energies


def _listen(site: TensorSite, energy: ColumnEnergy) -> Iterator[RemovableHandle]:
    """A pre-hook on each module that owns the weight."""
    view = site.view
    if view is None:
        return
    for owner in site.owners:

        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            found = column_energy(view, module, args, kwargs)
            if found is not None:
                energy.add(*found)

        yield owner.module.register_forward_pre_hook(hook, with_kwargs=True)
