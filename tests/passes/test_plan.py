"""Which step aims at which weight: every wrong entry at once, and what a wish leaves alone."""

from __future__ import annotations

import pytest
from torch import nn

from gossamer.errors import RecipeError, TargetError
from gossamer.model import inventory
from gossamer.passes.plan import plan
from gossamer.recipe import Prune, Quantize

SITES = inventory(nn.Sequential(nn.Embedding(8, 64), nn.Linear(64, 100), nn.Linear(100, 4)))


def _names(*steps) -> list[tuple[str, ...]]:
    return [assignment.names for assignment in plan(steps, SITES).values()]


def test_wrong_entries_of_all_steps_stand_in_one_message() -> None:
    with pytest.raises(TargetError) as caught:
        plan([Prune("2:4", targets=["one"]), Quantize("int8", targets=["two", "0"], ignore=["three"])], SITES)
    message = str(caught.value)
    for part in ("step 1, prune 2:4", "'one'", "step 2, quantize int8", "targets: 'two'", "ignore: 'three'"):
        assert part in message
    assert "'0'" not in message.replace("nearest name is '0'", "")


def test_a_wish_takes_what_is_left() -> None:
    rest = Quantize("int8", targets=["maybe:re:.*"])
    assert _names(Quantize("int4/g64", ignore=["maybe:Embedding"]), rest) == [
        ("1.weight",),
        ("0.weight", "2.weight"),
    ]
    assert _names(Prune("2:4"), rest) == [("0.weight", "1.weight", "2.weight")] * 2, "a support fills another slot"


def test_an_order_does_not() -> None:
    with pytest.raises(RecipeError, match="would replace"):
        plan([Quantize("int4"), Quantize("int8", targets=["1"])], SITES)


def test_a_wish_that_does_not_fit_is_a_skip_and_an_order_an_error() -> None:
    (assignment,) = plan([Quantize("int4/g64", targets=["maybe:re:.*"])], SITES).values()
    assert assignment.names == ("0.weight", "1.weight")
    assert "not a multiple of group 64" in assignment.skipped["2.weight"]
    with pytest.raises(TargetError, match="not a multiple of group 64"):
        plan([Quantize("int4/g64", targets=["re:.*"])], SITES)
