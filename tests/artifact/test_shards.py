"""A model in several files: the same model back, and every lie an index can tell refused by name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import gossamer as gs
from gossamer.artifact import entries, inspect, load, read_all, save, save_shards, shard_files
from gossamer.errors import ArtifactError

INDEX = "model.safetensors.index.json"
FIRST, LAST = "model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors"


def plain() -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(16, 8), nn.Linear(8, 8), nn.Linear(8, 16, bias=False))
    model[2].weight = model[0].weight
    return model


def packed() -> nn.Module:
    return gs.compress(plain(), [gs.Quantize("int8")], proof=gs.Proof(measure=False)).model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three shards and their index."""
    save_shards(plain(), tmp_path, largest=256)
    assert len(list(tmp_path.iterdir())) == 4
    return tmp_path


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    index = json.loads((folder / INDEX).read_text())
    change(index)
    (folder / INDEX).write_text(json.dumps(index))


@pytest.mark.parametrize("make", [plain, packed])
@pytest.mark.parametrize("largest", [None, 1, 100, 300, 10**9])
def test_comes_back_whatever_the_size(make: Callable[[], nn.Module], largest: int | None, tmp_path: Path) -> None:
    model, into = make(), plain()
    files = save_shards(model, tmp_path, largest=largest, recipe=[{"step": "x"}])
    whole = tmp_path / ("model.safetensors" if len(files) == 1 else INDEX)
    with torch.no_grad():
        into[0].weight.zero_()
    load(whole, into=into)
    x = torch.arange(16)
    assert torch.equal(into(x), model(x))
    assert shard_files(tmp_path / "model.safetensors") == files
    assert read_all(whole).recipe == [{"step": "x"}]


def test_one_file_is_the_file_that_save_writes(tmp_path: Path) -> None:
    save(packed(), tmp_path / "one.safetensors")
    save_shards(packed(), tmp_path)
    assert (tmp_path / "one.safetensors").read_bytes() == (tmp_path / "model.safetensors").read_bytes()


def test_no_shard_is_larger_than_asked_but_for_a_single_tensor(tmp_path: Path) -> None:
    files = save_shards(nn.Sequential(*(nn.Linear(4, 4) for _ in range(6))), tmp_path, largest=200)
    sizes = [sum(item.nbytes for item in read_all(file).stored) for file in files]
    assert sum(sizes) == 6 * 80
    assert all(80 <= size <= 200 for size in sizes)


def test_every_shard_is_a_whole_file(folder: Path) -> None:
    names = [row.name for file in shard_files(folder / "model.safetensors") for row in inspect(file).rows[:-1]]
    assert sorted(names) == sorted(entry.name for entry in entries(plain()))


def test_inspect_adds_up_over_all_shards(folder: Path) -> None:
    report = inspect(folder / INDEX)
    assert report.bytes == sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    assert {row.name for row in report.rows[:-1]} == {entry.name for entry in entries(plain())}


def test_the_index_is_that_of_hugging_face(folder: Path) -> None:
    index = json.loads((folder / INDEX).read_text())
    assert index["metadata"]["total_size"] == 16 * 8 * 4 + 8 * 8 * 4 + 8 * 4
    assert set(index["weight_map"].values()) == {file.name for file in folder.glob("*.safetensors")}


HOSTILE = [
    "../outside.safetensors",
    "/tmp/outside.safetensors",
    "sub/inside.safetensors",
    "..\\outside.safetensors",
    "C:outside.safetensors",
    "outside\0.safetensors",
    "..",
    "",
    ".hidden.safetensors",
    "model.bin",
    7,
    None,
    [FIRST],
]


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_names_other_than_of_files_in_the_folder_are_refused(name: Any, folder: Path) -> None:
    (folder / "sub").mkdir()
    for place in (folder / "sub" / "inside.safetensors", folder.parent / "outside.safetensors"):
        place.write_bytes((folder / FIRST).read_bytes())  # it would load, were it read
    rewrite(folder, lambda index: index["weight_map"].update({"0.weight": name}))
    for read in (read_all, inspect, lambda path: load(path, into=plain())):
        with pytest.raises(ArtifactError, match="a file of the folder is needed"):
            read(folder / INDEX)
    with pytest.raises(ArtifactError, match="a file of the folder is needed"):
        shard_files(folder / "model.safetensors")


