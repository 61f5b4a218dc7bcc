"""Information criteria against scikit-learn and by hand; degrees of freedom by their definition."""

from __future__ import annotations

from math import comb, log

import numpy as np
import pytest
import torch
from regression_cases import TIGHT, problem
from sklearn.linear_model import LassoLarsIC

from gossamer.errors import DataError
from gossamer.sparse import degrees_of_freedom, elastic_net, information_criterion, lasso, lasso_path


@pytest.mark.parametrize("criterion", ["aic", "bic"])
def test_aic_and_bic_are_scikit_learns(criterion: str) -> None:
    A, b = problem()
    other = LassoLarsIC(criterion=criterion, noise_variance=0.3).fit(A.numpy(), b.numpy())
    path = lasso_path(A, b, 60 * other.alphas_[:-1], intercept=True, tol=TIGHT)
    found = information_criterion(A, b, path.x, path.recovery.intercept, criterion=criterion, variance=0.3)
    # at a kink of the path a column is about to enter: there scikit-learn's exact zero may be our 1e-9
    middle = (other.alphas_[:-1] + other.alphas_[1:]) / 2
    assert np.allclose(found.values[0], other.criterion_[0])
    path = lasso_path(A, b, 60 * middle, intercept=True, tol=TIGHT)
    found = information_criterion(A, b, path.x, path.recovery.intercept, criterion=criterion, variance=0.3)
    bounds = np.minimum(other.criterion_[:-1], other.criterion_[1:]) - 2 * log(60)
    assert (found.values.numpy() >= bounds).all()
    at = lasso(A, b, 60 * other.alpha_ * (1 + 1e-9), intercept=True, tol=1e-13)
    best = information_criterion(A, b, at.x[None], at.intercept[None], criterion=criterion, variance=0.3)
    assert float(best.values[0]) == pytest.approx(other.criterion_.min(), abs=1e-3)


def test_the_formulas_by_hand() -> None:
    A, b = problem(m=20, n=10)
    x = lasso(A, b, 5.0, tol=TIGHT).x
    k, squares = int((x != 0).sum()), float(((A @ x - b) ** 2).sum())
    assert 2 < k < 10
    base = 20 * log(2 * np.pi * squares / 20) + 20
    expected = {
        "aic": 2 * k,
        "aicc": 2 * k + 2 * (k + 1) * (k + 2) / (20 - k - 2),
        "bic": log(20) * k,
        "ebic": log(20) * k + 2 * 0.7 * log(comb(10, k)),
    }
    for criterion, added in expected.items():
        found = information_criterion(A, b, x[None], criterion=criterion, gamma=0.7)
        assert float(found.values[0]) == pytest.approx(base + added)


def test_ebic_finds_the_support_among_many_columns() -> None:
    A, b = problem(m=80, n=200, nonzeros=4, noise=0.3)
    path = lasso_path(A, b, intercept=True)
    chosen = path.x[information_criterion(A, b, path.x, path.recovery.intercept).best]
    assert set(range(0, 200, 50)) <= set(chosen.nonzero().flatten().tolist())
    assert int((chosen != 0).sum()) <= 12


def test_degrees_of_freedom_count_the_rank_and_know_a_ridge() -> None:
    A, b = problem(n=10)
    twice = torch.cat([A, A[:, :3]], 1)
    x = torch.ones(1, 13, dtype=torch.float64)
    assert float(degrees_of_freedom(twice, x)) == 10
    assert float(degrees_of_freedom(torch.ones(5, 1), torch.ones(1, 1), centred=True)) == 0
    x = elastic_net(A, b, 20.0, 15.0, tol=TIGHT).x
    S = A[:, x != 0]
    hat = S @ torch.linalg.solve(S.T @ S + 15.0 * torch.eye(S.shape[1], dtype=torch.float64), S.T)
    assert float(degrees_of_freedom(A, x[None], 15.0)) == pytest.approx(float(hat.trace()))


def test_degrees_of_freedom_are_the_covariance_with_the_noise() -> None:
    """Their definition: Σ cov(fit_i, noise_i)/σ², here over 400 draws; the mean support size agrees."""
    A, _ = problem(m=30, n=12)
    truth = torch.zeros(12, dtype=torch.float64)
    truth[[1, 5]] = 1.0
    noise = torch.randn(400, 30, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x = lasso(A, A @ truth + noise, 12.0, tol=1e-9).x
    fits = x @ A.T
    by_definition = ((fits - fits.mean(0)) * noise).sum() / 399
    spread = ((fits - fits.mean(0)) * noise).sum(1).std() / 20
    assert abs(float(by_definition - degrees_of_freedom(A, x).mean())) < 4 * float(spread)


@pytest.mark.parametrize("change", [{"criterion": "cp"}, {"gamma": 2.0}, {"variance": 0.0}, {"x": torch.zeros(2, 3)}])
def test_bad_input_is_one_clear_error(change: dict[str, object]) -> None:
    A, b = problem()
    given = {"A": A, "b": b, "x": torch.zeros(2, 30, dtype=torch.float64)} | change
    with pytest.raises(DataError):
        information_criterion(**given)  # type: ignore[arg-type]
