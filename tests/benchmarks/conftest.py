"""The scripts under benchmarks/ import each other by plain names, as scripts do. No test here needs the network."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """A cache folder of the test's own."""
    monkeypatch.setenv("GOSSAMER_DATA", str(tmp_path / "kept"))
    return tmp_path / "kept"
