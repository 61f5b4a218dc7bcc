"""Random models of a few thousand weights, and folders of them, as their own libraries write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn

from gossamer.huggingface import SENTENCES

SPECIAL = ["<pad>", "<unk>", "</s>"]
WORDS = sorted({word for text in SENTENCES for word in text.split()})
VOCABULARY = len(SPECIAL) + len(WORDS)

_ENCODER: Mapping[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
_DECODER: Mapping[str, Any] = {
    **_ENCODER,
    "num_key_value_heads": 1,
    "bos_token_id": 2,
    "eos_token_id": 2,
}

FAMILIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "bert": ("BertModel", _ENCODER),
    "bert classifier": ("BertForSequenceClassification", {**_ENCODER, "num_labels": 3}),
    "bert masked": ("BertForMaskedLM", _ENCODER),
    "llama tied": ("LlamaForCausalLM", {**_DECODER, "tie_word_embeddings": True}),
    "llama bfloat16": ("LlamaForCausalLM", {**_DECODER, "dtype": "bfloat16"}),
    "gpt2": (
        "GPT2LMHeadModel",
        {
            "vocab_size": VOCABULARY,
            "n_embd": 32,
            "n_layer": 2,
            "n_head": 2,
            "n_positions": 64,
            "bos_token_id": 2,
            "eos_token_id": 2,
            "pad_token_id": 0,
        },
    ),
    "t5": (
        "T5ForConditionalGeneration",
        {
            "vocab_size": VOCABULARY,
            "d_model": 32,
            "d_kv": 8,
            "d_ff": 64,
            "num_layers": 2,
            "num_heads": 4,
            "decoder_start_token_id": 0,
        },
    ),
    "vit": (
        "ViTForImageClassification",
        {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "image_size": 16,
            "patch_size": 8,
        },
    ),
}


def made(family: str) -> Any:
    """A random model of the family, in evaluation mode."""
    architecture, options = FAMILIES[family]
    cls = getattr(transformers, architecture)
    torch.manual_seed(0)
    model = cls._from_config(cls.config_class(**options))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape).mul(0.2))  # biases and norms too, so that all of them matter
    return model.eval()


def inputs(family: str) -> dict[str, Tensor]:
    """What a model of the family takes."""
    generator = torch.Generator().manual_seed(1)
    if family == "vit":
        return {"pixel_values": torch.randn(2, 3, 16, 16, generator=generator)}
    ids = torch.randint(len(SPECIAL), VOCABULARY, (2, 7), generator=generator)
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return given | ({"decoder_input_ids": ids} if family == "t5" else {})


def output(model: nn.Module, family: str) -> Tensor:
    """The first output for `inputs`."""
    with torch.no_grad():
        found: Tensor = model(**inputs(family), return_dict=True)[0]
    return found


def tokenizer() -> Any:
    """One token a word of the built-in sentences."""
    words = {word: index for index, word in enumerate([*SPECIAL, *WORDS])}
    inner = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>", eos_token="</s>", model_max_length=64
    )


def folder(path: Path, family: str, change: Callable[[Any], None] | None = None) -> Path:
    """A dense folder of the family, with a tokenizer where it reads text."""
    model = made(family)
    if change is not None:
        change(model)
    model.save_pretrained(path)
    if family != "vit":
        tokenizer().save_pretrained(path)
    return path


def sentence_folder(path: Path, dense: bool = False) -> Path:
    """A folder of sentence-transformers: BERT, mean pooling, where asked for a Dense layer, and normalization."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules as library

    inner = folder(path.with_name(path.name + "-inner"), "bert")
    transformer = library.Transformer(str(inner))
    parts = [transformer, library.Pooling(32)]
    if dense:
        torch.manual_seed(2)
        parts.append(library.Dense(32, 16))
    SentenceTransformer(modules=[*parts, library.Normalize()], device="cpu").save(str(path), create_model_card=False)
    return path
