"""The two scripts on tiny random models: the figures are those of the file, and the record keeps what it was told."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace

import language
import numpy as np
import pytest
import sentence_peers
import sentences
import torch
import trial

import gossamer as gs

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
FINE = trial.Variant("fine", (gs.Quantize("int8"),))
COARSE = trial.Variant("coarse", (gs.Quantize("int2"),))


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    """In this process, which is quicker, and with records of the test's own."""
    for script in (sentences, language):
        monkeypatch.setattr(script, "apart", lambda run, *arguments: run(*arguments))
        monkeypatch.setattr(script, "RESULTS", tmp_path / "results")
        monkeypatch.setattr(script, "REPEATS", 1)
        monkeypatch.setattr(script, "VARIANTS", (FINE, COARSE))
    return tmp_path / "results"


@pytest.fixture
def few(tmp_path):
    return sentences.tiny(tmp_path / "bert")


@pytest.fixture
def told(tmp_path):
    return language.tiny(tmp_path / "llama")


def test_finer_is_larger_and_nearer(few):
    base, dense = sentences.dense_row(few)
    fine, coarse = (sentences.tried(variant, few, base) for variant in (FINE, COARSE))
    assert dense["mean cosine"] == pytest.approx(1)
    assert coarse["bytes"] < fine["bytes"] < dense["bytes"]
    assert coarse["mean cosine"] < fine["mean cosine"] < 1
    assert fine["share"] == fine["bytes"] / dense["bytes"]
    assert fine["not done"] == ()


def test_calibrating_changes_the_figures(few):
    base, _ = sentences.dense_row(few)
    plain, weighted = (
        sentences.tried(trial.Variant(method, (gs.Prune("2:4", method, targets=trial.LINEARS),)), few, base)
        for method in ("magnitude", "wanda")
    )
    assert plain["mean cosine"] != weighted["mean cosine"]


def test_what_calibrates_is_not_what_judges():
    made = sentences.Material
    assert made.__dataclass_fields__["calibration"].default == ()


def test_peers_say_what_they_ship(few, tmp_path):
    base, dense = sentences.dense_row(few)
    names = ("float16 cast", "int8 codes as bytes, everything", "xz -9 of the int8 codes", "xz -9 of the fp32 file")
    rows = {}
    for name in names:
        shipped = sentence_peers.PEERS[name].made(few.folder, tmp_path)
        rows[name] = shipped.bytes, sentences.embedded(shipped.run, _tokenizer(few.folder), few.texts())
    weights = sum(p.numel() for p in sentences.dense(few.folder).parameters() if p.ndim > 1)
    assert weights < rows["int8 codes as bytes, everything"][0] < dense["bytes"] / 2
    assert rows["xz -9 of the int8 codes"][0] < rows["int8 codes as bytes, everything"][0]
    assert np.abs(rows["xz -9 of the fp32 file"][1] - base).max() == 0
    assert 0 < np.abs(rows["float16 cast"][1] - base).max() < np.abs(rows[names[1]][1] - base).max() < 0.1


def _tokenizer(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def test_a_peer_that_is_not_installed_is_told_not_raised(few, monkeypatch, capsys):
    monkeypatch.setattr(sentences, "peered", lambda *_: None)
    sentences.run(few, Namespace(variants=["float16 cast"], peers=[], no_peers=False, quick=True, write=False))
    assert "peer float16 cast: not installed" in capsys.readouterr().out


def test_perplexity_of_a_uniform_guess_is_the_vocabulary(told):
    class Even(torch.nn.Module):
        def forward(self, input_ids):
            return Namespace(logits=torch.zeros(*input_ids.shape, 20))

    found = language.Judged(0.0, np.zeros(0), ("", ""))
    even = Even()
    language_said, language.said = language.said, lambda *_: found.said
    try:
        assert language.judged(even, told).perplexity == pytest.approx(20)
    finally:
        language.said = language_said


def test_perplexity_of_one_who_knows_is_one(told):
    class Knowing(torch.nn.Module):
        def forward(self, input_ids):
            following = torch.cat([input_ids[:, 1:], input_ids[:, :1]], 1)
            return Namespace(logits=torch.nn.functional.one_hot(following, 20) * 100.0)

    language_said, language.said = language.said, lambda *_: ("", "")
    try:
        found = language.judged(Knowing(), told)
    finally:
        language.said = language_said
    assert found.perplexity == pytest.approx(1)
    assert (found.likeliest == told.held_out[:, 1:].numpy()).all()


def test_windows_are_of_one_length_and_held_out(told):
    assert told.held_out.shape[1] == told.calibration.shape[1] == 4
    assert not {tuple(w) for w in told.held_out.tolist()} & {tuple(w) for w in told.calibration.tolist()}


def test_a_language_models_figures_are_the_files(told, here):
    language.run(told, Namespace(variants=[], no_peers=True, quick=False, write=True))
    record = json.loads((here / "language.json").read_text())
    dense, fine, coarse = record["dense"]["dense fp32"], record["variants"]["fine"], record["variants"]["coarse"]
    assert coarse["bytes"] < fine["bytes"] < dense["bytes"]
    assert abs(fine["perplexity"] - dense["perplexity"]) < abs(coarse["perplexity"] - dense["perplexity"])
    assert dense["same next token"] == 1
    assert set(fine["said"]) == set(language.PROMPTS)
    shown = (here / "language.md").read_text()
    assert all(name in shown for name in ("dense fp32", "fine", "coarse", "cpu:"))


def test_a_sentence_record_says_whether_the_target_was_met(few, here, monkeypatch):
    monkeypatch.setattr(sentences, "TARGET", ("fine", 0.5, 0.5))
    options = Namespace(variants=["fine"], peers=[], no_peers=True, quick=False, write=True)
    sentences.run(few, options)
    assert "**met**" in (here / "sentences.md").read_text()
    monkeypatch.setattr(sentences, "TARGET", ("fine", 0.5, 0.01))
    sentences.run(few, options)
    assert "**missed**" in (here / "sentences.md").read_text()
    monkeypatch.setattr(sentences, "TARGET", ("coarse", 0.5, 0.5))
    sentences.run(few, options)
    assert "not run" in (here / "sentences.md").read_text()


def test_layers_that_were_left_out_are_listed(few, tmp_path):
    narrow = trial.Variant("g48", (gs.Quantize("int4/g24"),))
    made = trial.make(sentences.dense(few.folder), narrow, tmp_path / "x.safetensors", data=None, repeats=1)
    assert made.not_done
    assert all("24" in line for line in made.not_done)


def test_quick_never_writes(few, here):
    sentences.run(few, Namespace(variants=["none"], peers=[], no_peers=True, quick=True, write=True))
    assert not here.exists()


@pytest.mark.slow
@pytest.mark.parametrize("script", [sentences, language])
def test_the_scripts_run_with_their_own_processes(script, monkeypatch, capsys):
    monkeypatch.undo()
    name = script.VARIANTS[0].name if script is language else "int8, everything"
    monkeypatch.setattr("sys.argv", ["script", name, "--quick", "--no-peers"])
    script.main()
    assert name in capsys.readouterr().out


def test_every_variant_has_a_name_of_its_own():
    for script in (sentences, language):
        names = [variant.name for variant in script.VARIANTS]
        assert len(set(names)) == len(names)
    assert replace(FINE, name="other") != FINE
