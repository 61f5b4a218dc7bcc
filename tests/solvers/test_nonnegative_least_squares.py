"""Non-negative and bounded least squares without a penalty, against scipy; and their certificate."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear, nnls
from torch import Tensor

from gossamer.linop import Dense
from gossamer.problem import duality_gap
from gossamer.sparse import elastic_net, lasso
from gossamer.terms import BoxedL1

SOLVERS = ("gram_descent", "coordinate_descent", "fista")
TIGHT = 1e-11  # relative gap; objectives then agree to it
NEAR = 1e-9


def problem(m: int, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(m, n, generator=generator, dtype=torch.float64)
    return A, torch.randn(4, m, generator=generator, dtype=torch.float64)


def least(A: Tensor, b: Tensor) -> Tensor:
    return torch.tensor([0.5 * nnls(A.numpy(), row.numpy())[1] ** 2 for row in b], dtype=torch.float64)


def cases() -> dict[str, tuple[Tensor, Tensor]]:
    A, b = problem(30, 12)
    wide, c = problem(10, 40, 1)  # any b is fitted exactly: the least is 0
    opposed = torch.cat([A, -A[:, :1], torch.zeros(30, 1, dtype=torch.float64)], 1)  # one entry is free in effect
    positive, d = problem(12, 20, 2)
    return {
        "tall": (A, b),
        "wide": (wide, c),
        "opposed and zero columns": (opposed, b),
        "positive": (positive.abs(), d),
        "twice": (torch.cat([A, A], 1), b),
    }


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", cases())
def test_nnls_is_scipys(solver: str, name: str) -> None:
    A, b = cases()[name]
    found = lasso(A, b, 0.0, nonnegative=True, solver=solver, tol=1e-8 if solver == "fista" else TIGHT)
    scale = 0.5 * b.square().sum(-1)
    assert float(((found.objective - least(A, b)).abs() / scale).max()) < (1e-7 if solver == "fista" else NEAR)
    assert bool((found.ending == 0).all()), found.gap


@pytest.mark.parametrize("name", cases())
def test_the_certificate_is_never_below_the_error_and_knows_a_corrupted_answer(name: str) -> None:
    A, b = cases()[name]
    scale, best = 0.5 * b.square().sum(-1), least(A, b)
    x = torch.from_numpy(np.stack([nnls(A.numpy(), row.numpy())[0] for row in b]))
    generator = torch.Generator().manual_seed(5)
    for size in (0.0, 1e-6, 1e-3, 1e-1, 1.0):
        other = (x + size * torch.rand(x.shape, generator=generator, dtype=torch.float64)).clamp(min=0)
        judged = duality_gap(Dense(A), b, BoxedL1(0.0), other)
        assert bool((judged.gap >= (judged.objective - best) / scale - 1e-13).all())
        assert size > 0 or bool((judged.gap < TIGHT).all())


def test_weightless_entries_beside_penalised_ones_and_a_ridge() -> None:
    A, b = problem(30, 12)
    weights = torch.ones(12, dtype=torch.float64)
    weights[::3] = 0
    found = lasso(A, b, 2.0, weights=weights, nonnegative=True, tol=TIGHT)
    for row, x in zip(b, found.x, strict=True):
        slope = A.T @ (row - A @ x) - 2.0 * weights
        assert float(slope.max()) < 1e-4
        assert float((slope * x).abs().max()) < 1e-4
    ridged = elastic_net(A, b, 0.0, 3.0, nonnegative=True, tol=TIGHT)
    stacked = torch.cat([A, 3.0**0.5 * torch.eye(12, dtype=torch.float64)])
    padded = torch.cat([b, b.new_zeros(4, 12)], 1)
    torch.testing.assert_close(ridged.objective, least(stacked, padded), rtol=NEAR, atol=0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_boxes_are_scipys(solver: str) -> None:
    A, b = problem(20, 8)
    found = lasso(A, b, 0.0, bounds=(-0.1, 0.3), solver=solver, tol=1e-9)
    for row, value in zip(b, found.objective, strict=True):
        other = lsq_linear(A.numpy(), row.numpy(), (-0.1, 0.3), tol=1e-13)
        assert float(value) == pytest.approx(other.cost, rel=1e-7)
    open_above = lasso(A, b, 0.0, bounds=(-0.1, float("inf")), solver=solver, tol=1e-9)
    assert bool((open_above.ending == 0).all())


def test_one_signal_needs_no_solver_named() -> None:
    A, b = problem(30, 12)
    found = lasso(A, b[0], 0.0, nonnegative=True)
    assert found.ending == 0
    assert float(found.objective) == pytest.approx(float(least(A, b[:1])), rel=1e-6)


def test_a_bound_is_judged_in_float64() -> None:
    """0.1 is not a float32: a bound rounded there would be seen as a gap of 1e-9."""
    A, b = problem(30, 12)
    assert float(lasso(A, b, 0.5, bounds=(-0.1, 0.1), tol=TIGHT).gap.max()) < TIGHT
