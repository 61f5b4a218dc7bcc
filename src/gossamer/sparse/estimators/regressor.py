"""What linear regressors share: coefficients, predictions, and how a solver's ending is told."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from ...solvers import Ending, Recovery
from ..penalised import Penalised
from .given import FORMS, TYPES, Given, check_alpha

__all__ = ["LinearModel", "LinearRegressor", "PenalisedRegressor", "plain", "warn_of"]

FINE = (Ending.CONVERGED, Ending.SPARSITY_REACHED, Ending.RESIDUAL_REACHED)


class LinearModel(BaseEstimator, ABC):  # type: ignore[misc]
    """Coefficients and an intercept. A subclass says how many targets it takes, fits, and predicts."""

    @property
    @abstractmethod
    def _targets(self) -> str:
        """ "one", "any" or "many"."""

    def _linear(self, X: Any) -> Any:
        """X coef_ + intercept_: (m,), or (m, targets)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=FORMS, dtype=TYPES, reset=False)
        return safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_

    @property
    def sparse_coef_(self) -> Any:
        """coef_ in scipy's CSR form, (targets, n)."""
        return sparse.csr_array(np.atleast_2d(self.coef_))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.single_output = self._targets != "many"
        tags.target_tags.multi_output = self._targets != "one"
        return tags

    def _take(self, found: Recovery, given: Given) -> None:
        """Keep a solution, and warn where it is not one."""
        dtype = given.X.dtype
        self.coef_ = found.x.numpy().astype(dtype, copy=False)
        self.intercept_ = plain(found.intercept, dtype) if found.intercept is not None else 0.0
        self.n_iter_ = plain(found.steps.clamp(min=1))
        self.status_ = found.status
        warn_of(type(self).__name__, found)


class LinearRegressor(RegressorMixin, LinearModel):  # type: ignore[misc]
    """Least squares: predicts Xw + c."""

    def predict(self, X: Any) -> Any:
        """X coef_ + intercept_: (m,), or (m, targets)."""
        return self._linear(X)

    def _certify(self, found: Recovery, given: Given) -> None:
        """The gap in scikit-learn's units."""
        if found.gap is not None:
            self.dual_gap_ = plain(found.gap * _at_zero(given, found.intercept is not None, found.gap.ndim))


class PenalisedRegressor(LinearRegressor):
    """Least squares with a penalty of strength alpha. A subclass holds the parameters and names the penalty."""

    alpha: float
    warm_start: bool

    @abstractmethod
    def _model(self, n: int) -> Penalised:
        """The family of penalties for n columns, with the options of the fit."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Solve to the tolerance, or warn with a ConvergenceWarning that says what to do.

        Args: X (m, n), dense or scipy sparse; y as the class says; sample_weight (m,) ≥ 0, or one number.
        """
        given = Given.of(self, X, y, sample_weight, targets=self._targets)
        start = getattr(self, "coef_", None) if self.warm_start else None
        shape = (*given.b.shape[:-1], given.X.shape[1])
        x0 = given.b.new_tensor(start) if start is not None and start.shape == shape else None
        level = check_alpha(self.alpha) * given.mass
        found = self._model(given.X.shape[1]).fit(given.X, given.b, level, given.weights, x0)
        self._take(found, given)
        self._certify(found, given)
        return self


def _at_zero(given: Given, intercept: bool, axes: int) -> Tensor:
    """scikit-learn's objective at w = 0, (1/2m)‖y − ȳ‖², by which our relative gap is one in its units."""
    b = given.b.double()
    share = b.new_full(b.shape[-1:], 1 / given.mass) if given.weights is None else given.weights.double() / given.mass
    b = b - (b @ share)[..., None] if intercept else b
    each: Tensor = 0.5 * (b * b) @ share
    return each if each.ndim == axes else each.sum()


def plain(given: Tensor, dtype: Any = None) -> Any:
    """A number for one problem, an array for many."""
    array = given.numpy() if dtype is None else given.numpy().astype(dtype, copy=False)
    return array if array.ndim else array[()]


def warn_of(name: str, found: Recovery, what: str = "targets") -> None:
    """A ConvergenceWarning with the advice, where some problem has no solution to the tolerance."""
    codes = np.atleast_1d(found.ending.numpy())
    wrong = np.flatnonzero(~np.isin(codes, FINE))
    if len(wrong):
        said = found.status if isinstance(found.status, str) else found.status[int(wrong[0])]
        where = "" if len(codes) == 1 else f" ({len(wrong)} of {len(codes)} {what}, the first of them)"
        gap = "" if found.gap is None else f"; relative gap {float(np.max(found.gap.numpy())):.1e}"
        warnings.warn(f"{name}{where}: {said}{gap}", ConvergenceWarning, stacklevel=4)
