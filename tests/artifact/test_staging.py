"""A folder appears whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

from gossamer.artifact import save, staging
from gossamer.artifact.staging import staged
from gossamer.errors import ArtifactError


def full_of(folder: Path, text: str) -> Path:
    """A folder as gossamer leaves one."""
    folder.mkdir()
    save(nn.Linear(1, 1), folder / "model.safetensors")
    (folder / "a").write_text(text)
    return folder


def half_written(target: Path, error: BaseException, overwrite: bool = False) -> None:
    with staged(target, overwrite=overwrite) as draft:
        (draft / "a").write_text("half")
        raise error


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_takes_the_name_when_it_is_done(tmp_path: Path) -> None:
    with staged(tmp_path / "new") as draft:
        (draft / "a").write_text("x")
        assert not (tmp_path / "new").exists()
        assert draft.parent == tmp_path
    assert (tmp_path / "new" / "a").read_text() == "x"
    assert names(tmp_path) == ["new"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with staged(tmp_path / "new") as draft:
        (draft / "a").write_text("x")
    assert names(tmp_path / "new") == ["a"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_when_the_block_fails(error: type[BaseException], tmp_path: Path) -> None:
    full_of(tmp_path / "old", "before")
    with pytest.raises(error):
        half_written(tmp_path / "old", error(), overwrite=True)
    assert names(tmp_path) == ["old"]
    assert (tmp_path / "old" / "a").read_text() == "before"


def test_a_folder_that_is_not_empty_is_refused_before_any_work(tmp_path: Path) -> None:
    full_of(tmp_path / "old", "before")
    with pytest.raises(ArtifactError, match="overwrite=True"), staged(tmp_path / "old"):
        pytest.fail("the block must not run")
    assert names(tmp_path) == ["old"]


def test_a_folder_that_fills_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    staging_ = staged(tmp_path / "new")
    (staging_.__enter__() / "a").write_text("mine")
    full_of(tmp_path / "new", "theirs")
    with pytest.raises(ArtifactError, match="cannot be written"):
        staging_.__exit__(None, None, None)
    assert (tmp_path / "new" / "a").read_text() == "theirs"
    assert names(tmp_path) == ["new"]


@pytest.mark.parametrize("exchange", [True, False], ids=["in one step", "in two"])
def test_overwrite_replaces_all_of_it(exchange: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not exchange:
        monkeypatch.setattr(staging, "_exchanged", lambda one, other: False)
    full_of(tmp_path / "old", "before")
    (tmp_path / "old" / "b").write_text("gone after")
    with staged(tmp_path / "old", overwrite=True) as draft:
        (draft / "a").write_text("after")
        assert (tmp_path / "old" / "a").read_text() == "before"
    assert names(tmp_path) == ["old"]
    assert names(tmp_path / "old") == ["a"]
    assert (tmp_path / "old" / "a").read_text() == "after"


def test_a_failure_between_the_two_steps_puts_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "_exchanged", lambda one, other: False)
    full_of(tmp_path / "old", "before")
    real = os.replace

    def broken(one: Path, other: Path) -> None:
        if str(one).endswith(".part"):
            raise OSError(errno.EIO, "Input/output error")
        real(one, other)

    monkeypatch.setattr(os, "replace", broken)
    with (
        pytest.raises(ArtifactError, match="Input/output error"),
        staged(tmp_path / "old", overwrite=True) as draft,
    ):
        (draft / "a").write_text("after")
    assert names(tmp_path) == ["old"]
    assert (tmp_path / "old" / "a").read_text() == "before"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the exchange is a call of Linux")
def test_the_exchange_is_one_step(tmp_path: Path) -> None:
    full_of(tmp_path / "one", "1")
    full_of(tmp_path / "two", "2")
    assert staging._exchanged(tmp_path / "one", tmp_path / "two")
    assert [(tmp_path / name / "a").read_text() for name in ("one", "two")] == ["2", "1"]
    assert not staging._exchanged(tmp_path / "one", tmp_path / "nothing")


def test_a_full_disk_is_one_error_that_names_the_path(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as error:
        half_written(tmp_path / "new", OSError(errno.ENOSPC, "No space left on device"))
    assert str(tmp_path / "new") in str(error.value)
    assert "No space left on device" in str(error.value)
    assert "free space" in str(error.value)
    assert names(tmp_path) == []


def test_no_permission_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, *args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(ArtifactError, match=r"new: cannot be written \(Permission denied\)"), staged(tmp_path / "new"):
        pytest.fail("the block must not run")


def test_targets_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ArtifactError, match="is a file"), staged(tmp_path / "file", overwrite=True):
        pass
    with pytest.raises(ArtifactError, match="does not exist; create it first"), staged(tmp_path / "no" / "new"):
        pass


def test_a_link_to_a_folder_stays_one(tmp_path: Path) -> None:
    full_of(tmp_path / "real", "before")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with staged(tmp_path / "link", overwrite=True) as draft:
        (draft / "a").write_text("after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a").read_text() == "after"


KILLED = """
import os, signal, sys
from pathlib import Path
from gossamer.artifact.staging import staged

with staged(Path(sys.argv[1]), overwrite=True) as draft:
    (draft / "a").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_the_old_folder(tmp_path: Path) -> None:
    full_of(tmp_path / "old", "before")
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "old")], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "old" / "a").read_text() == "before"
    left = [name for name in names(tmp_path) if name != "old"]
    assert len(left) == 1
    assert left[0].startswith(".old.")
    assert left[0].endswith(".part")
    with staged(tmp_path / "old", overwrite=True) as draft:  # what is left hinders nobody
        (draft / "a").write_text("after")
    assert (tmp_path / "old" / "a").read_text() == "after"


def test_a_file_that_cannot_be_written_names_the_folder_that_was_asked_for(tmp_path: Path) -> None:
    def full() -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise ArtifactError(".x.part: cannot be written") from error

    with (
        pytest.raises(ArtifactError, match=r"out: cannot be written \(No space left on device\)"),
        staged(tmp_path / "out"),
    ):
        full()
    assert not list(tmp_path.iterdir())


def test_only_what_gossamer_wrote_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("years")
    full_of(tmp_path / "ours", "before")
    (tmp_path / "ours" / "dense").mkdir()
    with pytest.raises(ArtifactError, match="nothing here was"), staged(tmp_path / "notes", overwrite=True):
        pytest.fail("the block must not run")
    kept = (tmp_path / "ours" / "dense",)
    with pytest.raises(ArtifactError, match="the source"), staged(tmp_path / "ours", overwrite=True, keep=kept):
        pytest.fail("the block must not run")
    monkeypatch.chdir(kept[0])
    with pytest.raises(ArtifactError, match="working directory"), staged(tmp_path / "ours", overwrite=True):
        pytest.fail("the block must not run")
    assert names(tmp_path) == ["notes", "ours"]
