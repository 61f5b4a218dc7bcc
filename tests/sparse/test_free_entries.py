"""Entries that no absolute value is put on, by the solver that is chosen: squares alone, and columns of weight 0."""

from __future__ import annotations

import pytest
import torch

from gossamer.sparse import elastic_net, lasso, lasso_path, ridge

TIGHT = 1e-12  # the gap asked of a solver, whose x is compared with another's
CLOSE = 1e-5  # of x at that gap: about its square root


def drawn(m: int, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(m + n)
    A = torch.randn(m, n, generator=generator, dtype=torch.float64)
    return A, A[:, :3].sum(1) + torch.randn(m, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("n", [20, 60, 1100])
def test_an_elastic_net_without_absolute_values_is_ridge_regression(n: int) -> None:
    A, b = drawn(40, n)
    found = elastic_net(A, b, 0.0, 10.0, tol=TIGHT)
    assert float(found.gap) <= TIGHT
    assert torch.allclose(found.x, ridge(A, b, 10.0).x, atol=CLOSE)


@pytest.mark.parametrize("solver", [None, "coordinate_descent", "gram_descent", "fista"])
def test_columns_of_weight_zero_are_fitted_out_of_all_others(solver: str | None) -> None:
    """The Lasso of the rest, after the free columns' span was projected out of the design and the target."""
    A, b = drawn(40, 80)
    weights = torch.ones(80, dtype=torch.float64).index_fill_(0, torch.arange(5), 0.0)
    basis = torch.linalg.qr(A[:, :5]).Q
    rest = lasso(A[:, 5:] - basis @ (basis.T @ A[:, 5:]), b - basis @ (basis.T @ b), 4.0, tol=TIGHT).x
    found = lasso(A, b, 4.0, weights=weights, tol=TIGHT, solver=solver)
    assert float(found.gap) <= TIGHT
    assert torch.allclose(found.x[5:], rest, atol=CLOSE)
    assert torch.allclose(lasso_path(A, b, [8.0, 4.0], weights=weights, tol=TIGHT).x[1, 5:], rest, atol=CLOSE)
