"""The solvers' benchmark on tiny data, without peers: what it times is judged, and what it says is what it found."""

from __future__ import annotations

import json
import sys

import designs
import numpy as np
import pytest
import solver_judge
import solver_peers
import solver_work
import torch

import solvers

QUICK_ROWS = (
    "Lasso, i.i.d., 1000 × 5000, λ_max/20",
    "elastic net, AR(.9), 1000 × 5000, λ_max/100",
    "100 Lassos to λ_max/100, i.i.d., 1000 × 5000",
    "Lasso, 20,000 × 100,000, density 1e-3, λ_max/20",
    "10,000 patches, 64 × 256, 12 nonzeros",
    "OMP, 10,000 signals, 64 × 256, float32, k = 5",
)


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """gossamer's own contenders, one thread, and records of the test's own."""
    monkeypatch.setattr(solver_peers, "find_spec", lambda module: module == "gossamer")
    monkeypatch.setattr(solvers, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(solvers, "quiet", lambda: None)
    monkeypatch.setattr(solvers, "REPEATS", 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two threads on tiny data wait for each other where the machine is busy
    yield tmp_path / "results"
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", QUICK_ROWS)
def test_a_row_is_timed_at_the_accuracy_that_it_claims(name):
    told = solvers.compared(solvers.row_named(name), 1, tiny=True)
    for found in told.values():
        assert found["accurate"]
        assert found["seconds"] > 0
        assert found["first"] > 0
    assert solvers.verdicts(solvers.row_named(name), told) == "no peer"


def test_every_row_has_a_target_and_a_name_of_its_own():
    assert len({row.name for row in solver_work.ROWS}) == len(solver_work.ROWS)
    assert all(row.lead and row.kind in solver_peers.CONTENDERS for row in solver_work.ROWS)


def test_the_judge_sees_a_corrupt_answer():
    work = solvers.work_of(QUICK_ROWS[0], tiny=True)
    x = solver_peers.CONTENDERS["lasso"][0].prepare(work)(1e-8)
    assert solver_judge.error(work, x) <= 1e-8
    assert solver_judge.error(work, x + 0.1) > solver_judge.GAP


def test_the_judge_sees_one_corrupt_signal_and_one_atom_too_many():
    work = solvers.work_of("10,000 patches, 64 × 256, 12 nonzeros", tiny=True)
    codes = solver_peers.CONTENDERS["coding"][0].prepare(work)(1e-8)
    codes[3] += 0.1
    assert solver_judge.error(work, codes) > solver_judge.GAP
    work = solvers.work_of("OMP, 10,000 signals, 64 × 256, float32, k = 5", tiny=True)
    x = solver_peers.CONTENDERS["omp"][0].prepare(work)(1.0)
    assert solver_judge.error(work, x) < 1
    assert solver_judge.error(work, x + 1) == float("inf")


def test_the_judge_holds_each_point_of_a_path_to_its_own_penalty():
    work = solvers.work_of(QUICK_ROWS[2], tiny=True)
    x = solver_peers.CONTENDERS["path"][0].prepare(work)(1e-8)
    assert solver_judge.error(work, x) <= 1e-8
    assert solver_judge.error(work, x.flip(0)) > solver_judge.GAP


@pytest.mark.parametrize(("begin", "expected"), [(1e-6, 1e-3), (1e-2, 1e-3), (1e-3, 1e-3)])
def test_tuning_ends_at_the_loosest_half_decade_that_meets_the_gap(monkeypatch, begin, expected):
    monkeypatch.setattr(solvers, "error", lambda work, x: x)
    contender = solver_peers.Contender("one", "gossamer", lambda work: None, begin)
    work = solver_work.Work(np.eye(2), np.ones(2), 0.1)
    tolerance, found = solvers.tune(contender, lambda tol: 1.5e-3 * tol / 1.49, work)  # at 1e-3 just above the gap
    assert tolerance == pytest.approx(expected / 10**0.5)
    assert found <= solver_judge.GAP


def test_a_lead_is_that_over_the_fastest_accurate_peer():
    row = solver_work.Row("dense", "one", "lasso", lambda: None, lambda: None, {solver_work.FASTEST: 1.5})

    def one(seconds: float, accurate: bool = True) -> dict:
        return {"seconds": seconds, "signals": 1, "accurate": accurate, "error": 0.0, "runs": 5}

    told = {"gossamer": one(1.0), "slow": one(3.0), "wrong": one(0.1, accurate=False), "fast": one(1.4)}
    assert solvers.verdicts(row, told) == "1.4× fast (≥ 1.5: **missed**)"
    told["gossamer"] = one(0.5)
    assert solvers.verdicts(row, told) == "2.8× fast (≥ 1.5: met)"
    told["gossamer"] = one(0.5, accurate=False)
    assert solvers.verdicts(row, told) == "0× fast (≥ 1.5: **missed**)"


def test_what_is_slow_stops_with_fewer_runs(monkeypatch):
    monkeypatch.setattr(solvers, "REPEATS", 5)
    monkeypatch.setattr(solvers, "LONGEST", 0.0)
    assert {name: len(taken) for name, taken in solvers.interleaved({"slow": lambda: None}, 0.0).items()} == {"slow": 1}


def test_contenders_take_turns(monkeypatch):
    monkeypatch.setattr(solvers, "REPEATS", 3)
    order = []
    taken = solvers.interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 0.0)
    assert order == ["a", "a", "b", "b"] * 3  # once to wake it, once timed
    assert {name: len(seconds) for name, seconds in taken.items()} == {"a": 3, "b": 3}


def test_a_short_contender_is_timed_a_bounded_number_of_times(monkeypatch):
    monkeypatch.setattr(solvers, "REPEATS", 2)
    monkeypatch.setattr(solvers, "MOST", 4)
    monkeypatch.setattr(solvers, "REST", 0.0)
    assert len(solvers.interleaved({"a": lambda: None}, 60.0)["a"]) == 4


def test_the_script_writes_what_it_says(monkeypatch, alone, capsys):
    monkeypatch.setattr(solvers, "ROWS", tuple(solvers.row_named(name) for name in QUICK_ROWS[-2:]))
    monkeypatch.setattr(solvers, "begun", lambda tiny: lambda function, *given: function(*given[:-1], True))
    monkeypatch.setattr(solvers, "libraries", lambda *_: {"numpy": np.__version__, "celer": "absent"})
    monkeypatch.setattr(solvers, "SIZES", (10, 20, 40))
    monkeypatch.setattr(solvers, "PATIENCE", 0.0)
    monkeypatch.setattr(sys, "argv", ["solvers.py"])
    solvers.main(["coding", "omp", "batch", "--threads", "1", "--write"])
    said = capsys.readouterr().out
    assert "absent: celer" in said
    record = json.loads((alone / "solvers.json").read_text())
    assert set(record) == {"coding", "omp", "batch", "date", "machine"}
    shown = (alone / "solvers.md").read_text()
    assert all(name in shown for name in QUICK_ROWS[-2:])
    assert "| omp | 1 |" in shown


def test_quick_writes_nothing(monkeypatch, alone):
    monkeypatch.setattr(solvers, "libraries", dict)
    solvers.main(["omp", "--quick", "--write", "--threads", "1"])
    assert not alone.exists()


def test_autoregressive_columns_correlate_as_they_should():
    A = designs.autoregressive(20_000, 4)
    found = np.corrcoef(A.T)
    assert np.allclose(found[0], [1, 0.9, 0.81, 0.729], atol=4 / 20_000**0.5)  # four standard errors
    assert np.allclose(A.var(0), 1, atol=0.05)


def test_patches_are_centred_unit_and_not_atoms(monkeypatch):
    draw = np.random.default_rng(0)
    images = tuple(draw.integers(0, 255, (32, 32), dtype=np.uint8) for _ in range(3))
    monkeypatch.setattr(designs.data, "photographs", lambda: images)
    D, Y = designs.coded_patches(20, 30)
    assert D.shape == (64, 20)
    assert Y.shape == (30, 64)
    for unit in (D.T, Y):
        assert np.allclose(unit.mean(1), 0)
        assert np.allclose(np.linalg.norm(unit, axis=1), 1)
    assert np.abs(Y @ D).max() < 1 - 1e-6


def test_threads_are_for_processes_begun_inside_alone(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    before = dict(solvers.os.environ)
    with solvers.environment(2):
        assert solvers.os.environ["OMP_NUM_THREADS"] == "2"
        assert "OPENBLAS_CORETYPE" not in solvers.os.environ
    assert dict(solvers.os.environ) == before
    assert torch.get_num_threads() >= 1
