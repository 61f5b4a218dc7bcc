"""The stopwatch, the rule that calls a model faster, peak memory, and the machine card."""

from __future__ import annotations

import gc
import math
import platform
import random
from collections import namedtuple

import pytest
import torch
from torch import nn

from gossamer.errors import DataError
from gossamer.passes import timing
from gossamer.passes.machine import machine
from gossamer.passes.measure import resized
from gossamer.passes.memory import peak_memory
from gossamer.passes.timing import Block, Ratio, faster, interleaved, ratio, relocate_, summary

FLOAT = 4  # bytes


def blocks(factor: float, *, place: float = 0.07, jitter: float = 0.05, seed: int = 0, count: int = 15):
    """Blocks as a shared machine gives them: a bias by memory place, noise, now and then an interruption."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        bias = 1 + draw.gauss(0, place)
        before = [(1 + abs(draw.gauss(0, jitter))) * draw.choices((1, 9), (0.95, 0.05))[0] for _ in range(20)]
        after = [
            factor * bias * (1 + abs(draw.gauss(0, jitter))) * draw.choices((1, 9), (0.95, 0.05))[0] for _ in range(20)
        ]
        made.append(Block(tuple(before), tuple(after)))
    return made


def test_equal_models_are_within_noise_almost_always():
    outcomes = [faster(ratio(blocks(1.0, seed=seed))) for seed in range(300)]
    assert outcomes.count("within noise") >= 0.99 * len(outcomes)


@pytest.mark.parametrize(("factor", "outcome"), [(0.8, "better"), (1.25, "worse")])
def test_a_real_change_is_seen_through_the_noise(factor, outcome):
    outcomes = [faster(ratio(blocks(factor, seed=seed))) for seed in range(100)]
    assert outcomes.count(outcome) >= 95


def test_a_steady_change_below_two_percent_is_within_noise():
    steady = blocks(0.985, place=0.0, jitter=0.001)
    assert ratio(steady).upper < 1
    assert faster(ratio(steady)) == "within noise"


def test_interval_leaves_out_as_many_blocks_as_the_sign_test_allows():
    fifteen = [Block((1.0,), (float(i),)) for i in range(1, 16)]
    assert ratio(fifteen) == Ratio(8.0, 3.0, 13.0)
    assert ratio(fifteen[:8]) == Ratio(4.5, 1.0, 8.0)


def test_too_few_blocks_claim_nothing():
    seven = [Block((1.0,), (0.5,))] * 7
    assert ratio(seven) == Ratio(0.5, 0.0, math.inf)
    assert faster(ratio(seven)) == "within noise"


def test_interleaved_takes_turns_and_gives_as_many_runs_as_asked():
    order: list[str] = []
    found = interleaved(
        lambda: order.append("a"), lambda: order.append("b"), seconds=1e-9, runs=20, between=lambda: order.append("|")
    )
    assert len(found) == 15
    assert sum(len(block.before) for block in found) == sum(len(block.after) for block in found) == 20
    first = ["".join(part)[2] for part in "".join(order).split("|")[1:]]  # after one untimed call of each
    assert first == ["a", "b"] * 7 + ["a"]


class Clock:
    """A clock that only the timed calls move, by the milliseconds given."""

    def __init__(self, monkeypatch) -> None:
        self.now = 0
        monkeypatch.setattr(timing, "perf_counter_ns", lambda: self.now)

    def taking(self, ms: float):
        def call() -> None:
            self.now += int(ms * 1e6)

        return call


def test_samples_belong_to_the_call_they_are_named_for(monkeypatch):
    clock = Clock(monkeypatch)
    found = interleaved(clock.taking(2), clock.taking(5), seconds=1)
    assert {ms for block in found for ms in block.before} == {2.0}
    assert {ms for block in found for ms in block.after} == {5.0}
    assert sum(len(block.before) for block in found) == pytest.approx(1000 / 7, rel=0.15)


def test_short_calls_are_timed_in_a_loop(monkeypatch):
    clock = Clock(monkeypatch)
    calls: list[int] = []
    tick = clock.taking(0.04)
    found = interleaved(lambda: (calls.append(1), tick()), clock.taking(0.4), seconds=1e-9)
    assert [len(block.before) for block in found] == [2] * 15
    assert found[0].before == (0.04, 0.04)
    assert len(calls) == 3 + 15 * (1 + 2 * 3)  # three to warm up; in each block one, and two samples of three calls


def test_slow_calls_are_timed_eight_times_in_eight_places(monkeypatch):
    clock = Clock(monkeypatch)
    places: list[int] = []
    found = interleaved(clock.taking(26), clock.taking(2), seconds=1e-9, between=lambda: places.append(1))
    assert [len(block.before) for block in found] == [1] * 8
    assert len(places) == 8


def test_no_garbage_is_collected_while_timing():
    seen: list[bool] = []
    interleaved(lambda: seen.append(gc.isenabled()), lambda: None, seconds=1e-9, runs=1)
    assert not any(seen)
    assert gc.isenabled()


def test_collection_comes_back_when_a_call_raises():
    with pytest.raises(ZeroDivisionError):
        interleaved(lambda: 1 / 0, lambda: None, seconds=0.1)
    assert gc.isenabled()


def test_relocating_moves_memory_and_keeps_values_and_ties():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    model.append(nn.Linear(4, 4))
    model[2].weight = model[0].weight
    before = {name: (tensor.data_ptr(), tensor.clone()) for name, tensor in model.state_dict().items()}
    with torch.inference_mode():
        relocate_([model], random.Random(0))
    for name, tensor in model.state_dict().items():
        assert tensor.data_ptr() != before[name][0]
        assert torch.equal(tensor, before[name][1])
    assert model[2].weight is model[0].weight
    model(torch.randn(3, 4)).sum().backward()


def test_summary_of_one_run_is_that_run():
    assert summary([2.0]).p95 == summary([2.0]).median == 2.0


def test_peak_of_a_chain_is_its_two_largest_neighbours():
    # While layer i runs, its input (made by layer i − 1) and its output live; the example itself is there before.
    model = nn.Sequential(nn.Linear(100, 200), nn.Linear(200, 300), nn.Linear(300, 50))
    x = torch.randn(64, 100)
    with torch.inference_mode():
        assert peak_memory(lambda: model(x)) == FLOAT * 64 * (200 + 300)


def test_peak_counts_an_inner_buffer():
    x = torch.zeros(1000, dtype=torch.int8)
    with torch.inference_mode():
        assert peak_memory(lambda: x.float().sum()) >= FLOAT * 1000


@pytest.mark.parametrize("size", [1, 3, 8])
def test_resized_cuts_and_repeats_what_has_the_batch(size):
    pair = namedtuple("pair", "mask table")
    inputs = {"x": torch.arange(6).reshape(3, 2), "rest": pair(torch.ones(3), torch.ones(5)), "flag": True}
    found = resized(inputs, size)
    assert torch.equal(found["x"], inputs["x"][torch.arange(size) % 3])
    assert found["rest"].mask.shape == (size,)
    assert found["rest"].table.shape == (5,)
    assert found["flag"] is True


def test_resized_without_a_batch_axis_says_what_to_do():
    with pytest.raises(DataError, match="batch_sizes=None"):
        resized((torch.tensor(1.0), "text"), 2)


def test_machine_card_names_the_machine_kind_and_no_host():
    card = machine()
    assert card["threads"] == torch.get_num_threads()
    assert card["torch"] == torch.__version__
    assert card["cpu"]
    if platform.node():
        assert platform.node() not in repr(card)
