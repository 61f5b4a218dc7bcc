"""Room 1: what was done to each tensor and what it brought: plain rows, measured figures, verdicts.

Plain on purpose: it knows no tensor and no model, and prints as text. `report.json` is `Report.to_dict()`, which
`Report.from_dict` reads back; the page with plots is made in `render`.
"""

from .folding import Line, lines, reasons
from .report import Report
from .text import shortened_alike, table
from .values import HEADER_ROW, Attempt, Histogram, Measure, Outcome, Row, StepEffect, Timing, Verdict

__all__ = [
    "HEADER_ROW",
    "Attempt",
    "Histogram",
    "Line",
    "Measure",
    "Outcome",
    "Report",
    "Row",
    "StepEffect",
    "Timing",
    "Verdict",
    "lines",
    "reasons",
    "shortened_alike",
    "table",
]
