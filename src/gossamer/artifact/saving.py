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
    if not target.parent.is_dir():
        raise ArtifactError(f"{path}: its folder {target.parent} does not exist; create it first")
    if target.exists() and not target.is_file():
        raise ArtifactError(f"{path}: is there and no regular file; give the name of a file")
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            # "x" and not tempfile: the file gets the permissions that the user's umask gives any new file.
            with open(draft, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, target)
        except BaseException:
            with suppress(FileNotFoundError):
                draft.unlink()
            raise
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written ({error.strerror or error}); nothing was changed") from error
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened; the file is whole either way."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
