"""What a folder of a Hugging Face model holds, checked before anything slow."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from ..artifact import shard_files
from ..errors import ArtifactError, GossamerError, ModelError
from .empty import EmptyModel, Skeleton, model_class
from .libraries import quiet, sentence_transformers, transformers
from .metric import MeanCosine, Perplexity
from .sentences import SENTENCES
from .texts import Texts

__all__ = ["CONFIG", "METHOD", "MODULES", "Folder", "Metric", "read_folder"]

CONFIG, MODULES, WEIGHTS = "config.json", "modules.json", "model.safetensors"
METHOD = "gossamer"  # quant_method of the folders that gossamer writes
LONGEST_CONFIG = 1 << 24  # bytes

Metric = MeanCosine | Perplexity

# What a model is for, by the end of its class's name: the first that fits.
KINDS: Mapping[str, str] = {
    "ForCausalLM": "causal-lm",
    "LMHeadModel": "causal-lm",
    "ForSequenceClassification": "sequence-classification",
    "ForTokenClassification": "token-classification",
    "ForQuestionAnswering": "question-answering",
    "ForMaskedLM": "masked-lm",
    "ForConditionalGeneration": "seq2seq",
    "ForImageClassification": "image-classification",
    "EncoderModel": "encoder",
    "Model": "encoder",
}


@dataclass(frozen=True, eq=False)
class Folder:
    """A folder whose configuration and list of weights are in order; the weights themselves are not read yet.

    Args:
        path: the folder.
        kind: "sentence-transformers", "causal-lm", "encoder", or another of `KINDS`.
        architecture: the model class in transformers.
        config: what config.json says.
        weights: the files that hold the weights.
        compressed: whether gossamer wrote it.
    """

    path: Path
    kind: str
    architecture: str
    config: Mapping[str, Any]
    weights: tuple[Path, ...]
    compressed: bool

    def model(self) -> nn.Module:
        """The dense model with its weights, in evaluation mode. Raises: ModelError when transformers refuses it."""
        if self.compressed:
            raise ModelError(f"{self.path}: is compressed by gossamer already; load it with gs.from_pretrained(folder)")
        try:
            with quiet():
                return self._loaded()
        except GossamerError:
            raise
        except Exception as error:  # whatever transformers and safetensors raise for a damaged or foreign file
            raise ModelError(f"{self.path}: its model cannot be loaded ({type(error).__name__}: {error})") from error

    def _loaded(self) -> nn.Module:
        where = str(self.path)
        if self.kind == "sentence-transformers":
            # The folder's own place, and not the user's GPU: compressing and measuring happen on the CPU.
            return sentence_transformers().SentenceTransformer(where, device="cpu", local_files_only=True).eval()
        cls = model_class(self.architecture)
        model, found = cls.from_pretrained(where, local_files_only=True, use_safetensors=True, output_loading_info=True)
        if found["missing_keys"]:
            missing = sorted(found["missing_keys"])
            raise ModelError(
                f"{self.path}: its weights lack {len(missing)} tensors that {self.architecture} has, such as "
                f"{missing[0]!r}; transformers fills them with random numbers. Give the folder of the trained model"
            )
        dense: nn.Module = model.eval()
        return dense

    @cached_property
    def factory(self) -> Callable[[], nn.Module]:
        """Makes the model without its weights, in this or a fresh process; it can be pickled."""
        if self.kind == "sentence-transformers":
            return Skeleton.of(self.model())
        return EmptyModel(self.architecture, self.config)

    @cached_property
    def texts(self) -> Texts:
        """How the model's texts become batches. Raises: ModelError without a tokenizer."""
        if not self.has_tokenizer:  # AutoTokenizer would make one that knows no word
            raise ModelError(
                f"{self.path}: holds no tokenizer, so texts cannot be tokenised; put its files there (tokenizer.json, "
                f"tokenizer_config.json), or give inputs and a metric of your own to gs.compress"
            )
        return Texts.of(self.path, self.kind)

    @property
    def has_tokenizer(self) -> bool:
        """Whether texts can be given to the model."""
        return any((self.path / name).is_file() for name in _TOKENIZERS)

    def batches(self, texts: Sequence[str] = SENTENCES, size: int = 8, length: int = 128) -> list[dict[str, Any]]:
        """The texts as batches for the model: `size` texts each, cut to `length` tokens."""
        return self.texts.batches(texts, size, length)

    def example_inputs(self, texts: Sequence[str] = SENTENCES[:16], length: int = 128) -> Any:
        """What the model takes for these texts, as one batch: keywords, or the one mapping in a tuple."""
        batch = self.batches(texts, len(texts), length)[0]
        return (batch,) if self.kind == "sentence-transformers" else batch

    def metric(
        self, texts: Sequence[str] = SENTENCES, *, size: int = 8, length: int = 128, model: nn.Module | None = None
    ) -> Metric:
        """evaluate(model) → float, with `name`, `higher_is_better` and `tolerance`; it can be pickled.

        Of causal language models the perplexity of the texts, with a hundredth of the dense model's as tolerance; of
        all others the mean cosine of a model's embeddings to those of the dense model, with tolerance 0.01. The dense
        model is loaded for it unless given.
        """
        batches = self.batches(texts, size, length)
        made = Perplexity if self.kind == "causal-lm" else MeanCosine
        return made.of(self.model() if model is None else model, batches)


_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.txt", "vocab.json", "spiece.model")


