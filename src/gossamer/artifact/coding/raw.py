"""Fixed-width bits: the baseline that the others must beat."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ArtifactError
from .base import CHUNK, Coder, Symbols, symbol_dtype

__all__ = ["RawCoder"]


class RawCoder(Coder):
    """⌈count·b/8⌉ bytes, b = ⌈log2 alphabet⌉: bit j of symbol i is bit i·b + j of the stream, lowest first.

    The unused high bits of the last byte are zero. An alphabet of one symbol, or no symbol, takes no byte.
    """

    def encode(self, symbols: Symbols, alphabet: int) -> bytes:
        bits = _width(alphabet)
        return b"".join(_pack(symbols[i : i + CHUNK], bits) for i in range(0, symbols.size, CHUNK))

    def at_least(self, count: int, alphabet: int) -> int:
        return (count * _width(alphabet) + 7) // 8

    def decode(self, data: bytes, count: int, alphabet: int) -> Symbols:
        bits = _width(alphabet)
        needed = (count * bits + 7) // 8
        if len(data) != needed:
            raise ArtifactError(f"{count} symbols of {bits} bits take {needed} bytes; the stream has {len(data)}")
        if count * bits % 8 and data[-1] >> (count * bits % 8):
            raise ArtifactError("the unused high bits of a packed stream's last byte are not zero")
        symbols: Symbols = np.zeros(count, symbol_dtype(alphabet))
        packed = np.frombuffer(data, np.uint8)
        for i in range(0, count, CHUNK):
            end = min(count, i + CHUNK)
            symbols[i:end] = _unpack(packed[i * bits // 8 : (end * bits + 7) // 8], end - i, bits, symbols.dtype)
        if count and int(symbols.max()) >= alphabet:
            raise ArtifactError(
                f"a packed stream holds symbol {int(symbols.max())}, not below the alphabet of {alphabet}"
            )
        return symbols


def _width(alphabet: int) -> int:
    return (alphabet - 1).bit_length()


def _pack(symbols: Symbols, bits: int) -> bytes:
    little = symbols.astype(symbols.dtype.newbyteorder("<"), copy=False)
    columns = np.ascontiguousarray(little).view(np.uint8).reshape(symbols.size, symbols.dtype.itemsize)
    spread = np.unpackbits(columns, axis=1, bitorder="little")[:, :bits]
    return np.packbits(spread, bitorder="little").tobytes()


def _unpack(packed: NDArray[np.uint8], count: int, bits: int, dtype: np.dtype[Any]) -> Symbols:
    if bits == 0:
        return np.zeros(count, dtype)
    spread = np.zeros((count, 8 * dtype.itemsize), np.uint8)
    spread[:, :bits] = np.unpackbits(packed, count=count * bits, bitorder="little").reshape(count, bits)
    return np.packbits(spread, axis=1, bitorder="little").view(dtype.newbyteorder("<")).reshape(count)
