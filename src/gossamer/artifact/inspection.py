"""What a file holds, without a model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from ..errors import ArtifactError
from ..report import HEADER_ROW, Measure, Report, Row
from ..status import Status
from .container import container_size
from .reading import Stored
from .shards import read_all

__all__ = ["ENTRIES_PER_BYTE", "FREE_ENTRIES", "inspect"]

# Decoding takes memory by the number of entries, and a few bytes may rightly stand for any number of zeros.
# With a model its shapes are the bound; without one, this is.
FREE_ENTRIES = 1 << 24
ENTRIES_PER_BYTE = 1 << 10


def inspect(path: str | os.PathLike[str]) -> Report:
    """Read and check a whole file, or all shards of an index (`….index.json`), and report on each tensor.

    Every checksum is compared and every packed weight decoded and validated, one at a time.

    Returns: a report whose rows, with that of the header, add up to the file; `before` is the size of the same
        tensors as plain safetensors.
    Raises: ArtifactError naming what is wrong with the file; also for a weight of more than 2^24 entries that takes
        less than a byte for 1024 of them, since nothing bounds its shape here: load that file into its model.
    """
    try:
        artifact = read_all(path)
        rows = [_row(item) for item in artifact.stored]
    except ArtifactError as error:
        raise ArtifactError(f"{Path(path).name}: {error}") from None
    header = artifact.size - sum(row.bytes for row in rows)
    rows.append(Row(HEADER_ROW, (), "", Status.kept("names, shapes, recipe, checksums"), bytes=header))
    dense = container_size([(item.name, item.dtype, item.shape) for item in artifact.stored])
    notes = () if artifact.recipe is None else (f"recipe: {_told(artifact.recipe)}",)
    return Report(tuple(rows), Measure(dense), Measure(artifact.size), notes=notes)


def _row(item: Stored) -> Row:
    size = prod(item.shape)
    plain = Row(
        item.name,
        item.shape,
        str(item.dtype).removeprefix("torch."),
        Status.kept("stored as it is"),
        bytes=item.nbytes,
        dense_bytes=size * item.dtype.itemsize,
        aliases=item.row.aliases,
    )
    return plain if item.row.spec is None else _packed_row(item, plain)


def _packed_row(item: Stored, plain: Row) -> Row:
    size = prod(item.shape)
    if size > max(FREE_ENTRIES, ENTRIES_PER_BYTE * item.nbytes):
        raise ArtifactError(
            f"{item.name!r}: {size} entries in {item.nbytes} bytes, more than is decoded without a model"
            f" ({FREE_ENTRIES}, or {ENTRIES_PER_BYTE} a byte); load the file into its model to check it"
        )
    spec = item.unpack().spec
    return replace(
        plain,
        status=Status.done(),
        structure=str(spec.structure),
        format=f"{spec.index} × {spec.values}",
        density=spec.kept / size,
    )


def _told(recipe: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{step['step']} {step.get('structure', '')}".strip() for step in recipe) or "no step"
