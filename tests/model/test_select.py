"""targets and ignore."""

from __future__ import annotations

import pytest
from torch import nn

from gossamer.errors import TargetError
from gossamer.model import inventory, select


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.norm = nn.Linear(4, 8), nn.Linear(8, 4), nn.LayerNorm(4)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(6, 4)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.attention = nn.MultiheadAttention(4, 2)
        self.mix = nn.Bilinear(4, 4, 2)
        self.head = nn.Linear(4, 6)
        self.head.weight = self.embedding.weight


SITES = inventory(Net())
BLOCK_0 = ["blocks.0.fc1.weight", "blocks.0.fc2.weight"]
BLOCKS = [*BLOCK_0, "blocks.1.fc1.weight", "blocks.1.fc2.weight"]
ATTENTION = ["attention.in_proj_weight", "attention.out_proj.weight"]
EVERY = ["embedding.weight", *BLOCKS, *ATTENTION, "mix.weight"]


def _names(targets=None, ignore=()) -> list[str]:
    return [choice.site.name for choice in select(SITES, targets, ignore)]


@pytest.mark.parametrize(
    ("targets", "found"),
    [
        (None, EVERY),
        ([], []),
        (["blocks.0.fc1"], BLOCK_0[:1]),
        (["blocks.0.fc1.weight"], BLOCK_0[:1]),
        (["blocks.0.fc1.bias"], ["blocks.0.fc1.bias"]),
        (["blocks.0"], BLOCK_0),
        (["head"], ["embedding.weight"]),
        (["head.weight"], ["embedding.weight"]),
        ([r"re:.*\.fc2"], BLOCKS[1::2]),
        ([r"re:blocks\.0\..*"], BLOCK_0),
        (["Linear"], ["embedding.weight", *BLOCKS, ATTENTION[1]]),
        ([nn.Linear], ["embedding.weight", *BLOCKS, ATTENTION[1]]),
        (["MultiheadAttention"], ATTENTION),
        ([Block, "mix"], [*BLOCKS, "mix.weight"]),
        (["Net"], EVERY),
    ],
)
def test_targets(targets, found) -> None:
    assert _names(targets) == found
    assert all(choice.named == (targets is not None) for choice in select(SITES, targets))


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        (["blocks", "mix"], ["embedding.weight", *ATTENTION]),
        (["Linear", nn.Bilinear], ATTENTION[:1]),
        (["re:.*fc.", "blocks.0.norm"], ["embedding.weight", *ATTENTION, "mix.weight"]),
    ],
)
def test_ignore(ignore, left) -> None:
    assert _names(None, ignore) == left


def test_every_offender_with_the_nearest_name() -> None:
    targets = ["blocks.0.fc3", "head", r"re:layers\..*", "Conv2d", nn.Conv2d, "blocks.0.norm"]
    with pytest.raises(TargetError) as caught:
        select(SITES, targets, ["hed"])
    message = str(caught.value)
    assert "targets: 'blocks.0.fc3'; the nearest name is 'blocks.0.fc" in message
    assert "targets: 're:layers" in message
    assert "targets: 'Conv2d'; the nearest name is" in message
    assert "targets: Conv2d; the model's layers are Bilinear, Embedding" in message
    assert "targets: 'blocks.0.norm' holds no weight matrix" in message
    assert "ignore: 'hed'; the nearest name is 'head'" in message
    assert message.count("\n") == 6


@pytest.mark.parametrize(
    ("entry", "meant"),
    [
        ("blocks.*", "re:blocks[.].*"),
        ("blocks.?.fc1", "re:blocks[.].[.]fc1"),
        ("blocks.**.fc2", "re:blocks[.].*[.]fc2"),
        ("re:fc1", "re:.*fc1.*"),
        ("re:fc1|fc2", "re:.*(?:fc1|fc2).*"),
        ("nn.Linear", "Linear"),
        ("model.head", "head"),
    ],
)
def test_a_form_that_would_match_is_offered(entry: str, meant: str) -> None:
    with pytest.raises(TargetError, match=r"did you mean") as caught:
        select(SITES, [entry])
    assert str(caught.value).endswith(f"did you mean {meant!r}?")
    assert _names([meant])


@pytest.mark.parametrize("entry", ["decoder.*", "re:(?i)layer", "re:layer"])
def test_a_form_that_would_not_match_is_not(entry: str) -> None:
    with pytest.raises(TargetError, match="nearest name"):
        select(SITES, [entry])


def test_maybe_finds_what_there_is_and_is_content_with_nothing() -> None:
    assert _names(["maybe:LSTM"]) == _names(["maybe:re:decoder.*", "maybe:nowhere"]) == []
    assert _names(["maybe:Embedding", "maybe:LSTM"]) == ["embedding.weight"]
    assert _names([r"maybe:re:.*\.fc2"]) == BLOCKS[1::2]
    assert _names(["Linear"], ["maybe:LSTM"]) == _names(["Linear"])
    assert _names(None, ["maybe:re:blocks.*", "maybe:mix"]) == ["embedding.weight", *ATTENTION]


def test_maybe_is_a_wish_and_not_an_order() -> None:
    choices = {choice.site.name: choice for choice in select(SITES, ["maybe:Linear", "blocks.0.fc1"])}
    assert [name for name, choice in choices.items() if choice.named] == BLOCK_0[:1]
    assert [name for name, choice in choices.items() if choice.wished] == [
        "embedding.weight",
        *BLOCKS[1:],
        ATTENTION[1],
    ]


def test_maybe_still_has_to_be_a_pattern() -> None:
    with pytest.raises(TargetError, match="no regular expression"):
        select(SITES, ["maybe:re:("])


@pytest.mark.parametrize(
    ("targets", "message"),
    [("head", r"must be a list.*targets=\['head'\]"), (["re:("], "no regular expression"), ([3], "3 is a int")],
)
def test_malformed(targets, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        select(SITES, targets)
