"""Basis pursuit by the primal–dual method: against the homotopy, in noise, in batches, on operators, complex."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gossamer.errors import DataError
from gossamer.linop import Dense, SubsampledDCT
from gossamer.problem import pursuit_gap
from gossamer.solvers import Ending
from gossamer.sparse import basis_pursuit

M, N = 30, 60
NEAR = 1e-5  # of ‖x‖₁, at a gap of 1e-6 and a residual of 1e-7


def problem(signals: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(M, N, dtype=dtype, generator=generator)
    truth = torch.randn(signals, N, dtype=dtype, generator=generator)
    truth = truth * (torch.rand(signals, N, generator=generator) < 0.08)
    return A, truth, truth @ A.T


def test_it_finds_what_the_homotopy_finds() -> None:
    A, truth, b = problem(6)
    b[5] = torch.randn(M, dtype=torch.float64, generator=torch.Generator().manual_seed(1))  # no sparse explanation
    found, wanted = basis_pursuit(A, b, solver="primal_dual"), basis_pursuit(A, b)
    assert found.ending.tolist() == [Ending.CONVERGED] * 6
    assert torch.allclose(found.objective, wanted.objective, rtol=NEAR)
    assert float((found.x[:5] - truth[:5]).abs().max()) < 1e-4
    assert bool((found.residual <= 1e-7 * b.norm(dim=1)).all())


def test_it_stays_in_the_ball() -> None:
    A, _, b = problem(3)
    b = b + 0.1 * torch.randn(b.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found, wanted = (basis_pursuit(A, b, epsilon=0.5, solver=s) for s in ("primal_dual", "homotopy"))
    assert found.ending.tolist() == [Ending.CONVERGED] * 3
    assert torch.allclose(found.objective, wanted.objective, rtol=NEAR)
    assert bool((found.residual <= 0.5 * (1 + 1e-6)).all())


def test_each_row_of_a_batch_is_its_solo_solve() -> None:
    A, _, b = problem(5, seed=3)
    together = basis_pursuit(A, b, solver="primal_dual")
    for row in range(5):
        alone = basis_pursuit(A, b[row], solver="primal_dual")
        assert int(alone.steps) == int(together.steps[row])
        assert float((alone.x - together.x[row]).abs().max()) < 1e-9


def test_a_measurement_of_zero_is_explained_by_zero() -> None:
    found = basis_pursuit(torch.eye(3), torch.zeros(2, 3), solver="primal_dual")
    assert not found.x.any()
    assert found.ending.tolist() == [Ending.CONVERGED] * 2


def test_an_operator_is_only_multiplied() -> None:
    truth = torch.zeros(1, 400, dtype=torch.float64)
    truth[0, [10, 150, 151, 320]] = torch.tensor([1.0, -2.0, 0.5, 1.5], dtype=torch.float64)
    kept = torch.randperm(400, generator=torch.Generator().manual_seed(0))[:80].sort().values
    A = SubsampledDCT(400, kept, dtype=torch.float64)
    found = basis_pursuit(A, A.mv(truth), solver="primal_dual")
    assert float((found.x - truth).abs().max()) < 1e-4


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_complex_signals_are_found_and_certified(dtype: torch.dtype) -> None:
    A, truth, b = problem(3, seed=4, dtype=dtype)
    found = basis_pursuit(A, b, solver="primal_dual", tol=1e-5)
    assert found.x.dtype == dtype
    assert float((found.x - truth).abs().max()) < 1e-3
    assert bool((found.gap <= 1e-5).all())


def test_the_complex_certificate_is_that_of_the_real_one_turned() -> None:
    """Turning b and x by a phase changes nothing: |x| and the residual are moduli."""
    A, truth, b = problem(1)
    dual = torch.randn(1, M, dtype=torch.float64)
    phase = torch.polar(torch.ones((), dtype=torch.float64), torch.tensor(0.7, dtype=torch.float64))
    epsilon = torch.tensor([0.1], dtype=torch.float64)
    real = pursuit_gap(Dense(A), b, truth * 1.1, dual, epsilon)
    turned = pursuit_gap(Dense(A.to(torch.complex128)), b * phase, truth * 1.1 * phase, dual * phase, epsilon)
    assert float(turned.gap) == pytest.approx(float(real.gap), rel=1e-12)
    assert float(turned.residual) == pytest.approx(float(real.residual), rel=1e-12)


@pytest.mark.parametrize("solver", ["homotopy", "admm"])
def test_solvers_for_real_data_say_who_takes_complex_data(solver: str) -> None:
    A, _, b = problem(1, dtype=torch.complex128)
    with pytest.raises(DataError, match="primal_dual"):
        basis_pursuit(A, b, solver=solver)
