"""Lasso and its kin: every answer against another library, a closed form or its own certificate."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from sklearn import linear_model
from torch import Tensor

from gossamer.errors import DataError, GossamerError, StructureError
from gossamer.linop import Dense, Sparse
from gossamer.problem import LeastSquares, duality_gap
from gossamer.solvers import CONVEX, FISTA, BlockDescent
from gossamer.solvers.outcome import Ending
from gossamer.sparse import (
    basis_pursuit,
    elastic_net,
    elastic_net_path,
    group_lasso,
    lasso,
    lasso_path,
    max_penalty,
    multitask_lasso,
    omp,
    sparse_encode,
)
from gossamer.terms import L1, ElasticNet, Group, MultiTask, Penalty, SparseGroup

TIGHT = 1e-12  # relative gap asked for where x is compared; x then agrees to about its root
CLOSE = 1e-5  # of x, between two solvers of such gaps
SOLO = 1e-8  # a row of a batch against the row alone, both far below the default tolerance

ENTRYWISE = [name for name in CONVEX if name != "block_descent"]  # the solvers of the L1 family


def problem(m: int = 60, n: int = 120, signals: int = 0, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(m, n, generator=generator, dtype=torch.float64)
    truth = torch.randn(max(signals, 1), n, generator=generator, dtype=torch.float64)
    truth = truth * (torch.rand(truth.shape, generator=generator) < 0.1)
    b = truth @ A.T + 0.1 * torch.randn(max(signals, 1), m, generator=generator, dtype=torch.float64)
    return A, b if signals else b[0]


def reference(A: Tensor, b: Tensor, model: linear_model._base.LinearModel, **fit: object) -> Tensor:
    return torch.from_numpy(np.asarray(model.fit(A.numpy(), b.numpy(), **fit).coef_))


@pytest.mark.parametrize("solver", ENTRYWISE)
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_lasso_is_scikit_learns(solver: str, share: float) -> None:
    A, b = problem()
    penalty = share * float(max_penalty(A, b))
    found = lasso(A, b, penalty, tol=1e-10 if solver == "fista" else TIGHT, solver=solver)
    other = linear_model.Lasso(penalty / len(b), fit_intercept=False, tol=1e-12, max_iter=100_000)
    assert float((found.x - reference(A, b, other)).abs().max()) < CLOSE
    assert found.ending == Ending.CONVERGED
    assert float(found.gap) <= 1e-10


@pytest.mark.parametrize("solver", ENTRYWISE)
def test_each_row_of_a_batch_is_its_solo_solve(solver: str) -> None:
    A, b = problem(40, 60, signals=12)
    penalty = 0.1 * float(max_penalty(A, b).max())
    together = lasso(A, b, penalty, tol=1e-10, solver=solver)
    for row in range(len(b)):
        alone = lasso(A, b[row], penalty, tol=1e-10, solver=solver)
        assert float(abs(together.objective[row] - alone.objective)) < SOLO * float(alone.objective)
        assert float((together.x[row] - alone.x).abs().max()) < 1e-4
    assert together.gap.shape == together.ending.shape == (12,)


@pytest.mark.parametrize("start", [None, torch.ones(700, 30, dtype=torch.float64)], ids=["cold", "warm"])
def test_the_number_of_threads_changes_no_bit_of_a_batch(start: Tensor | None) -> None:
    """700 signals are solved by Gram descent in nine parts, on as many threads as torch has."""
    A, b = problem(20, 30, signals=700)
    penalty = 0.1 * float(max_penalty(A, b).max())
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(lasso(A, b, penalty, tol=1e-9, x0=start, solver="gram_descent"))
    finally:
        torch.set_num_threads(before)
    first = found[0]
    assert float(first.gap.max()) <= 1e-9
    torch.testing.assert_close(first.residual, torch.linalg.vector_norm(b - first.x @ A.T, dim=-1))
    for other in found[1:]:
        for name in ("x", "ending", "residual", "steps", "gap", "objective"):
            assert torch.equal(getattr(first, name), getattr(other, name)), name


def test_a_number_that_is_none_is_refused_in_a_batch_of_any_size() -> None:
    A, b = problem(10, 15, signals=100)
    A[3, 7] = torch.nan
    b[:, 3] = 0  # what no signal touches is read all the same
    for signals in (1, 10, 100):
        with pytest.raises(DataError, match="A holds NaN or infinity"):
            LeastSquares(Dense(A), b[:signals], L1(1.0))


@pytest.mark.parametrize("solver", ["coordinate_descent", "gram_descent", "fista"])
def test_bounds_that_float32_does_not_hold_are_no_hindrance(solver: str) -> None:
    A, b = problem(12, 20, signals=9)
    found = lasso(A, b, 1.0, bounds=(-0.1, 0.2), tol=1e-11, solver=solver)
    assert bool((found.ending == Ending.CONVERGED).all())
    assert float(found.x.max()) <= 0.2
    assert float(found.x.min()) >= -0.1


def test_above_the_largest_penalty_x_is_zero_and_below_it_is_not() -> None:
    A, b = problem()
    most = float(max_penalty(A, b))
    assert not lasso(A, b, most * 1.0001).x.any()
    assert lasso(A, b, most * 0.99, tol=1e-9).x.any()


def test_an_orthonormal_design_is_soft_thresholding() -> None:
    Q = torch.linalg.qr(torch.randn(20, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)).Q
    b = torch.randn(20, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    c = Q.T @ b
    wanted = c.sign() * (c.abs() - 0.3).clamp(min=0)
    assert torch.allclose(lasso(Q, b, 0.3, tol=TIGHT).x, wanted, atol=CLOSE)
    factor = torch.linspace(0, 2, 20, dtype=torch.float64)
    weighted = c.sign() * (c.abs() - 0.3 * factor).clamp(min=0)
    assert torch.allclose(lasso(Q, b, 0.3, tol=TIGHT, weights=factor).x, weighted, atol=CLOSE)
    assert torch.allclose(lasso(Q, b, 0.3, tol=TIGHT, nonnegative=True).x, (c - 0.3).clamp(min=0), atol=CLOSE)
    boxed = wanted.clamp(-0.2, 0.4)
    assert torch.allclose(lasso(Q, b, 0.3, tol=TIGHT, bounds=(-0.2, 0.4)).x, boxed, atol=CLOSE)


def test_elastic_net_is_scikit_learns() -> None:
    A, b = problem()
    m, alpha, ratio = len(b), 0.1, 0.7
    other = linear_model.ElasticNet(alpha, l1_ratio=ratio, fit_intercept=False, tol=1e-12, max_iter=100_000)
    found = elastic_net(A, b, m * alpha * ratio, m * alpha * (1 - ratio), tol=TIGHT)
    assert float((found.x - reference(A, b, other)).abs().max()) < CLOSE


@pytest.mark.parametrize("solver", ["coordinate_descent", "gram_descent", "fista"])
def test_a_boxed_elastic_net_is_the_boxed_lasso_of_a_longer_design(solver: str) -> None:
    """The squares of x are residuals of rows √l2·I whose target is zero."""
    A, b = problem()
    box = (-0.2, 0.4)
    longer = torch.cat([A, 2.0**0.5 * torch.eye(120, dtype=torch.float64)])
    wanted = lasso(longer, torch.cat([b, b.new_zeros(120)]), 3.0, bounds=box, tol=TIGHT, solver="coordinate_descent").x
    found = elastic_net(A, b, 3.0, 2.0, bounds=box, tol=TIGHT, solver=solver)
    assert float((found.x - wanted).abs().max()) < CLOSE
    assert (float(found.x.min()), float(found.x.max())) == box
    assert found.ending == Ending.CONVERGED


def test_intercept_and_sample_weights_are_scikit_learns() -> None:
    A, b = problem(80, 40)
    b, weight = b + 3.0, torch.linspace(0.5, 2.0, 80, dtype=torch.float64)
    other = linear_model.Lasso(0.1, tol=1e-12, max_iter=100_000).fit(A.numpy(), b.numpy(), sample_weight=weight.numpy())
    # scikit-learn divides the weighted squares by the weights' sum
    penalty = 0.1 * float(weight.sum())
    found = lasso(A, b, penalty, intercept=True, sample_weights=weight, tol=TIGHT)
    assert float((found.x - torch.from_numpy(other.coef_)).abs().max()) < CLOSE
    assert float(found.intercept) == pytest.approx(float(other.intercept_), abs=CLOSE)


def test_a_sparse_design_gives_what_its_dense_form_gives() -> None:
    A, b = problem(100, 150)
    A = A * (torch.rand(A.shape, generator=torch.Generator().manual_seed(5)) < 0.1)
    penalty = 0.1 * float(max_penalty(A, b))
    for intercept in (False, True):
        thin, full = (
            lasso(design, b, penalty, tol=TIGHT, intercept=intercept).x for design in (Sparse(A.to_sparse()), A)
        )
        assert float((thin - full).abs().max()) < CLOSE


def test_many_tasks_share_their_columns() -> None:
    A, b = problem(60, 30, signals=3)
    other = linear_model.MultiTaskLasso(0.2, fit_intercept=False, tol=1e-12, max_iter=100_000)
    found = multitask_lasso(A, b, 60 * 0.2, tol=1e-10)
    assert float((found.x - reference(A, b.T, other)).abs().max()) < 1e-4
    assert torch.equal((found.x != 0).any(0), (found.x != 0).all(0))


def test_groups_of_one_are_the_lasso_and_groups_go_together() -> None:
    A, b = problem(60, 24)
    penalty = 0.2 * float(max_penalty(A, b))
    alone = group_lasso(A, b, penalty, list(range(24)), weights=torch.ones(24, dtype=torch.float64), tol=1e-10)
    assert float((alone.x - lasso(A, b, penalty, tol=TIGHT).x).abs().max()) < 1e-4
    found = group_lasso(A, b, penalty, [j // 4 for j in range(24)], tol=1e-9)
    held = (found.x.reshape(6, 4) != 0).sum(1)
    assert set(held.tolist()) <= {0, 4}
    assert 0 < int((held == 4).sum()) < 6


@pytest.mark.parametrize("penalty", [L1(2.0), ElasticNet(2.0, 0.5)])
def test_the_certificate_knows_a_corrupted_answer(penalty: L1 | ElasticNet) -> None:
    A, b = problem()
    solved = lasso(A, b, 2.0, tol=TIGHT) if isinstance(penalty, L1) else elastic_net(A, b, 2.0, 0.5, tol=TIGHT)
    right = float(duality_gap(Dense(A), b, penalty, solved.x).gap)
    gaps = [right]
    for size in (1e-4, 1e-3, 1e-2, 1e-1):
        gaps.append(float(duality_gap(Dense(A), b, penalty, solved.x + size).gap))
    assert right <= 1e-11
    assert all(more > less for less, more in pairwise(gaps))


@pytest.mark.parametrize("l2", [1e-6, 0.5, 50.0])
def test_with_a_ridge_the_gap_is_a_bound_and_of_second_order(l2: float) -> None:
    """A ridge makes the conjugate finite, so that an entry that violates a little costs its square alone."""
    A, b = problem()
    penalty, best = ElasticNet(2.0, l2), elastic_net(A, b, 2.0, l2, tol=1e-14)
    least, at_zero = float(best.objective), 0.5 * float(b @ b)
    gaps = []
    for size in (1e-2, 1e-3):
        judged = duality_gap(Dense(A), b, penalty, best.x + size * torch.linspace(-1, 1, 120, dtype=torch.float64))
        gaps.append(float(judged.gap))
        assert gaps[-1] * at_zero >= (float(judged.objective) - least) * (1 - 1e-6)
    if l2 >= 0.5:
        moved = best.x.nonzero()[:, 0]  # along the support alone: elsewhere |x_j| costs its first power
        step = torch.zeros_like(best.x)
        step[moved] = torch.linspace(-1, 1, len(moved), dtype=torch.float64)
        first, second = (float(duality_gap(Dense(A), b, penalty, best.x + s * step).gap) for s in (1e-4, 1e-5))
        assert first >= 50 * second


def test_a_path_is_its_points_and_starts_at_zero() -> None:
    A, b = problem(40, 60)
    path = lasso_path(A, b, count=10, ratio=0.05, tol=1e-10)
    assert not path.x[0].any()
    for penalty, x in zip(path.penalties.tolist()[::3], path.x[::3], strict=True):
        assert float((x - lasso(A, b, penalty, tol=1e-10).x).abs().max()) < 1e-4


@pytest.mark.parametrize(("solver", "near"), [("homotopy", 1e-9), ("admm", 1e-4)])
def test_basis_pursuit_is_the_linear_program(solver: str, near: float) -> None:
    for seed in range(3):
        A, _ = problem(20, 40, seed=seed)
        b = A[:, seed] - 2 * A[:, 7] + 0.5 * A[:, 20]
        both = np.hstack([A.numpy(), -A.numpy()])
        best = linprog(np.ones(80), A_eq=both, b_eq=b.numpy(), bounds=(0, None)).fun
        found = basis_pursuit(A, b, solver=solver)
        assert float(found.x.abs().sum()) == pytest.approx(best, rel=near)
        assert float((A @ found.x - b).norm()) < near * float(b.norm())


def test_basis_pursuit_with_noise_stays_in_the_ball() -> None:
    A, b = problem(30, 60)
    epsilon = 0.3 * float(b.norm())
    found = basis_pursuit(A, b, epsilon=epsilon)
    assert float((A @ found.x - b).norm()) == pytest.approx(epsilon, rel=1e-6)
    assert float(found.x.abs().sum()) < float(basis_pursuit(A, b).x.abs().sum())


@pytest.mark.parametrize("solver", ["admm", "primal_dual"])
def test_basis_pursuit_takes_as_many_steps_as_are_allowed(solver: str) -> None:
    A, b = problem(20, 40)
    found = basis_pursuit(A, b, solver=solver, tol=1e-12, max_steps=30)
    assert int(found.steps) == 50, "two rounds of 25"
    assert found.ending != Ending.CONVERGED
    whole = basis_pursuit(A, b)
    assert torch.equal(basis_pursuit(A, b, max_steps=1).x, whole.x), "a path is followed to its end"
    with pytest.raises(DataError, match="max_steps must be an int"):
        basis_pursuit(A, b, solver=solver, max_steps=0)


def test_coding_is_the_lasso_of_each_signal() -> None:
    D, y = problem(16, 40, signals=20)
    found = sparse_encode(y, D, 1.0, tol=1e-10)
    assert found.x.shape == (20, 40)
    assert float((found.x[3] - lasso(D, y[3], 1.0, tol=1e-10).x).abs().max()) < 1e-4


def test_coding_by_count_is_matching_pursuit_and_one_of_both_is_needed() -> None:
    D, y = problem(16, 40, signals=20)
    found = sparse_encode(y.numpy(), D.numpy(), k=3)
    assert torch.equal(found.x, omp(D, y, 3).x)
    assert sparse_encode(y[0], D, k=3).x.shape == (40,)
    for wrong in ({}, {"penalty": 1.0, "k": 3}, {"k": 3, "nonnegative": True}):
        with pytest.raises(DataError):
            sparse_encode(y, D, **wrong)


def test_float32_comes_back_as_float32_with_a_gap_it_can_resolve() -> None:
    A, b = problem()
    found = lasso(A.float(), b.float(), 1.0)
    assert found.x.dtype == torch.float32
    assert found.gap.dtype == torch.float64
    assert float(found.gap) < 1e-6


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"A": torch.full((60, 120), torch.nan, dtype=torch.float64)}, DataError),
        ({"b": torch.zeros(59, dtype=torch.float64)}, DataError),
        ({"penalty": -1.0}, GossamerError),
        ({"tol": 0.0}, DataError),
        ({"solver": "newton"}, StructureError),
        ({"weights": -torch.ones(120, dtype=torch.float64)}, GossamerError),
        ({"bounds": (0.1, 1.0)}, GossamerError),
        ({"x0": torch.zeros(3, dtype=torch.float64)}, DataError),
    ],
)
def test_bad_input_is_one_clear_error(change: dict[str, object], error: type[Exception]) -> None:
    A, b = problem()
    given = {"A": A, "b": b, "penalty": 1.0} | change
    with pytest.raises(error):
        lasso(**given)


@pytest.mark.parametrize("nonnegative", [False, True])
def test_an_elastic_net_path_is_its_points_and_scikit_learns(nonnegative: bool) -> None:
    A, b = problem(40, 60)
    path = elastic_net_path(A, b, l1_ratio=0.7, count=12, ratio=0.05, tol=TIGHT, nonnegative=nonnegative)
    assert not path.x[0].any()
    assert path.x[1].any()
    assert bool((path.recovery.ending == Ending.CONVERGED).all())
    alphas = path.penalties.numpy() / len(b)
    _, other, _ = linear_model.enet_path(
        A.numpy(), b.numpy(), l1_ratio=0.7, alphas=alphas, tol=1e-13, max_iter=100_000, positive=nonnegative
    )
    assert float((path.x - torch.from_numpy(other.T)).abs().max()) < CLOSE
    level = float(path.penalties[7])
    alone = elastic_net(A, b, 0.7 * level, 0.3 * level, tol=TIGHT, nonnegative=nonnegative)
    assert float((alone.x - path.x[7]).abs().max()) < CLOSE


def test_a_path_of_squares_alone_needs_its_penalties() -> None:
    A, b = problem(40, 30)
    with pytest.raises(DataError, match="give penalties"):
        elastic_net_path(A, b, l1_ratio=0.0)
    found = elastic_net_path(A, b, [4.0, 2.0], l1_ratio=0.0, tol=TIGHT)
    for penalty, x in zip((4.0, 2.0), found.x, strict=True):
        ridge = torch.linalg.solve(A.T @ A + penalty * torch.eye(30, dtype=torch.float64), A.T @ b)
        assert float((x - ridge).abs().max()) < CLOSE


@pytest.mark.parametrize("kind", ["group", "sparse group", "weights", "multi-task"])
def test_working_sets_of_blocks_find_what_fista_finds(kind: str) -> None:
    A, b = problem(60, 400, signals=3)
    labels, weight = torch.arange(400).flip(0) // 4, torch.ones(100, dtype=torch.float64)
    weight[7] = 0.0  # a free group
    term: Penalty = {
        "group": Group(30.0, labels),
        "sparse group": SparseGroup(15.0, 15.0, labels),
        "weights": Group(60.0, labels, weight),
        "multi-task": MultiTask(60.0),
    }[kind]
    given = LeastSquares(Dense(A), b, term)
    found, other = (solver.solve(given) for solver in (BlockDescent(tol=1e-9), FISTA(tol=1e-9)))
    assert found.gap.shape == other.gap.shape
    assert bool((found.ending == Ending.CONVERGED).all())
    assert torch.allclose(found.objective, other.objective, rtol=1e-8)
    assert float((found.x - other.x).abs().max()) < 1e-3
    assert 0 < int((found.x != 0).any(0).sum()) < 200
    again = BlockDescent(tol=1e-9).solve(given, found.x)
    assert int(again.steps.max()) == 0


def test_working_sets_of_blocks_on_a_sparse_design_in_float32() -> None:
    A, b = problem(100, 300)
    A = (A * (torch.rand(A.shape, generator=torch.Generator().manual_seed(5)) < 0.1)).float()
    labels = [j // 3 for j in range(300)]
    penalty = 0.3 * float(max_penalty(A, b.float()))
    thin, full = (group_lasso(design, b.float(), penalty, labels) for design in (Sparse(A.to_sparse()), A))
    assert thin.x.dtype == torch.float32
    assert float((thin.x - full.x).abs().max()) < 1e-3
    assert max(float(thin.gap), float(full.gap)) <= 1e-6


def test_block_descent_says_what_it_solves() -> None:
    A, b = problem()
    with pytest.raises(StructureError, match="use FISTA"):
        lasso(A, b, 1.0, solver="block_descent")
