"""Folders of Hugging Face from the command line: compress, inspect, bench; damaged and bare ones."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

import gossamer as gs
from gossamer.cli import guard
from gossamer.huggingface import SENTENCES

SPECIAL = ["<pad>", "<unk>"]
WORDS = sorted({word for text in SENTENCES for word in text.split()})
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random encoder of two layers and its tokenizer."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    folder = tmp_path_factory.mktemp("hub") / "tiny"
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = transformers.BertConfig(vocab_size=len(SPECIAL) + len(WORDS), **size)
    transformers.BertModel(config).eval().save_pretrained(folder)
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(SPECIAL + WORDS)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokens = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>")
    tokens.save_pretrained(folder)
    return folder


def test_a_folder_becomes_a_folder_that_is_inspected_and_timed(gossamer: Callable, dense: Path, here: Path) -> None:
    ran = gossamer("compress", dense, "--batch-sizes", "1,2")
    assert ran.code == guard.DONE, ran.err
    assert "weight-only-int8, since none was given" in ran.err
    made = here / "tiny-weight-only-int8"
    assert {"config.json", WEIGHTS, "report.json", "report.html", "tokenizer.json"} <= {p.name for p in made.iterdir()}
    assert set(json.loads((made / "report.json").read_text())["after"]["ms"]) == {"1", "2"}
    assert gs.from_pretrained(made).config.hidden_size == 32

    listed = json.loads(gossamer("inspect", made, "--json").out)
    assert listed["bytes"] == (made / WEIGHTS).stat().st_size

    ran = gossamer("bench", made, "--dense", dense, "--batch-sizes", "1", "--runs", "1", "--peers", "none", "--json")
    assert ran.code == guard.DONE, ran.err
    (own,) = json.loads(ran.out)["contenders"]
    assert own["after"]["bytes"] == listed["bytes"]
    assert 0 < own["output_difference"] < 1

    ran = gossamer("compress", made, "-o", "again")
    assert ran.code == guard.ERROR
    assert "compressed by gossamer already" in ran.err
    ran = gossamer("bench", dense, "--dense", dense)
    assert ran.code == guard.ERROR
    assert "is not compressed by gossamer" in ran.err


def test_the_users_own_texts_are_what_is_measured_on(gossamer: Callable, dense: Path, here: Path) -> None:
    (here / "texts.txt").write_text("\n".join(SENTENCES[:3]) + "\n\n")
    ran = gossamer("compress", dense, "-r", "fast", "--texts", "texts.txt", "--no-measure", "--json")
    assert ran.code == guard.DONE, ran.err
    assert json.loads(ran.out)["before"]["metric"] == pytest.approx(1)
    for text, said in (("", "holds no text"), (None, "cannot be read")):
        (here / "texts.txt").unlink()
        if text is not None:
            (here / "texts.txt").write_text(text)
        ran = gossamer("compress", dense, "-o", "other", "--texts", "texts.txt")
        assert ran.code == guard.ERROR
        assert said in ran.err


def test_without_a_tokenizer_the_user_is_told_what_is_missing(gossamer: Callable, dense: Path, here: Path) -> None:
    bare = shutil.copytree(dense, here / "bare")
    for path in bare.glob("*token*"):
        path.unlink()
    ran = gossamer("compress", bare, "-r", "fast")
    assert ran.code == guard.DONE, ran.err
    assert "has no tokenizer" in ran.err
    ran = gossamer("compress", bare, "-r", "small-and-fast")
    assert ran.code == guard.ERROR
    assert "data=" not in ran.err.partition("in Python")[0], "no option of this command brings batches to a folder"
    assert "step 3, distill 1 epoch" in ran.err


def test_a_download_that_was_cut_off_is_found_before_any_work(gossamer: Callable, dense: Path, here: Path) -> None:
    cut = shutil.copytree(dense, here / "cut")
    (cut / WEIGHTS).write_bytes((dense / WEIGHTS).read_bytes()[:-100])
    ran = gossamer("compress", cut)
    assert ran.code == guard.ERROR
    assert f"error: {WEIGHTS}: no safetensors file that can be read" in ran.err
    assert "not foreseen" not in ran.err


def test_options_of_functions_do_not_go_with_folders(gossamer: Callable, dense: Path, here: Path) -> None:
    assert gossamer("compress", dense, "--data", "usersown:batches").code == guard.WRONG_USAGE
