"""All symbols equally likely: what fixed-width bits waste when the alphabet is no power of two."""

from __future__ import annotations

import numpy as np

from ...errors import ArtifactError
from .ans import Ans, Model
from .base import Coder, Symbols, symbol_dtype

__all__ = ["FlatCoder"]


class FlatCoder(Coder):
    """count·log2(alphabet) bits, no stored model: 2.585 for one of the 6 patterns of 2:4; raw bits take 3."""

    def encode(self, symbols: Symbols, alphabet: int) -> bytes | None:
        if alphabet & (alphabet - 1) == 0:  # raw bits are as short
            return None
        ans = Ans()
        ans.push_bottom(symbols, _uniform(alphabet))
        return ans.bytes()

    def at_least(self, count: int, alphabet: int) -> int:
        return int(count * (alphabet.bit_length() - 1) / 8)

    def decode(self, data: bytes, count: int, alphabet: int) -> Symbols:
        if alphabet & (alphabet - 1) == 0:
            raise ArtifactError(f"a flat stream over {alphabet} symbols is never written; such streams are raw")
        return Ans(data).pop_bottom(count, _uniform(alphabet), symbol_dtype(alphabet))


def _uniform(alphabet: int) -> Model:
    return Model(np.ones(alphabet, np.int64))
