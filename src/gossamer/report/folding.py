"""What a reader is shown of the rows: small tensors that were left as they are on one line, reasons in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .values import HEADER_ROW, Attempt, Row

__all__ = ["Line", "lines", "reasons"]

FEWEST = 3  # rows that are worth a common line


@dataclass(frozen=True)
class Line:
    """A row, or several folded into one.

    `status` is the outcome in a few words; its reason stands below the table under the number `note`, 0 for none.
    """

    name: str
    rows: tuple[Row, ...]
    status: str
    note: int = 0

    @property
    def row(self) -> Row:
        """The one row, or the first of those it stands for."""
        return self.rows[0]

    @property
    def folded(self) -> bool:
        return len(self.rows) > 1

    @property
    def bytes(self) -> int:
        return sum(row.bytes for row in self.rows)

    @property
    def dense_bytes(self) -> int:
        return sum(row.dense_bytes for row in self.rows)


def lines(rows: Sequence[Row]) -> tuple[Line, ...]:
    """All rows in their order, none left out; the folded ones come last, before the file's header.

    >>> from gossamer.status import Status
    >>> small = [Row(f"{n}.bias", (8,), "float32", Status.kept("no step aimed at it"), bytes=32) for n in range(4)]
    >>> [(line.name, line.bytes, line.status) for line in lines(small)]
    [('4 biases', 128, 'kept')]
    """
    folds: dict[str, list[Row]] = {}
    for row in rows:
        if _small(row):
            folds.setdefault(row.status.reason, []).append(row)
    folds = {reason: found for reason, found in folds.items() if len(found) >= FEWEST}
    single = [row for row in rows if not (_small(row) and row.status.reason in folds)]
    header = [row for row in single if row.name == HEADER_ROW]
    groups: list[tuple[str, tuple[Row, ...]]] = [(row.name, (row,)) for row in single if row.name != HEADER_ROW]
    groups += [(_kinds(found), tuple(found)) for found in folds.values()]
    groups += [(row.name, (row,)) for row in header]
    told = [_told(found[0]) for _, found in groups]
    notes = {reason: number for number, reason in enumerate(dict.fromkeys(r for _, r in told if r), start=1)}
    return tuple(
        Line(name, found, words, notes.get(reason, 0))
        for (name, found), (words, reason) in zip(groups, told, strict=True)
    )


def reasons(rows: Sequence[Row]) -> tuple[str, ...]:
    """The reasons that the lines' notes stand for, each once and in their order."""
    found = {line.note: _told(line.row)[1] for line in lines(rows) if line.note}
    return tuple(found[number] for number in sorted(found))


def _told(row: Row) -> tuple[str, str]:
    """The outcome in a few words, and why."""
    if row.name == HEADER_ROW:
        return "", ""
    count = len(row.attempts)
    missed = [attempt for attempt in row.attempts if attempt.status.kind != "done"]
    spoken = [attempt for attempt in row.attempts if attempt.status.reason]
    if not spoken:
        return row.status.kind, row.status.reason
    if len({attempt.status for attempt in row.attempts}) == 1:  # each step met the same
        reason = spoken[0].status.reason
    else:
        reason = "; ".join(map(_said, spoken))
    words: str = row.status.kind
    if missed and len(missed) < count:
        by = f"{count - len(missed)} of {count} steps"
        words += f" by {by}" if words == "done" else f", {by} done"
    return words, reason


def _said(attempt: Attempt) -> str:
    verb = {"skipped": " skipped it", "failed": " failed on it"}.get(attempt.status.kind, "")
    return f"{attempt.step}{verb}: {attempt.status.reason}"


def _small(row: Row) -> bool:
    return row.status.kind == "kept" and row.structure == "dense" and len(row.shape) <= 1 and row.name != HEADER_ROW


def _kinds(rows: Sequence[Row]) -> str:
    """What they are, as far as names tell; a vector named `weight` belongs to a norm in every model we know."""
    found = Counter(_kind(row.name) for row in rows)
    words = {"bias": ("bias", "biases"), "scale": ("norm scale", "norm scales"), "other": ("other", "others")}
    if set(found) == {"other"}:
        return f"{len(rows)} small tensors"
    return ", ".join(f"{found[kind]} {words[kind][found[kind] > 1]}" for kind in words if found[kind])


def _kind(name: str) -> str:
    last = name.rpartition(".")[2]
    if "bias" in last or last == "beta":
        return "bias"
    return "scale" if last in ("weight", "scale", "gamma") else "other"
