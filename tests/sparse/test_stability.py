"""Stability selection: what is there is chosen in every half, what is not obeys its bound."""

from __future__ import annotations

import pytest
import torch
from regression_cases import problem

from gossamer.errors import DataError
from gossamer.sparse import Stability, stability, stability_selection
from gossamer.sparse.stability import _halves


def test_halves_are_disjoint_pairs_of_one_size() -> None:
    halves = list(_halves(11, 3, 0))
    assert [len(half) for half in halves] == [5] * 6
    for first, second in zip(halves[::2], halves[1::2], strict=True):
        assert len(torch.cat([first, second]).unique()) == 10
    assert not torch.equal(halves[0], halves[2])


def test_true_columns_are_stable_and_noise_is_not() -> None:
    A, b = problem(m=120, n=40, nonzeros=3, noise=0.5)
    found = stability_selection(A, b, k=6, pairs=15, intercept=True, standardise=True)
    assert set(found.selected(0.9).tolist()) == {0, 13, 26}
    assert found.frequency.shape == (40,)
    assert float(found.frequency.sum()) == pytest.approx(found.average)
    assert found.average <= 6


def test_a_grid_of_levels_tells_what_the_exact_path_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    A, b = problem(m=60, n=30, nonzeros=3)
    weights = torch.linspace(0.8, 1.2, 30, dtype=torch.float64)
    exact = stability_selection(A, b, k=3, pairs=2, intercept=True, standardise=True, weights=weights)
    monkeypatch.setattr(stability, "DENSE", 0)
    coarse = stability_selection(A, b, k=3, pairs=2, intercept=True, standardise=True, weights=weights)
    assert float((exact.frequency - coarse.frequency).abs().max()) <= 0.25, "one half of four, by columns that tie"
    assert torch.equal(exact.selected(), coarse.selected())


def test_pure_noise_obeys_the_bound() -> None:
    """The bound is on an expectation: here over twelve designs, at a threshold where it is below one column."""
    false, bound = 0, 0.0
    for seed in range(12):
        generator = torch.Generator().manual_seed(seed)
        A = torch.randn(40, 30, generator=generator)
        found = stability_selection(A, torch.randn(40, generator=generator), k=4, pairs=8, seed=seed)
        false += len(found.selected(0.8))
        bound += found.false_bound(0.8)
    assert bound < 12
    assert false <= bound


def test_the_bound_by_hand_and_the_seed() -> None:
    found = Stability(torch.zeros(50, dtype=torch.float64), 5, 100, 4.0)
    assert found.false_bound(0.9) == pytest.approx(16 / (0.8 * 50))
    A, b = problem()
    one, two = (stability_selection(A, b, pairs=3, seed=7).frequency for _ in range(2))
    assert torch.equal(one, two)


@pytest.mark.parametrize(
    "change",
    [{"k": 0}, {"k": 31}, {"pairs": 0}, {"weights": torch.zeros(30)}, {"b": torch.zeros(3, dtype=torch.float64)}],
)
def test_bad_input_is_one_clear_error(change: dict[str, object]) -> None:
    A, b = problem()
    with pytest.raises(DataError, match="give"):
        stability_selection(**({"A": A, "b": b} | change))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="above"):
        Stability(torch.zeros(3), 1, 2, 1.0).false_bound(0.5)
