"""Which problem, penalty and solver suit the data: measured, tried, and said in words with the code to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import as_operator, as_signals
from ..problem.least_squares import widened
from .convex import basis_pursuit, group_lasso, lasso
from .design_facts import Facts, facts
from .greedy import omp, simultaneous_omp, subspace_pursuit
from .penalty_cv import elastic_net_cv, group_lasso_cv, lasso_cv
from .trials import Verdict, grouped_trials, judged, many_trials, single_trials

__all__ = ["Advice", "Suggestion", "advise"]

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "basis_pursuit": basis_pursuit,
    "elastic_net_cv": elastic_net_cv,
    "group_lasso": group_lasso,
    "group_lasso_cv": group_lasso_cv,
    "lasso": lasso,
    "lasso_cv": lasso_cv,
    "omp": omp,
    "simultaneous_omp": simultaneous_omp,
    "subspace_pursuit": subspace_pursuit,
}
SAMPLED = 48  # signals of many that are tried
EXACT = {torch.float32: 1e-4, torch.float64: 1e-8}  # of ‖b‖: a residual that is rounding
FEW = 0.75  # of m: basis pursuit of noise has m nonzeros, of a sparse signal fewer
LARGEST = 1 << 28  # entries of A: 2 GB in float64, in which it is made dense
HEAVY = 5e9  # m²n from which basis pursuit is not tried


@dataclass(frozen=True, eq=False)
class Suggestion:
    """One way to solve the problem at hand.

    Args: problem: in words; function: of `gossamer.sparse`; arguments: beside A and b; reason; code: the call as text.
    """

    problem: str
    function: str
    arguments: Mapping[str, Any]
    reason: str
    code: str
    data: tuple[Any, Any] = field(repr=False)

    def run(self) -> Any:
        """Do it: what `function` returns, a Recovery or a Selection; both have `x`."""
        return FUNCTIONS[self.function](*self.data, **self.arguments)


@dataclass(frozen=True, eq=False)
class Advice:
    """What the data are like, and what to do with them, the best first. `print` it.

    Args: facts: what was measured; noise: standard deviation of what the first suggestion leaves unexplained, 0 where
        it explains all; suggestions; notes: what to mind.
    """

    facts: Facts
    noise: float
    suggestions: tuple[Suggestion, ...]
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Suggestion:
        """The best."""
        return self.suggestions[0]

    def __str__(self) -> str:
        lines = [str(self.facts), "no noise was found" if not self.noise else f"noise of about {self.noise:.3g}"]
        for place, one in enumerate(self.suggestions, 1):
            lines += [f"{place}. {one.problem}: {one.reason}", f"   {one.code}"]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def advise(A: Any, b: Any, *, groups: Sequence[int] | Tensor | None = None, seed: int = 0) -> Advice:
    """Say which problem and solver find the support of x in b ≈ Ax, and with which parameters.

    A signal that few columns explain to rounding is a problem without noise: the sparser of OMP and basis pursuit.
    Otherwise OMP by correlation and by residual, subspace pursuit and the Lasso (of many signals: OMP, simultaneous OMP
    and coding by the Lasso; with groups: the group Lasso) are tried, and the supports along their ways compared by the
    extended BIC,

        ‖b − Ax‖²/σ² + log(m)·df + 2·log(number of supports like it),   x least squares on the support,

    at the largest σ that agrees with itself (`trials.judged`). So advice is a model selection, made once on these
    data: it costs about ten paths, and a few seconds at 200 × 5000. Nothing is centred; see `notes`.

    Args:
        A, b: as for `lasso`; of more than 48 signals as many are sampled.
        groups: (n,), where columns come in known groups that are used or left out together, for one signal.
        seed: of folds and samples.
    Returns: an Advice; `advice.first.run()` does what it says first. What predicts best is said too, for it is often
        another model than the true support.
    Raises: DataError on shapes, types, NaN, groups with many signals, or an A of more than 268 million entries.

    >>> A = torch.randn(40, 80, generator=torch.Generator().manual_seed(0))
    >>> advice = advise(A, A[:, 3] * 2 - A[:, 50])
    >>> advice.first.code
    'x = gossamer.sparse.omp(A, b, tol=0.0001).x'
    >>> advice.first.run().x.nonzero().flatten()
    tensor([ 3, 50])

    Source: Chen and Chen 2008 (extended BIC).
    """
    operator = as_operator(A)
    b = as_signals(b, operator.dtype)
    m, n = operator.shape
    if b.ndim not in (1, 2) or b.shape[-1] != m or not b.numel() or b.dtype != operator.dtype:
        raise DataError(f"b is {b.dtype} of shape {tuple(b.shape)}; give {operator.dtype}, ({m},) or (signals, {m})")
    if groups is not None and b.ndim == 2:
        raise DataError("groups are for one signal; call advise for a row of b")
    if m * n > LARGEST:
        raise DataError(f"A has {m * n:.2g} entries, more than {LARGEST:.2g} are not tried; give some rows and columns")
    if m < 8:
        raise DataError(f"A has {m} samples; from fewer than 8 nothing can be told")
    with torch.no_grad():
        return _advised(_Given(A, b), widened(operator).dense(), groups, seed)


@dataclass(frozen=True, eq=False)
class _Given:
    """The user's own A and b, which suggestions are run with."""

    A: Any
    b: Tensor

    def suggestion(self, problem: str, function: str, arguments: Mapping[str, Any], reason: str) -> Suggestion:
        words = ", ".join(["A, b", *(f"{name}={_written(name, value)}" for name, value in arguments.items())])
        return Suggestion(
            problem, function, arguments, reason, f"x = gossamer.sparse.{function}({words}).x", (self.A, self.b)
        )


