"""Penalties chosen by cross-validation: the Lasso and its kin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from ..errors import DataError
from .cross_validation import Rule, Selection
from .families import group_family, l1_family, net_family, task_family
from .penalised import Penalised
from .search import Search

__all__ = ["elastic_net_cv", "group_lasso_cv", "lasso_cv", "multitask_lasso_cv"]

Folds = int | Iterable[tuple[Any, Any]]


def lasso_cv(
    A: Any,
    b: Any,
    penalties: Any = None,
    *,
    folds: Folds = 5,
    seed: int = 0,
    rule: Rule = "min",
    count: int = 100,
    ratio: float = 1e-2,
    tol: float = 1e-6,
    weights: Any = None,
    nonnegative: bool = False,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    max_steps: int | None = None,
) -> Selection:
    """The Lasso at the penalty that predicts best.

        λ* = argmin_λ mean_f ‖A_f x_f(λ) + c_f − b_f‖²/m_f,   x_f fitted without the samples of fold f

    Args:
        A, b, tol, weights, nonnegative, intercept, sample_weights: as for `lasso`; b (m,). max_steps: of each fit.
        penalties, count, ratio: the common grid, as for `lasso_path`; a fold that is fitted to a share of the samples
            takes that share of each penalty, so that the penalty for each sample is the same.
        folds: a number, shuffled by `seed`, or pairs (train, test): `group_folds`, `time_folds`, one's own.
        rule: "min", or "1se": the largest penalty whose error is within one standard error of the least.
        standardise: penalise columns as if each had a mean square of 1 (about its mean, with an intercept), measured in
            each training set by itself.
    Returns: a Selection: `x` fitted to all samples, `level` the penalty, `curve` the errors of all folds.
    Raises: DataError on shapes, types, NaN, or folds that do not fit.

    >>> import torch
    >>> A = torch.eye(6).repeat(3, 1)
    >>> found = lasso_cv(A, A @ torch.tensor([3.0, 0, 0, 0, 0, 0]), folds=3, count=5)
    >>> found.index, found.curve.errors.shape, found.x.nonzero().tolist()
    (4, torch.Size([3, 5]), [[0]])
    """
    model = Penalised(l1_family(weights, nonnegative), tol, intercept, standardise, max_steps)
    return Search(penalties, count, ratio, folds, seed, rule).over({None: model}, A, b, sample_weights)


def elastic_net_cv(
    A: Any,
    b: Any,
    penalties: Any = None,
    *,
    l1_ratios: Sequence[float] = (0.5,),
    folds: Folds = 5,
    seed: int = 0,
    rule: Rule = "min",
    count: int = 100,
    ratio: float = 1e-2,
    tol: float = 1e-6,
    weights: Any = None,
    nonnegative: bool = False,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    max_steps: int | None = None,
) -> Selection:
    """The elastic net at the penalty and l1 ratio that predict best.

        min_x ½‖Ax − b‖² + p·(ρ·Σ_j w_j|x_j| + (1 − ρ)/2·‖x‖²)

    Args: as for `lasso_cv`; l1_ratios: ρ in (0, 1], each with its own grid of p. `rule` "1se" moves along p alone.
    Returns: a Selection: `level` is p, `curve.setting` is ρ, `curves` has one for each ρ.

    >>> import torch
    >>> A = torch.eye(6).repeat(3, 1)
    >>> b = A @ torch.tensor([3.0, 0, 0, 0, 0, 0])
    >>> elastic_net_cv(A, b, l1_ratios=[0.5, 1.0], folds=3, count=5).curve.setting
    1.0
    """
    if not l1_ratios or min(l1_ratios) <= 0:
        raise DataError(f"l1_ratios are {list(l1_ratios)}; give numbers above 0 and up to 1, since 0 selects nothing")
    options = tol, intercept, standardise, max_steps
    models: dict[float | None, Penalised] = {
        share: Penalised(net_family(share, weights, nonnegative), *options) for share in l1_ratios
    }
    return Search(penalties, count, ratio, folds, seed, rule).over(models, A, b, sample_weights)


def group_lasso_cv(
    A: Any,
    b: Any,
    groups: Sequence[int] | Tensor,
    penalties: Any = None,
    *,
    l1_ratio: float = 0.0,
    folds: Folds = 5,
    seed: int = 0,
    rule: Rule = "min",
    count: int = 50,
    ratio: float = 1e-2,
    tol: float = 1e-6,
    weights: Any = None,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    max_steps: int | None = None,
) -> Selection:
    """The group Lasso, or the sparse-group Lasso, at the penalty that predicts best.

        min_x ½‖Ax − b‖² + p·(ρ·‖x‖₁ + (1 − ρ)·Σ_g w_g‖x_g‖₂)

    Args: as for `lasso_cv` and `group_lasso`; l1_ratio: ρ in [0, 1), 0 for the group Lasso.

    >>> import torch
    >>> A = torch.eye(6).repeat(3, 1)
    >>> b = A @ torch.tensor([3.0, 2.0, 0, 0, 0, 0])
    >>> group_lasso_cv(A, b, [0, 0, 1, 1, 2, 2], folds=3, count=5).x.nonzero().flatten().tolist()
    [0, 1]
    """
    model = Penalised(group_family(groups, weights, l1_ratio), tol, intercept, standardise, max_steps)
    return Search(penalties, count, ratio, folds, seed, rule).over({None: model}, A, b, sample_weights)


def multitask_lasso_cv(
    A: Any,
    b: Any,
    penalties: Any = None,
    *,
    folds: Folds = 5,
    seed: int = 0,
    rule: Rule = "min",
    count: int = 50,
    ratio: float = 1e-2,
    tol: float = 1e-6,
    weights: Any = None,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    max_steps: int | None = None,
) -> Selection:
    """The multi-task Lasso at the penalty that predicts best, all tasks counting alike.

    Args: as for `lasso_cv` and `multitask_lasso`; b (tasks, m).

    >>> import torch
    >>> A = torch.eye(4).repeat(3, 1)
    >>> b = torch.tensor([[3.0, 0, 0, 0], [2.0, 0, 0, 0]]) @ A.T
    >>> multitask_lasso_cv(A, b, folds=3, count=5).x.shape
    torch.Size([2, 4])
    """
    model = Penalised(task_family(weights), tol, intercept, standardise, max_steps)
    return Search(penalties, count, ratio, folds, seed, rule).over({None: model}, A, b, sample_weights)
