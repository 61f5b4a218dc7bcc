"""From a folder to a smaller one, with nothing else given."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
import torch
from torch import nn

import gossamer as gs
from gossamer.errors import ModelError, RecipeError
from gossamer.huggingface import compress_folder, from_pretrained, read_folder, save_pretrained

QUICK = gs.Proof(effort=gs.Effort(runs=1))


def verdict(result: gs.Result, question: str) -> str:
    return next(v.outcome for v in result.report.verdicts if v.question == question)


@pytest.mark.parametrize("family", ["bert", "llama tied"])
def test_everything_is_measured_in_another_process(family: str, tmp_path: Path) -> None:
    source = tiny.folder(tmp_path / "dense", family)
    result = compress_folder(source, [gs.Quantize("int8")], batch_sizes=(1, 3), proof=QUICK)
    report = result.report
    assert not report.notes, report.notes
    assert report.before is not None
    assert report.after is not None
    assert set(report.after.ms) == {1, 3}
    assert report.metric == read_folder(source).metric().name
    assert report.before.metric != report.after.metric
    assert verdict(result, "smaller?") == "better"
    assert verdict(result, "as good?") == "within noise"  # by the metric's own tolerance
    assert report.output_difference is not None
    assert report.output_difference > 0
    small = save_pretrained(result, tmp_path / "small", source=source)
    assert (small / "model.safetensors").stat().st_size == report.bytes
    assert torch.equal(tiny.output(from_pretrained(small), family), tiny.output(result.model, family))


def test_sentence_transformers(tmp_path: Path) -> None:
    source = tiny.sentence_folder(tmp_path / "dense")
    result = compress_folder(source, [gs.Quantize("int8")], batch_sizes=(2,), proof=QUICK)
    assert not result.report.notes, result.report.notes
    assert result.report.after is not None
    assert 0.99 < (result.report.after.metric or 0) < 1
    assert set(result.report.after.ms) == {2}


def test_steps_that_need_data_have_it(tmp_path: Path) -> None:
    source = tiny.folder(tmp_path / "dense", "llama tied")
    recipe = [gs.Prune("2:4", "wanda", ignore=["re:.*embed.*", "lm_head"]), gs.Distill(steps=3)]
    proof = gs.Proof(measure=False)
    result = compress_folder(source, recipe, proof=proof)
    wanda = [row for row in result.report.rows if row.method == "wanda"]
    assert len(wanda) == 14
    texts = compress_folder(source, recipe[:1], texts=["of the bridge"] * 9, proof=proof)
    row = "model.layers.0.mlp.up_proj.weight"
    assert texts.report.row(row).error != result.report.row(row).error  # other texts, other energies


@pytest.mark.parametrize("kind", ["bert", "sentence"])
def test_embeddings_are_distilled(kind: str, tmp_path: Path) -> None:
    source = tiny.sentence_folder(tmp_path / "dense") if kind == "sentence" else tiny.folder(tmp_path / "dense", "bert")
    proof = gs.Proof(measure=False)
    harsh = [gs.Prune("top20%/row", ignore=["re:.*embeddings.*"])]
    before = compress_folder(source, harsh, proof=proof).report
    after = compress_folder(source, [*harsh, gs.Distill(epochs=10, lr=3e-3, loss="mse")], proof=proof).report
    assert before.after is not None
    assert after.after is not None
    assert (after.after.metric or 0) > (before.after.metric or 0)


def test_a_metric_of_your_own(tmp_path: Path) -> None:
    source = tiny.folder(tmp_path / "dense", "bert")

    def norm(model: nn.Module) -> float:
        return float(sum(parameter.square().sum() for parameter in model.parameters()))

    result = compress_folder(source, [gs.Prune("2:4")], evaluate=norm, proof=gs.Proof(measure=False))
    assert result.report.metric == "norm"
    assert verdict(result, "as good?") == "worse"  # with no tolerance, higher being better
    other = compress_folder(
        source,
        [gs.Prune("2:4")],
        evaluate=norm,
        higher_is_better=False,
        proof=gs.Proof(measure=False),
    )
    assert verdict(other, "as good?") == "better"


def test_without_a_tokenizer_weights_alone_are_compressed(tmp_path: Path) -> None:
    source = tiny.folder(tmp_path / "dense", "vit")
    result = compress_folder(source, [gs.Quantize("int8")])
    assert result.report.before is not None
    assert result.report.before.metric is None
    assert any("not read back and timed" in note for note in result.report.notes)
    with pytest.raises(RecipeError, match="need data"):
        compress_folder(source, [gs.Prune("2:4", "wanda")])
    with pytest.raises(ModelError, match="holds no tokenizer"):
        compress_folder(source, [gs.Quantize("int8")], texts=["a text"])


def test_the_folder_is_not_touched_and_an_encoder_decoder_works(tmp_path: Path) -> None:
    source = tiny.folder(tmp_path / "dense", "t5")
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    result = compress_folder(read_folder(source), [gs.Quantize("int8")], proof=gs.Proof(measure=False))
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before
    assert result.report.after is not None
    assert 0.9 < (result.report.after.metric or 0) < 1
