"""Ready recipes run on any model, and do what they say."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import gossamer as gs
from gossamer.recipe import READY, as_steps
from gossamer.structure import parse


class Language(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.lines = nn.Embedding(50, 64), nn.Embedding(12, 64)
        self.norm, self.fc = nn.LayerNorm(64), nn.Linear(64, 128)
        self.head = nn.Linear(128, 10)

    def forward(self, x):
        positions = self.lines(torch.arange(x.shape[1]))
        return self.head(torch.relu(self.fc(self.norm(self.words(x) + positions))))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.attention = nn.LSTM(24, 40, batch_first=True), nn.MultiheadAttention(40, 2, batch_first=True)

    def forward(self, x):
        x, _ = self.lstm(x)
        return self.attention(x, x, x)[0]


MODELS = {
    "language": (Language, torch.randint(0, 50, (4, 12))),
    "awkward widths": (lambda: nn.Sequential(nn.Linear(13, 300), nn.ReLU(), nn.Linear(300, 7)), torch.randn(4, 13)),
    "convolutions": (
        lambda: nn.Sequential(nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 8, 3), nn.Flatten()),
        torch.randn(4, 3, 8, 8),
    ),
    "recurrent": (Recurrent, torch.randn(4, 5, 24)),
}
UNMEASURED = gs.Proof(measure=False)


def run(model: str, recipe: str) -> gs.Result:
    make, batch = MODELS[model]
    data = [batch, batch] if any(step.reads for step in READY[recipe].steps) else None
    return gs.compress(make().eval(), recipe, data=data, proof=UNMEASURED)


def words(result: gs.Result) -> dict[str, str]:
    return {row.name: row.structure for row in result.report.rows if row.structure not in ("", "dense")}


@pytest.mark.parametrize("recipe", READY)
@pytest.mark.parametrize("model", MODELS)
def test_each_runs_on_any_model_and_makes_it_smaller(model: str, recipe: str) -> None:
    result = run(model, recipe)
    assert result.report.bytes < 0.9 * result.report.before.bytes
    assert result.recipe == as_steps(recipe) == READY[recipe].steps
    assert not [row for row in result.report.rows if row.status.kind == "failed"]


@pytest.mark.parametrize("recipe", ["small", "weight-only-int8"])
@pytest.mark.parametrize("model", MODELS)
def test_no_matrix_is_left_out(model: str, recipe: str) -> None:
    skipped = [row.name for row in run(model, recipe).report.rows if row.status.kind == "skipped"]
    assert not skipped


def test_small_has_groups_where_they_fit_and_a_scale_a_row_elsewhere() -> None:
    assert set(words(run("language", "small")).values()) == {"int5/g64"}
    assert words(run("awkward widths", "small")) == {"0.weight": "int5", "2.weight": "int5"}


def test_fast_leaves_embeddings_alone() -> None:
    assert words(run("language", "fast")) == {"fc.weight": "int8", "head.weight": "int8"}


def test_weight_only_int8_takes_embeddings_too() -> None:
    assert set(words(run("language", "weight-only-int8")).values()) == {"int8"}
    assert len(words(run("language", "weight-only-int8"))) == 4


def test_the_pattern_holds_where_it_fits_and_stays_through_training() -> None:
    assert words(run("language", "2:4")) == {"fc.weight": "2:4", "head.weight": "2:4"}
    result = run("language", "small-and-fast")
    assert words(result) == {
        "words.weight": "int8",
        "lines.weight": "int8",
        "fc.weight": "2:4 & int8",
        "head.weight": "2:4 & int8",
    }
    assert ((result.model.fc.weight.unflatten(1, (-1, 4)) != 0).sum(-1) <= 2).all()
    skipped = {row.name: row.status.reason for row in run("awkward widths", "2:4").report.rows if row.status.reason}
    assert "13" in skipped["0.weight"]


@pytest.mark.parametrize("name", READY)
def test_the_text_says_whether_it_needs_data_and_that_milliseconds_stay(name: str) -> None:
    ready = READY[name]
    assert ("needs batches of data" in ready.about) == any(step.reads for step in ready.steps)
    assert ("without data" in ready.about or "needs no data" in ready.about) != any(step.reads for step in ready.steps)
    assert ("milliseconds stay" in ready.about) == ("fast" in name)
    assert 2 <= ready.about.count(".") <= 4


def test_a_name_that_is_a_structure_too_means_the_recipe() -> None:
    assert as_steps("2:4") == READY["2:4"].steps
    assert str(READY["2:4"].steps[0].structure) == str(parse("2:4"))
