"""Milliseconds with their spread: the median, the quartiles, the 95th percentile."""

from __future__ import annotations

from markupsafe import Markup

from ..report import Report, Timing
from .bars import bar_list, bar_row
from .svg import Scale, drawing, element, percent
from .words import figure, finite

__all__ = ["latency"]

HEIGHT, BAR = 26, 12


def latency(report: Report) -> Markup | None:
    """A pair of lines for each batch size, each pair on a scale of its own from 0; None where nothing was timed."""
    if report.before is None or report.after is None:
        return None
    pairs = [
        (batch, timing, report.after.ms[batch])
        for batch, timing in report.before.ms.items()
        if batch in report.after.ms and _drawable(timing) and _drawable(report.after.ms[batch])
    ]
    if not pairs:
        return None
    return Markup("").join(_pair(*pair) for pair in pairs)


def _pair(batch: int, before: Timing, after: Timing) -> Markup:
    # p95 sets the scale unless it is far out: one stall must not squeeze both boxes.
    far = max(min(t.p95, 2 * t.upper) for t in (before, after)) or 1.0
    scale = Scale(0.0, 1.04 * far)
    rows = [
        bar_row(f"batch {batch}, {word}", _box(scale, timing, kind), _told(timing))
        for word, timing, kind in (("before", before, "was"), ("after", after, "now"))
    ]
    return bar_list(rows, kind="times", head=("milliseconds", "median", "quartiles"))


def _box(scale: Scale, timing: Timing, kind: str) -> Markup:
    middle, top = HEIGHT // 2, (HEIGHT - BAR) // 2
    low, high, far = (scale.at(value) for value in (timing.lower, timing.upper, timing.p95))
    at = percent(scale.at(timing.median))
    marks = [
        element("rect", width=at, y=top, height=BAR, class_=f"{kind} faint"),
        element("line", x1=percent(low), x2=percent(far), y1=middle, y2=middle, class_="whisker"),
        element("line", x1=percent(far), x2=percent(far), y1=middle - 4, y2=middle + 4, class_="whisker"),
        element("rect", x=percent(low), width=percent(max(high - low, 0.004)), y=top, height=BAR, class_=kind),
        element("line", x1=at, x2=at, y1=top - 4, y2=top + BAR + 4, class_="median"),
    ]
    label = (
        f"median {figure(timing.median, 3)} ms, quartiles {figure(timing.lower, 3)} and {figure(timing.upper, 3)}, "
        f"95th percentile {figure(timing.p95, 3)}, {timing.runs} runs"
    )
    return drawing(HEIGHT, *marks, label=label)


def _told(timing: Timing) -> list[str]:
    return [figure(timing.median, 3), f"{figure(timing.lower, 3)}–{figure(timing.upper, 3)}"]


def _drawable(timing: Timing) -> bool:
    return finite(timing.median, timing.lower, timing.upper, timing.p95) and timing.median >= 0
