"""Ctrl-C and SIGTERM in a process of its own: the code, one line, and nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gossamer.cli import guard

SLOW = """
import time, torch
from torch import nn
from pathlib import Path

def network():
    return nn.Linear(16, 4)

def slow(model):
    Path("began").touch()
    time.sleep(60)
    return 0.0
"""
PATIENCE = 60.0  # seconds until an import of torch has surely ended, on a machine that does other things


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, guard.INTERRUPTED), (signal.SIGTERM, guard.TERMINATED)], ids=["INT", "TERM"]
)
def test_an_interrupted_command_leaves_nothing(
    number: signal.Signals, code: int, shell: Callable[..., subprocess.Popen[bytes]], here: Path
) -> None:
    (here / "slowly.py").write_text(SLOW)
    command = ("compress", "slowly:network", "-r", "fast", "-o", "out", "--metric", "slowly:slow")
    # A suite that runs in the background ignores SIGINT, and its children would inherit that.
    child = shell(*command, start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    until = time.monotonic() + PATIENCE
    while not (here / "began").exists() and time.monotonic() < until and child.poll() is None:
        time.sleep(0.05)
    assert (here / "began").exists(), child.communicate()
    os.kill(child.pid, number)
    out, err = child.communicate(timeout=PATIENCE)
    assert child.returncode == code
    assert out == b""
    assert b"Traceback" not in err
    assert {path.name for path in here.iterdir()} - {"__pycache__"} == {"usersown.py", "slowly.py", "began"}


def test_a_killed_command_takes_its_measuring_process_along(
    shell: Callable[..., subprocess.Popen[bytes]], here: Path
) -> None:
    (here / "slowly.py").write_text(
        "import os, time, torch\nfrom torch import nn\nfrom pathlib import Path\n"
        "def network(): return nn.Linear(16, 4)\n"
        "example = torch.ones(1, 16)\n"
        "def score(model):\n"
        "    if os.getpid() == int(os.environ.setdefault('FIRST', str(os.getpid()))): return 0.0\n"
        "    Path('began').write_text(str(os.getpid())); Path('began').rename('child'); time.sleep(600)\n"
    )
    (here / "tmp").mkdir()
    options = ("-r", "fast", "--metric", "slowly:score", "--example-inputs", "slowly:example", "--batch-sizes", "1")
    parent = shell("compress", "slowly:network", *options, env={"TMPDIR": str(here / "tmp")})
    assert _until(lambda: (here / "child").exists() or parent.poll() is not None)
    assert parent.poll() is None, parent.communicate()
    child = int((here / "child").read_text())
    parent.kill()
    parent.communicate()
    assert _until(lambda: not _alive(child))
    assert [path.name for path in (here / "tmp").iterdir() if path.name.startswith("gossamer-verify-")] == []


def _until(done: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not done() and time.monotonic() < end:
        time.sleep(0.05)
    return done()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")  # dead, nobody waits


def test_a_full_disk_leaves_nothing(shell: Callable[..., subprocess.Popen[bytes]], here: Path) -> None:
    """A limit on the size of files stands in for a full disk: writing fails with an error in the middle of the file."""
    script = "trap '' XFSZ; ulimit -f 1; exec \"$@\""  # blocks of 1,024 bytes
    import sys

    (here / "large.py").write_text("from torch import nn\ndef network(): return nn.Linear(256, 256)\n")
    command = [sys.executable, "-m", "gossamer", "compress", "large:network", "-r", "fast", "-o", "out"]
    ran = subprocess.run(
        ["bash", "-c", script, "bash", *command],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert ran.returncode == guard.ERROR
    assert "cannot be written" in ran.stderr
    assert {path.name for path in here.iterdir()} == {"usersown.py", "large.py"}
