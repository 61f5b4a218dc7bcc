"""One symbol, over and over: a model that entropy coders refuse."""

from __future__ import annotations

import numpy as np

from ...errors import ArtifactError
from .base import Coder, Symbols, symbol_dtype

__all__ = ["ConstantCoder"]


class ConstantCoder(Coder):
    """The symbol, little endian, without high zero bytes: nothing at all for symbol 0."""

    def encode(self, symbols: Symbols, alphabet: int) -> bytes | None:
        if symbols.size == 0 or symbols.min() != symbols.max():
            return None
        symbol = int(symbols[0])
        return symbol.to_bytes((symbol.bit_length() + 7) // 8, "little")

    def at_least(self, count: int, alphabet: int) -> int:
        return 0

    def decode(self, data: bytes, count: int, alphabet: int) -> Symbols:
        if count == 0:
            raise ArtifactError("a constant stream needs at least one symbol; 0 were announced")
        if len(data) > 2 or data.endswith(b"\0"):
            raise ArtifactError(
                f"a constant stream is one symbol of 0 to 2 bytes without high zeros; got {data[:8].hex()!r}"
                f" ({len(data)} bytes)"
            )
        symbol = int.from_bytes(data, "little")
        if symbol >= alphabet:
            raise ArtifactError(f"a constant stream holds symbol {symbol}, not below the alphabet of {alphabet}")
        return np.full(count, symbol, symbol_dtype(alphabet))
