"""Commands that look: inspect, report, recipes, doctor."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import gossamer as gs
from gossamer.cli import guard, health
from gossamer.cli.contents import contents
from gossamer.recipe import READY, parse
from gossamer.report import HEADER_ROW, Report


def test_inspect_lists_a_compressed_file(gossamer: Callable, small: Path) -> None:
    ran = gossamer("inspect", small)
    assert ran.code == guard.DONE
    weight = next(line for line in ran.out.splitlines() if line.startswith("0.weight"))
    assert weight.split()[:2] == ["0.weight", "32×16"]
    assert "int8" in weight
    assert f"{small.stat().st_size:,}" in ran.out
    assert "recipe: prune" in ran.out


def test_inspect_json_adds_up_and_top_and_sort_choose(gossamer: Callable, small: Path) -> None:
    plain = json.loads(gossamer("inspect", small, "--json").out)
    assert plain["bytes"] == small.stat().st_size == sum(tensor["bytes"] for tensor in plain["tensors"])
    sizes = [tensor["bytes"] for tensor in plain["tensors"]]
    first = json.loads(gossamer("inspect", small, "--json", "--sort", "bytes", "--top", "2").out)["tensors"]
    assert [tensor["bytes"] for tensor in first] == sorted(sizes, reverse=True)[:2]
    names = [
        tensor["name"] for tensor in json.loads(gossamer("inspect", small, "--json", "--sort", "name").out)["tensors"]
    ]
    assert names == sorted(names)


def test_inspect_says_what_top_leaves_out(gossamer: Callable, small: Path) -> None:
    out = gossamer("inspect", small, "--sort", "smaller", "--top", "1").out
    rest = contents(small)
    assert f"… {len(rest.rows) - 1} more" in out


def test_inspect_reads_a_plain_file_and_a_folder_of_several(gossamer: Callable, plain: Path, small: Path) -> None:
    found = contents(plain)
    assert found.bytes == found.dense_bytes == plain.stat().st_size
    assert [row.dtype for row in found.rows if row.name == "0.weight"] == ["float32"]
    both = contents(plain.parent)
    assert both.bytes == plain.stat().st_size + small.stat().st_size
    assert {row.name for row in both.rows} >= {"plain.safetensors: 0.weight", f"small.safetensors: {HEADER_ROW}"}


def test_inspect_counts_types_that_torch_lacks_or_packs(here: Path) -> None:
    tensors = {"a": torch.ones(3, dtype=torch.bool), "b": torch.ones(2, dtype=torch.bfloat16), "c": torch.ones(())}
    save_file(tensors, here / "odd.safetensors")
    assert {row.name: row.bytes for row in contents(here / "odd.safetensors").rows} | {HEADER_ROW: 0} == {
        "a": 3,
        "b": 4,
        "c": 4,
        HEADER_ROW: 0,
    }


@pytest.mark.parametrize("damage", [b"", b"short", b"\xff" * 64])
def test_inspect_names_a_damaged_file(damage: bytes, gossamer: Callable, here: Path) -> None:
    (here / "bad.safetensors").write_bytes(damage)
    ran = gossamer("inspect", "bad.safetensors")
    assert ran.code == guard.ERROR
    assert ran.err.startswith("error: bad.safetensors: no safetensors file")


def test_inspect_opens_no_pickle(gossamer: Callable, here: Path) -> None:
    (here / "model").mkdir()
    (here / "model" / "pytorch_model.bin").write_bytes(b"")
    ran = gossamer("inspect", "model")
    assert ran.code == guard.ERROR
    assert "is a pickle" in ran.err


@pytest.mark.parametrize("command", [["inspect"], ["compress", "-r", "fast", "--model", "usersown:network"]])
def test_a_checkpoint_of_torch_is_said_to_be_a_pickle(command: list[str], gossamer: Callable, here: Path) -> None:
    torch.save({"weight": torch.ones(2)}, here / "model.pt")
    ran = gossamer(*command, "model.pt")
    assert ran.code == guard.ERROR
    assert "a pickle can run code" in ran.err
    assert "safetensors.torch.save_model" in ran.err


def test_names_cannot_move_the_cursor(gossamer: Callable, here: Path) -> None:
    save_file({"evil\x1b[2J[bold]": torch.ones(1)}, here / "evil.safetensors")
    out = gossamer("inspect", "evil.safetensors").out
    assert "\x1b" not in out
    assert "evil\\x1b[2J[bold]" in out


@pytest.fixture
def saved(here: Path) -> Path:
    result = gs.compress(torch.nn.Linear(8, 4), gs.Quantize("int8"))
    (here / "report.json").write_text(json.dumps(result.report.to_dict()))
    return here / "report.json"


def test_report_shows_a_saved_one_in_three_ways(gossamer: Callable, saved: Path) -> None:
    report = Report.from_dict(json.loads(saved.read_text()))
    assert gossamer("report", saved).out == f"{report}\n"
    assert gossamer("report", saved.parent).out == f"{report}\n"
    assert json.loads(gossamer("report", saved, "--json").out) == report.to_dict()
    ran = gossamer("report", saved, "--html", "page.html")
    assert ran.out == ""
    assert "weight" in Path("page.html").read_text()


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 99}'])
def test_report_refuses_what_is_none(text: str, gossamer: Callable, here: Path) -> None:
    (here / "report.json").write_text(text)
    ran = gossamer("report", "report.json")
    assert ran.code == guard.ERROR
    assert "report.json" in ran.err


def test_recipes_are_listed_and_printed_as_yaml_that_reads_back(gossamer: Callable) -> None:
    listed = gossamer("recipes").out
    plain = json.loads(gossamer("recipes", "--json").out)
    assert set(plain) == set(READY)
    for name, ready in READY.items():
        assert name in listed
        assert parse(gossamer("recipes", name).out) == ready.steps
        assert parse(gossamer("recipes", name, "--json").out, "json") == ready.steps
    ran = gossamer("recipes", "smal")
    assert ran.code == guard.ERROR
    assert "did you mean 'small'" in ran.err


def test_doctor_is_content_here_and_prints_one_document(gossamer: Callable) -> None:
    ran = gossamer("doctor", "--json")
    plain = json.loads(ran.out)
    assert plain["ok"] is (ran.code == guard.DONE)
    names = {finding["name"] for finding in plain["findings"]}
    assert {"gossamer", "python", "torch computes", "kernels", "temporary folder"} <= names
    assert {"cores", "threads", "instructions", "disk free here"} <= set(plain["machine"])
    assert "onnxruntime" in names, "peers of bench are looked for"


def test_doctor_ends_with_1_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch, gossamer: Callable) -> None:
    monkeypatch.setenv("GOSSAMER_KERNELS", "quick")
    ran = gossamer("doctor")
    assert ran.code == guard.ERROR
    assert "1 problem: kernels" in ran.out
    assert "unset GOSSAMER_KERNELS" in ran.out


@pytest.mark.parametrize(
    ("version", "wanted", "good"),
    [
        ("2.6", ">=2.6", True),
        ("2.13.0+cpu", ">=2.6", True),
        ("2.5.9", ">=2.6", False),
        ("0.6", "<0.6,>=0.5", False),
        ("0.5.11", "<0.6,>=0.5", True),
        ("3.11.7", "", True),
        ("2.6.0rc1", ">=2.6", True),
    ],
)
def test_versions_are_compared_as_numbers(version: str, wanted: str, good: bool) -> None:
    assert health.meets(version, wanted) is good


def test_doctor_knows_missing_and_old_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = ["torch>=9999", "no-such-package>=1.2", "scikit-learn>=1.3; extra == 'demo'", 'gone>=1; extra == "hf"']
    monkeypatch.setattr(health.metadata, "requires", lambda name: declared)
    found = {finding.name: finding for finding in health.findings()}
    assert found["torch"].state == "old"
    assert found["no-such-package"].state == "missing"
    assert "pip install 'no-such-package>=1.2'" in found["no-such-package"].advice
    assert found["gone"].state == "optional"
    assert found["gone"].advice == "pip install 'gossamer[hf]'"
    assert not found["gone"].is_problem
    assert found["scikit-learn"].state == "ok"
