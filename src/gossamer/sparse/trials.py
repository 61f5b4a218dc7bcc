"""Ways to a support, tried on data: the supports along each way, judged by one criterion at one noise level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lgamma
from typing import Any

import torch
from torch import Tensor

from ..linop import Dense
from ..solvers.restricted import RestrictedFit
from .convex import sparse_encode
from .families import group_family
from .greedy import ALIKE, omp, simultaneous_omp, subspace_pursuit
from .information import information_criterion
from .lasso_path import lasso_path
from .omp_path import omp_cv, omp_path
from .penalised import Penalised
from .penalty_cv import group_lasso_cv, lasso_cv

__all__ = ["Trial", "Verdict", "grouped_trials", "judged", "many_trials", "single_trials"]

QUARTER = 4  # a greedy way goes as far as m/4 columns: beyond, what it adds to noise looks like signal
DEEPEST = 40  # and no further than this
LEVELS = 40  # of the penalty, down to this share of the first:
DEPTH = 0.03
TRIAL_TOL = 1e-4  # of the convex problems: supports, not values, are judged
LOOKS = 30  # rounds of noise level and choice


@dataclass(frozen=True, eq=False)
class Trial:
    """One way, at several settings.

    Args: problem: in words; function: its name in `gossamer.sparse`; settings: its arguments, one a level;
        x (levels, signals, n): least squares on the support that each setting found;
        choices (levels,): 2·log of how many supports of that size and structure there are.
    """

    problem: str
    function: str
    settings: Sequence[Mapping[str, Any]]
    x: Tensor
    choices: Tensor

    def scores(self, A: Tensor, b: Tensor, variance: float) -> Tensor:
        """The extended BIC with γ = 1 of each level, for a noise variance that is known, all signals together."""
        each = [
            information_criterion(A, row, self.x[:, i], criterion="bic", variance=variance).values
            for i, row in enumerate(b)
        ]
        return torch.stack(each).sum(0) + self.choices


@dataclass(frozen=True, eq=False)
class Verdict:
    """A trial's best level: where it is, its score, nonzeros for each signal in the mean, all at noise `variance`."""

    trial: Trial
    level: int
    score: float
    nonzeros: float


def judged(trials: Sequence[Trial], A: Tensor, b: Tensor, variance: float) -> tuple[list[Verdict], float]:
    """The best level of each trial, best trial first, and the noise variance at which they were judged.

    The variance starts from above, at what cross-validation leaves unexplained, and is estimated anew from the best
    model, ‖b − Ax‖²/(m − df), until the choice stays: the largest noise level that agrees with itself. Started from
    below, or left free in each model, it follows a greedy search into the noise when n is much larger than m.
    """
    seen: tuple[int, int] | None = None
    verdicts: list[Verdict] = []
    for _ in range(LOOKS):
        verdicts = []
        for trial in trials:
            scores = trial.scores(A, b, variance)
            level = int(scores.argmin())
            verdicts.append(Verdict(trial, level, float(scores[level]), _mean_count(trial.x[level])))
        place = min(range(len(trials)), key=lambda at: verdicts[at].score)
        if (place, verdicts[place].level) == seen:
            break
        seen = (place, verdicts[place].level)
        x = trials[place].x[verdicts[place].level]
        left = b.numel() - int((x != 0).sum())
        variance = max(float(((b - x @ A.mT) ** 2).sum()) / max(left, 1), 1e-20 * float((b**2).mean()) + 1e-300)
    return sorted(verdicts, key=lambda verdict: verdict.score), variance


