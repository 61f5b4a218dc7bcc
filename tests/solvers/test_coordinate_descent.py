"""Coordinate descent where designs and penalties are awkward: the certificate is the oracle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from gossamer.linop import Callables, Dense, Sparse, as_operator
from gossamer.problem import LeastSquares, duality_gap
from gossamer.solvers import CoordinateDescent, GramPool
from gossamer.solvers.gram_quadratic import GramQuadratic
from gossamer.sparse import lasso, lasso_path, max_penalty
from gossamer.terms import L1, BoxedL1, ElasticNet, SeparablePenalty

ROUNDING = 1e-12  # sums of 40 products of numbers near 1
TIGHT = 1e-9  # of the certificate: far below what a wrong support would leave


def drawn(m: int, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(m, n, generator=generator, dtype=torch.float64)
    truth = torch.zeros(n, dtype=torch.float64)
    truth[:: max(1, n // 7)] = torch.randn(len(truth[:: max(1, n // 7)]), generator=generator, dtype=torch.float64)
    return A, A @ truth + 0.3 * torch.randn(m, generator=generator, dtype=torch.float64)


def correlated(m: int, n: int) -> tuple[Tensor, Tensor]:
    A, b = drawn(m, n)
    for j in range(1, n):
        A[:, j] = 0.95 * A[:, j - 1] + (1 - 0.95**2) ** 0.5 * A[:, j]
    return A, b


def with_copies(m: int, n: int) -> tuple[Tensor, Tensor]:
    A, b = drawn(m, n)
    A[:, n // 2 :] = A[:, : n - n // 2]
    A[:, 3] = 0.0
    return A, b


DESIGNS: dict[str, Callable[[], tuple[Tensor, Tensor]]] = {
    "wide": lambda: drawn(50, 300),
    "tall": lambda: drawn(400, 20),
    "square": lambda: drawn(120, 120),
    "correlated": lambda: correlated(60, 250),
    "copies and a zero column": lambda: with_copies(60, 200),
    "one column": lambda: drawn(30, 1),
    "one sample": lambda: drawn(1, 40),
    "scaled up": lambda: (drawn(50, 150)[0] * 1e6, drawn(50, 150)[1]),
}


@pytest.mark.parametrize("share", [0.5, 0.05, 1e-3])
@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_is_solved_to_its_certificate(name: str, share: float) -> None:
    A, b = DESIGNS[name]()
    found = lasso(A, b, share * float(max_penalty(A, b)), tol=TIGHT, solver="coordinate_descent")
    assert float(found.gap) <= TIGHT


@pytest.mark.parametrize("name", ["wide", "tall", "correlated", "copies and a zero column"])
def test_every_penalty_is_solved_to_its_certificate(name: str) -> None:
    A, b = DESIGNS[name]()
    most, n = float(max_penalty(A, b)), A.shape[1]
    weights = torch.linspace(0, 2, n, dtype=torch.float64)
    terms: list[SeparablePenalty] = [
        L1(0.1 * most, weights),
        ElasticNet(0.05 * most, 3.0),
        ElasticNet(0.0, 2.0),
        ElasticNet(0.1 * most, 1.0, weights + 0.1, low=0.0),
        ElasticNet(0.02 * most, 1.0, weights, -0.2, 0.3),
        BoxedL1(0.1 * most),
        BoxedL1(0.02 * most, -0.2, 0.3),
        BoxedL1(0.0, -0.1, 0.1),
    ]
    for term in terms:
        found = CoordinateDescent(tol=1e-7).solve(LeastSquares(Dense(A), b[None], term))
        assert float(found.gap) <= 1e-7, term


def test_no_penalty_is_least_squares() -> None:
    for name in ("tall", "wide"):
        A, b = DESIGNS[name]()
        x = lasso(A, b, 0.0, tol=1e-7).x
        best = torch.linalg.lstsq(A, b).solution
        assert float((A @ x - b).norm()) <= float((A @ best - b).norm()) + 1e-3 * float(b.norm())


def test_a_map_known_by_its_products_alone_is_solved_as_its_matrix_is() -> None:
    A, b = DESIGNS["wide"]()
    products = Callables(lambda x: x @ A.mT, lambda y: y @ A, (50, 300), torch.float64)
    level = 0.1 * float(max_penalty(A, b))
    one, other = lasso(products, b, level, tol=TIGHT), lasso(A, b, level, tol=TIGHT)
    torch.testing.assert_close(one.x, other.x, rtol=0, atol=1e-6)


def test_centred_and_weighted_sparse_designs_are_their_dense_forms() -> None:
    A, b = drawn(80, 300)
    A = A * (torch.rand(A.shape, generator=torch.Generator().manual_seed(2)) < 0.1)
    weight = torch.linspace(0.5, 2, 80, dtype=torch.float64)
    found = [
        lasso(design, b + 3, 2.0, intercept=True, sample_weights=weight, tol=TIGHT)
        for design in (Sparse(A.to_sparse()), A, A.T.contiguous().T)
    ]
    for one in found[1:]:
        torch.testing.assert_close(one.x, found[0].x, rtol=0, atol=1e-5)
        torch.testing.assert_close(one.intercept, found[0].intercept, rtol=0, atol=1e-5)


def test_a_warm_start_that_is_the_answer_costs_no_round_and_a_wrong_one_does_no_harm() -> None:
    A, b = DESIGNS["wide"]()
    level = 0.05 * float(max_penalty(A, b))
    first = lasso(A, b, level)
    assert int(lasso(A, b, level, x0=first.x).steps) == 0
    wrong = lasso(A, b, level, x0=torch.full((300,), 5.0, dtype=torch.float64))
    assert float(wrong.gap) <= 1e-6


def test_float32_is_judged_as_it_is_handed_out() -> None:
    A, b = DESIGNS["correlated"]()
    A, b = A.float(), b.float()
    found = lasso(A, b, 0.02 * float(max_penalty(A, b)))
    assert found.x.dtype == torch.float32
    gap = duality_gap(Dense(A), b, L1(0.02 * float(max_penalty(A, b))), found.x).gap
    assert float(gap) == pytest.approx(float(found.gap), abs=1e-12)
    assert float(gap) <= 1e-6


def test_a_path_to_a_tiny_penalty_and_one_that_stands_still() -> None:
    A, b = DESIGNS["correlated"]()
    path = lasso_path(A, b, count=25, ratio=1e-4)
    assert float(path.recovery.gap.max()) <= 1e-6
    again = lasso_path(A, b, [3.0, 3.0, 3.0])
    torch.testing.assert_close(again.x[1], again.x[2], rtol=0, atol=1e-3)
    zero = lasso_path(A, b * 0, [3.0, 1.0])
    assert not zero.x.any()


def test_a_pool_holds_sparse_columns_as_entries_and_knows_the_same_products() -> None:
    generator = torch.Generator().manual_seed(3)
    A = torch.randn(40, 90, generator=generator, dtype=torch.float64)
    A *= torch.rand(40, 90, generator=generator) < 0.1
    dense, sparse = GramPool(as_operator(A)), GramPool(as_operator(A.to_sparse()))
    values = torch.randn(25, generator=generator, dtype=torch.float64).numpy()
    for wanted in (np.arange(0, 20), np.arange(10, 35), np.arange(60, 85)):
        places = dense.places(wanted)
        assert (places == sparse.places(wanted)).all()
    assert np.allclose(dense.gram, sparse.gram, rtol=0, atol=ROUNDING)
    assert np.allclose(dense.gram, (A.T @ A).numpy()[np.ix_(dense.indices, dense.indices)], rtol=0, atol=ROUNDING)
    assert torch.allclose(sparse.forward(places, values), A[:, 60:85] @ torch.from_numpy(values), rtol=0, atol=ROUNDING)


def thin(m: int, n: int, alike: float = 0.0) -> Tensor:
    """Columns of two or three entries; with `alike`, pairs that are nearly the same, over which sweeps crawl."""
    generator = torch.Generator().manual_seed(5)
    A = torch.randn(m, n, generator=generator, dtype=torch.float64)
    A *= torch.rand(m, n, generator=generator) < 2.5 / m
    if alike:
        A[:, n // 2 :] = A[:, : n // 2] * (1 + alike * torch.randn(m, n // 2, generator=generator, dtype=torch.float64))
    return A


@pytest.mark.parametrize("penalty", [L1(0.3), ElasticNet(0.2, 0.5), BoxedL1(0.3, 0.0, 0.4)])
@pytest.mark.parametrize("places", [None, np.arange(30, 90)])
def test_columns_of_few_entries_are_swept_as_such_to_the_same_answer(
    penalty: SeparablePenalty, places: np.ndarray | None
) -> None:
    A = thin(2000, 120)
    pool = GramPool(as_operator(A.to_sparse()))
    pool.places(np.arange(120))
    chosen = A if places is None else A[:, places]
    c = (chosen.T @ torch.randn(2000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)).numpy()
    level = np.full(len(c), penalty.level)
    x, h, settled = pool.swept(places, level, penalty, np.zeros_like(c), c, 1e-10)
    assert settled
    gram = (chosen.T @ chosen).numpy()
    assert np.allclose(h, c - gram @ x - penalty.ridge * x, rtol=0, atol=ROUNDING)
    wanted = GramQuadratic(gram, None, level, *penalty.bounds, penalty.ridge).solve(np.zeros_like(c), c, 1e-10)
    assert np.allclose(x, wanted, rtol=0, atol=1e-9)
    assert pool.swept(places, level, penalty, x, h, 1e-8)[2], "an answer is left as it is"


def test_sweeps_that_crawl_give_way_to_newton_steps() -> None:
    A = thin(200, 120, alike=1e-4)
    pool = GramPool(as_operator(A.to_sparse()))
    pool.places(np.arange(120))
    c = (A.T @ torch.randn(200, generator=torch.Generator().manual_seed(1), dtype=torch.float64)).numpy()
    given = np.full(120, 1e-3), L1(1e-3), np.zeros(120), c
    x, h, settled = pool.swept(None, *given, 1e-12)
    assert not settled
    assert np.allclose(h, c - (A.T @ A).numpy() @ x, rtol=0, atol=ROUNDING), "what was swept counts"
    assert pool.swept(None, *given, 1e-12)[0] is given[2], "and it is not tried again"
    b = torch.randn(200, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = lasso(A.to_sparse(), b, 1e-3)
    assert float(found.gap) <= 1e-6


def test_a_pool_of_dense_columns_is_not_swept() -> None:
    pool = GramPool(as_operator(torch.eye(3, dtype=torch.float64)))
    pool.places(np.arange(3))
    start = np.zeros(3), np.ones(3)
    assert pool.swept(None, np.full(3, 0.1), L1(0.1), *start, 1e-9) == (*start, False)
