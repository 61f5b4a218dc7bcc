"""Rows that are problems of their own, spread over threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

__all__ = ["over_rows"]

# A part this long costs more than handing it over; four a thread let a quick thread take over from a slow one.
_LEAST_ROWS = 64
_PARTS_EACH = 4


def over_rows(run: Callable[..., None], tensors: Sequence[Tensor], least: int = _LEAST_ROWS) -> None:
    """Call `run` with consecutive parts of tensors that share their first axis, on `torch.get_num_threads()` threads.

    `run` reads and writes the parts in place, and lets go of the interpreter lock, as calls through ctypes do. When no
    row's result depends on its neighbours the number of threads changes nothing.

    Args: tensors (count, ...) each; least: rows of a part at least, unless there are fewer.

    >>> x = torch.arange(6.0)
    >>> over_rows(lambda part: part.mul_(2), [x])
    >>> x
    tensor([ 0.,  2.,  4.,  6.,  8., 10.])
    """
    count, threads = tensors[0].shape[0], torch.get_num_threads()
    parts = min(count // least, threads * _PARTS_EACH)
    if threads == 1 or parts <= 1:
        run(*tensors)
        return
    pieces = [tensor.tensor_split(parts) for tensor in tensors]
    with ThreadPoolExecutor(min(threads, parts)) as pool:
        for _ in pool.map(run, *pieces):  # raises what a part raised
            pass
