"""Orthogonal matching pursuit with scikit-learn's face."""

from __future__ import annotations

from typing import Any, Self

import torch

from ...errors import DataError
from ...solvers.omp import Rule
from ..omp_path import omp_among_useful, omp_cv
from ..regression_data import RegressionData
from .given import Given
from .regressor import LinearRegressor

__all__ = ["OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV"]


class OrthogonalMatchingPursuit(LinearRegressor):
    """Linear regression with a count of nonzero coefficients, chosen one at a time.

        min_w ‖y − Xw − c‖²  s.t.  ‖w‖₀ ≤ n_nonzero_coefs,   or   min ‖w‖₀  s.t.  ‖y − Xw − c‖² ≤ tol   (greedily)

    Correlations are divided by the columns' norms, so that a column's unit plays no part; scikit-learn compares them as
    they are. Columns that are constant (zero, without an intercept) are never chosen. `omp(X, y, k, tol=t)` has its tol
    relative: tol here is (t·‖y − ȳ‖)², as in scikit-learn.

    Args:
        n_nonzero_coefs: default a tenth of the columns, at least 1. tol: if given, n_nonzero_coefs plays no part.
        fit_intercept: fit c; a sparse X is not densified. rule: "correlation" or "residual", as for `omp`.

    y is (m,) or (m, targets). After `fit`: coef_, intercept_, n_nonzero_coefs_ (what was allowed, None with tol),
    n_iter_ (columns chosen, ≥ 1), status_.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 5))
    >>> OrthogonalMatchingPursuit(n_nonzero_coefs=2).fit(X, X[:, 2] - X[:, 4]).coef_.round(6) + 0
    array([ 0.,  0.,  1.,  0., -1.])
    """

    def __init__(
        self,
        *,
        n_nonzero_coefs: int | None = None,
        tol: float | None = None,
        fit_intercept: bool = True,
        rule: Rule = "correlation",
    ) -> None:
        self.n_nonzero_coefs = n_nonzero_coefs
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.rule = rule

    @property
    def _targets(self) -> str:
        return "any"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Args: X (m, n), dense or scipy sparse; y; sample_weight (m,) ≥ 0: weights of the squares."""
        given = Given.of(self, X, y, sample_weight, targets=self._targets)
        most = min(given.X.shape)
        if self.rule not in ("correlation", "residual"):
            raise DataError(f"rule is {self.rule!r}; give 'correlation' or 'residual'")
        if self.tol is not None and not self.tol >= 0:
            raise DataError(f"tol is {self.tol}; it bounds ‖y − Xw‖²: give a number ≥ 0")
        k = most if self.tol is not None else self.n_nonzero_coefs
        k = max(1, given.X.shape[1] // 10) if k is None else k
        if not 1 <= k <= given.X.shape[1]:
            raise DataError(f"n_nonzero_coefs is {k}; give 1 to n_features = {given.X.shape[1]}")
        self.n_nonzero_coefs_ = None if self.tol is not None else k
        data = RegressionData.of(given.X, given.b, intercept=self.fit_intercept, sample_weights=given.weights)
        targets = torch.full_like(data.b[:, 0], (self.tol or 0.0) ** 0.5)
        self._take(data.answer(omp_among_useful(data, min(k, most), targets, self.rule)), given)
        return self


class OrthogonalMatchingPursuitCV(LinearRegressor):
    """Orthogonal matching pursuit with the count of coefficients chosen by cross-validation (`omp_cv`).

    Args:
        max_iter: the largest count to try; default a tenth of the columns, at least 5, as far as the folds allow.
        cv, rule: as for `LassoCV`, "1se" being the smallest count. fit_intercept, choice (`rule` there): as for
            `OrthogonalMatchingPursuit`.

    After `fit`: as `OrthogonalMatchingPursuit`; mse_path_ (counts, folds); selection_, the `Selection`.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 5))
    >>> noise = 0.1 * np.random.default_rng(1).normal(size=60)
    >>> OrthogonalMatchingPursuitCV(rule="1se").fit(X, X[:, 2] - X[:, 4] + noise).n_nonzero_coefs_
    2
    """

    def __init__(
        self,
        *,
        max_iter: int | None = None,
        cv: Any = None,
        rule: str = "min",
        fit_intercept: bool = True,
        choice: Rule = "correlation",
    ) -> None:
        self.max_iter = max_iter
        self.cv = cv
        self.rule = rule
        self.fit_intercept = fit_intercept
        self.choice = choice

    @property
    def _targets(self) -> str:
        return "one"

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Choose, then fit all samples. Args: as for `LassoCV.fit`."""
        given = Given.of(self, X, y, sample_weight, targets=self._targets)
        folds, n = given.folds(self.cv, groups), given.X.shape[1]
        allowed = min(*(len(train) - self.fit_intercept for train, _ in folds), n)
        k = min(max(n // 10, 5), allowed) if self.max_iter is None else self.max_iter
        found = omp_cv(
            given.X,
            given.b,
            k,
            folds=folds,
            rule=self.rule,  # type: ignore[arg-type]  # checked there
            choice=self.choice,
            intercept=self.fit_intercept,
            sample_weights=given.weights,
        )
        self.n_nonzero_coefs_ = int(found.level)
        self.mse_path_ = found.curve.errors.numpy().T
        self.selection_ = found
        self._take(found.recovery, given)
        return self
