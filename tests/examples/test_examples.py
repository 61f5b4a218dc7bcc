"""Every example runs as a stranger would run it: a new process, an empty folder, one thread, no network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gossamer

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
LONGEST = 80  # lines: an example is read from top to bottom
# How many times smaller each one's file must be: an example that stops compressing shows the wrong thing.
SMALLER = {"image_classifier": 25.0, "language_model": 4.5, "sentence_encoder": 3.5, "tabular_mlp": 12.0}


def test_each_example_is_held_to_a_size() -> None:
    assert {path.stem for path in EXAMPLES} == set(SMALLER)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < LONGEST


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_runs_from_an_empty_folder(path: Path, tmp_path: Path) -> None:
    source = str(Path(gossamer.__file__).parents[1])
    settings = {"PYTHONPATH": source, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    ran = subprocess.run(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "Warning" not in ran.stderr, ran.stderr[-2000:]
    assert "as good? worse" not in ran.stdout, ran.stdout
    smaller = re.search(r"^bytes on disk .* ([\d.]+)× smaller$", ran.stdout, flags=re.MULTILINE)
    assert smaller is not None, ran.stdout
    assert float(smaller[1]) >= SMALLER[path.stem]
    assert "measured in this process" not in ran.stdout, ran.stdout
