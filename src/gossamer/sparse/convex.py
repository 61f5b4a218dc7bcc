"""Sparse regression and coding by convex problems, each answer with its duality gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError, StructureError, did_you_mean
from ..problem import LeastSquares, Pursuit
from ..solvers import CONVEX, PURSUIT, Recovery
from ..terms import L1, BoxedL1, ElasticNet, Group, MultiTask, Penalty, SeparablePenalty, SparseGroup
from .regression_data import RegressionData

__all__ = [
    "basis_pursuit",
    "elastic_net",
    "group_lasso",
    "lasso",
    "max_penalty",
    "multitask_lasso",
    "solved",
    "sparse_encode",
]

SMALL = 1024  # columns up to which the whole Gram matrix serves a batch best
MANY = 8  # signals from which a batch is one


def lasso(
    A: Any,
    b: Any,
    penalty: float,
    *,
    tol: float = 1e-6,
    weights: Any = None,
    nonnegative: bool = False,
    bounds: tuple[float, float] | None = None,
    intercept: bool = False,
    sample_weights: Any = None,
    solver: str | None = None,
    x0: Tensor | None = None,
) -> Recovery:
    """Fit b by few columns of A.

        min_x ½ Σ_i s_i (a_i'x + c − b_i)² + penalty·Σ_j w_j|x_j|

    There is no 1/m: scikit-learn's Lasso(alpha) is penalty = m·alpha, its sparse_encode(alpha) is penalty = alpha.

    Args:
        A: (m, n): a tensor, numpy array, torch or scipy sparse matrix, or LinearOperator; float32 or float64.
        b: (m,) or (signals, m), of A's type; every row is a problem of its own.
        penalty: ≥ 0; from `max_penalty(A, b)` on x is zero.
        tol: of the duality gap relative to the objective at x = 0, in float64. float32 input is solved in float64 by
            all solvers but "fista".
        weights: w (n,) ≥ 0, default ones; a column of weight 0 is not penalised.
        nonnegative: x ≥ 0. bounds: (low, high) with low ≤ 0 ≤ high, for every x_j.
        intercept: fit c, unpenalised; A is not densified. sample_weights: s (m,) > 0, default ones.
        solver: "coordinate_descent", "gram_descent", "fista" or "homotopy"; None chooses by shape and device.
        x0: where to begin, (n,) or (signals, n).
    Returns: a Recovery; `gap` is what the certificate found for x, and `status` says whether it is below tol.
    Raises: DataError on shapes, types, NaN; StructureError on a penalty that is not one.

    >>> A = torch.eye(3)
    >>> found = lasso(A, torch.tensor([3.0, 0.5, -2.0]), 1.0)
    >>> found.x, found.status
    (tensor([ 2.,  0., -1.]), 'converged: the certificate is below the tolerance')
    """
    factors = _tensor(weights)
    term: Penalty = L1(penalty, factors)
    if nonnegative or bounds is not None:
        if nonnegative and bounds is not None:
            raise StructureError("nonnegative and bounds are both given; say it as bounds=(0, high)")
        term = BoxedL1(penalty, *(bounds or (0.0, float("inf"))), factors)
    return solved(RegressionData.of(A, b, intercept=intercept, sample_weights=sample_weights), term, tol, solver, x0)


def elastic_net(
    A: Any,
    b: Any,
    l1: float,
    l2: float,
    *,
    tol: float = 1e-6,
    weights: Any = None,
    nonnegative: bool = False,
    intercept: bool = False,
    sample_weights: Any = None,
    solver: str | None = None,
    x0: Tensor | None = None,
) -> Recovery:
    """Fit b by few columns, keeping correlated ones together.

        min_x ½‖Ax − b‖² + l1·Σ_j w_j|x_j| + (l2/2)‖x‖²

    scikit-learn's ElasticNet(alpha, l1_ratio) is l1 = m·alpha·l1_ratio, l2 = m·alpha·(1 − l1_ratio).

    Args: as for `lasso`; l1, l2 ≥ 0; weights scale l1 alone.

    >>> elastic_net(torch.eye(2), torch.tensor([3.0, 0.5]), 1.0, 1.0).x
    tensor([1., 0.])
    """
    term = ElasticNet(l1, l2, _tensor(weights), nonnegative)
    return solved(RegressionData.of(A, b, intercept=intercept, sample_weights=sample_weights), term, tol, solver, x0)


def group_lasso(
    A: Any,
    b: Any,
    penalty: float,
    groups: Sequence[int] | Tensor,
    *,
    l1: float = 0.0,
    tol: float = 1e-6,
    weights: Any = None,
    intercept: bool = False,
    sample_weights: Any = None,
    x0: Tensor | None = None,
) -> Recovery:
    """Fit b by few groups of columns; with l1 > 0 also by few columns in each (sparse-group).

        min_x ½‖Ax − b‖² + l1·‖x‖₁ + penalty·Σ_g w_g‖x_g‖₂

    Args: as for `lasso`; groups (n,): the group 0 … G − 1 of each column; weights (G,) ≥ 0, default √|g|.

    >>> group_lasso(torch.eye(3), torch.tensor([3.0, 4.0, 0.5]), 1.0, [0, 0, 1], weights=[1.0, 1.0]).x
    tensor([2.4000, 3.2000, 0.0000])
    """
    labels, factors = torch.as_tensor(groups), _tensor(weights)
    term: Penalty = SparseGroup(l1, penalty, labels, factors) if l1 else Group(penalty, labels, factors)
    return solved(RegressionData.of(A, b, intercept=intercept, sample_weights=sample_weights), term, tol, None, x0)


def multitask_lasso(
    A: Any,
    b: Any,
    penalty: float,
    *,
    tol: float = 1e-6,
    weights: Any = None,
    intercept: bool = False,
    sample_weights: Any = None,
    x0: Tensor | None = None,
) -> Recovery:
    """Fit all rows of b by the same few columns.

        min_x ½ Σ_t ‖A x_t − b_t‖² + penalty·Σ_j w_j‖(x_1j, …, x_Tj)‖₂

    scikit-learn's MultiTaskLasso(alpha) is penalty = m·alpha.

    Args: as for `lasso`; b (tasks, m).
    Returns: a Recovery with x (tasks, n) and one gap, ending and objective for all tasks together.

    >>> multitask_lasso(torch.eye(2), torch.tensor([[3.0, 0.5], [4.0, 0.5]]), 1.0).x
    tensor([[2.4000, 0.0000],
            [3.2000, 0.0000]])
    """
    data = RegressionData.of(A, b, intercept=intercept, sample_weights=sample_weights)
    if data.single:
        raise DataError(f"b has shape {tuple(data.b[0].shape)}; give (tasks, m), or call lasso for one task")
    return solved(data, MultiTask(penalty, _tensor(weights)), tol, None, x0)


def basis_pursuit(A: Any, b: Any, *, epsilon: float = 0.0, tol: float = 1e-6, solver: str = "homotopy") -> Recovery:
    """The x of least ‖x‖₁ that explains b.

        min ‖x‖₁ s.t. ‖Ax − b‖₂ ≤ epsilon

    Args: A, b as for `lasso`; epsilon ≥ 0 in the units of b, 0 for Ax = b; tol: of the gap relative to ‖x‖₁; solver:
        "homotopy" (exact), or "admm" (epsilon 0, many signals at once).
    Returns: a Recovery whose objective is ‖x‖₁. Infeasible rows say so in `status`; their x fits b best.
    Raises: DataError on shapes, types, NaN.

    >>> A = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]], dtype=torch.float64)
    >>> basis_pursuit(A, torch.tensor([2.0, 2.0], dtype=torch.float64)).x.round(decimals=6) + 0.0
    tensor([0., 0., 2.], dtype=torch.float64)
    """
    data = RegressionData.of(A, b)
    if solver not in PURSUIT:
        raise StructureError(f"no solver {solver!r}; known: {', '.join(PURSUIT)}{did_you_mean(solver, PURSUIT)}")
    return data.answer(PURSUIT[solver](tol=tol).solve(Pursuit(data.A, data.b, epsilon)))


def sparse_encode(
    signals: Any, atoms: Any, penalty: float, *, tol: float = 1e-6, nonnegative: bool = False
) -> Recovery:
    """Code many signals over one dictionary by the Lasso.

        min_x ½‖D x − y‖² + penalty·‖x‖₁ for each signal y

    The scale is that of scikit-learn's sparse_encode(algorithm="lasso_cd", alpha=penalty), whose dictionary is D'.

    Args: signals (signals, m) or (m,); atoms D (m, n), one a column, normalised or not; penalty ≥ 0.

    >>> sparse_encode(torch.tensor([[3.0, 0.5], [-2.0, 0.0]]), torch.eye(2), 1.0).x + 0.0
    tensor([[ 2.,  0.],
            [-1.,  0.]])
    """
    return lasso(atoms, signals, penalty, tol=tol, nonnegative=nonnegative)


def max_penalty(
    A: Any,
    b: Any,
    *,
    weights: Any = None,
    nonnegative: bool = False,
    intercept: bool = False,
    sample_weights: Any = None,
) -> Tensor:
    """The least penalty whose Lasso is zero: max_j |a_j'b|/w_j, () or (signals,), float64.

    Args: as for `lasso`.
    Raises: DataError where an unpenalised column (w_j = 0) correlates with b: then no penalty makes x zero.

    >>> max_penalty(torch.eye(2), torch.tensor([3.0, -4.0]))
    tensor(4., dtype=torch.float64)
    """
    data = RegressionData.of(A, b, intercept=intercept, sample_weights=sample_weights)
    factors = _tensor(weights)
    correlation = LeastSquares(data.A, data.b, L1(1.0, factors)).correlation
    size = correlation.clamp(min=0) if nonnegative else correlation.abs()
    if factors is not None:
        factors = factors.to(size)
        if bool((size[:, factors == 0] > 0).any()):
            raise DataError(
                "an unpenalised column correlates with b, so x is zero at no penalty; fit it out of b first"
            )
        size = torch.where(factors > 0, size / factors, 0.0)
    most = size.amax(-1)
    return most[0] if data.single else most


def solved(
    data: RegressionData,
    term: Penalty,
    tol: float,
    solver: str | None = None,
    x0: Tensor | None = None,
    max_steps: int | None = None,
) -> Recovery:
    """One problem, by the solver that was named or that suits it, in at most max_steps of its steps.

    x0 is a point as the solver sees it.
    """
    if not 0 < tol < 1:
        raise DataError(f"tol is {tol}; it is a relative gap: give a number between 0 and 1, such as 1e-6")
    problem = LeastSquares(data.A, data.b, term)
    name = _choice(problem) if solver is None else solver
    if name not in CONVEX:
        raise StructureError(f"no solver {name!r}; known: {', '.join(CONVEX)}{did_you_mean(name, CONVEX)}")
    if x0 is not None and tuple(x0.shape) not in ((data.A.shape[1],), (len(data.b), data.A.shape[1])):
        raise DataError(
            f"x0 has shape {tuple(x0.shape)}; give ({data.A.shape[1]},) or {(len(data.b), data.A.shape[1])}"
        )
    method = CONVEX[name](tol=tol)
    method = method if max_steps is None else method.within(max_steps)
    return data.answer(method.solve(problem, x0))


def _choice(problem: LeastSquares) -> str:
    """The solver that suits: only FISTA takes every penalty and device."""
    if not isinstance(problem.penalty, SeparablePenalty):
        return "fista"
    if problem.A.shape[1] <= SMALL and len(problem.b) >= MANY:
        return "gram_descent"
    return "coordinate_descent" if problem.A.device.type == "cpu" else "fista"


def _tensor(weights: Any) -> Tensor | None:
    return None if weights is None else torch.as_tensor(weights)
