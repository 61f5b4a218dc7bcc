"""Every loss: its derivatives are those of its value, it is convex, and it splits with its conjugate."""

from __future__ import annotations

import pytest
import torch
from loss_cases import CASES, Case, M
from torch import Tensor

from gossamer.errors import DataError
from gossamer.linop import Dense
from gossamer.linop.chosen import chosen_columns
from gossamer.problem import LOSSES
from gossamer.problem.losses import Cox, Huber, Logistic, Multinomial, Poisson

STEP = 1e-5
SLOPE = 1e-8  # of a central difference at STEP: its truncation is STEP², its rounding 1e-16/STEP
EXACT = 1e-11  # rounding of sums over a dozen samples
each = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
SMOOTH = [name for name in CASES if name != "huber"]  # Huber's curvature is a bound beyond delta


def hessian(case: Case, z: Tensor) -> Tensor:
    """By differences of the gradient, (rows·m, rows·m)."""
    found = torch.empty(z.numel(), z.numel(), dtype=torch.float64)
    for place in range(z.numel()):
        move = torch.zeros_like(z).view(-1)
        move[place] = STEP
        up, down = (case.loss.gradient(z + s * move.view_as(z), case.b, case.w) for s in (1, -1))
        found[place] = ((up - down) / (2 * STEP)).reshape(-1)
    return found


def test_every_loss_of_the_table_is_tried() -> None:
    assert {type(case.loss) for case in CASES.values()} == set(LOSSES.values())
    assert set(CASES) == set(LOSSES)


@each
def test_gradient_is_the_difference_quotient(case: Case) -> None:
    for seed in range(3):
        z = case.points(seed)
        gradient = case.loss.gradient(z, case.b, case.w)
        for place in range(z.numel()):
            move = torch.zeros_like(z).view(-1)
            move[place] = STEP
            up, down = (case.loss.value(z + s * move.view_as(z), case.b, case.w).sum() for s in (1, -1))
            assert abs(float((up - down) / (2 * STEP) - gradient.view(-1)[place])) < 100 * SLOPE


@each
def test_value_is_convex_and_not_negative(case: Case) -> None:
    z, other = case.points(1), case.points(2)
    ends = [case.loss.value(end, case.b, case.w) for end in (z, other)]
    for share in (0.1, 0.5, 0.9):
        between = case.loss.value(share * z + (1 - share) * other, case.b, case.w)
        assert bool((between <= share * ends[0] + (1 - share) * ends[1] + EXACT).all())
    assert all(bool((end >= 0).all()) for end in ends)


@each
def test_curvature_is_above_the_second_derivative(case: Case) -> None:
    z = case.points(3)
    bound = torch.diag(case.loss.curvature(z, case.b, case.w).reshape(-1))
    assert float(torch.linalg.eigvalsh(bound - hessian(case, z)).min()) > -SLOPE * 100


