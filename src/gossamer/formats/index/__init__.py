"""Index parts: how a support is held. A new one is one file here and one line in this table."""

from __future__ import annotations

from collections.abc import Mapping

from ..spec import PackedSpec
from .base import IndexPart
from .bitmask import BitmaskIndex
from .csr import CSRIndex
from .dense import DenseIndex
from .nm import NMIndex, full_runs

__all__ = ["INDICES", "IndexPart", "full_runs", "smallest_index"]

INDICES: Mapping[str, IndexPart] = {
    "dense": DenseIndex(),
    "bitmask": BitmaskIndex(),
    "csr": CSRIndex(),
    "nm": NMIndex(),
}


def smallest_index(spec: PackedSpec) -> str:
    """The index part of the fewest bytes among those that fit; ties go to the first in the table.

    Sizes depend on the count and not on where the entries lie, so nothing is packed to find out.
    """
    return min(
        (name for name, part in INDICES.items() if part.fits(spec)),
        key=lambda name: INDICES[name].nbytes(spec),
    )
