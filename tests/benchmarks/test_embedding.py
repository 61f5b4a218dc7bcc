"""Pooling, batching and the figures of agreement, against what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from embedding import agreement, document_correlation, embedded, rank_correlation


class Letters:
    """A tokenizer: a token for each letter, padded with zeros."""

    def __call__(self, texts, *, padding, truncation, max_length, return_tensors):
        width = max(len(said) for said in texts)
        ids = [[ord(c) - 96 for c in said] + [0] * (width - len(said)) for said in texts]
        found = torch.tensor(ids)
        return {"input_ids": found, "attention_mask": (found > 0).long()}


def hidden(batch):
    """Padding has the largest states of all, so that counting it in would show."""
    ids = batch["input_ids"]
    return torch.stack([(ids == 1).float(), (ids == 2).float(), (ids == 0) * 100.0], dim=-1)


def test_the_mean_is_over_a_texts_own_tokens_in_the_order_given():
    texts = ["aaab", "b", "a", "ab"]
    made = embedded(hidden, Letters(), texts)
    wanted = np.array([[3, 1, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0]], dtype=np.float64)
    assert made == pytest.approx(wanted / np.linalg.norm(wanted, axis=1, keepdims=True), abs=1e-6)


def test_batches_do_not_change_an_embedding():
    texts = ["a" * n + "b" for n in range(1, 80)]
    one = np.concatenate([embedded(hidden, Letters(), [said]) for said in texts])
    assert embedded(hidden, Letters(), texts) == pytest.approx(one, abs=1e-6)


def test_agreement():
    dense = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    made = np.array([[1.0, 0.0], [0.6, 0.8]], dtype=np.float32)
    assert agreement(made, dense) == pytest.approx({"mean cosine": 0.9, "worst cosine": 0.8})


def test_rank_correlation_is_of_ranks():
    vectors = {
        name: np.array([np.cos(turn), np.sin(turn)]) for name, turn in zip("abcd", (0, 0.1, 0.7, 1.5), strict=True)
    }
    nearer_is_higher = [("a", "b", 9.0), ("a", "c", 8.9), ("a", "d", -7.0)]
    assert rank_correlation(vectors, nearer_is_higher) == pytest.approx(1)
    assert rank_correlation(vectors, [(a, b, -score) for a, b, score in nearer_is_higher]) == pytest.approx(-1)


def test_document_correlation_reads_the_upper_triangle():
    made = np.eye(3)
    made[1] = [0.6, 0.8, 0.0]
    people = np.array([[1, 0.9, 0.1], [9, 1, 0.1], [9, 9, 1]])
    assert document_correlation(made, people) == pytest.approx(1)
