"""Milliseconds of two models side by side, and the rule that calls one of them faster."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median, quantiles
from time import perf_counter_ns

import torch
from torch import Tensor, nn

from ..report import Outcome, Timing

__all__ = ["FEWEST", "Block", "Ratio", "faster", "grounds", "interleaved", "ratio", "relocate_", "summary"]

RELEVANT = 0.02  # nobody should act on less, and no two processes agree to more
LEAST = 0.01  # milliseconds
MISS = 100  # one interval in so many may miss the true median
BLOCKS = 15
SAMPLE_NS = 100_000  # a clock reading covers at least this: its own cost and grain stay below 0.1 %
SHORT_NS = 25_000_000  # a forward up to this gets SHORT_RUNS at least, a longer one LONG_RUNS
FEWEST = 8  # blocks that have an interval of 99 %
SHORT_RUNS, LONG_RUNS = 30, FEWEST
MOST_RUNS_A_BLOCK = 200


@dataclass(frozen=True)
class Block:
    """Milliseconds of one forward pass while the weights lay at one place; entry i of both was taken in round
    i."""

    before: tuple[float, ...]
    after: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the rounds' after / before."""
        return median(a / b for b, a in zip(self.before, self.after, strict=True))


@dataclass(frozen=True)
class Ratio:
    """after / before: the median of the blocks' ratios, and an interval for the true median."""

    median: float
    lower: float
    upper: float


