"""Every structure's constraint set: feasible, idempotent, frozen, and nearest by brute force on tiny cases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from gossamer.errors import StructureError
from gossamer.structure import NM, Block, Grid, LowRank, TopK, as_structure, parse
from gossamer.terms import SUPPORTS, VALUES, fit, fit_values, frozen, support_set
from gossamer.terms.codebook import kmeans_1d
from gossamer.terms.topk import largest

FLOAT32 = 1e-5  # rounding of a float32 sum over a few hundred entries, relative to numbers near 1

SUPPORT_TEXTS = ["top10%", "top5/row", "top25%/block8", "2:4", "1:8", "block4x2/25%", "block2x4/50%/row"]
VALUE_TEXTS = ["int2", "int4/g8", "int8", "int3/tensor/asym", "int4/g16/asym", "codebook1", "codebook16"]
EXACT = [*SUPPORT_TEXTS, *VALUE_TEXTS, "rank3", *(f"{s} & {v}" for s in SUPPORT_TEXTS for v in VALUE_TEXTS)]
HEURISTIC = ["2:4 + rank2", "int4 + rank2", "top20% & codebook8 + rank1"]
SHAPES = [(1, 8, 32), (2, 4, 16), (8, 16)]
DTYPES = [torch.float32, torch.float16, torch.bfloat16]


def weight(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_every_word_of_the_tables_is_tried() -> None:
    tried = {type(word) for text in EXACT for word in parse(text).words}
    assert tried >= {*SUPPORTS, *VALUES, LowRank}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("text", EXACT)
def test_projection_is_feasible_idempotent_and_frozen(text: str, shape: tuple[int, ...]) -> None:
    w = weight(shape)
    term = fit(text, w)
    member = term.project(w)
    dense = member.dense()
    assert term.exact
    assert dense.shape == w.shape
    assert term.violation(dense) <= FLOAT32
    assert torch.allclose(term.project(dense).dense(), dense, atol=FLOAT32)
    again = term.project(weight(shape, 1))
    for part in ("scale", "zero_point", "codebook"):
        before, after = getattr(member, part), getattr(again, part)
        assert (before is None) == (after is None)
        assert before is None or torch.equal(before, after)


@pytest.mark.parametrize("text", HEURISTIC)
def test_heuristics_say_so_and_improve_on_either_part(text: str) -> None:
    w = weight((1, 16, 32))
    term = fit(text, w)
    structure = as_structure(text)
    assert not term.exact
    held = fit(type(structure)(structure.support, structure.values), w)
    error = float((term.project(w).dense() - w).norm())
    assert error < float((held.project(w).dense() - w).norm())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("text", ["top25%", "2:4 & int4/g8", "top50% & codebook8", "int8 + rank2"])
def test_dense_has_the_weights_own_dtype(text: str, dtype: torch.dtype) -> None:
    w = weight((1, 8, 16)).to(dtype)
    member = fit(text, w).project(w)
    assert member.dtype == dtype
    assert member.dense().dtype == dtype
    assert torch.equal(member.dense(torch.float32).to(dtype), member.dense())


@pytest.mark.parametrize("text", [*EXACT, *HEURISTIC])
def test_frozen_keeps_support_scales_and_factors(text: str) -> None:
    w = weight((1, 8, 32))
    member = fit(text, w).project(w)
    later = frozen(member).project(weight((1, 8, 32), 5))
    for part in ("support", "scale", "zero_point", "codebook", "left", "right"):
        before, after = getattr(member, part), getattr(later, part)
        if part == "support" and before is not None:
            assert not (after & ~before).any()
            continue
        assert (before is None) == (after is None)
        assert before is None or torch.equal(before, after)
    dense = member.dense()
    assert torch.allclose(frozen(member).project(dense).dense(), dense, atol=FLOAT32)


def whole(text: str, mask: torch.Tensor) -> bool:
    """Whether a mask holds whole blocks, if it is about blocks."""
    word = parse(text).support
    if not isinstance(word, Block):
        return True
    tiles = mask.reshape(2 // word.rows, word.rows, 4 // word.columns, word.columns).float().mean((1, 3))
    return bool(((tiles == 0) | (tiles == 1)).all())


@pytest.mark.parametrize("text", ["top3", "top1/row", "2:4", "block1x2/50%", "block2x1/25%"])
@pytest.mark.parametrize("values", ["", " & int2", " & codebook2"])
@pytest.mark.parametrize("weighted", [False, True])
def test_nearest_by_brute_force(text: str, values: str, weighted: bool) -> None:
    w = weight((2, 4), 3)
    metric = torch.tensor([0.1, 4.0, 1.0, 0.5]) if weighted else None
    term = fit(text + values, w, metric)
    cost = torch.ones(4) if metric is None else metric
    nearest = w if term.what is None else term.what.nearest(w)
    best = min(
        float((cost * (w - torch.where(mask, nearest, torch.zeros(()))) ** 2).sum())
        for bits in itertools.product([False, True], repeat=8)
        if term.where.excess(mask := torch.tensor(bits).reshape(2, 4)) == 0 and whole(text, mask)
    )
    got = float((cost * (w - term.project(w, metric).dense()) ** 2).sum())
    assert got == pytest.approx(best, rel=FLOAT32, abs=FLOAT32)


def test_kept_blocks_are_whole_even_where_the_codebook_has_no_zero() -> None:
    w = weight((2, 8, 128))
    member = fit("block4x2/25% & codebook16", w).project(w)
    assert member.kept == w.numel() // 4


def test_ties_keep_the_larger_weight_then_the_lower_index() -> None:
    w = torch.tensor([[1.0, -1.0, 2.0, 1.0]])
    assert fit(TopK(k=2), w).project(w).support.tolist() == [[True, False, True, False]]
    flat = fit(TopK(k=2), w).project(w, metric=torch.zeros(4))
    assert flat.support.tolist() == [[True, False, True, False]]


def test_counts_are_exact_even_where_weights_are_zero() -> None:
    assert int(fit("top10%", torch.zeros(10, 10)).project(torch.zeros(10, 10)).support.sum()) == 10


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("bits", range(2, 9))
def test_unclipped_grid_is_within_half_a_step_and_keeps_zero(bits: int, symmetric: bool) -> None:
    w = weight((4, 32))
    w[0] = 0
    w[1, 3] = 0
    grid = fit_values(Grid(bits, symmetric=symmetric), w, clip=False)
    step = grid.scale.float()
    rounding = 2.0**-10 * w.abs().amax(-1, keepdim=True)  # scales are float16: the range may end a little early
    assert ((grid.nearest(w) - w).abs() <= step / 2 + rounding + FLOAT32).all()
    assert (grid.nearest(w)[0] == 0).all()
    assert grid.nearest(w)[1, 3] == 0


@pytest.mark.parametrize("symmetric", [True, False])
def test_clip_search_never_loses(symmetric: bool) -> None:
    w = weight((8, 64))
    w[0, 0] = 30.0
    word = Grid(3, symmetric=symmetric)
    plain, searched = (fit_values(word, w, clip=clip).nearest(w) for clip in (False, True))
    assert ((searched - w) ** 2).sum() <= ((plain - w) ** 2).sum()


def test_tiny_weights_keep_float32_scales() -> None:
    w = weight((2, 16)) * 1e-7
    grid = fit_values(Grid(8), w)
    assert grid.scale.dtype == torch.float32
    assert float((grid.nearest(w) - w).norm() / w.norm()) < 0.01


def test_codebook_keeps_zeros_that_were_there() -> None:
    w = weight((4, 32))
    w[:, ::2] = 0
    assert (fit("codebook8", w).project(w).dense()[:, ::2] == 0).all()


def test_one_zero_does_not_cost_a_centre_that_the_rest_needs() -> None:
    w = torch.ones(4, 8)
    w[:2] = -1
    w[0, 0] = 0
    assert torch.equal(fit("codebook3", w).project(w).dense(), w)


def partitions(n: int, k: int):
    for cuts in itertools.combinations(range(1, n), k - 1):
        yield [slice(a, b) for a, b in itertools.pairwise((0, *cuts, n))]


@given(
    st.lists(st.tuples(st.integers(-20, 20), st.integers(1, 5)), min_size=1, max_size=8),
    st.integers(1, 4),
)
@settings(max_examples=150, deadline=None)
def test_kmeans_is_optimal_by_brute_force(pairs: list[tuple[int, int]], size: int) -> None:
    points = np.array([p for p, _ in pairs], dtype=float)
    mass = np.array([m for _, m in pairs], dtype=float)
    centres = kmeans_1d(points, mass, size)
    got = (mass * np.abs(points[:, None] - centres).min(1) ** 2).sum()
    order = np.argsort(points, kind="stable")
    p, m = points[order], mass[order]
    best = min(
        sum((m[s] * (p[s] - np.average(p[s], weights=m[s])) ** 2).sum() for s in parts)
        for k in range(1, min(size, len(p)) + 1)
        for parts in partitions(len(p), k)
    )
    assert len(centres) <= size
    assert got == pytest.approx(best, abs=1e-9)


def test_kmeans_on_many_points_is_close_to_lloyds_best() -> None:
    points = np.random.default_rng(0).normal(size=100_000)
    centres = kmeans_1d(points, np.ones_like(points), 8)
    error = (np.abs(points[:, None] - centres).min(1) ** 2).mean()
    assert error == pytest.approx(0.03454, rel=0.03)  # the Lloyd-Max quantizer of a standard normal with 8 levels


def test_low_rank_is_the_truncated_svd_in_the_metric() -> None:
    w, metric = weight((6, 9)), torch.linspace(0.1, 3.0, 9)
    got = fit("rank2", w).project(w, metric.unsqueeze(0)).dense()
    scaled = w.double() * metric.double().sqrt()
    s = torch.linalg.svdvals(scaled)
    error = ((w.double() - got.double()) ** 2 * metric.double()).sum()
    assert float(error) == pytest.approx(float((s[2:] ** 2).sum()), rel=1e-5)


@given(st.integers(0, 30), st.integers(0, 31), st.integers(0, 3))
def test_largest_marks_exactly_k(n: int, k: int, levels: int) -> None:
    gain = torch.randint(0, levels + 1, (3, n), generator=torch.Generator().manual_seed(n)).float()
    assert (largest(gain, gain, k).sum(-1) == min(k, n)).all()


@given(st.integers(1, 30), st.integers(1, 31), st.integers(0, 3), st.sampled_from([1, 3, 200]))
def test_largest_is_what_two_stable_sorts_choose(n: int, k: int, levels: int, rows: int) -> None:
    """Few rows and many take different ways; equal gains are the rule here."""
    generator = torch.Generator().manual_seed(n * 100 + k)
    gain, tie = (torch.randint(0, levels + 1, (rows, n), generator=generator).float() for _ in range(2))
    order = tie.sort(dim=-1, descending=True, stable=True).indices
    rank = order.gather(-1, gain.gather(-1, order).sort(dim=-1, descending=True, stable=True).indices)
    wanted = torch.zeros(gain.shape, dtype=torch.bool).scatter_(-1, rank[:, :k], True)
    assert torch.equal(largest(gain, tie, k), wanted)


@pytest.mark.parametrize(
    ("word", "shape", "needle"),
    [
        (NM(2, 4), (3, 6), "width 6"),
        (TopK(0.1, scope="block", block=5), (3, 6), "width 6"),
        (TopK(0.1, scope="model"), (3, 6), "whole model"),
        (Block(2, 2, 0.5), (3, 6), "3×6"),
        (Grid(4, group=4), (3, 6), "width 6"),
        (LowRank(3), (3, 6), "3×6"),
    ],
    ids=str,
)
def test_a_structure_that_does_not_fit_names_the_shape(word, shape, needle: str) -> None:
    with pytest.raises(StructureError, match=needle):
        fit(word, torch.zeros(shape))


def test_support_sets_are_closed_under_subsets() -> None:
    for text in SUPPORT_TEXTS:
        where = support_set(parse(text).support, (8, 32))
        mask = where.select(weight((8, 32)) ** 2, weight((8, 32)).abs())
        fewer = mask & (weight((8, 32), 9) > 0)
        assert where.excess(mask) == where.excess(fewer) == 0
        assert where.excess(torch.ones(8, 32, dtype=torch.bool)) > 0
