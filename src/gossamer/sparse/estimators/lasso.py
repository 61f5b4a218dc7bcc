"""The Lasso with scikit-learn's face."""

from __future__ import annotations

from typing import Any

from ..families import l1_family
from ..penalised import Penalised
from .cross_validated import CrossValidated
from .regressor import PenalisedRegressor

__all__ = ["Lasso", "LassoCV"]


class Lasso(PenalisedRegressor):
    """Linear regression with few nonzero coefficients.

        min_w (1/2m)‖y − Xw − c‖² + alpha·Σ_j weights_j|w_j|

    With sample weights s the fit is (1/2Σs)·Σ s_i(·)_i², so that a weight of 2 is a sample given twice.
    `lasso(X, y, penalty)` is alpha = penalty/m.

    Args:
        alpha: ≥ 0. fit_intercept: fit c, unpenalised; a sparse X is not densified.
        max_iter: rounds of the solver (a working set each). tol: the duality gap relative to the objective at w = 0,
            as everywhere in gossamer; scikit-learn's `tol` is about half of that.
        positive: w ≥ 0. weights (n,) ≥ 0: default ones; 0 leaves a column unpenalised.
        standardise: penalise columns as if each had standard deviation 1; coef_ is for the columns as they came.
        warm_start: begin at the last coef_.

    y is (m,) or (m, targets), each target a problem of its own. After `fit`: coef_ (n,) or (targets, n), intercept_,
    n_iter_ (≥ 1), dual_gap_ (in units of the objective above), status_, sparse_coef_, n_features_in_,
    feature_names_in_. float32 stays float32; it is solved in float64.

    >>> import numpy as np
    >>> Lasso(alpha=0.1).fit(np.array([[0.0], [1.0], [2.0]]), [0.0, 1.0, 2.0]).coef_.round(3)
    array([0.85])
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-6,
        positive: bool = False,
        weights: Any = None,
        standardise: bool = False,
        warm_start: bool = False,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.positive = positive
        self.weights = weights
        self.standardise = standardise
        self.warm_start = warm_start

    @property
    def _targets(self) -> str:
        return "any"

    def _model(self, n: int) -> Penalised:
        family = l1_family(self.weights, self.positive)
        return Penalised(family, self.tol, self.fit_intercept, self.standardise, self.max_iter)


class LassoCV(CrossValidated):
    """The Lasso with alpha chosen by cross-validation (`lasso_cv`).

    Args:
        eps, alphas: a number of alphas from the largest useful one down to eps times that, or the alphas themselves.
        cv: None for 5 folds in order, a number, a scikit-learn splitter, or pairs (train, test).
        rule: "min" takes the alpha that predicts best, "1se" the largest within one standard error of it.
        fit_intercept, max_iter, tol, positive, weights, standardise: as for `Lasso`. Standardising is done within each
            training set, so nothing of a test set is seen.

    After `fit`: alpha_ and as `Lasso`; alphas_ (k,), falling; mse_path_ (k, folds); alpha_min_ and alpha_1se_, what
    the two rules take; selection_, the `Selection`.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 5))
    >>> LassoCV(alphas=10, rule="1se").fit(X, X[:, 2] + 0.1 * X[:, 0]).coef_.round(1) + 0
    array([0.1, 0. , 1. , 0. , 0. ])
    """

    def __init__(
        self,
        *,
        eps: float = 1e-3,
        alphas: Any = 100,
        cv: Any = None,
        rule: str = "min",
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-6,
        positive: bool = False,
        weights: Any = None,
        standardise: bool = False,
    ) -> None:
        self.eps = eps
        self.alphas = alphas
        self.cv = cv
        self.rule = rule
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.positive = positive
        self.weights = weights
        self.standardise = standardise

    @property
    def _targets(self) -> str:
        return "one"

    def _models(self, n: int) -> dict[float | None, Penalised]:
        family = l1_family(self.weights, self.positive)
        return {None: Penalised(family, self.tol, self.fit_intercept, self.standardise, self.max_iter)}
