"""Where results go: checked before the work, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import GossamerError
from . import rooms

if TYPE_CHECKING:
    from ..passes import Result
    from ..report import Report

__all__ = ["REPORT", "SMALL", "check_place", "check_room", "check_space", "reports", "titled", "write_result"]

SMALL, REPORT, PAGE = "small.safetensors", "report.json", "report.html"
SMALLEST = 8  # no ready recipe makes weights more than so many times smaller


def check_place(folder: Path, *, overwrite: bool) -> None:
    """Whether a folder may be made there, before hours are spent on what goes into it.

    Args: overwrite, whether a folder that gossamer wrote may be replaced.
    Raises: GossamerError saying why not.
    """
    target = Path(os.path.realpath(folder))
    if target == Path.cwd() or target in Path.cwd().parents:
        raise GossamerError(f"{folder}: is the working directory or one above it; give the name of a new folder")
    if target.exists() and not target.is_dir():
        raise GossamerError(f"{folder}: is there and no folder; choose another name with --output")
    if not target.parent.is_dir():
        raise GossamerError(f"{folder}: its folder {target.parent} does not exist; create it first")
    if target.is_dir() and any(target.iterdir()):
        _check_replaceable(folder, target, overwrite)
    _check_writable(folder, target.parent, "choose another place with --output")


def check_room(folder: Path) -> None:
    """Whether a folder is there or can be made, and files written into it, before the work that makes them.

    Raises: GossamerError saying why not.
    """
    above = next(place for place in (folder, *Path(os.path.abspath(folder)).parents) if place.exists())
    if not above.is_dir():
        raise GossamerError(f"{folder}: {above} is there and no folder; give another one")
    _check_writable(folder, above, "give another folder")


def check_space(folder: Path, dense_bytes: int) -> str:
    """A warning when a compressed model of `dense_bytes` could turn out too large for the disk, or "".

    Raises: GossamerError when it cannot fit.
    """
    above = Path(os.path.realpath(folder)).parent
    free = shutil.disk_usage(above).free
    if free * SMALLEST < dense_bytes:
        raise GossamerError(
            f"{folder}: {free:,} bytes are free there, and the model has {dense_bytes:,}; make room or choose another "
            f"place with --output"
        )
    if free < dense_bytes:
        return f"{free:,} bytes are free in {above}, fewer than the {dense_bytes:,} of the model as it is"
    return ""


def write_result(result: Result, folder: Path, title: str) -> list[Path]:
    """The compressed model's one file and the report beside it, each whole or not at all; title, the page's heading."""
    beside = reports(result.report, title)
    result.save(folder / SMALL)
    for name, content in beside.items():
        rooms.saving.write_atomically(folder / name, content)
    return [folder / name for name in (SMALL, *beside)]


def titled(folder: Path) -> str:
    """The heading of a page that lies in a folder: its own name, by which two open pages are told apart.

    >>> titled(Path("out/all-MiniLM-L6-v2-small"))
    'all-MiniLM-L6-v2-small'
    """
    return Path(os.path.abspath(folder)).name or "Compression report"


def reports(report: Report, title: str) -> dict[str, bytes]:
    """What is written beside a compressed model, by name: the report as JSON and as a page with that heading."""
    text = json.dumps(report.to_dict(), indent=1, allow_nan=False) + "\n"
    page = rooms.render.html(report, title=title)
    # A tensor's name may hold half a surrogate pair, which no UTF-8 can.
    return {name: content.encode("utf-8", "backslashreplace") for name, content in ((REPORT, text), (PAGE, page))}


def _check_writable(folder: Path, above: Path, advice: str) -> None:
    try:
        with tempfile.TemporaryDirectory(dir=above, prefix=".gossamer-"):
            pass
    except OSError as error:
        raise GossamerError(f"{folder}: {above} cannot be written to ({error.strerror}); {advice}") from error


def _check_replaceable(folder: Path, target: Path, overwrite: bool) -> None:
    ours = (target / REPORT).is_file() and next(target.glob("*.safetensors"), None) is not None
    if not overwrite:
        advice = "--overwrite replaces it" if ours else "choose another name with --output"
        raise GossamerError(f"{folder}: is there and not empty; {advice}")
    if not ours:
        raise GossamerError(
            f"{folder}: --overwrite replaces what gossamer wrote, but this folder holds no {REPORT} beside a "
            f".safetensors file; choose another name with --output"
        )
