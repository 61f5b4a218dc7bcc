"""Folds: every sample is judged once, by a model that has not seen it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, strategies as st
from sklearn.model_selection import TimeSeriesSplit

from gossamer.errors import DataError
from gossamer.sparse import cross_validate, group_folds, k_folds, stratified_folds, time_folds
from gossamer.sparse.folds import as_folds


@given(m=st.integers(2, 60), folds=st.integers(2, 9), seed=st.integers(0, 5))
def test_k_folds_part_the_samples(m: int, folds: int, seed: int) -> None:
    if folds > m:
        with pytest.raises(DataError, match="folds of"):
            k_folds(m, folds)
        return
    divided = k_folds(m, folds, seed=seed)
    assert torch.cat([test for _, test in divided]).sort().values.tolist() == list(range(m))
    for train, test in divided:
        assert torch.cat([train, test]).sort().values.tolist() == list(range(m))
        assert len(test) in (m // folds, m // folds + 1)


def test_the_seed_alone_decides() -> None:
    torch.manual_seed(1)
    first = k_folds(20, 4, seed=3)
    torch.manual_seed(2)
    assert all(torch.equal(a[1], b[1]) for a, b in zip(first, k_folds(20, 4, seed=3), strict=True))
    assert any(not torch.equal(a[1], b[1]) for a, b in zip(first, k_folds(20, 4, seed=4), strict=True))


@given(groups=st.lists(st.integers(0, 7), min_size=8, max_size=40), folds=st.integers(2, 4))
def test_a_group_is_never_on_both_sides(groups: list[int], folds: int) -> None:
    if len(set(groups)) < folds:
        with pytest.raises(DataError, match="groups"):
            group_folds(groups, folds)
        return
    divided = group_folds(groups, folds)
    assert torch.cat([test for _, test in divided]).sort().values.tolist() == list(range(len(groups)))
    for train, test in divided:
        assert not {groups[i] for i in train.tolist()} & {groups[i] for i in test.tolist()}


def test_the_largest_groups_are_spread() -> None:
    sizes = [len(test) for _, test in group_folds(["a"] * 10 + ["b"] * 9 + ["c"] * 2 + ["d"] * 1, 2)]
    assert sorted(sizes) == [11, 11]


@given(
    labels=st.lists(st.sampled_from("abc"), min_size=2, max_size=40), folds=st.integers(2, 6), seed=st.integers(0, 5)
)
def test_every_class_has_its_share_of_each_part(labels: list[str], folds: int, seed: int) -> None:
    counts = {name: labels.count(name) for name in labels}
    if folds > len(labels) or 1 in counts.values():
        with pytest.raises(DataError, match=r"folds of|one sample"):
            stratified_folds(labels, folds)
        return
    divided = stratified_folds(labels, folds, seed=seed)
    assert torch.cat([test for _, test in divided]).sort().values.tolist() == list(range(len(labels)))
    for train, test in divided:
        assert torch.cat([train, test]).sort().values.tolist() == list(range(len(labels)))
        assert len(test) in (len(labels) // folds, len(labels) // folds + 1)
        for name, count in counts.items():
            assert [labels[i] for i in test.tolist()].count(name) in (count // folds, count // folds + 1)
        assert {labels[i] for i in train.tolist()} == set(labels)


def test_classes_are_dealt_out_by_the_seed() -> None:
    labels = torch.arange(40) % 3
    first, second = (stratified_folds(labels, 4, seed=seed) for seed in (0, 1))
    assert any(not torch.equal(a[1], b[1]) for a, b in zip(first, second, strict=True))
    assert first[0][1].tolist() == stratified_folds(labels, 4)[0][1].tolist()


@pytest.mark.parametrize(("m", "folds", "gap"), [(23, 4, 0), (30, 5, 2), (12, 3, 1)])
def test_time_folds_are_scikit_learns_and_never_look_ahead(m: int, folds: int, gap: int) -> None:
    others = list(TimeSeriesSplit(folds, gap=gap).split(list(range(m))))
    for (train, test), (their_train, their_test) in zip(time_folds(m, folds, gap=gap), others, strict=True):
        assert train.tolist() == their_train.tolist()
        assert test.tolist() == their_test.tolist()
        assert int(train.max()) + gap < int(test.min())


@pytest.mark.parametrize(
    ("folds", "words"),
    [
        ([], "empty"),
        ([([0, 1], [1, 2])], "training and test"),
        ([([0, 1], [9])], "give 0 to 4"),
        ([([0, 1], [-1])], "give 0 to 4"),
        ([([], [1])], "at least one"),
        ([([0.5], [1])], "whole number"),
        ([([True, False], [1])], r"give \(5,\)"),
        (6, "6 folds of 5 samples"),
        (1, "at least 2"),
    ],
)
def test_a_division_that_leaks_or_does_not_fit_is_refused(folds: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        as_folds(folds, 5)  # type: ignore[arg-type]


def test_masks_are_folds_too() -> None:
    mask = torch.tensor([True, False, True])
    (train, test), *_ = as_folds([(mask, ~mask)], 3)
    assert (train.tolist(), test.tolist()) == ([0, 2], [1])


def test_no_fit_sees_a_test_sample() -> None:
    """Each row of A carries its own number, so that a fit can tell which rows it was given."""
    A = torch.arange(12.0)[:, None].repeat(1, 2)
    seen: list[set[float]] = []

    def watch(some: torch.Tensor, b: torch.Tensor, levels: torch.Tensor, weights: object) -> tuple[torch.Tensor, None]:
        seen.append(set(some[:, 0].tolist()))
        assert torch.equal(some[:, 0], b)
        return torch.zeros(len(levels), 2), None

    for folds in (k_folds(12, 3), group_folds([i // 3 for i in range(12)], 2), time_folds(12, 3)):
        seen.clear()
        cross_validate(watch, A, A[:, 0], torch.ones(1), folds)
        for told, (train, test) in zip(seen, folds, strict=True):
            assert told == set(train.tolist())
            assert not told & set(test.tolist())
