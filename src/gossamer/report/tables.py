"""The tables of a report as cells of text; text, notebooks and the page show the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .folding import Line, lines, reasons
from .values import HEADER_ROW, Measure, Row, StepEffect, Verdict

__all__ = ["Table", "effects", "ending", "footnotes", "helped", "layers", "outcome", "smaller", "totals"]


@dataclass(frozen=True)
class Table:
    """Cells by line. `sides` says for each column whether it is aligned to the left or the right, as in "lrr".

    `narrow` is the column of names that may be shortened in the middle where lines become too long, or None.
    """

    head: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    sides: str
    narrow: int | None = None


def totals(
    before: Measure | None, after: Measure | None, verdicts: Sequence[Verdict], metric: str = "metric"
) -> Table | None:
    """The whole model, before and after; None when it was not measured. Args: metric, what the metric is called."""
    if before is None or after is None:
        return None
    cells = [("bytes on disk", f"{before.bytes:,}", f"{after.bytes:,}", smaller(before.bytes, after.bytes))]
    for batch, timing in before.ms.items():
        if batch in after.ms:
            said = outcome(verdicts, f"faster at batch {batch}?")
            cells.append((f"ms at batch {batch}", f"{timing.median:.3f}", f"{after.ms[batch].median:.3f}", said))
    if before.metric is not None and after.metric is not None:
        change = after.metric - before.metric
        cells.append((metric, f"{before.metric:.4f}", f"{after.metric:.4f}", f"{change:+.4f}"))
    if before.peak_memory is not None and after.peak_memory is not None:
        cells.append(("peak bytes of a forward", f"{before.peak_memory:,}", f"{after.peak_memory:,}", ""))
    return Table(("", "before", "after", ""), tuple(cells), "lrrl")


def layers(rows: Sequence[Row]) -> Table:
    """A line for each tensor; small ones that were left as they are share one. The bytes add up to the file."""
    cells = tuple(_cells(line) for line in lines(rows))
    total = ("total", *[""] * 5, f"{sum(row.bytes for row in rows):,}", "", "")
    head = ("tensor", "shape", "structure", "method", "held", "error", "bytes", "smaller", "status")
    return Table(head, (*cells, total), "llllrrrrl", narrow=0)


def footnotes(rows: Sequence[Row]) -> tuple[str, ...]:
    """The long reasons, numbered as the table of tensors refers to them."""
    return tuple(f"[{number}] {reason}" for number, reason in enumerate(reasons(rows), start=1))


def effects(steps: Sequence[StepEffect]) -> Table | None:
    """What each step brought; None where no step ran."""
    if not steps:
        return None
    cells = tuple(
        (
            s.step,
            f"{s.bytes:,}",
            "" if s.metric is None else f"{s.metric:.4f}",
            helped(s),
            s.note,
        )
        for s in steps
    )
    return Table(("step", "file bytes", "metric", "helped", ""), cells, "lrrll", narrow=4)


def helped(step: StepEffect) -> str:
    """In words; nothing where that is known, and not measured where a step is judged by a metric that there is not.

    >>> helped(StepEffect("prune 2:4", 10, None, ("bytes",))), helped(StepEffect("distill 1 epoch", 10, None, ()))
    ('bytes', 'not measured')
    """
    return ", ".join(step.helped) or ("nothing" if step.note or step.metric is not None else "not measured")


def ending(verdicts: Sequence[Verdict], output_difference: float | None, notes: Sequence[str]) -> tuple[str, ...]:
    """The verdicts and notes, a sentence each."""
    said = [f"{v.question} {v.outcome}" + (f" ({v.detail})" if v.detail else "") for v in verdicts]
    if output_difference is not None:
        said.append(f"largest output difference: {output_difference:.4g}")
    return (*said, *(f"note: {note}" for note in notes))


def outcome(verdicts: Sequence[Verdict], question: str) -> str:
    """The verdict on one question. Two medians alone would say faster where the spread says nothing."""
    return next((verdict.outcome for verdict in verdicts if verdict.question == question), "")


def smaller(before: int, after: int) -> str:
    """In words: "31.03× smaller"."""
    if not before or not after:
        return ""
    return f"{before / after:.2f}× smaller" if after <= before else f"{after / before:.2f}× larger"


def _cells(line: Line) -> tuple[str, ...]:
    row = line.row
    change = f"{line.dense_bytes / line.bytes:.1f}×" if line.bytes and line.dense_bytes else ""
    status = line.status + (f" [{line.note}]" if line.note else "")
    if line.folded:
        return (line.name, "", "dense", "", "", "", f"{line.bytes:,}", change, status)
    name = row.name + (f" (= {', '.join(row.aliases)})" if row.aliases else "")
    shape = "×".join(map(str, row.shape))
    density = f"{100 * row.density:.1f}%" if row.structure != "dense" else ""
    error = "" if row.error is None else f"{row.error:.4f}" if row.error >= 0.001 else f"{row.error:.1e}"
    structure = "" if row.name == HEADER_ROW else row.structure
    return (name, shape, structure, row.method, density, error, f"{row.bytes:,}", change, status)
