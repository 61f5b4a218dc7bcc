"""Writing the file, whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import nn

from ..errors import ArtifactError
from .encoding import Encoded, encode
from .entry import entries

__all__ = ["save", "write_atomically"]


def save(
    model: nn.Module, path: str | os.PathLike[str], *, recipe: Sequence[Mapping[str, Any]] | None = None
) -> Encoded:
    """Write a model's tensors to one file: packed weights entropy coded, all others as they are.

    The file appears whole or not at all; until then one that was there stays as it was.

    Args: model, plain, packed or in part; path, in a folder that exists; recipe, see `encode`.
    Returns: what was written: its bytes, and each tensor's share of them.
    Raises: ArtifactError when a tensor cannot be stored, or the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = save(nn.Linear(4, 2), f"{folder}/model.safetensors")
    >>> dict(made.shares)
    {'bias': 8, 'weight': 32}
    """
    encoded = encode(entries(model), recipe)
    write_atomically(Path(path), encoded.data)
    return encoded


def write_atomically(path: Path, data: bytes) -> None:
    """A temporary file beside the target, synced, then renamed over it; nothing is left on an error or on Ctrl-C.

    Raises: ArtifactError naming the path and what to do.
    """
    target = Path(os.path.realpath(path))  # a symbolic link stays one
    if not os.path.isdir(target.parent):
        raise ArtifactError(f"{path}: its folder {target.parent} does not exist; create it first")
    if os.path.exists(target) and not os.path.isfile(target):
        raise ArtifactError(f"{path}: is there and no regular file; give the name of a file")
    draft = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        _write(draft, data)
        os.replace(draft, target)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written ({error.strerror or error}); nothing was changed") from error
    finally:
        with suppress(FileNotFoundError):  # it is gone when it was renamed
            draft.unlink()
    _sync_folder(target.parent)


def _write(path: Path, data: bytes) -> None:
    # "x" and not tempfile: the file gets the permissions that the user's umask gives any new file.
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened; the file is whole either way."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