def _written(name: str, value: Any) -> str:
    tensors = {"weights": "A.norm(dim=0)", "groups": "groups"}
    return tensors[name] if name in tensors else repr(value)


def _advised(given: _Given, A: Tensor, groups: Sequence[int] | Tensor | None, seed: int) -> Advice:
    b = given.b.detach().double().reshape(-1, A.shape[0])
    some = torch.randperm(len(b), generator=torch.Generator().manual_seed(seed))[:SAMPLED].sort().values
    b = b[some][b[some].any(-1)]
    if not len(b):
        raise DataError("b is zero; there is nothing to explain")
    seen = facts(as_operator(A), b, seed)
    notes = () if seen.centred else ("means are large: centre A and b (A - A.mean(0), b - b.mean()), then ask again",)
    exact = _exact(given, A, b) if groups is None else []
    if exact:
        return Advice(seen, 0.0, tuple(exact), notes)
    weights = A.norm(dim=0) if seen.uneven else None
    if groups is not None:
        trials, noise = grouped_trials(A, b[0], torch.as_tensor(groups))
    elif given.b.ndim == 2 and len(b) > 1:
        trials, noise = many_trials(A, b)
    else:
        trials, noise = single_trials(A, b[0], weights)
    verdicts, noise = judged(trials, A, b, noise)
    ways = [_of(given, verdict, verdicts[0], seen) for verdict in verdicts]
    if verdicts[0].nonzeros == 0:
        notes = (*notes, "no column stands out of the noise: the first suggestion finds no support")
    return Advice(seen, noise**0.5, (*ways, *_predicting(given, seen, groups, weights)), notes)


def _exact(given: _Given, A: Tensor, b: Tensor) -> list[Suggestion]:
    """What explains a few signals to rounding by few columns, the sparsest first."""
    m, n = A.shape
    tol = EXACT[given.b.dtype]
    b = b[:8]
    ways: list[tuple[float, Suggestion]] = []
    greedy = omp(A, b, max(1, min(m // 2, n)), tol=tol)
    norms = torch.linalg.vector_norm(b, dim=-1)
    if bool((greedy.residual <= tol * norms).all()):
        count = float((greedy.x != 0).sum()) / len(b)
        reason = f"{count:g} columns explain b to rounding; Ax = b is solved by one column at a time"
        ways.append((count, given.suggestion("fewest nonzeros with Ax = b", "omp", {"tol": tol}, reason)))
    if m * m * n <= HEAVY and m < n:
        found = basis_pursuit(A, b)
        count = float((found.x != 0).sum()) / len(b)
        if bool((found.residual <= tol * norms).all()) and count <= FEW * m:
            reason = f"{count:g} columns explain b to rounding, where noise would take {m}; convex, with a certificate"
            ways.append((count, given.suggestion("least sum of sizes with Ax = b", "basis_pursuit", {}, reason)))
    return [suggestion for _, suggestion in sorted(ways, key=lambda way: way[0])]


def _of(given: _Given, verdict: Verdict, best: Verdict, seen: Facts) -> Suggestion:
    """A verdict as a suggestion."""
    trial, setting = verdict.trial, dict(verdict.trial.settings[verdict.level])
    every = "" if seen.signals == 1 else " a signal"
    above = verdict.score - best.score
    apart = "the best criterion" if verdict is best else f"criterion {above:.3g} above the first"
    apart = "as good as the first" if verdict is not best and not above else apart
    words = {
        "omp": "values are least squares, not shrunk",
        "subspace_pursuit": "columns were taken back where others together fit better; values are not shrunk",
        "simultaneous_omp": "values are least squares on a support that all signals share",
        "lasso": "convex, with a certificate; values are shrunk, so fit them again on the support",
        "group_lasso": "groups come in as a whole; values are shrunk, so fit them again on the support",
    }[trial.function]
    if setting.get("rule") == "residual" and seen.twins:
        words += "; columns are alike, so the one that lowers the residual most is taken"
    reason = f"{apart}, {verdict.nonzeros:.3g} nonzeros{every}; {words}"
    return given.suggestion(trial.problem, trial.function, setting, reason)


def _predicting(
    given: _Given, seen: Facts, groups: Sequence[int] | Tensor | None, weights: Tensor | None
) -> list[Suggestion]:
    """What to take when prediction matters and not the support. Columns that are nearly the same share their weight."""
    if seen.signals > 1:
        return []
    reason = "for prediction: chosen by cross-validation, it keeps more columns than matter"
    extra = {} if weights is None else {"weights": weights.to(given.b)}
    if groups is not None:
        way = given.suggestion("the group Lasso that predicts best", "group_lasso_cv", {"groups": groups}, reason)
    elif seen.twins:
        reason += "; columns that are nearly the same stay together"
        way = given.suggestion("the elastic net that predicts best", "elastic_net_cv", extra, reason)
    else:
        way = given.suggestion("the Lasso that predicts best", "lasso_cv", extra, reason)
    return [way]
