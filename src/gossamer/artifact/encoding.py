"""From entries to the file's bytes."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import ArtifactError, listed
from .container import DTYPES, METADATA, write_container
from .entry import Entry
from .manifest import Manifest
from .rows import write_row
from .streams import packed_to_bytes

__all__ = ["Encoded", "checksum", "encode", "encoded_parts"]

_DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True, eq=False)
class Encoded:
    """A whole file in memory.

    Args:
        data: its bytes.
        shares: bytes of each tensor's data, by name.
        header: all other bytes: names, shapes, manifest, checksums. `header + Σ shares == len(data)`.
    """

    data: bytes
    shares: Mapping[str, int]
    header: int


def encode(entries: Iterable[Entry], recipe: Sequence[Mapping[str, Any]] | None = None) -> Encoded:
    """The file that holds these tensors. Equal entries, in whatever order, give equal bytes.

    Args: entries, each name once; recipe, the steps that made them as plain values, each with its name under "step".
    Raises: ArtifactError that lists every tensor which cannot be stored.

    >>> made = encode([Entry("a", tensor=torch.zeros(3))])
    >>> made.shares, made.header + 12 == len(made.data)
    ({'a': 12}, True)
    """
    (whole,) = encoded_parts(entries, recipe)
    return whole


def encoded_parts(
    entries: Iterable[Entry], recipe: Sequence[Mapping[str, Any]] | None = None, largest: int | None = None
) -> Iterator[Encoded]:
    """`encode` into several files, each whole by itself, of at most `largest` bytes of tensors or of one tensor.

    In the order of the names; one file is in memory at a time.
    """
    ordered = sorted(entries, key=lambda entry: entry.name)
    _check(ordered)
    steps = None if recipe is None else [dict(step) for step in recipe]
    rows: list[Any] = []
    tensors: dict[str, Tensor] = {}
    for entry in ordered:
        stored = _stored(entry)
        if tensors and largest is not None and _nbytes(stored) + sum(map(_nbytes, tensors.values())) > largest:
            yield _assembled(tensors, rows, steps)
            rows, tensors = [], {}
        rows.append(write_row(entry))
        tensors[entry.name] = stored
    yield _assembled(tensors, rows, steps)


def _assembled(tensors: Mapping[str, Tensor], rows: Sequence[Any], steps: Sequence[Any] | None) -> Encoded:
    checksums = [checksum(name, tensor) for name, tensor in tensors.items()]
    data = write_container(_apart(tensors), Manifest(rows, steps, checksums).text())
    shares = {name: _nbytes(tensor) for name, tensor in tensors.items()}
    return Encoded(data, shares, len(data) - sum(shares.values()))


def _nbytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def checksum(name: str, tensor: Tensor) -> int:
    """crc32 of what the safetensors header says of a tensor, and then of its data.

        "name\\ndtype\\nside,side,…\\n" in UTF-8 with safetensors' word for the dtype, then the bytes

    It confirms name, dtype and shape, which are thus not written twice; the library confirms the offsets.
    """
    label = f"{name}\n{_DTYPE_NAMES[tensor.dtype]}\n{','.join(map(str, tensor.shape))}\n"
    # A view of the bytes, not a copy; numpy has no bfloat16.
    data: Any = tensor.reshape(-1).view(torch.uint8).numpy() if tensor.numel() else b""
    return zlib.crc32(data, zlib.crc32(label.encode()))


def _stored(entry: Entry) -> Tensor:
    if entry.packed is not None:
        return torch.frombuffer(bytearray(packed_to_bytes(entry.packed)), dtype=torch.uint8)
    assert entry.tensor is not None, "checked"
    return entry.tensor.detach().to("cpu").resolve_conj().resolve_neg().contiguous()


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of those that share memory with one before, which the library refuses; the others as they are."""
    taken: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if place in taken else tensor
        taken.add(place)
    return apart


def _check(entries: Sequence[Entry]) -> None:
    count = Counter(name for entry in entries for name in (entry.name, *entry.aliases))
    wrong = [f"{name!r}: stands {times} times" for name, times in count.items() if times > 1]
    wrong += [f"{name!r}: {problem}" for name in count if (problem := _name_problem(name))]
    wrong += [f"{entry.name!r}: {problem}" for entry in entries if (problem := _problem(entry))]
    if wrong:
        raise ArtifactError(listed(wrong, "these tensors cannot be stored:"))


def _name_problem(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        return "is no valid Unicode; rename it"
    return "is a name that safetensors keeps for itself; rename it" if name == METADATA else ""


def _problem(entry: Entry) -> str:
    if (entry.tensor is None) == (entry.packed is None) or (entry.packed is None) != (entry.view is None):
        return "an entry holds either a tensor, or a packed weight and its view"
    tensor = entry.tensor
    if tensor is None:
        return ""
    if tensor.is_meta:
        return "is on the meta device, without data; load the weights first"
    if tensor.layout != torch.strided or tensor.is_quantized:
        return f"is a {'quantized' if tensor.is_quantized else tensor.layout} tensor; make it plain with .to_dense()"
    if tensor.dtype not in _DTYPE_NAMES:
        return f"is {str(tensor.dtype).removeprefix('torch.')}, which a safetensors file cannot hold; convert it"
    return ""
