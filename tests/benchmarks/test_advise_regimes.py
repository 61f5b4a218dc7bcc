"""The benchmark of advice on small data: its rivals are all there, and its scores are scores."""

from __future__ import annotations

import advise
import pytest
import torch
from regimes import REGIMES

SMALL = 7  # a seed that takes no part in what is recorded


def test_scores_by_hand():
    found, truth = torch.tensor([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0]]), torch.tensor([[3.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert advise.f1(found[0], truth[0]) == pytest.approx(2 / 3)
    assert advise.f1(found, truth) == pytest.approx(1 / 3)


@pytest.mark.parametrize("name", ["compressed sensing, no noise", "spikes and cosines, many signals"])
def test_the_first_advice_is_near_the_best_on_small_data(name):
    told = advise.row(name, [SMALL], small=True)
    best = max(told["rivals"].values())
    assert told["advice"] >= advise.WITHIN * best
    assert told["tuned"] >= best - 1e-12 or name.startswith("compressed")
    assert len(told["rivals"]) >= 6
    assert len(advise.shown(told)) == 5


@pytest.mark.parametrize("name", REGIMES)
def test_a_regime_is_what_it_says(name):
    case = REGIMES[name](torch.Generator().manual_seed(SMALL), True)
    assert case.truth.shape[-1] == case.A.shape[1]
    assert case.b.shape == (*case.truth.shape[:-1], case.A.shape[0])
    again = REGIMES[name](torch.Generator().manual_seed(SMALL), True)
    assert torch.equal(case.A, again.A)
    assert torch.equal(case.b, again.b)
