"""Every example runs as a stranger would run it: a new process, an empty folder, one thread, no network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import gossamer

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(set((ROOT / "examples").glob("*.py")) - {ROOT / "examples" / "data.py"})  # which examples import
DRAWING = [path for path in EXAMPLES if "--synthetic" in path.read_text()]
PICTURE = 150_000  # bytes: pages are read on slow lines too
LONGEST = 80  # lines: an example is read from top to bottom
SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff")  # of PNG and JPEG
Check = Callable[[str, Path], None]  # of what was printed, and of the folder


def smaller(times: float) -> Check:
    """The file is at least so many times smaller, and the model as good."""

    def check(printed: str, folder: Path) -> None:
        assert "as good? worse" not in printed
        assert number(r"^bytes on disk .* ([\d.]+)× smaller$", printed) >= times
        assert "measured in this process" not in printed

    return check


def drawn(*claims: Callable[[str], bool]) -> Check:
    """A picture lies in the folder, and what was printed bears the example's claims out."""

    def check(printed: str, folder: Path) -> None:
        (picture,) = folder.iterdir()
        assert picture.read_bytes().startswith(SIGNATURES)
        for claim in claims:
            assert claim(printed)

    return check


def number(pattern: str, printed: str) -> float:
    found = re.search(pattern, printed, flags=re.MULTILINE)
    assert found is not None, printed
    return float(found[1])


# What is checked of each: an example that stops doing what it says shows the wrong thing. Those that draw run on the
# synthetic data that `--synthetic` asks for.
CHECKS: dict[str, Check] = {
    "compressed_sensing": drawn(
        lambda said: "converged" in said,
        lambda said: number(r"few wavelets: PSNR ([\d.]+)", said) > number(r"zero-filling: PSNR ([\d.]+)", said) + 1,
    ),
    "ecg_atoms": drawn(
        lambda said: number(r"^32 atoms: PRD ([\d.]+)", said) < 5,
        lambda said: number(r"^32 atoms: .* ([\d.]+)× fewer", said) > 4,
    ),
    "gene_selection": drawn(
        lambda said: number(r"^lines used for nothing .*: ([\d.]+) %", said) < 50,  # guessing: 75
        lambda said: number(r"nothing .*: ([\d.]+) %", said) > number(r"genes and penalty: ([\d.]+) %", said) + 5,
        lambda said: number(r" (\d+) by all 10$", said) >= 3,  # of the twelve that are raised
    ),
    "image_classifier": smaller(25.0),
    "language_model": smaller(4.5),
    "sentence_encoder": smaller(3.5),
    "tabular_mlp": smaller(12.0),
    "text_classes": drawn(lambda said: number(r"([\d.]+) % of 120 test posts, chosen", said) > 90),  # guessing: 20
}


def test_each_example_is_held_to_what_it_says() -> None:
    assert {path.stem for path in EXAMPLES} == set(CHECKS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < LONGEST


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_runs_from_an_empty_folder(path: Path, tmp_path: Path) -> None:
    flags = ["--synthetic"] if path in DRAWING else []
    CHECKS[path.stem](run(path, tmp_path, *flags), tmp_path)


def test_made_up_data_are_never_taken_unasked(tmp_path: Path) -> None:
    """Without a network and without the flag it ends and says what to do."""
    path = ROOT / "examples" / "ecg_atoms.py"
    ran = started(path, tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS="", GOSSAMER_DATA=str(tmp_path / "cache"))
    assert ran.returncode == 1
    assert "could not be fetched" in ran.stderr
    assert "--synthetic" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not list(tmp_path.glob("*.png"))


def test_the_gallery_shows_every_picture_and_they_are_small() -> None:
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    pictures = {path.stem: path for path in (ROOT / "docs" / "images").iterdir()}
    assert {path.stem for path in DRAWING} == set(pictures)
    for path in pictures.values():
        assert f"(images/{path.name})" in page
        assert path.stat().st_size <= PICTURE


@pytest.mark.slow  # fetches real data
@pytest.mark.parametrize("path", DRAWING, ids=lambda path: path.stem)
def test_the_gallery_shows_what_is_printed(path: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    shown = re.search(rf"python examples/{path.name}\n```\n\n```text\n(.*?)```", page, flags=re.DOTALL)
    assert shown is not None
    printed = run(path, tmp_path)
    digits = re.compile(r"-?\d+(?:\.\d+)?")
    assert digits.sub("#", shown[1]) == digits.sub("#", printed)
    was, now = ([float(found) for found in digits.findall(text)] for text in (shown[1], printed))
    assert now == pytest.approx(was, rel=0.05)  # one processor's roundings are not another's


def run(path: Path, folder: Path, *flags: str) -> str:
    """What the example prints. It may neither fail nor warn."""
    ran = started(path, folder, *flags)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "Warning" not in ran.stderr, ran.stderr[-2000:]
    return ran.stdout


def started(path: Path, folder: Path, *flags: str, **more: str) -> subprocess.CompletedProcess[str]:
    source = str(Path(gossamer.__file__).parents[1])
    settings = {"PYTHONPATH": source, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, str(path), *flags],
        cwd=folder,
        env=os.environ | settings | {"MPLBACKEND": "agg"} | more,
        capture_output=True,
        text=True,
        timeout=300,
    )
