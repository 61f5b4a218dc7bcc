"""From a file's bytes to its tensors, checked but not yet decoded."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import ArtifactError
from ..formats import PackedWeight
from .container import read_container
from .encoding import checksum
from .manifest import Manifest
from .rows import Row, read_row
from .streams import packed_from_bytes

__all__ = ["Artifact", "Stored", "joined", "read_artifact", "read_bytes"]


@dataclass(frozen=True, eq=False)
class Stored:
    """One tensor of a file.

    Args:
        name: its name in the file.
        tensor: as the container holds it: the values, or the bytes of a packed weight.
        row: what the manifest says of it.
    """

    name: str
    tensor: Tensor
    row: Row

    @property
    def names(self) -> tuple[str, ...]:
        """Name and aliases."""
        return (self.name, *self.row.aliases)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the parameter or buffer that it stands for."""
        return tuple(self.tensor.shape) if self.row.view is None else self.row.view.shape

    @property
    def dtype(self) -> torch.dtype:
        """Its dtype once loaded."""
        return self.tensor.dtype if self.row.spec is None else self.row.spec.dtype

    @property
    def nbytes(self) -> int:
        """Bytes in the file."""
        return self.tensor.numel() * self.tensor.element_size()

    def unpack(self) -> PackedWeight:
        """The packed weight; only of one that is packed. Memory goes with the shape: bound that first.

        Raises: ArtifactError naming the tensor and what is wrong with it.
        """
        assert self.row.spec is not None, "only called on packed weights"
        try:
            return packed_from_bytes(self.row.spec, self.tensor.numpy().tobytes())
        except ArtifactError as error:
            raise ArtifactError(f"{self.name!r}: {error}") from None
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "allocate" not in str(error):
                raise
            raise ArtifactError(f"{self.name!r}: no memory for a weight of shape {list(self.shape)}") from error


@dataclass(frozen=True, eq=False)
class Artifact:
    """A file whose checksums, names, shapes and structures are in order. Args: size, its bytes."""

    stored: Sequence[Stored]
    recipe: Sequence[Mapping[str, Any]] | None
    size: int


def read_artifact(data: bytes) -> Artifact:
    """Check a file as far as that goes without decoding. Memory is bounded by a small multiple of len(data).

    Raises: ArtifactError naming what is wrong.
    """
    tensors, text = read_container(data)
    names = sorted(tensors)
    manifest = Manifest.read(text, len(names))
    stored = []
    for name, row, crc in zip(names, manifest.rows, manifest.checksums, strict=True):
        tensor = tensors[name]
        if checksum(name, tensor) != crc:
            raise ArtifactError(
                f"{name!r:.200}: its name, dtype, shape or data were changed (checksum); the file is damaged"
            )
        try:
            stored.append(Stored(name, tensor, _checked(read_row(row), tensor)))
        except ArtifactError as error:
            raise ArtifactError(f"{name!r:.200}: {error}") from None
    return joined([Artifact(stored, manifest.recipe, len(data))])


def joined(parts: Sequence[Artifact]) -> Artifact:
    """Files of one model as one. Raises: ArtifactError for a name of two tensors, or recipes that differ."""
    stored = sorted((item for part in parts for item in part.stored), key=lambda item: item.name)
    twice = [name for name, times in Counter(n for item in stored for n in item.names).items() if times > 1]
    if twice:
        raise ArtifactError(f"names: {twice[0]!r:.200} belongs to more than one tensor, or to one of them twice")
    if any(part.recipe != parts[0].recipe for part in parts):
        raise ArtifactError("recipe: the shards tell of different recipes; they are not of one model")
    return Artifact(stored, parts[0].recipe, sum(part.size for part in parts))


def read_bytes(path: str | os.PathLike[str], most: int | None = None) -> bytes:
    """All of a regular file. In memory, not mapped: a file that is cut while it is read must not end the process.

    Raises: ArtifactError when there is none, it cannot be read, or it has more than `most` bytes.
    """
    try:
        with open(path, "rb", opener=_opener) as file:
            # The open file and not its name is asked for its kind.
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ArtifactError("not a regular file")
            if most is not None and os.fstat(file.fileno()).st_size > most:
                raise ArtifactError(f"of more than {most} bytes, which are not read")
            return file.read()
    except FileNotFoundError:
        raise ArtifactError("no such file") from None
    except (OSError, MemoryError) as error:
        raise ArtifactError(f"cannot be read: {error}") from error


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe must not wait for a writer


def _checked(row: Row, tensor: Tensor) -> Row:
    if row.spec is not None and (tensor.dtype != torch.uint8 or tensor.ndim != 1):
        raise ArtifactError(
            f"a packed weight is a row of bytes (U8), found {tensor.dtype} of shape {list(tensor.shape)}"
        )
    return row
