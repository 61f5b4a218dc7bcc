"""Columns of the held entries, row after row, in the smallest integers that hold them."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ArtifactError
from ..field import Field
from ..spec import PackedSpec
from .base import IndexPart

__all__ = ["CSRIndex"]


class CSRIndex(IndexPart):
    """`columns` (kept,) and `row_counts` (rows,), each uint8, uint16 or int32.

    Counts and not starts: a count is at most min(width, kept) and a start at most kept, so counts never take
    more bytes. Below 1/8 of density this is smaller than a bitmask for rows of up to 256 columns.
    """

    def fits(self, spec: PackedSpec) -> bool:
        return spec.values != "none" and 0 < spec.width <= 1 << 31

    def fields(self, spec: PackedSpec) -> dict[str, Field]:
        return {
            "columns": Field.integers(spec.width, (spec.kept,)),
            "row_counts": Field.integers(min(spec.width, spec.kept) + 1, (spec.rows,)),
        }

    def pack(self, spec: PackedSpec, support: Tensor) -> dict[str, Tensor]:
        rows = support.reshape(spec.rows, spec.width)
        found = {"columns": rows.nonzero()[:, 1], "row_counts": rows.sum(-1)}
        return {name: field.pack(found[name]) for name, field in self.fields(spec).items()}

    def support(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> Tensor | None:
        columns = buffers["columns"].to(torch.int64)
        mask = torch.zeros(spec.numel, dtype=torch.bool, device=columns.device)
        if spec.kept:
            mask = mask.scatter(0, _row_of_each(spec, buffers) * spec.width + columns, True)
        return mask.reshape(spec.shape)

    def check(self, spec: PackedSpec, buffers: dict[str, Tensor]) -> None:
        total = int(buffers["row_counts"].to(torch.int64).sum())
        if total != spec.kept:
            raise ArtifactError(f"row_counts: sum to {total}, needs the {spec.kept} entries that are held")
        place = _row_of_each(spec, buffers) * spec.width + buffers["columns"].to(torch.int64)
        if bool((place[1:] <= place[:-1]).any()):
            raise ArtifactError("columns: not strictly increasing within each row")


def _row_of_each(spec: PackedSpec, buffers: dict[str, Tensor]) -> Tensor:
    """Row of each held entry, int64 (kept,)."""
    ends = buffers["row_counts"].to(torch.int64).cumsum(0)
    return torch.searchsorted(ends, torch.arange(spec.kept, device=ends.device), right=True)
