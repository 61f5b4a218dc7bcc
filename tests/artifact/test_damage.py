"""Damaged files: cut anywhere, any bit flipped, or no such file at all."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from artifact_models import RECIPE, Mixed, bits_of, packed_mixed, packed_weights
from hypothesis import given, settings, strategies as st
from safetensors.torch import save as save_plain
from torch import nn

from gossamer.artifact import encode, entries, inspect, load, save
from gossamer.artifact.reading import read_artifact
from gossamer.errors import ArtifactError
from gossamer.model import swap_


def tiny() -> bytes:
    """A file of a packed and of plain tensors, small enough to damage at every bit."""
    model = nn.Sequential(nn.Linear(16, 4), nn.BatchNorm1d(4))
    swap_(model, packed_weights(model, {"0.weight": "top30% & int3/g8/asym"}))
    return encode(entries(model), RECIPE).data


def refused(data: bytes) -> bool:
    """Whether reading all of a file ends in an ArtifactError; anything else that is raised fails the test."""
    try:
        for item in read_artifact(data).stored:
            if item.row.spec is not None:
                item.unpack()
    except ArtifactError:
        return True
    return False


def test_cut_at_every_length() -> None:
    data = tiny()
    assert not refused(data)
    assert all(refused(data[:length]) for length in range(len(data)))


def test_every_bit_flipped() -> None:
    data = tiny()
    taken = []
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        if not refused(bytes(flipped)):
            taken.append(bit)
    assert not taken


@settings(max_examples=40)
@given(place=st.integers(0, 1200), garbage=st.binary(min_size=1, max_size=40))
def test_bytes_overwritten_or_put_in(place: int, garbage: bytes) -> None:
    data = tiny()
    place %= len(data)
    overwritten = data[:place] + garbage + data[place + len(garbage) :]
    assert refused(overwritten) or overwritten == data
    assert refused(data[:place] + garbage + data[place:])


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    assert refused(data)
    assert refused(len(data).to_bytes(8, "little") + data)


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weight": [1.0] * 100}))


def torch_saved(path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(Mixed().state_dict(), buffer)
    path.write_bytes(buffer.getvalue())


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "cut short: 0 bytes"),
    "seven bytes": (lambda path: path.write_bytes(b"1234567"), "cut short: 7 bytes"),
    "a folder": (lambda path: path.mkdir(), "cannot be read: .*directory"),
    "nothing": (lambda path: None, "no such file"),
    "a pipe": (lambda path: os.mkfifo(path), "not a regular file"),
    "a pickle": (pickled, "no safetensors file; .* no pickle"),
    "torch.save": (torch_saved, "no safetensors file; .* no pickle"),
    "a text": (lambda path: path.write_text("hello, world; this is no model"), "no safetensors file"),
    "plain safetensors": (lambda path: path.write_bytes(save_plain({"a": torch.ones(2)})), "not one of gossamer's"),
    "another tool's": (
        lambda path: path.write_bytes(save_plain({"a": torch.ones(2)}, {"format": "pt"})),
        "not one of gossamer's",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_file_of_ours(name: str, tmp_path: Path) -> None:
    make, words = FILES[name]
    path = tmp_path / "file"
    make(path)
    with pytest.raises(ArtifactError, match=f"^file: .*{words}"):
        inspect(path)
    into = Mixed()
    before = bits_of(into)
    with pytest.raises(ArtifactError, match=words):
        load(path, into=into)
    assert bits_of(into) == before


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "loop"
    path.symlink_to(path)
    with pytest.raises(ArtifactError, match="cannot be read"):
        inspect(path)


def test_another_model_is_told_all_that_differs(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save(packed_mixed(), path)

    class Other(Mixed):
        def __init__(self) -> None:
            super().__init__()
            self.book = nn.Linear(16, 9, bias=False)
            self.extra = nn.Linear(2, 2, bias=False)
            self.head.weight = nn.Parameter(torch.zeros(12, 8))
            self.conv = nn.Conv2d(2, 8, 3, groups=1, bias=False)
            self.norm.register_buffer("num_batches_tracked", torch.tensor(0.0))
            del self.low

    into = Other()
    before = bits_of(into)
    with pytest.raises(ArtifactError) as caught:
        load(path, into=into)
    message = str(caught.value)
    for words in (
        "model.safetensors: made for another model than `into`:",
        "'book.weight': shape [8, 16] in the file, [9, 16] in the model",
        "'extra.weight': missing in the file",
        "'low.weight': unexpected",
        "'embedding.weight' and 'head.weight': one tensor in the file and 2 in the model; tie them",
        "'conv.weight': read as a matrix by WeightView(kind='linear', shape=(8, 2, 3, 3), groups=2) in the file",
        "'norm.num_batches_tracked': int64 in the file, float32 in the model",
    ):
        assert words in message
    assert message.count("\n") == 6
    assert bits_of(into) == before
