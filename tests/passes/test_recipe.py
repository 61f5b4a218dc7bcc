"""Steps are values; what contradicts itself is refused with advice."""

from __future__ import annotations

import pytest
import torch

from gossamer.errors import RecipeError
from gossamer.recipe import Distill, Factorize, Impose, Prune, Quantize, Step, as_steps
from gossamer.structure import NM, Codebook, Grid, LowRank, TopK


def test_text_and_words_are_the_same_step() -> None:
    assert Prune("2:4") == Prune(NM(2, 4))
    assert hash(Quantize("int4/g64")) == hash(Quantize(Grid(4, group=64)))


@pytest.mark.parametrize(
    ("step", "method"),
    [
        (Prune(TopK(0.1)), "magnitude"),
        (Quantize(Grid(8)), "rtn"),
        (Quantize(Codebook(16)), "kmeans"),
        (Factorize(LowRank(2)), "svd"),
        (Impose("2:4 & int4"), "nearest"),
        (Prune("2:4", "wanda"), "wanda"),
    ],
    ids=str,
)
def test_the_words_have_a_default_method(step, method: str) -> None:
    assert step.method == method


def test_plain_values_leave_defaults_out() -> None:
    assert Prune("2:4").to_dict() == {"step": "prune", "structure": "2:4", "method": "magnitude"}
    step = Quantize("int8", targets=["fc", torch.nn.Linear], ignore=["re:head.*"], clip=False)
    assert step.to_dict() == {
        "step": "quantize",
        "structure": "int8",
        "method": "rtn",
        "targets": ["fc", "Linear"],
        "ignore": ["re:head.*"],
        "clip": False,
    }
    assert [str(Distill(epochs=1)), str(Distill(epochs=3)), str(Distill(steps=1))] == [
        "distill 1 epoch",
        "distill 3 epochs",
        "distill 1 step",
    ]
    assert Distill(epochs=3, alpha=0.5).to_dict() == {"step": "distill", "epochs": 3, "alpha": 0.5}


@pytest.mark.parametrize(
    ("make", "needle"),
    [
        (lambda: Prune("int4"), "Quantize for values"),
        (lambda: Quantize("2:4"), "Prune for supports"),
        (lambda: Factorize("2:4"), "fills lowrank"),
        (lambda: Prune("2:4 & int4"), "Impose"),
        (lambda: Prune("2:5x"), "cannot read"),
        (lambda: Prune("2:4", "magic"), "magnitude"),
        (lambda: Prune("2:4", targets="fc"), "list"),
        (lambda: Quantize("codebook4", clip=False), "grid"),
        (
            lambda: Distill(epochs=0, lr=-1, alpha=2, temperature=0, loss="l1", steps=0),
            "epochs.*lr.*steps.*temperature.*alpha.*loss",
        ),
        (lambda: as_steps([]), "empty"),
        (lambda: as_steps([Prune("2:4"), "2:4"]), "entry 1"),
    ],
)
def test_impossible_steps(make, needle: str) -> None:
    with pytest.raises(RecipeError, match=needle):
        make()


def test_every_step_can_be_run() -> None:
    from gossamer.passes.compress import RUN

    def leaves(kind: type) -> set[type]:
        below = kind.__subclasses__()
        return {kind} if not below else set().union(*map(leaves, below))

    assert set(RUN) == {kind for kind in leaves(Step) if kind.__module__.startswith("gossamer")}
