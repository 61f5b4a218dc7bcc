"""Every penalty: its prox is optimal, contracts, splits with the conjugate, and is the best of a fine grid."""

from __future__ import annotations

import re
from math import inf

import pytest
import torch

from gossamer.errors import StructureError
from gossamer.terms import L1, PENALTIES, BoxedL1, ElasticNet, Group, L1Ball, MultiTask, Penalty, SparseGroup

N, BATCH, TASKS = 12, 7, 3
LABELS = torch.tensor([0, 0, 0, 1, 2, 2, 1, 1, 3, 3, 3, 3])
FACTORS = torch.tensor([1.0, 2.0, 0.0, 0.5] * 3, dtype=torch.float64)
CASES: dict[str, Penalty] = {
    "l1": L1(0.7),
    "l1 weighted": L1(0.7, FACTORS),
    "non-negative": BoxedL1(0.7),
    "boxed": BoxedL1(0.4, -0.5, 1.5),
    "boxed weighted": BoxedL1(0.4, -inf, 1.5, FACTORS),
    "elastic net": ElasticNet(0.5, 0.8),
    "elastic net weighted": ElasticNet(0.5, 0.8, FACTORS),
    "elastic net non-negative": ElasticNet(0.5, 0.8, low=0.0),
    "elastic net boxed": ElasticNet(0.4, 0.8, FACTORS, -0.5, 1.5),
    "ball": L1Ball(12.0),
    "group": Group(0.6, LABELS),
    "group weighted": Group(0.6, LABELS, torch.tensor([1.0, 0.0, 2.0, 1.0])),
    "sparse group": SparseGroup(0.3, 0.5, LABELS),
    "multi-task": MultiTask(0.9),
    "multi-task weighted": MultiTask(0.9, FACTORS),
}
STEP = 0.6
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}  # rounding of sums over a dozen numbers near 2
each = pytest.mark.parametrize("name", CASES)
both = pytest.mark.parametrize("dtype", TOLERANCE, ids=str)


def points(penalty: Penalty, dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    shape = (BATCH, N) if penalty.event_ndim == 1 else (BATCH, TASKS, N)
    return 2 * torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def event_sum(penalty: Penalty, x: torch.Tensor) -> torch.Tensor:
    return x.sum(tuple(range(-penalty.event_ndim, 0)))


def test_every_penalty_of_the_table_is_tried() -> None:
    assert {type(penalty) for penalty in CASES.values()} == set(PENALTIES.values())


@both
@each
def test_prox_meets_the_optimality_condition(name: str, dtype: torch.dtype) -> None:
    penalty = CASES[name]
    x = points(penalty, dtype)
    z = penalty.prox(x, STEP)
    assert z.dtype == dtype
    assert float(penalty.subdiff_distance(z, (z - x) / STEP).max()) < TOLERANCE[dtype]
    assert float(penalty.subdiff_distance(z, (z - x) / STEP + 0.3).min()) > 0.01, (
        "the measure must see a wrong gradient"
    )


@each
def test_prox_is_firmly_non_expansive(name: str) -> None:
    penalty = CASES[name]
    x, y = points(penalty), points(penalty, seed=1)
    apart = penalty.prox(x, STEP) - penalty.prox(y, STEP)
    assert bool((event_sum(penalty, apart * apart) <= event_sum(penalty, apart * (x - y)) + 1e-12).all())


@each
def test_moreau_and_fenchel_hold_with_the_conjugate(name: str) -> None:
    """v = x − prox(x) is a subgradient at prox(x), so Ω(z) + Ω*(v) = ⟨z, v⟩; elsewhere the left side is larger."""
    penalty = CASES[name]
    x = points(penalty)
    z = penalty.prox(x, 1.0)
    v = (x - z) * (1 - 1e-14)  # a hair inside the dual ball, whose edge rounding may cross
    equal = penalty.value(z) + penalty.conjugate(v) - event_sum(penalty, z * v)
    assert float(equal.abs().max()) < 1e-11
    other = penalty.prox(points(penalty, seed=2), 1.0)
    assert bool((penalty.value(other) + penalty.conjugate(v) - event_sum(penalty, other * v) >= -1e-11).all())


@each
def test_dual_scale_is_the_largest_that_stays_inside(name: str) -> None:
    penalty = CASES[name].without_ridge()
    v = 3 * points(penalty)
    if penalty.free is not None:
        v[..., penalty.free] = 0
    scale = penalty.dual_scale(v)[(...,) + (None,) * penalty.event_ndim]
    assert bool(torch.isfinite(penalty.conjugate(v * scale * (1 - 1e-12))).all())
    beyond = penalty.conjugate(v * scale * (1 + 1e-6))
    assert bool((torch.isinf(beyond) | (scale.flatten() == 1) | (scale.flatten() == 0)).all())


@pytest.mark.parametrize(
    "name", [name for name, penalty in CASES.items() if not {"group", "task", "ball"} & set(re.split("[ -]", name))]
)
def test_prox_of_the_line_is_the_best_of_a_grid(name: str) -> None:
    penalty = CASES[name]
    x = points(penalty)[0]
    grid = torch.linspace(-6, 6, 240_001, dtype=torch.float64)
    for j in range(N):
        along = torch.zeros(len(grid), N, dtype=torch.float64)
        along[:, j] = grid
        cost = 0.5 * (grid - x[j]) ** 2 + STEP * penalty.value(along)
        assert abs(float(grid[cost.argmin()] - penalty.prox(x, STEP)[j])) < 1e-4


@each
def test_value_is_zero_at_zero_and_prox_takes_steps_of_each_row(name: str) -> None:
    penalty = CASES[name]
    x = points(penalty)
    assert bool((penalty.value(torch.zeros_like(x)) == 0).all())
    steps = torch.linspace(0.1, 1, BATCH, dtype=torch.float64)
    together = penalty.prox(x, steps[(...,) + (None,) * penalty.event_ndim])
    assert torch.equal(together, torch.stack([penalty.prox(x[i], float(steps[i])) for i in range(BATCH)]))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: L1(-1.0), "strength is -1.0"),
        (lambda: L1(float("nan")), "finite number"),
        (lambda: ElasticNet(1.0, -2.0), "l2 is -2.0"),
        (lambda: L1Ball(0.0), "radius is 0.0"),
        (lambda: BoxedL1(1.0, 0.5, 2.0), "low ≤ 0 ≤ high"),
        (lambda: ElasticNet(1.0, 1.0, None, 0.5, 2.0), "low ≤ 0 ≤ high"),
        (lambda: L1(1.0, torch.ones(3)).check(4), "one for each of the 4 columns"),
        (lambda: L1(1.0, -torch.ones(3)).check(3), "negative"),
        (lambda: Group(1.0, torch.tensor([0, 2])).check(2), "renumber"),
        (lambda: Group(1.0, torch.tensor([0, 1])).check(3), "one for each of the 3 columns"),
        (lambda: Group(1.0, torch.tensor([0, 1]), torch.ones(1)).check(2), "2 groups"),
    ],
)
def test_malformed_penalties_say_what_to_do(make: object, words: str) -> None:
    with pytest.raises(StructureError, match=words):
        make()  # type: ignore[operator]
