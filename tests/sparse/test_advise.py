"""Advice: what it measures, that its code runs, and that on small regimes of each kind it finds the support."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import gossamer
from gossamer.errors import DataError
from gossamer.linop import Dense
from gossamer.sparse import Advice, advise
from gossamer.sparse.design_facts import facts
from gossamer.sparse.trials import Trial, judged

FOUND = 0.8  # of support F1, on regimes this small and at a signal-to-noise ratio of 5 or more; chance is below 0.2
D = torch.float64


def truth(n: int, k: int, generator: torch.Generator) -> Tensor:
    x = torch.zeros(n, dtype=D)
    x[torch.randperm(n, generator=generator)[:k]] = 1.0 + torch.rand(k, generator=generator, dtype=D)
    return x


def noisy(m: int, n: int, k: int, snr: float, seed: int, rho: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(m, n, generator=generator, dtype=D)
    for j in range(1, n):
        A[:, j] = rho * A[:, j - 1] + math.sqrt(1 - rho**2) * A[:, j]
    x = truth(n, k, generator)
    clean = A @ x
    return A, clean + torch.randn(m, generator=generator, dtype=D) * (clean.var() / snr).sqrt(), x


def score(found: Tensor, x: Tensor) -> float:
    hits = ((found != 0) & (x != 0)).sum()
    return float(2 * hits / ((found != 0).sum() + (x != 0).sum()))


@pytest.fixture(scope="module")
def twins() -> tuple[Tensor, Tensor, Tensor, Advice]:
    A, b, x = noisy(60, 50, 4, 20.0, 1, rho=0.9)
    return A, b, x, advise(A, b)


def test_noise_and_correlation(twins: tuple[Tensor, Tensor, Tensor, Advice]) -> None:
    A, b, x, advice = twins
    assert score(advice.first.run().x, x) >= FOUND
    assert advice.noise == pytest.approx(float((b - A @ x).std()), rel=0.3)
    assert [one.function for one in advice.suggestions].count("omp") == 2
    assert advice.suggestions[-1].function in ("lasso_cv", "elastic_net_cv")


def test_the_code_is_what_runs(twins: tuple[Tensor, Tensor, Tensor, Advice]) -> None:
    A, b, _, advice = twins
    for one in advice.suggestions:
        names: dict[str, Any] = {"A": A, "b": b, "gossamer": gossamer}
        exec(one.code, names)
        assert torch.equal(names["x"], one.run().x)


def test_it_reads_as_text(twins: tuple[Tensor, Tensor, Tensor, Advice]) -> None:
    text = str(twins[-1])
    assert text.startswith("A is 60 × 50, 100% of it nonzero; 1 signal;")
    assert "\n1. " in text
    assert "gossamer.sparse." in text


def test_without_noise_it_asks_for_an_exact_solution() -> None:
    generator = torch.Generator().manual_seed(2)
    A = torch.randn(40, 100, generator=generator, dtype=D)
    x = truth(100, 6, generator)
    advice = advise(A, A @ x)
    assert advice.noise == 0
    assert {one.function for one in advice.suggestions} == {"omp", "basis_pursuit"}
    assert score(advice.first.run().x, x) == 1.0
    single = advise(A.float(), (A @ x).float())
    assert score(single.first.run().x, x) == 1.0


def test_more_columns_than_samples_and_norms_apart() -> None:
    A, b, x = noisy(60, 300, 3, 10.0, 3)
    scale = torch.linspace(1, 4, 300, dtype=D)
    advice = advise(A * scale, b)
    assert advice.facts.uneven
    assert score(advice.first.run().x, x) >= FOUND
    lasso = next(one for one in advice.suggestions if one.function == "lasso")
    assert "weights=A.norm(dim=0)" in lasso.code


def test_many_signals_of_a_coherent_dictionary() -> None:
    generator = torch.Generator().manual_seed(4)
    steps = torch.arange(32, dtype=D)
    cosines = torch.cos(math.pi * (steps[:, None] + 0.5) * steps / 32)
    A = torch.cat([torch.eye(32, dtype=D), cosines / cosines.norm(dim=0)], 1)
    x = torch.stack([truth(64, 3, generator) for _ in range(60)])
    b = x @ A.T + 0.05 * torch.randn(60, 32, generator=generator, dtype=D)
    advice = advise(A, b)
    found = advice.first.run().x
    assert found.shape == x.shape
    assert score(found, x) >= FOUND
    assert advice.facts.signals == 48


def test_signals_that_share_a_support_are_solved_together() -> None:
    generator = torch.Generator().manual_seed(5)
    A = torch.randn(32, 64, generator=generator, dtype=D)
    x = (truth(64, 4, generator) != 0) * torch.randn(20, 64, generator=generator, dtype=D)
    b = x @ A.T + torch.randn(20, 32, generator=generator, dtype=D)
    advice = advise(A, b)
    assert advice.first.function == "simultaneous_omp"
    assert score(advice.first.run().x, x) >= FOUND


def test_known_groups() -> None:
    generator = torch.Generator().manual_seed(6)
    A = torch.randn(60, 60, generator=generator, dtype=D)
    groups = torch.arange(60) // 5
    x = torch.isin(groups, torch.tensor([2, 7])) * torch.randn(60, generator=generator, dtype=D)
    b = A @ x + 0.7 * torch.randn(60, generator=generator, dtype=D)
    advice = advise(A, b, groups=groups)
    assert advice.first.function == "group_lasso"
    assert score(advice.first.run().x, x) == 1.0
    with pytest.raises(DataError, match="one signal"):
        advise(A, torch.stack([b, b]), groups=groups)


def test_pure_noise_is_called_noise_and_large_means_are_told() -> None:
    generator = torch.Generator().manual_seed(7)
    A = torch.randn(60, 80, generator=generator, dtype=D)
    advice = advise(A, torch.randn(60, generator=generator, dtype=D))
    assert int((advice.first.run().x != 0).sum()) <= 2
    assert not advice.notes or "stands out" in advice.notes[0]
    far = advise(A + 5, A[:, 0] + 5 + 0.1 * torch.randn(60, generator=generator, dtype=D))
    assert "centre" in far.notes[0]


def test_facts_by_hand() -> None:
    A = torch.tensor([[3.0, 1.0, 0.0], [0.0, 0.0, 2.0], [0.0, 1.0, 0.0], [4.0, 0.0, 0.0]], dtype=D)
    seen = facts(Dense(A), torch.tensor([[1.0, -1.0, 0.0, 0.0]], dtype=D))
    assert seen.density == pytest.approx(5 / 12)
    assert seen.spread == pytest.approx(5 / 2**0.5)
    assert seen.coherence == pytest.approx(3 / (5 * 2**0.5))
    values = torch.linalg.svdvals(A)
    assert seen.condition == pytest.approx(float(values[0] / values[-1]))


def test_noise_is_estimated_from_above() -> None:
    """An orthonormal design: at the true variance the criterion keeps what exceeds it, whatever the start."""
    A = torch.eye(40, dtype=D)
    b = torch.cat([torch.tensor([9.0, -8.0], dtype=D), torch.ones(38, dtype=D)]).unsqueeze(0)
    models = torch.stack([b[0] * (torch.arange(40) < k) for k in range(11)])
    choices = torch.tensor([2 * (math.lgamma(41) - math.lgamma(k + 1) - math.lgamma(41 - k)) for k in range(11)])
    trial = Trial("", "omp", [{"k": k} for k in range(11)], models.unsqueeze(1), choices.double())
    verdicts, variance = judged([trial], A, b, 4.0)
    assert verdicts[0].level == 2
    assert variance == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("b", "words"),
    [
        (torch.zeros(40, dtype=D), "zero"),
        (torch.ones(3, dtype=D), "shape"),
        (torch.ones(40), "float32"),
        (torch.full((40,), float("nan"), dtype=D), "NaN"),
    ],
)
def test_bad_input_is_told(b: Tensor, words: str) -> None:
    A = torch.randn(40, 20, generator=torch.Generator().manual_seed(0), dtype=D)
    with pytest.raises(DataError, match=words):
        advise(A, b)
