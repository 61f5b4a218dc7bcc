"""Ridge regression against scikit-learn and the normal equations."""

from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import Ridge
from torch import Tensor

from gossamer.errors import DataError, StructureError
from gossamer.linop import Dense
from gossamer.sparse import ridge
from gossamer.sparse.ridge import _certified, _conjugate, _factored

CLOSE = 1e-8  # of x: rounding times the condition of these designs


def problem(m: int, n: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(m + n)
    A = torch.randn(m, n, generator=generator, dtype=torch.float64)
    return A, torch.randn(3, m, generator=generator, dtype=torch.float64) + 2


@pytest.mark.parametrize(("m", "n"), [(40, 12), (12, 40)])
@pytest.mark.parametrize("intercept", [False, True])
def test_it_is_scikit_learns(m: int, n: int, intercept: bool) -> None:
    A, b = problem(m, n)
    share = torch.linspace(0.5, 2, m, dtype=torch.float64)
    other = Ridge(0.7, fit_intercept=intercept, tol=1e-14).fit(A.numpy(), b.T.numpy(), sample_weight=share.numpy())
    found = ridge(A, b, 0.7, intercept=intercept, sample_weights=share)
    torch.testing.assert_close(found.x, torch.from_numpy(other.coef_), rtol=0, atol=CLOSE)
    if intercept:
        torch.testing.assert_close(found.intercept, torch.from_numpy(other.intercept_), rtol=0, atol=CLOSE)
    assert bool((found.ending == 0).all())
    assert float(found.gap.max()) < 1e-12


def test_weights_are_the_normal_equations_and_one_row_is_its_solo_solve() -> None:
    A, b = problem(30, 10)
    weights = torch.linspace(0.1, 3, 10, dtype=torch.float64)
    found = ridge(A, b, 2.0, weights=weights)
    wanted = torch.linalg.solve(A.T @ A + 2.0 * torch.diag(weights), A.T @ b.T).T
    torch.testing.assert_close(found.x, wanted, rtol=0, atol=CLOSE)
    torch.testing.assert_close(ridge(A, b[1], 2.0, weights=weights).x, wanted[1], rtol=0, atol=CLOSE)


@pytest.mark.parametrize(("m", "n"), [(30, 10), (10, 30)])
def test_the_factor_and_conjugate_gradients_agree(m: int, n: int) -> None:
    A, b = problem(m, n)
    given = (Dense(A), torch.ones(n, dtype=torch.float64), b @ A, 0.5, 1e-12 * (b @ A).norm(dim=-1))
    torch.testing.assert_close(_factored(*given)[0], _conjugate(*given)[0], rtol=0, atol=CLOSE)


def test_float32_and_a_corrupted_answer() -> None:
    A, b = problem(30, 10)
    found = ridge(A.float(), b.float(), 1.0)
    assert found.x.dtype == torch.float32
    assert bool((found.ending == 0).all())
    # float32 cannot hold an x whose gradient is 1e-10: it must say so
    assert bool((ridge(A.float(), b.float(), 1.0, tol=1e-20).ending != 0).all())


def test_the_gap_is_never_below_the_error() -> None:
    A, b = problem(30, 10)
    weights = torch.linspace(0.1, 3, 10, dtype=torch.float64)
    best, half = ridge(A, b, 2.0, weights=weights), 0.5 * b.square().sum(-1)
    scale = weights.rsqrt()
    for size in (1e-6, 1e-3, 1.0):
        x = best.x + size * torch.ones(10, dtype=torch.float64)
        judged = _certified(Dense(A), b, scale, 2.0, x, torch.ones(3), 1e-6)
        assert bool((judged.gap >= (judged.objective - best.objective) / half - 1e-14).all())
        assert bool((judged.ending == 0).all()) == (size < 1e-4)


def test_bad_input_is_one_clear_error() -> None:
    A, b = problem(30, 10)
    for penalty in (0.0, -1.0, float("nan")):
        with pytest.raises(StructureError, match="penalty"):
            ridge(A, b, penalty)
    with pytest.raises(StructureError, match="weights"):
        ridge(A, b, 1.0, weights=torch.zeros(10))
    with pytest.raises(DataError, match="tol"):
        ridge(A, b, 1.0, tol=0.0)
    A[0, 0] = float("nan")
    with pytest.raises(DataError):
        ridge(A, b, 1.0)
