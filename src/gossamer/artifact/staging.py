"""Writing a folder whole or not at all."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ArtifactError
from .container import is_ours

__all__ = ["staged"]

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of Linux


@contextmanager
def staged(target: Path, *, overwrite: bool = False, keep: Sequence[Path] = ()) -> Iterator[Path]:
    """A temporary folder beside `target`; it takes its name when the block is done, and is gone when the block fails.

    What was there stays as it was until then, also when the process is killed, which leaves the temporary folder
    `.<name>.<random>.part` behind.

    Args:
        target: in a folder that is there.
        overwrite: whether a folder that gossamer wrote may be replaced; no other ever is.
        keep: folders that must not go with it, beside the working directory.
    Raises: ArtifactError naming the path and what to do.
    """
    target = Path(os.path.realpath(target))  # a link to a folder stays one
    _check(target, overwrite)
    with _told(target):
        _check_replaceable(target, keep)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    try:
        with _told(target):
            draft.mkdir()
        try:
            yield draft
        except OSError as error:
            raise _refused(target, error) from error
        except ArtifactError as error:
            if isinstance(error.__cause__, OSError):  # of a file in the draft, whose name nobody knows
                raise _refused(target, error.__cause__) from error
            raise
        with _told(target):
            _sync(draft)
            _take_place(draft, target, overwrite)
    finally:
        shutil.rmtree(draft, ignore_errors=True)  # gone already when it was renamed; the old folder when exchanged


def _check(target: Path, overwrite: bool) -> None:
    if not target.parent.is_dir():
        raise ArtifactError(f"{target}: its folder {target.parent} does not exist; create it first")
    if target.exists() and not target.is_dir():
        raise ArtifactError(f"{target}: is a file; give the name of a folder")
    with _told(target):
        full = target.is_dir() and any(target.iterdir())
    if full and not overwrite:
        raise ArtifactError(f"{target}: is there and not empty; choose another folder, or give overwrite=True")


def _check_replaceable(target: Path, keep: Sequence[Path]) -> None:
    """Of a folder that is not empty: whether gossamer wrote it, and nobody needs what is in it."""
    if not target.is_dir() or not any(target.iterdir()):
        return
    for other, what in ((Path.cwd(), "the working directory"), *((path, f"{path}, the source") for path in keep)):
        if Path(os.path.realpath(other)).is_relative_to(target):
            raise ArtifactError(f"{target}: holds {what}, which is never replaced; choose another folder")
    if not any(is_ours(file) for file in (*target.glob("*.safetensors"), *target.glob("*/*.safetensors"))):
        raise ArtifactError(
            f"{target}: overwrite=True replaces what gossamer wrote, and nothing here was; choose another folder"
        )


def _take_place(draft: Path, target: Path, overwrite: bool) -> None:
    if not overwrite or not target.exists():
        os.replace(draft, target)  # also over an empty folder; refused by the system over a full one
        return
    if _exchanged(draft, target):
        return
    old = target.with_name(f".{target.name}.{secrets.token_hex(6)}.old")
    os.replace(target, old)
    try:
        os.replace(draft, target)
    except BaseException:
        os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step, so that there is no moment without a folder; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    return rename is not None and rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0


def _sync(folder: Path) -> None:
    """Everything in the folder to the disk, before its name says that it is whole."""
    for path in (*folder.rglob("*"), folder):
        with suppress(OSError):  # some systems open no folder
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


@contextmanager
def _told(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _refused(target, error) from error


def _refused(target: Path, error: OSError) -> ArtifactError:
    return ArtifactError(
        f"{target}: cannot be written ({error.strerror or error}); free space or choose another folder. "
        f"Nothing was changed"
    )
