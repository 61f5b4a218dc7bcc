"""The entropy coder: asymmetric numeral systems with integer weights, bytes in and out.

    push (weight w, cumulative weight c):  x ← ⌊x/w⌋·2^24 + c + (x mod w),  pop undoes it; x = 0 at first

A symbol of weight w out of 2^24 costs 24 − log2 w bits. constriction keeps x below 2^64: before a push
that would overflow it (x ≥ w·2^40) its low 32 bits go to the end of a list of words, and after a pop that
leaves x below 2^32 they come back. The bytes are the words, then x, all little endian, without high zero
bytes.

Only the last byte is not full, where a range coder spends about 4 bytes at the end, and the end can be
checked. But from x = 0 a first symbol costs up to 24 bits whatever its weight. So the last 256 symbols,
which lie at the bottom, have weights out of 2^q with q about 9, and are pushed on one long Python integer,
whose 32-bit words are what constriction then starts from; that saves two bytes a stream.

constriction takes floating-point probabilities. Handed the integers w − 1 (it gives every symbol one unit
on top, and their sum is what it scales to) it has nothing to round, so a stream depends on the weights
alone and on no platform, rounding mode or version. tests/artifact/reference_ans.py decodes it without
constriction.

Source: Duda 2013 (arXiv:1311.2540), rANS; constriction's `stream.stack.AnsCoder` (Bamler,
arXiv:2201.01741).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from ...errors import ArtifactError
from .base import CHUNK, Symbols

__all__ = ["BOTTOM", "PRECISION", "Ans", "Model", "apportion"]

PRECISION = 24
BOTTOM = 256


def apportion(frequencies: NDArray[np.int64], precision: int = PRECISION) -> NDArray[np.int64]:
    """Integer weights ≥ 1 that sum to 2^precision, nearly in proportion to positive `frequencies`.

        w_i = 1 + ⌊f_i (2^precision − n) / Σf⌋,  what is left over goes to the largest f, the first of equals

    Args: frequencies (n,), each from 1 to 2^38, n <= 65536, n < 2^precision <= 2^24: nothing overflows int64.
    """
    weights = 1 + frequencies * ((1 << precision) - frequencies.size) // frequencies.sum()
    weights[np.argmax(frequencies)] += (1 << precision) - weights.sum()
    return weights


class Model:
    """A probability for each symbol, from integer frequencies; a symbol of frequency 0 cannot occur.

    Args: frequencies (alphabet,) int64 ≥ 0.
    Raises: ArtifactError when fewer than two symbols are possible (constriction cannot hold such a model).
    """

    def __init__(self, frequencies: NDArray[np.int64]) -> None:
        self.possible = np.flatnonzero(frequencies)
        if self.possible.size < 2:
            raise ArtifactError(
                f"an entropy coded stream's model allows {self.possible.size} symbols; at least 2 are needed"
            )
        self.index = np.zeros(frequencies.size, np.int32)
        self.index[self.possible] = np.arange(self.possible.size, dtype=np.int32)
        self._frequencies = frequencies[self.possible]
        # `perfect` changes how floats become integers and has changed its default: always explicit.
        self.categorical = constriction.stream.model.Categorical(
            (apportion(self._frequencies) - 1).astype(np.float64), lazy=False, perfect=False
        )

    def coarse(self) -> _Coarse:
        """The same model for the bottom of a stack, in the fewest bits that still tell the weights apart."""
        precision = max(9, (self.possible.size - 1).bit_length() + 4)
        return _Coarse(apportion(self._frequencies, precision).tolist(), precision)


class _Coarse:
    """Pushes and pops on a Python integer, with weights that sum to 2^precision."""

    def __init__(self, weights: Sequence[int], precision: int) -> None:
        self.precision = precision
        self._weights = weights
        self._starts = list(accumulate(weights, initial=0))

    def push(self, x: int, index: int) -> int:
        quotient, rest = divmod(x, self._weights[index])
        return (quotient << self.precision) + self._starts[index] + rest

    def pop(self, x: int) -> tuple[int, int]:
        slot = x & ((1 << self.precision) - 1)
        index = bisect_right(self._starts, slot) - 1
        return self._weights[index] * (x >> self.precision) + slot - self._starts[index], index


class Ans:
    """A stack of symbols that is bytes: `push_bottom` once, then `push`; `pop` in reverse, `pop_bottom` last.

    Args: data, what `bytes()` gave; empty for an empty stack.
    Raises: ArtifactError when the last byte is zero: no stack is written like that.
    """

    def __init__(self, data: bytes = b"") -> None:
        if data.endswith(b"\0"):
            raise ArtifactError("an entropy coded stream ends in a zero byte, which no encoder writes")
        words = np.frombuffer(data + bytes(-len(data) % 4), "<u4").astype(np.uint32)
        self._coder = constriction.stream.stack.AnsCoder(words)

    def push_bottom(self, symbols: Symbols, model: Model) -> None:
        """Make `symbols` (count,) the whole stack, the first of them topmost."""
        split = max(0, symbols.size - BOTTOM)
        coarse, x = model.coarse(), 0
        for index in reversed(model.index[symbols[split:]].tolist()):
            x = coarse.push(x, index)
        self._coder = Ans(x.to_bytes((x.bit_length() + 7) // 8, "little"))._coder
        self.push(symbols[:split], model)

    def push(self, symbols: NDArray[Any], model: Model) -> None:
        """Put `symbols` (count,) on top, the first of them topmost."""
        for end in range(symbols.size, 0, -CHUNK):
            self._coder.encode_reverse(model.index[symbols[max(0, end - CHUNK) : end]], model.categorical)

    def pop(self, count: int, model: Model, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Take `count` symbols off the top, first the topmost; below the bottom lie endless first symbols."""
        symbols = np.empty(count, dtype)
        possible = model.possible.astype(dtype)
        for i in range(0, count, CHUNK):
            # In chunks: constriction aborts the whole process when it is asked for more than it can allocate.
            taken = min(CHUNK, count - i)
            symbols[i : i + taken] = possible[self._coder.decode(model.categorical, taken)]
        return symbols

    def pop_bottom(self, count: int, model: Model, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Take the last `count` symbols. Raises: ArtifactError unless exactly nothing remains below them."""
        bottom = min(count, BOTTOM)
        coarse, upper = model.coarse(), self.pop(count - bottom, model, dtype)
        remains = self._coder.num_words() <= bottom * coarse.precision // 32 + 1
        x = int.from_bytes(self.bytes(), "little") if remains else 0
        indices = []
        for _ in range(bottom):
            x, index = coarse.pop(x)
            indices.append(index)
        if x or not remains:
            raise ArtifactError(
                "an entropy coded stream goes on after its last symbol: its bytes, count or model is wrong"
            )
        return np.concatenate([upper, model.possible[indices].astype(dtype)])

    def bytes(self) -> bytes:
        """All of the stack."""
        words: bytes = self._coder.get_compressed().astype("<u4").tobytes()
        return words.rstrip(b"\0")
