"""Greedy recovery: oracles, exact cases, invariances, batches, refusals."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from sklearn.linear_model import orthogonal_mp
from torch import Tensor

from gossamer.errors import DataError
from gossamer.solvers.outcome import Ending
from gossamer.sparse import greedy

ALL = [greedy.omp, greedy.cosamp, greedy.subspace_pursuit, greedy.niht, greedy.htp]
# A batch and a lone signal sum in another order, and may go by the Gram matrix or by residuals.
SOLO = {torch.float32: 1e-4, torch.float64: 1e-9, torch.complex128: 1e-9}
# These creep towards their answer and rest when a step is rounding: a hundred times as far from it.
BY_GRADIENT = (greedy.niht, greedy.iht)


def planted(m: int, n: int, k: int, count: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    A = torch.randn(m, n, dtype=dtype)
    A = A / torch.linalg.vector_norm(A, dim=0)
    x = torch.zeros(count, n, dtype=dtype)
    for row in x:
        row[torch.randperm(n)[:k]] = torch.randn(k, dtype=dtype)
    return A, x, x @ A.mT


@pytest.mark.parametrize("dtype", SOLO, ids=str)
@pytest.mark.parametrize("solve", ALL)
def test_easy_signals_are_recovered_alone_and_in_a_batch(solve: Callable[..., object], dtype: torch.dtype) -> None:
    A, x, b = planted(64, 128, 6, 20, dtype)
    found = solve(A, b, 6)
    assert torch.linalg.vector_norm(found.x - x) < 1e-3 * torch.linalg.vector_norm(x)
    alone = torch.stack([solve(A, row, 6).x for row in b])
    torch.testing.assert_close(found.x, alone, rtol=0, atol=SOLO[dtype])


@pytest.mark.parametrize("dtype", SOLO, ids=str)
@pytest.mark.parametrize("solve", [*ALL, greedy.iht])
def test_each_noisy_signal_is_answered_as_alone(solve: Callable[..., object], dtype: torch.dtype) -> None:
    A, _, b = planted(64, 128, 6, 20, dtype)
    b = b + 0.05 * torch.randn_like(b)
    alone = torch.stack([solve(A, row, 6).x for row in b])
    near = SOLO[dtype] * (100 if solve in BY_GRADIENT else 1)
    torch.testing.assert_close(solve(A, b, 6).x, alone, rtol=0, atol=near)


def test_a_conjugate_that_was_not_written_out_is_a_signal_too() -> None:
    A, _, b = planted(20, 40, 3, 2, torch.complex128)
    torch.testing.assert_close(greedy.omp(A, b.conj(), 3).x, greedy.omp(A, b.conj().resolve_conj(), 3).x)


def test_omp_takes_the_steps_of_scikit_learn() -> None:
    A, _, _ = planted(30, 60, 1, 1)
    b = torch.randn(40, 30, dtype=torch.float64)
    wanted = torch.from_numpy(orthogonal_mp(A.numpy(), b.mT.numpy(), n_nonzero_coefs=7)).mT
    for found in (greedy.omp(A, b, 7).x, torch.stack([greedy.omp(A, row, 7).x for row in b])):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-9)


def test_the_residual_rule_takes_the_best_column_each_step() -> None:
    A, b = torch.randn(8, 12, dtype=torch.float64), torch.randn(8, dtype=torch.float64)
    chosen: list[int] = []
    for _ in range(4):
        left = {j: torch.linalg.lstsq(A[:, [*chosen, j]], b[:, None]) for j in range(12) if j not in chosen}
        errors = {j: float((A[:, [*chosen, j]] @ fit.solution - b[:, None]).norm()) for j, fit in left.items()}
        chosen.append(min(errors, key=errors.__getitem__))
    assert greedy.omp(A, b, 4, rule="residual").support.nonzero().squeeze(-1).tolist() == sorted(chosen)


@pytest.mark.parametrize("solve", ALL)
def test_no_support_is_better_on_tiny_exact_problems(solve: Callable[..., object]) -> None:
    A, _, b = planted(12, 14, 2, 1)
    best = min(float(torch.linalg.lstsq(A[:, s], b.mT).residuals.sum()) for s in itertools.combinations(range(14), 2))
    found = solve(A, b[0], 2)
    assert float(found.residual) ** 2 <= best + 1e-12
    assert int(found.support.sum()) <= 2


def test_omp_does_not_see_signs_scales_or_order() -> None:
    A, _, b = planted(20, 40, 5, 3)
    scale = (torch.rand(40, dtype=torch.float64) + 0.1) * torch.randn(40).sign()
    order = torch.randperm(40)
    plain = greedy.omp(A, b, 5).x
    torch.testing.assert_close(greedy.omp((A * scale)[:, order], b, 5).x, (plain / scale)[:, order])


def test_a_small_target_in_float32_is_met_by_the_residual_itself() -> None:
    A, _, b = planted(64, 128, 10, 30, torch.float32)
    found = greedy.omp(A, b, tol=1e-5)
    norms = torch.linalg.vector_norm(b, dim=-1)
    true = torch.linalg.vector_norm(b.double() - found.x.double() @ A.double().mT, dim=-1)
    assert bool((true <= 1.2e-5 * norms).all())
    assert set(found.ending.tolist()) == {Ending.RESIDUAL_REACHED}


def test_endings() -> None:
    b = torch.tensor([1.0, 2.0, 3.0])
    double = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    assert greedy.omp(double, b, 3).ending == Ending.DEPENDENT_COLUMN
    assert greedy.omp(torch.eye(3), b, 1).ending == Ending.SPARSITY_REACHED
    assert greedy.omp(torch.eye(3), b, tol=0.5).ending == Ending.RESIDUAL_REACHED
    assert greedy.omp(torch.eye(3), torch.zeros(3), 1).steps == 0
    assert greedy.iht(torch.eye(3), b, 1, step=50.0).ending == Ending.DIVERGED
    assert greedy.niht(torch.randn(9, 20), torch.randn(9), 4, max_steps=1).ending == Ending.STEPS_EXHAUSTED


def test_simultaneous_omp_finds_the_shared_support() -> None:
    A, x, _ = planted(40, 80, 6, 1)
    X = x * torch.randn(9, 1, dtype=torch.float64)
    X = X + (X != 0) * torch.randn(9, 80, dtype=torch.float64)
    torch.testing.assert_close(greedy.simultaneous_omp(A, X @ A.mT, 6).x, X)


def test_iht_never_lets_the_residual_rise_at_its_own_step() -> None:
    A, _, b = planted(30, 60, 4, 5)
    norms = [greedy.iht(A, b, 4, max_steps=steps).residual for steps in (1, 5, 25)]
    assert bool((norms[0] >= norms[1]).all() and (norms[1] >= norms[2]).all())


def test_recovery_rates_are_those_of_the_literature() -> None:
    """k steps of OMP, A (128, 256): 86 % at k = 32 and 24 % at k = 48; 100 trials, so three standard errors apart."""
    for k, low, high in ((32, 0.75, 0.97), (48, 0.1, 0.4)):
        hits = 0
        for _ in range(100):
            A, x, b = planted(128, 256, k, 1)
            hits += bool(torch.equal(greedy.omp(A, b[0], k).support, x[0] != 0))
        assert low <= hits / 100 <= high


REFUSED = {
    "neither k nor tol": (lambda A, b: greedy.omp(A, b), "neither k nor tol"),
    "k beyond m": (lambda A, b: greedy.omp(A, b, 9), r"min\(m, n\) = 4"),
    "k of 0": (lambda A, b: greedy.htp(A, b, 0), "from 1"),
    "NaN": (lambda A, b: greedy.omp(A, b * float("nan"), 1), "NaN"),
    "another length": (lambda A, b: greedy.omp(A, b[:3], 1), r"\(signals, 4\)"),
    "another dtype": (lambda A, b: greedy.omp(A, b.double(), 1), "float64"),
    "a zero column": (lambda A, b: greedy.omp(A * (torch.arange(6) != 2), b, 1), r"columns \[2\]"),
    "unlike columns": (lambda A, b: greedy.cosamp(A * torch.arange(1.0, 60.0, 10.0), b, 1), "scale them to 1"),
    "a tol of 1": (lambda A, b: greedy.omp(A, b, tol=1.0), "below 1"),
    "a negative step": (lambda A, b: greedy.iht(A, b, 1, step=-1.0), "positive"),
    "no such rule": (lambda A, b: greedy.omp(A, b, 1, rule="best"), "'correlation' or 'residual'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_in_words(name: str) -> None:
    call, message = REFUSED[name]
    A = torch.nn.functional.normalize(torch.randn(4, 6), dim=0)
    with pytest.raises(DataError, match=message):
        call(A, torch.randn(4))
