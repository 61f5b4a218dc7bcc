"""A report out of plain values that anyone may have written: every type, key and range is checked before it is used."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from ..errors import ArtifactError
from ..status import Kind, Status
from .values import Attempt, Histogram, Measure, Outcome, Row, StepEffect, Timing, Verdict

__all__ = ["VERSION", "Item", "measure", "plain_value", "row", "step_effect", "verdict"]

VERSION = 1  # of Report.to_dict
LARGEST = 2**63 - 1  # no file has more bytes and no tensor more entries
DEEPEST = 16  # levels in the machine's card; gossamer writes one


@dataclass(frozen=True)
class Item:
    """One object of the JSON and its place in it, by which errors name what is wrong."""

    values: Mapping[str, Any]
    place: str

    @classmethod
    def of(cls, value: Any, place: str) -> Item:
        if not isinstance(value, Mapping):
            raise _wrong(place, value, "an object")
        return cls(value, place)

    def take(self, key: str) -> Any:
        if key not in self.values:
            raise ArtifactError(f"{self._at(key)} is missing; this is no report, which Report.to_dict() gives")
        return self.values[key]

    def text(self, key: str) -> str:
        value = self.take(key)
        if not isinstance(value, str):
            raise _wrong(self._at(key), value, "text")
        return value

    def one_of(self, key: str, allowed: tuple[str, ...]) -> Any:
        value = self.take(key)
        if value not in allowed or not isinstance(value, str):
            raise _wrong(self._at(key), value, f"one of {', '.join(allowed)}")
        return value

    def flag(self, key: str) -> bool:
        value = self.take(key)
        if not isinstance(value, bool):
            raise _wrong(self._at(key), value, "true or false")
        return value

    def count(self, key: str) -> int:
        return _count(self.take(key), self._at(key))

    def figure(self, key: str) -> float:
        """A number; null stands for one that was not finite."""
        value = self.figure_or_none(key)
        return math.nan if value is None else value

    def figure_or_none(self, key: str) -> float | None:
        value = self.take(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
            raise _wrong(self._at(key), value, "a finite number or null")
        return value

    def entries(self, key: str) -> Sequence[Any]:
        value = self.take(key)
        if not isinstance(value, list | tuple):
            raise _wrong(self._at(key), value, "a list")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        entries = self.entries(key)
        for index, entry in enumerate(entries):
            if not isinstance(entry, str):
                raise _wrong(f"{self._at(key)}[{index}]", entry, "text")
        return tuple(entries)

    def items(self, key: str) -> list[Item]:
        return [Item.of(entry, f"{self._at(key)}[{index}]") for index, entry in enumerate(self.entries(key))]

    def item(self, key: str) -> Item:
        return Item.of(self.take(key), self._at(key))

    def item_or_none(self, key: str) -> Item | None:
        return None if self.take(key) is None else self.item(key)

    def _at(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key


def row(item: Item) -> Row:
    """The inverse of `Row.to_dict`."""
    shape = tuple(_count(n, f"{item.place}.shape[{i}]") for i, n in enumerate(item.entries("shape")))
    spread = item.item_or_none("histogram")
    return Row(
        name=item.text("name"),
        shape=shape,
        dtype=item.text("dtype"),
        status=_status(item),
        structure=item.text("structure"),
        method=item.text("method"),
        format=item.text("format"),
        bytes=item.count("bytes"),
        dense_bytes=item.count("dense_bytes"),
        density=item.figure("density"),
        error=item.figure_or_none("error"),
        aliases=item.texts("aliases"),
        attempts=tuple(Attempt(entry.text("step"), _status(entry)) for entry in item.items("attempts")),
        histogram=None if spread is None else _histogram(spread),
    )


def measure(item: Item) -> Measure:
    """The inverse of `Measure.to_dict`."""
    timings = item.item("timing")
    ms = {_batch(size, timings.place): _timing(timings.item(size)) for size in timings.values}
    medians = {
        _batch(size, f"{item.place}.ms"): item.item("ms").figure_or_none(size) for size in item.item("ms").values
    }
    if medians != {batch: timing.median if timing.median == timing.median else None for batch, timing in ms.items()}:
        raise ArtifactError(f"{item.place}: the medians in `ms` and in `timing` differ; the report was edited by hand")
    memory = None if item.take("peak_memory") is None else item.count("peak_memory")
    return Measure(item.count("bytes"), ms, item.figure_or_none("metric"), memory)


def verdict(item: Item) -> Verdict:
    """The inverse of `dataclasses.asdict`."""
    outcome = item.one_of("outcome", get_args(Outcome))
    return Verdict(item.text("question"), outcome, item.figure("before"), item.figure("after"), item.text("detail"))


def step_effect(item: Item) -> StepEffect:
    """The inverse of `dataclasses.asdict`."""
    metric = item.figure_or_none("metric")
    return StepEffect(item.text("step"), item.count("bytes"), metric, item.texts("helped"), item.text("note"))


def plain_value(value: Any, place: str, depth: int = 0) -> Any:
    """Any JSON value, checked: for the machine's card, whose keys are free."""
    if depth > DEEPEST:
        raise ArtifactError(f"{place:.80}: nested deeper than {DEEPEST} levels")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise _wrong(place, key, "text for a key")
        return {key: plain_value(entry, f"{place}.{key}", depth + 1) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(entry, f"{place}[{index}]", depth + 1) for index, entry in enumerate(value)]
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise _wrong(place, value, "a JSON value")


def _status(item: Item) -> Status:
    return Status(item.one_of("status", get_args(Kind)), item.text("reason"))


def _timing(item: Item) -> Timing:
    median, lower, upper, p95 = (item.figure(name) for name in ("median", "lower", "upper", "p95"))
    return Timing(median, lower, upper, p95, item.count("runs"))


def _histogram(item: Item) -> Histogram:
    weights, kept, after = (_counts(item, name) for name in ("weights", "kept", "after"))
    if not len(weights) == len(kept) == len(after) >= 1:
        raise ArtifactError(f"{item.place}: weights, kept and after have different numbers of bins, or none")
    return Histogram(item.figure("lower"), item.figure("upper"), weights, kept, after)


def _counts(item: Item, key: str) -> tuple[int, ...]:
    words = item.text(key).split(" ")
    if not all(word.isascii() and word.isdigit() and len(word) < 20 for word in words):
        raise _wrong(f"{item.place}.{key}", item.take(key), "counts, separated by a space")
    return tuple(map(int, words))


def _batch(text: str, place: str) -> int:
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 20 and str(int(text)) == text):
        raise _wrong(place, text, "a batch size for a key")
    return int(text)


def _count(value: Any, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise _wrong(place, value, "a whole number, at least 0")
    return value


def _wrong(place: str, value: Any, needed: str) -> ArtifactError:
    return ArtifactError(
        f"{place or 'the report'} is {_shown(value)}, and must be {needed}; "
        f"this is no report, which Report.to_dict() gives"
    )


def _shown(value: Any) -> str:
    """Short, and without walking what may be huge."""
    if isinstance(value, Mapping | list | tuple):
        return f"{type(value).__name__} of {len(value)}"
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**40 else "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}..."
