"""The comparison: what contenders are measured on, peers that lack a package or fail, and nothing left changed."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import gossamer as gs
from gossamer.bench import PEERS, Contender, Peer, compare
from gossamer.bench.compare import restless
from gossamer.bench.peer import Positional, Prepared, Scene, torch_prepared
from gossamer.cli import main
from gossamer.errors import VerifyError
from gossamer.model import copied
from gossamer.passes import Effort
from gossamer.report import Measure, Timing

QUICK = Effort(batch_sizes=(1, 3), runs=1)
INPUTS = (torch.linspace(-1, 1, 32).reshape(2, 16),)
# Another order of summation.
CLOSE = 1e-5


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    gs.compress(network(), gs.Quantize("int8")).save(tmp_path / "small.safetensors")
    return tmp_path / "small.safetensors"


def same(scene: Scene) -> Prepared:
    return torch_prepared(copied(scene.model), scene, 10)


def broken(scene: Scene) -> Prepared:
    raise RuntimeError("first line\nsecond line")


def shifted(scene: Scene) -> Prepared:
    class Shifted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return scene.model(x) + 0.5

    return torch_prepared(Shifted(), scene, 10)


def wide(scene: Scene) -> Prepared:
    return Prepared(lambda: torch.ones(1, 1), lambda result: result, 10)


def test_contenders_stand_beside_the_dense_model(small: Path) -> None:
    dense = network().train()
    before = {name: value.clone() for name, value in dense.state_dict().items()}
    places = [parameter.data_ptr() for parameter in dense.parameters()]
    peers = {"same": Peer("nothing", same), "shifted": Peer("a half more", shifted)}
    found = compare(small, into=network, dense=dense, example_inputs=INPUTS, peers=peers, effort=QUICK, threads=(1,))
    assert [contender.name for contender in found.contenders] == ["gossamer", "same", "shifted"]
    for contender in found.contenders:
        assert contender.problem == ""
        assert contender.before is not None
        assert contender.after is not None
        assert set(contender.before.ms) == set(contender.after.ms) == {1, 3}
        assert {verdict.question for verdict in contender.verdicts} == {
            "smaller?",
            "faster at batch 1?",
            "faster at batch 3?",
        }
    own, alike, apart = found.contenders
    assert own.after is not None
    assert own.after.bytes == small.stat().st_size
    assert 0 < own.output_difference < 0.1
    assert alike.output_difference == 0
    assert apart.output_difference == pytest.approx(0.5, abs=CLOSE)
    assert dense.training
    assert places == [parameter.data_ptr() for parameter in dense.parameters()]
    assert all(torch.equal(value, before[name]) for name, value in dense.state_dict().items())
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["machine"]["threads"] == 1


def test_a_peer_that_cannot_be_tried_or_fails_says_why(small: Path) -> None:
    peers = {
        "absent": Peer("", same, ("no_such_package",), "pip install no-such-package"),
        "unfit": Peer("", same, unavailable=lambda: "no compiler"),
        "broken": Peer("", broken),
        "wide": Peer("", wide),
    }
    found = compare(small, into=network, dense=network(), example_inputs=INPUTS, peers=peers, effort=QUICK)
    problems = {contender.name: contender.problem for contender in found.contenders}
    assert problems["gossamer"] == ""
    assert problems["absent"] == "not installed: pip install no-such-package"
    assert problems["unfit"] == "no compiler"
    assert problems["broken"] == "failed: RuntimeError: first line second line"
    assert "shape (1, 1) instead of (1, 4)" in problems["wide"]


def test_each_number_of_threads_is_a_round_and_the_own_is_put_back(small: Path) -> None:
    seen = []

    def noted(scene: Scene) -> Prepared:
        seen.append((scene.threads, torch.get_num_threads()))
        return same(scene)

    before = torch.get_num_threads()
    effort = Effort(batch_sizes=(2,), runs=1)
    found = compare(
        small,
        into=network,
        dense=network(),
        example_inputs=INPUTS,
        peers={"noted": Peer("", noted)},
        effort=effort,
        threads=(1, 2),
    )
    assert seen == [(1, 1), (2, 2)]
    assert [contender.threads for contender in found.contenders] == [1, 1, 2, 2]
    assert torch.get_num_threads() == before


def test_a_machine_that_is_not_at_rest_is_named() -> None:
    def beside(name: str, median: float) -> Contender:
        timing = Timing(median, median, median, median, runs=9)
        return Contender(name, "", 2, Measure(10, {1: timing}), Measure(10, {1: timing}))

    assert restless([beside("a", 10.0), beside("b", 14.0), Contender("c", "", 2, problem="absent")]) == []
    (note,) = restless([beside("a", 10.0), beside("b", 16.0)])
    assert "10.000 to 16.000 ms at batch 1 (threads: 2)" in note


def test_batch_sizes_are_needed(small: Path) -> None:
    with pytest.raises(VerifyError, match="batch sizes"):
        compare(small, into=network, dense=network(), example_inputs=INPUTS, peers={}, effort=Effort(batch_sizes=None))


HERE = [
    pytest.param(name, marks=[pytest.mark.slow] if name == "torch.compile" else [])  # half a minute of a compiler
    for name, peer in PEERS.items()
    if not peer.missing()
]


@pytest.mark.parametrize("name", HERE)
def test_peers_that_are_here_give_the_dense_output(name: str) -> None:
    model = network().eval()
    with torch.no_grad(), warnings.catch_warnings(action="ignore"):  # of other libraries
        prepared = PEERS[name].prepare(Scene(model, INPUTS, 1))
        found = prepared.output(prepared.call())
        assert found.shape == (2, 4)
        assert float((found - model(*INPUTS)).abs().max()) < 0.1
    assert prepared.bytes > 0


def test_every_peer_says_what_it_does_and_how_to_get_it() -> None:
    for peer in PEERS.values():
        assert peer.does
        assert not peer.packages or peer.install.startswith("pip install ")


class Nested(nn.Module):
    """Takes what language models take."""

    def forward(self, ids: Tensor, options: dict[str, Tensor | None], scale: float = 1.0) -> dict[str, Tensor]:
        total = ids * scale + options["shift"]
        return {"logits": total}


@pytest.mark.parametrize(
    "inputs",
    [
        (torch.ones(2), {"shift": torch.ones(2), "none": None}, 3.0),
        {"ids": torch.ones(2), "options": {"shift": torch.ones(2), "none": None}, "scale": 3.0},
    ],
    ids=["tuple", "mapping"],
)
def test_exporters_see_tensors_one_by_one(inputs: object) -> None:
    positional = Positional(Scene(Nested(), inputs, 1))
    assert len(positional.tensors) == 2
    assert torch.equal(positional(*positional.tensors), torch.full((2,), 4.0))
    assert torch.equal(positional(torch.zeros(2), torch.zeros(2)), torch.zeros(2))


class Padded(nn.Module):
    """As encoders do: what stands at padding depends on the weights and is read by nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(16, 4)

    def forward(self, x: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.inner(x)
        return torch.where(attention_mask.bool()[..., None], hidden, 1e6 * hidden)


@pytest.mark.parametrize("mask", [torch.tensor([[1, 1, 0]]), torch.tensor([[1, 1, 1]])])
def test_differences_at_padding_do_not_count(mask: Tensor, tmp_path: Path) -> None:
    torch.manual_seed(0)
    dense = Padded()
    gs.compress(dense, gs.Quantize("int4")).save(tmp_path / "small.safetensors")
    inputs = {"x": torch.randn(1, 3, 16), "attention_mask": mask}
    peers = {"same": Peer("", lambda scene: torch_prepared(Padded(), scene, 10))}
    effort = Effort(batch_sizes=(1,), runs=1)
    found = compare(
        tmp_path / "small.safetensors", into=dense, dense=dense, example_inputs=inputs, peers=peers, effort=effort
    )
    for contender in found.contenders:
        assert contender.problem == ""
        assert contender.output_difference is not None
        assert 0 < contender.output_difference < 100


def test_the_command_shows_a_table_and_one_document(
    small: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small.parent)
    monkeypatch.syspath_prepend(small.parent)
    (small.parent / "benched.py").write_text(
        "import torch\nfrom torch import nn\nprint('hello')\n"
        "def network():\n    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))\n"
        "example = torch.ones(2, 16)\n"
    )
    command = ["bench", str(small), "--dense", "benched:network", "--batch-sizes", "1", "--runs", "1", "--peers"]
    assert main([*command, "none", "--example-inputs", "benched:example", "--json"]) == 0
    plain = json.loads(capfd.readouterr().out)
    assert [contender["name"] for contender in plain["contenders"]] == ["gossamer"]
    assert main([*command, "none", "--example-inputs", "benched:example"]) == 0
    out = capfd.readouterr().out
    assert f"{small.stat().st_size:,}" in out
    assert "within noise" in out, "one run claims nothing"
    assert "fewer than 8 runs cannot tell" in out
    assert main([*command, "none"]) == 1
    assert "--example-inputs" in capfd.readouterr().err
    assert main([*command, "tensorflow"]) == 2
    assert "no peer 'tensorflow'" in capfd.readouterr().err
