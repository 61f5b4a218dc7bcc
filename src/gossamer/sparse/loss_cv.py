"""Penalties under any loss chosen by cross-validation: classification, robust and count regression."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

import torch
from torch import Tensor

from ..errors import DataError, StructureError
from ..problem import Loss
from .cross_validation import Loss as Score, Rule, Selection, cross_validate
from .folds import as_folds, stratified_folds
from .loss_data import as_loss
from .loss_options import LossOptions
from .losses import loss_max_penalty, loss_path, penalised_loss
from .path import levels_of

__all__ = ["classification_error", "logistic_cv", "loss_cv", "multinomial_cv"]

FIXED = ("l2", "l1")  # strengths that would stay what they are while the penalty moves


def loss_cv(
    A: Any,
    b: Any,
    loss: str | Loss,
    penalties: Any = None,
    *,
    folds: int | Iterable[tuple[Any, Any]] = 5,
    seed: int = 0,
    rule: Rule = "min",
    count: int = 50,
    ratio: float = 1e-2,
    score: Score | None = None,
    **options: Unpack[LossOptions],
) -> Selection:
    """Any loss at the penalty that predicts best.

        λ* = argmin_λ mean_f f(A_f x_f(λ) + c_f; b_f)/m_f,   x_f fitted without the samples of fold f

    Args:
        A, b, loss, options: as for `penalised_loss`, one signal or its classes; l1 and l2, which would not move with
            the penalty, are refused, and so is Cox's loss, whose samples cannot be judged one by one.
        penalties, count, ratio, folds, seed, rule: as for `lasso_cv`.
        score: instead of the loss itself: (prediction (levels, *classes, samples), target, shares) ↦ (levels,), such
            as `classification_error`; targets arrive as the loss holds them, classes one-hot.
    Returns: a Selection.
    Raises: DataError on shapes, types, NaN, folds that do not fit; StructureError on options.

    >>> A = torch.eye(4).repeat(4, 1)
    >>> loss_cv(A, [9, 1, 1, 1] * 4, "poisson", folds=4, count=5, intercept=True).x.nonzero().tolist()
    [[0]]
    """
    chosen = as_loss(loss)
    if chosen.shift_invariant:
        raise StructureError("Cox's loss compares samples with each other; a test set alone has no such loss")
    if given := [name for name in FIXED if options.get(name)]:
        raise StructureError(f"{given[0]} does not move with the penalty; cross-validation takes the penalty alone")
    b = b if isinstance(b, Tensor) else torch.as_tensor(b)
    m, weights = int(A.shape[0]), options.get("sample_weights")
    whole = chosen.targets(b, m)
    if b.ndim != 1 or (len(whole) > 1 and chosen.event_ndim == 1):
        raise DataError(f"b has shape {tuple(b.shape)}; give one signal, ({m},)")

    def fit(some: Any, samples: Tensor, levels: Tensor, mass: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if not bool(whole[:, samples].any(-1).all()) and chosen.event_ndim == 2:
            raise DataError("a training set lacks a class; take fewer folds, or folds by class (stratified_folds)")
        here: LossOptions = {**options, "sample_weights": mass}
        found = loss_path(some, b[samples], chosen, levels, **here).recovery
        return found.x, found.intercept

    def judge(prediction: Tensor, samples: Tensor, shares: Tensor) -> Tensor:
        target = whole[:, samples.long()]
        return (score or chosen.value)(prediction, target, shares)

    levels = levels_of(penalties, lambda: float(loss_max_penalty(A, b, chosen, **options)), count, ratio)
    # What travels through the folds is the samples' numbers: a test set need not hold all that a target must.
    curve = cross_validate(
        fit, A, torch.arange(m), levels, as_folds(folds, m, seed), loss=judge, sample_weights=weights
    )
    index = curve.chosen(rule)
    level = float(curve.levels[index])
    found = penalised_loss(A, b, chosen, level, **options)
    return Selection(found, level, index, curve, (curve,))


def logistic_cv(
    A: Any, labels: Any, penalties: Any = None, *, folds: Any = 5, seed: int = 0, **options: Any
) -> Selection:
    """Two classes, `logistic` at the penalty that predicts best.

    Args: labels 0 and 1, (m,); folds: a number, which keeps the classes' shares in every fold (`stratified_folds`), or
        pairs; the rest as for `loss_cv`, with score=classification_error for the share of wrong labels.

    >>> A = torch.eye(4).repeat(5, 1)
    >>> logistic_cv(A, [1, 0, 0, 0] * 5, count=5, intercept=True).x.nonzero().tolist()
    [[0]]
    """
    pairs = stratified_folds(labels, folds, seed=seed) if isinstance(folds, int) else folds
    return loss_cv(A, labels, "logistic", penalties, folds=pairs, **options)


def multinomial_cv(
    A: Any, labels: Any, penalties: Any = None, *, folds: Any = 5, seed: int = 0, **options: Any
) -> Selection:
    """Several classes, `multinomial` at the penalty that predicts best.

    Args: labels 0 to K − 1, (m,); the rest as for `logistic_cv`.

    >>> A = torch.eye(3).repeat(5, 1)
    >>> multinomial_cv(A, [0, 1, 2] * 5, count=3).curve.errors.shape
    torch.Size([5, 3])
    """
    pairs = stratified_folds(labels, folds, seed=seed) if isinstance(folds, int) else folds
    return loss_cv(A, labels, "multinomial", penalties, folds=pairs, **options)


def classification_error(prediction: Tensor, target: Tensor, shares: Tensor) -> Tensor:
    """The share of samples whose class is not the most likely one: of two classes (levels, m), or of several."""
    several = prediction.ndim == 3
    wrong = prediction.argmax(-2) != target.argmax(-2) if several else (prediction > 0) != (target > 0.5)
    return wrong.double() @ shares
