"""Sparse regression and coding by convex problems, each answer with its duality gap."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError, StructureError
from ..problem import LeastSquares, Pursuit
from ..solvers import CONVEX, PURSUIT, Recovery
from ..solvers.branch import Branch, EntryBranch, GroupBranch
from ..solvers.implicit import attach, attach_ball, attach_pursuit
from ..terms import L1, BlockPenalty, BoxedL1, ElasticNet, Group, MultiTask, Penalty, SeparablePenalty, SparseGroup
from .checks import check_gap, check_solver, within
from .greedy import omp
from .regression_data import RegressionData
from .strengths import as_strength, as_weights, held, weighted

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
FEW = 200  # columns from which a working set of blocks pays
MANY = 8  # signals from which a batch is one


def lasso(
    A: Any,
    b: Any,
    penalty: float | Tensor,
    *,
    tol: float = 1e-6,
    weights: Any = None,
    nonnegative: bool = False,
    bounds: tuple[float, float] | None = None,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    solver: str | None = None,
    x0: Tensor | None = None,
    max_steps: int | None = None,
) -> Recovery:
    """Fit b by few columns of A.

        min_x ½ Σ_i s_i (a_i'x + c − b_i)² + penalty·Σ_j w_j|x_j|

    There is no 1/m: scikit-learn's Lasso(alpha) is penalty = m·alpha, its sparse_encode(alpha) is penalty = alpha.

    Args:
        A: (m, n): a tensor, numpy array, torch or scipy sparse matrix, or LinearOperator; float32 or float64.
        b: (m,) or (signals, m), of A's type; every row is a problem of its own.
        penalty: ≥ 0, a number or a tensor of shape (); from `max_penalty(A, b)` on x is zero.
        tol: of the duality gap relative to the objective at x = 0, in float64. float32 input is solved in float64 by
            all solvers but "fista".
        weights: w (n,) ≥ 0, default ones; a column of weight 0 is not penalised. With `nonnegative` and penalty 0 this
            is non-negative least squares.
        nonnegative: x ≥ 0. bounds: (low, high) with low ≤ 0 ≤ high, for every x_j.
        intercept: fit c, unpenalised; A is not densified. sample_weights: s (m,) > 0, default ones.
        standardise: penalise columns as if each had a (weighted) mean square of 1, about its mean with an intercept; x
            comes back in the units of A, and a sparse A stays sparse.
        solver: "coordinate_descent", "gram_descent", "fista" or "homotopy"; None chooses by shape and device.
        x0: where to begin, (n,) or (signals, n). max_steps: of the solver, in the unit of `Recovery.steps`; None leaves
            it to the solver.
    Returns: a Recovery; `gap` is what the certificate found for x, and `status` says whether it is below tol. x and
        `intercept` take part in autograd where b, penalty, weights, sample_weights or A as a dense tensor do: by
        implicit differentiation, once. `differentiable` and `status` tell where the derivative is not unique.
    Raises: DataError on shapes, types, NaN; StructureError on a penalty that is not one.

    >>> A = torch.eye(3)
    >>> found = lasso(A, torch.tensor([3.0, 0.5, -2.0]), 1.0)
    >>> found.x, found.status
    (tensor([ 2.,  0., -1.]), 'converged: the certificate is below the tolerance')
    """
    box, factors = _box(nonnegative, bounds, standardise), as_weights(weights)
    data = RegressionData.of(
        A, b, intercept=intercept, sample_weights=sample_weights, standardise=standardise, for_squares=True
    )
    strength = as_strength("penalty", penalty, data.b)
    level, weights = held(strength), held(factors)
    term = L1(level, weights) if box == (-inf, inf) else BoxedL1(level, *box, weights)
    branch = EntryBranch(weighted(strength, factors), strength.new_zeros(()), *box)
    return solved(data, term, tol, solver, data.start(x0), max_steps, branch)


def elastic_net(
    A: Any,
    b: Any,
    l1: float | Tensor,
    l2: float | Tensor,
    *,
    tol: float = 1e-6,
    weights: Any = None,
    nonnegative: bool = False,
    bounds: tuple[float, float] | None = None,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    solver: str | None = None,
    x0: Tensor | None = None,
    max_steps: int | None = None,
) -> Recovery:
    """Fit b by few columns, keeping correlated ones together.

        min_x ½‖Ax − b‖² + l1·Σ_j w_j|x_j| + (l2/2)‖x‖²,  low ≤ x_j ≤ high where `bounds` are given

    scikit-learn's ElasticNet(alpha, l1_ratio) is l1 = m·alpha·l1_ratio, l2 = m·alpha·(1 − l1_ratio).

    Args: as for `lasso`; l1, l2 ≥ 0; weights scale l1 alone.

    >>> elastic_net(torch.eye(2), torch.tensor([3.0, 0.5]), 1.0, 1.0).x
    tensor([1., 0.])
    """
    box, factors = _box(nonnegative, bounds, standardise), as_weights(weights)
    data = RegressionData.of(
        A, b, intercept=intercept, sample_weights=sample_weights, standardise=standardise, for_squares=True
    )
    first, second = as_strength("l1", l1, data.b), as_strength("l2", l2, data.b)
    term = ElasticNet(held(first), held(second), held(factors), *box)
    branch = EntryBranch(weighted(first, factors), second, *box)
    return solved(data, term, tol, solver, data.start(x0), max_steps, branch)


def group_lasso(
    A: Any,
    b: Any,
    penalty: float | Tensor,
    groups: Sequence[int] | Tensor,
    *,
    l1: float | Tensor = 0.0,
    tol: float = 1e-6,
    weights: Any = None,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    solver: str | None = None,
    x0: Tensor | None = None,
    max_steps: int | None = None,
) -> Recovery:
    """Fit b by few groups of columns; with l1 > 0 also by few columns in each (sparse-group).

        min_x ½‖Ax − b‖² + l1·‖x‖₁ + penalty·Σ_g w_g‖x_g‖₂

    Args: as for `lasso`; groups (n,): the group 0 … G − 1 of each column; weights (G,) ≥ 0, default √|g|; solver:
        "block_descent" or "fista".

    >>> group_lasso(torch.eye(3), torch.tensor([3.0, 4.0, 0.5]), 1.0, [0, 0, 1], weights=[1.0, 1.0]).x
    tensor([2.4000, 3.2000, 0.0000])
    """
    data = RegressionData.of(
        A, b, intercept=intercept, sample_weights=sample_weights, standardise=standardise, for_squares=True
    )
    labels, factors = torch.as_tensor(groups).to(data.b.device), as_weights(weights)
    entry, strength = as_strength("l1", l1, data.b), as_strength("penalty", penalty, data.b)
    given = held(strength), labels, held(factors)
    term = SparseGroup(held(entry), *given) if l1 else Group(*given)
    term.check(data.A.shape[1])
    sizes = torch.bincount(labels).to(strength).sqrt() if factors is None else factors
    branch = GroupBranch(entry, weighted(strength, sizes), labels)
    return solved(data, term, tol, solver, data.start(x0), max_steps, branch)


def multitask_lasso(
    A: Any,
    b: Any,
    penalty: float | Tensor,
    *,
    tol: float = 1e-6,
    weights: Any = None,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    solver: str | None = None,
    x0: Tensor | None = None,
    max_steps: int | None = None,
) -> Recovery:
    """Fit all rows of b by the same few columns.

        min_x ½ Σ_t ‖A x_t − b_t‖² + penalty·Σ_j w_j‖(x_1j, …, x_Tj)‖₂

    scikit-learn's MultiTaskLasso(alpha) is penalty = m·alpha.

    Args: as for `lasso`; b (tasks, m); solver as for `group_lasso`.
    Returns: a Recovery with x (tasks, n) and one gap, ending and objective for all tasks together.

    >>> multitask_lasso(torch.eye(2), torch.tensor([[3.0, 0.5], [4.0, 0.5]]), 1.0).x
    tensor([[2.4000, 0.0000],
            [3.2000, 0.0000]])
    """
    data = RegressionData.of(
        A, b, intercept=intercept, sample_weights=sample_weights, standardise=standardise, for_squares=True
    )
    if data.single:
        raise DataError(f"b has shape {tuple(data.b[0].shape)}; give (tasks, m), or call lasso for one task")
    strength, factors = as_strength("penalty", penalty, data.b), as_weights(weights)
    term, n = MultiTask(held(strength), held(factors)), data.A.shape[1]
    radii = weighted(strength, factors).expand(n)
    branch = GroupBranch(strength.new_zeros(()), radii, torch.arange(n, device=radii.device).repeat(len(data.b)))
    return solved(data, term, tol, solver, data.start(x0), max_steps, branch)


def basis_pursuit(
    A: Any,
    b: Any,
    *,
    epsilon: float | Tensor = 0.0,
    tol: float = 1e-6,
    solver: str = "homotopy",
    max_steps: int | None = None,
) -> Recovery:
    """The x of least ‖x‖₁ that explains b.

        min ‖x‖₁ s.t. ‖Ax − b‖₂ ≤ epsilon

    Args: A, b as for `lasso`; epsilon ≥ 0 in the units of b, 0 for Ax = b; tol: of the gap relative to ‖x‖₁; solver:
        "homotopy" (exact), "admm" (epsilon 0, many signals at once) or "primal_dual" (many signals, any linear map and
            device; the only one for complex data, where |x_j| is the modulus). max_steps: iterations of "admm" and
            "primal_dual", None leaves them to the solver; a homotopy takes as many as its path has pieces.
    Returns: a Recovery whose objective is ‖x‖₁. Infeasible rows say so in `status`; their x fits b best. x takes part
        in autograd as that of `lasso` does. With epsilon 0 and fewer than m nonzeros it has no unique derivative:
        that of A_S⁺b is given.
    Raises: DataError on shapes, types, NaN.

    >>> A = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]], dtype=torch.float64)
    >>> basis_pursuit(A, torch.tensor([2.0, 2.0], dtype=torch.float64)).x.round(decimals=6) + 0.0
    tensor([0., 0., 2.], dtype=torch.float64)
    """
    data, method = RegressionData.of(A, b), PURSUIT[check_solver(solver, PURSUIT)](tol=check_gap(tol))
    radius = as_strength("epsilon", epsilon, data.b)
    found = within(method, max_steps).solve(Pursuit(data.A, data.b, held(radius)))
    if (at := data.seen(radius)) is not None:
        found = attach_ball(at.A, at.b, radius, found) if radius > 0 else attach_pursuit(at.A, at.b, found)
    return data.answer(found)


def sparse_encode(
    signals: Any,
    atoms: Any,
    penalty: float | Tensor | None = None,
    *,
    k: int | None = None,
    tol: float | None = None,
    nonnegative: bool = False,
) -> Recovery:
    """Code many signals over one dictionary, by a penalty (the Lasso) or by a count of atoms (matching pursuit).

        min_x ½‖D x − y‖² + penalty·‖x‖₁,   or   min_x ½‖D x − y‖²  s.t.  ‖x‖₀ ≤ k (greedily),   for each signal y

    The penalty's scale is that of scikit-learn's sparse_encode(algorithm="lasso_cd", alpha=penalty), whose dictionary
    is D'; k is its n_nonzero_coefs with algorithm="omp".

    Args: signals (signals, m) or (m,); atoms D (m, n), one a column, normalised or not; penalty ≥ 0, or k in
        1..min(m, n): one of them; tol: with a penalty, the relative gap to reach, default 1e-6; with k, the residual
        ‖D x − y‖/‖y‖ at which to stop early, default never; nonnegative: x ≥ 0, with a penalty only.
    Raises: DataError on shapes, types, NaN, both or none of penalty and k, or nonnegative with k.

    >>> y, D = torch.tensor([[3.0, 0.5], [-2.0, 0.0]]), torch.eye(2)
    >>> sparse_encode(y, D, 1.0).x + 0.0
    tensor([[ 2.,  0.],
            [-1.,  0.]])
    >>> sparse_encode(y, D, k=1).x
    tensor([[ 3.,  0.],
            [-2.,  0.]])
    """
    if (penalty is None) == (k is None):
        given = "neither penalty nor k" if k is None else "both penalty and k"
        raise DataError(f"sparse_encode was given {given}; give one: penalty=0.1 for the Lasso, or k=5 for five atoms")
    if penalty is not None:
        return lasso(atoms, signals, penalty, tol=1e-6 if tol is None else tol, nonnegative=nonnegative)
    if nonnegative:
        raise DataError("matching pursuit with k has no sign to hold; give a penalty with nonnegative=True")
    return omp(atoms, signals, k, tol=tol)


def max_penalty(
    A: Any,
    b: Any,
    *,
    weights: Any = None,
    nonnegative: bool = False,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
) -> Tensor:
    """The least penalty whose Lasso is zero: max_j |a_j'b|/w_j, () or (signals,), float64.

    Args: as for `lasso`.
    Raises: DataError where an unpenalised column (w_j = 0) correlates with b: then no penalty makes x zero.

    >>> max_penalty(torch.eye(2), torch.tensor([3.0, -4.0]))
    tensor(4., dtype=torch.float64)
    """
    data = RegressionData.of(
        A, b, intercept=intercept, sample_weights=sample_weights, standardise=standardise, for_squares=True
    )
    factors, at = as_weights(weights), data.traced or data
    correlation = LeastSquares(at.A, at.b, L1(1.0, factors)).correlation
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
    branch: Branch | None = None,
) -> Recovery:
    """One problem, by the solver that was named or that suits it, in at most max_steps of its steps.

    x0 is a point as the solver sees it; branch is the term as autograd is to see it, None for an answer without
    derivatives.
    """
    problem = LeastSquares(data.A, data.b, term)
    name = check_solver(_choice(problem) if solver is None else solver, CONVEX)
    found = within(CONVEX[name](tol=check_gap(tol)), max_steps).solve(problem, x0)
    if branch is not None and (at := data.seen(branch)) is not None:
        found = attach(at.A, at.b, branch, found, together=term.event_ndim == 2)
    return data.answer(found)


def _choice(problem: LeastSquares) -> str:
    """The solver that suits: only FISTA takes every penalty and device."""
    if isinstance(problem.penalty, BlockPenalty):
        return "block_descent" if problem.A.shape[1] > FEW else "fista"
    if not isinstance(problem.penalty, SeparablePenalty):
        return "fista"
    # Without a penalty many entries are nonzero, and a Newton step on them all is worth its Gram matrix at once.
    if problem.A.shape[1] <= SMALL and (len(problem.b) >= MANY or problem.penalty.half_free is not None):
        return "gram_descent"
    return "coordinate_descent" if problem.A.device.type == "cpu" else "fista"


def _box(nonnegative: bool, bounds: tuple[float, float] | None, standardise: bool) -> tuple[float, float]:
    """The bounds that both options add up to."""
    if bounds is None:
        return (0.0, inf) if nonnegative else (-inf, inf)
    if nonnegative:
        raise StructureError("nonnegative and bounds are both given; say it as bounds=(0, high)")
    if standardise:
        raise StructureError("bounds are on x, which standardise rescales; scale the columns and bounds yourself")
    return bounds
