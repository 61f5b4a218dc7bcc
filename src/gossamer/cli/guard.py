"""From what a command raises to an exit code and one message."""

from __future__ import annotations

import functools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

import typer

from ..errors import GossamerError
from .screen import complain

__all__ = ["DONE", "ERROR", "EXIT_CODES", "INTERRUPTED", "NO_READER", "TERMINATED", "WORSE", "WRONG_USAGE", "guarded"]

DONE, ERROR, WRONG_USAGE, WORSE, INTERRUPTED, NO_READER, TERMINATED = 0, 1, 2, 3, 130, 141, 143
EXIT_CODES = {
    DONE: "done",
    ERROR: "an error; one message on stderr says what to do",
    WRONG_USAGE: "wrong usage: an unknown command or option, or a missing argument",
    WORSE: "done, but the metric lost more than the --tolerance that was given",
    INTERRUPTED: "interrupted (Ctrl-C); no file was left half-written",
    NO_READER: "the reader of a pipe went away, as `| head` does",
    TERMINATED: "terminated (SIGTERM); no file was left half-written",
}
DEBUG = "GOSSAMER_DEBUG"


def guarded(command: Callable[..., int | None]) -> Callable[..., None]:
    """The command with its signature, ended by `typer.Exit` with one of the exit codes whatever happens in it."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        # Raised, so that `finally` clauses run: drafts are removed and the measuring process is ended.
        before = signal.signal(signal.SIGTERM, _terminated) if _in_main_thread() else None
        try:
            code = _code(lambda: command(*arguments, **options))
        finally:
            if before is not None:
                signal.signal(signal.SIGTERM, before)
        raise typer.Exit(code)

    return run


def _code(command: Callable[[], int | None]) -> int:
    try:
        return command() or DONE
    except (typer.Exit, typer.BadParameter):
        raise
    except BrokenPipeError:
        return _no_reader()
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except GossamerError as error:
        _trace()
        complain(str(error))
    except Exception as error:
        _trace()
        advice = "" if os.environ.get(DEBUG) else f"; {DEBUG}=1 shows the traceback"
        complain(f"{type(error).__name__}: {error} (not foreseen{advice})")
    return ERROR


def _trace() -> None:
    if os.environ.get(DEBUG):
        traceback.print_exc()


def _no_reader() -> int:
    """Nothing more can be written; without this the interpreter would complain once more when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    return NO_READER


def _terminated(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


def _in_main_thread() -> bool:
    try:
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    except (ValueError, TypeError):  # another thread may not; a handler from outside Python cannot be put back
        return False
    return True
