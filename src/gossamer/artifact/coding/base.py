"""What every coder of a symbol stream is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHUNK", "Coder", "Symbols", "symbol_dtype"]

Symbols = NDArray[np.unsignedinteger[Any]]

# Symbols worked on at once: bounds the int32 and one-byte-a-bit copies to a few MB. A multiple of 8, so that
# packed bits of any width meet at whole bytes.
CHUNK = 1 << 20


def symbol_dtype(alphabet: int) -> np.dtype[np.unsignedinteger[Any]]:
    """The dtype of decoded symbols: one byte while `alphabet` allows it, else two."""
    return np.dtype(np.uint8) if alphabet <= 256 else np.dtype(np.uint16)


class Coder(ABC):
    """A lossless map between `count` symbols below `alphabet` and bytes."""

    @abstractmethod
    def encode(self, symbols: Symbols, alphabet: int) -> bytes | None:
        """The bytes, the same on every machine; None where this coder does not apply.

        Args: symbols (count,), each below `alphabet` (checked by the caller).
        """

    @abstractmethod
    def at_least(self, count: int, alphabet: int) -> int:
        """Bytes that no stream of `count` symbols undercuts, known without coding it."""

    @abstractmethod
    def decode(self, data: bytes, count: int, alphabet: int) -> Symbols:
        """The symbols (count,) that `encode` was given.

        Raises: ArtifactError unless `data` is exactly what `encode` writes for these symbols.
        """
