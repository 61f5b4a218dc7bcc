"""Least squares on supports: each way against the pseudo-inverse, and designs that cannot be held as a matrix."""

from __future__ import annotations

import pytest
import torch

from gossamer.linop import Dense, SubsampledDCT
from gossamer.solvers import restricted
from gossamer.solvers.restricted import RestrictedFit
from gossamer.sparse import cosamp, htp, subspace_pursuit

# Rounding of well-conditioned float64 fits; conjugate gradients stop at 1e-13 of the slope.
NEAR = 1e-9
WAYS = {"gram": {}, "columns": {"_GRAM_COLUMNS": 0}, "products": {"_GRAM_COLUMNS": 0, "_ITEMS_AT_ONCE": 1}}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, limit in WAYS[request.param].items():
        monkeypatch.setattr(restricted, name, limit)
    return str(request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)
def test_a_fit_is_the_pseudo_inverse_on_its_support(dtype: torch.dtype) -> None:
    """Supports of 0, few, m, more than m, and all columns; of two equal columns both get half."""
    A, b = torch.randn(9, 16, dtype=dtype), torch.randn(6, 9, dtype=dtype)
    A[:, 4] = A[:, 11]
    support = torch.zeros(6, 16, dtype=torch.bool)
    for row, size in zip(support[1:], (1, 5, 7, 13, 16), strict=True):
        row[torch.randperm(16)[:size]] = True
    support[2, [4, 11]] = True
    found = RestrictedFit(Dense(A))(b, support)
    for x, where, right in zip(found, support, b, strict=True):
        torch.testing.assert_close(x[where], torch.linalg.pinv(A[:, where]) @ right, rtol=0, atol=NEAR)
        assert not bool(x[~where].any())
    torch.testing.assert_close(RestrictedFit(Dense(A), once=True)(b, support), found, rtol=0, atol=NEAR)


@pytest.mark.parametrize("solve", [cosamp, subspace_pursuit, htp])
@pytest.mark.parametrize("limit", [restricted._ITEMS_AT_ONCE, 1])
def test_a_design_is_never_made_dense(monkeypatch: pytest.MonkeyPatch, solve, limit: int) -> None:
    def refuse(self: SubsampledDCT) -> None:
        raise AssertionError("the matrix itself was asked for")

    monkeypatch.setattr(restricted, "_ITEMS_AT_ONCE", limit)
    monkeypatch.setattr(SubsampledDCT, "dense", refuse)
    monkeypatch.setattr(SubsampledDCT, "gram", refuse)
    A = SubsampledDCT(2000, torch.randperm(2000)[:500].sort().values, torch.float64)
    truth = torch.zeros(2, 2000, dtype=torch.float64)
    truth[0, [7, 300, 1500]], truth[1, [5, 1999, 123]] = torch.tensor([2.0, -1, 3]).double(), torch.ones(3).double()
    scale = float(A.column_norms().mean())
    found = solve(A, A.mv(truth), 3, **({"step": 1 / scale**2} if solve is htp else {}))
    torch.testing.assert_close(found.x, truth, rtol=0, atol=NEAR)
