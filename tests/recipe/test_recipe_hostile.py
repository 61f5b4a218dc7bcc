"""A recipe file may come from anyone: it costs little to refuse, and nothing in it is ever run."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, strategies as st

from gossamer.errors import RecipeError
from gossamer.recipe import parse, read
from gossamer.recipe.tree import LARGEST

BOMB = "- &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"- &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)
TAGS = [
    "- !!python/object/apply:os.system ['touch ran']\n",
    "- !!python/name:os.system\n",
    "- step: prune\n  structure: !!binary MjQ=\n",
    "- !local {step: prune, structure: 2:4}\n",
    "%TAG ! tag:yaml.org,2002:python/\n---\n- !object/apply:os.system ['touch ran']\n",
    "- step: !!str prune\n",
    "- ! prune\n",
]


def refused(text: str, kind: str = "yaml") -> str:
    with pytest.raises(RecipeError) as caught:
        parse(text, kind, name="my")
    message = str(caught.value)
    assert len(message) < 10_000
    assert caught.value.__suppress_context__ or caught.value.__context__ is None, (
        "the reader's own traceback would be shown"
    )
    return message


@pytest.mark.parametrize("text", TAGS)
def test_tags_are_refused_and_nothing_is_run(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "tags such as" in refused(text)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    "text",
    [BOMB, "- &a [*a]\n", "- *a\n", "- step: prune\n  structure: 2:4\n  targets:\n  - *.fc\n", "- &a\n", "&a - b"],
)
def test_anchors_and_aliases_are_refused(text: str) -> None:
    message = refused(text)
    assert "alias or anchor" in message or "no valid YAML" in message


def test_a_merge_key_is_only_an_unknown_key() -> None:
    assert "prune has no key '<<'" in refused("- step: prune\n  structure: 2:4\n  <<: {batches: 1}\n")


@pytest.mark.parametrize(
    ("text", "kind", "needle"),
    [
        ("- step: distill\n---\n- step: distill\n", "yaml", "my:2:1: a second document"),
        ("- step: distill\n...\n- step: distill\n", "yaml", "my:3:1: "),
        ("%YAML 1.1\n---\n- step: distill\n", "yaml", "my:2:1: recipes are YAML 1.2"),
        ("\t- step: distill\n", "yaml", "my:1:1: no valid YAML"),
        ("- step: distill\n epochs: 1\n", "yaml", "my:2:"),
        ("- step: 'distill\n", "yaml", "no valid YAML"),
        ("- step: \x00", "yaml", r"my:1:9: no valid YAML: the character '\x00'"),
        ("# a\n- a\n- \x1b[31m", "yaml", r"my:3:3: no valid YAML: the character '\x1b'"),
        ('- "\\U00110000"', "yaml", "no valid YAML"),
        (
            '- step: prune\n  structure: "\\e[31m"\n',
            "yaml",
            "my:2:14: no structure has characters that cannot be printed",
        ),
        ("- step: distill\n  ? [a]\n  : 1\n", "yaml", "my:2:5: a key must be a word"),
        ("- step: distill\n  1: 1\n", "yaml", "my:2:3: a key must be a word"),
        ("- step: distill\n  lr: .inf\n  alpha: .NaN\n  temperature: 1e999\n", "yaml", "my:4:16: 1e999 is larger"),
        ("[{}] x", "json", "my:1:6: no valid JSON: Extra data"),
        ("[{},]", "json", "my:1:5: no valid JSON"),
        ("// a\n[]", "json", "my:1:1: no valid JSON"),
        ("['a']", "json", "my:1:2: no valid JSON"),
        ('[{"step": "distill", "step": "prune"}]', "json", "my:1:22: key 'step' stands twice"),
        ('[{"step": "distill",\n"lr": NaN}]', "json", "my:2:7: NaN is no JSON number"),
        ('[{"step": "distill",\n"lr": -Infinity}]', "json", "my:2:7: -Infinity is no JSON number"),
        ('[{"step": "distill", "lr": 1e999}]', "json", "my:1:28: 1e999 is larger"),
        ('[{"step": "\\ud800"}]', "json", "my:1:11: half of a surrogate pair"),
        (f'[{{"step": "distill", "epochs": {"9" * 5000}}}]', "json", "my:1:32: a number of 5000 characters"),
        (f"- step: distill\n  epochs: {'9' * 5000}\n", "yaml", "my:2:11: a number of 5000 characters"),
        (f"- step: {'prune' * 5000}\n", "yaml", "my:1:9: there is no step"),
        (f"- step: prune\n  structure: {'2:4 & ' * 5000}\n", "yaml", "my:2:14: no structure has 29999 characters"),
        ("- a\n" * 1000, "yaml", "and 980 more"),
    ],
)
def test_each_lie_has_its_place(text: str, kind: str, needle: str) -> None:
    assert needle in refused(text, kind)


@pytest.mark.parametrize("text", ["[", "- ", "? ", "{a: ", "[{", "- - ? "], ids=str)
def test_deep_nesting_is_refused_at_its_ninth_level(text: str) -> None:
    assert "nested more than 8 deep" in refused(text * (LARGEST // len(text) // 8))


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 9 + "]" * 9, '{"a":' * 50_000], ids=["open", "closed", "keys"])
def test_deep_nesting_in_json(text: str) -> None:
    assert "nested more than 8 deep" in refused(text, "json")


@pytest.mark.parametrize("kind", ["yaml", "json"])
def test_a_full_file_costs_bounded_memory(kind: str) -> None:
    text = "[" + "1," * (LARGEST // 32) + "1]"  # as many values a byte as can be; the whole size would take a minute
    tracemalloc.start()
    refused(text, kind)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 256 * len(text)


def test_a_huge_text_is_refused_unread() -> None:
    assert "longer than 262,144 characters" in refused("[" * (LARGEST + 1))


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    for data, needle in (
        (b"- step: \xff\n", "r.yaml:1:9: byte 0xff is not UTF-8"),
        ("- step: prune".encode("utf-16"), "r.yaml:1:1: byte 0xff is not UTF-8"),
        (b"- a\n- \xc3(\n", "r.yaml:2:3: byte 0xc3 is not UTF-8"),
        (b"", "r.yaml:1:1: it is empty"),
        (b"#" * (LARGEST + 1), "r.yaml:1:1: it is larger than 262,144 bytes"),
    ):
        path.write_bytes(data)
        with pytest.raises(RecipeError, match=needle):
            read(path)
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(RecipeError, match="there is no file"):
        read(tmp_path / "folder.yaml")


YAML_ALPHABET = "ab:0 -?[]{},#&*!|>'\"%@`\n\t~.\\\x85\ufeff"


@given(st.text(alphabet=YAML_ALPHABET, max_size=40) | st.text(max_size=30), st.sampled_from(["yaml", "json"]))
@example("\ufeff", "yaml")
@example('"\\x', "yaml")
@example("%YAML 1.a\n---", "yaml")
def test_no_text_at_all_raises_anything_else(text: str, kind: str) -> None:
    with pytest.raises(RecipeError, match=r"my:\d+:\d+: "):
        parse(text, kind, name="my")
