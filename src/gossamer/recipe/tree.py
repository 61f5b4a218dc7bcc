"""YAML 1.2 and JSON as one tree, in which every value knows its place. Nothing in a file is ever built or run.

ruamel.yaml only scans and parses: it gives events, from which plain values are made here. What a recipe has no use for
is refused when its event comes by (anchors, aliases, tags, further documents, deep nesting), so a hostile file costs no
more memory than its own bytes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from ..errors import RecipeError, listed

__all__ = ["LARGEST", "READERS", "Node", "Offenders", "Place", "tree"]

LARGEST = 1 << 18  # characters (of a file: bytes); some six thousand names of layers
DEEPEST = 8  # a recipe needs 4: a list of steps, a step, its targets, a name
LONGEST_NUMBER = 24  # characters; the longest double has as many
SHOWN = 20  # offenders in one message


class Place(NamedTuple):
    """Counted from 1, in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place. In a list each item is a node; in a mapping each key has its place and its node."""

    value: str | int | float | bool | list[Node] | dict[str, tuple[Place, Node]] | None
    place: Place


@dataclass
class Offenders:
    """What is wrong with one file, gathered so that it is told at once."""

    name: str
    found: dict[Place, str] = field(default_factory=dict)

    def add(self, place: Place, text: str) -> None:
        """The first offender of a place counts: what follows at the same place follows from it."""
        self.found.setdefault(place, text)

    def stop(self, place: Place, text: str) -> NoReturn:
        """An offender after which nothing more can be read."""
        self.add(place, text)
        self.settle()
        raise AssertionError("an offender was just added")

    def settle(self) -> None:
        """Raises RecipeError when there are offenders."""
        if not self.found:
            return
        lines = [
            f"{self.name}:{line}:{column}: " + text.replace("\n", "\n    ")
            for (line, column), text in sorted(self.found.items())
        ]
        more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        raise RecipeError(listed([*lines[:SHOWN], *more], "the recipe cannot be read:")) from None


class _Piece(NamedTuple):
    """What both readers give, in the order of the text."""

    kind: Literal["scalar", "[", "]", "{", "}"]
    place: Place
    value: Any = None


def tree(text: str, kind: str, offenders: Offenders) -> Node:
    """The tree of a text, its offenders added to `offenders`; of those that forbid reading on, RecipeError."""
    if len(text) > LARGEST:
        offenders.stop(Place(1, 1), f"it is longer than {LARGEST:,} characters, which no recipe needs")
    pieces = READERS[kind](text, offenders)
    first = next(pieces, None)
    if first is None:
        offenders.stop(Place(1, 1), "it is empty; a recipe is a list of steps")
    root = _node(first, pieces, offenders)
    for _ in pieces:  # what follows the root: a second document, or text that is no YAML
        pass
    return root


def _node(piece: _Piece, pieces: Iterator[_Piece], offenders: Offenders, depth: int = 1) -> Node:
    if depth > DEEPEST:
        offenders.stop(piece.place, f"it is nested more than {DEEPEST} deep; a recipe is a list of steps")
    if piece.kind == "scalar":
        return Node(piece.value, piece.place)
    if piece.kind == "[":
        items = []
        while (inner := next(pieces)).kind != "]":
            items.append(_node(inner, pieces, offenders, depth + 1))
        return Node(items, piece.place)
    entries: dict[str, tuple[Place, Node]] = {}
    while (inner := next(pieces)).kind != "}":
        key = _node(inner, pieces, offenders, depth + 1)
        value = _node(next(pieces), pieces, offenders, depth + 1)
        if not isinstance(key.value, str):
            offenders.add(key.place, "a key must be a word, such as 'step'")
        elif key.value in entries:
            first = entries[key.value][0]
            offenders.add(key.place, f"key {key.value!r:.80} stands twice, first in line {first.line}")
        else:
            entries[key.value] = (key.place, value)
    return Node(entries, piece.place)


_MARKS: Mapping[type, Literal["[", "]", "{", "}"]] = {
    SequenceStartEvent: "[",
    SequenceEndEvent: "]",
    MappingStartEvent: "{",
    MappingEndEvent: "}",
}


def _yaml(text: str, offenders: Offenders) -> Iterator[_Piece]:
    documents = 0
    for event in _events(text, offenders):
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, DocumentStartEvent):
            documents += 1
            if documents > 1:
                offenders.stop(place, "a second document begins here; a recipe is one document")
            if event.version not in (None, (1, 2)):
                offenders.stop(place, "recipes are YAML 1.2: in YAML 1.1 the structure 2:4 is a number; drop %YAML")
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            mark = "*" if isinstance(event, AliasEvent) else "&"
            offenders.stop(place, f"{mark}{event.anchor:.80} is an alias or anchor, which recipes lack; write it out,"
                                  f" or quote a text that begins with {mark}")  # fmt: skip
        if getattr(event, "tag", None):
            offenders.stop(place, f"tags such as {event.tag:.80} are not read; a recipe is plain lists and words")
        if isinstance(event, ScalarEvent):
            plain = event.implicit[0]
            yield _Piece("scalar", place, _resolved(event.value, place, offenders) if plain else event.value)
        elif type(event) in _MARKS:
            yield _Piece(_MARKS[type(event)], place)


def _events(text: str, offenders: Offenders) -> Iterator[Any]:
    """ruamel's events, with each of its errors told at its place."""
    place = Place(1, 1)
    events = YAML(typ="safe", pure=True).parse(text)
    while True:
        try:
            event = next(events)
        except StopIteration:
            return
        except ReaderError as error:
            before = text[: error.position]
            place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
            offenders.stop(place, f"no valid YAML: the character {text[error.position]!r} is not allowed")
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = Place(mark.line + 1, mark.column + 1) if mark else place
            offenders.stop(place, f"no valid YAML: {error.problem or error.context}")
        except (YAMLError, ValueError) as error:  # ValueError: an escape beyond Unicode
            offenders.stop(place, f"no valid YAML after here: {error}")
        place = Place(event.end_mark.line + 1, event.end_mark.column + 1)
        yield event


