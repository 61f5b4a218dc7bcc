"""What is in a folder that gossamer wrote, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from ruamel.yaml import YAML
from torch import nn
from transformers import AutoTokenizer

import gossamer as gs
from gossamer.errors import ArtifactError, GossamerError, ModelError
from gossamer.huggingface import from_pretrained, read_folder, save_pretrained
from gossamer.passes import Result
from gossamer.report import Measure, Report, Timing, Verdict

CARD = """---
license: apache-2.0
language: en
tags:
- fast
- gossamer
datasets:
- some/thing
---
# The big one

Use it well.
"""


def result(family: str = "bert", path: Path | None = None) -> Result:
    model = tiny.made(family) if path is None else read_folder(path).model()
    return gs.compress(model, [gs.Quantize("int8")], proof=gs.Proof(measure=False))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A dense folder with all that one may hold."""
    path = tiny.folder(tmp_path / "dense", "llama tied")
    (path / "README.md").write_text(CARD)
    (path / "LICENSE").write_text("the licence")
    (path / "chat_template.jinja").write_text("{{ messages }}")
    (path / "merges.txt").write_text("a b")
    (path / "modeling_mine.py").write_text("raise SystemExit")
    (path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    (path / "pytorch_model.bin.index.json").write_text("{}")
    (path / ".secret.json").write_text("{}")
    (path / "onnx").mkdir()
    (path / "onnx" / "config.json").write_text("{}")
    return path


def test_what_is_taken_along_and_what_is_not(source: Path, tmp_path: Path) -> None:
    folder = save_pretrained(result(path=source), tmp_path / "small", source=source)
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "LICENSE",
        "README.md",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "merges.txt",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert (folder / "LICENSE").read_text() == "the licence"
    before, after = AutoTokenizer.from_pretrained(source), AutoTokenizer.from_pretrained(folder)
    assert before("of the bridge")["input_ids"] == after("of the bridge")["input_ids"]


def test_links_of_a_cache_become_files(source: Path, tmp_path: Path) -> None:
    (source / "LICENSE").rename(tmp_path / "blob")
    (source / "LICENSE").symlink_to(tmp_path / "blob")
    folder = save_pretrained(result(path=source), tmp_path / "small", source=source)
    assert not (folder / "LICENSE").is_symlink()
    assert (folder / "LICENSE").read_text() == "the licence"


def test_config_says_what_it_said_and_how_the_weights_are_stored(source: Path, tmp_path: Path) -> None:
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"a_key_of_the_user": [1, 2]}))
    folder = save_pretrained(result(path=source), tmp_path / "small", source=source)
    written = json.loads((folder / "config.json").read_text())
    assert written["a_key_of_the_user"] == [1, 2]
    assert written["quantization_config"] == {
        "quant_method": "gossamer",
        "recipe": [{"step": "quantize", "structure": "int8", "method": "rtn"}],
    }
    assert {key: written[key] for key in config} == config
    assert str(tmp_path) not in (folder / "config.json").read_text()


def test_config_follows_a_model_that_was_changed(source: Path, tmp_path: Path) -> None:
    model = read_folder(source).model()
    model.resize_token_embeddings(tiny.VOCABULARY + 3)  # type: ignore[operator]  # of transformers
    changed = gs.compress(model.to(torch.bfloat16), [gs.Quantize("int8")], proof=gs.Proof(measure=False))
    folder = save_pretrained(changed, tmp_path / "small", source=source)
    written = json.loads((folder / "config.json").read_text())
    assert written["vocab_size"] == tiny.VOCABULARY + 3
    assert written["dtype"] == "bfloat16"
    assert torch.equal(from_pretrained(folder).lm_head.weight, changed.model.lm_head.weight)


def test_without_a_source_config_and_generation_settings_come_from_the_model(tmp_path: Path) -> None:
    made = result("gpt2")
    made.model.generation_config.max_new_tokens = 9
    folder = save_pretrained(made, tmp_path / "small")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
    ]
    assert from_pretrained(folder).generation_config.max_new_tokens == 9


def test_a_dense_model_is_written_too(tmp_path: Path) -> None:
    model = tiny.made("bert")
    folder = save_pretrained(model, tmp_path / "small")
    assert "recipe" not in json.loads((folder / "config.json").read_text())["quantization_config"]
    assert torch.equal(tiny.output(from_pretrained(folder), "bert"), tiny.output(model, "bert"))


