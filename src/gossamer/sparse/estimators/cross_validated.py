"""What regressors share that choose their alpha by cross-validation."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Integral
from typing import Any, Self

import numpy as np

from ...errors import DataError
from ..cross_validation import Selection
from ..penalised import Penalised
from ..search import Search
from .given import Given
from .regressor import LinearRegressor

__all__ = ["CrossValidated"]


class CrossValidated(LinearRegressor):
    """A search over alphas, for one setting or several. A subclass holds the parameters and names the penalties."""

    alphas: Any
    eps: float
    cv: Any
    rule: Any

    @abstractmethod
    def _models(self, n: int) -> dict[float | None, Penalised]:
        """For each setting that is tried (an l1 ratio), its family of penalties for n columns."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Choose, then fit all samples.

        Args: X, y, sample_weight: as for the estimator without CV; groups (m,): of samples, for a splitter by groups.
        """
        given = Given.of(self, X, y, sample_weight, targets=self._targets)
        search = Search(*self._grid(given.mass), folds=given.folds(self.cv, groups), rule=self.rule)
        found = search.over(self._models(given.X.shape[1]), given.X, given.b, given.weights)
        self._keep(found, given.mass)
        self._take(found.recovery, given)
        self._certify(found.recovery, given)
        return self

    def _grid(self, mass: float) -> tuple[Any, int, float]:
        """Penalties, or their count and reach."""
        if isinstance(self.alphas, Integral) and not isinstance(self.alphas, bool):
            return None, int(self.alphas), self.eps
        alphas = np.asarray(self.alphas, dtype=np.float64)
        if alphas.ndim != 1 or not len(alphas) or not (np.isfinite(alphas) & (alphas >= 0)).all():
            raise DataError(f"alphas are {self.alphas!r}; give a number of them, or finite numbers ≥ 0")
        return np.sort(alphas)[::-1] * mass, 1, 0.5

    def _keep(self, found: Selection, mass: float) -> None:
        """What the search has come to, in scikit-learn's scale and axes."""
        alphas = np.stack([curve.levels.numpy() / mass for curve in found.curves])
        paths = np.stack([curve.errors.numpy().T for curve in found.curves])
        one = len(found.curves) == 1 or not isinstance(self.alphas, Integral)
        self.alphas_ = alphas[0] if one else alphas
        self.mse_path_ = paths[0] if len(paths) == 1 else paths
        levels = found.curve.levels / mass
        self.alpha_ = found.level / mass
        self.alpha_min_, self.alpha_1se_ = float(levels[found.curve.best]), float(levels[found.curve.simplest])
        self.selection_ = found
