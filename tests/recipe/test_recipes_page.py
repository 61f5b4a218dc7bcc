"""docs/recipes.md says what the tables say."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, Field, fields
from pathlib import Path

import pytest

from gossamer.recipe import READY, STEPS, parse, to_yaml

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")


def _rows(header: str) -> list[list[str]]:
    table = PAGE.split(header, 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]


def _default(field: Field) -> str:
    if field.default is MISSING and field.default_factory is MISSING:
        return "needed"
    value = field.default if field.default_factory is MISSING else field.default_factory()
    return f"`{json.dumps(value)}`"


def test_every_step_has_its_row() -> None:
    rows = {row[0].strip("`"): row[1:] for row in _rows("| `step` | Python |")}
    assert list(rows) == list(STEPS)
    for name, (python, _) in rows.items():
        assert python == f"`{STEPS[name].__name__}`"


def test_every_key_has_its_row_with_its_default() -> None:
    found = {row[0].strip("`| "): (re.findall(r"`([\w-]+)`", row[1]), row[2]) for row in _rows("| key | in |")}
    expected: dict[str, tuple[list[str], str]] = {}
    for name, cls in STEPS.items():
        for field in fields(cls):
            steps, default = expected.setdefault(field.name, ([], _default(field)))
            assert default == _default(field)
            steps.append(name)
    assert found == expected


@pytest.mark.parametrize("name", READY)
def test_every_ready_recipe_stands_there_as_it_is(name: str) -> None:
    section = PAGE.split(f"### `{name}`\n", 1)[1]
    about, block = re.match(r"\n(.*?)\n\n```yaml\n(.*?)```\n", section, flags=re.DOTALL).groups()
    assert " ".join(about.split()) == READY[name].about
    assert block == to_yaml(READY[name].steps)


def test_no_ready_recipe_stands_there_that_is_none() -> None:
    assert re.findall(r"^### `(.*)`$", PAGE, flags=re.MULTILINE) == list(READY)


def test_every_yaml_block_is_a_recipe() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) > len(READY)
    for block in blocks:
        assert parse(block)
