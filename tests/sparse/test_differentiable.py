"""Derivatives of solutions, against finite differences, closed forms and each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gossamer.errors import DataError, StructureError
from gossamer.linop import as_operator
from gossamer.solvers import Recovery
from gossamer.sparse import (
    adaptive_lasso,
    basis_pursuit,
    elastic_net,
    group_lasso,
    lasso,
    lasso_constrained,
    lasso_cv,
    lasso_path,
    max_penalty,
    multitask_lasso,
    multitask_lasso_cv,
    omp,
    omp_cv,
    omp_path,
    relaxed_lasso,
    ridge,
    simultaneous_omp,
    sparse_encode,
    square_root_lasso,
    stability_selection,
)

TIGHT = 1e-12  # relative gap: finite differences divide the error of x by their step
STEP = 1e-4  # of finite differences where FISTA solves: x is good to about 1e-7 there, so 1e-3 of a derivative
ROUGH = 1e-3
SINGLE = 1e-4  # of derivatives from float32 data against float64, whose x differ by rounding of the data
EXACT = 1e-9  # against closed forms in float64
GROUPS = [0, 0, 1, 1, 2, 2, 3, 3]
ROOTS = torch.linspace(0.5, 2.0, 12, dtype=torch.float64)


def data(m: int = 12, n: int = 20, signals: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(m, n, generator=generator, dtype=torch.float64)
    return A.requires_grad_(), torch.randn(signals, m, generator=generator, dtype=torch.float64).requires_grad_()


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def whole(found: Recovery) -> Tensor:
    """x and the intercept, at a point where the support is stable."""
    assert found.differentiable is not None
    assert bool(found.differentiable.all())
    return found.x if found.intercept is None else torch.cat([found.x.flatten(), found.intercept.flatten()])


Solve = Callable[..., Recovery]
SEPARABLE: dict[str, tuple[Solve, list[float]]] = {
    "lasso": (lambda A, b, p: lasso(A, b, p, tol=TIGHT), [2.0]),
    "homotopy": (lambda A, b, p: lasso(A, b, p, tol=TIGHT, solver="homotopy"), [2.0]),
    "gram": (lambda A, b, p: lasso(A, b, p, tol=TIGHT, solver="gram_descent"), [2.0]),
    "non-negative": (lambda A, b, p: lasso(A, b, p, tol=TIGHT, nonnegative=True), [1.0]),
    "boxed": (lambda A, b, p: lasso(A, b, p, tol=TIGHT, bounds=(-0.1, 0.2)), [1.0]),
    "intercept": (lambda A, b, p: lasso(A, b, p, tol=TIGHT, intercept=True), [2.0]),
    "weighted samples": (lambda A, b, p: lasso(A, b, p, tol=TIGHT, intercept=True, sample_weights=ROOTS), [2.0]),
    "elastic net": (lambda A, b, p, q: elastic_net(A, b, p, q, tol=TIGHT, intercept=True), [2.0, 0.5]),
    "boxed net": (lambda A, b, p, q: elastic_net(A, b, p, q, tol=TIGHT, bounds=(-0.1, 0.2)), [1.0, 0.5]),
    "encode": (lambda A, b, p: sparse_encode(b, A, p, tol=TIGHT), [1.5]),
}


@pytest.mark.parametrize("name", SEPARABLE)
def test_l1_family_by_finite_differences(name: str) -> None:
    solve, strengths = SEPARABLE[name]
    inputs = (*data(), *map(number, strengths))
    assert whole(solve(*inputs)).any()
    assert torch.autograd.gradcheck(lambda *given: whole(solve(*given)), inputs, fast_mode=True)


SHARED: dict[str, tuple[Solve, list[float]]] = {
    "group": (lambda A, b, p: group_lasso(A, b, p, GROUPS, tol=TIGHT), [1.0]),
    "sparse group": (lambda A, b, p, q: group_lasso(A, b, p, GROUPS, l1=q, tol=TIGHT, intercept=True), [1.0, 0.3]),
    "multitask": (lambda A, b, p: multitask_lasso(A, b, p, tol=TIGHT, sample_weights=ROOTS), [2.0]),
}


@pytest.mark.parametrize("name", SHARED)
def test_groups_by_finite_differences(name: str) -> None:
    solve, strengths = SHARED[name]
    inputs = (*data(12, 8), *map(number, strengths))
    assert (whole(solve(*inputs)) == 0).any()
    assert torch.autograd.gradcheck(
        lambda *given: whole(solve(*given)), inputs, eps=STEP, atol=ROUGH, rtol=ROUGH, fast_mode=True
    )


def test_weights_and_sample_weights_by_finite_differences() -> None:
    A, b = data()
    inputs = (torch.linspace(0.5, 1.5, 20, dtype=torch.float64).requires_grad_(), ROOTS.clone().requires_grad_())

    def solve(weights: Tensor, samples: Tensor) -> Tensor:
        return whole(lasso(A.detach(), b.detach(), 1.0, tol=TIGHT, weights=weights, sample_weights=samples))

    assert torch.autograd.gradcheck(solve, inputs)


def test_basis_pursuit_by_finite_differences() -> None:
    A, b = data(6, 10)
    assert int((basis_pursuit(A, b).x != 0).sum(-1).min()) == 6
    assert torch.autograd.gradcheck(lambda A, b: whole(basis_pursuit(A, b)), (A, b), fast_mode=True)
    noisy = (A, b, number(0.7))
    assert torch.autograd.gradcheck(lambda A, b, e: whole(basis_pursuit(A, b, epsilon=e)), noisy, fast_mode=True)


def test_zero_inside_the_ball_stays_and_on_its_edge_it_is_told() -> None:
    A, b = data(6, 4, signals=1)
    size = float(torch.linalg.vector_norm(b.detach()))
    inside, edge = (basis_pursuit(A, b, epsilon=number(factor * size)) for factor in (1.5, 1.0))
    assert not inside.x.any()
    assert bool(inside.differentiable)
    assert not any(part.any() for part in torch.autograd.grad(inside.x.sum(), (A, b)))
    assert not bool(edge.differentiable)


def test_a_sparse_vertex_of_basis_pursuit_says_that_its_derivative_is_not_unique() -> None:
    A, _ = data(6, 10)
    found = basis_pursuit(A, (A.detach()[:, 2] * 3).requires_grad_())
    assert not found.differentiable
    assert "not unique" in found.status


KIN: dict[str, tuple[Solve, list[float]]] = {
    "square root": (lambda A, b, p: square_root_lasso(A, b, p, tol=TIGHT), [1.2]),
    "square root, own penalty": (lambda A, b: square_root_lasso(A, b, intercept=True, tol=TIGHT), []),
    "square root, standardised": (
        lambda A, b, p: square_root_lasso(A, b, p, intercept=True, standardise=True, sample_weights=ROOTS, tol=TIGHT),
        [2.5],
    ),
    "adaptive": (lambda A, b, p: adaptive_lasso(A, b, p, tol=TIGHT), [0.5]),
    "adaptive, own pilot penalty": (
        lambda A, b, p, q: adaptive_lasso(A, b, p, pilot_penalty=q, gamma=0.5, intercept=True, tol=TIGHT),
        [1.0, 0.5],
    ),
    "adaptive by ridge": (
        lambda A, b, p, q: adaptive_lasso(A, b, p, pilot="ridge", pilot_penalty=q, tol=TIGHT),
        [0.2, 2.0],
    ),
    "adaptive by ridge, standardised": (
        lambda A, b, p: adaptive_lasso(A, b, p, pilot="ridge", standardise=True, intercept=True, tol=TIGHT),
        [0.2],
    ),
    "relaxed": (lambda A, b, p: relaxed_lasso(A, b, p, tol=TIGHT), [2.0]),
    "relaxed, blended": (lambda A, b, p, q: relaxed_lasso(A, b, p, blend=q, intercept=True, tol=TIGHT), [2.0, 0.4]),
    "relaxed, standardised": (
        lambda A, b, p: relaxed_lasso(A, b, p, blend=0.5, standardise=True, sample_weights=ROOTS, tol=TIGHT),
        [2.0],
    ),
    "ridge": (lambda A, b, p: ridge(A, b, p, intercept=True), [1.5]),
    "ridge, standardised": (lambda A, b, p: ridge(A, b, p, standardise=True, sample_weights=ROOTS), [1.5]),
}


@pytest.mark.parametrize("name", KIN)
def test_kin_by_finite_differences(name: str) -> None:
    solve, strengths = KIN[name]
    inputs = (*data(), *map(number, strengths))
    assert whole(solve(*inputs)).any()
    assert torch.autograd.gradcheck(lambda *given: whole(solve(*given)), inputs, fast_mode=True)


def test_a_budget_by_finite_differences() -> None:
    """Spent, the penalty moves; not spent, x is least squares and the radius plays no part."""

    def solve(A: Tensor, b: Tensor, radius: Tensor) -> Tensor:
        return whole(lasso_constrained(A, b, radius, tol=TIGHT, intercept=True, sample_weights=ROOTS))

    for shape, radius in (((12, 20), 0.3), ((12, 4), 0.2), ((12, 4), 50.0)):
        inputs = (*data(*shape), number(radius))
        size = solve(*inputs)[:-2].view(2, -1).abs().sum(-1)
        assert bool(torch.isclose(size, inputs[2], atol=EXACT).all()) == (radius < 1)
        assert torch.autograd.gradcheck(solve, inputs, eps=STEP, atol=ROUGH, rtol=ROUGH, fast_mode=True)


def test_weights_of_kin_by_finite_differences() -> None:
    A, b = (part.detach() for part in data())
    weights = torch.linspace(0.5, 1.5, 20, dtype=torch.float64).requires_grad_()
    samples = ROOTS.clone().requires_grad_()
    for solve in (
        lambda w, s: square_root_lasso(A, b, 1.2, weights=w, sample_weights=s, tol=TIGHT),
        lambda w, s: relaxed_lasso(A, b, 1.0, blend=0.5, weights=w, sample_weights=s, tol=TIGHT),
        lambda w, s: ridge(A, b, 1.0, weights=w, sample_weights=s),
        lambda w, s: lasso(A, b, 1.0, weights=w, sample_weights=s, standardise=True, intercept=True, tol=TIGHT),
    ):
        assert torch.autograd.gradcheck(lambda *given, solve=solve: whole(solve(*given)), (weights, samples))


def test_the_weights_of_the_adaptive_lasso_take_part_unless_the_pilot_is_held() -> None:
    A, b = data(12, 20, signals=1)
    pilot = lasso(A, b, 0.5, tol=TIGHT).x
    through, given, still = (
        torch.autograd.grad(found.x.square().sum(), b)[0]
        for found in (
            adaptive_lasso(A, b, 0.5, pilot_penalty=0.5, tol=TIGHT),
            adaptive_lasso(A, b, 0.5, pilot=pilot, tol=TIGHT),
            adaptive_lasso(A, b, 0.5, pilot=pilot.detach(), tol=TIGHT),
        )
    )
    assert torch.allclose(through, given, atol=EXACT)
    size = pilot.detach().abs()
    weights = 1 / torch.maximum(size, 1e-3 * size.max())
    held = torch.autograd.grad(lasso(A, b, 0.5, weights=weights[0], tol=TIGHT).x.square().sum(), b)[0]
    assert torch.allclose(still, held, atol=EXACT)
    assert not torch.allclose(through, held, atol=ROUGH)


def test_degenerate_kin_say_that_their_derivative_is_not_unique() -> None:
    eye = torch.eye(3, dtype=torch.float64)
    b = torch.tensor([3.0, 1.0, 0.2], dtype=torch.float64, requires_grad=True)
    A, short = data(6, 10, signals=1)
    degenerate = {
        "a column at the level": lasso_constrained(eye, b, 2.0, tol=TIGHT),
        "a budget that is just spent": lasso_constrained(eye, b, 4.2, tol=TIGHT),
        "free, of least norm": lasso_constrained(A, short, 50.0, tol=TIGHT),
        "explained exactly": square_root_lasso(A, short, 0.05),
        "b zero": square_root_lasso(A, torch.zeros(6, dtype=torch.float64, requires_grad=True), 0.5),
        "a refit at the level": relaxed_lasso(eye, b, 1.0),
        "a pilot at the level": adaptive_lasso(eye, b, 0.05, pilot_penalty=1.0),
        "a pilot of least norm": adaptive_lasso(A, short, 0.1, pilot="ridge", pilot_penalty=0.0),
    }
    for name, found in degenerate.items():
        assert found.differentiable is not None, name
        assert not bool(found.differentiable.any()), name
        assert "not unique" in str(found.status), name
        found.x.sum().backward()
    assert b.grad is not None
    assert bool(torch.isfinite(b.grad).all())


def test_where_b_is_explained_exactly_the_square_root_lasso_has_the_derivative_of_basis_pursuit() -> None:
    A, b = data(6, 10, signals=1)
    one = torch.autograd.grad(square_root_lasso(A, b, 0.05).x.square().sum(), b)[0]
    other = torch.autograd.grad(basis_pursuit(A, b).x.square().sum(), b)[0]
    assert torch.allclose(one, other, atol=1e-5 * float(other.abs().max()))  # up to the residual, tol·‖b‖


def test_greedy_supports_by_finite_differences() -> None:
    A, b = data()
    assert torch.autograd.gradcheck(lambda A, b: whole(omp(A, b, k=4)), (A, b))
    assert torch.autograd.gradcheck(lambda A, b: whole(simultaneous_omp(A, b, k=4)), (A, b), fast_mode=True)
    for code, pursued in ((sparse_encode(b, A, k=4), omp(A, b, k=4)), (sparse_encode(b[0], A, k=4), omp(A, b[0], k=4))):
        assert torch.equal(code.x, pursued.x)
        along = [torch.autograd.grad(found.x.square().sum(), A)[0] for found in (code, pursued)]
        assert torch.equal(*along)
    alone = omp(A, b[0], k=4)
    assert alone.x.requires_grad
    assert alone.differentiable is not None
    assert alone.differentiable.shape == ()
    with pytest.raises(DataError, match="complex"):
        omp(A.to(torch.complex128), b.to(torch.complex128), k=2)


def test_an_orthonormal_design_has_the_derivative_of_soft_thresholding() -> None:
    b, penalty = torch.tensor([3.0, 0.5, -2.0], dtype=torch.float64, requires_grad=True), number(1.0)
    found = lasso(torch.eye(3, dtype=torch.float64), b, penalty)
    along = torch.autograd.grad(found.x.sum(), (b, penalty))
    assert along[0].tolist() == pytest.approx([1.0, 0.0, 1.0], abs=EXACT)
    assert float(along[1]) == pytest.approx(0.0, abs=EXACT)  # −sign(3) − sign(−2)
    assert found.differentiable


def test_a_column_at_the_level_and_twin_columns_are_told() -> None:
    b = torch.tensor([3.0, 1.0], dtype=torch.float64, requires_grad=True)
    found = lasso(torch.eye(2, dtype=torch.float64), b, 1.0)
    assert not found.differentiable
    assert "not unique" in found.status
    assert torch.autograd.grad(found.x.sum(), b)[0].tolist() == [1.0, 0.0]  # on the side where it rests

    A = torch.tensor([[1.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    twins = lasso(A, b, 1.0, x0=torch.ones(2, dtype=torch.float64), tol=0.5)
    assert not twins.differentiable
    fit = omp(torch.eye(2, dtype=torch.float64), b, k=2)
    assert fit.differentiable


def test_dependent_columns_in_use_get_the_derivative_of_least_norm() -> None:
    b = torch.tensor([3.0, 1.0], dtype=torch.float64, requires_grad=True)
    A = torch.tensor([[1.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    start = torch.tensor([1.0, 1.0], dtype=torch.float64)  # a minimiser: x_1 + x_2 = 2
    found = lasso(A, b, 1.0, x0=start)
    assert found.x.tolist() == [1.0, 1.0]
    assert not found.differentiable
    assert torch.autograd.grad(found.x[0], b)[0].tolist() == pytest.approx([0.5, 0.0], abs=EXACT)


def test_many_signals_have_the_derivatives_of_each_alone() -> None:
    A, b = data(12, 20, signals=40)
    generator = torch.Generator().manual_seed(1)
    into = torch.randn(40, 20, generator=generator, dtype=torch.float64)
    penalty = number(1.0)
    together = torch.autograd.grad((lasso(A, b, penalty, tol=TIGHT).x * into).sum(), (A, b, penalty))
    alone = [
        torch.autograd.grad((lasso(A, b[row], penalty, tol=TIGHT).x * into[row]).sum(), (A, b, penalty))
        for row in range(len(b))
    ]
    for part in range(3):
        assert torch.allclose(together[part], torch.stack([one[part] for one in alone]).sum(0), atol=EXACT)


def test_float32_is_near_float64() -> None:
    A, b = data()
    wide = torch.autograd.grad(lasso(A, b, 2.0, tol=TIGHT).x.square().sum(), (A, b))
    small, targets = (part.detach().float().requires_grad_() for part in (A, b))
    found = lasso(small, targets, 2.0)
    assert found.x.dtype == torch.float32
    narrow = torch.autograd.grad(found.x.square().sum(), (small, targets))
    for one, other in zip(narrow, wide, strict=True):
        assert one.dtype == torch.float32
        assert torch.allclose(one.double(), other, atol=SINGLE)


def test_an_operator_is_a_constant_and_the_rest_is_differentiated() -> None:
    A, b = data()
    penalty = number(2.0)
    by_tensor = torch.autograd.grad(lasso(A, b, penalty, tol=TIGHT).x.square().sum(), (b, penalty))
    sparse = as_operator(A.detach().to_sparse())
    by_operator = torch.autograd.grad(lasso(sparse, b, penalty, tol=TIGHT).x.square().sum(), (b, penalty))
    for one, other in zip(by_operator, by_tensor, strict=True):
        assert torch.allclose(one, other, atol=EXACT)
    with pytest.raises(DataError, match="grad"):
        lasso(A.to_sparse(), b, penalty)


def test_x_is_differentiated_once_and_says_so() -> None:
    A, b = data()
    found = lasso(A, b, 2.0)
    with pytest.raises(DataError, match="once"):
        torch.autograd.grad(found.x.sum(), b, create_graph=True)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("solver", ["coordinate_descent", "gram_descent", "fista", "homotopy"])
def test_without_autograd_the_answers_are_plain(mode: type, solver: str) -> None:
    A, b = data()
    with mode():
        found = lasso(A, b, number(2.0), solver=solver, intercept=True)
        assert not found.x.requires_grad
        assert found.differentiable is None
        assert not omp(A, b, k=2).x.requires_grad
        assert not basis_pursuit(A, b).x.requires_grad
        assert len(lasso_path(A, b[0], count=3).x) == 3
    assert torch.allclose(found.x, lasso(A.detach(), b.detach(), 2.0, intercept=True, solver=solver).x)


def test_a_path_of_counts_has_the_derivatives_of_its_points() -> None:
    A, b = data(signals=1)
    found = omp_path(A, b[0], 4, intercept=True, sample_weights=ROOTS)
    assert torch.autograd.gradcheck(
        lambda A, b: whole(omp_path(A, b[0], 4, intercept=True, sample_weights=ROOTS)), (A, b), fast_mode=True
    )
    assert found.x.shape == (4, 20)
    plain = omp_path(A, b[0], 3)
    for count in (1, 2, 3):
        along = [
            torch.autograd.grad(x.sum(), A, retain_graph=True)[0] for x in (plain.x[count - 1], omp(A, b[0], k=count).x)
        ]
        assert torch.allclose(*along, atol=EXACT)


def test_what_has_no_derivative_says_so() -> None:
    A, b = data()
    weights, samples = torch.ones(20, dtype=torch.float64).requires_grad_(), ROOTS.clone().requires_grad_()
    design, target = A.detach(), b.detach()[0]
    for call in (
        lambda: lasso_path(design, target, weights=weights),
        lambda: lasso_path(design, target, sample_weights=samples),
        lambda: lasso_path(design, target, number(1.0)[None]),
        lambda: lasso_cv(design, target, weights=weights, folds=3),
        lambda: lasso_cv(design, target, sample_weights=samples, folds=3),
        lambda: multitask_lasso_cv(design, b.detach(), weights=weights, folds=3),
        lambda: omp_cv(design, target, 2, sample_weights=samples, folds=3),
        lambda: stability_selection(design, target, 2, weights=weights, pairs=1),
    ):
        with pytest.raises(DataError, match="no derivative"):
            call()
        with torch.no_grad():
            call()
    with pytest.raises(DataError, match="no derivative"):
        lasso_path(A, b[0])
    with pytest.raises(StructureError, match="one number"):
        lasso(A, b, torch.ones(2))


def test_the_largest_penalty_is_differentiable() -> None:
    A, b = data()
    assert torch.autograd.gradcheck(max_penalty, (A, b))


def test_a_zero_solution_has_a_zero_derivative() -> None:
    A, b = data()
    found = lasso(A, b, 1e3)
    assert found.differentiable is not None
    assert bool(found.differentiable.all())
    assert not torch.autograd.grad(found.x.sum(), A)[0].any()


ANYWHERE: dict[str, Callable[[Tensor, Tensor], Recovery]] = {
    "fista": lambda A, b: lasso(A, b, 1.0, solver="fista"),
    "gram descent": lambda A, b: lasso(A, b, 1.0, solver="gram_descent"),
    "boxed": lambda A, b: lasso(A, b, 1.0, solver="fista", bounds=(-0.1, 0.2)),
    "elastic net": lambda A, b: elastic_net(A, b, 1.0, 1.0, solver="fista"),
    "multitask": lambda A, b: multitask_lasso(A, b, 1.0),
    "admm": lambda A, b: basis_pursuit(A, b, solver="admm"),
    "omp": lambda A, b: omp(A, b, k=3),
    "ridge": lambda A, b: ridge(A, b, 1.0),
    "constrained": lambda A, b: lasso_constrained(A, b, 1.0),
    "adaptive": lambda A, b: adaptive_lasso(A, b, 1.0, pilot="ridge", solver="fista"),
    "relaxed": lambda A, b: relaxed_lasso(A, b, 1.0, solver="fista"),
}


@pytest.mark.parametrize("name", ANYWHERE)
def test_solving_and_differentiating_stay_on_the_device_of_the_data(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tensor is made where the data are: one made by default would lie on "meta" here, and nothing is numpy's."""

    def refused(*_: object) -> None:
        raise AssertionError("numpy has only the processor's memory")

    A, b = data()
    monkeypatch.setattr(Tensor, "numpy", refused)
    with torch.device("meta"):
        ANYWHERE[name](A, b).x.sum().backward()
    assert A.grad is not None
    assert bool(torch.isfinite(A.grad).all())
