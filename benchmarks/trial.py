"""One variant of a pretrained model, in processes of its own: compressed and saved in one, read back in the next.

So the figures are those of a file that another process read, and peak memory is each part's own.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

import gossamer as gs
from gossamer.artifact import dense_bytes
from gossamer.recipe import Step

__all__ = ["LINEARS", "Made", "Variant", "apart", "make", "median_seconds", "peak_gigabytes"]

LINEARS = ("Linear",)


@dataclass(frozen=True)
class Variant:
    """A name, a recipe, and what it is there to show."""

    name: str
    recipe: tuple[Step, ...]
    shows: str = ""


@dataclass(frozen=True)
class Made:
    """What compressing and saving gave and took. Saving is the median of `repeats`, compressing ran once."""

    bytes: int
    dense_bytes: int
    compress_seconds: float
    save_seconds: float
    repeats: int
    peak_gigabytes: float
    not_done: tuple[str, ...]


def make(model: nn.Module, variant: Variant, path: Path, *, data: Sequence[Any] | None, repeats: int = 5) -> Made:
    """Compress a copy of the model and save it at `path`. Layers that were aimed at and not shaped are listed."""
    started = time.perf_counter()
    result = gs.compress(model, variant.recipe, data=data, proof=gs.Proof(measure=False))
    seconds = time.perf_counter() - started
    saving = median_seconds(lambda: result.save(path), repeats)
    left = tuple(f"{row.name}: {row.status}" for row in result.report.rows if row.status.kind in ("failed", "skipped"))
    return Made(path.stat().st_size, dense_bytes(model), seconds, saving, repeats, peak_gigabytes(), left)


def median_seconds(run: Callable[[], object], repeats: int) -> float:
    """The median time of `repeats` runs."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def peak_gigabytes() -> float:
    """The most memory that this process has held so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def apart(run: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a module's own function, called in a fresh process that ends with it."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run, *arguments).result()
