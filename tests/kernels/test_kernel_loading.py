"""Which implementation is chosen, and that no state of the installed files breaks the import or a call."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from gossamer import kernels
from gossamer.errors import KernelError
from gossamer.kernels import native


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place in which the package will look for its library."""
    monkeypatch.setattr(kernels, "__path__", [str(tmp_path)])
    monkeypatch.setenv(native.ENVIRONMENT, "auto")
    return tmp_path


def test_the_library_is_used_where_it_is_found(folder: Path, library_path: Path) -> None:
    shutil.copy(library_path, folder / native.LIBRARY)
    status = kernels.status()
    assert status.backend == "native"
    assert status.isa in ("scalar", "avx2", "avx512", "neon")
    assert native.LIBRARY in status.reason


def test_without_a_library_the_reference_is_used_and_says_what_to_do(folder: Path) -> None:
    status = kernels.status()
    assert (status.backend, status.isa) == ("reference", "torch")
    assert "pip install" in status.reason
    assert kernels.pack_bits(torch.tensor([1, 1], dtype=torch.uint8), 1).tolist() == [3]


def test_the_note_of_the_build_is_the_reason(folder: Path) -> None:
    (folder / native.NOTE).write_text("no working C++ compiler was found when gossamer was installed\n")
    assert kernels.status().reason == "no working C++ compiler was found when gossamer was installed"


@pytest.mark.parametrize("content", [b"", b"not a library", b"\x7fELF" + bytes(200)])
def test_a_corrupt_library_is_a_reason_not_a_crash(folder: Path, content: bytes) -> None:
    (folder / native.LIBRARY).write_bytes(content)
    status = kernels.status()
    assert status.backend == "reference"
    assert "could not be loaded" in status.reason


@pytest.mark.parametrize("part", [0.05, 0.5, 0.95])
def test_a_cut_off_library_is_a_reason_not_a_crash(folder: Path, library_path: Path, part: float) -> None:
    whole = library_path.read_bytes()
    (folder / native.LIBRARY).write_bytes(whole[: int(len(whole) * part)])
    # In a process of its own: the loader of the system would end it.
    code = "import sys, gossamer.kernels as k; k.__path__[:] = [sys.argv[1]]; print(k.status())"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert "backend='reference'" in done.stdout
    assert "could not be loaded" in done.stdout


def compiled(source: str, to: Path) -> None:
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        pytest.skip("no C compiler to build a foreign library with")
    subprocess.run([compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", str(to)], input=source.encode(), check=True)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("int answer(void) { return 42; }", "is not gossamer's library"),
        ("int gs_abi_version(void) { return 999; }", "has ABI version 999, needed is 4"),
    ],
)
def test_a_foreign_library_is_refused(folder: Path, source: str, reason: str) -> None:
    compiled(source, folder / native.LIBRARY)
    status = kernels.status()
    assert status.backend == "reference"
    assert reason in status.reason


def test_the_environment_decides(folder: Path, library_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.ENVIRONMENT, "native")
    with pytest.raises(KernelError, match=r"GOSSAMER_KERNELS=native, but .* compiler"):
        kernels.status()
    shutil.copy(library_path, folder / native.LIBRARY)
    monkeypatch.setenv(native.ENVIRONMENT, "reference")
    assert kernels.status() == kernels.KernelStatus("reference", "torch", "GOSSAMER_KERNELS=reference")
    monkeypatch.setenv(native.ENVIRONMENT, "fast")
    with pytest.raises(KernelError, match="'fast'; set it to auto, native or reference"):
        kernels.status()


def test_threads_share_one_library(folder: Path, library_path: Path) -> None:
    shutil.copy(library_path, folder / native.LIBRARY)
    native._load_installed.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: native._installed()[0], range(64)))
    assert found[0] is not None
    assert len({id(library) for library in found}) == 1


def test_importing_does_not_load_the_library() -> None:
    code = (
        "import ctypes, gossamer.kernels as k\n"
        "assert k.native._load_installed.cache_info().currsize == 0\n"
        "k.status()\n"
        "assert k.native._load_installed.cache_info().currsize == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
