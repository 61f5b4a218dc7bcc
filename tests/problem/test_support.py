"""The certificate of a support against brute force, and against answers that were spoilt on purpose."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from gossamer.errors import DataError
from gossamer.linop import Callables, Dense
from gossamer.problem import mutual_coherence, support_certificate
from gossamer.sparse import omp, support_certificate as judge

# Float64 rounding of small least-squares problems; what is compared is relative to ‖b‖².
NEAR = 1e-10
DTYPES = [torch.float64, torch.complex128]


def least(A: Tensor, b: Tensor, support: tuple[int, ...]) -> tuple[float, Tensor]:
    """min ‖Az − b‖² over z on the support, and z."""
    z = torch.zeros(A.shape[1], dtype=A.dtype)
    if support:
        z[list(support)] = torch.linalg.pinv(A[:, list(support)]) @ b
    return float((b - A @ z).abs().square().sum()), z


def problem(dtype: torch.dtype, m: int = 7, n: int = 10) -> tuple[Tensor, Tensor]:
    return torch.randn(m, n, dtype=dtype) * torch.linspace(0.5, 2.0, n), torch.randn(m, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("size", [1, 3, 6])
def test_the_best_exchange_is_that_of_brute_force(dtype: torch.dtype, size: int) -> None:
    A, b = problem(dtype)
    support = tuple(torch.randperm(10)[:size].sort().values.tolist())
    base, x = least(A, b, support)
    energy = float(b.abs().square().sum())
    falls = {}
    for i, j in itertools.product(support, set(range(10)) - set(support)):
        falls[i, j] = (base - least(A, b, (*(s for s in support if s != i), j))[0]) / energy
    best = max(falls, key=falls.__getitem__)
    judged = support_certificate(Dense(A), b, x)
    assert float(judged.gain) == pytest.approx(max(falls[best], 0), abs=NEAR)
    assert tuple(judged.exchange.tolist()) == (best if falls[best] > 0 else (-1, -1))
    spared = min(least(A, b, tuple(s for s in support if s != i))[0] for i in support)
    assert float(judged.without) == pytest.approx(math.sqrt(spared), abs=NEAR)
    assert float(judged.misfit) < NEAR
    assert bool(judged.independent)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_support_that_may_grow_is_judged_by_additions_too(dtype: torch.dtype) -> None:
    A, b = problem(dtype)
    base, x = least(A, b, (4,))
    falls = {(-1, j): base - least(A, b, (4, j))[0] for j in range(10) if j != 4}
    falls |= {(4, j): base - least(A, b, (j,))[0] for j in range(10) if j != 4}
    best = max(falls, key=falls.__getitem__)
    judged = support_certificate(Dense(A), b, x, k=2)
    assert float(judged.gain) == pytest.approx(falls[best] / float(b.abs().square().sum()), abs=NEAR)
    assert tuple(judged.exchange.tolist()) == best


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_exact_recovery_coefficient_is_its_definition(dtype: torch.dtype) -> None:
    A, b = problem(dtype)
    unit = A / torch.linalg.vector_norm(A, dim=0)
    support = [1, 5, 8]
    rest = [j for j in range(10) if j not in support]
    wanted = float((torch.linalg.pinv(unit[:, support]) @ unit[:, rest]).abs().sum(0).max())
    assert float(support_certificate(Dense(A), b, least(A, b, tuple(support))[1]).erc) == pytest.approx(
        wanted, abs=NEAR
    )


def test_a_spoilt_answer_is_seen() -> None:
    A = torch.nn.functional.normalize(torch.randn(30, 60, dtype=torch.float64), dim=0)
    truth = torch.zeros(4, 60, dtype=torch.float64)
    truth[:, [3, 20, 41]] = torch.randn(4, 3, dtype=torch.float64).sign() * (1 + torch.rand(4, 3, dtype=torch.float64))
    b = truth @ A.mT
    sound = support_certificate(Dense(A), b, truth)
    assert bool(sound.exchange_optimal().all())
    assert float(sound.misfit.max()) < NEAR

    off = truth.clone()
    off[1, 20] *= 1.01
    assert support_certificate(Dense(A), b, off).exchange_optimal().tolist() == [True, False, True, True]

    wrong = truth.clone()
    wrong[2, 7], wrong[2, 20] = wrong[2, 20], 0.0
    judged = support_certificate(Dense(A), b, wrong)
    assert judged.exchange_optimal().tolist() == [True, True, False, True]
    assert judged.exchange[2].tolist() == [7, 20]
    assert float(judged.gain[2]) > 0.01


def test_unique_is_claimed_where_it_is_true_and_nowhere_else() -> None:
    """Spikes and a Hadamard basis: μ = 1/4, so two nonzeros are always unique; four may be had in two ways."""
    hadamard = torch.ones(1, 1, dtype=torch.float64)
    for _ in range(4):
        hadamard = torch.cat([torch.cat([hadamard, hadamard], 1), torch.cat([hadamard, -hadamard], 1)])
    A = Dense(torch.cat([torch.eye(16, dtype=torch.float64), hadamard / 4], 1))
    assert mutual_coherence(A) == pytest.approx(0.25)
    two, four = torch.zeros(32, dtype=torch.float64), torch.zeros(32, dtype=torch.float64)
    two[[3, 20]] = 1.0
    four[[0, 4, 8, 12]] = 1.0
    other = torch.zeros(32, dtype=torch.float64)
    other[[16, 17, 18, 19]] = 1.0
    torch.testing.assert_close(A.mv(four), A.mv(other))
    assert support_certificate(A, A.mv(torch.stack([two, four])), torch.stack([two, four])).unique.tolist() == [
        True,
        False,
    ]
    assert not bool(support_certificate(A, A.mv(two) + 1e-6, two).unique)
    assert not bool(support_certificate(A, A.mv(two), two, coherence=1.0).unique)


def test_dependent_columns_can_be_spared() -> None:
    A = torch.randn(6, 8, dtype=torch.float64)
    A[:, 5] = 2 * A[:, 2]
    b, x = torch.randn(6, dtype=torch.float64), torch.zeros(8, dtype=torch.float64)
    _, x = least(A, b, (1, 2, 5))
    judged = support_certificate(Dense(A), b, x)
    base = least(A, b, (1, 2))[0]
    best = max(base - least(A, b, (1, 2, j))[0] for j in (0, 3, 4, 6, 7))
    assert not bool(judged.independent)
    assert float(judged.misfit) < NEAR
    assert float(judged.without) == pytest.approx(math.sqrt(base), abs=NEAR)
    assert float(judged.gain) == pytest.approx(best / float(b.square().sum()), abs=NEAR)
    assert int(judged.exchange[0]) in (2, 5)
    assert math.isinf(float(judged.erc))


def test_supports_of_all_sizes_in_one_call_are_judged_as_alone() -> None:
    A, _ = problem(torch.float64)
    b, x = torch.randn(2, 3, 7, dtype=torch.float64), torch.randn(2, 3, 10, dtype=torch.float64)
    x *= torch.rand(2, 3, 10) < torch.tensor([0.0, 0.2, 0.5])[:, None]
    free = Callables(lambda v: v @ A.mT, lambda v: v @ A, (7, 10), torch.float64)
    together = support_certificate(Dense(A), b, x, k=7)
    for i, j in itertools.product(range(2), range(3)):
        alone = support_certificate(free, b[i, j], x[i, j], k=7)
        for name in ("residual", "misfit", "gain", "without", "erc", "exchange", "independent", "unique"):
            torch.testing.assert_close(getattr(together, name)[i, j], getattr(alone, name), msg=name)


def test_what_cannot_be_judged_is_refused() -> None:
    A, b = problem(torch.float64)
    x = torch.zeros(10, dtype=torch.float64)
    with pytest.raises(DataError, match="NaN"):
        support_certificate(Dense(A), b * float("nan"), x)
    with pytest.raises(DataError, match="more than k = 2"):
        support_certificate(Dense(A), b, x.index_fill(0, torch.arange(3), 1.0), k=2)
    with pytest.raises(DataError, match="only 7 rows"):
        support_certificate(Dense(A), b, x.index_fill(0, torch.arange(8), 1.0))


def test_float32_answers_and_tensors_are_judged_through_the_front_door() -> None:
    A = torch.nn.functional.normalize(torch.randn(40, 80), dim=0)
    truth = torch.zeros(20, 80)
    truth[:, :3] = 1.0 + torch.rand(20, 3)
    b = truth @ A.mT
    assert bool(judge(A, b, omp(A, b, 3).x).exchange_optimal().all())
    assert judge(A, b[0], omp(A, b[0], 3).x, k=3, coherence=1.0).gain.shape == ()
    with pytest.raises(DataError, match=r"x must be \(80,\)"):
        judge(A, b, truth[:, :7])
    with pytest.raises(DataError, match="one x for each b"):
        judge(A, b, truth[0])
