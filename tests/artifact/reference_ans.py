"""Decodes an `ans` stream by the words of the docstrings alone: no constriction, no numpy."""

from __future__ import annotations

from itertools import accumulate


def decode(data: bytes, count: int, alphabet: int) -> list[int]:
    """The symbols of a well-formed stream; what is left of the stack must be nothing."""
    stack = _Stack(data)
    decay, mantissa, bin_bits = (_pop(stack, [1] * size) for size in (16, 8, 8))
    bins = -(-alphabet // 2**bin_bits)
    steps = 2 * _level(count, mantissa) + 1
    law = [max(_decayed(z, decay), 2**27 // steps) for z in range(steps)]
    level, levels = _level(count // bins, mantissa), []
    for _ in range(bins):
        folded = _pop(stack, law)
        level += folded // 2 if folded % 2 == 0 else -(folded + 1) // 2
        levels.append(level)
    frequencies = [_count(levels[symbol >> bin_bits], mantissa) for symbol in range(alphabet)]
    symbols = [_pop(stack, frequencies) for _ in range(count - 256)]
    bottom = stack.rest()
    precision = max(9, (sum(f > 0 for f in frequencies) - 1).bit_length() + 4)
    symbols += [_pop(bottom, frequencies, precision) for _ in range(min(256, count))]
    assert bottom.x == 0
    return symbols


class _Stack:
    def __init__(self, data: bytes) -> None:
        padded = data + bytes(-len(data) % 4)
        self._words = [int.from_bytes(padded[i : i + 4], "little") for i in range(0, len(padded), 4)]
        self.x = 0
        self.refill()

    def refill(self) -> None:
        while self.x < 2**32 and self._words:
            self.x = (self.x << 32) + self._words.pop()

    def rest(self) -> _Integer:
        return _Integer((self.x << 32 * len(self._words)) + sum(w << 32 * i for i, w in enumerate(self._words)))


class _Integer:
    def __init__(self, x: int) -> None:
        self.x = x

    def refill(self) -> None:
        pass


def _pop(stack: _Stack | _Integer, frequencies: list[int], precision: int = 24) -> int:
    possible = [symbol for symbol, frequency in enumerate(frequencies) if frequency]
    weights = _weights([frequencies[symbol] for symbol in possible], precision)
    starts = list(accumulate(weights, initial=0))
    slot = stack.x % 2**precision
    i = max(i for i, start in enumerate(starts) if start <= slot)
    stack.x = weights[i] * (stack.x >> precision) + slot - starts[i]
    stack.refill()
    return possible[i]


def _weights(frequencies: list[int], precision: int) -> list[int]:
    weights = [1 + f * (2**precision - len(frequencies)) // sum(frequencies) for f in frequencies]
    weights[frequencies.index(max(frequencies))] += 2**precision - sum(weights)
    return weights


def _decayed(folded: int, decay: int) -> int:
    """2^(32 − folded/h), h = 2^(decay − 3), linear between whole octaves, in steps of 2^−12."""
    octave, rest = divmod(folded * 2 ** (15 - decay), 4096)
    return (8192 - rest) * 2**19 >> octave


def _level(count: int, mantissa: int) -> int:
    shift = max(0, count.bit_length() - 1 - mantissa)
    rounded = (count + (2**shift >> 1)) >> shift
    return rounded + (shift << mantissa)


def _count(level: int, mantissa: int) -> int:
    shift = max(0, (level >> mantissa) - 1)
    return (level - (shift << mantissa)) << shift
