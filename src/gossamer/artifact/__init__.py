"""Room 8: the file. A model's tensors as one small safetensors file that is data and never code; docs/format.md.

entries(model) → encode → bytes → save          load ← decoded, validated ← read_artifact ← bytes
"""

from .dense import dense_bytes, to_dense
from .encoding import Encoded, encode
from .entry import Entry, entries
from .inspection import inspect
from .loading import load
from .saving import save

__all__ = ["Encoded", "Entry", "dense_bytes", "encode", "entries", "inspect", "load", "save", "to_dense"]
