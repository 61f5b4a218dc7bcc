"""Tiny random models of the families that the benchmarks measure, with a tokenizer: for tests, nothing is fetched."""

from __future__ import annotations

import random
from pathlib import Path

import torch

__all__ = ["WORDS", "language_model", "sentence_model", "sentences"]

WORDS = (
    *("sun", "moon", "river", "stone", "bread", "winter", "garden", "horse"),
    *("music", "silver", "night", "road", "ocean", "paper", "light", "bird"),
)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def sentences(count: int, seed: int = 0) -> tuple[str, ...]:
    """Sentences of four to nine of the words."""
    draw = random.Random(seed)
    return tuple(" ".join(draw.choices(WORDS, k=draw.randint(4, 9))) for _ in range(count))


def sentence_model(folder: Path) -> None:
    """A BERT of two layers and width 32, and its tokenizer."""
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    _saved(BertModel, config, folder)


def language_model(folder: Path) -> None:
    """A Llama of two layers and width 32 whose head is its embedding, and its tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=64,
        max_position_embeddings=128,
        tie_word_embeddings=True,
    )
    _saved(LlamaForCausalLM, config, folder)


def _saved(kind: type, config: object, folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        kind(config).save_pretrained(folder)
    vocabulary = {word: i for i, word in enumerate((*SPECIAL, *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    ).save_pretrained(folder)
