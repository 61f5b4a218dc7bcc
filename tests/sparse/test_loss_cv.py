"""Cross-validation under other losses, against fits of each fold and scikit-learn's classifiers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from regression_cases import CLOSE, problem
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from gossamer.errors import DataError, GossamerError
from gossamer.sparse import (
    classification_error,
    k_folds,
    logistic,
    logistic_cv,
    loss_cv,
    multinomial,
    multinomial_cv,
    poisson,
    stratified_folds,
)

A, TARGET = problem()
LABELS = (TARGET.median() < TARGET).long()
CLASSES = (TARGET.quantile(0.3) < TARGET).long() + (TARGET.quantile(0.7) < TARGET).long()


def test_the_deviance_of_a_fold_is_that_of_its_own_fit() -> None:
    found = logistic_cv(A, LABELS, [2.0, 0.5], folds=3, seed=1, intercept=True, tol=1e-10)
    for errors, (train, test) in zip(found.curve.errors, stratified_folds(LABELS, 3, seed=1), strict=True):
        for error, penalty in zip(errors.tolist(), (2.0, 0.5), strict=True):
            other = LogisticRegression(
                C=60 / len(train) / penalty, l1_ratio=1, solver="saga", tol=1e-7, max_iter=100_000
            )
            other.fit(A[train].numpy(), LABELS[train].numpy())
            assert error == pytest.approx(log_loss(LABELS[test], other.predict_proba(A[test])), rel=1e-3)


def test_wrong_labels_are_counted() -> None:
    several = multinomial_cv(A, CLASSES, [1.0], folds=3, intercept=True, score=classification_error)
    for errors, (train, test) in zip(several.curve.errors, stratified_folds(CLASSES, 3), strict=True):
        alone = multinomial(A[train], CLASSES[train], len(train) / 60, intercept=True)
        wrong = (alone.x @ A[test].T + alone.intercept[:, None]).argmax(0) != CLASSES[test]
        assert float(errors[0]) == pytest.approx(float(wrong.double().mean()))
    two = logistic_cv(A, LABELS, [1.0], folds=3, intercept=True, score=classification_error)
    train, test = stratified_folds(LABELS, 3)[0]
    alone = logistic(A[train], LABELS[train], len(train) / 60, intercept=True)
    wrong = (A[test] @ alone.x + alone.intercept > 0) != LABELS[test].bool()
    assert float(two.curve.errors[0, 0]) == pytest.approx(float(wrong.double().mean()))


def test_counts_with_sample_weights() -> None:
    counts, weights = (TARGET / 2).exp().floor(), torch.linspace(0.5, 2, 60, dtype=torch.float64)
    found = loss_cv(A, counts, "poisson", [20.0], folds=3, intercept=True, sample_weights=weights, tol=1e-10)
    train, test = k_folds(60, 3)[0]
    share = float(weights[train].sum() / weights.sum())
    alone = poisson(A[train], counts[train], 20.0 * share, intercept=True, sample_weights=weights[train], tol=1e-10)
    z, y = A[test] @ alone.x + alone.intercept, counts[test]
    half_deviance = z.exp() - y * z + torch.xlogy(y, y) - y
    assert float(found.curve.errors[0, 0]) == pytest.approx(
        float(np.average(half_deviance, weights=weights[test])), rel=CLOSE
    )


def test_a_grid_of_its_own_and_the_refit() -> None:
    found = logistic_cv(A, LABELS, count=8, intercept=True, rule="1se", tol=1e-10)
    assert found.index == found.curve.simplest <= found.curve.best
    assert torch.allclose(found.x, logistic(A, LABELS, found.level, intercept=True, tol=1e-10).x, atol=CLOSE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "cox"}, "compares samples"),
        ({"l2": 1.0}, "l2 does not move"),
        ({"loss": "multinomial", "b": CLASSES, "folds": [(CLASSES < 2, CLASSES == 2)]}, "lacks a class"),
        ({"b": torch.stack([LABELS, 1 - LABELS])}, "one signal"),
    ],
)
def test_bad_input_is_one_clear_error(options: dict[str, object], words: str) -> None:
    with pytest.raises(GossamerError, match=words):
        loss_cv(**({"A": A, "b": LABELS, "loss": "logistic", "count": 2} | options))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="has one sample"):
        stratified_folds([0, 0, 0, 1], 2)
