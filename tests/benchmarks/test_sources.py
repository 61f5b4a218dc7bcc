"""Fetching: what is kept was checked, what fails says why and what to do, and nothing half done stays behind."""

from __future__ import annotations

import gzip
import hashlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sources
from sources import DataUnavailable, DebianPackage, PublicAddress, Wheel, cache_folder, fetched

CONTENTS = bytes(range(256)) * 40
FILES = {"a.gz": hashlib.sha256(CONTENTS).hexdigest(), "b.gz": hashlib.sha256(CONTENTS[1:]).hexdigest()}
GOOD = {"a.gz": gzip.compress(CONTENTS), "b.gz": gzip.compress(CONTENTS[1:])}


@dataclass
class Shelf:
    """A source that holds the given bytes, or fails by the given error, and counts how often it was asked."""

    holds: dict[str, bytes]
    fails: BaseException | None = None
    name: str = "the shelf"
    advice: str = "fill the shelf"
    asked: list[list[str]] = field(default_factory=list)

    def fetch(self, files, folder):
        self.asked.append(files)
        for file, contents in self.holds.items():
            (folder / file).write_bytes(contents)
        if self.fails:
            raise self.fails


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_files_are_fetched_once(kept):
    shelf = Shelf(GOOD)
    for _ in range(2):
        folder = fetched("set", FILES, [shelf])
    assert folder == kept / "set"
    assert {file: (folder / file).read_bytes() for file in FILES} == GOOD
    assert shelf.asked == [["a.gz", "b.gz"]]


def test_the_same_contents_packed_otherwise_are_the_same_file():
    other = {"a.gz": gzip.compress(CONTENTS, 1, mtime=7), "b.gz": gzip.compress(CONTENTS[1:], 1, mtime=7)}
    assert other["a.gz"] != GOOD["a.gz"]
    fetched("set", FILES, [Shelf(other)])


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"a.gz": GOOD["a.gz"]}, id="missing"),
        pytest.param({**GOOD, "b.gz": GOOD["a.gz"]}, id="other contents"),
        pytest.param({**GOOD, "b.gz": GOOD["b.gz"][:-9]}, id="truncated"),
        pytest.param({**GOOD, "b.gz": b"<html>not found</html>"}, id="a page instead"),
        pytest.param({**GOOD, "b.gz": b""}, id="empty"),
        pytest.param({**GOOD, "b.gz": GOOD["b.gz"][:12] + b"\xff\xff\xff" + GOOD["b.gz"][15:]}, id="flipped"),
    ],
)
def test_what_fails_its_check_is_not_kept_and_the_next_source_is_asked(kept, wrong):
    with pytest.raises(DataUnavailable, match=r"the shelf: missing or altered: b\.gz"):
        fetched("set", FILES, [Shelf(wrong)])
    assert everything(kept) == set()
    fetched("set", FILES, [Shelf(wrong), Shelf(GOOD)])
    assert everything(kept) == {"set/a.gz", "set/b.gz"}


def test_a_file_damaged_in_the_cache_is_fetched_anew(kept):
    (fetched("set", FILES, [Shelf(GOOD)]) / "a.gz").write_bytes(GOOD["a.gz"][:50])
    again = Shelf(GOOD)
    assert (fetched("set", FILES, [again]) / "a.gz").read_bytes() == GOOD["a.gz"]
    assert len(again.asked) == 1


def test_the_error_names_every_source_its_reason_and_what_to_do(kept):
    first = Shelf({}, OSError("unplugged"), "the first shelf", "plug it in")
    with pytest.raises(DataUnavailable) as error:
        fetched("set", FILES, [first, Shelf({}, TimeoutError("too slow"))])
    said = str(error.value)
    for words in ("'set'", "the first shelf: unplugged", "the shelf: too slow", "plug it in", "fill the shelf"):
        assert words in said
    assert f"put a.gz, b.gz into {kept / 'set'} by hand" in said


