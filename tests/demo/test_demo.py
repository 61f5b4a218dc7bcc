"""The demo, cut short: what it writes, and that its file and its factory's name are all another process needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import gossamer as gs
from gossamer.__main__ import main
from gossamer.demo import command, digits
from gossamer.report import HEADER_ROW

SHORT = (gs.Prune("top10%/model"), gs.Distill(epochs=1), gs.Quantize("int4/tensor"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("demo") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "TRAINING_EPOCHS", 3)
        patch.setattr(command, "RECIPE", SHORT)
        assert main(["demo", str(where), "--quiet"]) == 0
    return where


def test_the_report_is_whole(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"small.safetensors", "report.json", "report.html"}
    report = json.loads((folder / "report.json").read_text())
    size = (folder / "small.safetensors").stat().st_size
    for side in ("before", "after"):
        assert set(report[side]) >= {"bytes", "ms", "metric"}
        assert set(report[side]["ms"]) == {"1", "64"}
    assert report["after"]["bytes"] == size == sum(layer["bytes"] for layer in report["layers"])
    assert report["before"]["bytes"] > 25 * size
    stored = {name for name, _ in digits.network().state_dict().items()}
    assert {layer["name"] for layer in report["layers"]} == stored | {HEADER_ROW}
    for layer in report["layers"]:
        assert set(layer) >= {"name", "structure", "method", "status", "reason", "bytes"}
    assert {verdict["question"] for verdict in report["verdicts"]} == {
        "smaller?",
        "faster at batch 1?",
        "faster at batch 64?",
        "as good?",
    }


def test_another_process_needs_the_file_and_the_name_alone(folder: Path) -> None:
    code = (
        "import sys, importlib, gossamer as gs; module, name = sys.argv[2].split(':');"
        "print(gs.load(sys.argv[1], into=getattr(importlib.import_module(module), name)()))"
    )
    names = [str(folder / "small.safetensors"), "gossamer.demo.digits:network"]
    output = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True).stdout
    assert "PackedConv2d" in output


def test_the_network_is_small_and_the_images_of_the_test_take_no_part_in_training() -> None:
    assert sum(p.numel() for p in digits.network().parameters()) <= 40_000
    train, test = digits.split("train")[0], digits.split("test")[0]
    assert len(train) + len(test) == 1797
    seen = {image.numpy().tobytes() for image in train}
    assert not any(image.numpy().tobytes() in seen for image in test)


def test_shifted_batches_move_images_by_at_most_a_pixel() -> None:
    images = torch.zeros(5, 1, 8, 8)
    images[:, :, 3, 4] = 1
    (moved, labels), *_ = digits.ShiftedBatches(images, torch.arange(5))
    assert moved.shape == images.shape
    assert sorted(labels.tolist()) == list(range(5))
    assert (moved[:, 0, 2:5, 3:6].sum((1, 2)) == 1).all()
