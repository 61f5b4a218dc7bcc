"""The report as one page of HTML that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

import os
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ..artifact.saving import write_atomically
from ..report import HEADER_ROW, Report, lines, reasons
from ..report.tables import ending, helped, layers, totals
from ..report.text import printable
from ..status import Kind
from .course import course
from .errors import error_plot
from .latency import latency
from .spreads import spreads
from .waterfall import waterfall
from .words import count, figure, headline, name, size, tiles

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["html", "write_html"]


def html(report: Report, *, title: str = "Compression report") -> str:
    """A report as one self-contained page of HTML, for screens of any width, light or dark, and for paper.

    It holds the verdicts in words, the figures before and after, where the bytes went, the error of each layer, size
    against metric over the recipe's steps, the spread of the weights, milliseconds with their spread, and the table of
    all tensors. A part that was not measured is left out. Nothing is fetched and no script runs.

    Args: report; title, the page's heading.
    Returns: the page; it is UTF-8 when written.

    >>> page = html(Report(()), title="MiniLM <int8>")
    >>> "<h1>MiniLM &lt;int8&gt;</h1>" in page, "://" in page
    (True, False)
    """
    return _template().render(_shown(report, title))


def write_html(report: Report, path: str | os.PathLike[str], *, title: str = "Compression report") -> None:
    """Write the page to a file, whole or not at all. Raises ArtifactError where it cannot be written."""
    # A name may hold half a surrogate pair, which no UTF-8 can; it is shown by its number.
    write_atomically(Path(path), html(report, title=title).encode("utf-8", "backslashreplace"))


def _shown(report: Report, title: str) -> dict[str, Any]:
    """What the template is given, by section; None leaves a section out."""
    shown = lines(report.rows)
    table = layers(report.rows)
    kinds = Counter(row.status.kind for row in report.rows if row.name != HEADER_ROW)
    return {
        "title": printable(title),
        "headline": headline(report),
        "tiles": tiles(report),
        "kinds": [(kind, kinds[kind]) for kind in get_args(Kind) if kinds[kind]],
        "totals": totals(report.before, report.after, report.verdicts, report.metric),
        "latency": latency(report),
        "waterfall": waterfall(report),
        "errors": error_plot(report),
        "course": course(report),
        "metric": report.metric,
        "higher_is_better": report.higher_is_better,
        "steps": report.steps,
        "scored": any(step.metric is not None for step in report.steps),
        "spreads": spreads(report),
        "table": table,
        "tensors": list(zip(shown, table.cells, strict=False)),
        "total": table.cells[-1],
        "reasons": reasons(report.rows),
        "folds": [line for line in shown if line.folded],
        "ending": ending(report.verdicts, report.output_difference, report.notes),
        "machine": report.machine,
    }


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("gossamer", "render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"helped": helped, "name": name, "size": size, "figure": figure, "printable": printable}
    environment.globals |= {"count": count}
    return environment.get_template("report.jinja")
