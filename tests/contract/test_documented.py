"""Every public name of the sparse face, and every solver, is found in some page of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gossamer.sparse as sparse
from gossamer.solvers import CONVEX, LOSS_SOLVERS, PURSUIT

DOCS = Path(__file__).parents[2] / "docs"
WORDS = {word for page in DOCS.glob("*.md") for word in re.findall(r"\w+", page.read_text())}


@pytest.mark.parametrize("name", [*sparse.__all__, *sparse.ESTIMATORS, *CONVEX, *LOSS_SOLVERS, *PURSUIT])
def test_a_page_speaks_of(name: str) -> None:
    assert name in WORDS, "say in docs/ what it is for"


def test_the_face_has_the_names_that_it_lists() -> None:
    listed = {*sparse.__all__, *sparse.ESTIMATORS}
    assert listed <= set(dir(sparse))
    assert all(getattr(sparse, name).__doc__ for name in listed)
