"""Symbol streams to bytes and back: integers below `alphabet`, as small as order-0 coding makes them.

>>> import numpy as np
>>> mask = np.arange(1000) % 20 == 0
>>> coder, data = encode(mask, alphabet=2)
>>> coder, len(data)
('ans', 39)
>>> bool((decode(coder, data, count=1000, alphabet=2) == mask).all())
True
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ArtifactError
from .base import Coder, Symbols, symbol_dtype
from .categorical import CategoricalCoder
from .constant import ConstantCoder
from .flat import FlatCoder
from .raw import RawCoder

__all__ = ["CODERS", "MAX_ALPHABET", "MAX_COUNT", "Coder", "decode", "encode"]

# Of equally short streams the earlier coder's is kept.
CODERS: Mapping[str, Coder] = MappingProxyType(
    {"raw": RawCoder(), "const": ConstantCoder(), "flat": FlatCoder(), "ans": CategoricalCoder()}
)
MAX_ALPHABET = 1 << 16
MAX_COUNT = 1 << 38  # a count times 2^24 still fits int64


def encode(symbols: ArrayLike, alphabet: int) -> tuple[str, bytes]:
    """Code a stream with whichever coder of the table makes it smallest.

    Args: symbols (count,), integers or booleans in [0, alphabet); alphabet from 1 to 65536.
    Returns: the coder's name and the bytes, which depend on nothing but the arguments; `decode` also needs
        the count and the alphabet, which a format knows from its shape.
    Raises: ArtifactError naming what cannot be coded.
    """
    array = np.asarray(symbols)
    _check_size(array.size, alphabet)
    if array.ndim != 1 or array.dtype.kind not in "iub":
        raise ArtifactError(f"a symbol stream is a row of integers; got {array.dtype} of shape {array.shape}")
    if array.size and (int(array.min()) < 0 or int(array.max()) >= alphabet):
        raise ArtifactError(f"symbols lie in 0 to {alphabet - 1}; got {int(array.min())} to {int(array.max())}")
    narrow: Symbols = np.ascontiguousarray(array, symbol_dtype(alphabet))
    return _shortest(narrow, alphabet)


def _shortest(symbols: Symbols, alphabet: int) -> tuple[str, bytes]:
    """What each coder would give, except of those that cannot be shorter than what is there already."""
    places = {name: place for place, name in enumerate(CODERS)}
    bounds = {name: coder.at_least(symbols.size, alphabet) for name, coder in CODERS.items()}
    best: tuple[int, int, str, bytes] | None = None
    for name in sorted(CODERS, key=lambda name: bounds[name]):
        if best is not None and (bounds[name], places[name]) > best[:2]:
            continue
        data = CODERS[name].encode(symbols, alphabet)
        if data is not None and (best is None or (len(data), places[name]) < best[:2]):
            best = len(data), places[name], name, data
    assert best is not None, "raw bits always apply"
    return best[2], best[3]


def decode(coder: str, data: bytes, count: int, alphabet: int) -> Symbols:
    """The symbols of a stream: uint8 while `alphabet` <= 256, else uint16.

    Safe on hostile `data`: time and memory are bounded by a small multiple of `count`, which the caller must
    have bounded (a few bytes may rightly stand for any number of equal symbols).

    Args: coder and data from `encode`; count and alphabet as they were there.
    Returns: (count,) symbols, each below `alphabet`.
    Raises: ArtifactError when `data` is no stream of that coder with `count` such symbols. Damage that gives
        another valid stream is not seen here: checksum the bytes.
    """
    _check_size(count, alphabet)
    if coder not in CODERS:
        raise ArtifactError(f"unknown coder {coder!r}; this version knows {', '.join(CODERS)}")
    try:
        return CODERS[coder].decode(bytes(data), count, alphabet)
    except MemoryError as error:
        raise ArtifactError(f"no memory for the {count} symbols of a stream of {len(data)} bytes") from error


def _check_size(count: int, alphabet: int) -> None:
    if not 1 <= alphabet <= MAX_ALPHABET:
        raise ArtifactError(f"an alphabet has 1 to {MAX_ALPHABET} symbols; got {alphabet}")
    if not 0 <= count <= MAX_COUNT:
        raise ArtifactError(f"a stream has 0 to {MAX_COUNT} symbols; got {count}")
