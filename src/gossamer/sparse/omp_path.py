"""Orthogonal matching pursuit at every count of nonzeros, and the count chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import Adjoint, Dense, Masked
from ..solvers import Ending, Recovery
from ..solvers.implicit import attach_fit
from ..solvers.omp import Rule as Choice, omp as pursue
from .checks import check_residual, check_rule
from .cross_validation import Rule, Selection, cross_validate
from .folds import as_folds
from .regression_data import RegressionData
from .samples import samples_of

__all__ = ["omp_among_useful", "omp_cv", "omp_path"]


def omp_path(
    A: Any,
    b: Any,
    k: int,
    *,
    rule: Choice = "correlation",
    intercept: bool = False,
    sample_weights: Any = None,
    tol: float | None = None,
) -> Recovery:
    """The solutions of `omp` with 1, 2, …, k nonzeros, from one pursuit.

    Args:
        A, intercept, sample_weights: as for `lasso`. Columns that are zero (constant, with an intercept) explain
            nothing and are never chosen. b (m,); k from 1 to min(m, n); tol, rule: as for `omp`.
    Returns: a Recovery whose row i has i + 1 nonzeros; where the pursuit ends early (tol is reached, or columns depend
        on each other) the last rows repeat. x takes part in autograd as that of `omp` does.
    Raises: DataError on shapes, types, NaN, or k.

    >>> omp_path(torch.eye(3), torch.tensor([0.0, 3.0, 1.0]), 2).x
    tensor([[0., 3., 0.],
            [0., 3., 1.]])
    """
    check_rule(rule)
    data = RegressionData.of(A, b, intercept=intercept, sample_weights=sample_weights)
    data.check_single()
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= min(data.A.shape):
        raise DataError(f"k is {k!r}; give an int from 1 to min(m, n) = {min(data.A.shape)}")
    if not bool(torch.isfinite(data.b).all()):
        raise DataError("b holds NaN or infinity; drop or fill those samples")
    if not bool(torch.isfinite(data.A.column_norms()).all() & torch.isfinite(torch.linalg.vector_norm(data.b))):
        raise DataError(f"squares of A or b leave the range of {data.b.dtype}; scale them, or give float64")
    rows = _nested(data, k, check_residual(tol), rule)
    if data.traced is not None:
        rows = [attach_fit(data.traced.A, data.traced.b, row) for row in rows]
    answers = [data.answer(row) for row in rows]
    return Recovery.stacked(answers + [answers[-1]] * (k - len(answers)))


def omp_cv(
    A: Any,
    b: Any,
    k: int | None = None,
    *,
    folds: int | Iterable[tuple[Any, Any]] = 5,
    seed: int = 0,
    rule: Rule = "min",
    choice: Choice = "correlation",
    intercept: bool = False,
    sample_weights: Any = None,
) -> Selection:
    """Orthogonal matching pursuit with the count of nonzeros that predicts best.

    Args:
        A, b, intercept, sample_weights, choice (`rule` there): as for `omp_path`.
        k: the largest count to try, up to the rank that the smallest training set allows, which with n/2 is the
            default; folds, seed, rule: as for `lasso_cv`, "1se" being the smallest count.
    Returns: a Selection whose `level` is the count.

    >>> A = torch.eye(4).repeat(3, 1)
    >>> found = omp_cv(A, A @ torch.tensor([3.0, 0.0, 0.0, 2.0]), 3, folds=3, rule="1se")
    >>> found.level, found.x.nonzero().flatten().tolist()
    (2.0, [0, 3])
    """
    check_rule(choice, "choice")
    A, b = samples_of(A, b, sample_weights)
    pairs = as_folds(folds, int(A.shape[0]), seed)
    most = min(min(len(train) for train, _ in pairs) - intercept, int(A.shape[1]))
    k = max(1, min(most, int(A.shape[1]) // 2)) if k is None else k
    if not 1 <= k <= most:
        raise DataError(f"k is {k}; the smallest training set and the columns allow 1 to {most}")

    def fit(some: Any, target: Tensor, levels: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
        found = omp_path(some, target, len(levels), rule=choice, intercept=intercept, sample_weights=weights)
        return found.x, found.intercept

    levels = torch.arange(1, k + 1, dtype=torch.float64)
    curve = cross_validate(fit, A, b, levels, pairs, sample_weights=sample_weights, scaled=False)
    index = curve.chosen(rule)
    whole = omp_path(A, b, index + 1, rule=choice, intercept=intercept, sample_weights=sample_weights)
    return Selection(whole.one(-1), float(index + 1), index, curve, (curve,))


def omp_among_useful(data: RegressionData, k: int, targets: Tensor, rule: Choice) -> Recovery:
    """`omp` of each row of data.b among the columns that can explain anything; the others stay at zero.

    Args: targets (signals,): residual norms at which to stop. k is lowered to the count of those columns; where there
        are none, x is zero and the ending says that no independent column is left.
    """
    n, useful = data.A.shape[1], ~data.blank
    if bool(useful.all()):
        return pursue(data.A, data.b, k, targets, rule)
    x, places = torch.zeros(len(data.b), n).to(data.b), useful.nonzero()[:, 0]
    if not len(places):
        size = torch.linalg.vector_norm(data.b, dim=-1)
        ending = torch.where(size <= targets, Ending.RESIDUAL_REACHED, Ending.DEPENDENT_COLUMN).to(torch.int8)
        return Recovery(x, ending, size, torch.zeros(len(x), dtype=torch.int64, device=x.device))
    among = data.A @ Adjoint(Masked(useful, data.A.dtype))
    found = pursue(among, data.b, min(k, len(places)), targets, rule)
    return replace(found, x=x.index_copy(1, places, found.x))


def _nested(data: RegressionData, k: int, tol: float, rule: Choice) -> list[Recovery]:
    """As far as the pursuit goes. It is run among all columns once, then among those that it chose for each count."""
    target = tol * torch.linalg.vector_norm(data.b, dim=-1)
    whole = omp_among_useful(data, k, target, rule)
    chosen = whole.x[0].nonzero()[:, 0]
    small, rows = Dense(data.A.columns(chosen)), []
    for count in range(1, len(chosen)):
        found = pursue(small, data.b, count, target, rule)
        rows.append(replace(found, x=torch.zeros_like(whole.x).index_copy(1, chosen, found.x)))
    return [*rows, whole]
