"""The multi-task Lasso with scikit-learn's face."""

from __future__ import annotations

from typing import Any

from ..families import task_family
from ..penalised import Penalised
from .cross_validated import CrossValidated
from .regressor import PenalisedRegressor

__all__ = ["MultiTaskLasso", "MultiTaskLassoCV"]


class MultiTaskLasso(PenalisedRegressor):
    """Linear regression of several targets by the same few columns.

        min_W (1/2m)‖Y − XW' − c‖²_F + alpha·Σ_j weights_j‖column j of W‖₂,   W (tasks, n)

    `multitask_lasso(X, Y.T, penalty)` is alpha = penalty/m.

    Args: as for `Lasso`; max_iter: iterations of the solver.

    Y is (m, tasks). After `fit`: coef_ (tasks, n), intercept_ (tasks,); one n_iter_, dual_gap_ and status_.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> model = MultiTaskLasso(alpha=0.1).fit(X, np.stack([X[:, 0], X[:, 0] - X[:, 2]], axis=1))
    >>> (model.coef_ != 0).astype(int)
    array([[1, 0, 1, 0],
           [1, 0, 1, 0]])
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        max_iter: int = 20_000,
        tol: float = 1e-6,
        weights: Any = None,
        standardise: bool = False,
        warm_start: bool = False,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.weights = weights
        self.standardise = standardise
        self.warm_start = warm_start

    @property
    def _targets(self) -> str:
        return "many"

    def _model(self, n: int) -> Penalised:
        family = task_family(self.weights)
        return Penalised(family, self.tol, self.fit_intercept, self.standardise, self.max_iter)


class MultiTaskLassoCV(CrossValidated):
    """The multi-task Lasso with alpha chosen by cross-validation (`multitask_lasso_cv`), all tasks counting alike.

    Args: as for `LassoCV` and `MultiTaskLasso`.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> model = MultiTaskLassoCV(alphas=5, cv=3).fit(X, np.stack([X[:, 0], X[:, 0] - X[:, 2]], axis=1))
    >>> model.coef_.shape, model.mse_path_.shape
    ((2, 4), (5, 3))
    """

    def __init__(
        self,
        *,
        eps: float = 1e-3,
        alphas: Any = 50,
        cv: Any = None,
        rule: str = "min",
        fit_intercept: bool = True,
        max_iter: int = 20_000,
        tol: float = 1e-6,
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
        self.weights = weights
        self.standardise = standardise

    @property
    def _targets(self) -> str:
        return "many"

    def _models(self, n: int) -> dict[float | None, Penalised]:
        family = task_family(self.weights)
        return {None: Penalised(family, self.tol, self.fit_intercept, self.standardise, self.max_iter)}
