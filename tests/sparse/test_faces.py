"""Functions that do alike take alike: the same options, the same words for what is wrong, nothing passed over."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch

import gossamer.sparse as sparse
from gossamer.errors import DataError, StructureError

generator = torch.Generator().manual_seed(0)
A = torch.randn(30, 12, generator=generator, dtype=torch.float64)
b = A[:, 0] - A[:, 5] + 0.1 * torch.randn(30, generator=generator, dtype=torch.float64)
labels = (b > 0).long()
groups = torch.arange(12) // 3
TIGHT = 1e-12  # the gap asked of two solvers that are compared
CLOSE = 1e-5  # of x at that gap: about its square root

CONVEX: dict[str, Callable[..., Any]] = {
    "lasso": lambda **options: sparse.lasso(A, b, 1.0, **options),
    "elastic_net": lambda **options: sparse.elastic_net(A, b, 1.0, 1.0, **options),
    "group_lasso": lambda **options: sparse.group_lasso(A, b, 1.0, groups, **options),
    "multitask_lasso": lambda **options: sparse.multitask_lasso(A, torch.stack([b, -b]), 1.0, **options),
}
BEGUN = CONVEX | {
    "lasso_constrained": lambda **options: sparse.lasso_constrained(A, b, 1.0, **options),
    "square_root_lasso": lambda **options: sparse.square_root_lasso(A, b, **options),
    "relaxed_lasso": lambda **options: sparse.relaxed_lasso(A, b, 1.0, **options),
    "logistic": lambda **options: sparse.logistic(A, labels, 1.0, **options),
}


@pytest.mark.parametrize("name", CONVEX)
def test_convex_problems_take_the_same_options(name: str) -> None:
    shared = {"tol", "weights", "intercept", "standardise", "sample_weights", "solver", "x0", "max_steps"}
    assert shared <= set(inspect.signature(getattr(sparse, name)).parameters)


@pytest.mark.parametrize("name", CONVEX)
def test_steps_are_as_many_as_allowed(name: str) -> None:
    found = CONVEX[name](solver="fista", tol=1e-14, max_steps=1)
    assert "allow more" in str(found.status)
    with pytest.raises(DataError, match="max_steps must be an int"):
        CONVEX[name](max_steps=0)


@pytest.mark.parametrize("name", ["group_lasso", "multitask_lasso"])
def test_problems_of_blocks_name_their_solver(name: str) -> None:
    fast, plain = (CONVEX[name](solver=solver, tol=TIGHT).x for solver in ("block_descent", "fista"))
    assert torch.allclose(fast, plain, atol=CLOSE)
    with pytest.raises(StructureError, match="the L1 family"):
        CONVEX[name](solver="coordinate_descent")


@pytest.mark.parametrize("name", BEGUN)
def test_a_start_of_another_shape_is_refused_and_a_list_is_taken(name: str) -> None:
    with pytest.raises(DataError, match=r"x0 has shape \(3,\)"):
        BEGUN[name](x0=torch.zeros(3))
    assert torch.allclose(BEGUN[name](x0=[0.0] * 12).x, BEGUN[name]().x)


@pytest.mark.parametrize("name", BEGUN)
def test_a_tolerance_is_a_relative_gap(name: str) -> None:
    for tol in (0, 1.0, float("nan")):
        with pytest.raises(DataError, match="a relative gap"):
            BEGUN[name](tol=tol)
        with pytest.raises(DataError, match="a relative gap"):
            sparse.basis_pursuit(A[:8], b[:8], tol=tol)
        with pytest.raises(DataError, match="a relative gap"):
            sparse.lasso_path(A, b, tol=tol)


def test_an_option_that_no_loss_knows_is_refused() -> None:
    wrong: Any = {"wieghts": [1.0] * 12}
    for call in (
        lambda: sparse.logistic(A, labels, 1.0, **wrong),
        lambda: sparse.loss_path(A, labels, "logistic", **wrong),
        lambda: sparse.loss_max_penalty(A, labels, "logistic", **wrong),
        lambda: sparse.logistic_cv(A, labels, **wrong),
    ):
        with pytest.raises(StructureError, match="no option wieghts"):
            call()


def test_matching_pursuits_refuse_what_they_do_not_know() -> None:
    wrong: Any = "residul"
    for call in (
        lambda: sparse.omp(A, b, 2, rule=wrong),
        lambda: sparse.omp_path(A, b, 2, rule=wrong),
        lambda: sparse.omp_cv(A, b, 2, choice=wrong),
    ):
        with pytest.raises(DataError, match="must be 'correlation' or 'residual', given 'residul'"):
            call()
    with pytest.raises(DataError, match="tol bounds"):
        sparse.omp_path(A, b, 2, tol=-1.0)
    many: Any = 2.0
    with pytest.raises(DataError, match="give an int"):
        sparse.omp_path(A, b, many)


def test_paths_and_choices_take_a_number_of_steps() -> None:
    many = torch.stack([b, -b])
    for call in (
        lambda **options: sparse.lasso_path(A, b, [0.1], **options).recovery,
        lambda **options: sparse.elastic_net_path(A, b, [0.1], **options).recovery,
        lambda **options: sparse.lasso_cv(A, b, [0.1], folds=2, **options).recovery,
        lambda **options: sparse.elastic_net_cv(A, b, [0.1], folds=2, **options).recovery,
        lambda **options: sparse.group_lasso_cv(A, b, groups, [0.1], folds=2, **options).recovery,
        lambda **options: sparse.multitask_lasso_cv(A, many, [0.1], folds=2, **options).recovery,
    ):
        assert "allow more" in str(call(tol=1e-15, max_steps=1).status)
        with pytest.raises(DataError, match="max_steps must be an int"):
            call(max_steps=0)
        with pytest.raises(DataError, match="a relative gap"):
            call(tol=-1.0)


@pytest.mark.parametrize("penalties", [[1.0, 2.0], [2.0, -1.0], [], [[1.0]], [float("nan")]])
def test_penalties_of_paths_and_of_cross_validation_are_asked_for_alike(penalties: Any) -> None:
    for call in (
        lambda: sparse.lasso_path(A, b, penalties),
        lambda: sparse.elastic_net_path(A, b, penalties),
        lambda: sparse.lasso_cv(A, b, penalties),
        lambda: sparse.loss_path(A, labels, "logistic", penalties),
        lambda: sparse.logistic_cv(A, labels, penalties),
    ):
        with pytest.raises(DataError, match="penalties: give"):
            call()


def test_a_path_of_what_is_not_negative_is_that_of_its_single_fits() -> None:
    path = sparse.lasso_path(A, b, count=4, nonnegative=True, intercept=True, tol=TIGHT)
    assert path.recovery.intercept is not None
    for level, x, c in zip(path.penalties.tolist(), path.x, path.recovery.intercept, strict=True):
        alone = sparse.lasso(A, b, level, nonnegative=True, intercept=True, tol=TIGHT)
        assert torch.allclose(x, alone.x, atol=CLOSE)
        assert torch.allclose(c, alone.intercept, atol=CLOSE)
    assert not path.x[0].any()
    assert path.x[1].any()


def test_certificates_of_supports_take_numpy() -> None:
    x = sparse.omp(A, b, 2).x
    here, there = sparse.support_certificate(A, b, x), sparse.support_certificate(A.numpy(), b.numpy(), x.tolist())
    assert torch.equal(here.gain, there.gain)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("name", CONVEX)
def test_standardised_columns_are_those_of_mean_square_one(name: str, intercept: bool) -> None:
    uneven = 1 + A * torch.logspace(-1, 1, 12, dtype=torch.float64)
    mean = uneven.mean(0) if intercept else torch.zeros(12, dtype=torch.float64)
    scale = ((uneven - mean) ** 2).mean(0).sqrt()
    calls: dict[str, Callable[..., Any]] = {
        "lasso": lambda design, **options: sparse.lasso(design, b, 1.0, **options),
        "elastic_net": lambda design, **options: sparse.elastic_net(design, b, 1.0, 1.0, **options),
        "group_lasso": lambda design, **options: sparse.group_lasso(design, b, 1.0, groups, **options),
        "multitask_lasso": lambda design, **options: sparse.multitask_lasso(
            design, torch.stack([b, -b]), 1.0, **options
        ),
    }
    told = calls[name](uneven, standardise=True, intercept=intercept, tol=TIGHT)
    done = calls[name]((uneven - mean) / scale, intercept=intercept, tol=TIGHT)
    assert torch.allclose(told.x * scale, done.x, atol=CLOSE)
    again = calls[name](uneven, standardise=True, intercept=intercept, tol=TIGHT, x0=told.x)
    assert torch.allclose(again.x, told.x, atol=CLOSE)
    if name == "lasso":
        path = sparse.lasso_path(uneven, b, [2.0, 1.0], standardise=True, intercept=intercept, tol=TIGHT)
        assert torch.allclose(path.x[1], told.x, atol=CLOSE)
        top = float(sparse.max_penalty(uneven, b, standardise=True, intercept=intercept))
        zero = [sparse.lasso(uneven, b, top * by, standardise=True, intercept=intercept).x for by in (1.001, 0.99)]
        assert not zero[0].any()
        assert zero[1].any()


def test_standardised_solutions_have_derivatives() -> None:
    def fit(design: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        found = sparse.lasso(design, target, 2.0, standardise=True, intercept=True, tol=TIGHT)
        assert found.intercept is not None
        return torch.cat([found.x, found.intercept[None]])

    design = (1 + A[:, :6] * torch.linspace(1, 3, 6, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(fit, (design, b.clone().requires_grad_()), fast_mode=True)


def test_bounds_of_standardised_columns_are_refused() -> None:
    for call in (sparse.lasso, lambda *given, **options: sparse.elastic_net(*given, 1.0, **options)):
        with pytest.raises(StructureError, match="bounds are on x"):
            call(A, b, 1.0, bounds=(0.0, 1.0), standardise=True)
        with pytest.raises(StructureError, match="nonnegative and bounds"):
            call(A, b, 1.0, bounds=(0.0, 1.0), nonnegative=True)
    assert bool((sparse.lasso(A, b, 1.0, nonnegative=True, standardise=True).x >= 0).all())


def test_advice_takes_a_list_of_targets() -> None:
    assert sparse.advise(A, b.tolist()).first.code == sparse.advise(A, b).first.code


@pytest.mark.parametrize("name", [*CONVEX, "logistic"])
def test_weights_are_one_for_each_and_not_one_number(name: str) -> None:
    with pytest.raises(StructureError, match="weights are one number, 2"):
        (CONVEX | BEGUN)[name](weights=2.0)


NUMBERS: dict[str, Callable[[Any], Any]] = {
    "penalty of lasso": lambda value: sparse.lasso(A, b, value),
    "l2 of elastic_net": lambda value: sparse.elastic_net(A, b, 1.0, value),
    "penalty of ridge": lambda value: sparse.ridge(A, b, value),
    "radius of lasso_constrained": lambda value: sparse.lasso_constrained(A, b, value),
    "penalty of square_root_lasso": lambda value: sparse.square_root_lasso(A, b, value),
    "penalty of adaptive_lasso": lambda value: sparse.adaptive_lasso(A, b, value),
    "blend of relaxed_lasso": lambda value: sparse.relaxed_lasso(A, b, 1.0, blend=value),
    "epsilon of basis_pursuit": lambda value: sparse.basis_pursuit(A, b, epsilon=value),
    "penalty of logistic": lambda value: sparse.logistic(A, labels, value),
    "l2 of logistic": lambda value: sparse.logistic(A, labels, 1.0, l2=value),
}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [torch.ones(2), [1.0], "large", None], ids=str)
def test_a_strength_is_one_number_or_one_clear_error(name: str, value: Any) -> None:
    if value is None and name == "penalty of square_root_lasso":
        return  # its own penalty
    with pytest.raises(StructureError, match=f"{name.split()[0]} (is|has shape) .*; give one number"):
        NUMBERS[name](value)
