"""Rows that are problems of their own, spread over threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from .team import on_threads

__all__ = ["over_rows", "spread"]

Result = TypeVar("Result")

# A part this long costs more than handing it over; four a thread let a quick thread take over from a slow one.
_LEAST_ROWS = 64
_PARTS_EACH = 4


def spread(run: Callable[..., Result], parts: Sequence[Sequence[Any]]) -> list[Result]:
    """`run(*part)` of each part, in order, computed on `torch.get_num_threads()` threads.

    It gains where `run` lets go of the interpreter lock, as calls through ctypes and torch's operations do.

    >>> spread(lambda a, b: a + b, [(1, 2), (3, 4)])
    [3, 7]
    """
    threads = min(torch.get_num_threads(), len(parts))
    if threads <= 1:
        return [run(*part) for part in parts]
    found: dict[int, Result] = {}
    left = iter(list(enumerate(parts)))

    def work() -> None:
        for place, part in left:  # a list's iterator hands each out once, whichever thread asks
            found[place] = run(*part)

    on_threads(work, threads)
    return [found[place] for place in range(len(parts))]


def over_rows(run: Callable[..., None], tensors: Sequence[Tensor], least: int = _LEAST_ROWS) -> None:
    """Call `run` with consecutive parts of tensors that share their first axis, by `spread`.

    `run` reads and writes the parts in place. When no row's result depends on its neighbours the number of threads
    changes nothing.

    Args: tensors (count, ...) each; least: rows of a part at least, unless there are fewer.

    >>> x = torch.arange(6.0)
    >>> over_rows(lambda part: part.mul_(2), [x])
    >>> x
    tensor([ 0.,  2.,  4.,  6.,  8., 10.])
    """
    threads = torch.get_num_threads()
    count = 1 if threads == 1 else max(1, min(tensors[0].shape[0] // least, threads * _PARTS_EACH))
    spread(run, list(zip(*(tensor.tensor_split(count) for tensor in tensors), strict=True)))
