"""The native library under test: the installed one, or one built from csrc/ on the spot."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gossamer import kernels
from gossamer.kernels import native

CSRC = Path(__file__).resolve().parents[2] / "csrc"


@pytest.fixture(scope="session")
def library_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for folder in map(Path, kernels.__path__):
        if (folder / native.LIBRARY).is_file():
            return folder / native.LIBRARY
    compiler = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    if compiler is None:
        pytest.skip("the native library is not installed, and there is no C++ compiler to build one")
    path = tmp_path_factory.mktemp("native") / native.LIBRARY
    flags = ["-std=c++17", "-O2", "-fPIC", "-shared", "-fvisibility=hidden"]
    subprocess.run([compiler, *flags, *sorted(map(str, CSRC.glob("*.cpp"))), "-o", str(path)], check=True)
    return path


@pytest.fixture(scope="session")
def library(library_path: Path) -> native.Library:
    return native.load(library_path)
