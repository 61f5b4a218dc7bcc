"""Progress for people: bars with the time left in a terminal or a notebook, plain lines in a log, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from ..progress import listening

__all__ = ["show_progress"]


@contextmanager
def show_progress(*, lines: bool = False, quiet: bool = False) -> Iterator[None]:
    """What the block runs is shown while it runs: a bar for each task that passes `track` or `stage` tell of.

    Bars are drawn on stderr when that is a terminal, and in a notebook that has ipywidgets. Elsewhere there is nothing,
    or with `lines` one plain line for each task when it begins, for logs.

    Args: lines, whether to print lines where bars cannot be drawn; quiet, nothing at all.

    >>> from gossamer.progress import track
    >>> with show_progress(quiet=True):
    ...     sum(track("adding", [1, 2], 2))
    3
    """
    console = Console(stderr=True)
    if quiet or (not _draws(console) and not lines):
        yield
    elif _draws(console):
        with _bars(console) as bars, listening(Bars(bars)):
            yield
    else:
        with listening(Lines()):
            yield


class Bars:
    """A listener that draws."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def began(self, task: str, total: int | None) -> None:
        self._tasks[task] = self._bars.add_task(task, total=total)

    def at(self, task: str, done: int) -> None:
        self._bars.update(self._tasks[task], completed=done)

    def ended(self, task: str) -> None:
        # A finished bar makes room: a model of a hundred layers would fill the screen.
        self._bars.remove_task(self._tasks.pop(task))


class Lines:
    """A listener that writes a line to stderr when a task begins, and one that says how long a longer one took."""

    SHORT = 10.0  # seconds up to which nobody asks how long it took

    def __init__(self) -> None:
        self._began: dict[str, float] = {}

    def began(self, task: str, total: int | None) -> None:
        self._began[task] = monotonic()
        self._write(f"{task} ..." if total is None else f"{task} ({total}) ...")

    def at(self, task: str, done: int) -> None:
        pass

    def ended(self, task: str) -> None:
        seconds = monotonic() - self._began.pop(task)
        if seconds > self.SHORT:
            self._write(f"{task}: {seconds:.0f} s")

    @staticmethod
    def _write(line: str) -> None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _bars(console: Console) -> Progress:
    # A task's name is the user's own words at times, and no markup.
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), Figures())
    return Progress(*columns, console=console, transient=True)


class Figures(ProgressColumn):
    """How far a task is and the time left; of one whose parts are not known, the time that it took so far."""

    def render(self, task: Task) -> Text:
        elapsed = _clock(task.elapsed)
        if task.total is None:
            return Text(elapsed)
        return Text(f"{task.completed:.0f}/{task.total:.0f}  {elapsed}, {_clock(task.time_remaining)} left")


def _clock(seconds: float | None) -> str:
    """Minutes and seconds, with hours where there are any.

    >>> _clock(61), _clock(3661), _clock(None)
    ('1:01', '1:01:01', '-:--')
    """
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _draws(console: Console) -> bool:
    if console.is_jupyter:  # without ipywidgets rich would warn at each bar and draw none
        return find_spec("ipywidgets") is not None
    return console.is_terminal and not console.is_dumb_terminal
