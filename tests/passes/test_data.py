"""How batches reach a model, what its output is, and that data can be read twice."""

from __future__ import annotations

from collections import OrderedDict, UserDict, namedtuple

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from gossamer.errors import DataError
from gossamer.passes.data import Batches, call, call_whole, dry_run, output_of, target_of


class Two(nn.Module):
    def forward(self, a, b=None, labels=None):
        return {"logits": a if b is None else a + b, "seen": labels}


class One(nn.Module):
    def forward(self, x):
        return x * 2


class Mapped(nn.Module):
    """As sentence-transformers do it: one mapping in, and the outputs written into it."""

    def forward(self, features, **options):
        assert not options
        features["sentence_embedding"] = features["ids"] * 2
        return features


class Optional(nn.Module):
    def forward(self, x, scale=1):
        return x * scale


class Keywords(nn.Module):
    def forward(self, **given):
        return given["x"]


X, Y = torch.ones(2, 3), torch.tensor([0, 1])
Pair = namedtuple("Pair", "x y")


@pytest.mark.parametrize(
    "batch", [X, (X,), [X], (X, Y), [X, Y], Pair(X, Y), {"x": X}, {"x": X, "y": Y}, UserDict(x=X, labels=Y)]
)
def test_forms_of_a_batch_for_one_input(batch) -> None:
    assert torch.equal(output_of(call(One(), batch)), X * 2)


def test_two_inputs_and_a_target() -> None:
    assert torch.equal(output_of(call(Two(), (X, X, Y))), X + X)


def test_labels_are_passed_on_when_forward_names_them() -> None:
    assert call(Two(), {"a": X, "labels": Y})["seen"] is Y
    assert target_of({"a": X, "labels": Y}) is Y


def test_forward_replaces_the_rule() -> None:
    assert torch.equal(call(One(), {"odd": X}, lambda model, batch: model(batch["odd"])), X * 2)


@pytest.mark.parametrize(
    ("batch", "target"), [(X, None), ((X,), None), ((X, Y), Y), ([X, X, Y], Y), ({"y": Y}, Y), ((X, "text"), None)]
)
def test_target(batch, target) -> None:
    assert target_of(batch) is target


@pytest.mark.parametrize(
    "result",
    [
        X,
        (X, Y),
        [None, X],
        {"logits": X, "loss": Y},
        OrderedDict(loss=Y.float(), logits=X),
        {"last_hidden_state": X},
        {"tokens": Y.float(), "sentence_embedding": X},
        {"other": X},
    ],
)
def test_output(result) -> None:
    assert output_of(result) is X


def test_output_that_is_none_is_an_error_with_advice() -> None:
    with pytest.raises(DataError, match="output=lambda"):
        output_of("text")
    assert output_of("text", lambda r: X) is X


def test_a_generator_is_not_empty_the_second_time() -> None:
    data = Batches(torch.tensor([i]) for i in range(4))
    assert len(list(data.first(2))) == 2
    assert [int(b) for b in data] == [0, 1, 2, 3] == [int(b) for b in data]


def test_a_list_is_read_anew() -> None:
    source = [1, 2]
    data = Batches(source)
    assert list(data) == [1, 2]
    source.append(3)
    assert list(data) == [1, 2, 3]


@pytest.mark.parametrize("data", [[], iter([])])
def test_no_batch_is_an_error(data) -> None:
    with pytest.raises(DataError, match="no batch"):
        list(Batches(data).first(None))


@pytest.mark.parametrize("data", [X, {"x": X}, "text", 3])
def test_what_is_no_iterable_of_batches(data) -> None:
    with pytest.raises(DataError, match="iterable of batches"):
        Batches(data)


def test_dry_run_shows_the_batch_and_the_cause() -> None:
    with pytest.raises(DataError, match=r"(?s)Tensor\(2×3, float32\).*forward=lambda"):
        dry_run(nn.Linear(5, 1), (X, Y), None, None)


@pytest.mark.parametrize(
    ("batch", "advice"),
    [({"pixels": X}, "entries are given by name"), ((Y, Y), "the target"), (X.numpy(), "must be a tensor")],
)
def test_dry_run_advises_by_the_kind_of_batch_and_in_two_lines(batch, advice) -> None:
    with pytest.raises(DataError, match=advice) as caught:
        dry_run(nn.Conv2d(1, 1, 3), batch, None, None)
    assert len(str(caught.value).splitlines()) == 2


def test_a_function_of_batches_is_to_be_called() -> None:
    def loader():
        yield X

    with pytest.raises(DataError, match=r"data=loader\(\)"):
        Batches(loader)


def test_one_mapping_is_the_argument_when_forward_names_none_of_its_keys() -> None:
    batch = {"ids": X, "labels": Y}
    result = call(Mapped(), batch)
    assert torch.equal(output_of(result), X * 2)
    assert "labels" not in result  # the target, which this forward does not name
    assert batch.keys() == {"ids", "labels"}  # the module wrote into a mapping of its own


def test_keywords_stay_keywords_when_forward_names_one_of_them() -> None:
    assert torch.equal(call(Optional(), {"x": X, "scale": 3}), X * 3)
    assert call(Keywords(), {"x": X, "labels": Y}) is X
    assert torch.equal(call(Two(), {"a": X, "b": X})["logits"], X + X)


@pytest.mark.parametrize("inputs", [({"ids": X},), {"ids": X}])
def test_example_inputs_of_one_mapping_stay_as_they_are(inputs) -> None:
    assert torch.equal(output_of(call_whole(Mapped(), inputs)), X * 2)
    assert list(inputs[0] if isinstance(inputs, tuple) else inputs) == ["ids"]


def test_example_inputs_hold_no_target() -> None:
    assert torch.equal(call_whole(Two(), (X, X))["logits"], X + X)
    assert call_whole(Two(), {"a": X, "labels": Y})["seen"] is Y


def test_labels_that_are_masked_out_reach_the_model() -> None:
    masked = torch.tensor([-100, 1])
    assert torch.equal(call(Two(), {"a": X, "labels": masked})["seen"], masked)


@pytest.mark.parametrize("data", [TensorDataset(X, Y), Subset(TensorDataset(X, Y), [0])])
def test_a_dataset_is_told_to_become_a_loader(data) -> None:
    with pytest.raises(DataError, match=rf"{type(data).__name__}, which gives samples one by one.*DataLoader\(data, "):
        Batches(data)
    assert len(list(Batches(DataLoader(data, batch_size=2)))) == 1
