"""`gossamer compress` on a user's own model: what comes out, every refusal, exit codes, one JSON document."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import gossamer as gs
from gossamer.cli import guard, output
from gossamer.report import Report
from gossamer.structure import Grid

FILES = {"small.safetensors", "report.json", "report.html"}
MADE = ("compress", "usersown:network", "--recipe", "fast")


def test_a_function_becomes_a_folder_of_three_files(gossamer: Callable, here: Path) -> None:
    ran = gossamer(*MADE, "--metric", "usersown:score")
    assert ran.code == guard.DONE, ran.err
    folder = here / "network-fast"
    assert {path.name for path in folder.iterdir()} == FILES
    report = Report.from_dict(json.loads((folder / "report.json").read_text()))
    assert report.bytes == (folder / "small.safetensors").stat().st_size
    assert f"{report.bytes:,}" in ran.out
    assert "smaller? better" in ran.out
    network = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 4))
    assert gs.load(folder / "small.safetensors", into=network)[0].weight.shape == (32, 16)
    assert not list(here.glob(".*"))


def test_example_inputs_are_measured_at_the_batch_sizes(gossamer: Callable, here: Path) -> None:
    ran = gossamer(*MADE, "--example-inputs", "usersown:example", "--batch-sizes", "2,3", "--threads", "1", "-q")
    assert ran.code == guard.DONE, ran.err
    report = json.loads((here / "network-fast" / "report.json").read_text())
    assert set(report["after"]["ms"]) == {"2", "3"}
    assert report["machine"]["threads"] == 1


def test_json_is_the_one_thing_on_stdout_whatever_the_user_prints(gossamer: Callable, here: Path) -> None:
    ran = gossamer(*MADE, "--metric", "usersown:score", "--json")
    plain = json.loads(ran.out)
    assert plain["output"] == "network-fast"
    assert Report.from_dict(plain).before is not None
    assert "a user's module says hello" in ran.err
    assert "a user's metric says hello" in ran.err


def test_json_stays_alone_when_native_code_and_children_print(shell: Callable, here: Path) -> None:
    (here / "loud.py").write_text(
        "import os\nfrom torch import nn\n"
        "def network():\n    os.system('echo a child says hello')\n    return nn.Linear(16, 4)\n"
    )
    out, err = shell("compress", "loud:network", "-r", "fast", "--json").communicate(timeout=120)
    assert json.loads(out)["output"] == "network-fast"
    assert b"a child says hello" in err


def test_a_state_dict_with_its_factory(gossamer: Callable, plain: Path) -> None:
    ran = gossamer("compress", plain, "--model", "usersown:network", "-r", "fast", "-o", "out", "--quiet")
    assert ran.code == guard.DONE, ran.err
    network = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 4))
    loaded = gs.load("out/small.safetensors", into=network)
    assert torch.allclose(loaded[0].weight, torch.ones(32, 16), atol=0.01), "the file's weights and not the factory's"


def test_a_recipe_from_a_file_names_the_folder(gossamer: Callable, here: Path) -> None:
    (here / "mine.yaml").write_text("- step: quantize\n  structure: int4\n")
    assert gossamer("compress", "usersown:network", "-r", "mine.yaml").code == guard.DONE
    report = Report.from_dict(json.loads((here / "network-mine" / "report.json").read_text()))
    assert report.row("0.weight").structure == str(Grid(4))


def test_a_loss_beyond_the_tolerance_ends_with_3_and_only_when_one_was_given(gossamer: Callable, here: Path) -> None:
    command = (*MADE, "--metric", "usersown:poor", "--overwrite")
    assert gossamer(*command).code == guard.DONE
    assert gossamer(*command, "--tolerance", "0.5").code == guard.WORSE
    assert gossamer(*command, "--tolerance", "2").code == guard.DONE
    assert gossamer(*command, "--tolerance", "0.5", "--lower-is-better").code == guard.DONE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compress", "nowhere"], "no such folder or file"),
        (["compress", "nosuch:thing", "-r", "fast"], "no module 'nosuch'"),
        (["compress", "usersown:netwrk", "-r", "fast"], "has no 'netwrk'; did you mean 'network'?"),
        (["compress", "usersown:broken", "-r", "fast"], "raised ValueError: no weights here"),
        (["compress", "usersown:number", "-r", "fast"], "must make a torch.nn.Module"),
        (["compress", "usersown:network", "-r", "fasst"], "did you mean 'fast'"),
        (["compress", "usersown:network", "-r", "nowhere.yaml"], "no file 'nowhere.yaml'"),
        (["compress", "usersown:network", "-r", "typo.yaml"], "typo.yaml:1:9"),
        ([*MADE, "--data", "usersown:number"], "must be an iterable of batches"),
        ([*MADE, "--metric", "usersown:number"], "must be a function"),
        ([*MADE, "--example-inputs", "usersown:number"], "must be a tensor"),
        ([*MADE, "-o", "."], "working directory"),
        ([*MADE, "-o", "a/b"], "does not exist"),
        ([*MADE, "-o", "usersown.py"], "no folder"),
        ([*MADE, "-o", "full"], "not empty; choose another name"),
        ([*MADE, "-o", "full", "--overwrite"], "holds no report.json"),
        (["compress", "usersown.py", "-r", "fast"], "no safetensors file"),
        (["compress", "usersown:network", "-r", "small-and-fast"], "give --data package.module:name"),
        (["compress", "usersown.py:network", "-r", "fast"], "did you mean 'usersown:network'?"),
        ([*MADE, "--metric", "./usersown.py:score"], "did you mean 'usersown:score'?"),
        (["compress", "empty"], "config.json"),
    ],
)
def test_what_cannot_be_done_is_said_before_any_work(
    arguments: list[str], said: str, gossamer: Callable, here: Path
) -> None:
    (here / "full").mkdir()
    (here / "full" / "theirs.txt").write_text("keep me")
    (here / "empty").mkdir()
    (here / "typo.yaml").write_text("- step: quantise\n  structure: int8\n")
    before = sorted(here.rglob("*"))
    ran = gossamer(*arguments)
    assert ran.code == guard.ERROR
    assert said in ran.err
    assert "Traceback" not in ran.err
    left = [path for path in sorted(here.rglob("*")) if "__pycache__" not in path.parts]
    assert left == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["compress", "usersown:network"],
        [*MADE, "--texts", "texts.txt"],
        [*MADE, "--model", "usersown:network"],
        [*MADE, "--batch-sizes", "1,x"],
        [*MADE, "--tolerance", "-1"],
        ["compress", "plain.safetensors", "-r", "fast"],
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(arguments: list[str], gossamer: Callable, plain: Path) -> None:
    assert gossamer(*arguments).code == guard.WRONG_USAGE


def test_a_compressed_file_is_not_compressed_again(gossamer: Callable, small: Path) -> None:
    ran = gossamer("compress", small, "-r", "fast")
    assert ran.code == guard.ERROR
    assert "compressed by gossamer already" in ran.err


def test_overwrite_replaces_what_gossamer_wrote(gossamer: Callable, here: Path) -> None:
    assert gossamer(*MADE, "-o", "out").code == guard.DONE
    ran = gossamer(*MADE, "-o", "out")
    assert ran.code == guard.ERROR
    assert "--overwrite replaces it" in ran.err
    first = (here / "out" / "small.safetensors").read_bytes()
    assert gossamer("compress", "usersown:network", "-r", "small", "-o", "out", "--overwrite").code == guard.DONE
    assert (here / "out" / "small.safetensors").read_bytes() != first


def test_the_page_is_headed_by_its_folder(gossamer: Callable, here: Path) -> None:
    assert gossamer(*MADE, "-o", "a & b").code == guard.DONE
    assert "<h1>a &amp; b</h1>" in (here / "a & b" / "report.html").read_text()
    assert gossamer("report", "a & b", "--html", "page.html").code == guard.DONE
    assert (here / "page.html").read_text() == (here / "a & b" / "report.html").read_text()


def test_a_disk_too_small_is_said_first(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    free = output.shutil.disk_usage(here)._replace(free=1000)
    monkeypatch.setattr(output.shutil, "disk_usage", lambda path: free)
    with pytest.raises(gs.GossamerError, match="1,000 bytes are free"):
        output.check_space(here / "out", 8001)
    assert "fewer than" in output.check_space(here / "out", 8000)
    assert output.check_space(here / "out", 1000) == ""
