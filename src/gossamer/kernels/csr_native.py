"""Native kernels on sparse matrices by rows.

They run on one thread: a product of two million entries takes 2 ms, in which a second thread gains less than handing it
over costs while torch's own threads are still awake.
"""

from __future__ import annotations

import torch
from torch import Tensor

from . import checks, csr
from .native import function, sound

__all__ = ["csr_columns", "csr_gram", "csr_l1_sweeps", "csr_mv", "csr_rmv"]

_BAD_INDEX = -6


def csr_mv(starts: Tensor, places: Tensor, values: Tensor, x: Tensor) -> Tensor:
    if starts.dtype != torch.int32:
        return csr.csr_mv(starts, places, values, x)
    starts, places, values, x = _plain(starts, places, values, x)
    out = x.new_empty(len(starts) - 1)
    _call("csr_mv", starts, len(out), places, values, len(x), x.data_ptr(), out.data_ptr())
    return out


def csr_rmv(starts: Tensor, places: Tensor, values: Tensor, x: Tensor, columns: int) -> Tensor:
    if starts.dtype != torch.int32:
        return csr.csr_rmv(starts, places, values, x, columns)
    starts, places, values, x = _plain(starts, places, values, x)
    out = x.new_empty(columns)
    _call("csr_rmv", starts, len(x), places, values, columns, x.data_ptr(), out.data_ptr())
    return out


def csr_columns(
    starts: Tensor, places: Tensor, values: Tensor, columns: int, slots: Tensor | None, k: int
) -> tuple[Tensor, Tensor, Tensor]:
    if starts.dtype != torch.int32:
        return csr.csr_columns(starts, places, values, columns, slots, k)
    starts, places, values = _plain(starts, places, values)
    room = len(places)  # most of it is never touched where few columns are wanted
    ends, rows, found = starts.new_empty(k + 1), places.new_empty(room), values.new_empty(room)
    scratch: tuple[int | None, ...] = (None, k, None, None)
    if slots is not None:
        slots, hits, wanted = slots.contiguous(), places.new_empty(room), slots.new_empty(columns, dtype=torch.uint8)
        scratch = (slots.data_ptr(), k, hits.data_ptr(), wanted.data_ptr())
    _call(
        "csr_columns", starts, len(starts) - 1, places, values, columns, *scratch, room,
        ends.data_ptr(), rows.data_ptr(), found.data_ptr(),
    )  # fmt: skip
    count = int(ends[-1])
    return (ends, rows, found) if count == room else (ends, rows[:count].clone(), found[:count].clone())


def csr_gram(starts: Tensor, places: Tensor, values: Tensor, k: int, first: int) -> Tensor:
    if starts.dtype != torch.int32:
        return csr.csr_gram(starts, places, values, k, first)
    starts, places, values = _plain(starts, places, values)
    out = values.new_empty(k - first, k)
    _call("csr_gram", starts, len(starts) - 1, places, values, k, first, out.data_ptr())
    return out


def csr_l1_sweeps(
    starts: Tensor, places: Tensor, values: Tensor, m: int, levels: Tensor, x: Tensor, h: Tensor,
    low: float, high: float, ridge: float, accuracy: float, sweeps: int,
) -> tuple[Tensor, Tensor, int]:  # fmt: skip
    if starts.dtype != torch.int32:
        return csr.csr_l1_sweeps(starts, places, values, m, levels, x, h, low, high, ridge, accuracy, sweeps)
    starts, places, values, levels = _plain(starts, places, values, levels)
    x, h = (part.detach().clone(memory_format=torch.contiguous_format) for part in (x, h))
    room, done = x.new_empty(m + 2 * len(x)), x.new_zeros((), dtype=torch.int32)
    _call(
        "csr_l1_sweeps", starts, len(x), places, values, m, levels.data_ptr(), low, high, ridge, accuracy, sweeps,
        room.data_ptr(), len(room), x.data_ptr(), h.data_ptr(), done.data_ptr(),
    )  # fmt: skip
    return x, h, int(done)


def _plain(*tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(tensor.detach().contiguous() for tensor in tensors)


def _call(op: str, starts: Tensor, rows: int, places: Tensor, values: Tensor, columns: int, *others: object) -> None:
    code = function(op, values.dtype.itemsize)(
        starts.data_ptr(), rows, places.data_ptr(), values.data_ptr(), len(places), columns, *others
    )
    if code == _BAD_INDEX:
        raise checks.wrong_place(columns)
    sound(code, values)
