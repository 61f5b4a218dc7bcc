"""Codes over a dictionary with scikit-learn's face."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data
from torch import Tensor

from ...errors import DataError
from ...solvers import Recovery
from ..convex import SMALL, lasso
from ..greedy import omp
from .given import TYPES, check_alpha
from .regressor import warn_of

__all__ = ["SparseCoder"]


class SparseCoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Each sample as a sum of few atoms: `transform` gives the codes.

        min_z ½‖x − zD‖² + alpha·‖z‖₁,   or, with n_nonzero_coefs or tol,   min ‖x − zD‖² s.t. ‖z‖₀ ≤ k  (by OMP)

    alpha is scikit-learn's `transform_alpha` with "lasso_cd" and the penalty of `sparse_encode`: there is no 1/m.

    Args:
        dictionary: D (atoms, features). None: the samples given to `fit`, each scaled to norm 1.
        alpha: ≥ 0, default 1, where neither n_nonzero_coefs nor tol is given.
        n_nonzero_coefs: of each code. tol: stop where ‖x − zD‖ ≤ tol·‖x‖; relative, as for `omp`.
        positive_code: z ≥ 0, for alpha alone. gap: the Lasso's tolerance, as `tol` of `lasso`.
        split_sign: codes as (max(z, 0), max(−z, 0)), for classifiers that tell the two apart.

    After `fit`: components_ (atoms, features), n_features_in_.

    >>> import numpy as np
    >>> SparseCoder(np.eye(3), n_nonzero_coefs=1).fit_transform(np.array([[0.5, -2.0, 1.0]]))
    array([[ 0., -2.,  0.]])
    """

    def __init__(
        self,
        dictionary: Any = None,
        *,
        alpha: float | None = None,
        n_nonzero_coefs: int | None = None,
        tol: float | None = None,
        positive_code: bool = False,
        split_sign: bool = False,
        gap: float = 1e-6,
    ) -> None:
        self.dictionary = dictionary
        self.alpha = alpha
        self.n_nonzero_coefs = n_nonzero_coefs
        self.tol = tol
        self.positive_code = positive_code
        self.split_sign = split_sign
        self.gap = gap

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the samples' width against the dictionary, or take the samples as the dictionary."""
        X = validate_data(self, X, dtype=TYPES)
        if self.dictionary is None:
            norms = np.linalg.norm(X, axis=1, keepdims=True)
            self.components_ = X / np.where(norms > 0, norms, 1)
            return self
        self.components_ = check_array(self.dictionary, dtype=TYPES)
        if self.components_.shape[1] != X.shape[1]:
            raise DataError(
                f"dictionary has atoms of {self.components_.shape[1]} features, X has {X.shape[1]}; "
                f"give atoms in rows (atoms, {X.shape[1]})"
            )
        return self

    def transform(self, X: Any) -> Any:
        """Codes (samples, atoms), or twice as many columns with split_sign, in X's type."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=TYPES, reset=False)
        atoms = torch.tensor(self.components_.T.astype(X.dtype))
        found = self._coded(atoms, torch.tensor(X))
        warn_of(type(self).__name__, found, "samples")
        codes = found.x.numpy()
        return np.concatenate([np.maximum(codes, 0), np.maximum(-codes, 0)], 1) if self.split_sign else codes

    @property
    def _n_features_out(self) -> int:
        atoms = len(self.components_)
        return 2 * atoms if self.split_sign else atoms

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _coded(self, atoms: Tensor, signals: Tensor) -> Recovery:
        if self.n_nonzero_coefs is None and self.tol is None:
            alpha = 1.0 if self.alpha is None else check_alpha(self.alpha)
            # The solver goes by the dictionary alone: a sample's code must not depend on how many come with it.
            solver = "gram_descent" if atoms.shape[1] <= SMALL else "coordinate_descent"
            return lasso(atoms, signals, alpha, tol=self.gap, nonnegative=self.positive_code, solver=solver)
        if self.alpha is not None or self.positive_code:
            raise DataError("alpha and positive_code belong to the Lasso; give them, or n_nonzero_coefs and tol")
        useful = torch.linalg.vector_norm(atoms, dim=0) > 0
        found = omp(atoms[:, useful], signals, self.n_nonzero_coefs, tol=self.tol)
        codes = signals.new_zeros(len(signals), atoms.shape[1])
        codes[:, useful] = found.x
        return replace(found, x=codes)
