"""The elastic net with scikit-learn's face."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..families import net_family
from ..penalised import Penalised
from .cross_validated import CrossValidated
from .regressor import PenalisedRegressor

__all__ = ["ElasticNet", "ElasticNetCV"]


class ElasticNet(PenalisedRegressor):
    """Linear regression with few nonzero coefficients that keeps correlated columns together.

        min_w (1/2m)‖y − Xw − c‖² + alpha·(l1_ratio·Σ_j weights_j|w_j| + (1 − l1_ratio)/2·‖w‖²)

    `elastic_net(X, y, l1, l2)` is alpha·l1_ratio = l1/m, alpha·(1 − l1_ratio) = l2/m.

    Args: as for `Lasso`; l1_ratio in [0, 1]; weights scale the absolute values alone.

    >>> import numpy as np
    >>> X = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    >>> ElasticNet(alpha=0.1).fit(X, [0.0, 1.0, 2.0]).coef_.round(3)
    array([0.446, 0.446])
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-6,
        positive: bool = False,
        weights: Any = None,
        standardise: bool = False,
        warm_start: bool = False,
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
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
        family = net_family(self.l1_ratio, self.weights, self.positive)
        return Penalised(family, self.tol, self.fit_intercept, self.standardise, self.max_iter)


class ElasticNetCV(CrossValidated):
    """The elastic net with alpha, and l1_ratio among several, chosen by cross-validation (`elastic_net_cv`).

    Args: as for `LassoCV`; l1_ratio: a number in (0, 1], or several.

    After `fit`: as `LassoCV`, and l1_ratio_. With several ratios mse_path_ is (ratios, k, folds), and alphas_ (ratios,
    k) unless alphas were given.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 5))
    >>> ElasticNetCV(alphas=10, l1_ratio=[0.5, 1.0]).fit(X, X[:, 2]).l1_ratio_
    1.0
    """

    def __init__(
        self,
        *,
        l1_ratio: Any = 0.5,
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
        self.l1_ratio = l1_ratio
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

    @property
    def l1_ratio_(self) -> float | None:
        """The ratio that was chosen."""
        return self.selection_.curve.setting

    def _models(self, n: int) -> dict[float | None, Penalised]:
        options = self.tol, self.fit_intercept, self.standardise, self.max_iter
        ratios = np.atleast_1d(self.l1_ratio).tolist()
        return {ratio: Penalised(net_family(ratio, self.weights, self.positive), *options) for ratio in ratios}
