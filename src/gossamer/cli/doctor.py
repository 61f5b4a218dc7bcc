"""`gossamer doctor`."""

from __future__ import annotations

from dataclasses import asdict

from rich.text import Text

from .guard import DONE, ERROR
from .health import findings, resources
from .options import Json
from .screen import grid, only_json, show, show_json

__all__ = ["EXAMPLES", "doctor"]

EXAMPLES = ("gossamer doctor", "gossamer doctor --json")


def doctor(as_json: Json = False) -> int:
    """Check the installation: versions, kernels, optional packages, processor, memory, disk.

    Ends with exit code 0 when all that is needed is there, and 1 otherwise. Its output belongs into a bug report.
    """
    with only_json(as_json):
        found, machine = findings(), resources()
    problems = [finding for finding in found if finding.is_problem]
    if as_json:
        rows = [asdict(finding) | {"problem": finding.is_problem} for finding in found]
        show_json({"ok": not problems, "findings": rows, "machine": machine})
        return ERROR if problems else DONE
    lines = [[finding.name, finding.found, finding.state, finding.advice] for finding in found]
    figures = [
        [key, f"{value:,}" if isinstance(value, int) else str(value or "unknown")] for key, value in machine.items()
    ]
    ending = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}: {', '.join(p.name for p in problems)}"
    show(
        grid(["", "found", "", "advice"], lines),
        "",
        grid(["", ""], figures),
        "",
        Text(ending, style="red") if problems else Text("all that is needed is there", style="green"),
    )
    return ERROR if problems else DONE
