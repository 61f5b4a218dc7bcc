"""The plain form of kernels on sparse matrices by rows: entries of row i are [starts_i, starts_{i+1}), at `places`."""

from __future__ import annotations

import torch
from torch import Tensor

from .sequential import soft_threshold

__all__ = ["csr_columns", "csr_gram", "csr_l1_sweeps", "csr_mv", "csr_rmv", "owners"]


def owners(starts: Tensor, entries: int) -> Tensor:
    """The row of each entry."""
    rows = torch.arange(len(starts) - 1, device=starts.device, dtype=starts.dtype)
    return torch.repeat_interleave(rows, starts.diff(), output_size=entries)


def csr_mv(starts: Tensor, places: Tensor, values: Tensor, x: Tensor) -> Tensor:
    found = x.new_zeros(len(starts) - 1)
    return found.index_add_(0, owners(starts, len(places)), values * x[places])


def csr_rmv(starts: Tensor, places: Tensor, values: Tensor, x: Tensor, columns: int) -> Tensor:
    return x.new_zeros(columns).index_add_(0, places, values * x[owners(starts, len(places))])


def csr_columns(
    starts: Tensor, places: Tensor, values: Tensor, columns: int, slots: Tensor | None, k: int
) -> tuple[Tensor, Tensor, Tensor]:
    slot = places if slots is None else slots[places]
    wanted = (slot >= 0).nonzero()[:, 0]
    order = wanted[slot[wanted].argsort(stable=True)]  # rows are in order already, so they stay so within a column
    ends = starts.new_zeros(k + 1)
    ends[1:] = torch.bincount(slot[wanted], minlength=k).cumsum(0)
    return ends, owners(starts, len(places))[order], values[order]


def csr_gram(starts: Tensor, places: Tensor, values: Tensor, k: int, first: int) -> Tensor:
    whole = values.new_zeros(len(starts) - 1, k)
    whole[owners(starts, len(places)), places] = values
    return whole[:, first:].mT @ whole


def csr_l1_sweeps(
    starts: Tensor, places: Tensor, values: Tensor, m: int, levels: Tensor, x: Tensor, h: Tensor,
    low: float, high: float, ridge: float, accuracy: float, sweeps: int,
) -> tuple[Tensor, Tensor, int]:  # fmt: skip
    """csrc/csr_l1_sweeps.cpp says what is computed; here for the price of a few calls a coordinate."""
    ends, sample, value = starts.tolist(), places.detach().cpu().numpy(), values.detach().cpu().numpy()
    rows = [slice(ends[j], ends[j + 1]) for j in range(len(x))]
    level, place, start, pull = levels.tolist(), x.tolist(), x.tolist(), h.tolist()
    fit = torch.zeros(m, dtype=torch.float64).numpy()
    curves = [float(value[row] @ value[row]) + ridge for row in rows]

    def left(j: int) -> float:
        return float(pull[j] + ridge * (start[j] - place[j]) + value[rows[j]] @ fit[sample[rows[j]]])

    done = 0
    settled = False
    while not settled and done < sweeps:
        done += 1
        most = 0.0
        for j, row in enumerate(rows):
            old, curve = place[j], curves[j]
            z = left(j) + curve * old
            if curve <= 0 or (old == 0 and abs(z) <= level[j]):
                continue
            place[j] = soft_threshold(z, level[j], curve, low, high)
            move = place[j] - old
            fit[sample[row]] -= move * value[row]
            most = max(most, abs(move) * curve)
        settled = most <= accuracy
    found, h = x.new_tensor(place), h.new_tensor([left(j) for j in range(len(rows))])
    return found, h, done if settled else -1 - sweeps
