"""What the package promises from outside: its names, a light import, the exception tree, plain speech."""

from __future__ import annotations

import builtins
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gossamer
from gossamer import errors

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "gossamer").rglob("*.py"))
OPTIONAL = ("sklearn", "scipy", "transformers", "peft", "onnx", "cloudpickle", "jinja2", "rich", "typer")

NAMES = [
    "NM",
    "Block",
    "Codebook",
    "CorrectBias",
    "Distill",
    "Effort",
    "Factorize",
    "GossamerError",
    "Grid",
    "Impose",
    "LowRank",
    "Metric",
    "Proof",
    "Prune",
    "Quantize",
    "ReestimateBatchNorm",
    "Result",
    "Structure",
    "TopK",
    "__version__",
    "compress",
    "compress_",
    "from_pretrained",
    "inspect",
    "linop",
    "load",
    "parse",
    "recipe",
    "render",
    "save_pretrained",
    "show_progress",
    "sparse",
    "to_dense",
    "verify",
]


def test_public_names_are_pinned_and_there() -> None:
    assert gossamer.__all__ == NAMES
    for name in NAMES:
        assert getattr(gossamer, name) is not None
    assert dir(gossamer) == sorted(NAMES)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gossamer.nothing


def test_import_is_light_and_takes_no_optional_package() -> None:
    code = (
        "import json, sys, time; import torch; t = time.perf_counter(); import gossamer; t = time.perf_counter() - t;"
        "gossamer.compress, gossamer.load, gossamer.Prune; print(json.dumps([t, sorted(sys.modules)]))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    seconds, modules = json.loads(output)
    assert not {name.partition(".")[0] for name in modules} & set(OPTIONAL)
    assert seconds < 5, "a guard against an import that does work, not a measurement"


def test_every_error_is_also_a_builtin_one_would_expect() -> None:
    leaves = [e for e in vars(errors).values() if inspect.isclass(e) and issubclass(e, errors.GossamerError)]
    for leaf in set(leaves) - {errors.GossamerError}:
        assert any(base.__module__ == builtins.__name__ and base is not Exception for base in leaf.__bases__), leaf


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_files_are_readable_in_one_sitting(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 460, "split it"
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)
    assert path.name not in ("utils.py", "helpers.py", "misc.py", "common.py")
    assert not text.strip() or text.lstrip().startswith('"""'), "a file says what it is for"


def test_no_pickle_is_read() -> None:
    """Promise 3: reading a file runs no code from it. Only the child that measures is sent pickles, by its parent."""
    users = {path.name for path in SOURCES if re.search(r"pickle\.loads?\(|torch\.load\(", path.read_text())}
    assert users <= {"child.py", "measure.py", "process.py"}