def interleaved(
    before: Callable[[], object],
    after: Callable[[], object],
    *,
    seconds: float,
    runs: int | None = None,
    between: Callable[[], object] = lambda: None,
) -> tuple[Block, ...]:
    """Time two calls in alternating order (A B, B A, …), so that a drift of the machine meets both alike.

    Args:
        before, after: the calls; what they return is dropped at once.
        seconds: about how long it may take, divided among 15 blocks. Calls below 25 ms are timed 30 times at
            least, and slower ones 8 times (then in 8 blocks), even where that takes longer.
        runs: times each call is timed, in place of `seconds`.
        between: called before each block; see `relocate_`.

    A sample of a call below 100 µs is the mean over an inner loop, as long for both. The garbage collector
    rests meanwhile.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        fastest, slowest = sorted(_warmed_up(call, 0.05 * seconds) for call in (before, after))
        loop = max(1, math.ceil(SAMPLE_NS / fastest))
        least = runs or (SHORT_RUNS if slowest < SHORT_NS else LONG_RUNS)
        most = runs or MOST_RUNS_A_BLOCK * BLOCKS
        count = min(BLOCKS, least)
        blocks = []
        for index in range(count):
            between()
            shares = [(total + count - 1 - index) // count for total in (least, most)]
            # Who begins matters (the second call of a model in a row finds its weights in the cache): they take turns.
            calls = (before, after) if index % 2 == 0 else (after, before)
            taken = _block(calls, loop, seconds / count, *shares)
            blocks.append(Block(*(taken if index % 2 == 0 else reversed(taken))))
        return tuple(blocks)
    finally:
        if collecting:
            gc.enable()


@torch.inference_mode(False)  # or the new memory could never be trained again
@torch.no_grad()
def relocate_(models: Iterable[nn.Module], order: Random) -> None:
    """Move every parameter and buffer to fresh memory, in an order that `order` draws.

    Two identical copies of a network can differ in speed by several percent for as long as they live, only by
    where their pages lie. Timing in several places turns that bias, which no number of runs removes, into
    spread that the interval sees.
    """
    found = {id(t): t for model in models for t in (*model.parameters(), *model.buffers())}
    tensors = [t for t in found.values() if type(t) in (Tensor, nn.Parameter) and t.layout is torch.strided]
    # Each clone takes what the ones before it freed: in a fixed order one model would always get the same places.
    order.shuffle(tensors)
    for tensor in tensors:
        tensor.data = tensor.data.clone()


def summary(samples: Sequence[float]) -> Timing:
    """Median, quartiles and 95th percentile of one model's samples.

    >>> summary([3.0, 1.0, 2.0])
    Timing(median=2.0, lower=1.5, upper=2.5, p95=2.9, runs=3)
    """
    if len(samples) == 1:
        only = samples[0]
        return Timing(only, only, only, only, runs=1)
    cuts = quantiles(samples, n=20, method="inclusive")
    return Timing(median=median(samples), lower=cuts[4], upper=cuts[14], p95=cuts[18], runs=len(samples))


def ratio(blocks: Sequence[Block]) -> Ratio:
    """The median of the blocks' ratios with its distribution-free interval (the sign test turned round).

    With r_(1) ≤ … ≤ r_(n) sorted, [r_(k+1), r_(n−k)] holds the median with probability 1 − 2·P(Bin(n, ½) ≤
    k), whatever the noise, as long as blocks are independent. k is the largest that keeps this at 99 % or
    more: 2 of 15, 0 of 8. Fewer than 8 blocks can claim nothing: their interval is [0, ∞].
    """
    ratios = sorted(block.ratio for block in blocks)
    n = len(ratios)
    outside, tail = -1, 0
    for k in range(n // 2):
        tail += math.comb(n, k)
        if MISS * 2 * tail > 2**n:
            break
        outside = k
    if outside < 0:
        return Ratio(median(ratios), 0.0, math.inf)
    return Ratio(median(ratios), ratios[outside], ratios[n - 1 - outside])


def faster(change: Ratio, milliseconds: float = math.inf) -> Outcome:
    """Better when the whole interval lies below 1 − 2 %, worse when it lies above 1 + 2 %, else within noise.

    Of a forward of few `milliseconds` it must differ by 0.01 ms at least: that much is the way Python looks up weights,
    and no work saved.

    >>> faster(Ratio(0.8, 0.75, 0.85)), faster(Ratio(0.97, 0.95, 0.99)), faster(Ratio(1.3, 1.1, 1.5))
    ('better', 'within noise', 'worse')
    >>> faster(Ratio(0.8, 0.75, 0.85), milliseconds=0.02)
    'within noise'
    """
    relevant = max(RELEVANT, LEAST / milliseconds)
    if change.upper < 1 - relevant:
        return "better"
    return "worse" if change.lower > 1 + relevant else "within noise"


def grounds(change: Ratio, milliseconds: float = math.inf) -> str:
    """What a verdict of `faster` stands on, in words; where a steady difference is called none, the words say why.

    >>> grounds(Ratio(0.8, 0.75, 0.85))
    'takes 0.80 of the time; 0.75 to 0.85 with 99 % confidence'
    >>> grounds(Ratio(0.93, 0.92, 0.93), milliseconds=0.02)
    'takes 0.93 of the time; 0.92 to 0.93 with 99 % confidence, but less than 0.01 ms counts as none'
    """
    if not math.isfinite(change.upper):
        return f"takes {change.median:.2f} of the time; fewer than {FEWEST} runs cannot tell"
    told = f"takes {change.median:.2f} of the time; {change.lower:.2f} to {change.upper:.2f} with 99 % confidence"
    # As printed: an interval that reads "0.99 to 1.00" explains itself.
    steady = round(change.upper, 2) < 1 or round(change.lower, 2) > 1
    if not steady or faster(change, milliseconds) != "within noise":
        return told
    least = f"{LEAST:g} ms" if LEAST / milliseconds > RELEVANT else f"{RELEVANT:.0%}".replace("%", " %")
    return f"{told}, but less than {least} counts as none"


def _warmed_up(call: Callable[[], object], seconds: float) -> float:
    """Run for three calls and `seconds` at least; the fastest, in nanoseconds."""
    start, fastest, calls = perf_counter_ns(), math.inf, 0
    while calls < 3 or perf_counter_ns() - start < seconds * 1e9:
        began = perf_counter_ns()
        call()
        fastest = min(fastest, perf_counter_ns() - began)
        calls += 1
    return max(1.0, fastest)


def _block(
    calls: tuple[Callable[[], object], Callable[[], object]], loop: int, seconds: float, least: int, most: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    start = perf_counter_ns()
    for call in calls:  # fresh memory is cold
        call()
    taken: tuple[list[float], list[float]] = ([], [])
    while len(taken[0]) < least or (len(taken[0]) < most and perf_counter_ns() - start < seconds * 1e9):
        for which in (0, 1) if len(taken[0]) % 2 == 0 else (1, 0):
            taken[which].append(_sample(calls[which], loop))
    return tuple(taken[0]), tuple(taken[1])


def _sample(call: Callable[[], object], loop: int) -> float:
    start = perf_counter_ns()
    for _ in range(loop):
        call()
    return (perf_counter_ns() - start) / loop / 1e6
