"""Cross-validation of any path: one path for each fold over one common grid, and how well each model predicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import as_operator
from ..solvers import Recovery
from .folds import as_folds
from .samples import samples_of, take_rows

__all__ = ["Curve", "Loss", "PathFit", "Rule", "Selection", "cross_validate", "squared_error"]

Rule = Literal["min", "1se"]
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]  # (prediction, target, shares of the samples) ↦ an error a level


class PathFit(Protocol):
    """Fits all levels of a grid to some samples.

    Returns x (levels, n) and the intercepts (levels,), or (levels, tasks, n) and (levels, tasks); None without one.
    """

    def __call__(
        self, A: Any, b: Tensor, levels: Tensor, sample_weights: Tensor | None, /
    ) -> tuple[Tensor, Tensor | None]: ...


@dataclass(frozen=True, eq=False)
class Curve:
    """Prediction errors along a grid that begins with the simplest model.

    Args: levels (k,): penalties, or counts of nonzeros; errors (folds, k), float64: the loss on each fold's test set;
        setting: what was fixed along this grid (an l1 ratio), if anything.
    """

    levels: Tensor
    errors: Tensor
    setting: float | None = None

    @property
    def mean(self) -> Tensor:
        """Over folds, each of which counts once: (k,)."""
        return self.errors.mean(0)

    @property
    def standard_error(self) -> Tensor:
        """Of that mean: the folds' standard deviation (with folds − 1) over √folds. (k,)"""
        return self.errors.std(0) / sqrt(len(self.errors))

    @property
    def best(self) -> int:
        """The level of least mean error; the simplest of equals."""
        return int(self.mean.argmin())

    @property
    def simplest(self) -> int:
        """The simplest level whose mean error is within one standard error of the best: the one-standard-error rule.

        Source: Breiman, Friedman, Olshen and Stone 1984; Hastie, Tibshirani and Friedman 2009, section 7.10.
        """
        bound = self.mean[self.best] + self.standard_error[self.best]
        return int((self.mean <= bound).nonzero()[0])

    def chosen(self, rule: Rule) -> int:
        """Raises: DataError on a rule that is neither "min" nor "1se", or on errors that are not finite."""
        if rule not in ("min", "1se"):
            raise DataError(f"rule is {rule!r}; give 'min', or '1se' for the simplest within one standard error")
        if not bool(torch.isfinite(self.errors).all()):
            raise DataError("some test error is not finite; the loss does not suit the data, or a fit diverged")
        return self.best if rule == "min" else self.simplest


@dataclass(frozen=True, eq=False)
class Selection:
    """A model chosen by cross-validation and fitted to all samples.

    Args: recovery: that fit; level: its penalty or count; index: where that stands in `curve`; curve: the errors along
        its grid; curves: those along all grids that were tried.
    """

    recovery: Recovery
    level: float
    index: int
    curve: Curve
    curves: tuple[Curve, ...]

    @property
    def x(self) -> Tensor:
        """(n,), or (tasks, n)."""
        return self.recovery.x


def squared_error(prediction: Tensor, target: Tensor, shares: Tensor) -> Tensor:
    """Mean squared error, over samples by their shares and over tasks alike. prediction (k, *tasks, samples) → (k,)."""
    errors: Tensor = ((prediction - target) ** 2) @ shares
    return errors.reshape(len(prediction), -1).mean(-1)


def cross_validate(
    path: PathFit,
    A: Any,
    b: Any,
    levels: Any,
    folds: int | Iterable[tuple[Any, Any]] = 5,
    *,
    loss: Loss = squared_error,
    sample_weights: Any = None,
    scaled: bool = True,
    seed: int = 0,
    setting: float | None = None,
) -> Curve:
    """The error of every level on samples that took no part in its fit.

        errors_{f,l} = loss(A_test x + c, b_test),   (x, c) fitted at level l to the training samples of fold f

    Everything that is learned from data (centres, scales, x) is learned from the training samples inside `path`.

    Args:
        path: fits a whole grid at once, warm from level to level; `Penalised(...)`'s, or a function of one's own.
        A, b: as for `lasso`; b (m,), or (tasks, m) where the tasks are one problem.
        levels: (k,), the same for all folds, from the simplest model on.
        folds: a number, shuffled by `seed`, or pairs (train, test): `k_folds`, `group_folds`, `time_folds`.
        loss: on the linear predictor, float64; `shares` are the test samples' weights, of sum 1.
        scaled: multiply the levels by the training samples' share of all weight, since the objective is a sum over
            samples: the penalty for each sample stays what it is. False for counts.
    Raises: DataError where folds and data do not fit.

    >>> b = torch.tensor([2.0, 0.0, 2.0, 0.0])
    >>> def constant(A, b, levels, sample_weights):
    ...     return torch.zeros(len(levels), A.shape[1]), levels * b.mean()
    >>> curve = cross_validate(constant, torch.eye(4), b, torch.tensor([0.0, 1.0]), 2, scaled=False)
    >>> curve.errors.shape, curve.best
    (torch.Size([2, 2]), 1)
    """
    A, b = samples_of(A, b, sample_weights)
    m, levels = int(A.shape[0]), torch.as_tensor(levels, dtype=torch.float64)
    if b.shape[-1] != m:
        raise DataError(f"b has shape {tuple(b.shape)}; A has {m} samples, so give ({m},) or (tasks, {m})")
    weights = None if sample_weights is None else torch.as_tensor(sample_weights, dtype=torch.float64)
    mass = torch.ones(m, dtype=torch.float64) if weights is None else weights
    errors = []
    for train, test in as_folds(folds, m, seed):
        share = float(mass[train].sum() / mass.sum()) if scaled else 1.0
        some = None if weights is None else weights[train]
        x, intercept = path(take_rows(A, train), b[..., train], levels * share, some)
        prediction = as_operator(take_rows(A, test)).mv(x).double()
        if intercept is not None:
            prediction = prediction + intercept.double().unsqueeze(-1)
        errors.append(loss(prediction, b[..., test].double(), mass[test] / mass[test].sum()))
    return Curve(levels, torch.stack(errors), setting)
