"""The certificate of a loss: right answers have no gap, wrong ones do, and it never overstates the minimum."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from loss_cases import CASES, M
from torch import Tensor

from gossamer.errors import DataError
from gossamer.linop import Dense
from gossamer.problem import LOSSES, PenalisedLoss, loss_gap
from gossamer.solvers import LOSS_SOLVERS
from gossamer.terms import L1, BoxedL1, ElasticNet, Group, MultiTask, Penalty, SeparablePenalty

N = 8
TIGHT = 1e-7  # what a solver is asked for here
each = pytest.mark.parametrize("name", CASES)
PENALTIES = {
    "l1": L1(1.0),
    "one free": L1(1.0, torch.tensor([1.0] * 7 + [0.0], dtype=torch.float64)),
    "elastic net": ElasticNet(0.8, 0.5),
    "non-negative": BoxedL1(0.8),
    "group": Group(0.7, torch.arange(N) // 2),
    "multi-task": MultiTask(1.0),
}


def problem(name: str, penalty: Penalty) -> PenalisedLoss:
    case = CASES[name]
    A = torch.randn(M, N, dtype=torch.float64, generator=torch.Generator().manual_seed(11))
    return PenalisedLoss(Dense(A), case.b, case.loss, penalty, case.w, not case.loss.shift_invariant)


def solution(given: PenalisedLoss) -> tuple[Tensor, Tensor]:
    solver = "prox_newton" if isinstance(given.penalty, SeparablePenalty) else "fista"
    found = LOSS_SOLVERS[solver](tol=TIGHT).solve(given)
    level = torch.zeros(len(given.b), dtype=torch.float64) if found.intercept is None else found.intercept
    return found.x, level


@each
@pytest.mark.parametrize("kind", PENALTIES)
def test_a_corrupted_answer_has_a_gap_that_grows_with_it(name: str, kind: str) -> None:
    given = problem(name, PENALTIES[kind])
    x, c = solution(given)
    gaps = [float(loss_gap(given, x, c).gap)]
    for size in (1e-3, 1e-2, 1e-1):
        gaps.append(float(loss_gap(given, x + size, c).gap))
    assert gaps[0] <= TIGHT
    assert all(more > less for less, more in pairwise(gaps))
    assert gaps[1] > 1e-6


@each
def test_a_wrong_intercept_is_seen(name: str) -> None:
    given = problem(name, PENALTIES["l1"])
    if given.intercept:
        x, c = solution(given)
        assert float(loss_gap(given, x, c + torch.linspace(0.1, 0.3, len(c))).gap) > 1e-5


@each
@pytest.mark.parametrize("kind", PENALTIES)
def test_the_bound_is_below_the_objective_of_any_point(name: str, kind: str) -> None:
    """P(x) − gap·P(0) ≤ P(y) for all x and y: weak duality, whatever the points."""
    given = problem(name, PENALTIES[kind])
    rows = len(given.b)
    generator = torch.Generator().manual_seed(3)
    xs = [torch.randn(rows, N, dtype=torch.float64, generator=generator).abs() * s for s in (0.0, 0.05, 0.5, 1.0)]
    judged = [loss_gap(given, x, given.level) for x in [*xs, solution(given)[0]]]
    least = min(float(each.objective) for each in judged)
    for found in judged:
        assert float(found.objective - found.gap * given.at_zero) <= least + 1e-9


@each
def test_the_objective_at_zero_has_the_best_constant(name: str) -> None:
    given = problem(name, PENALTIES["l1"])
    level = given.level
    for move in (-0.01, 0.01) if given.intercept else ():
        z = (level + move * torch.linspace(1, 2, len(level)))[:, None].expand(-1, M)
        assert float(given.total_loss(z)) > float(given.at_zero)
    assert loss_gap(given, torch.zeros(len(level), N), level).objective == pytest.approx(float(given.at_zero))


def test_what_cannot_be_fitted_has_an_infinite_gap() -> None:
    """A free column that separates the classes has no finite fit, so nothing bounds the minimum."""
    loss = LOSSES["logistic"]()
    A = torch.tensor([[1.0, 0.3], [2.0, -0.1], [-1.0, 0.2], [-2.0, 0.1]], dtype=torch.float64)
    free = L1(0.1, torch.tensor([0.0, 1.0], dtype=torch.float64))
    given = PenalisedLoss(Dense(A), loss.targets([1, 1, 0, 0], 4), loss, free, torch.ones(4, dtype=torch.float64))
    gap = float(loss_gap(given, torch.tensor([[1.0, 0.0]], dtype=torch.float64)).gap)
    assert gap == float("inf") or gap >= float(loss_gap(given, torch.tensor([[40.0, 0.0]])).objective)


def test_an_intercept_that_a_loss_does_not_know_is_refused() -> None:
    case = CASES["cox"]
    with pytest.raises(DataError, match="intercept=False"):
        PenalisedLoss(Dense(torch.eye(M, dtype=torch.float64)), case.b, case.loss, L1(1.0), case.w, True)
