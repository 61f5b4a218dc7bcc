"""A file from the past stays readable, and is what would be written today."""

from __future__ import annotations

import zlib

import numpy as np
import reference_reader
import torch

from golden import GOLDEN, RECIPE, golden_entries
from gossamer.artifact import Encoded, encode, inspect
from gossamer.artifact.container import read_container
from gossamer.artifact.manifest import DICTIONARY, Manifest
from gossamer.artifact.reading import Stored, read_artifact
from gossamer.artifact.streams import CODERS, _cut
from gossamer.formats import wire_plan


def test_the_golden_file_holds_what_it_held() -> None:
    inspect(GOLDEN)
    artifact = read_artifact(GOLDEN.read_bytes())
    assert artifact.recipe == RECIPE
    expected = {entry.name: entry for entry in golden_entries()}
    assert [item.name for item in artifact.stored] == sorted(expected)
    for item in artifact.stored:
        entry = expected[item.name]
        assert item.row.aliases == entry.aliases
        if entry.packed is None:
            assert item.tensor.dtype == entry.tensor.dtype
            assert torch.equal(item.tensor, entry.tensor)
        else:
            assert item.row.view.same_matrix(entry.view)
            assert item.row.spec == entry.packed.spec
            assert torch.equal(item.unpack().dense(), entry.packed.dense())


def test_the_golden_file_would_be_written_again() -> None:
    made: Encoded = encode(golden_entries(), RECIPE)
    golden = GOLDEN.read_bytes()
    if "ng" not in zlib.ZLIB_RUNTIME_VERSION:  # zlib-ng finds other matches; its files read the same
        assert made.data == golden
    (ours, our_text), (theirs, their_text) = read_container(made.data), read_container(golden)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert Manifest.read(our_text, len(ours)) == Manifest.read(their_text, len(theirs))


def test_the_dictionary_is_part_of_the_version() -> None:
    assert (len(DICTIONARY), zlib.crc32(DICTIONARY)) == (1002, 892335848)


def test_the_page_is_enough_to_write_a_reader() -> None:
    tensors, recipe = reference_reader.read(GOLDEN.read_bytes(), DICTIONARY)
    assert recipe == RECIPE
    entries = golden_entries()
    assert set(tensors) == {name for entry in entries for name in (entry.name, *entry.aliases)}
    for entry in entries:
        if entry.packed is not None:
            expected = entry.view.from_matrix(entry.packed.dense()).numpy()
            np.testing.assert_array_equal(tensors[entry.name], expected)
            assert tensors[entry.name].dtype == expected.dtype
        else:
            assert tensors[entry.name] == entry.tensor.reshape(-1).view(torch.uint8).numpy().tobytes()
        assert all(tensors[alias] is tensors[entry.name] for alias in entry.aliases)
    coders = {coder for item in read_artifact(GOLDEN.read_bytes()).stored if item.row.spec for coder in _coders(item)}
    assert coders == set(CODERS)


def _coders(item: Stored) -> list[str]:
    return [coder for _, coder, _ in _cut(wire_plan(item.row.spec), item.tensor.numpy().tobytes())]
