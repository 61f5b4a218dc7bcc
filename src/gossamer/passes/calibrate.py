"""Run calibration batches and measure what methods need of each layer's inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..model import TensorSite, column_energy, column_sum
from ..progress import track
from ..statistics import STATISTICS, Statistic
from .data import Batches, Forward, attention_mask, batch_named, call
from .evaluate import evaluating

__all__ = ["calibrate"]

# What each statistic sums of one call's inputs.
_SUMS: Mapping[str, Callable[..., tuple[Tensor, int] | None]] = {
    "column energy": column_energy,
    "column mean": column_sum,
}


def calibrate(
    model: nn.Module,
    sites: Sequence[TensorSite],
    batches: Batches,
    *,
    statistic: str = "column energy",
    count: int | None = None,
    forward: Forward | None = None,
) -> dict[str, Statistic]:
    """A statistic of every site's inputs, by the site's name, over at most `count` batches.

    The model runs in evaluation mode without gradients; its modes and hooks are as before afterwards. A layer used
    twice adds up both uses, and so does a weight shared by two layers. A site that no batch reaches keeps zero
    samples. Padded positions (attention_mask 0) do not count.
    """
    found = {site.name: STATISTICS[statistic]() for site in sites}
    handles: list[RemovableHandle] = []
    current = _Current()
    try:
        for site in sites:
            handles += _listen(site, found[site.name], _SUMS[statistic], current)
        with evaluating(model):
            for position, batch in enumerate(track("calibrating", batches.first(count), count)):
                advice = ". If the data are one batch, write data=[batch]"
                current.kept = _positions(batch)
                with batch_named(f"calibration batch {position + 1}, {{}}", batch, advice):
                    call(model, batch, forward)
    finally:
        for handle in handles:
            handle.remove()
    return found


@dataclass
class _Current:
    """What the hooks must know of the batch that is running: which of its positions are no padding."""

    kept: Tensor | None = None


def _positions(batch: Any) -> Tensor | None:
    mask = attention_mask(batch)
    return mask.bool() if mask is not None and mask.ndim == 2 else None


def _listen(
    site: TensorSite, statistic: Statistic, summed: Callable[..., tuple[Tensor, int] | None], current: _Current
) -> Iterator[RemovableHandle]:
    """A pre-hook on each module that owns the weight."""
    view = site.view
    if view is None:
        return
    for owner in site.owners:

        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            found = summed(view, module, args, kwargs, current.kept)
            if found is not None:
                statistic.add(*found)

        yield owner.module.register_forward_pre_hook(hook, with_kwargs=True)
