"""Families of models, without a list of layer names: compressed, written, read back in every way, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import transformers
from torch import nn

import gossamer as gs
from gossamer.huggingface import from_pretrained, read_folder, save_pretrained
from gossamer.nn import Packed
from gossamer.passes import Result

RECIPE = [gs.Prune("2:4", ignore=["re:.*embed.*"]), gs.Quantize("int4/g8")]


@pytest.fixture(scope="module", params=list(tiny.FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def result(family: str) -> Result:
    recipe = [gs.Quantize("int4/g4", clip=False)]
    return gs.compress(tiny.made(family), recipe, proof=gs.Proof(measure=False))


@pytest.fixture(scope="module")
def written(family: str, result: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pretrained(result, tmp_path_factory.mktemp(family.replace(" ", "-")) / "small")


def test_weights_of_every_layer_are_packed(family: str, result: Result) -> None:
    layers = [m for m in result.model.modules() if isinstance(m, nn.Linear | nn.Embedding | nn.Conv2d)]
    assert layers
    assert all(isinstance(layer, Packed) for layer in layers)


def test_reads_back_to_the_bit(family: str, result: Result, written: Path) -> None:
    expected = tiny.output(result.model, family)
    for weights in ("dense", "packed"):
        model = from_pretrained(written, weights=weights)
        assert type(model) is type(result.model)
        assert not model.training
        assert torch.equal(tiny.output(model, family), expected)


def test_class_of_transformers_reads_it_to_the_bit(family: str, result: Result, written: Path) -> None:
    model, found = type(result.model).from_pretrained(written, output_loading_info=True)
    assert not found["missing_keys"]
    assert not found["unexpected_keys"]
    assert torch.equal(tiny.output(model, family), tiny.output(result.model, family))
    packed = [name for name, module in result.model.named_modules() if isinstance(module, Packed)]
    assert [name for name, module in model.named_modules() if isinstance(module, Packed)] == packed


def test_auto_class_reads_it(family: str, result: Result, written: Path) -> None:
    whole = transformers.AutoModel.from_pretrained(written)
    inner: Any = result.model.base_model
    # T5's base model is the whole one; AutoModel's has no head.
    packed = {name for name, module in inner.named_modules() if isinstance(module, Packed)} - {"lm_head"}
    assert packed == {name for name, module in whole.named_modules() if isinstance(module, Packed)}
    held = inner.state_dict()
    both = held.keys() & whole.state_dict().keys()  # a bare model may have a pooler that no head needs
    assert len(both) > 0.9 * len(whole.state_dict())
    for name in both:
        assert torch.equal(held[name], whole.state_dict()[name]), name


def test_shards_read_back_to_the_bit(family: str, result: Result, tmp_path: Path) -> None:
    folder = save_pretrained(result, tmp_path / "shards", max_shard_size=4000)
    assert len(list(folder.glob("model-*-of-*.safetensors"))) > 1
    assert not (folder / "model.safetensors").exists()
    expected = tiny.output(result.model, family)
    assert torch.equal(tiny.output(from_pretrained(folder), family), expected)
    assert torch.equal(tiny.output(type(result.model).from_pretrained(folder), family), expected)


def test_ties_and_dtype_come_back(family: str, result: Result, written: Path) -> None:
    dense = tiny.made(family)
    for model in (from_pretrained(written), type(result.model).from_pretrained(written)):
        embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
        before = dense.get_output_embeddings()
        if head is not None and before.weight is dense.get_input_embeddings().weight:
            assert head.weight_packed is embedding.weight_packed
        assert model.dtype == dense.dtype == model.config.dtype
        wrong = [name for name, p in model.named_parameters() if p.dtype != dict(dense.named_parameters())[name].dtype]
        assert not wrong


@pytest.mark.parametrize("name", ["llama tied", "gpt2", "t5"])
def test_generates_the_same(name: str, tmp_path: Path) -> None:
    model = tiny.made(name)
    model.generation_config.max_new_tokens = 5
    result = gs.compress(model, [gs.Quantize("int8")], proof=gs.Proof(measure=False))
    folder = save_pretrained(result, tmp_path / "small")
    given = {k: v for k, v in tiny.inputs(name).items() if not k.startswith("decoder")}
    expected = result.model.generate(**given, do_sample=False)
    for loaded in (from_pretrained(folder), type(model).from_pretrained(folder)):
        assert loaded.generation_config.max_new_tokens == 5
        assert torch.equal(loaded.generate(**given, do_sample=False), expected)


def test_a_head_is_added_to_a_bare_model_and_left_out_of_a_headed_one(tmp_path: Path) -> None:
    bare = gs.compress(tiny.made("bert"), [gs.Quantize("int8")], proof=gs.Proof(measure=False))
    save_pretrained(bare, tmp_path / "bare")
    headed = transformers.BertForSequenceClassification.from_pretrained(tmp_path / "bare")
    weight = bare.model.encoder.layer[0].attention.self.query.weight
    assert torch.equal(headed.bert.encoder.layer[0].attention.self.query.weight, weight)
    assert not isinstance(headed.classifier, Packed)

    masked = gs.compress(tiny.made("bert masked"), [gs.Quantize("int8")], proof=gs.Proof(measure=False))
    save_pretrained(masked, tmp_path / "headed")
    stripped = transformers.AutoModel.from_pretrained(tmp_path / "headed")
    weight = masked.model.bert.encoder.layer[0].attention.self.query.weight
    assert torch.equal(stripped.encoder.layer[0].attention.self.query.weight, weight)
    assert isinstance(stripped.embeddings.word_embeddings, Packed)


def test_another_dtype_on_request(tmp_path: Path) -> None:
    result = gs.compress(tiny.made("bert"), [gs.Quantize("int8")], proof=gs.Proof(measure=False))
    save_pretrained(result, tmp_path / "small")
    model = transformers.AutoModel.from_pretrained(tmp_path / "small", dtype=torch.bfloat16)
    found = model.encoder.layer[0].attention.self.query.weight
    assert torch.equal(found, result.model.encoder.layer[0].attention.self.query.weight.to(torch.bfloat16))


def test_every_recipe_step_reaches_the_file(tmp_path: Path) -> None:
    result = gs.compress(tiny.made("llama tied"), RECIPE, proof=gs.Proof(measure=False))
    folder = save_pretrained(result, tmp_path / "small")
    steps = read_folder(folder).config["quantization_config"]["recipe"]
    assert [step["step"] for step in steps] == ["prune", "quantize"]
    weight = from_pretrained(folder).model.layers[0].mlp.up_proj.weight
    assert (weight == 0).float().mean() >= 0.5
