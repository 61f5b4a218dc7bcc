"""The best of one or several grids by cross-validation, fitted to all samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .cross_validation import Rule, Selection, cross_validate
from .folds import as_folds
from .path import levels_of
from .penalised import Penalised
from .samples import samples_of

__all__ = ["Search"]


@dataclass(frozen=True)
class Search:
    """Which penalties to try, on which folds, and which to take; the arguments of `lasso_cv`."""

    penalties: Any = None
    count: int = 100
    ratio: float = 1e-2
    folds: int | Iterable[tuple[Any, Any]] = 5
    seed: int = 0
    rule: Rule = "min"

    def over(self, models: Mapping[float | None, Penalised], A: Any, b: Any, sample_weights: Any = None) -> Selection:
        """The best model of all settings; `rule` moves along its own grid alone.

        Args: models: a family of penalties for each setting.
        """
        A, b = samples_of(A, b, sample_weights)
        folds = as_folds(self.folds, int(A.shape[0]), self.seed)
        curves = []
        for setting, model in models.items():
            first = partial(model.first, A, b, sample_weights)
            levels = levels_of(self.penalties, first, self.count, self.ratio)
            curves.append(
                cross_validate(model.coefficients, A, b, levels, folds, sample_weights=sample_weights, setting=setting)
            )
        curve = min(curves, key=lambda one: float(one.mean[one.best]))
        index = curve.chosen(self.rule)
        level = float(curve.levels[index])
        return Selection(models[curve.setting].fit(A, b, level, sample_weights), level, index, curve, tuple(curves))
