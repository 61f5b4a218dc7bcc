"""Sentence embeddings as all-MiniLM-L6-v2's own modules make them, and how far two sets of them agree.

    e = normalised mean of the last hidden states over a text's tokens          (its 1_Pooling and 2_Normalize)

Nothing here needs gossamer: the peers' interpreters import it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.stats import pearsonr, spearmanr
from torch import Tensor

__all__ = ["Run", "agreement", "batches", "document_correlation", "embedded", "rank_correlation"]

Run = Callable[[Mapping[str, Tensor]], Tensor]  # a tokenised batch -> last hidden states (b, t, d)
LONGEST = 256  # tokens, from the model's sentence_bert_config.json


def batches(tokenizer: Any, texts: Sequence[str], size: int = 32) -> list[dict[str, Tensor]]:
    """Tokenised batches of texts as they come."""
    return [
        dict(
            tokenizer(list(texts[i : i + size]), padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
        )
        for i in range(0, len(texts), size)
    ]


@torch.no_grad()
def embedded(run: Run, tokenizer: Any, texts: Sequence[str]) -> np.ndarray:
    """(n, d) float32, each row of length 1. Texts go through in order of their length, so that little is padded."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    rows = []
    for batch in batches(tokenizer, [texts[i] for i in order]):
        mask = batch["attention_mask"].unsqueeze(-1).float()
        mean = (run(batch) * mask).sum(1) / mask.sum(1)
        rows.append(torch.nn.functional.normalize(mean))
    found = torch.cat(rows)
    made = torch.empty_like(found)
    made[torch.tensor(order)] = found
    return made.float().numpy()


def agreement(made: np.ndarray, dense: np.ndarray) -> dict[str, float]:
    """Cosines between each text's two embeddings."""
    cosines = (made.astype(np.float64) * dense.astype(np.float64)).sum(1)
    return {"mean cosine": float(cosines.mean()), "worst cosine": float(cosines.min())}


def rank_correlation(vectors: Mapping[str, np.ndarray], pairs: Sequence[tuple[str, str, float]]) -> float:
    """Spearman's correlation of the words' cosines with people's judgement."""
    cosines = [float(vectors[first] @ vectors[second]) for first, second, _ in pairs]
    return float(spearmanr(cosines, [score for _, _, score in pairs]).statistic)


def document_correlation(made: np.ndarray, people: np.ndarray) -> float:
    """Pearson's correlation of the documents' cosines with people's judgement, over all pairs."""
    upper = np.triu_indices(len(people), 1)
    return float(pearsonr((made @ made.T)[upper], people[upper]).statistic)