# What a plain word of YAML stands for: the core schema of YAML 1.2.2, section 10.3.2, without octal and hexadecimal.
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOATING = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def _resolved(word: str, place: Place, offenders: Offenders) -> str | int | float | bool | None:
    if word in _WORDS:
        return _WORDS[word]
    if _INTEGER.fullmatch(word) or _FLOATING.fullmatch(word):
        return _number(word, place, offenders)
    if _NO_NUMBER.fullmatch(word):
        offenders.add(place, f"{word} is no finite number")
    return word


def _number(digits: str, place: Place, offenders: Offenders) -> int | float | None:
    if len(digits) > LONGEST_NUMBER:
        offenders.add(place, f"a number of {len(digits)} characters; {LONGEST_NUMBER} are enough")
        return None
    value = int(digits) if _INTEGER.fullmatch(digits) else float(digits)
    if not math.isfinite(value):
        offenders.add(place, f"{digits} is larger than any number that a computer holds")
    return value


_TOKEN = re.compile(
    r'(?P<space>[ \t\n\r,:]+)|(?P<mark>[\[\]{}])|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[^ \t\n\r,:\[\]{}"]+)'
)
_LITERALS: Mapping[str, bool | None] = {"null": None, "true": True, "false": False}


def _json(text: str, offenders: Offenders) -> Iterator[_Piece]:
    """Python's reader says whether it is JSON; the scan after it finds where each value stands."""
    if not text.strip(" \t\n\r"):
        return
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        offenders.stop(Place(error.lineno, error.colno), f"no valid JSON: {error.msg}")
    except RecursionError:
        offenders.stop(Place(1, 1), f"it is nested more than {DEEPEST} deep; a recipe is a list of steps")
    line, begin = 1, 0
    for token in _TOKEN.finditer(text):
        place = Place(line, token.start() - begin + 1)
        if token.lastgroup == "space":
            line += token[0].count("\n")
            begin = token.start() + token[0].rfind("\n") + 1 if "\n" in token[0] else begin
        elif token.lastgroup == "mark":
            yield _Piece(token[0], place)  # type: ignore[arg-type]  # the pattern allows these four
        elif token.lastgroup == "text":
            yield _Piece("scalar", place, _text(token[0], place, offenders))
        elif token[0] in _LITERALS:
            yield _Piece("scalar", place, _LITERALS[token[0]])
        elif token[0].lstrip("-") in ("NaN", "Infinity"):
            offenders.add(place, f"{token[0]} is no JSON number")
            yield _Piece("scalar", place)
        else:
            yield _Piece("scalar", place, _number(token[0], place, offenders))


def _text(token: str, place: Place, offenders: Offenders) -> str:
    text: str = json.loads(token)
    if re.search("[\ud800-\udfff]", text):
        offenders.add(place, "half of a surrogate pair is no text")
    return text


READERS: Mapping[str, Callable[[str, Offenders], Iterator[_Piece]]] = {"yaml": _yaml, "json": _json}
