"""The plain torch form of every kernel: what native code is tested against, and what runs where it cannot.

No value of a tensor decides a shape or a branch, so `torch.compile(fullgraph=True)` and `torch.export` trace
these, on any device. Arguments were checked before.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["batch_omp", "mask_compress", "mask_expand", "pack_bits", "unpack_bits"]

# Items are moved as integers of their size, which every device can index, whatever their dtype (float8 too).
_CARRIERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32}


def pack_bits(codes: Tensor, bits: int) -> Tensor:
    if bits == 8:  # whole bytes are packed already
        return codes.clone()
    stream = _bits_of(codes, bits).reshape(-1)
    stream = torch.nn.functional.pad(stream, (0, -stream.shape[0] % 8))
    return _from_bits(stream.reshape(-1, 8))


def unpack_bits(packed: Tensor, bits: int, count: int) -> Tensor:
    if bits == 8:
        return packed[:count].clone()
    stream = _bits_of(packed, 8).reshape(-1)
    return _from_bits(stream[: count * bits].reshape(count, bits))


def mask_compress(dense: Tensor, mask: Tensor, kept: int) -> Tensor:
    keep, place = _places(mask, dense.shape[0])
    # The items that are left out all land in one more place, which is cut off.
    place = torch.where(keep, place, kept)
    items = _carried(dense)
    out = items.new_zeros(kept + 1).scatter(0, place, items)[:kept]
    return _uncarried(out, dense.dtype)


def mask_expand(values: Tensor, mask: Tensor, count: int) -> Tensor:
    if values.shape[0] == 0:
        return values.new_zeros(count)
    keep, place = _places(mask, count)
    items = _carried(values)
    # Before the first 1 the place is -1; what is read there is not used.
    out = torch.where(keep, items[place.clamp(min=0)], items.new_zeros(()))
    return _uncarried(out, values.dtype)


def batch_omp(
    atoms: Tensor, gram: Tensor, scales: Tensor, signals: Tensor, targets: Tensor, k: int
) -> tuple[Tensor, Tensor, Tensor]:
    """csrc/batch_omp.cpp names the recursion; here every signal takes its step at once, or rests.

    Below 32 roundings of the squared norm the error, and below 1000 roundings the pivot, hold no digit to decide by.
    """
    count, n = signals.shape[0], atoms.shape[0]
    epsilon = torch.finfo(signals.dtype).eps
    left = signals @ atoms.mT
    error = signals.square().sum(-1)
    floor = 32 * epsilon * error
    spans, z = signals.new_zeros(count, k, n), signals.new_zeros(count, k)
    triangle = torch.eye(k, dtype=signals.dtype, device=signals.device).repeat(count, 1, 1)
    support = torch.full((count, k), -1, device=signals.device)
    rows = torch.arange(count, device=signals.device)
    steps, lost = torch.zeros_like(rows), torch.zeros_like(rows, dtype=torch.bool)
    reached = (error <= targets) & (targets >= floor)
    for t in range(k):
        most, j = left.abs().max(-1)
        chosen = spans[rows, :, j]
        pivot = gram[j, j] - chosen.square().sum(-1)
        stuck = (error <= floor) | ~(most > 0) | (support == j[:, None]).any(-1) | ~(pivot > 1000 * epsilon)
        lost = lost | (stuck & ~reached)
        go = ~(lost | reached)
        p = torch.where(go, pivot, 1).sqrt()
        z[:, t] = torch.where(go, left[rows, j] / p, 0)
        triangle[:, t] = torch.where(go[:, None], chosen, triangle[:, t])
        triangle[:, t, t] = p
        support[:, t] = torch.where(go, j, -1)
        spans[:, t] = torch.where(go[:, None], gram[j] - (chosen[:, None] @ spans).squeeze(1), 0) / p[:, None]
        left = left - z[:, t, None] * spans[:, t]
        error = error - z[:, t].square()
        steps = steps + go
        reached = reached | (go & (error <= targets) & (targets >= floor))
    g = torch.linalg.solve_triangular(triangle.mT, z.unsqueeze(-1), upper=True).squeeze(-1)
    used = support >= 0
    g = torch.where(used, g, 0)
    unit = signals.new_zeros(count, n).scatter_add(1, support.clamp(min=0), g)
    residuals = torch.linalg.vector_norm(signals - unit @ atoms, dim=-1)
    # The recursion said that the target is met; the residual itself has the last word.
    lost = lost | ((steps < k) & (residuals.square() > targets * (1 + 1e-3)))
    return unit * scales, residuals, torch.where(lost, -1 - steps, steps).to(torch.int32)


def _bits_of(codes: Tensor, bits: int) -> Tensor:
    """uint8 (n,) -> (n, bits) of 0 and 1, least significant first."""
    return codes.unsqueeze(-1) >> torch.arange(bits, dtype=torch.uint8, device=codes.device) & 1


def _from_bits(digits: Tensor) -> Tensor:
    """(n, b) of 0 and 1, least significant first -> uint8 (n,)."""
    shifts = torch.arange(digits.shape[-1], dtype=torch.uint8, device=digits.device)
    return (digits << shifts).sum(-1, dtype=torch.uint8)


def _places(mask: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """bool (count,), and for each item the number of ones up to and including it, less one."""
    keep = unpack_bits(mask, 1, count).to(torch.bool)
    return keep, keep.cumsum(0) - 1


def _carried(items: Tensor) -> Tensor:
    """The same bytes as integers; as they are where a gradient must pass."""
    return items if items.requires_grad else items.view(_CARRIERS[items.dtype.itemsize])


def _uncarried(items: Tensor, dtype: torch.dtype) -> Tensor:
    # view(dtype) cuts the gradient even where the dtype stays.
    return items if items.dtype == dtype else items.view(dtype)
