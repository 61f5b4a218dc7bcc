"""The recipe's way: the file's size against the metric, from the dense model through each step."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from ..report import Report
from .svg import Scale, drawing, element, linear, logarithmic, percent
from .words import figure, finite, size

__all__ = ["Stop", "course", "stops"]

HEIGHT, TOP, BOTTOM = 280, 26, 44
LEFT, RIGHT = 0.14, 0.95  # where the points lie, as shares of the width
NEAR_X, NEAR_Y = 0.05, 22  # stops as near as this share a mark: their numbers would cover each other


@dataclass(frozen=True)
class Stop:
    """The model after some step; number 0 is the dense one."""

    number: int
    name: str
    bytes: int
    metric: float


def stops(report: Report) -> list[Stop]:
    """The dense model and every step after which the metric is known, in order."""
    found = []
    if report.before is not None and report.before.metric is not None and finite(report.before.metric):
        found.append(Stop(0, "dense", report.before.bytes, report.before.metric))
    for number, step in enumerate(report.steps, start=1):
        if step.metric is not None and finite(step.metric):
            found.append(Stop(number, step.step, step.bytes, step.metric))
    return [stop for stop in found if stop.bytes > 0]


def course(report: Report) -> Markup | None:
    """None where fewer than two points would be left to compare."""
    found = stops(report)
    if len(found) < 2:
        return None
    across = logarithmic([float(stop.bytes) for stop in found])
    up = linear([stop.metric for stop in found], margin=0.05)
    places = [_place(across, up, stop) for stop in found]
    marks = [*_grid(across, up)]
    for (x1, y1), (x2, y2) in pairwise(places):
        marks.append(element("line", x1=percent(x1), y1=y1, x2=percent(x2), y2=y2, class_="way"))
    for group in _groups(places):
        marks += _mark([found[index] for index in group], places[group[0]])
    told = "; ".join(f"{stop.name}: {size(stop.bytes)}, metric {figure(stop.metric)}" for stop in found)
    return drawing(HEIGHT, *marks, label=f"File size against metric. {told}")


def _place(across: Scale, up: Scale, stop: Stop) -> tuple[float, int]:
    x = LEFT + (RIGHT - LEFT) * across.at(stop.bytes)
    return x, round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - up.at(stop.metric)))


def _grid(across: Scale, up: Scale) -> list[Markup]:
    marks = []
    floor = HEIGHT - BOTTOM + 14
    for tick in up.ticks():
        y = round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - up.at(tick)))
        marks.append(element("line", x1="0%", x2="100%", y1=y, y2=y, class_="grid"))
        marks.append(element("text", figure(tick, up.digits), x=0, y=y - 4, class_="tick"))
    for tick in across.ticks(3):
        x = percent(LEFT + (RIGHT - LEFT) * across.at(tick))
        marks.append(element("line", x1=x, x2=x, y1=TOP - 8, y2=floor, class_="grid"))
        marks.append(
            element(
                "text",
                size(round(tick)).replace(".00 ", " ").replace(".0 ", " "),
                x=x,
                y=floor + 14,
                class_="tick",
                text_anchor="middle",
            )
        )
    marks.append(element("text", "bytes of the file", x="100%", y=HEIGHT - 1, class_="axis", text_anchor="end"))
    return marks


def _groups(places: list[tuple[float, int]]) -> list[list[int]]:
    groups: list[list[int]] = []
    for index, (x, y) in enumerate(places):
        for group in groups:
            there = places[group[0]]
            if abs(there[0] - x) < NEAR_X and abs(there[1] - y) < NEAR_Y:
                group.append(index)
                break
        else:
            groups.append([index])
    return groups


def _mark(group: list[Stop], place: tuple[float, int]) -> list[Markup]:
    """A disc with the step's number; a ring for the dense model, named beside it."""
    x, y = place
    said = element(
        "title", "; ".join(f"{stop.name}: {size(stop.bytes)}, metric {figure(stop.metric)}" for stop in group)
    )
    numbers = ", ".join(str(stop.number) for stop in group if stop.number)
    if not numbers:
        ring = element("circle", said, cx=percent(x), cy=y, r=6, class_="ring")
        return [ring, element("text", "dense", x=percent(x), y=y - 12, class_="tick", text_anchor="middle")]
    disc = element(
        "circle", said, cx=percent(x), cy=y, r=10 if len(numbers) < 3 else 10 + 3 * (len(group) - 1) + 2, class_="disc"
    )
    return [disc, element("text", numbers, x=percent(x), y=y + 4, class_="no", text_anchor="middle")]
