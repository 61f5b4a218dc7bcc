"""The group Lasso and the sparse-group Lasso, with scikit-learn's face."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError
from ..families import group_family
from ..penalised import Penalised
from .cross_validated import CrossValidated
from .regressor import PenalisedRegressor

__all__ = ["GroupLasso", "GroupLassoCV", "SparseGroupLasso", "SparseGroupLassoCV"]


def _labels(groups: Any, n: int) -> Tensor:
    """The group 0 … G − 1 of each column, in the order of the labels that were given."""
    if groups is None:
        return torch.arange(n)
    if isinstance(groups, Integral):
        if groups < 1 or n % int(groups):
            raise DataError(f"groups is {groups}; {n} columns are not a whole number of such groups, so give labels")
        return torch.arange(n) // int(groups)
    labels = np.asarray(groups)
    if labels.shape != (n,):
        raise DataError(f"groups has shape {labels.shape}; give a label for each of the {n} columns, or a group size")
    return torch.from_numpy(np.unique(labels, return_inverse=True)[1].astype(np.int64))


class GroupLasso(PenalisedRegressor):
    """Linear regression whose coefficients enter by groups.

        min_w (1/2m)‖y − Xw − c‖² + alpha·Σ_g weights_g‖w_g‖₂

    `group_lasso(X, y, penalty, groups)` is alpha = penalty/m.

    Args:
        groups: a label for each column (numbers or words); or the size of consecutive groups; None: every column by
            itself, which is the Lasso.
        weights (groups,): in the order of the sorted labels; default the square roots of the groups' sizes.
        max_iter: iterations of the solver. alpha, fit_intercept, tol, standardise, warm_start: as for `Lasso`.

    y and what is there after `fit`: as for `Lasso`.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> model = GroupLasso(alpha=0.1, groups=["a", "a", "b", "b"]).fit(X, X[:, 0] + X[:, 1])
    >>> (model.coef_ != 0).tolist()
    [True, True, False, False]
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        groups: Any = None,
        fit_intercept: bool = True,
        max_iter: int = 20_000,
        tol: float = 1e-6,
        weights: Any = None,
        standardise: bool = False,
        warm_start: bool = False,
    ) -> None:
        self.alpha = alpha
        self.groups = groups
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.weights = weights
        self.standardise = standardise
        self.warm_start = warm_start

    @property
    def _targets(self) -> str:
        return "any"

    def _model(self, n: int) -> Penalised:
        family = group_family(_labels(self.groups, n), self.weights)
        return Penalised(family, self.tol, self.fit_intercept, self.standardise, self.max_iter)


class SparseGroupLasso(PenalisedRegressor):
    """Linear regression with few groups, and few coefficients in each.

        min_w (1/2m)‖y − Xw − c‖² + alpha·(l1_ratio·‖w‖₁ + (1 − l1_ratio)·Σ_g weights_g‖w_g‖₂)

    `group_lasso(X, y, penalty, groups, l1=l1)` is alpha·l1_ratio = l1/m, alpha·(1 − l1_ratio) = penalty/m.

    Args: as for `GroupLasso`; l1_ratio in [0, 1].

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> model = SparseGroupLasso(alpha=0.1, groups=2).fit(X, X[:, 0])
    >>> (model.coef_ != 0).tolist()
    [True, False, False, False]
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        groups: Any = None,
        fit_intercept: bool = True,
        max_iter: int = 20_000,
        tol: float = 1e-6,
        weights: Any = None,
        standardise: bool = False,
        warm_start: bool = False,
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.groups = groups
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.weights = weights
        self.standardise = standardise
        self.warm_start = warm_start

    @property
    def _targets(self) -> str:
        return "any"

    def _model(self, n: int) -> Penalised:
        family = group_family(_labels(self.groups, n), self.weights, self.l1_ratio)
        return Penalised(family, self.tol, self.fit_intercept, self.standardise, self.max_iter)


class GroupLassoCV(CrossValidated):
    """The group Lasso with alpha chosen by cross-validation (`group_lasso_cv`).

    Args: as for `LassoCV` and `GroupLasso`. `groups` here are of columns; `fit(…, groups=…)` are of samples.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> model = GroupLassoCV(groups=2, alphas=5, cv=3).fit(X, X[:, 0] + X[:, 1])
    >>> model.mse_path_.shape, (model.coef_[:2] != 0).all()
    ((5, 3), np.True_)
    """

    def __init__(
        self,
        *,
        groups: Any = None,
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
        self.groups = groups
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
        return "one"

    def _models(self, n: int) -> dict[float | None, Penalised]:
        family = group_family(_labels(self.groups, n), self.weights)
        return {None: Penalised(family, self.tol, self.fit_intercept, self.standardise, self.max_iter)}


class SparseGroupLassoCV(CrossValidated):
    """The sparse-group Lasso with alpha, and l1_ratio among several, chosen by cross-validation.

    Args: as for `GroupLassoCV`; l1_ratio: a number in [0, 1], or several.

    After `fit`: as `ElasticNetCV`.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> SparseGroupLassoCV(groups=2, alphas=5, cv=3, l1_ratio=[0.1, 0.9]).fit(X, X[:, 0]).mse_path_.shape
    (2, 5, 3)
    """

    def __init__(
        self,
        *,
        l1_ratio: Any = 0.5,
        groups: Any = None,
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
        self.l1_ratio = l1_ratio
        self.groups = groups
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
        return "one"

    @property
    def l1_ratio_(self) -> float | None:
        """The ratio that was chosen."""
        return self.selection_.curve.setting

    def _models(self, n: int) -> dict[float | None, Penalised]:
        labels, ratios = _labels(self.groups, n), np.atleast_1d(self.l1_ratio).tolist()
        options = self.tol, self.fit_intercept, self.standardise, self.max_iter
        return {ratio: Penalised(group_family(labels, self.weights, ratio), *options) for ratio in ratios}
