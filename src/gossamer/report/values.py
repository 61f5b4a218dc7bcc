"""The values a report is made of; each is frozen and plain."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ..status import Status

__all__ = ["HEADER_ROW", "Attempt", "Histogram", "Measure", "Outcome", "Row", "StepEffect", "Timing", "Verdict"]

Outcome = Literal["better", "worse", "within noise"]
HEADER_ROW = "(header and manifest)"  # the row of the file's bytes that belong to no tensor


@dataclass(frozen=True)
class Attempt:
    """What one step of the recipe did to a tensor it aimed at."""

    step: str
    status: Status


@dataclass(frozen=True)
class Histogram:
    """How one tensor's numbers are spread over equal bins from `lower` to `upper`.

    `weights` counts the entries as they arrived, before any step; `kept` those of them that are still held; `after` the
    numbers that are held now, which grids, codebooks and distillation have moved. What lies outside is counted in the
    first and the last bin. The three have one length.
    """

    lower: float
    upper: float
    weights: tuple[int, ...]
    kept: tuple[int, ...]
    after: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """The counts as text, "0 3 17": a list would take a line for each number in an indented file."""
        counts = {name: " ".join(map(str, getattr(self, name))) for name in ("weights", "kept", "after")}
        return {"lower": self.lower, "upper": self.upper} | counts


@dataclass(frozen=True)
class Row:
    """One tensor of the file.

    `bytes` is its share of the saved file, `dense_bytes` what it takes uncompressed. `density` is the fraction of
    entries held. `error` is ‖X(W − Ŵ)ᵀ‖² / ‖XWᵀ‖² with the calibration inputs' column energies (plain ‖W − Ŵ‖²/‖W‖²
    where there are none), from the last compressing step. `attempts` are the steps that aimed at it, in their order.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    status: Status
    structure: str = "dense"
    method: str = ""
    format: str = ""
    bytes: int = 0
    dense_bytes: int = 0
    density: float = 1.0
    error: float | None = None
    aliases: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    histogram: Histogram | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `status` is its kind and `reason` stands beside it."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "status": self.status.kind,
            "reason": self.status.reason,
            "structure": self.structure,
            "method": self.method,
            "format": self.format,
            "bytes": self.bytes,
            "dense_bytes": self.dense_bytes,
            "density": self.density,
            "error": self.error,
            "aliases": list(self.aliases),
            "attempts": [
                {"step": attempt.step, "status": attempt.status.kind, "reason": attempt.status.reason}
                for attempt in self.attempts
            ],
            "histogram": self.histogram.to_dict() if self.histogram else None,
        }


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one forward pass: the median of interleaved runs, the quartiles, the 95th percentile."""

    median: float
    lower: float
    upper: float
    p95: float
    runs: int


@dataclass(frozen=True)
class Measure:
    """One model as measured: bytes of its file, ms by batch size, the user's metric, peak bytes of a forward pass."""

    bytes: int
    ms: dict[int, Timing] = field(default_factory=dict)
    metric: float | None = None
    peak_memory: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """`ms` holds the medians; `timing` the whole record."""
        return {
            "bytes": self.bytes,
            "ms": {str(batch): timing.median for batch, timing in self.ms.items()},
            "metric": self.metric,
            "peak_memory": self.peak_memory,
            "timing": {str(batch): asdict(timing) for batch, timing in self.ms.items()},
        }


@dataclass(frozen=True)
class Verdict:
    """One question and its measured answer: smaller? faster at batch b? as good?"""

    question: str
    outcome: Outcome
    before: float
    after: float
    detail: str = ""


@dataclass(frozen=True)
class StepEffect:
    """What one step of the recipe brought: the file's bytes and the metric right after it, and whom it helped."""

    step: str
    bytes: int
    metric: float | None
    helped: tuple[str, ...]
    note: str = ""
