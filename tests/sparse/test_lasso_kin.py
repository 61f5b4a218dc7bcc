"""The Lasso's kin: budget, square root, adaptive and relaxed, each against the Lasso or a plain minimiser."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from gossamer.errors import DataError, GossamerError
from gossamer.linop import Dense
from gossamer.problem import square_root_gap
from gossamer.solvers import Ending, Recovery
from gossamer.sparse import (
    adaptive_lasso,
    basis_pursuit,
    lasso,
    lasso_constrained,
    relaxed_lasso,
    ridge,
    square_root_lasso,
)
from gossamer.terms import L1

TIGHT = 1e-12  # relative gap asked for where x is compared; x then agrees to about its root
CLOSE = 1e-5  # of x, between two solvers of such gaps
M, N = 50, 80


def problem(seed: int = 0, noise: float = 0.2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(M, N, dtype=torch.float64, generator=generator)
    truth = torch.zeros(N, dtype=torch.float64).index_fill_(0, torch.tensor([3, 20, 41]), 2.0)
    return A, A @ truth + noise * torch.randn(M, dtype=torch.float64, generator=generator)


A, B = problem()


@pytest.mark.parametrize("intercept", [False, True])
def test_the_budget_that_a_penalty_spends_gives_its_solution(intercept: bool) -> None:
    priced = lasso(A, B + 2.0, 8.0, intercept=intercept, tol=TIGHT)
    budget = float(priced.x.abs().sum())
    found = lasso_constrained(A, B + 2.0, budget, intercept=intercept, tol=1e-10)
    assert float((found.x - priced.x).abs().max()) < 1e-4
    assert float(found.x.abs().sum()) <= budget
    assert found.ending == Ending.CONVERGED


def test_a_budget_that_is_not_needed_is_least_squares() -> None:
    tall = A[:, :10]
    wanted = torch.linalg.lstsq(tall, B[:, None]).solution[:, 0]
    found = lasso_constrained(tall, B, 1.5 * float(wanted.abs().sum()), tol=1e-12)
    assert torch.allclose(found.x, wanted, atol=CLOSE)


def test_a_budget_holds_in_float32_too() -> None:
    found = lasso_constrained(A.float(), torch.stack([B, -B]).float(), 3.0)
    assert found.x.dtype == torch.float32
    assert bool((found.x.double().abs().sum(1) <= 3.0).all())
    assert bool((found.gap <= 1e-6).all())


def test_the_square_root_lasso_is_what_scipy_finds() -> None:
    penalty, weight = 2.0, torch.linspace(0.5, 2.0, N, dtype=torch.float64)

    def objective(both: np.ndarray) -> tuple[float, np.ndarray]:
        r = A.numpy() @ (both[:N] - both[N:]) - B.numpy()
        slope = A.numpy().T @ r / np.linalg.norm(r)
        price = penalty * weight.numpy()
        return np.linalg.norm(r) + price @ (both[:N] + both[N:]), np.concatenate([slope + price, price - slope])

    options = {"maxiter": 20_000, "maxfun": 50_000, "ftol": 1e-16, "gtol": 1e-10}
    best = minimize(objective, np.zeros(2 * N), jac=True, bounds=[(0, None)] * 2 * N, options=options)
    found = square_root_lasso(A, B, penalty, weights=weight, tol=1e-10)
    assert float(found.objective) <= best.fun * (1 + 1e-9)
    assert float((found.x - torch.from_numpy(best.x[:N] - best.x[N:])).abs().max()) < 1e-3
    assert float(found.gap) <= 1e-10


def test_the_square_root_lasso_is_the_lasso_at_its_own_residual() -> None:
    found = square_root_lasso(A, B + 1.0, 2.0, intercept=True, tol=1e-12)
    same = lasso(A, B + 1.0, 2.0 * float(found.residual), intercept=True, tol=TIGHT)
    assert float((found.x - same.x).abs().max()) < CLOSE
    assert float(found.intercept - same.intercept) == pytest.approx(0, abs=CLOSE)


def test_its_default_penalty_fits_noise_of_any_size() -> None:
    for noise in (0.01, 0.1, 0.5):
        X, b = problem(1, noise)
        assert set(square_root_lasso(X, b).support.nonzero()[:, 0].tolist()) == {3, 20, 41}
        scaled = square_root_lasso(X * 7, b * 3)
        assert torch.allclose(scaled.x, square_root_lasso(X, b).x * 3 / 7, atol=1e-4)
    pure = torch.randn(20, M, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    assert int(square_root_lasso(A, pure).support.any(1).sum()) <= 3, "one in twenty is let in"


def test_its_certificate_knows_a_corrupted_answer() -> None:
    x = square_root_lasso(A, B, 2.0, tol=1e-12).x
    gaps = [float(square_root_gap(Dense(A), B, L1(2.0), x + size).gap) for size in (0.0, 1e-4, 1e-2)]
    assert gaps[0] <= 1e-12
    assert gaps[0] < gaps[1] < gaps[2]


@pytest.mark.parametrize("penalty", [0.1, 0.4])
def test_a_penalty_that_explains_b_exactly_ends_at_basis_pursuit(penalty: float) -> None:
    found, wanted = square_root_lasso(A, B, penalty), basis_pursuit(A, B)
    assert float(found.x.abs().sum()) == pytest.approx(float(wanted.objective), rel=1e-4)
    assert float(found.residual) < 1e-5 * float(B.norm())
    assert found.ending == Ending.CONVERGED


def test_the_adaptive_lasso_weighs_by_its_pilot() -> None:
    pilot = lasso(A, B, 5.0).x
    weights = 1 / torch.maximum(pilot.abs(), 1e-3 * pilot.abs().max()) ** 2
    wanted = lasso(A, B, 2.0, weights=weights, tol=TIGHT).x
    assert torch.allclose(adaptive_lasso(A, B, 2.0, pilot_penalty=5.0, gamma=2.0, tol=TIGHT).x, wanted, atol=CLOSE)
    assert torch.allclose(adaptive_lasso(A, B, 2.0, pilot=pilot, gamma=2.0, tol=TIGHT).x, wanted, atol=CLOSE)


@pytest.mark.parametrize("strength", [None, 3.0, 0.0])
def test_the_ridge_pilot_is_ridge_regression_and_least_squares_of_least_norm_without_penalty(
    strength: float | None,
) -> None:
    for design in (A, torch.cat([A, A[:, :5]], 1), A[:, :20]):
        used = float((design**2).sum(0).mean()) if strength is None else strength
        dual = design @ design.T + used * torch.eye(M, dtype=torch.float64)
        first = design.T @ torch.linalg.solve(dual, B) if used else torch.linalg.pinv(design) @ B
        wanted = adaptive_lasso(design, B, 2.0, pilot=first, tol=TIGHT).x
        found = adaptive_lasso(design, B, 2.0, pilot="ridge", pilot_penalty=strength, tol=TIGHT)
        assert torch.allclose(found.x, wanted, atol=CLOSE)


@pytest.mark.parametrize("strength", [None, 0.0])
def test_kin_in_float32_are_near_those_in_float64(strength: float | None) -> None:
    options = {"intercept": True, "standardise": True}
    for solve in (
        lambda A, b: adaptive_lasso(A, b, 2.0, pilot="ridge", pilot_penalty=strength, **options),
        lambda A, b: relaxed_lasso(A, b, 10.0, blend=0.5, **options),
        lambda A, b: square_root_lasso(A, b, **options),
        lambda A, b: ridge(A, b, 3.0, **options),
    ):
        wide, narrow = solve(A[:, :20], B + 1), solve(A[:, :20].float(), (B + 1).float())
        assert narrow.x.dtype == narrow.intercept.dtype == torch.float32
        assert torch.allclose(narrow.x.double(), wide.x, atol=1e-3)


def test_a_pilot_for_all_signals_is_one_for_each() -> None:
    both, pilot = torch.stack([B, -B]), lasso(A, B, 5.0).x
    found = adaptive_lasso(A, both, 2.0, pilot=pilot)
    assert torch.allclose(found.x, adaptive_lasso(A, both, 2.0, pilot=pilot.expand(2, -1)).x)
    with pytest.raises(DataError, match=r"pilot has shape \(3, 80\); give \(80,\) or \(2, 80\)"):
        adaptive_lasso(A, both, 2.0, pilot=pilot.expand(3, -1))


def test_the_adaptive_lasso_selects_what_is_there_and_shrinks_it_less() -> None:
    plain, adapted = lasso(A, B, 10.0).x, adaptive_lasso(A, B, 10.0).x
    assert adapted.nonzero()[:, 0].tolist() == [3, 20, 41]
    assert float((adapted[[3, 20, 41]] - 2).abs().max()) < float((plain[[3, 20, 41]] - 2).abs().max())
    many = adaptive_lasso(A, torch.stack([B, -B]), 10.0)
    assert torch.allclose(many.x, torch.stack([adapted, -adapted]), atol=CLOSE)
    assert many.gap.shape == (2,)


def test_the_relaxed_lasso_goes_from_least_squares_to_the_lasso() -> None:
    for intercept in (False, True):
        hat = lasso(A, B + 1, 10.0, intercept=intercept, tol=TIGHT)
        S = hat.x.nonzero()[:, 0]
        columns = torch.cat([A[:, S], torch.ones(M, int(intercept), dtype=torch.float64)], 1)
        free = torch.linalg.lstsq(columns, (B + 1)[:, None]).solution[:, 0]
        options = {"intercept": intercept, "tol": TIGHT}
        found = relaxed_lasso(A, B + 1, 10.0, **options)
        assert torch.allclose(found.x[S], free[: len(S)], atol=1e-9)
        assert float(found.residual) == pytest.approx(float((columns @ free - B - 1).norm()), rel=1e-9)
        half = relaxed_lasso(A, B + 1, 10.0, blend=0.5, **options)
        assert torch.allclose(half.x, 0.5 * (found.x + hat.x), atol=1e-9)
        assert torch.allclose(relaxed_lasso(A, B + 1, 10.0, blend=1.0, **options).x, hat.x, atol=1e-9)
        assert (found.intercept is None) == (not intercept)
    rows = relaxed_lasso(A, torch.stack([B, 2 * B]), 10.0)
    assert rows.x.shape == (2, N)
    assert torch.allclose(rows.x[0], relaxed_lasso(A, B, 10.0).x, atol=1e-9)


KIN: dict[str, Callable[..., Recovery]] = {
    "square_root_lasso": lambda A, **options: square_root_lasso(A, B, 1.5, **options),
    "square_root_lasso with its own penalty": lambda A, **options: square_root_lasso(A, B, **options),
    "adaptive_lasso": lambda A, **options: adaptive_lasso(A, B, 4.0, **options),
    "adaptive_lasso by ridge": lambda A, **options: adaptive_lasso(A, B, 4.0, pilot="ridge", gamma=0.5, **options),
    "relaxed_lasso": lambda A, **options: relaxed_lasso(A, B, 8.0, blend=0.3, **options),
    "ridge": lambda A, **options: ridge(A, B, 3.0, **options),
}


@pytest.mark.parametrize("name", KIN)
@pytest.mark.parametrize("intercept", [False, True])
def test_standardised_kin_are_those_of_columns_of_mean_square_one(name: str, intercept: bool) -> None:
    uneven = (0.3 + A) * torch.logspace(-1, 1, N, dtype=torch.float64)
    share = torch.linspace(0.5, 2.0, M, dtype=torch.float64)
    mean = share @ uneven / share.sum() if intercept else torch.zeros(N, dtype=torch.float64)
    scale = (share @ (uneven - mean) ** 2 / share.sum()).sqrt()
    options = {"intercept": intercept, "sample_weights": share, "tol": TIGHT}
    told = KIN[name](uneven, standardise=True, **options)
    done = KIN[name]((uneven - mean) / scale, **options)
    assert told.x.any()
    assert torch.allclose(told.x * scale, done.x, atol=CLOSE)


def test_a_pilot_that_is_given_is_in_the_units_of_the_design() -> None:
    scale = torch.logspace(-1, 1, N, dtype=torch.float64)
    uneven, pilot = A / A.square().mean(0).sqrt() * scale, lasso(A, B, 5.0).x
    told = adaptive_lasso(uneven, B, 2.0, pilot=pilot, standardise=True, tol=TIGHT)
    done = adaptive_lasso(uneven / scale, B, 2.0, pilot=pilot * scale, tol=TIGHT)
    assert torch.allclose(told.x * scale, done.x, atol=CLOSE)


@pytest.mark.parametrize("name", KIN)
def test_weights_of_samples_are_rows_times_their_roots(name: str) -> None:
    share = torch.linspace(0.5, 2.0, M, dtype=torch.float64)
    root = share.sqrt()
    scaled = {
        "square_root_lasso": lambda A: square_root_lasso(A, root * B, 1.5, tol=TIGHT),
        "square_root_lasso with its own penalty": lambda A: square_root_lasso(A, root * B, tol=TIGHT),
        "adaptive_lasso": lambda A: adaptive_lasso(A, root * B, 4.0, tol=TIGHT),
        "adaptive_lasso by ridge": lambda A: adaptive_lasso(A, root * B, 4.0, pilot="ridge", gamma=0.5, tol=TIGHT),
        "relaxed_lasso": lambda A: relaxed_lasso(A, root * B, 8.0, blend=0.3, tol=TIGHT),
        "ridge": lambda A: ridge(A, root * B, 3.0, tol=TIGHT),
    }[name](root[:, None] * A)
    found = KIN[name](A, sample_weights=share, tol=TIGHT)
    assert torch.allclose(found.x, scaled.x, atol=CLOSE)
    assert float(found.residual) == pytest.approx(float(scaled.residual), rel=CLOSE)


def test_the_square_root_lasso_centres_with_the_weights_of_samples() -> None:
    share = torch.linspace(0.5, 2.0, M, dtype=torch.float64)
    found = square_root_lasso(A, B + 3, 2.0, intercept=True, sample_weights=share, tol=TIGHT)
    level = 2.0 * float(found.residual)
    same = lasso(A, B + 3, level, intercept=True, sample_weights=share, tol=TIGHT)
    assert torch.allclose(found.x, same.x, atol=CLOSE)
    assert float(found.intercept) == pytest.approx(float(same.intercept), abs=CLOSE)


def test_a_refit_on_columns_that_nearly_depend_is_as_right_as_least_squares() -> None:
    """Of condition 1e5, whose square the normal equations see: 1e-10·1e16 roundings lose all but six digits."""
    near = A[:, :12].clone()
    near[:, 1] = near[:, 0] + 1e-5 * near[:, 1]
    b = near[:, :3].sum(1) + 0.1 * B
    found = relaxed_lasso(near, b, 1e-9)
    S = found.support
    best = torch.linalg.lstsq(near[:, S], b[:, None], driver="gelsd").solution[:, 0]
    assert bool(S[:2].all())
    assert torch.allclose(found.x[S], best, rtol=1e-8)


STEPS: dict[str, Callable[..., Recovery]] = {
    "square_root_lasso": lambda **options: square_root_lasso(A, B, 1.0, tol=1e-14, **options),
    "adaptive_lasso": lambda **options: adaptive_lasso(A, B, 1.0, tol=1e-14, solver="fista", **options),
    "relaxed_lasso": lambda **options: relaxed_lasso(A, B, 1.0, tol=1e-14, solver="fista", **options),
    "lasso_constrained": lambda **options: lasso_constrained(A, B, 3.0, tol=1e-14, **options),
}


@pytest.mark.parametrize("name", STEPS)
def test_steps_are_as_many_as_allowed(name: str) -> None:
    assert "allow more" in str(STEPS[name](max_steps=1).status)
    with pytest.raises(DataError, match="max_steps must be an int"):
        STEPS[name](max_steps=0)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: lasso_constrained(A, B, 0.0), GossamerError),
        (lambda: lasso_constrained(A, B, 1.0, tol=2.0), DataError),
        (lambda: square_root_lasso(A, B, -1.0), GossamerError),
        (lambda: square_root_lasso(A, B, 0.5, weights=torch.zeros(N)), GossamerError),
        (lambda: adaptive_lasso(A, B, 1.0, gamma=0.0), GossamerError),
        (lambda: adaptive_lasso(A, B, 1.0, pilot="mean"), GossamerError),
        (lambda: adaptive_lasso(A, B, 1.0, pilot_penalty=1e6), DataError),
        (lambda: relaxed_lasso(A, B, 1.0, blend=1.5), GossamerError),
    ],
)
def test_bad_input_is_one_clear_error(call: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        call()


def test_many_signals_that_ask_for_derivatives_still_have_a_status_each() -> None:
    A = torch.eye(3, dtype=torch.float64)
    b = torch.tensor([[4.0, 1.2, 0.0], [0.0, 5.0, 3.0]], dtype=torch.float64, requires_grad=True)
    found = adaptive_lasso(A, b, 1.0)
    assert isinstance(found.status, list)
    assert len(found.status) == 2
