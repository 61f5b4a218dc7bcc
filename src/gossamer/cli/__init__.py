"""Room 13: the command line. Each command calls the rooms below and prints; `app.COMMANDS` is the one table."""

from __future__ import annotations

from collections.abc import Sequence

from typer.main import get_command

from .app import application

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `gossamer` with these arguments (by default the process's own) and return its exit code.

    >>> main(["--version"])
    gossamer ...
    0
    """
    try:
        get_command(application()).main(None if arguments is None else list(arguments), prog_name="gossamer")
    except SystemExit as end:  # what typer ends every command with
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
