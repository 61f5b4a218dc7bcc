"""A recipe and its text are the same thing; what is wrong with a text is told at once and at its place."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from recipe_strategies import MARKS, SPACES, STEP_STRATEGIES, WORDS, recipes
from torch import nn

from gossamer.errors import RecipeError
from gossamer.recipe import READY, STEPS, Distill, Prune, Quantize, Step, as_steps, parse, read, to_json, to_yaml
from gossamer.recipe.text import _TAKES

RECIPE = (Prune("top10%/model", floor=0.01, ignore=["head"]), Quantize("int4/g64", clip=False), Distill(3, lr=1e-4))
YAML = """\
# for the small server
- step: prune
  structure: top10%/model
  floor: 0.01
  ignore: [head]
- {step: quantize, structure: int4/g64, clip: false}
- step: distill
  epochs: 3
  lr: 1e-4
"""
JSON = """[
  {"step": "prune", "structure": "top10%/model", "floor": 0.01, "ignore": ["head"]},
  {"step": "quantize", "structure": "int4/g64", "clip": false},
  {"step": "distill", "epochs": 3, "lr": 1e-4}
]"""


def error(text: str, kind: str = "yaml") -> str:
    with pytest.raises(RecipeError) as caught:
        parse(text, kind, name="my." + kind)
    return str(caught.value)


@given(recipes)
def test_any_recipe_comes_back_from_both_texts(recipe: tuple[Step, ...]) -> None:
    assert parse(to_yaml(recipe)) == recipe
    assert parse(to_json(recipe), "json") == recipe


@pytest.mark.parametrize("name", [*WORDS.split(), *MARKS.split(), *SPACES], ids=ascii)
def test_a_name_that_looks_like_something_else_comes_back(name: str) -> None:
    step = Prune("2:4", targets=[name])
    assert parse(to_yaml(step)) == parse(to_json(step), "json") == (step,)


def test_the_strategies_draw_every_step() -> None:
    assert list(STEP_STRATEGIES) == list(STEPS.values())


def test_every_step_goes_by_its_own_name_and_every_field_can_be_read() -> None:
    for name, cls in STEPS.items():
        assert cls.name == name
        hints = get_type_hints(cls)
        for field in fields(cls):
            hint = hints[field.name]
            assert hint in _TAKES or set(get_args(hint)) <= set(_TAKES), (cls, field.name)


def test_texts_that_people_write() -> None:
    assert parse(YAML) == parse(JSON, "json") == RECIPE
    assert parse("[{step: prune, structure: 2:4}]") == parse("- {structure: '2:4', step: prune}") == (Prune("2:4"),)
    assert parse('\t[\r\n{"step" :\t"prune", "structure":"\\u0032:4"}]', "json") == (Prune("2:4"),)
    assert parse("- step: distill\n  steps: null\n  temperature: 3\n") == (Distill(temperature=3.0),)


def test_a_type_is_written_by_its_name() -> None:
    assert parse(to_yaml(Quantize("int8", targets=[nn.Linear, "head"]))) == (
        Quantize("int8", targets=["Linear", "head"]),
    )


@pytest.mark.parametrize("name", READY)
def test_ready_recipes_have_a_text(name: str) -> None:
    assert parse(to_yaml(READY[name].steps)) == parse(to_json(READY[name].steps), "json") == READY[name].steps


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json", ".YAML"])
def test_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"my{suffix}"
    path.write_text(JSON if suffix == ".json" else YAML, encoding="utf-8-sig")
    assert read(path) == read(str(path)) == as_steps(path) == as_steps(str(path)) == RECIPE


OFFENDERS = """\
- step: prune
  structure: 2:4 & imt4
  tagets: [a]
- step: prne
- step: distill
  epochs: '3'
  lr: true
  epochs: 2
- 3
- structure: 2:4
- step: quantize
- step: prune
  structure: 2:4
  method: wnada
  ignore: [0]