@pytest.mark.parametrize(("size", "files"), [("1GB", 1), (10**9, 1), ("10kb", 5), ("10 KiB", 5), (10_000, 5)], ids=repr)
def test_max_shard_size(size: Any, files: int, tmp_path: Path) -> None:
    folder = save_pretrained(result("gpt2"), tmp_path / "small", max_shard_size=size)
    assert len(list(folder.glob("*.safetensors"))) == files
    assert (folder / "model.safetensors.index.json").exists() == (files > 1)


@pytest.mark.parametrize("size", ["", "5XB", "-1", 0, "0", 1.5, None], ids=repr)
def test_max_shard_size_that_is_none(size: Any, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="max_shard_size is a number of bytes"):
        save_pretrained(tiny.made("bert"), tmp_path / "small", max_shard_size=size)
    assert not list(tmp_path.iterdir())


def test_further_files(tmp_path: Path) -> None:
    files = {"report.html": "<p>é", "plots/a.svg": b"\xff"}
    folder = save_pretrained(tiny.made("bert"), tmp_path / "small", files=files)
    assert (folder / "report.html").read_text(encoding="utf-8") == "<p>é"
    assert (folder / "plots" / "a.svg").read_bytes() == b"\xff"


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a/../../b", "", "..", "a\\b", "C:a", "config.json", "README.md", "model.safetensors"]
)
def test_further_files_with_names_that_cannot_be(name: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="files: "):
        save_pretrained(tiny.made("bert"), tmp_path / "small", files={name: "x"})
    assert not list(tmp_path.iterdir())


