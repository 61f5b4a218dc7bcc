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
from sklearn.utils.validation import _check_sample_weight, column_or_1d, validate_data
from torch import Tensor

from ...errors import DataError
from ..folds import Fold

__all__ = ["Given", "check_alpha"]

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
        kept, weights = np.arange(X.shape[0]), None
        if sample_weight is not None:
            whole = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
            kept = np.flatnonzero(whole)
            if not len(kept):
                raise DataError("Sample weights must contain at least one non-zero number; all are zero")
            weights = torch.tensor(whole[kept])
        if len(kept) < X.shape[0]:
            X, y = (X.tocsr() if sparse.issparse(X) else X)[kept], y[kept]
        b = torch.tensor(np.ascontiguousarray(y.T, dtype=X.dtype))
        mass = float(len(kept)) if weights is None else float(weights.double().sum())
        return cls(X, b[0] if y.ndim == 2 and len(b) == 1 and targets == "any" else b, weights, mass, kept)

    def folds(self, cv: Any, groups: Any, *, classifier: bool = False) -> list[Fold]:
        """scikit-learn's `cv`: None (5), a number, a splitter or pairs, as pairs of places among the kept samples.

        Splitters see the kept samples; pairs name samples as they were given.
        """
        y = self.b.numpy().T
        if isinstance(cv, Iterable) and not isinstance(cv, str):
            place = {sample: at for at, sample in enumerate(self.kept.tolist())}
            return [tuple(_kept(side, place) for side in pair) for pair in cv]  # type: ignore[misc]
        chosen = None if groups is None else np.asarray(groups)[self.kept]
        pairs = check_cv(cv, y, classifier=classifier).split(np.zeros((len(self.kept), 1)), y, chosen)
        return [(torch.from_numpy(train), torch.from_numpy(test)) for train, test in pairs]


def _kept(side: Any, place: dict[int, int]) -> Tensor:
    samples = np.asarray(side)
    samples = np.flatnonzero(samples) if samples.dtype == bool else samples
    return torch.tensor([place[one] for one in samples.tolist() if one in place], dtype=torch.int64)


def check_alpha(alpha: Any) -> float:
    """Raises: DataError unless it is a finite number ≥ 0."""
    if isinstance(alpha, bool) or not isinstance(alpha, Real) or not 0 <= float(alpha) < np.inf:
        raise DataError(f"alpha is {alpha!r}; give a finite number ≥ 0")
    return float(alpha)
