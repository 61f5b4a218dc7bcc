"""What a folder is told to be, and one clear error for each that is none."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from transformers import AutoModel

import gossamer as gs
from gossamer.errors import ArtifactError, DataError, GossamerError, ModelError
from gossamer.huggingface import SENTENCES, read_folder, save_pretrained
from gossamer.passes import score


def rewrite(path: Path, **changes: Any) -> None:
    """Change entries of a JSON object; None takes one out."""
    plain = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in plain.items() if value is not None}))


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("bert", "encoder"),
        ("bert classifier", "sequence-classification"),
        ("bert masked", "masked-lm"),
        ("llama tied", "causal-lm"),
        ("gpt2", "causal-lm"),
        ("t5", "seq2seq"),
        ("vit", "image-classification"),
    ],
)
def test_kind(family: str, kind: str, tmp_path: Path) -> None:
    folder = read_folder(tiny.folder(tmp_path / "dense", family))
    assert folder.kind == kind
    assert folder.architecture == tiny.FAMILIES[family][0]
    assert not folder.compressed
    assert folder.has_tokenizer == (family != "vit")
    assert [file.name for file in folder.weights] == ["model.safetensors"]


def _no_weights(path: Path) -> None:
    (path / "model.safetensors").unlink()


def _renamed(name: str) -> Callable[[Path], None]:
    return lambda path: (path / "model.safetensors").rename(path / name) and None


def _index(places: dict[str, str]) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        (path / "model.safetensors").rename(path / "model-00001-of-00001.safetensors")
        (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))

    return change


def _config(**changes: Any) -> Callable[[Path], None]:
    return lambda path: rewrite(path / "config.json", **changes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: (path / "config.json").unlink(), "holds no config.json"),
        (lambda path: (path / "config.json").write_text("{"), "cannot be read as JSON"),
        (lambda path: (path / "config.json").write_text("[]"), "needs an object"),
        (_config(model_type="nosuch"), "'nosuch' is unknown to transformers"),
        (_config(model_type=None), "model_type None is unknown"),
        (_config(model_type="mine", auto_map={"AutoModel": "code.Mine"}), "never run from a folder"),
        (_config(architectures=["NoSuchModel"]), "'NoSuchModel' is no model class"),
        (_config(architectures=["AutoModel"]), "'AutoModel' is no model class"),
        (_config(quantization_config={"quant_method": "gptq"}), "quantized already ('gptq')"),
        (_no_weights, "holds no weights"),
        (_renamed("pytorch_model.bin"), "pickle (pytorch_model.bin)"),
        (_renamed("model.gguf"), "gguf_file='model.gguf'"),
        (_index({"a": "../model.safetensors"}), "no path"),
        (_index({"a": "/etc/model.safetensors"}), "no path"),
        (_index({"a": "model-00002-of-00002.safetensors"}), "no such file"),
    ],
)
def test_one_clear_error_for_each_folder_that_is_none(change: Callable[[Path], Any], said: str, tmp_path: Path) -> None:
    path = tiny.folder(tmp_path / "dense", "bert")
    change(path)
    with pytest.raises(GossamerError) as error:
        read_folder(path)
    assert said in str(error.value)
    assert str(path) in str(error.value) or "config.json" in str(error.value)


def test_no_folder_and_a_file() -> None:
    with pytest.raises(ModelError, match="no such folder"):
        read_folder("/nowhere/at/all")
    with pytest.raises(ModelError, match="is a file"):
        read_folder(__file__)


def test_a_gguf_alone_is_told_how_to_become_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model.Q8.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"gguf_file='model\.Q8\.gguf'"):
        read_folder(tmp_path)


def test_old_folders_that_name_no_architecture_hold_the_bare_model(tmp_path: Path) -> None:
    path = tiny.folder(tmp_path / "dense", "bert")
    rewrite(path / "config.json", architectures=None)
    assert read_folder(path).architecture == "BertModel"


def test_a_link_into_the_cache_is_followed_and_one_that_leads_out_is_not(tmp_path: Path) -> None:
    path = tiny.folder(tmp_path / "models" / "snapshots" / "abc", "bert")
    blobs = tmp_path / "models" / "blobs"
    blobs.mkdir()
    (path / "model.safetensors").rename(blobs / "hash")
    (path / "model.safetensors").symlink_to(blobs / "hash")
    assert read_folder(path).weights
    (blobs / "hash").rename(tmp_path / "elsewhere")
    (path / "model.safetensors").unlink()
    (path / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArtifactError, match="leads out of its folder"):
        read_folder(path)


def test_weights_that_do_not_fit_the_config_are_named(tmp_path: Path) -> None:
    path = tiny.folder(tmp_path / "dense", "bert")
    (path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="its model cannot be loaded"):
        read_folder(path).model()


def test_model_in_the_dtype_of_the_config(tmp_path: Path) -> None:
    folder = read_folder(tiny.folder(tmp_path / "dense", "llama bfloat16"))
    assert folder.model().dtype == folder.factory().dtype == torch.bfloat16


@pytest.mark.parametrize("family", ["bert", "llama tied", "gpt2", "t5", "vit"])
def test_factory_makes_the_model_without_its_weights_in_any_process(family: str, tmp_path: Path) -> None:
    folder = read_folder(tiny.folder(tmp_path / "dense", family))
    factory, dense = folder.factory, folder.model()
    (tmp_path / "dense" / "model.safetensors").unlink()
    made = pickle.loads(pickle.dumps(factory))()
    assert len(pickle.dumps(factory)) < 10_000
    assert made.state_dict().keys() == dense.state_dict().keys()
    made.load_state_dict(dense.state_dict())
    assert torch.equal(tiny.output(made, family), tiny.output(dense, family))  # buffers outside the state_dict too


def test_texts_become_batches(tmp_path: Path) -> None:
    folder = read_folder(tiny.folder(tmp_path / "dense", "llama tied"))
    batches = folder.batches(["a b c", "of the", "I"], size=2)
    assert [batch["input_ids"].shape[0] for batch in batches] == [2, 1]
    assert batches[0]["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]  # padded behind, never before
    assert folder.batches(["a " * 200])[0]["input_ids"].shape == (1, 64)
    assert folder.batches(["a " * 200], length=8)[0]["input_ids"].shape == (1, 8)
    assert folder.example_inputs()["input_ids"].shape[0] == 16
    for wrong in ("a text", [], [1]):
        with pytest.raises(DataError, match="texts is a list of texts"):
            folder.batches(wrong)  # type: ignore[arg-type]


def test_without_a_tokenizer_texts_are_refused_and_the_rest_works(tmp_path: Path) -> None:
    path = tiny.folder(tmp_path / "dense", "bert")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (path / name).unlink()
    folder = read_folder(path)
    assert not folder.has_tokenizer
    assert folder.model().config.hidden_size == 32
    with pytest.raises(ModelError, match="texts cannot be tokenised"):
        folder.batches()


def test_metric_of_an_encoder_is_the_cosine_to_its_own_embeddings(tmp_path: Path) -> None:
    folder = read_folder(tiny.folder(tmp_path / "dense", "bert"))
    metric = pickle.loads(pickle.dumps(folder.metric()))
    dense = folder.model()
    assert metric.name == "mean cosine to the dense model's embeddings"
    assert metric.higher_is_better
    assert score(metric, dense) == pytest.approx(1, abs=1e-12)
    with torch.no_grad():
        dense.encoder.layer[1].output.dense.weight.neg_()
    assert score(metric, dense) < 0.999


def test_cosine_by_hand(tmp_path: Path) -> None:
    folder = read_folder(tiny.folder(tmp_path / "dense", "bert"))
    texts = list(SENTENCES[:3])
    other = tiny.made("bert")
    with torch.no_grad():
        other.embeddings.word_embeddings.weight.add_(0.1 * torch.randn(tiny.VOCABULARY, 32))
        ids = [torch.tensor([[tiny.tokenizer()(text)["input_ids"]]][0]) for text in texts]
        pairs = [[m(input_ids=i).last_hidden_state[0].mean(0) for m in (folder.model(), other)] for i in ids]
    by_hand = sum(float(torch.cosine_similarity(a, b, dim=0)) for a, b in pairs) / 3
    assert score(folder.metric(texts, size=3), other) == pytest.approx(by_hand, abs=1e-5)


def test_one_score_a_text_is_compared_over_all_texts(tmp_path: Path) -> None:
    path = tiny.folder(tmp_path / "dense", "bert classifier")
    model = AutoModel.from_pretrained(path)
    from transformers import BertForSequenceClassification

    one = BertForSequenceClassification.from_pretrained(path, num_labels=1, ignore_mismatched_sizes=True).eval()
    folder = read_folder(path)
    metric = folder.metric(model=one)
    assert metric.reference.shape == (len(SENTENCES), 1)
    assert score(metric, one) == pytest.approx(1, abs=1e-6)
    with torch.no_grad():
        one.classifier.weight.neg_()
    assert score(metric, one) == pytest.approx(-1, abs=1e-6)  # a cosine of single numbers would not see it all
    assert model is not None


def test_perplexity_by_hand(tmp_path: Path) -> None:
    folder = read_folder(tiny.folder(tmp_path / "dense", "llama tied"))
    model, texts = folder.model(), list(SENTENCES[:3])
    metric = pickle.loads(pickle.dumps(folder.metric(texts, size=3)))
    assert metric.name == "perplexity"
    assert not metric.higher_is_better
    total, count = 0.0, 0
    for text in texts:
        ids = torch.tensor([tiny.tokenizer()(text)["input_ids"]])
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0].double().log_softmax(-1)
        total -= sum(float(logits[i, token]) for i, token in enumerate(ids[0, 1:]))
        count += ids.shape[1] - 1
    by_hand = float(torch.tensor(total / count).exp())
    assert score(metric, model) == pytest.approx(by_hand, rel=1e-5)
    assert metric.tolerance == pytest.approx(by_hand / 100, rel=1e-5)


def test_a_text_of_one_token_has_no_perplexity(tmp_path: Path) -> None:
    folder = read_folder(tiny.folder(tmp_path / "dense", "llama tied"))
    with pytest.raises(GossamerError, match="give longer texts"):
        folder.metric(["I"])


def test_an_already_compressed_folder_says_so(tmp_path: Path) -> None:
    result = gs.compress(tiny.made("bert"), [gs.Quantize("int8")], proof=gs.Proof(measure=False))
    folder = read_folder(save_pretrained(result, tmp_path / "small"))
    assert folder.compressed
    with pytest.raises(ModelError, match="compressed by gossamer already"):
        folder.model()


def test_the_built_in_sentences_are_varied() -> None:
    assert len(SENTENCES) == len(set(SENTENCES)) == 48
    assert all(text.strip() == text and text for text in SENTENCES)