def test_overwriting_only_when_asked(tmp_path: Path) -> None:
    folder = save_pretrained(tiny.made("bert"), tmp_path / "small", files={"old.txt": "x"})
    with pytest.raises(ArtifactError, match="overwrite=True"):
        save_pretrained(tiny.made("gpt2"), folder)
    assert (folder / "old.txt").exists()
    save_pretrained(tiny.made("gpt2"), folder, overwrite=True)
    assert not (folder / "old.txt").exists()
    assert read_folder(folder).architecture == "GPT2LMHeadModel"


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_pretrained(tiny.made("bert"), tmp_path / "small")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtifactError, match="No space left on device"):
        save_pretrained(tiny.made("gpt2"), folder, overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_models_of_no_library_are_told_where_to_go(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"result\.save\(path\)"):
        save_pretrained(nn.Linear(2, 2), tmp_path / "small")


def test_the_habit_of_save_pretrained_never_writes_packed_weights(tmp_path: Path) -> None:
    made = result()
    loaded = from_pretrained(save_pretrained(made, tmp_path / "small"))
    again = type(loaded).from_pretrained(tmp_path / "small")
    for model in (made.model, loaded, again):
        with pytest.raises(ModelError, match=r"gs\.to_dense\(model\)\.save_pretrained"):
            model.save_pretrained(tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_the_way_out_is_a_folder_of_transformers(tmp_path: Path) -> None:
    made = result()
    for model in (made.model, from_pretrained(save_pretrained(made, tmp_path / "small"))):
        gs.to_dense(model).save_pretrained(tmp_path / "dense")
        folder = read_folder(tmp_path / "dense")
        assert not folder.compressed
        assert torch.equal(tiny.output(folder.model(), "bert"), tiny.output(made.model, "bert"))
    again = type(made.model).from_pretrained(tmp_path / "small")
    gs.to_dense(again).save_pretrained(tmp_path / "dense2")
    folder = read_folder(tmp_path / "dense2")
    assert torch.equal(tiny.output(folder.model(), "bert"), tiny.output(made.model, "bert"))


def head_of(card: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(card.split("---\n")[1])
    return found


def test_card_keeps_licence_tags_and_text_of_the_dense_model(source: Path, tmp_path: Path) -> None:
    folder = save_pretrained(result(path=source), tmp_path / "small", source=source)
    card = (folder / "README.md").read_text()
    assert head_of(card) == {
        "license": "apache-2.0",
        "language": "en",
        "datasets": ["some/thing"],
        "tags": ["fast", "gossamer", "compressed"],
        "library_name": "transformers",
    }
    assert card.rstrip().endswith("# The big one\n\nUse it well.")
    assert "LlamaForCausalLM.from_pretrained('small')" in card


def test_saving_a_compressed_folder_again_tells_of_this_folder_alone(source: Path, tmp_path: Path) -> None:
    made = result(path=source)
    first = save_pretrained(made, tmp_path / "first", source=source, files={"report.json": "{}", "report.html": "<p>"})
    again = save_pretrained(from_pretrained(first), tmp_path / "again", source=first)
    assert not list(again.glob("report.*"))
    card = (again / "README.md").read_text()
    assert card.count("# Recipe") <= 1
    assert card.count("## Size") == 1
    assert card.count("# The big one") == 1
    assert head_of(card)["tags"] == ["fast", "gossamer", "compressed"]


@pytest.mark.parametrize("broken", ["---\n: [\n---\ntext", "no front matter", "---\n- a list\n---\ntext", ""])
def test_card_of_a_source_that_cannot_be_read_loses_nothing(broken: str, source: Path, tmp_path: Path) -> None:
    (source / "README.md").write_text(broken)
    folder = save_pretrained(result(path=source), tmp_path / "small", source=source)
    card = (folder / "README.md").read_text()
    assert head_of(card)["tags"] == ["gossamer", "compressed"]
    assert broken.strip() in card


def test_card_tells_the_bytes_of_the_files_that_are_there(tmp_path: Path) -> None:
    folder = save_pretrained(result("gpt2"), tmp_path / "small", max_shard_size="10kB")
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    assert f"| {size:,} |" in (folder / "README.md").read_text()


def test_card_without_measurement_claims_none(tmp_path: Path) -> None:
    for number, model in enumerate((result(), tiny.made("bert"))):
        card = (save_pretrained(model, tmp_path / f"small{number}") / "README.md").read_text()
        assert "## Measured" not in card
        assert "ms at" not in card
        assert "faster" not in card
        assert "Machine" not in card


def test_card_tells_what_was_measured(tmp_path: Path) -> None:
    timing = Timing(2.0, 1.9, 2.1, 2.5, 30)
    report = Report(
        rows=(),
        before=Measure(100, {1: timing, 7: timing}, metric=0.5, peak_memory=4000),
        after=Measure(50, {1: Timing(1.0, 0.9, 1.1, 1.5, 30)}, metric=0.4999),
        verdicts=(Verdict("faster at batch 1?", "better", 2.0, 1.0, "takes 0.50 of the time"),),
        notes=("one thing\nin two lines",),
        machine={"cpu": "Some CPU", "threads": 1},
        metric="accuracy",
    )
    card = (save_pretrained(tiny.made("bert"), tmp_path / "small", report=report) / "README.md").read_text()
    assert "| ms at batch 1 | 2.000 | 1.000 |" in card
    assert "| accuracy | 0.5000 | 0.4999 |" in card
    assert "- faster at batch 1? better (takes 0.50 of the time)" in card
    assert "Machine: cpu Some CPU, threads 1." in card
    assert "- one thing in two lines" in card
    assert "batch 7" not in card  # of one model only
    assert "peak" not in card


def test_recipe_may_be_given(tmp_path: Path) -> None:
    folder = save_pretrained(tiny.made("bert"), tmp_path / "small", recipe=[gs.Prune("2:4")])
    steps = read_folder(folder).config["quantization_config"]["recipe"]
    assert [step["structure"] for step in steps] == ["2:4"]
    assert "1. prune: structure 2:4" in (folder / "README.md").read_text()


def test_source_of_another_kind_is_refused(source: Path, tmp_path: Path) -> None:
    sentence = tiny.sentence_folder(tmp_path / "sentence")
    with pytest.raises(GossamerError, match="is a folder of sentence-transformers"):
        save_pretrained(tiny.made("bert"), tmp_path / "small", source=sentence)


@pytest.mark.parametrize("kind", ["notes", "dense model", "working directory"])
def test_overwrite_never_replaces_what_gossamer_did_not_write(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "there"
    model = tiny.made("gpt2")
    if kind == "dense model":
        model.save_pretrained(folder)
    elif kind == "working directory":
        save_pretrained(model, folder)
        monkeypatch.chdir(folder)
    else:
        folder.mkdir()
        (folder / "thesis.txt").write_text("years")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ArtifactError, match="choose another folder"):
        save_pretrained(model, "." if kind == "working directory" else folder, overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
