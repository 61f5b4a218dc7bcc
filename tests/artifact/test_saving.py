"""A save is atomic: whole, or as if it had not been tried."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from artifact_models import packed_mixed
from torch import nn

from gossamer.artifact import encode, entries, inspect, save, saving as saving_module
from gossamer.errors import ArtifactError


def test_a_save_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "model"
    save(nn.Linear(2, 2), path)
    made = save(packed_mixed(), str(path))
    assert path.read_bytes() == made.data == encode(entries(packed_mixed())).data
    assert os.listdir(tmp_path) == ["model"]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        save(nn.Linear(2, 2), tmp_path / "model")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "model").stat().st_mode) == 0o640


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "real")
    save(nn.Linear(2, 2), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    inspect(tmp_path / "folder" / "real")


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), MemoryError()]
)
@pytest.mark.parametrize("before", [b"", b"an older file"])
def test_nothing_is_left_behind(
    call: str, error: BaseException, before: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model"
    if before:
        path.write_bytes(before)

    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(saving_module.os, call, broken)
    expected = ArtifactError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected) as caught:
        save(nn.Linear(2, 2), path)
    if expected is ArtifactError:
        assert "model: cannot be written (No space left on device); nothing was changed" in str(caught.value)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == (["model"] if before else [])
    assert not before or path.read_bytes() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        with open("/dev/full", "wb") as file:
            file.write(data)

    monkeypatch.setattr(saving_module, "_write", full)
    with pytest.raises(ArtifactError, match=r"cannot be written .No space left on device."):
        save(nn.Linear(2, 2), tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_where_no_file_can_be(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"its folder .*missing does not exist; create it first"):
        save(nn.Linear(2, 2), tmp_path / "missing" / "model")
    with pytest.raises(ArtifactError, match="is there and no regular file; give the name of a file"):
        save(nn.Linear(2, 2), tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ArtifactError, match="does not exist"):
        save(nn.Linear(2, 2), tmp_path / "file" / "model")
    with pytest.raises(ArtifactError, match="cannot be written"):
        save(nn.Linear(2, 2), tmp_path / ("n" * 300))
