"""The user's metric is checked before it is believed, and the account of steps names those that help none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gossamer.errors import EvaluateError, RecipeError
from gossamer.passes.evaluate import score
from gossamer.passes.ledger import Ledger
from gossamer.passes.settings import Settings
from gossamer.passes.verify import Metric


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2), nn.Dropout())


@pytest.mark.parametrize("value", [0.5, 1, np.float32(0.25), torch.tensor(0.75), True])
def test_numbers_are_taken(value) -> None:
    assert score(lambda m: value, model()) == float(value)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "good", torch.ones(2), {}])
def test_what_is_no_number_is_refused(value) -> None:
    with pytest.raises(EvaluateError, match="finite number"):
        score(lambda m: value, model())


def test_an_exception_is_shown() -> None:
    with pytest.raises(EvaluateError, match="ZeroDivisionError"):
        score(lambda m: 1 / 0, model())


def test_the_model_is_in_evaluation_mode_and_its_own_modes_come_back() -> None:
    net = model()
    net[1].eval()
    seen = []
    score(lambda m: seen.append((m.training, m[1].training, torch.is_grad_enabled())) or 1.0, net)
    assert seen == [(False, False, False)]
    assert [m.training for m in net.modules()] == [True, True, False]
    with pytest.raises(EvaluateError):
        score(lambda m: 1 / 0, net)
    assert [m.training for m in net.modules()] == [True, True, False]


def test_the_account_names_what_helped_none_and_what_cost_too_much() -> None:
    settings = Metric(tolerance=0.01)
    account = Ledger(100, 0.90)
    account = account.after("prune", 50, 0.80, settings)
    account = account.after("distil", 50, 0.89, settings)
    account = account.after("idle", 50, 0.89, settings)
    prune, distil, idle = account.effects
    assert prune.helped == ("bytes",)
    assert "more than the tolerance" in prune.note
    assert distil.helped == ("metric",)
    assert idle.helped == ()
    assert "no smaller" in idle.note


def test_lower_can_be_better() -> None:
    account = Ledger(100, 2.0).after("distil", 100, 1.5, Metric(higher_is_better=False))
    assert account.effects[0].helped == ("metric",)


@pytest.mark.parametrize("wrong", [{"tolerance": -1.0}, {"tolerance": float("nan")}, {"example_inputs": "text"}])
def test_settings_are_checked(wrong) -> None:
    with pytest.raises(RecipeError):
        Settings(**wrong)
