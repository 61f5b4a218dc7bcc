"""Folders of sentence-transformers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from sentence_transformers import SentenceTransformer

import gossamer as gs
from gossamer.artifact import to_dense
from gossamer.errors import ModelError
from gossamer.huggingface import from_pretrained, read_folder, save_pretrained
from gossamer.nn import Packed
from gossamer.passes import Result, score

TEXTS = ["The bridge over the river", "a lake and a reservoir"]


@pytest.fixture(scope="module", params=[False, True], ids=["pooling", "with a dense layer"])
def dense(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.sentence_folder(tmp_path_factory.mktemp("sentence") / "dense", request.param)


@pytest.fixture(scope="module")
def result(dense: Path) -> Result:
    return gs.compress(read_folder(dense).model(), [gs.Quantize("int4/g8")], proof=gs.Proof(measure=False))


def test_what_the_folder_is(dense: Path) -> None:
    folder = read_folder(dense)
    assert folder.kind == "sentence-transformers"
    assert folder.architecture == "BertModel"
    assert isinstance(folder.model(), SentenceTransformer)
    (batch,) = folder.example_inputs(TEXTS)
    assert batch["input_ids"].shape == (2, 5)
    before = dict(batch)
    model = folder.model()
    metric = folder.metric(model=model)
    assert score(metric, model) == pytest.approx(1, abs=1e-12)
    assert batch.keys() == before.keys()


def test_the_metric_looks_at_the_sentence_embedding(dense: Path) -> None:
    folder = read_folder(dense)
    model = folder.model()
    expected = model.encode(TEXTS, convert_to_tensor=True).double()  # type: ignore[operator]
    assert torch.allclose(folder.metric(TEXTS, model=model).reference, expected, atol=1e-6)


def test_factory_makes_it_empty(dense: Path) -> None:
    folder = read_folder(dense)
    made, model = folder.factory(), folder.model()
    made.load_state_dict(model.state_dict())
    assert np.array_equal(made.encode(TEXTS), model.encode(TEXTS))  # type: ignore[operator]


@pytest.mark.parametrize("with_source", [True, False], ids=["with source", "without"])
def test_reads_back_to_the_bit_in_every_way(with_source: bool, dense: Path, result: Result, tmp_path: Path) -> None:
    small = save_pretrained(result, tmp_path / "small", source=dense if with_source else None)
    expected = result.model.encode(TEXTS)  # type: ignore[operator]
    for weights in ("dense", "packed"):
        loaded = from_pretrained(small, weights=weights)
        assert isinstance(loaded, SentenceTransformer)
        assert np.array_equal(loaded.encode(TEXTS), expected)
        assert {p.weights for m in loaded.modules() for p in m.children() if hasattr(p, "set_weights_")} == {weights}
    again = SentenceTransformer(str(small), device="cpu")
    assert np.array_equal(again.encode(TEXTS), expected)
    assert isinstance(again[0].auto_model.encoder.layer[0].output.dense, Packed)
    assert read_folder(small).compressed
    assert "SentenceTransformer('small')" in (small / "README.md").read_text()


def test_the_file_is_that_of_the_transformer_inside(dense: Path, result: Result, tmp_path: Path) -> None:
    small = save_pretrained(result, tmp_path / "small", source=dense)
    names = {row.name for row in gs.inspect(small / "model.safetensors").rows}
    assert "embeddings.word_embeddings.weight" in names
    before = {str(path.relative_to(dense)) for path in dense.rglob("*") if path.is_file()} - {"README.md"}
    after = {str(path.relative_to(small)) for path in small.rglob("*") if path.is_file()} - {"README.md"}
    assert after == before


def test_save_pretrained_of_the_library_never_writes_packed_weights(result: Result, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gs\.to_dense\(model\)\.save_pretrained"):
        result.model.save_pretrained(str(tmp_path / "no"))  # type: ignore[operator]
    assert not list(tmp_path.rglob("*.safetensors"))


def test_the_way_out(result: Result, tmp_path: Path) -> None:
    plain = to_dense(result.model)
    plain.save_pretrained(str(tmp_path / "dense"), create_model_card=False)  # type: ignore[operator]
    again = SentenceTransformer(str(tmp_path / "dense"), device="cpu")
    assert np.array_equal(again.encode(TEXTS), result.model.encode(TEXTS))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda modules: modules.append({"type": "os.system", "path": ""}), "code is never run from a folder"),
        (lambda modules: modules.append({"type": "sentence_transformersx.Y", "path": ""}), "code of its own"),
        (lambda modules: modules[0].update(path="../elsewhere"), "leads out of the folder"),
        (lambda modules: modules.append(dict(modules[0])), "2 Transformer modules"),
        (lambda modules: modules.pop(0), "0 Transformer modules"),
        (lambda modules: modules.append(7), "needs a list of modules"),
    ],
)
def test_modules_that_are_refused(change: object, said: str, dense: Path, tmp_path: Path) -> None:
    path = tiny.sentence_folder(tmp_path / "dense")
    modules = json.loads((path / "modules.json").read_text())
    change(modules)  # type: ignore[operator]
    (path / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelError) as error:
        read_folder(path)
    assert said in str(error.value)
