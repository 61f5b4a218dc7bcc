"""Work on torch's own threads: all of it done, by them, with errors and torch's modes carried over."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import torch

from gossamer.kernels import team
from gossamer.kernels.rows import spread

PATIENCE = 60  # seconds for both calls to meet, or for a child
OURS = sys.platform == "linux" and torch.backends.openmp.is_available()


@pytest.fixture(params=[True, False], ids=["torch's threads", "python's threads"])
def two(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Two threads, torch's own where it shares them, or those of the fallback."""
    if request.param and not team.shared():
        pytest.skip("torch has no OpenMP threads here")
    if not request.param:
        monkeypatch.setattr(team, "_HOME", 0)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield request.param
    torch.set_num_threads(before)


def test_threads_are_shared_where_torch_has_openmp() -> None:
    assert team.shared() == OURS


def test_two_calls_run_at_once(two: bool) -> None:
    met, seen = threading.Barrier(2, timeout=PATIENCE), set[int]()

    def work() -> None:
        met.wait()  # breaks unless both are there
        seen.add(threading.get_ident())

    team.on_threads(work, 2)
    assert len(seen) == 2
    # OpenMP's team has the caller in it; a pool of Python's does not.
    assert (threading.get_ident() in seen) == two


@pytest.mark.usefixtures("two")
def test_an_error_is_raised_and_the_threads_serve_again() -> None:
    def work() -> None:
        raise KeyError("from a thread")

    with pytest.raises(KeyError, match="from a thread"):
        team.on_threads(work, 2)
    assert spread(lambda n: n * n, [(n,) for n in range(50)]) == [n * n for n in range(50)]


@pytest.mark.usefixtures("two")
def test_modes_that_torch_keeps_by_thread_are_the_callers() -> None:
    met = threading.Barrier(2, timeout=PATIENCE)

    def modes(_: int) -> tuple[bool, bool]:
        met.wait()
        return torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    assert spread(modes, [(0,), (1,)]) == [(True, False)] * 2
    with torch.no_grad():
        assert spread(modes, [(0,), (1,)]) == [(False, False)] * 2
    with torch.inference_mode():
        assert spread(modes, [(0,), (1,)]) == [(False, True)] * 2


@pytest.mark.usefixtures("two")
def test_work_may_spread_work_itself() -> None:
    inner = spread(lambda n: sum(spread(lambda m: n * m, [(m,) for m in range(5)])), [(n,) for n in range(5)])
    assert inner == [10 * n for n in range(5)]


@pytest.mark.skipif(not OURS, reason="torch has no OpenMP threads here")
def test_torchs_operations_inside_take_one_thread_each() -> None:
    """Products of two threads at once, each of which torch alone would spread over both: the same numbers."""
    A = torch.randn(8, 300, 300, generator=torch.Generator().manual_seed(0))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    together = spread(lambda a: a @ a, [(a,) for a in A])
    torch.set_num_threads(before)
    torch.testing.assert_close(torch.stack(together), A @ A)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_a_forked_child_takes_threads_of_its_own() -> None:
    script = """
import os, torch
from gossamer.kernels import team
from gossamer.kernels.rows import spread
torch.set_num_threads(2)
assert spread(abs, [(-1,), (-2,), (3,)]) == [1, 2, 3]
child = os.fork()
if child == 0:
    os._exit(0 if not team.shared() and spread(abs, [(-1,), (-2,), (3,)]) == [1, 2, 3] else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], timeout=PATIENCE, check=True)
