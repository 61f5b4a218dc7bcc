"""Derivatives of solutions under losses, against finite differences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gossamer.errors import DataError, StructureError
from gossamer.solvers import Recovery, implicit_loss
from gossamer.sparse import cox, huber, logistic, loss_path, multinomial, penalised_loss, poisson
from gossamer.terms import L1

TIGHT = 1e-13  # relative gap: finite differences divide the error of x by their step
CLOSE = 1e-8  # of derivatives at two solutions of one problem with such gaps
STEP, ROUGH = 1e-4, 1e-3  # x is good to about 1e-7
M, N = 30, 6


def data() -> tuple[Tensor, Tensor, Tensor]:
    """A, noise about A times a sparse truth, and sample weights."""
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(M, N, generator=generator, dtype=torch.float64)
    z = A[:, 0] - A[:, 1] + torch.randn(M, generator=generator, dtype=torch.float64)
    return A, z, torch.linspace(0.5, 2.0, M, dtype=torch.float64)


A, Z, ROOTS = data()
SMOOTH: dict[str, tuple[Tensor, float]] = {"huber": (Z * 2, 3.0), "poisson": ((Z + 3).clamp(min=0.1), 6.0)}
LABELS: dict[str, tuple[Tensor, float]] = {
    "logistic": ((Z > 0).double(), 1.5),
    "multinomial": ((Z > -0.5).double() + (Z > 0.5), 1.5),
    "cox": (torch.stack([(-Z).exp(), (torch.arange(M) % 3 > 0).double()], -1), 2.0),
}


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def whole(found: Recovery, sure: bool = True) -> Tensor:
    assert found.differentiable is not None
    assert not sure or bool(found.differentiable.all())
    return found.x if found.intercept is None else torch.cat([found.x.flatten(), found.intercept.flatten()])


def agrees(solve: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> bool:
    return torch.autograd.gradcheck(solve, inputs, eps=STEP, atol=ROUGH, rtol=ROUGH, fast_mode=True)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("name", SMOOTH)
def test_losses_smooth_in_their_targets(name: str, intercept: bool) -> None:
    b, level = SMOOTH[name]

    def solve(A: Tensor, b: Tensor, p: Tensor, s: Tensor) -> Tensor:
        return whole(penalised_loss(A, b, name, p, sample_weights=s, intercept=intercept, tol=TIGHT))

    inputs = tuple(part.clone().requires_grad_() for part in (A, b, torch.tensor(level).double(), ROOTS))
    x = solve(*inputs)[:N]
    assert bool((x == 0).any())
    assert bool(x.any())
    assert agrees(solve, inputs)


@pytest.mark.parametrize(
    ("name", "intercept"), [("logistic", False), ("logistic", True), ("multinomial", False), ("cox", False)]
)
def test_losses_of_labels(name: str, intercept: bool) -> None:
    b, level = LABELS[name]

    def solve(A: Tensor, p: Tensor, l2: Tensor, s: Tensor) -> Tensor:
        return whole(penalised_loss(A, b, name, p, l2=l2, sample_weights=s, intercept=intercept, tol=TIGHT))

    inputs = (A.clone().requires_grad_(), number(level), number(0.5), ROOTS.clone().requires_grad_())
    assert bool(solve(*inputs).any())
    assert agrees(solve, inputs)


def test_groups_weights_and_many_signals() -> None:
    labels = torch.stack([(Z > 0).double(), (A[:, 3] > 0).double()])
    inputs = (A.clone().requires_grad_(), number(0.7))
    groups = [0, 0, 1, 1, 2, 2]
    assert agrees(lambda A, p: whole(logistic(A, labels, p, groups=groups, tol=TIGHT)), inputs)
    assert agrees(lambda A, p: whole(logistic(A, labels, p, intercept=True, tol=TIGHT)), inputs)
    factors = torch.linspace(0.5, 1.5, N, dtype=torch.float64).requires_grad_()
    assert agrees(lambda w: whole(logistic(A, labels[0], 1.0, weights=w, tol=TIGHT)), (factors,))
    shared = LABELS["multinomial"][0]
    assert agrees(lambda A, p: whole(multinomial(A, shared, p, shared=True, tol=TIGHT)), inputs)


@pytest.mark.parametrize("intercept", [False, True])
def test_standardised_columns(intercept: bool) -> None:
    b, level = SMOOTH["poisson"]

    def solve(A: Tensor, p: Tensor, s: Tensor) -> Tensor:
        return whole(poisson(A, b, p, sample_weights=s, intercept=intercept, standardise=True, tol=TIGHT))

    uneven = (0.5 + A) * torch.linspace(0.5, 2, N, dtype=torch.float64)
    inputs = (uneven.requires_grad_(), number(level), ROOTS.clone().requires_grad_())
    assert bool(solve(*inputs)[:N].any())
    assert agrees(solve, inputs)


@pytest.mark.parametrize("entries", [1 << 22, 1])
@pytest.mark.parametrize("name", ["huber", "poisson", "logistic"])
def test_many_signals_have_the_derivatives_of_each_alone(
    name: str, entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of supports of 0 to all columns; in one part, and each in its own."""
    monkeypatch.setattr(implicit_loss, "TOGETHER", entries)
    noise = torch.randn(7, M, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    size = torch.linspace(0, 3, 7, dtype=torch.float64)[:, None]
    z = size * (A[:, 0] - A[:, 4]) + size * noise
    b = {"huber": z, "poisson": (z + 2).clamp(min=0.1), "logistic": (z + 0.1 * noise > 0).double()}[name]
    into = torch.randn(7, N + 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    inputs = (A.clone().requires_grad_(), number(3.0), ROOTS.clone().requires_grad_())

    def fit(rows: Tensor) -> Recovery:
        return penalised_loss(inputs[0], rows, name, inputs[1], sample_weights=inputs[2], intercept=True, tol=TIGHT)

    found, alone = fit(b), [fit(row) for row in b]
    assert found.differentiable is not None
    counts = set((found.x != 0).sum(-1).tolist())
    assert min(counts) == 0
    assert len(counts) > 2
    together = torch.autograd.grad((whole(found, False).view(-1) * _flat(into)).sum(), inputs)
    apart = [torch.autograd.grad((whole(one) * row).sum(), inputs) for one, row in zip(alone, into, strict=True)]
    for part, each in zip(together, zip(*apart, strict=True), strict=True):
        assert torch.allclose(part, torch.stack(each).sum(0), atol=CLOSE)
    assert found.differentiable.tolist() == [bool(one.differentiable) for one in alone]


def _flat(into: Tensor) -> Tensor:
    """As `whole` lays out x and intercepts of many signals."""
    return torch.cat([into[:, :N].flatten(), into[:, N]])


@pytest.mark.parametrize("name", [*SMOOTH, *LABELS])
def test_a_zero_solution_has_a_zero_derivative(name: str) -> None:
    traced, (b, _) = A.clone().requires_grad_(), (SMOOTH | LABELS)[name]
    found = penalised_loss(traced, b, name, 1e3)
    assert not found.x.any()
    assert bool(found.differentiable.all())
    assert not torch.autograd.grad(found.x.sum(), traced)[0].any()


def test_flat_intercepts_leave_the_derivative_of_x_alone() -> None:
    labels = LABELS["multinomial"][0]
    inputs = (A.clone().requires_grad_(), number(1.5), number(0.5))
    assert agrees(lambda A, p, l2: multinomial(A, labels, p, l2=l2, intercept=True, tol=TIGHT).x, inputs)


def test_float32_is_near_float64() -> None:
    b, level = SMOOTH["poisson"]
    wide, small = A.clone().requires_grad_(), A.float().requires_grad_()
    one, other = (poisson(design, b, level, intercept=True, tol=1e-9) for design in (wide, small))
    assert other.x.dtype == torch.float32
    first = torch.autograd.grad(one.x.square().sum(), wide)[0]
    second = torch.autograd.grad(other.x.square().sum(), small)[0]
    assert torch.allclose(first, second.double(), atol=ROUGH, rtol=ROUGH)


def test_what_has_no_one_derivative_is_told() -> None:
    b = torch.tensor([1.0, 4.0], dtype=torch.float64, requires_grad=True)
    found = poisson(torch.eye(2, dtype=torch.float64), b, 3.0, tol=TIGHT)  # x_2 leaves zero exactly at 1 − 4 = −3
    assert not found.differentiable
    assert "not unique" in found.status
    kink = torch.tensor([1.5, 2.5], dtype=torch.float64, requires_grad=True)  # x = 1.5, the second residual is −delta
    assert not huber(torch.ones(2, 1, dtype=torch.float64), kink, 1.0, delta=1.0, tol=TIGHT).differentiable
    free = multinomial(A.clone().requires_grad_(), LABELS["multinomial"][0], 1.5, intercept=True)
    assert not free.differentiable  # the classes' intercepts can all move by one number


def test_refusals_name_the_way_out() -> None:
    traced, labels = A.clone().requires_grad_(), LABELS["logistic"][0]
    with pytest.raises(DataError, match="labels"):
        logistic(A, labels.clone().requires_grad_(), 1.0)
    with pytest.raises(StructureError, match="Penalty"):
        logistic(traced, labels, L1(1.0))
    with pytest.raises(DataError, match="once"):
        torch.autograd.grad(logistic(traced, labels, 1.0).x.sum(), traced, create_graph=True)
    with pytest.raises(DataError, match="no derivative"):
        loss_path(A, labels, "logistic", sample_weights=ROOTS.clone().requires_grad_())
    with pytest.raises(StructureError, match="one number"):
        logistic(A, labels, torch.ones(2))
    with torch.no_grad():
        assert logistic(traced, labels, number(1.0)).differentiable is None
    assert cox(A, *LABELS["cox"][0].unbind(-1), 2.0).differentiable is None
