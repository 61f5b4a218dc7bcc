"""How samples are divided for cross-validation: at random, by class, in whole groups, by time, or as the user says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError

__all__ = ["Fold", "as_folds", "group_folds", "k_folds", "stratified_folds", "time_folds"]

Fold = tuple[Tensor, Tensor]  # indices of the samples to fit, indices of the samples to judge by


def k_folds(m: int, folds: int = 5, *, seed: int = 0) -> list[Fold]:
    """Divide m samples at random into `folds` parts whose sizes differ by one at most; each is the test set once.

    Args: m ≥ folds ≥ 2; seed: of the shuffle.
    Returns: (train, test) for each fold, int64 indices in rising order.
    Raises: DataError when there are fewer samples than folds.

    >>> [test.tolist() for _, test in k_folds(5, 2)]
    [[1, 2, 4], [0, 3]]
    """
    _check_count(folds, m, "samples")
    order = torch.randperm(m, generator=torch.Generator().manual_seed(seed))
    label = torch.empty(m, dtype=torch.int64)
    label[order] = torch.arange(m) % folds
    return _by_label(label, folds)


def stratified_folds(labels: Any, folds: int = 5, *, seed: int = 0) -> list[Fold]:
    """Divide samples so that every class has the same share of each part: its counts differ by one at most.

    The samples, shuffled, are dealt out one class after another, so that the parts' sizes differ by one at most too.

    Args: labels: the class of each sample, (m,), numbers or words; seed: of the shuffle.
    Returns: as `k_folds`. A class of fewer samples than folds is in no more test sets than it has samples.
    Raises: DataError when there are fewer samples than folds, or a class of one, which one fit would not know.

    >>> [test.tolist() for _, test in stratified_folds(["a", "a", "b", "b", "b", "b"], 2)]
    [[0, 4, 5], [1, 2, 3]]
    """
    members = _members(labels)
    _check_count(folds, sum(map(len, members.values())), "samples")
    alone = [name for name, samples in members.items() if len(samples) == 1]
    if alone:
        raise DataError(
            f"class {alone[0]!r} has one sample, so that one fit would not know it; leave it out, or merge it"
        )
    draw, order = torch.Generator().manual_seed(seed), []
    for samples in members.values():
        order += [samples[place] for place in torch.randperm(len(samples), generator=draw).tolist()]
    label = torch.empty(len(order), dtype=torch.int64)
    label[order] = torch.arange(len(order)) % folds
    return _by_label(label, folds)


def group_folds(groups: Any, folds: int = 5, *, seed: int = 0) -> list[Fold]:
    """Divide samples so that all samples of a group (a patient, a speaker, a batch) are judged together.

    Groups go, the largest first, to the fold that has the fewest samples so far; equal sizes in random order.

    Args: groups: the group of each sample, (m,), numbers or words; seed: of that order.
    Returns: as `k_folds`.
    Raises: DataError when there are fewer groups than folds.

    >>> [test.tolist() for _, test in group_folds(["ann", "ann", "bob", "cy", "bob"], 2)]
    [[0, 1, 3], [2, 4]]
    """
    members = _members(groups)
    _check_count(folds, len(members), "groups")
    shuffled = torch.randperm(len(members), generator=torch.Generator().manual_seed(seed)).tolist()
    sets = list(members.values())
    sets = sorted((sets[place] for place in shuffled), key=len, reverse=True)
    label, load = torch.empty(sum(map(len, sets)), dtype=torch.int64), [0] * folds
    for samples in sets:
        least = load.index(min(load))
        label[samples] = least
        load[least] += len(samples)
    return _by_label(label, folds)


def time_folds(m: int, folds: int = 5, *, gap: int = 0) -> list[Fold]:
    """Divide samples in order of time: each fold is judged by a block and fitted to all that came before it.

    The last folds·⌊m/(folds + 1)⌋ samples are the blocks.

    Args: gap: samples left out between the two, where neighbours in time know of each other.
    Returns: as `k_folds`, the training sets growing.
    Raises: DataError when nothing would be left to fit.

    >>> [(train.tolist(), test.tolist()) for train, test in time_folds(6, 2)]
    [([0, 1], [2, 3]), ([0, 1, 2, 3], [4, 5])]
    """
    _check_count(folds, m - 1, "samples after the first")
    size = m // (folds + 1)
    starts = range(m - folds * size, m, size)
    if not 0 <= gap < starts[0]:
        raise DataError(f"gap is {gap}; the first fold is fitted to {starts[0]} samples: give 0 to {starts[0] - 1}")
    return [(torch.arange(start - gap), torch.arange(start, start + size)) for start in starts]


def as_folds(folds: int | Iterable[tuple[Any, Any]], m: int, seed: int = 0) -> list[Fold]:
    """A number of folds, or a division of one's own, as checked pairs of indices.

    Args: folds: a number for `k_folds(m, folds, seed=seed)`, or pairs (train, test) of indices or masks.
    Raises: DataError for an empty side, an index outside 0 … m − 1, or a sample on both sides of a fold.

    >>> as_folds([([0, 1], [2])], 3)
    [(tensor([0, 1]), tensor([2]))]
    """
    if isinstance(folds, int):
        return k_folds(m, folds, seed=seed)
    pairs = [(_indices(train, m, "training"), _indices(test, m, "test")) for train, test in folds]
    if not pairs:
        raise DataError("folds is empty; give a number of folds, or pairs (train, test)")
    for place, (train, test) in enumerate(pairs):
        if both := int(torch.isin(test, train).sum()):
            raise DataError(
                f"fold {place}: {both} samples are in training and test; a sample that was fitted is no test"
            )
    return pairs


def _members(names: Any) -> dict[Any, list[int]]:
    """The samples of each name, in order of appearance."""
    members: dict[Any, list[int]] = {}
    for sample, name in enumerate(names.tolist() if hasattr(names, "tolist") else names):
        members.setdefault(name, []).append(sample)
    return members


def _indices(given: Any, m: int, side: str) -> Tensor:
    """A mask or a list of places, as places within 0 … m − 1."""
    places = torch.as_tensor(given)
    if places.dtype == torch.bool:
        if tuple(places.shape) != (m,):
            raise DataError(f"folds: a {side} mask has shape {tuple(places.shape)}; give ({m},)")
        places = places.nonzero()[:, 0]
    if places.ndim != 1 or not len(places) or places.is_floating_point():
        raise DataError(
            f"folds: a {side} set has shape {tuple(places.shape)}; give at least one whole number, or a mask"
        )
    if int(places.min()) < 0 or int(places.max()) >= m:
        raise DataError(
            f"folds: a {side} set reaches from {int(places.min())} to {int(places.max())}; give 0 to {m - 1}"
        )
    return places.long()


def _check_count(folds: int, available: int, what: str) -> None:
    if not 2 <= folds <= available:
        raise DataError(f"{folds} folds of {available} {what}; give at least 2, and no more than there are")


def _by_label(label: Tensor, folds: int) -> list[Fold]:
    return [((label != fold).nonzero()[:, 0], (label == fold).nonzero()[:, 0]) for fold in range(folds)]
