"""Layer methods: what each brings, that no step destroys the one before, allocation, statistics."""

from __future__ import annotations

import itertools

import pytest
import torch

from gossamer.errors import StructureError
from gossamer.layer import DEFAULT_METHOD, METHODS, GlobalMagnitude, LayerTask
from gossamer.problem import LayerQuadratic
from gossamer.statistics import STATISTICS
from gossamer.structure import NM, Structure, TopK, as_structure, parse
from gossamer.terms import SUPPORTS, VALUES, Member, fit

FLOAT32 = 1e-5

STEPS = [
    ("top50%/row", "magnitude"),
    ("top60%", "magnitude"),
    ("2:4", "magnitude"),
    ("2:4", "wanda"),
    ("block2x4/50%", "magnitude"),
    ("top50%", "random"),
    ("int4/g8", "rtn"),
    ("int3/tensor/asym", "rtn"),
    ("codebook8", "kmeans"),
    ("rank2", "svd"),
    ("2:4 & int4", "nearest"),
    ("top50%/row", "nearest-energy"),
]


def weight(seed: int = 0, shape: tuple[int, ...] = (1, 8, 16)) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def energy() -> torch.Tensor:
    return torch.linspace(0.1, 5.0, 16).reshape(1, 16)


def run(text: str, method: str, held: Member | None = None, w: torch.Tensor | None = None) -> Member:
    structure = as_structure(text)
    METHODS[method].check(structure, (1, 8, 16))
    result = METHODS[method].compress(LayerTask("fc", weight() if w is None else w, structure, held, energy()))
    assert result.status.kind == "done", result.status
    assert result.member is not None
    return result.member


def test_every_method_is_tried_and_every_word_has_a_default() -> None:
    assert {method for _, method in STEPS} == set(METHODS)
    assert set(DEFAULT_METHOD) >= {*SUPPORTS, *VALUES}
    assert set(DEFAULT_METHOD.values()) <= set(METHODS)


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(STEPS, 2)), ids=str)
def test_no_step_destroys_the_one_before(first, second) -> None:
    a, b = as_structure(first[0]), as_structure(second[0])
    if any(getattr(a, slot) and getattr(b, slot) for slot in ("values", "lowrank")):
        return  # the plan refuses to fill these slots twice
    before = run(*first)
    after = run(*second, held=before)
    held = after.held()
    for structure in (a, b):
        if structure.support is not None:
            assert fit(Structure(support=structure.support), held).violation(held) == 0
    if before.support is not None:
        assert (held[~before.support] == 0).all()
    for part in ("scale", "zero_point", "codebook"):
        if getattr(before, part) is not None:
            assert torch.equal(getattr(before, part), getattr(after, part))
    if a.values is not None or b.values is not None:
        assert after.codes is not None
    if before.left is not None:
        assert torch.equal(before.left, after.left)
        assert torch.equal(before.right, after.right)


def test_wanda_is_magnitude_times_input_norm_within_each_row() -> None:
    w, norms = weight(3), energy().sqrt()
    got = run("top25%/row", "wanda", w=w).support
    scores = (w.abs() * norms.unsqueeze(1)).reshape(8, 16)
    expected = torch.zeros(8, 16, dtype=torch.bool).scatter_(1, scores.topk(4, dim=1).indices, True)
    assert torch.equal(got.reshape(8, 16), expected)


def test_wanda_prunes_a_dead_input_channel_first() -> None:
    dead = energy().clone()
    dead[0, 5] = 0
    task = LayerTask("fc", weight() + 10, as_structure("top15/row"), energy=dead)
    assert not METHODS["wanda"].compress(task).member.support[..., 5].any()


def test_random_is_a_baseline_with_exact_counts_and_a_seed() -> None:
    first, again, other = (
        METHODS["random"].compress(LayerTask("fc", weight(), as_structure("2:4"), seed=s)).member.support
        for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert (first.reshape(-1, 4).sum(-1) == 2).all()


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("magnitude", "int4"),
        ("rtn", "codebook8"),
        ("kmeans", "int4"),
        ("wanda", "top10%"),
        ("random", "2:4 & int4"),
        ("svd", "2:4"),
    ],
)
def test_a_method_says_what_it_cannot_bring(method: str, text: str) -> None:
    with pytest.raises(StructureError):
        METHODS[method].check(as_structure(text), (1, 8, 16))


def test_a_weight_that_cannot_be_compressed_is_a_status() -> None:
    broken = weight()
    broken[0, 0, 0] = torch.nan
    assert METHODS["magnitude"].compress(LayerTask("fc", broken, as_structure("2:4"))).status.kind == "failed"
    unreached = METHODS["wanda"].compress(LayerTask("fc", weight(), as_structure("2:4")))
    assert unreached.status.kind == "skipped"
    assert "calibration" in unreached.status.reason


def test_infinite_energies_and_weights_beyond_float32_fail_by_name() -> None:
    energies = energy().clone()
    energies[0, 3] = torch.nan
    broken = METHODS["wanda"].compress(LayerTask("fc", weight(), as_structure("2:4"), energy=energies)).status
    huge = METHODS["rtn"].compress(LayerTask("fc", weight() * 1e22, as_structure("int4"))).status
    assert (broken.kind, huge.kind) == ("failed", "failed")
    assert "calibration" in broken.reason


