"""Sparse logistic and multinomial regression with scikit-learn's face."""

from __future__ import annotations

from abc import ABC
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted, validate_data

from ...errors import DataError
from ...solvers import Recovery
from ..cross_validation import Selection
from ..loss_cv import classification_error, loss_cv
from ..loss_options import LossOptions
from ..losses import penalised_loss
from .given import FORMS, TYPES, GivenClasses
from .regressor import plain, warn_of

__all__ = ["SparseLogisticRegression", "SparseLogisticRegressionCV"]

SCORES = {"deviance": None, "error": classification_error}


class _LinearClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """Two classes by the sign of Xw + c, several by the largest of Xw_k + c_k."""

    def decision_function(self, X: Any) -> Any:
        """Xw + c: (m,) for two classes, its sign telling them apart; (m, classes) for several."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=FORMS, dtype=TYPES, reset=False)
        scores = safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, X: Any) -> Any:
        """The most likely class of each sample."""
        scores = self.decision_function(X)
        return self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(1)]

    def predict_proba(self, X: Any) -> Any:
        """(m, classes), in the order of classes_."""
        scores = self.decision_function(X)
        return softmax(scores, 1) if scores.ndim == 2 else np.stack([expit(-scores), expit(scores)], 1)

    def predict_log_proba(self, X: Any) -> Any:
        """The logarithm of predict_proba, without its underflow."""
        scores = self.decision_function(X)
        return log_softmax(scores, 1) if scores.ndim == 2 else np.stack([log_expit(-scores), log_expit(scores)], 1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _take(self, found: Recovery, given: GivenClasses) -> None:
        dtype = given.X.dtype
        self.coef_ = np.atleast_2d(found.x.numpy().astype(dtype, copy=False))
        rows = len(self.coef_)
        constant = np.zeros(rows) if found.intercept is None else found.intercept.double().numpy().reshape(rows)
        if rows > 1:  # softmax does not know a constant that is common to all classes
            constant = constant - constant.mean()
        self.intercept_ = constant.astype(dtype)
        self.n_iter_ = np.atleast_1d(plain(found.steps.clamp(min=1)))
        self.status_ = found.status
        if found.gap is not None and found.objective is not None:
            self.gap_ = plain(found.gap)
        warn_of(type(self).__name__, found)


class SparseLogisticRegression(_LinearClassifier):
    """Logistic regression with few nonzero coefficients; of several classes, multinomial.

        min_w C·Σ_i s_i·log(1 + exp(−y_i(x_i'w + c))) + Σ_j weights_j(l1_ratio·|w_j| + (1 − l1_ratio)/2·w_j²)

    for two classes y = ±1. This is scikit-learn's LogisticRegression(C=C, l1_ratio=1): a sum over samples, no 1/m.
    `logistic(X, y, penalty)` and `multinomial(X, y, penalty)` are C = 1/penalty.

    Args:
        C: > 0, the inverse of the penalty. l1_ratio in (0, 1]; weights do not touch the squares.
        shared: all classes choose the same columns (Σ_j weights_j‖column j of w‖₂; l1_ratio 1).
        class_weight: None, "balanced", or {class: weight}; it multiplies sample_weight.
        tol: relative duality gap. fit_intercept, max_iter, weights, standardise, warm_start: as for `Lasso`.

    After `fit`: classes_; coef_ (1, n) for two classes, else (classes, n), with a row for each class; intercept_;
    n_iter_, gap_ (the relative duality gap), status_, n_features_in_, feature_names_in_.

    >>> X = np.random.default_rng(0).normal(size=(60, 5))
    >>> model = SparseLogisticRegression(C=0.2).fit(X, np.where(X[:, 1] > 0, "yes", "no"))
    >>> model.classes_.tolist(), np.flatnonzero(model.coef_).tolist()
    (['no', 'yes'], [1])
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        l1_ratio: float = 1.0,
        shared: bool = False,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-6,
        weights: Any = None,
        standardise: bool = False,
        class_weight: Any = None,
        warm_start: bool = False,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.shared = shared
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.weights = weights
        self.standardise = standardise
        self.class_weight = class_weight
        self.warm_start = warm_start

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Args: X (m, n), dense or scipy sparse; y (m,), any labels; sample_weight (m,) ≥ 0, or one number."""
        given = GivenClasses.of(self, X, y, sample_weight, self.class_weight)
        if isinstance(self.C, bool) or not isinstance(self.C, Real) or not 0 < self.C < np.inf:
            raise DataError(f"C is {self.C!r}; give a finite number above 0 (the inverse of the penalty)")
        if not 0 < self.l1_ratio <= 1 or (self.shared and self.l1_ratio != 1):
            raise DataError(f"l1_ratio is {self.l1_ratio}; give a number above 0 and up to 1, and 1 with shared=True")
        options = _options(self, given)
        if self.l1_ratio < 1:
            options["l2"] = (1 - self.l1_ratio) / self.C
        start = getattr(self, "coef_", None) if self.warm_start else None
        shape = (1 if len(given.classes) == 2 else len(given.classes), given.X.shape[1])
        if start is not None and start.shape == shape:
            options["x0"] = torch.from_numpy(start[0] if shape[0] == 1 else start)
        self.classes_ = given.classes
        self._take(penalised_loss(given.X, given.labels, given.loss, self.l1_ratio / self.C, **options), given)
        return self


class SparseLogisticRegressionCV(_LinearClassifier):
    """Sparse logistic regression with C chosen by cross-validation (`logistic_cv`, `multinomial_cv`).

    Args:
        Cs: a number of them from the largest useless one to 1/eps times that, or the Cs themselves.
        cv: None for 5 folds that keep the classes' shares, a number of such, a splitter, or pairs (train, test).
        rule: "min", or "1se": the smallest C within one standard error of the best.
        scoring: "deviance" (minus the log-likelihood of a sample) or "error" (the share of wrong labels), on test sets.
        shared, fit_intercept, max_iter, tol, weights, standardise, class_weight: as for `SparseLogisticRegression`.

    After `fit`: C_ and as `SparseLogisticRegression`; Cs_ (k,), rising; score_path_ (k, folds); C_min_, C_1se_;
    selection_, the `Selection`.

    >>> X = np.random.default_rng(0).normal(size=(60, 5))
    >>> model = SparseLogisticRegressionCV(Cs=8, cv=3, scoring="error").fit(X, X[:, 1] > 0)
    >>> model.score_path_.shape, model.score(X, X[:, 1] > 0) > 0.9
    ((8, 3), True)
    """

    def __init__(
        self,
        *,
        Cs: Any = 50,
        eps: float = 1e-2,
        cv: Any = None,
        rule: str = "min",
        scoring: str = "deviance",
        shared: bool = False,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-6,
        weights: Any = None,
        standardise: bool = False,
        class_weight: Any = None,
    ) -> None:
        self.Cs = Cs
        self.eps = eps
        self.cv = cv
        self.rule = rule
        self.scoring = scoring
        self.shared = shared
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.weights = weights
        self.standardise = standardise
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Choose, then fit all samples. Args: as for `SparseLogisticRegression.fit`; groups (m,): of samples."""
        given = GivenClasses.of(self, X, y, sample_weight, self.class_weight)
        if self.scoring not in SCORES:
            raise DataError(f"scoring is {self.scoring!r}; give one of {', '.join(map(repr, SCORES))}")
        penalties, count = self._grid()
        found = loss_cv(
            given.X,
            given.labels,
            given.loss,
            penalties,
            folds=given.folds(self.cv, groups),
            rule=self.rule,  # type: ignore[arg-type]  # checked there
            count=count,
            ratio=self.eps,
            score=SCORES[self.scoring],
            **_options(self, given),
        )
        self.classes_ = given.classes
        self._keep(found)
        self._take(found.recovery, given)
        return self

    def _grid(self) -> tuple[Any, int]:
        if isinstance(self.Cs, Integral) and not isinstance(self.Cs, bool):
            return None, int(self.Cs)
        Cs = np.asarray(self.Cs, dtype=np.float64)
        if Cs.ndim != 1 or not len(Cs) or not (np.isfinite(Cs) & (Cs > 0)).all():
            raise DataError(f"Cs are {self.Cs!r}; give a number of them, or finite numbers above 0")
        return 1 / np.sort(Cs), 1

    def _keep(self, found: Selection) -> None:
        self.Cs_ = 1 / found.curve.levels.numpy()
        self.score_path_ = found.curve.errors.numpy().T
        self.C_ = 1 / found.level
        self.C_min_, self.C_1se_ = float(self.Cs_[found.curve.best]), float(self.Cs_[found.curve.simplest])
        self.selection_ = found


def _options(estimator: Any, given: GivenClasses) -> LossOptions:
    """What both estimators tell the functions alike."""
    options = LossOptions(
        intercept=estimator.fit_intercept,
        tol=estimator.tol,
        standardise=estimator.standardise,
        max_steps=estimator.max_iter,
        weights=estimator.weights,
    )
    if estimator.shared and len(given.classes) > 2:
        options["shared"] = True
    if given.weights is not None:
        options["sample_weights"] = given.weights
    return options
