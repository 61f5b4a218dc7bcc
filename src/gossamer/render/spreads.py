"""Histograms of weights in small multiples.

Above the line the weights as they arrived, the kept part marked; below it the numbers held now.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ..report import Histogram, Report, Row
from .svg import element
from .words import figure, finite, name

__all__ = ["spreads"]

SHOWN = 12  # the layers with the largest errors; the others are folded
UP, DOWN = 48, 28  # heights of the two halves


def spreads(report: Report) -> tuple[Markup, Markup, int] | None:
    """The most telling layers, the others, and how many these are; None where no row has a histogram.

    Telling are the layers with the largest errors; both parts keep the model's order.
    """
    rows = [row for row in report.rows if row.histogram is not None and _drawable(row.histogram)]
    if not rows:
        return None
    ranked = sorted(rows, key=lambda row: row.error if row.error is not None and finite(row.error) else -1.0)
    first = {id(row) for row in ranked[-SHOWN:]}
    parts = ([row for row in rows if (id(row) in first) == shown] for shown in (True, False))
    shown, others = ([_multiple(row) for row in part] for part in parts)
    return Markup("").join(shown), Markup("").join(others), len(others)


def _multiple(row: Row) -> Markup:
    found = row.histogram
    assert found is not None, "only rows with a histogram come here"
    kept = sum(found.kept) / max(sum(found.weights), 1)
    told = f"{100 * kept:.3g}% kept"
    ends = f"{figure(found.lower, 2)} to {figure(found.upper, 2)}"
    picture = element(
        "svg",
        *_layers(found),
        viewBox=f"0 0 {len(found.weights)} {UP + DOWN}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{row.name}: weights from {ends}, {told}",
    )
    return element("figure", picture, element("figcaption", element("b", name(row.name)), told, element("br"), ends))


def _layers(found: Histogram) -> list[Markup]:
    top, deep = max(found.weights), max(found.after) or 1
    whole = sum(found.kept) == sum(found.weights)
    above = [] if whole else [element("path", d=_area(found.weights, top, UP, -1), class_="all")]
    return [
        *above,
        element("path", d=_area(found.kept, top, UP, -1), class_="kept"),
        element("path", d=_area(found.after, deep, DOWN, 1), class_="held"),
    ]


def _area(counts: Sequence[int], most: int, height: int, sign: int) -> str:
    """Steps along the bins, upwards (−1) or downwards (1) from the common line; heights go by the square root."""
    path, level = [f"M0 {UP}"], 0
    for count in counts:
        there = sign * round(height * (count / most) ** 0.5)
        if there != level:
            path.append(f"v{there - level}")
        level = there
        path.append("h1")
    return "".join(path).replace("h1h1", "h2") + f"v{-level}z"


def _drawable(found: Histogram) -> bool:
    return finite(found.lower, found.upper) and max(found.weights) > 0
