"""SVG by small functions. Lengths along x are per cent of the drawing's width, so that it fills any screen while its
letters and strokes keep their size; lengths along y are pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup, escape

from ..report.text import printable

__all__ = ["TINY", "Scale", "drawing", "element", "linear", "logarithmic", "percent"]

SHAPES = ("br", "circle", "line", "path", "rect")
NICE = (1, 2, 5, 10)
TINY = 1e-200  # what is smaller is drawn as 0: its logarithms and quotients leave the range of floats


def element(tag: str, *children: str, **attributes: object) -> Markup:
    """An element with escaped attributes and children; an attribute that is None is left out.

    What is no visible letter is shown by its number.

    >>> element("rect", x="3%", stroke_width=2, class_="a&b")
    Markup('<rect x="3%" stroke-width="2" class="a&amp;b"/>')
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(printable(str(value)))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = "".join(child if isinstance(child, Markup) else escape(printable(child)) for child in children)
    # Inside HTML only SVG's own elements may close themselves: <span/> would stay open.
    return Markup(f"<{tag}{written}/>" if tag in SHAPES and not inside else f"<{tag}{written}>{inside}</{tag}>")


def drawing(height: int, *children: str, label: str = "", **attributes: object) -> Markup:
    """An SVG as wide as its place. Without a label it is decoration: the text beside it says all."""
    if label:
        return element("svg", element("title", label), *children, height=height, role="img", **attributes)
    return element("svg", *children, height=height, aria_hidden="true", **attributes)


def percent(share: float) -> str:
    """A share of the width.

    >>> percent(0.25), percent(1 / 3)
    ('25%', '33.33%')
    """
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + "%"


@dataclass(frozen=True)
class Scale:
    """From figures to shares of an axis: 0 at `low`, 1 at `high`; what lies outside goes to the nearer end."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high, value = (self._along(x) for x in (self.low, self.high, value))
        return min(1.0, max(0.0, (value - low) / (high - low)))

    def ticks(self, about: int = 5) -> list[float]:
        """At most so many round figures along the axis."""
        return _factors(self, about) if self.log and self.high >= 10 * self.low else _rounds(self, about)

    @property
    def digits(self) -> int:
        """Significant digits that tell the ticks of an axis that is no logarithm apart."""
        ticks = self.ticks()
        step = ticks[1] - ticks[0] if len(ticks) > 1 else self.high - self.low
        largest = max(abs(self.low), abs(self.high))
        return max(1, math.floor(math.log10(largest) + 1e-9) - math.floor(math.log10(step) + 1e-9) + 1)

    def _along(self, value: float) -> float:
        return math.log10(max(value, self.low / 10)) if self.log else value


def linear(values: list[float], *, margin: float = 0.0, zero: bool = False) -> Scale:
    """A scale that holds all values, with a margin as a share of their span; from 0 on if asked."""
    low, high = min(values), max(values)
    spread = high - low
    if spread <= max(TINY, 1e-12 * max(abs(low), abs(high))):  # all alike: they lie in the middle
        spread = max(abs(low), abs(high)) / 2
        spread = spread if spread > TINY else 1.0
        low, high = low - spread / 2, high + spread / 2
    return Scale(0.0 if zero else low - margin * spread, high + margin * spread)


def logarithmic(values: list[float], *, margin: float = 0.0) -> Scale:
    """A scale of factors that holds all values above 0, from half the least to twice the largest if they are near."""
    positive = [value for value in values if value > TINY]
    low, high = min(positive), max(positive)
    factor = (high / low) ** margin if high >= 4 * low else 2.0
    return Scale(low / factor, high * factor, log=True)


def _factors(scale: Scale, most: int) -> list[float]:
    first, last = math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high))
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        ticks = [m * 10.0**power for power in range(first, last + 1) for m in mantissas]
        inside = [tick for tick in ticks if scale.low <= tick * (1 + 1e-9) and tick <= scale.high * (1 + 1e-9)]
        if len(inside) <= most:
            return inside
    return inside[:: math.ceil(len(inside) / most)]


def _rounds(scale: Scale, most: int) -> list[float]:
    span = scale.high - scale.low
    unit = 10.0 ** math.floor(math.log10(span / most))
    step = next(unit * nice for nice in NICE if span / (unit * nice) <= most)
    first = math.ceil(scale.low / step - 1e-9)
    return [step * n for n in range(first, math.floor(scale.high / step + 1e-9) + 1)]
