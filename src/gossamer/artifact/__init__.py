"""Room 8: the file. A model's tensors as one small safetensors file that is data and never code; docs/format.md.

entries(model) → encode → bytes → save          load ← decoded, validated ← read_artifact ← bytes
"""

from .dense import dense_bytes, to_dense
from .encoding import Encoded, encode
from .entry import Entry, entries
from .inspection import inspect
from .loading import load
from .reading import Stored
from .saving import save
from .shards import INDEX, read_all, read_files, save_shards, shard_files

__all__ = [
    "INDEX",
    "Encoded",
    "Entry",
    "Stored",
    "dense_bytes",
    "encode",
    "entries",
    "inspect",
    "load",
    "read_all",
    "read_files",
    "save",
    "save_shards",
    "shard_files",
    "to_dense",
]
