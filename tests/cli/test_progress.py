"""Progress: bars on a terminal, lines in a log, nothing when nobody asked."""

from __future__ import annotations

import io
import re
import time

import pytest
from rich.console import Console

from gossamer.progress import stage, track
from gossamer.render import progress as module
from gossamer.render.progress import show_progress

REDRAWN = 10  # times a second, by rich


def work() -> list[int]:
    with stage("waiting [here]"):
        return list(track("counting", range(3), 3))


def test_a_log_gets_a_line_a_task_and_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress():
        assert work() == [0, 1, 2]
    assert capsys.readouterr().err == ""
    with show_progress(lines=True):
        assert work() == [0, 1, 2]
    assert capsys.readouterr() == ("", "waiting [here] ...\ncounting (3) ...\n")
    with show_progress(lines=True, quiet=True):
        work()
    assert capsys.readouterr().err == ""


def test_a_long_task_says_how_long_it_took(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 75.0])
    monkeypatch.setattr(module, "monotonic", lambda: next(clock))
    with show_progress(lines=True), stage("waiting"):
        pass
    assert capsys.readouterr().err.splitlines()[-1] == "waiting: 75 s"


def test_a_terminal_gets_bars_with_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=100)
    monkeypatch.setattr(module, "Console", lambda stderr: terminal)
    with show_progress():
        for _ in track("counting [x]", range(3), 3):
            time.sleep(2 / REDRAWN)
    said = screen.getvalue()
    assert "counting [x]" in said
    assert re.search(r"[12]/3 +\d:\d\d, \d:\d\d left", said)


def test_an_error_in_the_work_goes_through(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with show_progress(lines=True):
            for divisor in track("dividing", [0], 1):
                print(1 / divisor)

    with pytest.raises(ZeroDivisionError):
        fail()
    assert capsys.readouterr().err.startswith("dividing")