def test_an_interruption_leaves_nothing(kept):
    with pytest.raises(KeyboardInterrupt):
        fetched("set", FILES, [Shelf(GOOD, KeyboardInterrupt())])
    assert everything(kept) == set()


@pytest.fixture
def command(tmp_path, monkeypatch) -> Callable[[str, str], None]:
    """command(name, script): puts a shell script of that name first on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def put(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return put


def test_debian_package_is_unpacked_wherever_its_files_lie(command, tmp_path):
    command("apt-get", 'test "$1 $2" = "download pictures" && touch pictures_1_all.deb')
    command("dpkg", 'test "$1 $2" = "-x pictures_1_all.deb" && mkdir -p "$3/usr/share" && echo x > "$3/usr/share/a.gz"')
    draft = tmp_path / "draft"
    draft.mkdir()
    DebianPackage("pictures").fetch(["a.gz"], draft)
    assert (draft / "a.gz").read_text() == "x\n"


def test_debian_without_package_lists_says_apt_get_update(command):
    command("apt-get", 'echo "E: Unable to locate package pictures" >&2; exit 100')
    with pytest.raises(DataUnavailable) as error:
        fetched("set", FILES, [DebianPackage("pictures")])
    assert "Debian's package pictures: E: Unable to locate package pictures" in str(error.value)
    assert "apt-get update" in str(error.value)


def test_a_machine_without_apt_asks_the_next_source(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing here"))
    fetched("set", FILES, [DebianPackage("pictures"), Shelf(GOOD)])


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder that pip takes for its only index, with the wheel `pictures` 1.0."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with zipfile.ZipFile(tmp_path / "pictures-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pictures/held/a.gz", GOOD["a.gz"])
        wheel.writestr("pictures-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pictures\nVersion: 1.0\n")
        wheel.writestr("pictures-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("pictures-1.0.dist-info/RECORD", "")
    return tmp_path


def test_wheel_is_unpacked_by_pip_download(index):
    folder = fetched("set", {"a.gz": FILES["a.gz"]}, [Wheel("pictures==1.0", root="pictures/held")])
    assert (folder / "a.gz").read_bytes() == GOOD["a.gz"]


@pytest.mark.parametrize(
    ("wheel", "reason"),
    [
        (Wheel("pictures==2.0", root="pictures/held"), "No matching distribution found for pictures==2.0"),
        (Wheel("pictures==1.0", root="elsewhere"), "elsewhere/a.gz"),
    ],
)
def test_wheel_that_is_not_there_or_holds_something_else(index, wheel, reason):
    with pytest.raises(DataUnavailable) as error:
        fetched("set", {"a.gz": FILES["a.gz"]}, [wheel])
    assert reason in str(error.value)


def test_public_address(tmp_path):
    for file, contents in GOOD.items():
        (tmp_path / file).write_bytes(contents)
    assert (fetched("set", FILES, [PublicAddress(tmp_path.as_uri())]) / "b.gz").read_bytes() == GOOD["b.gz"]


def test_public_address_without_the_file(tmp_path):
    with pytest.raises(DataUnavailable, match="reaches the internet"):
        fetched("set", FILES, [PublicAddress(tmp_path.as_uri())])


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", None, "home/.cache/gossamer"),
        ("linux", "XDG_CACHE_HOME", "named/gossamer"),
        ("darwin", None, "home/Library/Caches/gossamer"),
        ("win32", "LOCALAPPDATA", "named/gossamer"),
    ],
)
def test_cache_folder_is_the_platform_s(monkeypatch, tmp_path, platform, variable, expected):
    for name in ("GOSSAMER_DATA", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sources.sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "named"))
    assert cache_folder() == tmp_path / expected


def test_gossamer_data_is_the_folder_wherever_the_process_goes(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOSSAMER_DATA", "here")
    assert cache_folder() == tmp_path / "here"
