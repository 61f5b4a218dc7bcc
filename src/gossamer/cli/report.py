"""`gossamer report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import rooms
from .options import Json
from .output import REPORT, titled
from .screen import note, only_json, printed, show_json

__all__ = ["EXAMPLES", "report"]

EXAMPLES = (
    "gossamer report demo/report.json",
    "gossamer report demo/report.json --html page.html",
    "gossamer report demo/report.json --json | jq .verdicts",
)


def report(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A report.json, or the folder in which one lies.")],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the page with plots there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a saved report again: as text, as JSON, or as a page."""
    with only_json(as_json):
        file = path / REPORT if path.is_dir() else path
        found = rooms.render.read_report(file)
    if html is not None:
        rooms.render.write_html(found, html, title=titled(file.parent))
        note(f"wrote {html}")
    if as_json:
        show_json(found.to_dict())
    elif html is None:
        printed(f"{found}\n")
