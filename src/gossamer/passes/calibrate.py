"""Run calibration batches and measure what methods need of each layer's inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from ..errors import DataError
from ..model import TensorSite, column_energy
from ..statistics import ColumnEnergy
from .data import Batches, Forward, call, described
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
                try:
                    call(model, batch, forward)
                except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
                    raise DataError(
                        f"calibration batch {position + 1}, {described(batch)}: {type(error).__name__}: {error}. "
                        f"If the data are one batch, write data=[batch]"
                    ) from error
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