@pytest.mark.parametrize("name", SMOOTH)
def test_gram_is_the_hessian_between_columns(name: str) -> None:
    case = CASES[name]
    z = case.points(4)
    A = torch.randn(M, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    columns, rows = torch.tensor([0, 3, 5, 3, 1]), torch.arange(5) % len(z)  # column 5 is the constant
    chosen = chosen_columns(Dense(A), columns, rows, len(z))
    wide = torch.zeros(z.numel(), 5, dtype=torch.float64)
    whole = torch.cat([A, torch.ones(M, 1, dtype=torch.float64)], 1)
    for place in range(5):
        wide[rows[place] * M : (rows[place] + 1) * M, place] = whole[:, columns[place]]
    wanted = wide.T @ hessian(case, z) @ wide
    assert torch.allclose(case.loss.gram(chosen, z, case.b, case.w), wanted, atol=1e-6)
    t = torch.randn(5, dtype=torch.float64)
    assert torch.allclose(chosen.mv(t).reshape(-1), wide @ t, atol=EXACT)
    assert torch.allclose(chosen.rmv(z), wide.T @ z.reshape(-1), atol=EXACT)


def test_hubers_curvature_is_exact_within_delta_and_falls_beyond() -> None:
    loss, b = Huber(0.5), torch.zeros(4, dtype=torch.float64)
    bends = loss.bends(torch.tensor([0.1, 0.5, 0.6, 60.0], dtype=torch.float64), b)
    assert bends[:2].tolist() == [1.0, 1.0]
    assert 1 > float(bends[2]) > float(bends[3]) > 0


@each
def test_fenchel_and_young_meet_at_the_gradient(case: Case) -> None:
    z = case.points(6)
    u = case.loss.gradient(z, case.b, case.w)
    one = torch.ones(case.loss.value(z, case.b, case.w).shape, dtype=torch.float64)
    both = case.loss.value(z, case.b, case.w) + case.loss.conjugate(z, case.b, case.w, one)
    assert float((both.sum() - (u * z).sum()).abs()) < EXACT * float(1 + both.abs().sum())


@each
@pytest.mark.parametrize("scale", [0.0, 0.3, 0.999])
def test_the_conjugate_bounds_every_other_point(case: Case, scale: float) -> None:
    z = case.points(6)
    u = scale * case.loss.gradient(z, case.b, case.w)
    value = case.loss.value(z, case.b, case.w)
    conjugate = case.loss.conjugate(z, case.b, case.w, torch.full_like(value, scale)).sum()
    assert bool(torch.isfinite(conjugate))
    for seed in range(20):
        other = 2 * case.points(seed)
        assert float(case.loss.value(other, case.b, case.w).sum() + conjugate - (u * other).sum()) > -EXACT


@pytest.mark.parametrize("name", ["squares", "logistic", "huber", "poisson"])
def test_the_conjugate_of_one_sample_is_its_supremum(name: str) -> None:
    case = CASES[name]
    u = 0.5 * case.loss.slopes(case.points(8), case.b)
    grid = torch.linspace(-30, 30, 60_001, dtype=torch.float64)
    for place in range(M):
        b = case.b[0, place]
        best = (u[0, place] * grid - case.loss.values(grid, b)).max()
        assert float(case.loss.conjugates(u[0, place], b)) == pytest.approx(float(best), abs=1e-5)


@pytest.mark.parametrize("name", ["logistic", "huber", "poisson"])
def test_outside_its_domain_the_conjugate_is_infinite(name: str) -> None:
    case = CASES[name]
    assert bool(torch.isinf(case.loss.conjugates(-case.b.abs() - 1.1, case.b)).all())


def test_cox_is_the_partial_likelihood_summed_event_by_event() -> None:
    case = CASES["cox"]
    z = case.points(9)[0]
    times = torch.tensor([3.0, 1.0, 2.0, 2.0, 5.0, 2.0, 4.0, 4.0, 1.0, 6.0, 0.5, 7.0, 3.0, 3.0])
    events = torch.tensor([1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 1, 1])
    whole = 0.0
    for i in events.nonzero()[:, 0].tolist():
        risk = times >= times[i]
        whole += float(case.w[i]) * float((case.w[risk] * z[risk].exp()).sum().log() - z[i] - case.w[i].log())
    assert float(case.loss.value(z[None], case.b, case.w)) == pytest.approx(whole, rel=1e-12)
    assert float((case.loss.gradient(z[None], case.b, case.w)).sum()) == pytest.approx(0, abs=EXACT)


def test_extreme_predictors_neither_overflow_nor_lose_their_digits() -> None:
    far = torch.tensor([[800.0, -800.0, 30.0]], dtype=torch.float64)
    loss, w = Logistic(), torch.ones(3, dtype=torch.float64)
    b = loss.targets([1, 0, 1], 3)
    assert float(loss.value(far, b, w)) == pytest.approx(9.357622968839299e-14, rel=1e-12)
    assert float(loss.gradient(far, b, w)[0, 2]) == pytest.approx(-9.357622968839299e-14, rel=1e-12)
    assert bool(torch.isfinite(loss.conjugate(far, b, w, torch.ones(1, dtype=torch.float64))).all())
    cox, apart = CASES["cox"], torch.zeros(1, M, dtype=torch.float64)
    apart[0, 3], apart[0, 4] = 700.0, -700.0
    assert bool(torch.isfinite(cox.loss.value(apart, cox.b, cox.w)).all())
    assert bool(torch.isfinite(cox.loss.gradient(apart, cox.b, cox.w)).all())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Logistic().targets([1, -1], 2), "give 0 and 1"),
        (lambda: Logistic().targets([1, 1], 2), "both classes"),
        (lambda: Logistic().targets([1, 0, 1], 2), "A has 2 rows"),
        (lambda: Multinomial().targets([0, 2, 2], 3), "without gaps"),
        (lambda: Multinomial().targets([0.5, 1, 2], 3), "whole numbers"),
        (lambda: Multinomial().targets([[0, 1], [1, 0]], 2), "one label a sample"),
        (lambda: Poisson().targets([1, -1], 2), "give numbers ≥ 0"),
        (lambda: Poisson().targets([0, 0], 2), "all 0"),
        (lambda: Huber(0.0), "delta is 0.0"),
        (lambda: Huber().targets([float("nan"), 1], 2), "NaN"),
        (lambda: Cox().targets([1, 2], 2), "times and events"),
        (lambda: Cox().targets([[1, 0], [2, 0]], 2), "at least one 1"),
        (lambda: Cox().targets([[-1, 0], [2, 1]], 2), "> 0"),
    ],
)
def test_targets_that_a_loss_does_not_know_say_what_to_give(make: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        make()  # type: ignore[operator]
