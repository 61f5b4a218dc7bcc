"""What lies in a model's files, whoever wrote them, without a model."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

from safetensors import SafetensorError, safe_open

from ..errors import ArtifactError
from ..report import HEADER_ROW, Row
from ..status import Status
from . import rooms

__all__ = ["Contents", "contents", "metadata"]

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


@dataclass(frozen=True)
class Contents:
    """The rows of all files, which add up to their bytes; what the same tensors take as plain safetensors."""

    rows: tuple[Row, ...]
    dense_bytes: int
    notes: tuple[str, ...]

    @property
    def bytes(self) -> int:
        return sum(row.bytes for row in self.rows)


def contents(path: Path) -> Contents:
    """The tensors of a file, or of every .safetensors file in a folder.

    Raises: ArtifactError when there is none, or one is damaged.
    """
    files = _files(path)
    read = [_read(file) for file in files]
    if len(files) > 1:
        read = [_prefixed(found, f"{file.relative_to(path)}: ") for file, found in zip(files, read, strict=True)]
    return Contents(
        tuple(row for found in read for row in found.rows),
        sum(found.dense_bytes for found in read),
        tuple(note for found in read for note in found.notes),
    )


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise ArtifactError(f"{path}: no such file or folder")
    if not path.is_dir():
        return [path]
    files = sorted(path.rglob("*.safetensors"))
    if not files:
        pickles = sorted(file.name for pattern in PICKLES for file in path.glob(pattern))
        advice = (
            f"{pickles[0]} is a pickle, which can run code and is not opened; load the model and save it with "
            f"save_pretrained(..., safe_serialization=True)"
            if pickles
            else "give a model's folder or file"
        )
        raise ArtifactError(f"{path}: holds no .safetensors file; {advice}")
    return files


def _read(file: Path) -> Contents:
    if rooms.container.KEY in metadata(file):
        report = rooms.artifact.inspect(file)
        return Contents(report.rows, report.before.bytes if report.before else 0, report.notes)
    size = file.stat().st_size
    rows = _plain_rows(file)
    header = size - sum(row.bytes for row in rows)
    rows.append(Row(HEADER_ROW, (), "", Status.kept("names, shapes"), bytes=header))
    return Contents(tuple(rows), size, ())


def metadata(file: Path) -> dict[str, str]:
    """The metadata of a safetensors file, whose whole header has then been checked against the file.

    Raises: ArtifactError when it is none.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            return opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        if any(file.match(pattern) for pattern in PICKLES):
            raise ArtifactError(
                f"{file.name}: no safetensors file; a pickle can run code and is not opened: load it where you trust "
                f"it, and save its state_dict by safetensors.torch.save_model"
            ) from error
        raise ArtifactError(f"{file.name}: no safetensors file that can be read: {error}") from error


def _plain_rows(file: Path) -> list[Row]:
    with file.open("rb") as opened:
        header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
    header.pop("__metadata__", None)
    rows = []
    for name, info in header.items():
        start, end = info["data_offsets"]
        dtype = _dtype(info["dtype"])
        rows.append(
            Row(
                name,
                tuple(info["shape"]),
                dtype,
                Status.kept("stored as it is"),
                bytes=end - start,
                dense_bytes=end - start,
                density=1.0 if prod(info["shape"]) else 0.0,
            )
        )
    return rows


def _dtype(code: str) -> str:
    """torch's name of a type where it has one."""
    known = rooms.container.DTYPES.get(code)
    return str(known).removeprefix("torch.") if known is not None else code


def _prefixed(found: Contents, prefix: str) -> Contents:
    return replace(found, rows=tuple(replace(row, name=prefix + row.name) for row in found.rows))
