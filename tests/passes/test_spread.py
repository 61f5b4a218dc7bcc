"""The histograms of a report: what they count, their range, and which weights they are of."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import gossamer as gs
from gossamer.passes import spread as module
from gossamer.passes.spread import BINS, spread
from gossamer.report import Histogram
from gossamer.structure import LowRank, Structure, TopK
from gossamer.terms import FixedSupport, Member, StructureSet


def member(weight: Tensor, support: Tensor) -> Member:
    return StructureSet(Structure(), tuple(weight.shape), FixedSupport(support)).project(weight)


def test_counts_are_those_of_the_weight_and_of_its_kept_part() -> None:
    weight = torch.randn(1, 64, 50)
    support = weight.abs() > 1
    found = spread(weight, member(weight, support))
    assert found is not None
    assert len(found.weights) == BINS
    assert sum(found.weights) == weight.numel()
    assert sum(found.kept) == sum(found.after) == int(support.sum())
    assert all(kept <= count for kept, count in zip(found.kept, found.weights, strict=True))
    middle = [bin for bin in range(BINS) if _edges(found, bin)[0] > -1 and _edges(found, bin)[1] < 1]
    assert middle
    assert all(found.kept[bin] == 0 for bin in middle)


def _edges(found: Histogram, bin: int) -> tuple[float, float]:
    width = (found.upper - found.lower) / BINS
    return found.lower + bin * width, found.lower + (bin + 1) * width


def test_an_outlier_is_counted_in_the_last_bin_and_does_not_stretch_the_range() -> None:
    weight = torch.randn(1, 100, 100)
    weight[0, 0, 0] = 1000.0
    found = spread(weight, member(weight, torch.ones_like(weight, dtype=torch.bool)))
    assert found is not None
    assert found.upper < 100
    assert found.weights[-1] == 1
    assert sum(found.weights) == weight.numel()


def test_the_zeros_of_a_pruned_weight_do_not_narrow_the_range() -> None:
    weight = torch.randn(1, 100, 100)
    support = torch.rand_like(weight) < 0.02
    weight = weight * support
    found = spread(weight, member(weight, support))
    assert found is not None
    assert found.upper > 2
    assert sum(found.kept) == int(support.sum())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats(dtype: torch.dtype) -> None:
    weight = torch.randn(1, 8, 8, dtype=dtype)
    found = spread(weight, member(weight, weight.abs() > 0.5))
    assert found is not None
    assert sum(found.weights) == 64


@pytest.mark.parametrize("value", [0.0, 3.0, -1e-20])
def test_a_constant_weight_has_a_range(value: float) -> None:
    weight = torch.full((1, 4, 4), value)
    found = spread(weight, member(weight, torch.ones(1, 4, 4, dtype=torch.bool)))
    assert found is not None
    assert found.lower < found.upper
    assert sum(found.weights) == 16


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
def test_a_weight_without_a_finite_range_has_none(value: float) -> None:
    weight = torch.randn(1, 4, 4)
    held = member(weight, torch.ones(1, 4, 4, dtype=torch.bool))
    weight = weight.clone()
    weight[0, 0, 0], weight[0, 0, 1] = value, -value
    assert spread(weight, held) is None


def test_large_weights_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.randn(1, 40, 40)
    held = member(weight, weight > 0)
    whole = spread(weight, held)
    monkeypatch.setattr(module, "CHUNK", 77)
    assert spread(weight, held) == whole


def test_a_low_rank_part_holds_every_entry() -> None:
    weight = torch.randn(1, 8, 8)
    found = spread(weight, StructureSet(Structure(lowrank=LowRank(2)), (1, 8, 8)).project(weight))
    assert found is not None
    assert sum(found.kept) == sum(found.after) == 64


def test_rows_show_the_weights_as_they_arrived_also_after_distilling() -> None:
    model = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 4))
    batches = [(torch.randn(16, 32), torch.randint(0, 4, (16,))) for _ in range(3)]
    recipe = [gs.Prune(TopK(0.25)), gs.Distill(epochs=2, lr=0.05)]
    result = gs.compress(model, recipe, data=batches, proof=gs.Proof(measure=False))
    row = result.report.row("0.weight")
    weight = model[0].weight.detach().unsqueeze(0)
    held = result.model[0].weight.detach().unsqueeze(0) != 0
    expected = spread(weight, member(weight, held))
    assert row.histogram is not None
    assert expected is not None
    assert (row.histogram.weights, row.histogram.kept) == (expected.weights, expected.kept)
    assert row.histogram.after != row.histogram.kept
    assert [attempt.status.kind for attempt in row.attempts] == ["done"]
    assert result.report.row("0.bias").histogram is None


def test_attempts_tell_which_step_skipped_a_layer() -> None:
    model = nn.Sequential(nn.Linear(30, 16), nn.Linear(16, 4))
    result = gs.compress(model, [gs.Prune("2:4"), gs.Quantize("int8")], proof=gs.Proof(measure=False))
    kinds = [attempt.status.kind for attempt in result.report.row("0.weight").attempts]
    assert kinds == ["skipped", "done"]
    assert "done by 1 of 2 steps [1]" in str(result.report)
