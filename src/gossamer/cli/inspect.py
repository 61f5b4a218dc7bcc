"""`gossamer inspect`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ..report import HEADER_ROW, Row
from .contents import Contents, contents
from .options import Json
from .screen import grid, only_json, show, show_json

__all__ = ["EXAMPLES", "inspect"]

EXAMPLES = (
    "gossamer inspect small.safetensors",
    "gossamer inspect ./MiniLM --sort bytes --top 10",
    "gossamer inspect small.safetensors --json",
)


class Order(StrEnum):
    """How the tensors are sorted."""

    file = "file"
    name = "name"
    bytes = "bytes"
    smaller = "smaller"


KEYS: dict[Order, Callable[[Row], Any]] = {
    Order.name: lambda row: row.name,
    Order.bytes: lambda row: -row.bytes,
    Order.smaller: lambda row: -_times(row),
}


def inspect(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A .safetensors file, gossamer's or any other, or a model's folder.")
    ],
    sort: Annotated[
        Order, typer.Option("--sort", help="By place in the file, name, bytes, or times smaller.")
    ] = Order.file,
    top: Annotated[int | None, typer.Option("--top", min=1, metavar="N", help="Only the first N tensors.")] = None,
    as_json: Json = False,
) -> None:
    """List the tensors of a file or folder: shape, structure, format, bytes, times smaller than dense.

    gossamer's files are read and checked to the last byte, without a model; no code from a file is run.
    """
    with only_json(as_json):
        found = contents(path)
    rows = list(found.rows) if sort is Order.file else sorted(found.rows, key=KEYS[sort])
    shown = rows[:top]
    if as_json:
        tensors = [row.to_dict() for row in shown]
        show_json({"bytes": found.bytes, "dense_bytes": found.dense_bytes, "tensors": tensors, "notes": found.notes})
        return
    lines = [_line(row) for row in shown]
    if len(shown) < len(rows):
        lines.append(
            [f"… {len(rows) - len(shown)} more", "", "", "", f"{sum(r.bytes for r in rows[len(shown) :]):,}", ""]
        )
    lines.append(["total", "", "", "", f"{found.bytes:,}", _smaller(found)])
    show(grid(["tensor", "shape", "structure", "format", "bytes", "smaller"], lines, right="llllrr"))
    show(f"{found.dense_bytes:,} bytes as plain safetensors", *found.notes)


def _line(row: Row) -> list[str]:
    shape = "×".join(map(str, row.shape))
    name = row.name + (f" (= {', '.join(row.aliases)})" if row.aliases else "")
    smaller = f"{_times(row):.1f}×" if row.bytes and row.dense_bytes else ""
    return [
        name,
        shape,
        "" if row.name.endswith(HEADER_ROW) else row.structure,
        row.format or row.dtype,
        f"{row.bytes:,}",
        smaller,
    ]


def _times(row: Row) -> float:
    return row.dense_bytes / row.bytes if row.bytes else 0.0


def _smaller(found: Contents) -> str:
    return f"{found.dense_bytes / found.bytes:.1f}×" if found.bytes else ""
