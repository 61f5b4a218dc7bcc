"""Figures and verdicts in words, as the page shows them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from ..report import Report, Verdict
from ..report.tables import outcome
from ..report.text import printable

__all__ = ["Tile", "count", "figure", "finite", "headline", "name", "size", "tiles"]

DRAWABLE = 1e100
UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
SPEED = {"better": "faster", "worse": "slower", "within noise": "as fast, within noise,"}
METRIC = {
    "better": "The metric is better.",
    "worse": "The metric is worse.",
    "within noise": "The metric is as good, within the tolerance.",
}


@dataclass(frozen=True)
class Tile:
    """One of the large figures at the top; `mood` is better, worse or nothing."""

    label: str
    value: str
    detail: str
    mood: str = ""


def finite(*values: float | None) -> bool:
    """Whether all are there and are numbers that can be drawn: spans and squares of them stay numbers."""
    return all(value is not None and abs(value) < DRAWABLE for value in values)


def size(count: int) -> str:
    """Bytes in three digits.

    >>> size(712), size(4955), size(20_821_763)
    ('712 bytes', '4.96 kB', '20.8 MB')
    """
    if abs(count) < 1000:
        return f"{count} byte" if count == 1 else f"{count} bytes"
    power = min(int((len(str(abs(count))) - 1) / 3), len(UNITS) - 1)
    if round(abs(count) / 1000**power, 0 if abs(count) >= 100 * 1000**power else 1) >= 1000 and power < len(UNITS) - 1:
        power += 1
    return f"{_digits(count / 1000**power, 3)} {UNITS[power]}"


def figure(value: float | None, digits: int = 4) -> str:
    """A number with so many digits, trailing zeros gone; "–" where there is none.

    >>> figure(99.33333), figure(0.00005312, 2), figure(None)
    ('99.33', '5.3e-05', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value != 0 and not 1e-4 <= abs(value) < 1e7:
        return f"{value:.{digits - 1}e}".replace("-", "−", 1) if value < 0 else f"{value:.{digits - 1}e}"
    return _digits(value, digits).replace("-", "−")


def count(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many}"


def name(text: str) -> Markup:
    """A tensor's name that breaks at its dots, isolated so that no letter of it turns the line around."""
    parts = [escape(part) for part in printable(text).split(".")]
    return Markup("<bdi>") + Markup(".<wbr>").join(parts) + Markup("</bdi>")


def headline(report: Report) -> str:
    """The verdicts as sentences."""
    return " ".join([*_size_told(report), *_speed_told(report.verdicts), *_metric_told(report), *_trouble_told(report)])


def tiles(report: Report) -> list[Tile]:
    """The figures that matter most: times smaller, milliseconds, the metric."""
    before, after = report.before, report.after
    found = []
    if before is not None and after is not None and before.bytes and after.bytes:
        grown = after.bytes > before.bytes
        factor = after.bytes / before.bytes if grown else before.bytes / after.bytes
        change = f"{size(before.bytes)} → {size(after.bytes)}"
        mood = "worse" if grown else "better" if factor > 1 else ""
        found.append(Tile("times larger" if grown else "times smaller", f"{_digits(factor, 3)}×", change, mood))
    for batch in list(_timed(report))[:3]:
        then, now = _timed(report)[batch]
        said = outcome(report.verdicts, f"faster at batch {batch}?")
        detail = f"was {figure(then, 3)}" + (f": {said}" if said else "")
        found.append(Tile(f"ms at batch {batch}", figure(now, 3), detail, _mood(said)))
    if before is not None and after is not None and finite(before.metric, after.metric):
        said = outcome(report.verdicts, "as good?")
        detail = f"was {figure(before.metric)}" + (f": {said}" if said else "")
        found.append(Tile(printable(report.metric), figure(after.metric), detail, _mood(said)))
    return found


def _timed(report: Report) -> dict[int, tuple[float, float]]:
    if report.before is None or report.after is None:
        return {}
    medians = {
        batch: (timing.median, report.after.ms[batch].median)
        for batch, timing in report.before.ms.items()
        if batch in report.after.ms
    }
    return {batch: pair for batch, pair in medians.items() if finite(*pair)}


def _size_told(report: Report) -> list[str]:
    before, after = report.before, report.after
    if before is None or after is None or not before.bytes or not after.bytes:
        return [f"The file takes {size(report.bytes)}."]
    if before.bytes == after.bytes:
        return ["The file is as large as before."]
    if after.bytes > before.bytes:
        return [f"The file is {_digits(after.bytes / before.bytes, 3)} times larger."]
    return [f"The file is {_digits(before.bytes / after.bytes, 3)} times smaller."]


def _speed_told(verdicts: Sequence[Verdict]) -> list[str]:
    asked = [verdict for verdict in verdicts if verdict.question.startswith("faster at batch ")]
    batches: dict[str, list[str]] = {}
    for verdict in asked:
        batches.setdefault(verdict.outcome, []).append(verdict.question.removeprefix("faster at batch ").rstrip("?"))
    told = [f"{SPEED[what]} at batch {' and '.join(found)}" for what, found in batches.items()]
    return [f"The model is {', and '.join(told)}."] if told else []


def _metric_told(report: Report) -> list[str]:
    said = outcome(report.verdicts, "as good?")
    return [METRIC[said]] if said in METRIC else []


def _trouble_told(report: Report) -> list[str]:
    kinds = [row.status.kind for row in report.rows]
    failed, skipped = kinds.count("failed"), kinds.count("skipped")
    told = [f"{count(failed, 'tensor', 'tensors')} failed"] if failed else []
    told += [f"{count(skipped, 'tensor was', 'tensors were')} skipped"] if skipped else []
    # A number is not left alone at the end of a line.
    return [f"{' and '.join(told)}; the table of tensors says why.".replace(" ", "\u00a0", 1)] if told else []


def _mood(said: str) -> str:
    return said if said in ("better", "worse") else ""


def _digits(value: float, digits: int) -> str:
    """So many significant digits, with commas in the thousands."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    places = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{rounded:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text and abs(rounded) >= 100 else text