def test_a_link_that_leads_out_of_the_folder_is_refused(folder: Path) -> None:
    outside = folder.parent / f"{folder.name}-outside.safetensors"
    (folder / FIRST).rename(outside)
    (folder / FIRST).symlink_to(outside)
    for read in (lambda: read_all(folder / INDEX), lambda: shard_files(folder / "model.safetensors")):
        with pytest.raises(ArtifactError, match="leads out of its folder"):
            read()


def test_a_link_within_the_folder_is_followed(folder: Path) -> None:
    (folder / FIRST).rename(folder / "real.safetensors")
    (folder / FIRST).symlink_to("real.safetensors")
    assert len(read_all(folder / INDEX).stored) == 3


def _other_recipe(folder: Path) -> None:
    only = nn.Module()
    only.register_parameter("x", nn.Parameter(torch.zeros(2)))
    save(only, folder / LAST, recipe=[{"step": "another"}])
    rewrite(folder, lambda index: index.update(weight_map=_moved(index["weight_map"])))


def _moved(places: dict[str, str]) -> dict[str, str]:
    return {name: file for name, file in places.items() if file != LAST} | {"x": LAST}


def _unlisted(folder: Path) -> None:
    save(nn.Linear(2, 2), folder / FIRST)
    rewrite(folder, lambda index: index.update(weight_map={"weight": FIRST}))


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (lambda f: (f / INDEX).write_text("{"), "no valid JSON"),
        (lambda f: (f / INDEX).write_text('{"weight_map": {"a": "b", "a": "b"}}'), "stands twice"),
        (lambda f: (f / INDEX).write_text("[]"), 'an object with "weight_map"'),
        (lambda f: (f / INDEX).write_text('{"weight_map": {}}'), 'an object with "weight_map"'),
        (lambda f: (f / INDEX).write_text('{"weight_map": []}'), 'an object with "weight_map"'),
        (lambda f: (f / INDEX).unlink(), "no such file"),
        (lambda f: (f / FIRST).unlink(), f"{FIRST}: no such file"),
        (lambda f: ((f / FIRST).unlink(), (f / FIRST).mkdir()), "not a regular file"),
        (lambda f: ((f / FIRST).unlink(), os.mkfifo(f / FIRST)), "not a regular file"),
        (_unlisted, "holds 'bias', against what the index says"),
        (lambda f: rewrite(f, lambda i: i["weight_map"].update(ghost=LAST)), "has no 'ghost'"),
        (lambda f: rewrite(f, lambda i: i["weight_map"].update({"1.weight": FIRST})), "against what the index says"),
        (lambda f: (f / LAST).write_bytes((f / LAST).read_bytes()[:-3]), f"{LAST}: "),
        (lambda f: (f / LAST).write_bytes((f / FIRST).read_bytes()), "against what the index says"),
        (_other_recipe, "different recipes"),
    ],
)
def test_an_index_that_lies_is_refused(lie: Callable[[Path], Any], said: str, folder: Path) -> None:
    lie(folder)
    into = plain()
    before = {name: tensor.clone() for name, tensor in into.state_dict().items()}
    with pytest.raises(ArtifactError) as error:
        load(folder / INDEX, into=into)
    assert said in str(error.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in into.state_dict().items())


def test_a_tensor_in_two_shards_is_refused(folder: Path) -> None:
    """The index cannot say so, its keys being names; a tie can."""
    only = nn.Module()
    only.register_parameter("0", nn.Parameter(torch.zeros(2)))
    only.register_parameter("1", only.get_parameter("0"))
    save(only, folder / FIRST)
    other = nn.Module()
    other.register_parameter("1", nn.Parameter(torch.zeros(2)))
    save(other, folder / LAST)
    (folder / INDEX).write_text(json.dumps({"weight_map": {"0": FIRST, "1": LAST}}))
    with pytest.raises(ArtifactError, match="'1' belongs to more than one tensor"):
        read_all(folder / INDEX)


def test_an_index_too_large_is_not_read(folder: Path) -> None:
    with open(folder / INDEX, "r+b") as file:
        file.truncate(1 << 27)
    with pytest.raises(ArtifactError, match="which are not read"):
        read_all(folder / INDEX)


def test_nothing_is_left_when_a_shard_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, seen = os.fsync, []

    def full(handle: int) -> None:
        seen.append(handle)
        if len(seen) > 3:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtifactError, match="No space left"):
        save_shards(plain(), tmp_path, largest=256)
    assert not list(tmp_path.iterdir())
