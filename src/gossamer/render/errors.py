"""Error per layer: where along the model the compressed weights differ from what they stand for."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ..report import Report, Row
from .bars import bar_list, bar_row
from .svg import TINY, Scale, drawing, element, linear, logarithmic, percent
from .words import figure, finite

__all__ = ["error_plot"]

SHOWN = 24  # layers that all get a line of their own; of more, all are dots of one strip and the worst get a line
WORST = 10
ROW, STRIP = 20, 190
INSET = 0.1  # of the strip's width, for the figures of its axis


def error_plot(report: Report) -> Markup | None:
    """None where no layer has an error."""
    rows = [row for row in report.rows if finite(row.error) and row.error is not None and row.error >= 0]
    if not rows:
        return None
    scale = _scale([row.error or 0.0 for row in rows])
    if len(rows) <= SHOWN:
        return _listed(rows, scale)
    worst = sorted(rows, key=lambda row: row.error or 0.0, reverse=True)[:WORST]
    return _strip(rows, scale) + element("p", f"The {WORST} largest:", class_="lead") + _listed(worst, scale)


def _scale(errors: list[float]) -> Scale:
    positive = [error for error in errors if error > TINY]
    if not positive or max(positive) < 10 * min(positive):
        return linear([0.0, *errors], zero=True) if positive else Scale(0.0, 1.0)
    return logarithmic(errors, margin=0.04)


def _listed(rows: Sequence[Row], scale: Scale) -> Markup:
    ticks = [
        element(
            "text", figure(tick, 1), x=percent(scale.at(tick)), y=14, class_="tick", text_anchor=_anchor(scale, tick)
        )
        for tick in scale.ticks(4)
    ]
    axis = element("li", element("span", class_="t"), drawing(ROW, *ticks), element("span", class_="n"), class_="axis")
    lines = [bar_row(row.name, _dot(scale, row.error or 0.0), [figure(row.error, 2)]) for row in rows]
    return bar_list([axis, *lines], kind="dots")


def _dot(scale: Scale, error: float) -> Markup:
    at, middle = percent(scale.at(error)), ROW // 2
    grid = [
        element("line", x1=percent(scale.at(tick)), x2=percent(scale.at(tick)), y1=0, y2=ROW, class_="grid")
        for tick in scale.ticks(4)
    ]
    stem = element("line", x1="0%", x2=at, y1=middle, y2=middle, class_="stem")
    return drawing(ROW, *grid, stem, element("circle", cx=at, cy=middle, r=4, class_="dot"))


def _strip(rows: Sequence[Row], scale: Scale) -> Markup:
    def height(error: float) -> int:
        return round((STRIP - 30) * (1 - scale.at(error))) + 12

    marks = [element("text", "first layer", x=percent(INSET), y=STRIP - 2, class_="tick")]
    marks.append(element("text", "last", x="99%", y=STRIP - 2, class_="tick", text_anchor="end"))
    for tick in scale.ticks():
        marks.append(element("line", x1="0%", x2="100%", y1=height(tick), y2=height(tick), class_="grid"))
        marks.append(element("text", figure(tick, 1), x=0, y=height(tick) - 3, class_="tick"))
    for place, row in enumerate(rows):
        x = INSET + (0.99 - INSET) * place / (len(rows) - 1)
        said = element("title", f"{row.name}: {figure(row.error, 2)}")
        marks.append(element("circle", said, cx=percent(x), cy=height(row.error or 0.0), r=3.5, class_="dot"))
    worst = max(rows, key=lambda row: row.error or 0.0)
    label = (
        f"Error of {len(rows)} layers in the model's order; the largest is {figure(worst.error, 2)}, at {worst.name}"
    )
    return drawing(STRIP, *marks, label=label)


def _anchor(scale: Scale, tick: float) -> str:
    where = scale.at(tick)
    return "start" if where < 0.04 else "end" if where > 0.96 else "middle"
