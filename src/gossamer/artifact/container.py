"""The container: one safetensors file whose metadata hold one key.

The safetensors library writes and reads it. Before it is handed a file, the header is read here once, strictly,
because the library takes the last of two equal keys, ignores unknown ones and knows types that torch lacks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, torch as library
from torch import Tensor

from ..errors import ArtifactError
from .strict_json import canonical, parse

__all__ = [
    "DTYPES",
    "KEY",
    "MOST_ENTRIES",
    "container_size",
    "is_ours",
    "read_container",
    "write_container",
]

KEY = "gossamer"
METADATA = "__metadata__"
LONGEST_HEADER = 1 << 23  # bytes: about 100,000 tensors; parsing takes some twenty times as much memory
MOST_ENTRIES = 1 << 40
MOST_AXES = 32

DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "C64": torch.complex64,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def write_container(tensors: Mapping[str, Tensor], manifest: str) -> bytes:
    """The file's bytes: `tensors`, contiguous and on the CPU, with `manifest` as the one metadata value.

    Raises: ArtifactError when the library refuses a name or a type.
    """
    try:
        return library.save(dict(tensors), {KEY: manifest})
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise ArtifactError(f"the tensors cannot be written as safetensors: {error}") from error


def read_container(data: bytes) -> tuple[dict[str, Tensor], str]:
    """The tensors by name, and the manifest's text. Memory is bounded by a small multiple of len(data).

    Raises: ArtifactError naming what is wrong.
    """
    header = _header(data)
    metadata = header.pop(METADATA, None)
    if not isinstance(metadata, dict) or KEY not in metadata:
        raise ArtifactError(
            f"a safetensors file, but not one of gossamer's: no metadata {KEY!r}; load it with safetensors"
        )
    if list(metadata) != [KEY] or not isinstance(metadata[KEY], str):
        raise ArtifactError(f"header: metadata hold one text {KEY!r} and nothing else, found {list(metadata)!r:.80}")
    for name, info in header.items():
        _check_info(name, info)
    try:
        tensors = library.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ArtifactError(f"header: {error}") from error
    if tensors.keys() != header.keys():
        raise ArtifactError("header: two readings of it give different tensors")
    return tensors, metadata[KEY]


def is_ours(path: Path) -> bool:
    """Whether a file begins as one of gossamer's, by its header alone: its tensors may be damaged or cut off."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length <= LONGEST_HEADER else {}
    except (OSError, ValueError, RecursionError):
        return False
    metadata = header.get(METADATA) if isinstance(header, dict) else None
    return isinstance(metadata, dict) and KEY in metadata


def container_size(tensors: Iterable[tuple[str, torch.dtype, tuple[int, ...]]]) -> int:
    """Bytes that tensors of these names, types and shapes take as plain safetensors, without metadata.

    >>> container_size([("a", torch.float32, (2, 3))]) == len(library.save({"a": torch.zeros(2, 3)}))
    True
    """
    header, end = {}, 0
    names = {dtype: name for name, dtype in DTYPES.items()}
    # The library lays tensors out by alignment; the header's length depends on the offsets and so on that order.
    for name, dtype, shape in sorted(tensors, key=lambda entry: (_ORDER.index(entry[1]), entry[0])):
        start, end = end, end + prod(shape) * dtype.itemsize
        header[name] = {"dtype": names[dtype], "shape": list(shape), "data_offsets": [start, end]}
    return 8 + -(-len(canonical(header)) // 8) * 8 + end


# safetensors' own order of types, last first.
_BY_SIZE = ("U64", "I64", "F64", "C64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16")
_ORDER = tuple(DTYPES[name] for name in (*_BY_SIZE, "F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"))


def _header(data: bytes) -> dict[str, Any]:
    if len(data) < 8:
        raise ArtifactError(f"cut short: {len(data)} bytes, not even the 8 of a safetensors header's length")
    length = int.from_bytes(data[:8], "little")
    if data[8:9] != b"{":
        raise ArtifactError("no safetensors file; gossamer reads the files it wrote and nothing else, no pickle")
    if length > LONGEST_HEADER:
        raise ArtifactError(f"header: of {length} bytes; at most {LONGEST_HEADER} are read")
    if length > len(data) - 8:
        raise ArtifactError(f"cut short: the header takes {length} bytes, and {len(data) - 8} are there")
    header = parse(data[8 : 8 + length], "header")
    if not isinstance(header, dict):
        raise ArtifactError("header: needs an object")
    return header


def _check_info(name: str, info: Any) -> None:
    if not isinstance(info, dict) or sorted(info) != ["data_offsets", "dtype", "shape"]:
        raise ArtifactError(f"header: {name!r:.80} needs dtype, shape and data_offsets and nothing else")
    if not isinstance(info["dtype"], str) or info["dtype"] not in DTYPES:
        raise ArtifactError(f"header: {name!r:.80} is of dtype {info['dtype']!r:.80}; known are {', '.join(DTYPES)}")
    shape = info["shape"]
    if not isinstance(shape, list) or len(shape) > MOST_AXES or not all(type(n) is int and n >= 0 for n in shape):
        raise ArtifactError(f"header: {name!r:.80} needs a shape of at most {MOST_AXES} whole numbers")
    if prod(max(n, 1) for n in shape) > MOST_ENTRIES:
        raise ArtifactError(f"header: {name!r:.80} has more than {MOST_ENTRIES} entries")
