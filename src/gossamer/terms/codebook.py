"""Weight sharing: values drawn from a small learned codebook, fitted once and then frozen."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..structure import Codebook
from .base import ValueSet
from .grid import narrowed
from .member import decode_codebook

__all__ = ["CodebookValues", "fit_codebook", "kmeans_1d"]

EXACT_POINTS = 1 << 15  # distinct values up to which the clustering is exact; beyond, equal-count cells stand for them

Floats = NDArray[np.float64]


class CodebookValues(ValueSet):
    """The numbers of a sorted codebook (size,), frozen."""

    def __init__(self, word: Codebook, codebook: Tensor) -> None:
        self.word, self.codebook = word, codebook

    def encode(self, x: Tensor) -> Tensor:
        centres = self.codebook.float()
        borders = (centres[1:] + centres[:-1]) / 2
        return torch.bucketize(x.to(torch.float32).contiguous(), borders).to(torch.uint8)

    def decode(self, codes: Tensor) -> Tensor:
        return decode_codebook(codes, self.codebook)

    def parts(self) -> dict[str, Tensor]:
        return {"codebook": self.codebook}


def fit_codebook(
    word: Codebook, x: Tensor, metric: Tensor | None = None, support: Tensor | None = None
) -> CodebookValues:
    """Fit the codebook over the held weights by 1-D k-means, then freeze it.

        min_C Σ_{j held} metric_j min_c (x_j − C_c)²,   |C| ≤ size

    Exact (dynamic programming) up to 32,768 distinct values; above, the values are first gathered into as many cells of
    equal count, each standing at its weighted mean. Zeros that x holds without a support stay zero: one centre
    is then zero, and the others are for the rest. Centres are stored as float16 where float16 can hold them.

    Args: x (*b, n); metric broadcasts to x, ≥ 0; support, bool like x, says which entries are held (None: all).
    Source: Han et al. 2016 (weight sharing over the nonzero weights); the clustering is Wang & Song 2011, with the
        divide and conquer of Grønlund et al. 2017, section 3.
    """
    weights = torch.ones_like(x, dtype=torch.float64) if metric is None else metric.double().expand(x.shape)
    held = torch.ones_like(x, dtype=torch.bool) if support is None else support
    points, mass = x.double()[held].cpu().numpy(), weights[held].cpu().numpy()
    zeros = support is None and word.size > 1 and bool((points == 0).any())
    if zeros:  # zero is one of the centres, and the others are for the rest
        points, mass = points[points != 0], mass[points != 0]
    if mass.size and not mass.any():
        mass = np.ones_like(mass)
    centres = kmeans_1d(points, mass, word.size - zeros) if points.size else np.zeros(1)
    codebook = torch.from_numpy(np.append(centres, 0.0) if zeros else centres).to(torch.float32)
    return CodebookValues(word, narrowed(codebook).unique().to(x.device))


def kmeans_1d(points: Floats, mass: Floats, size: int) -> Floats:
    """Centres (≤ size,), ascending, of the best clustering of weighted points on a line.

        min Σ_i mass_i min_c (points_i − c)²

    Optimal clusters are intervals of the sorted points, so with D_k[i] the least cost of the first i points in k
    intervals, D_k[i] = min_j D_{k−1}[j] + cost(j, i), and the minimising j grows with i.

    >>> kmeans_1d(np.array([0.0, 0.1, 5.0, 5.2]), np.ones(4), 2).round(2).tolist()
    [0.05, 5.1]
    """
    positions, inverse = np.unique(points, return_inverse=True)
    total: Floats = np.bincount(inverse.reshape(-1), mass).astype(np.float64)
    positions, total = positions[total > 0], total[total > 0]
    if positions.size > EXACT_POINTS:
        positions, total = _cells(positions, total)
    if positions.size <= size:
        return positions
    shift = float(np.average(positions, weights=total))  # centred, so that the squares below do not cancel
    centred = positions - shift
    w, wx, wxx = (np.concatenate([[0.0], np.cumsum(total * centred**power)]) for power in (0, 1, 2))
    best = _cost(w, wx, wxx, np.zeros(positions.size + 1, np.int64), np.arange(positions.size + 1))
    cuts = []
    for _ in range(1, size):
        best, cut = _one_more(best, w, wx, wxx)
        cuts.append(cut)
    ends = [positions.size]
    for cut in reversed(cuts):
        ends.append(int(cut[ends[-1]]))
    edges = np.unique([*ends, 0])
    return np.array([(wx[b] - wx[a]) / (w[b] - w[a]) for a, b in pairwise(edges)]) + shift


def _cost(w: Floats, wx: Floats, wxx: Floats, start: NDArray[np.int64], stop: NDArray[np.int64]) -> Floats:
    """Σ mass (x − mean)² of the points start ≤ i < stop."""
    mass, first = w[stop] - w[start], wx[stop] - wx[start]
    spread = wxx[stop] - wxx[start] - first**2 / np.where(mass > 0, mass, 1.0)
    return np.maximum(spread, 0.0)


def _one_more(previous: Floats, w: Floats, wx: Floats, wxx: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """D_k from D_{k−1}: every level of the divide and conquer at once, O(n log n)."""
    n = previous.size - 1
    best, cut = np.empty(n + 1), np.zeros(n + 1, np.int64)
    spans = np.array([[0, n, 0, n]])  # solve i in [lo, hi], whose cuts lie in [left, right]
    while spans.size:
        lo, hi, left, right = spans.T
        middle = (lo + hi) // 2
        last = np.minimum(right, middle)
        lengths = last - left + 1
        offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        owner = np.repeat(np.arange(len(spans)), lengths)
        j = np.arange(lengths.sum()) - offsets[owner] + left[owner]
        cost = previous[j] + _cost(w, wx, wxx, j, middle[owner])
        least = np.minimum.reduceat(cost, offsets)
        hits = np.flatnonzero(cost == least[owner])
        first = hits[np.unique(owner[hits], return_index=True)[1]]
        best[middle], cut[middle] = least, j[first]
        below = np.stack([lo, middle - 1, left, j[first]], 1)[lo < middle]
        above = np.stack([middle + 1, hi, j[first], right], 1)[middle < hi]
        spans = np.concatenate([below, above])
    return best, cut


def _cells(positions: Floats, mass: Floats) -> tuple[Floats, Floats]:
    cell = np.arange(positions.size) * EXACT_POINTS // positions.size
    total: Floats = np.bincount(cell, mass).astype(np.float64)
    return np.bincount(cell, mass * positions) / total, total
