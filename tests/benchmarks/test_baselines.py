"""Baselines: the same seed gives the same network, kept once; whatever decides the weights decides the file."""

from __future__ import annotations

from dataclasses import replace

import baselines
import pytest
import torch
from baselines import BASELINES, Baseline, trained
from torch import nn


def tiny() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2))


@pytest.fixture
def asked(monkeypatch):
    """A baseline "tiny" on eight random images; the list grows by each part that was asked for."""
    parts = []

    def images(part):
        parts.append(part)
        generator = torch.Generator().manual_seed(5)
        return torch.randn(8, 3, generator=generator), torch.arange(8) % 2

    monkeypatch.setitem(BASELINES, "tiny", Baseline(tiny, images, epochs=2))
    return parts


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_a_network_is_trained_once_on_training_images_alone(asked, kept):
    first, second = trained("tiny", 0), trained("tiny", 0)
    assert asked == ["train"]
    assert torch.equal(weights(first), weights(second))
    assert [m.training for model in (first, second) for m in model.modules()] == [False] * 10
    assert len(list((kept / "baselines").iterdir())) == 1


def test_the_seed_alone_decides(asked, kept):
    first = trained("tiny", 0)
    next((kept / "baselines").iterdir()).unlink()
    torch.manual_seed(99)
    assert torch.equal(weights(first), weights(trained("tiny", 0)))
    assert not torch.equal(weights(first), weights(trained("tiny", 1)))
    assert asked == ["train"] * 3


def test_another_recipe_trains_anew(asked, monkeypatch):
    first = trained("tiny", 0)
    for change in ({"epochs": 3}, {"lr": 0.1}):
        monkeypatch.setitem(BASELINES, "tiny", replace(BASELINES["tiny"], **change))
        assert not torch.equal(weights(first), weights(trained("tiny", 0)))
    assert len(asked) == 3


def test_other_code_trains_anew_and_an_edit_during_a_run_renames_nothing(asked, kept, tmp_path, monkeypatch):
    def made_from(text):
        (tmp_path / "mine.py").write_text(text)
        space = {}
        exec(compile("def images(part):\n    return kept(part)", str(tmp_path / "mine.py"), "exec"), space)
        space["kept"] = BASELINES["tiny"].images
        return Baseline(tiny, space["images"], epochs=2)

    def files():
        return len(list((kept / "baselines").iterdir()))

    counts = []
    for text in ("# one way", "# another"):
        baselines._read_once.cache_clear()  # as another process would begin
        monkeypatch.setitem(BASELINES, "mine", made_from(text))
        (tmp_path / "mine.py").write_text(text + " edited while it runs")
        trained("mine", 0)
        baselines._read_once.cache_clear()
        monkeypatch.setitem(BASELINES, "mine", made_from(text))
        trained("mine", 0)
        counts.append(files())
    assert counts == [1, 2]


def test_random_state_is_left_as_it_was(asked):
    for _ in ("trains", "reads"):
        before = torch.get_rng_state()
        trained("tiny", 0)
        assert torch.equal(before, torch.get_rng_state())


def test_an_interrupted_save_leaves_nothing(asked, kept, monkeypatch):
    def cut(tensors, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(baselines, "save_file", cut)
    with pytest.raises(KeyboardInterrupt):
        trained("tiny", 0)
    assert [path for path in kept.rglob("*") if path.is_file()] == []


def test_an_unknown_name_says_which_there_are():
    with pytest.raises(ValueError, match="baseline 'resnet': choose one of lenet, convnet"):
        trained("resnet", 0)


@pytest.mark.parametrize(("name", "parameters"), [("lenet", 266_610), ("convnet", 207_646)])
def test_the_networks_have_the_sizes_that_are_written_about_them(name, parameters):
    model = BASELINES[name].network()
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
