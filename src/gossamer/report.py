"""What was done to each tensor and what it brought: plain rows, measured figures, verdicts.

Plain on purpose: it knows no tensor and no model, and prints as text. `report.json` is `Report.to_dict()`.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .status import Status

__all__ = ["HEADER_ROW", "Measure", "Outcome", "Report", "Row", "StepEffect", "Timing", "Verdict", "table"]

Outcome = Literal["better", "worse", "within noise"]
HEADER_ROW = "(header and manifest)"  # the row of the file's bytes that belong to no tensor


@dataclass(frozen=True)
class Row:
    """One tensor of the file.

    `bytes` is its share of the saved file, `dense_bytes` what it takes uncompressed. `density` is the fraction of
    entries held. `error` is ‖X(W − Ŵ)ᵀ‖² / ‖XWᵀ‖² with the calibration inputs' column energies (plain ‖W − Ŵ‖²/‖W‖²
    where there are none), from the last compressing step.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    status: Status
    structure: str = "dense"
    method: str = ""
    format: str = ""
    bytes: int = 0
    dense_bytes: int = 0
    density: float = 1.0
    error: float | None = None
    aliases: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `status` is its kind and `reason` stands beside it."""
        plain = asdict(self) | {"status": self.status.kind, "reason": self.status.reason}
        return plain | {"shape": list(self.shape), "aliases": list(self.aliases)}


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one forward pass: the median of interleaved runs, the quartiles, the 95th percentile."""

    median: float
    lower: float
    upper: float
    p95: float
    runs: int


@dataclass(frozen=True)
class Measure:
    """One model as measured: bytes of its file, ms by batch size, the user's metric, peak bytes of a forward pass."""

    bytes: int
    ms: dict[int, Timing] = field(default_factory=dict)
    metric: float | None = None
    peak_memory: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """`ms` holds the medians; `timing` the whole record."""
        return {
            "bytes": self.bytes,
            "ms": {str(batch): timing.median for batch, timing in self.ms.items()},
            "metric": self.metric,
            "peak_memory": self.peak_memory,
            "timing": {str(batch): asdict(timing) for batch, timing in self.ms.items()},
        }


@dataclass(frozen=True)
class Verdict:
    """One question and its measured answer: smaller? faster at batch b? as good?"""

    question: str
    outcome: Outcome
    before: float
    after: float
    detail: str = ""


@dataclass(frozen=True)
class StepEffect:
    """What one step of the recipe brought: the file's bytes and the metric right after it, and whom it helped."""

    step: str
    bytes: int
    metric: float | None
    helped: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Report:
    """A row per stored tensor, before and after, the verdicts, and what each step brought."""

    rows: tuple[Row, ...]
    before: Measure | None = None
    after: Measure | None = None
    verdicts: tuple[Verdict, ...] = ()
    steps: tuple[StepEffect, ...] = ()
    notes: tuple[str, ...] = ()
    output_difference: float | None = None
    machine: dict[str, Any] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Bytes of the file: the rows' sum."""
        return sum(row.bytes for row in self.rows)

    def row(self, name: str) -> Row:
        """The row of a tensor, by its name or an alias. Raises KeyError."""
        for row in self.rows:
            if name == row.name or name in row.aliases:
                return row
        raise KeyError(f"no tensor {name!r}; rows are {', '.join(row.name for row in self.rows)}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for strict JSON: a figure that is no finite number becomes None."""
        plain: dict[str, Any] = _finite(self._plain())
        return plain

    def _plain(self) -> dict[str, Any]:
        return {
            "before": self.before.to_dict() if self.before else None,
            "after": self.after.to_dict() if self.after else None,
            "layers": [row.to_dict() for row in self.rows],
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "steps": [asdict(step) for step in self.steps],
            "notes": list(self.notes),
            "output_difference": self.output_difference,
            "machine": dict(self.machine),
        }

    def __str__(self) -> str:
        return "\n\n".join(part for part in (_totals(self), _layers(self), _effects(self), _ending(self)) if part)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def table(head: Sequence[str], lines: Sequence[Sequence[str]], right: str = "") -> str:
    """Columns of text aligned by spaces; the columns whose letter in `right` is `r` are right-aligned.

    >>> print(table(["name", "bytes"], [["a", "12"]], right="lr"))
    name  bytes
    a        12
    """
    grid = [list(head), *map(list, lines)]
    widths = [max(len(line[i]) for line in grid) for i in range(len(head))]
    sides = (right + "l" * len(head))[: len(head)]
    cells = [
        [text.rjust(w) if side == "r" else text.ljust(w) for text, w, side in zip(line, widths, sides, strict=True)]
        for line in grid
    ]
    return "\n".join("  ".join(line).rstrip() for line in cells)


def _totals(report: Report) -> str:
    before, after = report.before, report.after
    if before is None or after is None:
        return ""
    lines = [["bytes on disk", f"{before.bytes:,}", f"{after.bytes:,}", _smaller(before.bytes, after.bytes)]]
    for batch, timing in before.ms.items():
        if batch in after.ms:
            said = _outcome(report, f"faster at batch {batch}?")
            lines.append([f"ms at batch {batch}", f"{timing.median:.3f}", f"{after.ms[batch].median:.3f}", said])
    if before.metric is not None and after.metric is not None:
        change = after.metric - before.metric
        lines.append(["metric", f"{before.metric:.4f}", f"{after.metric:.4f}", f"{change:+.4f}"])
    if before.peak_memory is not None and after.peak_memory is not None:
        lines.append(["peak bytes of a forward", f"{before.peak_memory:,}", f"{after.peak_memory:,}", ""])
    return table(["", "before", "after", ""], lines, right="lrrl")


def _layers(report: Report) -> str:
    lines = []
    for row in report.rows:
        error = "" if row.error is None else f"{row.error:.4f}"
        shape = "×".join(map(str, row.shape))
        name = row.name + (f" (= {', '.join(row.aliases)})" if row.aliases else "")
        smaller = f"{row.dense_bytes / row.bytes:.1f}×" if row.bytes and row.dense_bytes else ""
        density = f"{100 * row.density:.1f}%" if row.structure != "dense" else ""
        lines.append(
            [name, shape, row.structure, row.method, density, error, f"{row.bytes:,}", smaller, str(row.status)]
        )
    lines.append(["total", "", "", "", "", "", f"{report.bytes:,}", "", ""])
    head = ["tensor", "shape", "structure", "method", "held", "error", "bytes", "smaller", "status"]
    return table(head, lines, right="llllrrrrl")


def _effects(report: Report) -> str:
    if not report.steps:
        return ""
    lines = [
        [
            s.step,
            f"{s.bytes:,}",
            "" if s.metric is None else f"{s.metric:.4f}",
            ", ".join(s.helped) or "nothing",
            s.note,
        ]
        for s in report.steps
    ]
    return table(["step", "file bytes", "metric", "helped", ""], lines, right="lrrll")


def _ending(report: Report) -> str:
    lines = [f"{v.question} {v.outcome}" + (f" ({v.detail})" if v.detail else "") for v in report.verdicts]
    if report.output_difference is not None:
        lines.append(f"largest output difference: {report.output_difference:.4g}")
    lines += [f"note: {note}" for note in report.notes]
    return "\n".join(lines)


def _outcome(report: Report, question: str) -> str:
    """The verdict on one question. Two medians alone would say faster where the spread says nothing."""
    return next((verdict.outcome for verdict in report.verdicts if verdict.question == question), "")


def _smaller(before: int, after: int) -> str:
    if not before or not after:
        return ""
    return f"{before / after:.2f}× smaller" if after <= before else f"{after / before:.2f}× larger"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