"""


def test_all_offenders_stand_in_one_message_each_at_its_place() -> None:
    expected = [
        ("2:14", "cannot read the structure"),
        ("3:3", "prune has no key 'tagets'; did you mean 'targets'?"),
        ("4:9", "no step \"prne\"; did you mean 'prune'?"),
        ("6:11", 'epochs is a whole number, given "3"'),
        ("7:7", "lr is a number, given true"),
        ("8:3", "key 'epochs' stands twice, first in line 6"),
        ("9:3", "a step is a mapping such as 'step: prune', given 3"),
        ("10:3", "'step' is missing"),
        ("11:3", "quantize needs structure"),
        ("15:12", 'quote it: "0"'),
    ]
    lines = [line for line in error(OFFENDERS).splitlines() if line.startswith("  - ")]
    assert len(lines) == len(expected)
    for line, (place, needle) in zip(lines, expected, strict=True):
        assert line.startswith(f"  - my.yaml:{place}: ")
        assert needle in line


def test_the_place_in_json() -> None:
    text = '[\n  {"step": "prune",\n   "structure": "2:4", "tagets": []},\n  {"step": "distill", "epochs": 1.5}\n]'
    message = error(text, "json")
    assert "my.json:3:24: prune has no key 'tagets'" in message
    assert "my.json:4:33: epochs is a whole number, given 1.5" in message


@pytest.mark.parametrize(
    ("fields", "needle"),
    [
        ("step: prune\n  structure: 24", "structure is a structure such as 2:4 or int4/g64, given 24"),
        ("step: prune\n  structure: [2:4]", "given a list"),
        ("step: prune\n  structure: INT4", "did you mean 'int4'"),
        ("step: prune\n  structure: int4", "Quantize for values"),
        ("step: prune\n  structure: 2:4\n  method: wnada", "did you mean 'wanda'"),
        ("step: prune\n  structure: 2:4\n  method: 3", "method is a word, given 3"),
        ("step: prune\n  structure: 2:4\n  targets: head", 'targets is a list of names.*given "head"'),
        ("step: prune\n  structure: 2:4\n  ignore: [[head]]", "ignore holds names.*given a list"),
        ("step: prune\n  structure: 2:4\n  batches: yes", 'batches is a whole number or null, given "yes"'),
        ("step: quantize\n  structure: int4\n  clip: 1", "clip is true or false, given 1"),
        ("step: distill\n  epochs: true", "epochs is a whole number, given true"),
        ("step: distill\n  epochs: 0", "epochs must be a whole number of at least 1"),
        ("step: distill\n  lr: 1_000", 'lr is a number, given "1_000"'),
        ("step: distill\n  lr:", "lr is a number, given null"),
        ("step: [prune]", "no step a list"),
        ("step: distill\n  a: 1", "it has epochs, lr, steps, temperature, alpha, loss"),
        ("step: correct_bias", "did you mean 'correct-bias'"),
    ],
)
def test_wrong_values(fields: str, needle: str) -> None:
    with pytest.raises(RecipeError, match=needle):
        parse(f"- {fields}\n")


def test_the_wrong_word_of_a_structure_is_marked() -> None:
    _, _, shown, marks, _ = error("- step: impose\n  structure: 2:4 & imt4\n").split("\n")
    assert shown[marks.index("^") : marks.rindex("^") + 1] == "imt4"


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "[]", "{}", "null", "prune", "step: prune"])
def test_what_holds_no_step(text: str) -> None:
    with pytest.raises(RecipeError, match=r"recipe:\d:1: .*(empty|list of steps|no step)"):
        parse(text)


def test_a_mapping_at_the_top_is_told_how_to_become_a_list() -> None:
    assert "begin each step with '- '" in error("step: prune\nstructure: 2:4\n")


@pytest.mark.parametrize(
    ("given", "needle"),
    [
        ("smal", "there is no recipe 'smal'; the ready ones are small, fast.*did you mean 'small'"),
        ("Small", "did you mean 'small'"),
        ("int4", r"'int4' is a structure; a recipe is a list of steps: write \[Quantize\('int4'\)\]"),
        ("2:4 & int4", r"write \[Impose\('2:4 & int4'\)\]"),
        ("W4A16", "did you mean 'int4/g128'"),
        ("dense", r"such as \[Prune"),
        ("nowhere.yaml", "there is no file 'nowhere.yaml'"),
        ("recipe.toml", "a recipe file ends with .yaml, .yml, .json"),
        (Path("recipe.toml"), "a recipe file ends with .yaml, .yml, .json; given 'recipe.toml'"),
    ],
)
def test_names_of_nothing(given, needle: str) -> None:
    with pytest.raises(RecipeError, match=needle):
        as_steps(given)


def test_other_kinds_are_refused() -> None:
    with pytest.raises(RecipeError, match="yaml or json, given kind='toml'"):
        parse("", "toml")
    with pytest.raises(RecipeError, match="list of steps"):
        to_yaml([3])
