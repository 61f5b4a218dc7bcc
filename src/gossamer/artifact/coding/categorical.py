"""Order-0 entropy coding: a stored histogram, then every symbol at its own price."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...errors import ArtifactError
from .ans import PRECISION, Ans, Model, apportion
from .base import CHUNK, Coder, Symbols, symbol_dtype
from .levels import count_of, level_of

__all__ = ["CategoricalCoder"]

_BINS = 8  # bins of 2^0 … 2^7 symbols
_MANTISSAS = 8  # 0 … 7 bits; 7 keep the divergence below 1e-5 bits a symbol
_DECAYS = 16  # half-lives of 2^−3 … 2^12 levels


@dataclass(frozen=True)
class _Shape:
    """How the histogram is stored."""

    bin_bits: int
    mantissa: int
    decay: int


class CategoricalCoder(Coder):
    """The histogram, quantised and delta coded, and the symbols under it, on one ANS stack.

        bytes <= (n·H + n·KL + model)/8 + 3,   H the order-0 entropy of the n symbols in bits, alphabet ≤ 256

    Symbols are counted in bins of 2^b (uniform inside), counts become levels of m mantissa bits (`levels`),
    and each level minus the one before it (the first: minus the level of an even share), folded 0 −1 1 −2 2 …
    to 0 1 2 3 4 …, is coded under a geometric law of half-life 2^(d−3). The encoder takes the (b, m, d) that
    make model and divergence KL together smallest: 2 to 3 bytes for a mask, about 10 for 16 symbols, 30 to 60
    for 256 at a few thousand symbols. With b = 0 and m = 7 KL is below 1e-5 bits a symbol, so that a stream
    stays within 0.1 % of its entropy plus a histogram of exact counts; a smaller model is taken only where it
    undercuts that.

    On top of the stack lie d, m, b (uniform over 16, 8, 8), the folded steps, then the symbols. The
    decoder checks that levels stay within 0 … level(count), that the bins sum to the count as closely as
    their rounding permits, that the stack ends empty, and that the decoded symbols have the stored
    histogram.
    """

    def encode(self, symbols: Symbols, alphabet: int) -> bytes | None:
        if symbols.size == 0 or symbols.min() == symbols.max():
            return None
        histogram = _histogram(symbols, alphabet)
        shape = _best_shape(histogram)
        levels = level_of(_binned(histogram, shape.bin_bits), shape.mantissa)
        ans = Ans()
        ans.push_bottom(symbols, _symbol_model(levels, shape, alphabet))
        ans.push(_folded_steps(levels, symbols.size, shape.mantissa), _step_model(symbols.size, shape))
        for field, size in ((shape.bin_bits, _BINS), (shape.mantissa, _MANTISSAS), (shape.decay, _DECAYS)):
            ans.push(np.array([field]), _uniform(size))
        return ans.bytes()

    def at_least(self, count: int, alphabet: int) -> int:
        return 0

    def decode(self, data: bytes, count: int, alphabet: int) -> Symbols:
        if count < 2 or alphabet < 2:
            raise ArtifactError(
                f"an entropy coded stream has at least 2 symbols of an alphabet of 2;"
                f" {count} of an alphabet of {alphabet} were announced"
            )
        ans = Ans(data)
        decay, mantissa, bin_bits = (
            int(ans.pop(1, _uniform(size), np.dtype(np.int64))[0]) for size in (_DECAYS, _MANTISSAS, _BINS)
        )
        shape = _Shape(bin_bits, mantissa, decay)
        bins = -(-alphabet >> bin_bits)
        folded = ans.pop(bins, _step_model(count, shape), np.dtype(np.int64))
        levels = _levels_of(folded, count, mantissa)
        _check_levels(levels, count, mantissa)
        symbols: Symbols = ans.pop_bottom(count, _symbol_model(levels, shape, alphabet), symbol_dtype(alphabet))
        found = level_of(_binned(_histogram(symbols, alphabet), bin_bits), mantissa)
        if not np.array_equal(found, levels):
            raise ArtifactError("the symbols of an entropy coded stream do not have the histogram stored with them")
        return symbols


def _uniform(size: int) -> Model:
    return Model(np.ones(size, np.int64))


def _histogram(symbols: Symbols, alphabet: int) -> NDArray[np.int64]:
    histogram = np.zeros(alphabet, np.int64)
    for i in range(0, symbols.size, CHUNK):  # bincount copies to int64
        histogram += np.bincount(symbols[i : i + CHUNK], minlength=alphabet)
    return histogram


def _binned(histogram: NDArray[np.int64], bin_bits: int) -> NDArray[np.int64]:
    return np.add.reduceat(histogram, np.arange(0, histogram.size, 1 << bin_bits))


def _top_level(count: int, mantissa: int) -> int:
    return int(level_of(np.array(count), mantissa))


def _symbol_model(levels: NDArray[np.int64], shape: _Shape, alphabet: int) -> Model:
    return Model(np.repeat(count_of(levels, shape.mantissa), 1 << shape.bin_bits)[:alphabet])


def _even_share(count: int, bins: int, mantissa: int) -> int:
    return _top_level(count // bins, mantissa)


def _folded_steps(levels: NDArray[np.int64], count: int, mantissa: int) -> NDArray[np.int64]:
    steps = np.diff(levels, prepend=_even_share(count, levels.size, mantissa))
    return np.where(steps >= 0, 2 * steps, -2 * steps - 1)


def _levels_of(folded: NDArray[np.int64], count: int, mantissa: int) -> NDArray[np.int64]:
    steps = np.where(folded % 2 == 0, folded // 2, -(folded + 1) // 2)
    return _even_share(count, folded.size, mantissa) + np.cumsum(steps)


def _step_frequencies(count: int, mantissa: int, decay: int) -> NDArray[np.int64]:
    """Two-sided geometric frequencies of every possible folded step, by shifts alone.

        f(z) = 2^32 · max(2^(−z/h), 1/(32 Z)),   h = 2^(decay−3), Z steps are possible

    The power of two is linear between whole octaves, which are cut into 2^12. The floor is for jumps out of a
    run of absent symbols, which would otherwise force a long half-life on the run.
    """
    folded = np.arange(2 * _top_level(count, mantissa) + 1, dtype=np.int64)
    scaled = folded << (15 - decay)  # z/h in units of 2^−12
    octave, rest = np.minimum(scaled >> 12, 62), scaled & 4095
    return np.maximum(((8192 - rest) << 19) >> octave, (1 << 27) // folded.size)


def _step_model(count: int, shape: _Shape) -> Model:
    return Model(_step_frequencies(count, shape.mantissa, shape.decay))


def _check_levels(levels: NDArray[np.int64], count: int, mantissa: int) -> None:
    top = _top_level(count, mantissa)
    if int(levels.min()) < 0 or int(levels.max()) > top:
        raise ArtifactError(
            f"a stored histogram has levels from {int(levels.min())} to {int(levels.max())};"
            f" {count} symbols allow 0 to {top}"
        )
    total = int(count_of(levels, mantissa).sum())
    if abs(total - count) << (mantissa + 1) > count:
        raise ArtifactError(f"a stored histogram sums to {total}, too far from the {count} symbols of its stream")


def _best_shape(histogram: NDArray[np.int64]) -> _Shape:
    """The shape of the fewest bits, by the weights that the coder would use."""
    count = int(histogram.sum())
    best = (float("inf"), 0, 0, 0)
    for bin_bits in range(_BINS):
        if bin_bits and histogram.size >> bin_bits < 4:
            break
        binned = _binned(histogram, bin_bits)
        for mantissa in reversed(range(_MANTISSAS)):  # the finest first: it leaves the coarse ones little to win
            levels = level_of(binned, mantissa)
            symbol_bits = _symbol_bits(binned, count_of(levels, mantissa), bin_bits)
            if symbol_bits > best[0] + 1:
                continue
            steps = np.bincount(_folded_steps(levels, count, mantissa))
            # Whole bits: the last digits of log2 differ between platforms and must not decide.
            totals = np.rint(symbol_bits + _step_costs(count, mantissa)[:, : steps.size] @ steps)
            decay = int(totals.argmin())
            best = min(best, (float(totals[decay]), bin_bits, mantissa, decay))
    return _Shape(*best[1:])


@lru_cache(maxsize=8 * _MANTISSAS)  # a few streams': every width of bins asks again, and layers are of few sizes
def _step_costs(count: int, mantissa: int) -> NDArray[np.float64]:
    """Bits of each folded step (steps,), for each decay: (decays, steps)."""
    frequencies = (_step_frequencies(count, mantissa, decay) for decay in range(_DECAYS))
    return np.stack([PRECISION - np.log2(apportion(f)) for f in frequencies])


def _symbol_bits(binned: NDArray[np.int64], frequencies: NDArray[np.int64], bin_bits: int) -> float:
    used = binned > 0
    shares = frequencies[used] / (float(frequencies.sum()) * (1 << bin_bits))
    return float(-(binned[used] @ np.log2(shares)))
