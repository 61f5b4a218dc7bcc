"""What a command says, and where: results on stdout, everything else on stderr, colours for people only."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ..errors import GossamerError
from ..report import Report
from ..report.tables import effects, ending, totals
from ..report.text import printable

__all__ = ["complain", "grid", "headline", "note", "only_json", "printed", "show", "show_json"]

UNWRAPPED = 100_000  # columns of a pipe: a line is a line there, whatever its length
COLOURS = {"better": "green", "worse": "red", "within noise": "yellow", "ok": "green", "missing": "red", "old": "red"}


def show(*parts: RenderableType) -> None:
    """Print to stdout, tables aligned; without padding at the lines' ends where nobody watches."""
    console = _console(sys.stdout)
    with _writing(), console.capture() as captured:  # which ends by writing nothing, and a full device refuses that
        for part in parts:
            console.print(part)
    text = captured.get()
    if not console.is_terminal:
        text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    printed(text)


def printed(text: str) -> None:
    """Print text that is laid out already, such as a report or YAML."""
    # Not by rich, which ends the process by itself when the reader of a pipe has gone. And not in one piece: an
    # unbuffered stdout gives a pipe what it takes and drops the rest without a word.
    with _writing():
        sys.stdout.writelines(text.splitlines(keepends=True))
        sys.stdout.flush()


def show_json(value: Any) -> None:
    """The one document that `--json` prints. Figures are finite or null: NaN is no JSON."""
    printed(json.dumps(value, indent=1, allow_nan=False) + "\n")


def note(text: str) -> None:
    """A line for whoever watches, on stderr."""
    _console(sys.stderr).print(text, soft_wrap=True)


def complain(text: str) -> None:
    """The one message of a command that failed."""
    _console(sys.stderr).print(
        Text.assemble(("error: ", "bold red"), "\n".join(map(printable, text.split("\n")))), soft_wrap=True
    )


@contextmanager
def only_json(wanted: bool) -> Iterator[None]:
    """While this runs, what a user's own code or a library prints goes to stderr, if stdout is kept for JSON."""
    if not wanted:
        yield
        return
    sys.stdout.flush()
    with _descriptor_redirected(), redirect_stdout(sys.stderr):
        yield


def grid(head: Sequence[str], lines: Sequence[Sequence[RenderableType]], right: str = "") -> Table:
    """Columns side by side; those whose letter in `right` is `r` are aligned to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(head))
    sides = (right + "l" * len(head))[: len(head)]
    for title, side in zip(head, sides, strict=True):
        table.add_column(title, justify="right" if side == "r" else "left", overflow="fold")
    for line in lines:
        table.add_row(*(_cell(part) if isinstance(part, str) else part for part in line))
    return table


def headline(report: Report) -> list[RenderableType]:
    """What a report says of the whole model: before and after, each step, the verdicts and notes; no tensors."""
    tables = [totals(report.before, report.after, report.verdicts, report.metric), effects(report.steps)]
    parts: list[RenderableType] = []
    for table in filter(None, tables):
        parts += [grid(table.head, table.cells, table.sides), ""]
    return [*parts, *map(printable, ending(report.verdicts, report.output_difference, report.notes))]


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise GossamerError(
            f"stdout cannot be written ({error.strerror}); make room there, or send it elsewhere"
        ) from error


def _cell(text: str) -> Text:
    """A verdict in its colour, any other text as it is, without what would move a terminal's cursor."""
    return Text(printable(text), style=COLOURS.get(text, ""))


def _console(file: TextIO) -> Console:
    # Made anew each time: streams may be exchanged, and NO_COLOR set, while a command runs.
    # Names and messages are no markup: a layer may be called [0].
    plain = {"highlight": False, "markup": False, "emoji": False}
    console = Console(file=file, **plain)  # type: ignore[arg-type]
    return console if console.is_terminal else Console(file=file, width=UNWRAPPED, **plain)  # type: ignore[arg-type]


@contextmanager
def _descriptor_redirected() -> Iterator[None]:
    """Descriptor 1 leads to 2 for a while: native code and child processes print past `sys.stdout`."""
    try:
        real = sys.stdout.fileno() == 1
    except (AttributeError, OSError, ValueError):
        real = False  # a test or a notebook has put another object there
    if not real:
        yield
        return
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
