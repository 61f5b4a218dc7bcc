"""transformers' own loaders on gossamer's folders: registration, order of imports, damage, life without gossamer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
import torch
import transformers
from transformers import AutoModel, AutoModelForCausalLM, pipeline

import gossamer as gs
from gossamer.artifact import save
from gossamer.errors import ArtifactError, ModelError, RecipeError
from gossamer.huggingface import from_pretrained, save_pretrained
from gossamer.nn import Packed
from gossamer.passes import Result


def compressed(family: str) -> Result:
    return gs.compress(tiny.made(family), [gs.Quantize("int8")], proof=gs.Proof(measure=False))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tiny.folder(tmp_path_factory.mktemp("dense") / "dense", "llama tied")
    return save_pretrained(compressed("llama tied"), path.with_name("small"), source=path)


def run(code: str, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *map(str, args)], capture_output=True, text=True, check=False)


def test_import_gossamer_loads_neither_transformers_nor_torch() -> None:
    code = "import sys, gossamer; print([m for m in ('transformers', 'torch') if m in sys.modules])"
    assert run(code).stdout.strip() == "[]"


LOAD = """
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
print(type(model.lm_head).__name__)
"""


@pytest.mark.parametrize(
    "imports",
    [
        "import gossamer\nfrom transformers import AutoModelForCausalLM",
        "from transformers import AutoModelForCausalLM\nimport gossamer",
        "import transformers.modeling_utils\nimport gossamer\nfrom transformers import AutoModelForCausalLM",
        "import gossamer.huggingface.quantizer\nfrom transformers import AutoModelForCausalLM",
    ],
    ids=["before", "after", "after all of it", "its own part first"],
)
def test_gossamer_may_be_imported_before_transformers_or_after(imports: str, folder: Path) -> None:
    found = run(f"import sys\n{imports}\n{LOAD}", folder)
    assert found.stdout.strip() == "PackedLinear", found.stderr


def test_without_gossamer_transformers_says_that_it_knows_no_such_weights(folder: Path) -> None:
    """And gives no model: packed weights have another shape than the model's."""
    found = run(f"import sys\nfrom transformers import AutoModelForCausalLM\n{LOAD}", folder)
    assert found.returncode != 0
    assert "Unknown quantization type, got gossamer" in found.stderr
    assert "PackedLinear" not in found.stdout


def test_pipeline(folder: Path) -> None:
    loaded = pipeline("text-generation", model=str(folder))
    assert isinstance(loaded.model.lm_head, Packed)
    said = loaded("The bridge over the river", max_new_tokens=3, do_sample=False)[0]["generated_text"]
    model, given = from_pretrained(folder), tiny.tokenizer()("The bridge over the river", return_tensors="pt")
    ids = model.generate(**given, max_new_tokens=3, do_sample=False)[0, given["input_ids"].shape[1] :]
    assert len(ids) == 3
    assert said.endswith(tiny.tokenizer().decode(ids))


def test_what_comes_back_is_an_ordinary_model(folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert not hasattr(model, "quantization_method")
    assert not hasattr(model.config, "quantization_config")
    half = model.lm_head.weight.half()
    assert torch.equal(model.half().lm_head.weight, half)  # transformers refuses this for weights it calls quantized
    assert all(not parameter.is_meta for parameter in model.parameters())


def test_the_file_is_not_held_any_longer(folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert not [way for way in model._weight_conversions if hasattr(way, "operations")]


def test_a_recipe_cannot_be_carried_out_by_from_pretrained(tmp_path: Path) -> None:
    from gossamer.huggingface.quantizer import GossamerConfig

    path = tiny.folder(tmp_path / "dense", "bert")
    with pytest.raises(ValueError, match="pre-quantized"):
        AutoModel.from_pretrained(path, quantization_config=GossamerConfig())


def test_damaged_weights_are_refused_by_all_loaders(folder: Path, tmp_path: Path) -> None:
    small = save_pretrained(compressed("bert"), tmp_path / "small")
    file = small / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)
    for load in (from_pretrained, AutoModel.from_pretrained):
        with pytest.raises(ArtifactError, match="checksum"):
            load(small)


def test_weights_of_another_shape_are_refused_by_all_loaders(tmp_path: Path) -> None:
    small = save_pretrained(compressed("bert"), tmp_path / "small")
    config = json.loads((small / "config.json").read_text())
    (small / "config.json").write_text(json.dumps(config | {"vocab_size": 300}))
    for load in (from_pretrained, AutoModel.from_pretrained):
        with pytest.raises(ArtifactError, match=r"shape \[\d+, 32\] in the file"):
            load(small)


def test_ties_that_the_model_does_not_have_are_refused_by_all_loaders(tmp_path: Path) -> None:
    small = save_pretrained(compressed("llama tied"), tmp_path / "small")
    config = json.loads((small / "config.json").read_text())
    (small / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}))
    for load in (from_pretrained, AutoModelForCausalLM.from_pretrained):
        with pytest.raises(ArtifactError, match=r"tie them|ties must be alike"):
            load(small)


