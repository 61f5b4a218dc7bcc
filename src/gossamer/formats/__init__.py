"""Room 3: formats. A member's parts become packed buffers here: index part × value part, and factors.

Formats see a `Member` and never a method. Sizes, types and ranges are declared once, as `Field`s that follow
from the static `PackedSpec`; packing, validation, byte counts and wire streams all read them. A new index or
value part is one file in `index/` or `values/` and one line in that folder's table.
"""

from __future__ import annotations

from .header import read_header
from .index import INDICES
from .packed import PackedWeight, pack, restore
from .spec import PackedSpec
from .values import VALUES
from .wire import Stream, WirePart, from_streams, streams, wire_plan

__all__ = [
    "INDICES",
    "VALUES",
    "PackedSpec",
    "PackedWeight",
    "Stream",
    "WirePart",
    "from_streams",
    "pack",
    "read_header",
    "restore",
    "streams",
    "wire_plan",
]
