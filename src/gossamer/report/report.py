"""What was done to each tensor and what it brought, as one value that prints as text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import ArtifactError
from . import plain as reading
from .notebook import notebook
from .plain import VERSION, Item
from .tables import effects, ending, footnotes, layers, totals
from .text import aligned, paragraphs
from .values import Measure, Row, StepEffect, Verdict

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """A row per stored tensor, before and after, the verdicts, and what each step brought.

    `metric` is what the user's metric is called, and `higher_is_better` which way it points.

    `str(report)` is its text: small tensors that were left as they are share a line, and long reasons stand below the
    table. `to_dict` keeps every row; `from_dict` reads it back.
    """

    rows: tuple[Row, ...]
    before: Measure | None = None
    after: Measure | None = None
    verdicts: tuple[Verdict, ...] = ()
    steps: tuple[StepEffect, ...] = ()
    notes: tuple[str, ...] = ()
    output_difference: float | None = None
    machine: dict[str, Any] = field(default_factory=dict)
    metric: str = "metric"
    higher_is_better: bool = True

    @property
    def bytes(self) -> int:
        """Bytes of the file: the rows' sum."""
        return sum(row.bytes for row in self.rows)

    def row(self, name: str) -> Row:
        """The row of a tensor, by its name or an alias. Raises KeyError."""
        for row in self.rows:
            if name == row.name or name in row.aliases:
                return row
        raise KeyError(f"no tensor {name!r}; rows are {', '.join(row.name for row in self.rows)}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for strict JSON: a figure that is no finite number becomes None."""
        plain: dict[str, Any] = _finite(
            {
                "version": VERSION,
                "metric": self.metric,
                "higher_is_better": self.higher_is_better,
                "before": self.before.to_dict() if self.before else None,
                "after": self.after.to_dict() if self.after else None,
                "layers": [row.to_dict() for row in self.rows],
                "verdicts": [asdict(verdict) for verdict in self.verdicts],
                "steps": [asdict(step) for step in self.steps],
                "notes": list(self.notes),
                "output_difference": self.output_difference,
                "machine": dict(self.machine),
            }
        )
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Report:
        """The report that `to_dict` gave these values.

        `Report.from_dict(report.to_dict()) == report` wherever all figures are finite; the others come back as NaN, or
        as None where a figure may be missing. Keys that gossamer does not write are passed over.

        Args: plain, as json.load gives it. It may come from anywhere: nothing in it is believed unchecked.
        Raises: ArtifactError that names the first key that is missing or holds what it cannot.

        >>> from gossamer.status import Status
        >>> report = Report((Row("fc.weight", (4, 2), "float32", Status.done(), bytes=20, dense_bytes=32),))
        >>> Report.from_dict(report.to_dict()) == report
        True
        """
        item = Item.of(plain, "")
        version = item.take("version")
        if version != VERSION or isinstance(version, bool):
            raise ArtifactError(
                f"the report is of version {version!r:.40}, and this gossamer reads version {VERSION}; "
                f"read it with the gossamer that wrote it"
            )
        before, after = item.item_or_none("before"), item.item_or_none("after")
        return cls(
            rows=tuple(map(reading.row, item.items("layers"))),
            before=None if before is None else reading.measure(before),
            after=None if after is None else reading.measure(after),
            verdicts=tuple(map(reading.verdict, item.items("verdicts"))),
            steps=tuple(map(reading.step_effect, item.items("steps"))),
            notes=item.texts("notes"),
            output_difference=item.figure_or_none("output_difference"),
            machine=reading.plain_value(item.item("machine").values, "machine"),
            metric=item.text("metric"),
            higher_is_better=item.flag("higher_is_better"),
        )

    def __str__(self) -> str:
        parts = [
            aligned(totals(self.before, self.after, self.verdicts, self.metric)),
            aligned(layers(self.rows)),
            paragraphs(footnotes(self.rows)),
            aligned(effects(self.steps)),
            paragraphs(ending(self.verdicts, self.output_difference, self.notes)),
        ]
        return "\n\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        return notebook(
            [totals(self.before, self.after, self.verdicts, self.metric), layers(self.rows)],
            footnotes(self.rows),
            [effects(self.steps)],
            ending(self.verdicts, self.output_difference, self.notes),
        )


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