def single_trials(A: Tensor, b: Tensor, weights: Tensor | None) -> tuple[list[Trial], float]:
    """One signal: both kinds of OMP, subspace pursuit and the Lasso; and the least cross-validated error of a sample.

    Subspace pursuit can take a column back, and asks for norms that are nearly alike.
    """
    m, n = A.shape
    k = max(1, min(m // QUARTER, n, DEEPEST))
    errors = [omp_cv(A, b, k).curve.mean.min()]
    trials = []
    settings: list[dict[str, Any]]
    for rule in ("correlation", "residual"):
        x = omp_path(A, b, k, rule=rule).x
        settings = [{"k": count, **({"rule": rule} if rule != "correlation" else {})} for count in range(1, k + 1)]
        trials.append(Trial("least squares with k nonzeros", "omp", settings, x.unsqueeze(1), _column_choices(x, n)))
    norms = A.norm(dim=0)
    if float(norms.max()) <= ALIKE * float(norms.min()):
        x = torch.stack([subspace_pursuit(A, b, count).x for count in range(1, k + 1)])
        settings = [{"k": count} for count in range(1, k + 1)]
        words = "least squares with k nonzeros"
        trials.append(Trial(words, "subspace_pursuit", settings, x.unsqueeze(1), _column_choices(x, n)))
    curve = lasso_cv(A, b, count=LEVELS, ratio=DEPTH, tol=TRIAL_TOL, weights=weights).curve
    errors.append(curve.mean.min())
    x = lasso_path(A, b, curve.levels, tol=TRIAL_TOL, weights=weights).x
    x, kept = _small(x, m // 2)
    extra = {} if weights is None else {"weights": weights}
    settings = [{"penalty": _short(curve.levels[at]), **extra} for at in kept]
    x = _refitted(A, b, x)
    trials.append(Trial("the Lasso", "lasso", settings, x.unsqueeze(1), _column_choices(x, n)))
    return trials, float(min(errors))


def grouped_trials(A: Tensor, b: Tensor, groups: Tensor) -> tuple[list[Trial], float]:
    """One signal over columns in groups: the group Lasso, whose supports are sets of groups."""
    curve = group_lasso_cv(A, b, groups, count=LEVELS, ratio=DEPTH, tol=TRIAL_TOL).curve
    x = Penalised(group_family(groups), TRIAL_TOL).path(A, b, curve.levels).x
    x, kept = _small(x, A.shape[0] // 2)
    settings = [{"penalty": _short(curve.levels[at]), "groups": groups} for at in kept]
    count = int(groups.max()) + 1
    active = [len(groups[row != 0].unique()) for row in x]
    choices = torch.tensor([2 * _log_choices(count, some) for some in active], dtype=torch.float64)
    trial = Trial("the group Lasso", "group_lasso", settings, _refitted(A, b, x).unsqueeze(1), choices)
    return [trial], float(curve.mean.min())


def many_trials(A: Tensor, b: Tensor) -> tuple[list[Trial], float]:
    """Many signals: OMP to a count and to a residual, simultaneous OMP, coding by the Lasso.

    The noise starts from the targets' own variance: samples of a dictionary are not alike, so none can be left out.
    """
    m, n = A.shape
    k = max(1, min(m // QUARTER, n, DEEPEST))
    counts = range(1, k + 1)
    x = torch.stack([omp(A, b, count).x for count in counts])
    words = "least squares with few nonzeros for each signal"
    trials = [Trial(words, "omp", [{"k": count} for count in counts], x, _column_choices(x, n))]
    tols = torch.logspace(-0.3, -2, 18, dtype=torch.float64)
    reached = torch.linalg.vector_norm(b - x @ A.mT, dim=-1) / torch.linalg.vector_norm(b, dim=-1).clamp(min=1e-300)
    stop = (reached.unsqueeze(0) > tols[:, None, None]).sum(1).clamp(max=k - 1)
    at_tol = x[stop, torch.arange(len(b))]
    trials.append(Trial(words, "omp", [{"tol": _short(tol)} for tol in tols], at_tol, _column_choices(at_tol, n)))
    shared = torch.stack([simultaneous_omp(A, b, count).x for count in counts])
    once = torch.tensor([2 * _log_choices(n, count) for count in counts], dtype=torch.float64)
    words = "least squares with one support for all signals"
    trials.append(Trial(words, "simultaneous_omp", [{"k": count} for count in counts], shared, once))
    levels = float((b @ A).abs().amax(-1).median()) * torch.logspace(0, -1.5, LEVELS // 2, dtype=torch.float64)
    codes = [sparse_encode(b, A, float(level), tol=TRIAL_TOL).x for level in levels]
    kept = [at for at, code in enumerate(codes) if int((code != 0).sum(-1).max()) <= m // 2]
    if kept:
        x = torch.stack([_refitted(A, b, codes[at]) for at in kept])
        settings = [{"penalty": _short(levels[at])} for at in kept]
        trials.append(Trial("coding by the Lasso", "lasso", settings, x, _column_choices(x, n)))
    return trials, float((b**2).mean())


def _short(value: Tensor) -> float:
    """As it is printed: a number of six digits can be copied, and moves a support no more than the grid does."""
    return float(f"{float(value):.6g}")


def _small(x: Tensor, most: int) -> tuple[Tensor, list[int]]:
    """The levels with at most so many nonzeros."""
    kept = [at for at, row in enumerate(x) if int((row != 0).sum()) <= most]
    return x[kept], kept


def _refitted(A: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """Least squares on the support of each row of x; b is one signal, or one for each row."""
    return RestrictedFit(Dense(A), once=True)(b.expand(len(x), -1), x != 0)


def _column_choices(x: Tensor, n: int) -> Tensor:
    """2·Σ log C(n, nonzeros), over signals. x (levels, n) or (levels, signals, n)."""
    counts = (x != 0).sum(-1).reshape(len(x), -1)
    table = torch.tensor([2 * _log_choices(n, count) for count in range(int(counts.max()) + 1)], dtype=torch.float64)
    return table[counts].sum(-1)


def _log_choices(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _mean_count(x: Tensor) -> float:
    return float((x != 0).sum()) / len(x)
