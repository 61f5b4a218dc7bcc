"""How a weight is spread before and after: a few dozen counts for the report, whatever the weight's size."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..report import Histogram
from ..terms import Member

__all__ = ["BINS", "spread"]

BINS = 40
REACH = 4.0  # root mean squares shown; one outlier must not squeeze all others into one bin
CHUNK = 1 << 22  # torch.histc counts in float32, which is exact up to 2^24; and no second copy of a large weight


def spread(arrived: Tensor, member: Member) -> Histogram | None:
    """The histogram of a weight, with the entries marked that its member holds.

    The range is that of the weight as it arrived, cut at 4 times the root mean square of its nonzero entries (a pruned
    weight's zeros would narrow it). Entries beyond are counted in the outer bins.

    Args: arrived (groups, out, in), before any step; member, what the model computes with in its place.
    Returns: the counts; None when the weight holds no finite range.

    >>> from gossamer.structure import Structure
    >>> held = Member(Structure(), (1, 1, 4), torch.float32, values=torch.tensor([0.0, 1.0, 2.0, 4.0]))
    >>> found = spread(torch.tensor([[[0.0, 1.0, 2.0, 4.0]]]), held)
    >>> found.lower, found.upper, sum(found.weights), found.weights[:2]
    (0.0, 4.0, 4, (1, 0))
    """
    bounds = _bounds(arrived)
    if bounds is None:
        return None
    # With a low-rank part no entry is zero: all of them are held.
    support = None if member.left is not None else member.support
    weights = _counts(arrived, bounds)
    kept = weights if support is None else _counts(arrived[support], bounds)
    dense = member.dense(torch.float32)
    after = _counts(dense if support is None else dense[support], bounds)
    return Histogram(*bounds, weights, kept, after)


def _bounds(weight: Tensor) -> tuple[float, float] | None:
    """Numbers that float32 holds exactly, so that no rounded bound leaves an entry out."""
    if not weight.numel():
        return None
    least, most = (float(bound) for bound in weight.aminmax())
    nonzero = int(torch.count_nonzero(weight))
    reach = REACH * float(torch.linalg.vector_norm(weight, dtype=torch.float64)) / math.sqrt(max(nonzero, 1))
    lower, upper = _single(max(least, -reach)), _single(min(most, reach))
    if not math.isfinite(_single(upper - lower)):
        return None
    if upper - lower <= 1e-6 * max(abs(lower), abs(upper)):  # all entries alike
        pad = max(abs(lower), abs(upper)) / 2 or 1.0
        lower, upper = _single(lower - pad), _single(upper + pad)
    return lower, upper


def _counts(values: Tensor, bounds: tuple[float, float]) -> tuple[int, ...]:
    total = torch.zeros(BINS, dtype=torch.int64)
    for part in values.reshape(-1).split(CHUNK):
        inside = part.float().clamp(*bounds)
        total += torch.histc(inside, BINS, *bounds).to("cpu", torch.int64)
    return tuple(total.tolist())


def _single(value: float) -> float:
    return float(torch.tensor(value, dtype=torch.float32))