def read_folder(folder: str | os.PathLike[str]) -> Folder:
    """Look at a folder and check what can be checked without reading its weights. No network is used.

    Args: folder, of transformers (config.json, safetensors weights) or sentence-transformers (modules.json beside it).
    Raises: ModelError or ArtifactError with what is missing and what to do.

    >>> import tempfile
    >>> from transformers import BertConfig, BertModel
    >>> sizes = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=16)
    >>> with tempfile.TemporaryDirectory() as home:
    ...     BertModel(BertConfig(**sizes)).save_pretrained(home)
    ...     found = read_folder(home)
    >>> found.kind, found.architecture, found.compressed, found.has_tokenizer
    ('encoder', 'BertModel', False, False)
    """
    path = Path(folder)
    if not path.exists():
        raise ModelError(f"{path}: no such folder; download the model first, gossamer uses no network")
    if not path.is_dir():
        raise ModelError(f"{path}: is a file, and a folder with {CONFIG} is needed; give {path.parent}")
    sentence = (path / MODULES).is_file()
    inner = _transformer(path) if sentence else path
    config = _config(inner)
    architecture = _architecture(config, inner)
    kind = "sentence-transformers" if sentence else _kind(architecture)
    compressed = _is_compressed(config)
    return Folder(path, kind, architecture, config, _weights(inner), compressed)


def read_json(path: Path) -> Any:
    """A JSON file of a folder. Raises: ModelError naming it."""
    try:
        if path.stat().st_size > LONGEST_CONFIG:
            raise ModelError(f"{path}: more than {LONGEST_CONFIG} bytes; this is no configuration")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: cannot be read as JSON ({error})") from error


def _transformer(path: Path) -> Path:
    """The folder of the transformer inside a sentence-transformers folder."""
    modules = read_json(path / MODULES)
    if not isinstance(modules, list) or not all(isinstance(entry, dict) for entry in modules):
        raise ModelError(f"{path / MODULES}: needs a list of modules")
    foreign = [
        entry.get("type") for entry in modules if not str(entry.get("type")).startswith("sentence_transformers.")
    ]
    if foreign:
        raise ModelError(
            f"{path / MODULES}: module {foreign[0]!r:.80} is code of its own; code is never run from a folder"
        )
    found = [entry for entry in modules if str(entry["type"]).endswith(".Transformer")]
    if len(found) != 1:
        raise ModelError(f"{path / MODULES}: {len(found)} Transformer modules; exactly one is needed")
    inner = path / str(found[0].get("path", ""))
    if not inner.resolve().is_relative_to(path.resolve()):
        raise ModelError(f"{path / MODULES}: path {found[0].get('path')!r:.80} leads out of the folder")
    return inner


def _config(path: Path) -> dict[str, Any]:
    if not (path / CONFIG).is_file():
        gguf = sorted(path.glob("*.gguf"))
        advice = _from_gguf(gguf[0]) if gguf else "give the folder that model.save_pretrained wrote"
        raise ModelError(f"{path}: holds no {CONFIG}; {advice}")
    config = read_json(path / CONFIG)
    if not isinstance(config, dict):
        raise ModelError(f"{path / CONFIG}: needs an object")
    known = transformers().CONFIG_MAPPING
    kind = config.get("model_type")
    if "auto_map" in config and kind not in known:
        raise ModelError(f"{path / CONFIG}: needs code of its own (auto_map), which is never run from a folder")
    if not isinstance(kind, str) or kind not in known:
        version = transformers().__version__
        raise ModelError(f"{path / CONFIG}: model_type {kind!r:.80} is unknown to transformers {version}; upgrade it")
    return config


def _architecture(config: Mapping[str, Any], path: Path) -> str:
    names = config.get("architectures")
    if isinstance(names, list) and names and isinstance(names[0], str):
        model_class(names[0])
        return names[0]
    # Old folders do not say; then it is the bare model of the type.
    library = transformers()
    cls = library.MODEL_MAPPING.get(library.CONFIG_MAPPING[config["model_type"]], None)
    if cls is None:
        raise ModelError(f'{path / CONFIG}: names no architecture; add "architectures": ["<class>"]')
    return str((cls[0] if isinstance(cls, tuple) else cls).__name__)


def _kind(architecture: str) -> str:
    return next((kind for ending, kind in KINDS.items() if architecture.endswith(ending)), "other")


def _is_compressed(config: Mapping[str, Any]) -> bool:
    how = config.get("quantization_config")
    method = how.get("quant_method") if isinstance(how, dict) else None
    if how is not None and method != METHOD:
        raise ModelError(f"{CONFIG}: is quantized already ({method!r:.80}); start from the floating-point model")
    return method == METHOD


def _weights(path: Path) -> tuple[Path, ...]:
    try:
        files = shard_files(path / WEIGHTS)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from None
    if files:
        return files
    pickles = sorted(path.glob("*.bin")) + sorted(path.glob("*.pt"))
    if pickles:
        raise ModelError(
            f"{path}: its weights are a pickle ({pickles[0].name}), which can run code when it is read; convert it: "
            f"AutoModel.from_pretrained(folder).save_pretrained(new_folder), for a model that you trust"
        )
    gguf = sorted(path.glob("*.gguf"))
    if gguf:
        raise ModelError(f"{path}: its weights are not safetensors; {_from_gguf(gguf[0])}")
    raise ModelError(f"{path}: holds no weights; {WEIGHTS} or {WEIGHTS}.index.json is needed")


def _from_gguf(file: Path) -> str:
    return (
        f"{file.name} is a GGUF file: make it a folder of safetensors first, by AutoModelForCausalLM.from_pretrained("
        f"folder, gguf_file={file.name!r}, quantization_config=GgufConfig(dequantize=True)).save_pretrained("
        f"new_folder), and its tokenizer likewise by AutoTokenizer"
    )
