"""Sparse regression that wild samples do not pull along, and of counts, with scikit-learn's face."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin

from ...problem import Loss
from ...problem.losses import Huber, Poisson
from ..losses import penalised_loss
from .given import Given, check_alpha
from .regressor import LinearModel, plain

__all__ = ["HuberLasso", "PoissonLasso"]


class _LossRegressor(RegressorMixin, LinearModel):  # type: ignore[misc]
    """A loss of the linear predictor, averaged over samples, with the Lasso's penalty."""

    alpha: float
    fit_intercept: bool
    max_iter: int
    tol: float
    weights: Any
    standardise: bool

    @abstractmethod
    def _loss(self) -> Loss:
        """Of one sample, as the functions take it."""

    @property
    def _targets(self) -> str:
        return "one"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Args: X (m, n), dense or scipy sparse; y (m,); sample_weight (m,) ≥ 0, or one number."""
        given = Given.of(self, X, y, sample_weight, targets=self._targets)
        found = penalised_loss(
            given.X,
            given.b,
            self._loss(),
            check_alpha(self.alpha) * given.mass,
            intercept=self.fit_intercept,
            tol=self.tol,
            max_steps=self.max_iter,
            weights=self.weights,
            standardise=self.standardise,
            sample_weights=given.weights,
        )
        self._take(found, given)
        if found.gap is not None:
            self.gap_ = plain(found.gap)
        return self


class HuberLasso(_LossRegressor):
    """Linear regression with few nonzero coefficients, whatever a few wild samples say.

        min_w (1/m)Σ_i H(x_i'w + c − y_i) + alpha·Σ_j weights_j|w_j|,  H(r) = ½r² to |r| = delta, straight beyond

    `huber(X, y, penalty, delta=delta)` is alpha = penalty/m. With delta → ∞ it is `Lasso`.

    Args: as for `Lasso`; delta > 0 in the units of y: the residual from which on a sample pulls no harder. 1.345 suits
        noise of deviation 1.

    After `fit`: coef_ (n,), intercept_, n_iter_, status_, gap_ (the relative duality gap).

    >>> X = np.random.default_rng(0).normal(size=(60, 5))
    >>> y = X[:, 2] + 1000.0 * (np.arange(60) == 7)
    >>> np.flatnonzero(HuberLasso(alpha=0.1).fit(X, y).coef_)
    array([2])
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        delta: float = 1.345,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-6,
        weights: Any = None,
        standardise: bool = False,
    ) -> None:
        self.alpha = alpha
        self.delta = delta
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.weights = weights
        self.standardise = standardise

    def _loss(self) -> Loss:
        return Huber(self.delta)

    def predict(self, X: Any) -> Any:
        """X coef_ + intercept_, (m,)."""
        return self._linear(X)


class PoissonLasso(_LossRegressor):
    """Counts explained by few columns that multiply their rate.

        min_w (1/m)Σ_i [exp z_i − y_i z_i] + alpha·Σ_j weights_j|w_j|,  z = Xw + c

    `poisson(X, y, penalty)` is alpha = penalty/m. scikit-learn's PoissonRegressor has the same loss and squares for a
    penalty.

    Args: as for `Lasso`; y ≥ 0.

    After `fit`: as `HuberLasso`. `predict` gives the rate, exp z.

    >>> X = np.random.default_rng(0).normal(size=(200, 5))
    >>> y = np.random.default_rng(1).poisson(np.exp(1 + X[:, 2]))
    >>> np.flatnonzero(PoissonLasso(alpha=0.5).fit(X, y).coef_)
    array([2])
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-6,
        weights: Any = None,
        standardise: bool = False,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.weights = weights
        self.standardise = standardise

    def _loss(self) -> Loss:
        return Poisson()

    def predict(self, X: Any) -> Any:
        """The expected count of each sample, exp(X coef_ + intercept_), (m,)."""
        return np.exp(self._linear(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags
