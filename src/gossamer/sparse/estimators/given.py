"""Samples as scikit-learn hands them over, checked and in the forms that the functions take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.model_selection import check_cv
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, column_or_1d, validate_data
from torch import Tensor

from ...errors import DataError
from ...problem import Loss
from ...problem.losses import Logistic, Multinomial
from ..folds import Fold

__all__ = ["FORMS", "TYPES", "Given", "GivenClasses", "as_pairs", "check_alpha"]

FORMS = ("csr", "csc", "coo")
TYPES = (np.float64, np.float32)


@dataclass(frozen=True, eq=False)
class Given:
    """The samples of weight above zero.

    Args:
        X (m, n), an array or a scipy sparse matrix, float32 or float64; b (m,) or (targets, m), of X's type.
        weights (m,), or None; mass: their sum, or m: what turns scikit-learn's mean over samples into our sum.
        kept: which of the samples that were given these are.
    """

    X: Any
    b: Tensor
    weights: Tensor | None
    mass: float
    kept: NDArray[np.intp]

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any, sample_weight: Any, *, targets: str) -> Given:
        """Args: targets: "one" (y (m,)), "any" ((m,) or (m, targets)), or "many" ((m, targets)).

        Raises: ValueError by scikit-learn's own checks; DataError where no sample has weight.
        """
        X, y = validate_data(
            estimator, X, y, accept_sparse=FORMS, dtype=TYPES, multi_output=targets != "one", y_numeric=True
        )
        if sparse.issparse(y):
            raise DataError("y is sparse; give a dense array (y.toarray())")
        if targets == "one":
            y = column_or_1d(y)
        if targets == "many" and y.ndim == 1:
            raise DataError("y has one axis, which is one task; give (samples, tasks), or take the estimator for one")
        kept, weights = _kept(X, sample_weight)
        X, y = _some(X, kept), y[kept]
        b = torch.tensor(np.ascontiguousarray(y.T, dtype=X.dtype))
        mass = float(len(kept)) if weights is None else float(weights.double().sum())
        return cls(X, b[0] if y.ndim == 2 and len(b) == 1 and targets == "any" else b, weights, mass, kept)

    def folds(self, cv: Any, groups: Any) -> list[Fold]:
        """As `as_pairs`."""
        return as_pairs(cv, self.b.numpy().T, groups, self.kept, classifier=False)


@dataclass(frozen=True, eq=False)
class GivenClasses:
    """The samples of weight above zero, for a classifier.

    Args: X, weights, kept: as for `Given`; labels (m,): places in `classes`, int64; loss: what tells them apart.
    """

    X: Any
    labels: Tensor
    classes: NDArray[Any]
    weights: Tensor | None
    kept: NDArray[np.intp]
    loss: Loss

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any, sample_weight: Any, class_weight: Any) -> GivenClasses:
        """Raises: ValueError by scikit-learn's own checks; DataError where fewer than two classes have weight."""
        X, y = validate_data(estimator, X, y, accept_sparse=FORMS, dtype=TYPES)
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        kept, weights = _kept(X, sample_weight)
        X, y = _some(X, kept), y[kept]
        classes, labels = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise DataError(f"y holds 1 class, {classes[0]!r}, among the samples with weight; give at least two")
        if class_weight is not None:
            mass = np.ones(len(labels)) if weights is None else weights.numpy()
            factors = compute_class_weight(None if class_weight == "balanced" else class_weight, classes=classes, y=y)
            if class_weight == "balanced":  # by weight: scikit-learn counted samples, whatever theirs, until 1.7
                factors = mass.sum() / (len(classes) * np.bincount(labels, mass))
            weights = torch.tensor(mass * factors[labels])
        loss = Logistic() if len(classes) == 2 else Multinomial()
        return cls(X, torch.from_numpy(labels.astype(np.int64)), classes, weights, kept, loss)

    def folds(self, cv: Any, groups: Any) -> list[Fold]:
        """As `as_pairs`; a number of folds keeps the classes' shares."""
        return as_pairs(cv, self.labels.numpy(), groups, self.kept, classifier=True)


def as_pairs(cv: Any, y: NDArray[Any], groups: Any, kept: NDArray[np.intp], *, classifier: bool) -> list[Fold]:
    """scikit-learn's `cv`: None (5), a number, a splitter or pairs, as pairs of places among the kept samples.

    Splitters see the kept samples; pairs name samples as they were given. groups: of all samples that were given.
    """
    if isinstance(cv, Iterable) and not isinstance(cv, str):
        place = {sample: at for at, sample in enumerate(kept.tolist())}
        return [(_places(train, place), _places(test, place)) for train, test in cv]
    chosen = None if groups is None else np.asarray(groups)[kept]
    pairs = check_cv(cv, y, classifier=classifier).split(np.zeros((len(kept), 1)), y, chosen)
    return [(torch.from_numpy(train), torch.from_numpy(test)) for train, test in pairs]


def _places(side: Any, place: dict[int, int]) -> Tensor:
    samples = np.asarray(side)
    samples = np.flatnonzero(samples) if samples.dtype == bool else samples
    return torch.tensor([place[one] for one in samples.tolist() if one in place], dtype=torch.int64)


def _kept(X: Any, sample_weight: Any) -> tuple[NDArray[np.intp], Tensor | None]:
    """The samples of weight above zero, and their weights."""
    if sample_weight is None:
        return np.arange(X.shape[0]), None
    weights = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
    kept = np.flatnonzero(weights)
    if not len(kept):
        raise DataError("Sample weights must contain at least one non-zero number; all are zero")
    return kept, torch.tensor(weights[kept])


def _some(X: Any, kept: NDArray[np.intp]) -> Any:
    if len(kept) == X.shape[0]:
        return X
    return (X.tocsr() if sparse.issparse(X) else X)[kept]


def check_alpha(alpha: Any) -> float:
    """Raises: DataError unless it is a finite number ≥ 0."""
    if isinstance(alpha, bool) or not isinstance(alpha, Real) or not 0 <= float(alpha) < np.inf:
        raise DataError(f"alpha is {alpha!r}; give a finite number ≥ 0")
    return float(alpha)
