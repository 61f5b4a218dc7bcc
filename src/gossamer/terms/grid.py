"""Integers on an affine grid, fitted once and then frozen."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import StructureError
from ..structure import Grid
from .base import ValueSet
from .member import decode_grid

__all__ = ["GridValues", "fit_grid", "narrowed"]

CLIP_STEPS = 48  # candidates for the clip search, from the full range down to CLIP_LEAST of it
CLIP_LEAST = 0.4
CACHED = 1 << 16  # entries searched at once: 256 KiB, so that 48 passes over them stay in a core's cache
HALF_LEAST = 6.103515625e-05  # smallest normal float16: below it a scale would lose bits


class GridValues(ValueSet):
    """The numbers S·(q − Z), qmin ≤ q ≤ qmax, with S (and Z) frozen."""

    def __init__(self, word: Grid, scale: Tensor, zero_point: Tensor | None) -> None:
        self.word, self.scale, self.zero_point = word, scale, zero_point

    def encode(self, x: Tensor) -> Tensor:
        blocks = _blocks(x.to(torch.float32), self.word)
        step = self.scale.float().unsqueeze(-1)
        zero = float(-self.word.qmin) if self.zero_point is None else self.zero_point.float().unsqueeze(-1)
        top = float(self.word.qmax - self.word.qmin)
        codes = (torch.round(blocks / step) + zero).clamp_(0.0, top)  # torch.round is half to even
        return codes.to(torch.uint8).reshape(x.shape)

    def decode(self, codes: Tensor) -> Tensor:
        return decode_grid(codes, self.word, self.scale, self.zero_point)

    def parts(self) -> dict[str, Tensor]:
        return {"scale": self.scale} | ({} if self.zero_point is None else {"zero_point": self.zero_point})


def fit_grid(
    word: Grid, x: Tensor, metric: Tensor | None = None, support: Tensor | None = None, *, clip: bool = True
) -> GridValues:
    """Fit the scale of each tensor, row or group, then freeze it.

        min_S Σ_j metric_j (x_j − S·clip(round(x_j/S)))²   over S in {f·S_max : 0.4 ≤ f ≤ 1}

    S_max = max|x|/(2^(bits−1) − 1) when symmetric, else (max(x, 0) − min(x, 0))/(2^bits − 1) with
    Z = round(−min(x, 0)/S), so 0 is exact in both. Scales are rounded to float16 before they are used, where float16
    can hold them; an all-zero row gets S = 1.

    Args:
        x (*b, n); metric broadcasts to x, ≥ 0, None is ones; support, bool like x: entries that will be held (the
            others neither widen the range nor count in the error).
        clip: search the scale (default); False takes S_max, plain min–max round-to-nearest.
    Raises: StructureError when the group does not divide n.
    Source: affine quantization as in Jacob et al. 2018, section 2; the search is the usual MSE range search
        (Nagel et al. 2021, section 3.1).
    """
    if word.group is not None and x.shape[-1] % word.group:
        raise StructureError(f"width {x.shape[-1]} is not a multiple of group {word.group}; {_divisors(x.shape[-1])}")
    blocks, weights = _weighed(word, x.to(torch.float32), metric, support)
    shape, width = blocks.shape[:-1], blocks.shape[-1]
    rows = max(1, CACHED // width)
    parts = [
        _fitted(word, part, None if weights is None else weights.reshape(-1, width)[start : start + rows], clip)
        for start, part in zip(range(0, shape.numel(), rows), blocks.reshape(-1, width).split(rows), strict=True)
    ]
    scale = narrowed(torch.cat([scale for scale, _ in parts]).reshape(shape))
    if word.symmetric:
        return GridValues(word, scale, None)
    return GridValues(word, scale, torch.cat([zero for _, zero in parts]).reshape(shape))


def _weighed(word: Grid, x: Tensor, metric: Tensor | None, support: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The blocks that share a scale, dropped entries zero, and what each squared difference counts (None: 1)."""
    if support is not None:
        x = torch.where(support, x, torch.zeros((), device=x.device))
    weights = None if metric is None else metric.to(torch.float32).expand(x.shape)
    if support is not None:
        weights = support.to(torch.float32) if weights is None else weights * support
    return _blocks(x, word), None if weights is None else _blocks(weights.expand(x.shape), word)


def _fitted(word: Grid, blocks: Tensor, weights: Tensor | None, clip: bool) -> tuple[Tensor, Tensor]:
    """Scale and zero point of each row of `blocks` (rows, n)."""
    low, high = blocks.amin(-1).clamp(max=0), blocks.amax(-1).clamp(min=0)
    widest = torch.maximum(high, -low) / word.qmax if word.symmetric else (high - low) / word.qmax
    widest = torch.where(widest > 0, widest, torch.ones_like(widest))
    scale, zero = widest, _zero_point(word, widest, low)
    least = torch.full_like(widest, torch.inf)
    half = _fits_half(torch.stack([widest * CLIP_LEAST, widest]))  # then so does every scale between
    for factor in torch.linspace(1.0, CLIP_LEAST, CLIP_STEPS).tolist() if clip else [1.0]:
        step = (widest * factor).half().float() if half else widest * factor
        offset = _zero_point(word, step, low * factor)
        error = _error(word, blocks, weights, step, offset)
        better = error < least
        least, scale = torch.where(better, error, least), torch.where(better, step, scale)
        zero = torch.where(better, offset, zero)
    return scale, zero


def _error(word: Grid, blocks: Tensor, weights: Tensor | None, step: Tensor, zero: Tensor) -> Tensor:
    """Σ weights·(x − nearest(x))² of each row: what `GridValues` computes, in place and in pieces that stay cached."""
    total = torch.zeros_like(step)
    step, zero = step.unsqueeze(-1), zero.float().unsqueeze(-1)
    for start in range(0, blocks.shape[-1], CACHED):
        x = blocks[:, start : start + CACHED]
        apart = torch.round(x / step)
        if word.symmetric:
            apart.clamp_(word.qmin, word.qmax)
        else:
            apart.add_(zero).clamp_(0, word.qmax).sub_(zero)
        apart.mul_(step).sub_(x).square_()
        if weights is not None:
            apart.mul_(weights[:, start : start + CACHED])
        total += apart.sum(-1)
    return total


def narrowed(parameters: Tensor) -> Tensor:
    """float16 where it holds every number as a normal one (or zero), else float32."""
    return parameters.to(torch.float16) if _fits_half(parameters) else parameters.to(torch.float32)


def _fits_half(parameters: Tensor) -> bool:
    size = parameters.abs()
    return bool((((size == 0) | (size >= HALF_LEAST)) & (size < 65504)).all())


def _zero_point(word: Grid, scale: Tensor, low: Tensor) -> Tensor:
    """Of a symmetric grid nothing, as zeros: its codes are stored from 0, but its values are centred."""
    if word.symmetric:
        return torch.zeros_like(scale, dtype=torch.uint8)
    return torch.round(-low / scale).clamp(0, word.qmax).to(torch.uint8)


def _blocks(x: Tensor, word: Grid) -> Tensor:
    """x with the entries that share a scale on the last axis, such that amin(-1) has the scale's shape."""
    if word.per == "tensor":
        return x.reshape(1, -1)
    if word.per == "channel":
        return x.unsqueeze(-2)
    return x.reshape(*x.shape[:-1], -1, word.group or 1)


def _divisors(width: int) -> str:
    fitting = [g for g in (128, 64, 32, 16, 8) if width % g == 0][:2]
    return f"choose a group of {' or '.join(map(str, fitting))}" if fitting else "use a scale for each row (no group)"