def test_an_index_that_leads_out_of_the_folder_is_refused_by_all_loaders(tmp_path: Path) -> None:
    small = save_pretrained(compressed("bert"), tmp_path / "small", max_shard_size="20kB")
    first = sorted(small.glob("*.safetensors"))[0]
    first.rename(tmp_path / "outside.safetensors")
    index = small / "model.safetensors.index.json"
    index.write_text(index.read_text().replace(first.name, "../outside.safetensors"))
    for load in (from_pretrained, AutoModel.from_pretrained):
        with pytest.raises(ArtifactError, match=r"no path|must lie beside it"):
            load(small)


def test_a_dense_folder_is_told_to_use_its_own_class(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"BertModel\.from_pretrained\(folder\)"):
        from_pretrained(tiny.folder(tmp_path / "dense", "bert"))


def test_a_folder_with_a_dense_file_in_it_is_refused(tmp_path: Path) -> None:
    small = save_pretrained(compressed("bert"), tmp_path / "small")
    gs.to_dense(from_pretrained(small)).save_pretrained(tmp_path / "dense")
    (tmp_path / "dense" / "model.safetensors").rename(small / "model.safetensors")
    for load in (from_pretrained, AutoModel.from_pretrained):
        with pytest.raises(ArtifactError, match="not one of gossamer's"):
            load(small)


def test_weights_is_a_word_of_two(folder: Path) -> None:
    with pytest.raises(RecipeError, match="weights must be one of 'dense', 'packed'"):
        from_pretrained(folder, weights="both")  # type: ignore[arg-type]


def test_a_config_that_makes_no_model_is_one_error(tmp_path: Path) -> None:
    small = save_pretrained(compressed("bert"), tmp_path / "small")
    config = json.loads((small / "config.json").read_text())
    (small / "config.json").write_text(json.dumps(config | {"hidden_size": 33}))
    with pytest.raises(ModelError, match="BertModel cannot be made from it"):
        from_pretrained(small)


def test_packed_and_plain_weights_together(tmp_path: Path) -> None:
    result = gs.compress(
        tiny.made("bert"), [gs.Quantize("int8", targets=["re:encoder.*"])], proof=gs.Proof(measure=False)
    )
    small = save_pretrained(result, tmp_path / "small")
    model = AutoModel.from_pretrained(small)
    assert not isinstance(model.embeddings.word_embeddings, Packed)
    assert torch.equal(tiny.output(model, "bert"), tiny.output(result.model, "bert"))


def test_a_file_of_gossamer_beside_a_config_of_transformers_is_a_folder(tmp_path: Path) -> None:
    """What a user does who has the one file already."""
    result = compressed("bert")
    tiny.made("bert").config.save_pretrained(tmp_path)
    save(result.model, tmp_path / "model.safetensors")
    config = json.loads((tmp_path / "config.json").read_text())
    told = {"architectures": ["BertModel"], "quantization_config": {"quant_method": "gossamer"}}
    (tmp_path / "config.json").write_text(json.dumps(config | told))
    for load in (from_pretrained, AutoModel.from_pretrained):
        assert torch.equal(tiny.output(load(tmp_path), "bert"), tiny.output(result.model, "bert"))


def test_all_is_registered_once() -> None:
    auto = transformers.quantizers.auto
    assert auto.AUTO_QUANTIZER_MAPPING["gossamer"].__name__ == "GossamerQuantizer"
    assert auto.AUTO_QUANTIZATION_CONFIG_MAPPING["gossamer"].__name__ == "GossamerConfig"
