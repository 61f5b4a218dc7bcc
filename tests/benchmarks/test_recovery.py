"""Recovery rates: the curve's middle is found, trials are repeatable, and every row lands in the record."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import recovery
import torch


def test_the_middle_of_a_known_curve_is_found() -> None:
    counts = {r / 100: (round(1000 / (1 + math.exp((r - 34) / 2))), 1000) for r in range(20, 50, 2)}
    middle, margin = recovery.logistic_middle(counts, 0.02)
    assert middle == pytest.approx(0.34, abs=1e-3)
    assert 0 < margin < 0.005


def test_a_few_trials_say_so_in_their_margin() -> None:
    few, many = ({0.3: (3 * n, 4 * n), 0.4: (n, 4 * n)} for n in (1, 100))
    assert recovery.logistic_middle(few, 0.02)[1] == pytest.approx(
        10 * recovery.logistic_middle(many, 0.02)[1], rel=0.01
    )


def test_a_step_is_crossed_where_it_is() -> None:
    found = recovery.crossing(lambda k, trial: k <= 130, 400, replace(recovery.Size(), coarse_trials=1, fine_trials=2))
    assert found.ratio == pytest.approx(130.5 / 400, abs=0.01)
    assert sum(of for k, (_, of) in found.counts.items() if abs(k - 130) <= 16) >= 14


def test_a_trial_is_the_same_whenever_it_is_run() -> None:
    first, second = recovery.drawn(12, 30, 4, 7), recovery.drawn(12, 30, 4, 7)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], recovery.drawn(12, 30, 4, 8)[0])
    assert set(recovery.drawn(12, 30, 4, 7, signs=True)[1].tolist()) == {-1.0, 0.0, 1.0}


def test_every_row_is_recorded_as_it_ends(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(recovery, "RESULTS", tmp_path)
    monkeypatch.setattr(recovery, "METHODS", dict(list(recovery.METHODS.items())[:1]))
    monkeypatch.setattr(recovery, "PURSUIT", {0.4: 0.337})
    recovery.run(["steps", "transitions"], recovery.QUICK, True)
    recovery.run(["pursuit"], recovery.QUICK, True)
    record = json.loads((tmp_path / "recovery.json").read_text())
    assert [len(record[part]) for part in ("steps", "transitions", "pursuit")] == [5, 1, 1]
    assert all(0 <= row["found"] <= 1 for row in record["steps"].values())
    shown = (tmp_path / "recovery.md").read_text()
    assert "| k = 24 |" in shown
    assert "| m/n = 0.4 |" in shown