def test_a_broken_layer_takes_nothing_from_the_others() -> None:
    broken = weight()
    broken[0, 0, 0] = torch.nan
    tasks = [LayerTask(name, w, parse("top25%/model")) for name, w in (("a", broken), ("b", weight()))]
    assert [s.support.k for s in GlobalMagnitude().allocate(tasks)] == [0, 64]


@pytest.mark.parametrize("method", ["random", "nearest-energy"])
def test_what_is_shared_out_by_magnitude_is_not_called_otherwise(method: str) -> None:
    with pytest.raises(StructureError, match="shared out"):
        METHODS[method].check(parse("top25%/model"), (1, 8, 16))


def test_a_layer_of_which_nothing_is_kept_says_so() -> None:
    result = METHODS["magnitude"].compress(LayerTask("fc", weight(), as_structure(TopK(k=0))))
    assert result.status.kind == "done"
    assert "no entry is kept" in result.status.reason


def test_global_magnitude_keeps_the_largest_of_all_layers_exactly() -> None:
    word = TopK(0.3, scope="model")
    weights = [weight(s) * scale for s, scale in enumerate((1.0, 3.0, 0.1))]
    tasks = [LayerTask(f"l{i}", w, as_structure(word)) for i, w in enumerate(weights)]
    structures = GlobalMagnitude(floor=0.0).allocate(tasks)
    counts = [s.support.k for s in structures]
    every = torch.cat([w.abs().flatten() for w in weights])
    threshold = every.sort(descending=True).values[word.kept(every.numel()) - 1]
    assert sum(counts) == word.kept(every.numel())
    assert counts == [int((w.abs() >= threshold).sum()) for w in weights]


@pytest.mark.parametrize(("floor", "cap"), [(0.0, 1.0), (0.2, 1.0), (0.0, 0.5), (0.25, 0.5), (0.375, 0.375)])
def test_bounds_on_each_layer_cost_the_least_magnitude(floor: float, cap: float) -> None:
    """Against every admissible split of the count: a layer that keeps c entries keeps its c largest."""
    sizes = [torch.rand(8, generator=torch.Generator().manual_seed(seed)) * scale for seed, scale in enumerate((1, 3))]
    word = TopK(0.375, scope="model")
    tasks = [LayerTask(f"l{i}", size.reshape(1, 2, 4), as_structure(word)) for i, size in enumerate(sizes)]
    counts = [s.support.k for s in GlobalMagnitude(floor, cap).allocate(tasks)]
    kept = [size.sort(descending=True).values.square().cumsum(0).tolist() for size in sizes]
    total = word.kept(16)
    least = int(floor * 8) if floor == 0 else max(int(floor * 8), 1)
    best = max(
        (sum([0.0, *kept[0]][a : a + 1]) + sum([0.0, *kept[1]][total - a : total - a + 1]), (a, total - a))
        for a in range(total + 1)
        if all(least <= count <= min(TopK(cap).kept(8), 8) for count in (a, total - a))
    )
    assert tuple(counts) == best[1]


def test_no_layer_is_emptied_unless_that_is_asked_for() -> None:
    word = as_structure(TopK(0.1, scope="model"))
    tasks = [LayerTask("large", weight(0) * 100, word), LayerTask("small", weight(1) * 1e-3, word)]
    assert [s.support.k for s in GlobalMagnitude(floor=0.0).allocate(tasks)][1] == 0
    assert [s.support.k for s in GlobalMagnitude().allocate(tasks)][1] == max(1, int(0.01 * weight(1).numel()))
    dead = [LayerTask("large", weight(0), word), LayerTask("dead", torch.zeros(1, 8, 16), word)]
    assert GlobalMagnitude().allocate(dead)[1].support.k == 0


def test_global_magnitude_leaves_other_scopes_alone_and_counts_only_what_is_left() -> None:
    held = run("top50%", "magnitude")
    tasks = [
        LayerTask("a", weight(), parse("top25%/model"), held),
        LayerTask("b", weight(), as_structure(NM(2, 4))),
    ]
    first, second = GlobalMagnitude().allocate(tasks)
    assert first.support.k == 32
    assert second == as_structure(NM(2, 4))


def test_the_layer_quadratic_is_the_output_error_when_inputs_are_uncorrelated() -> None:
    x = torch.diag(torch.linspace(1, 2, 16))
    w, z = weight(), weight(1)
    fit_ = LayerQuadratic(w, x.square().sum(0, keepdim=True))
    assert fit_.value(z) == pytest.approx(0.5 * float((x @ (w - z)[0].T).square().sum()), rel=FLOAT32)
    assert fit_.relative(torch.zeros_like(w)) == pytest.approx(1.0)
    assert LayerQuadratic(torch.zeros(1, 2, 2)).relative(torch.zeros(1, 2, 2)) == 0.0


@pytest.mark.parametrize("name", STATISTICS)
def test_statistics_merge_as_if_they_had_seen_everything(name: str) -> None:
    batches = [weight(s, (2, 5, 3)) for s in range(4)]
    whole, left, right = (STATISTICS[name]() for _ in range(3))
    for i, batch in enumerate(batches):
        whole.update(batch)
        (left if i < 2 else right).update(batch)
    left.merge(right)
    empty = STATISTICS[name]()
    left.merge(empty)
    assert left.samples == whole.samples == 20
    assert torch.allclose(left.result(), whole.result())
