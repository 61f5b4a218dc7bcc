"""Counts as small floating-point numbers: as many bits of precision as a stream's length is worth.

With m mantissa bits a count below 2^(m+1) is its own level; above, levels are 2^m to the octave, in order:

    m = 1:  count 0 1 2 3 4 6 8 12 16 24 32 …
            level 0 1 2 3 4 5 6  7  8  9 10 …

A count rounds to the nearest level, halves up, so it moves by at most a part 2^−(m+1) of itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_of", "level_of"]


def level_of(counts: NDArray[np.int64], mantissa: int) -> NDArray[np.int64]:
    """The nearest levels. Args: counts (*b,), 0 to 2^52; mantissa bits >= 0."""
    # frexp is exact on integers below 2^53: 2^(exponent−1) <= count < 2^exponent
    exponent = np.frexp(counts.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(exponent - 1 - mantissa, 0)
    return ((counts + (1 << shift >> 1)) >> shift) + (shift << mantissa)


def count_of(levels: NDArray[np.int64], mantissa: int) -> NDArray[np.int64]:
    """The counts that levels (*b,) stand for; inverse of `level_of` on them."""
    shift = np.maximum((levels >> mantissa) - 1, 0)
    return (levels - (shift << mantissa)) << shift
