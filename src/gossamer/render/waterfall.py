"""From the dense file's bytes down to the small one's, tensor by tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..report import HEADER_ROW, Report, Row
from .bars import bar_list, bar_row
from .svg import Scale, drawing, element, percent
from .words import count, size

__all__ = ["Fall", "falls", "waterfall"]

SHOWN = 12  # tensors with a line of their own
HEIGHT, BAR = 26, 14


@dataclass(frozen=True)
class Fall:
    """What one tensor, or several, took before and takes now."""

    name: str
    before: int
    after: int


def waterfall(report: Report) -> Markup | None:
    """None where no tensor changed its size."""
    steps = falls(report)
    if not any(step.before != step.after for step in steps if step.name != HEADER_ROW):
        return None
    before, after = sum(step.before for step in steps), sum(step.after for step in steps)
    scale = Scale(0, max(before, after, 1))
    rows = [_row("dense", _total(scale, before, "was"), before, None, "sum")]
    level = before
    for step in steps:
        rows.append(_row(step.name, _fall(scale, level, step), step.before, step.after))
        level += step.after - step.before
    rows.append(_row("compressed", _total(scale, after, "now"), None, after, "sum"))
    return bar_list(rows, kind="fall", head=("tensor", "before", "after"))


def falls(report: Report) -> list[Fall]:
    """The tensors that lost most, largest first; then the others, those that stayed as they are, and the file's header.

    The header of the dense file is what its bytes exceed those of the tensors by.
    """
    rows = [row for row in report.rows if row.name != HEADER_ROW]
    changed = sorted((row for row in rows if row.bytes != row.dense_bytes), key=_saved, reverse=True)
    same = [row for row in rows if row.bytes == row.dense_bytes]
    # One tensor alone behind "1 other" would hide a name for nothing.
    shown = changed if len(changed) == SHOWN + 1 else changed[:SHOWN]
    steps = [Fall(row.name, row.dense_bytes, row.bytes) for row in shown]
    rest = changed[len(shown) :]
    steps += [_together(count(len(rest), "other compressed", "others compressed"), rest)] if rest else []
    steps += [_together(count(len(same), "tensor as it was", "tensors as they were"), same)] if same else []
    header = sum(row.bytes for row in report.rows) - sum(row.bytes for row in rows)
    dense = sum(row.dense_bytes for row in rows)
    before = max(0, report.before.bytes - dense) if report.before else 0
    return [*steps, Fall(HEADER_ROW, before, header)] if header or before else steps


def _together(name: str, rows: Sequence[Row]) -> Fall:
    return Fall(name, sum(row.dense_bytes for row in rows), sum(row.bytes for row in rows))


def _saved(row: Row) -> int:
    return row.dense_bytes - row.bytes


def _row(name: str, picture: Markup, before: int | None, after: int | None, kind: str | None = None) -> Markup:
    return bar_row(name, picture, ["" if n is None else size(n) for n in (before, after)], kind=kind)


def _total(scale: Scale, bytes: int, kind: str) -> Markup:
    bar = element("rect", width=percent(scale.at(bytes)), y=(HEIGHT - BAR) // 2, height=BAR, class_=kind)
    return drawing(HEIGHT, bar)


def _fall(scale: Scale, level: int, step: Fall) -> Markup:
    start, end = scale.at(level), scale.at(level + step.after - step.before)
    top = (HEIGHT - BAR) // 2
    marks = [
        _line(start, 0, top),
        element("rect", x=percent(min(start, end)), width=percent(abs(start - end)), y=top, height=BAR,
                class_="more" if end > start else "less"),
        _line(end, top, HEIGHT),
    ]  # fmt: skip
    return drawing(HEIGHT, *marks)


def _line(x: float, top: int, bottom: int) -> Markup:
    return element("line", x1=percent(x), x2=percent(x), y1=top, y2=bottom, class_="link")
