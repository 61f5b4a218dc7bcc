"""A recipe as text: YAML 1.2 and JSON, to and from the same frozen steps.

A recipe is a list of steps; a step is a mapping with the key `step`, its name, and the step's own fields. A field that
is left out has its default. A structure is written in its text form; a type in `targets` by its bare name.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from ruamel.yaml import YAML

from ..errors import RecipeError, StructureError, did_you_mean
from ..structure import Structure, as_structure
from .steps import STEPS, Step, Targets, checked
from .tree import LARGEST, READERS, Node, Offenders, Place, tree

__all__ = ["SUFFIXES", "parse", "read", "to_json", "to_yaml"]

SUFFIXES: Mapping[str, str] = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}
LONGEST_STRUCTURE = 200  # characters; several times the longest that fits a tensor


def read(path: str | os.PathLike[str]) -> tuple[Step, ...]:
    """The steps of a recipe file: `.yaml`, `.yml` or `.json`.

    Nothing in the file is run. Raises: RecipeError that lists all that is wrong with it, each with line and column.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise RecipeError(f"a recipe file ends with {', '.join(SUFFIXES)}; given {str(path)!r}")
    if not path.is_file():
        raise RecipeError(f"there is no file {str(path)!r}")
    offenders = Offenders(str(path))
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise RecipeError(f"the recipe {str(path)!r} cannot be opened: {error.strerror}") from error
    if len(data) > LARGEST:
        offenders.stop(Place(1, 1), f"it is larger than {LARGEST:,} bytes, which no recipe needs")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = data.count(b"\n", 0, error.start) + 1, error.start - data.rfind(b"\n", 0, error.start)
        offenders.stop(Place(line, column), f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8")
    return _parsed(text, SUFFIXES[path.suffix.lower()], offenders)


def parse(text: str, kind: str = "yaml", name: str = "recipe") -> tuple[Step, ...]:
    """The steps of a recipe text.

    Args:
        kind: "yaml" (1.2) or "json".
        name: what stands before line and column in messages.
    Raises: RecipeError that lists all that is wrong with it.

    >>> [str(step) for step in parse("- step: prune\\n  structure: 2:4\\n- step: distill\\n  epochs: 3\\n")]
    ['prune 2:4 (magnitude)', 'distill 3 epochs']
    """
    if kind not in READERS:
        raise RecipeError(f"a recipe is read as {' or '.join(READERS)}, given kind={kind!r}")
    return _parsed(text, kind, Offenders(name))


def to_yaml(steps: Step | Iterable[Step]) -> str:
    """A recipe as YAML 1.2, for people; `parse` gives the same steps back.

    >>> from gossamer.recipe import Distill, Prune
    >>> print(to_yaml([Prune("2:4", ignore=["head"]), Distill(epochs=3)]))
    - step: prune
      structure: 2:4
      method: magnitude
      ignore:
      - head
    - step: distill
      epochs: 3
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # ruamel declares None
    yaml.width = 1 << 30  # a long pattern stays on its line
    yaml.allow_unicode = False  # escaped, for ruamel writes U+0085 bare and reads it back as the end of a line
    stream = io.StringIO()
    yaml.dump(json.loads(to_json(steps)), stream)  # through JSON, so that numpy's floats and the like are plain
    return stream.getvalue()


def to_json(steps: Step | Iterable[Step]) -> str:
    """A recipe as JSON, for programs; `parse(text, "json")` gives the same steps back.

    >>> from gossamer.recipe import Quantize
    >>> json.loads(to_json(Quantize("int8")))
    [{'step': 'quantize', 'structure': 'int8', 'method': 'rtn'}]
    """
    plain = [step.to_dict() for step in checked(steps)]
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _parsed(text: str, kind: str, offenders: Offenders) -> tuple[Step, ...]:
    root = tree(text, kind, offenders)
    steps: list[Step] = []
    if isinstance(root.value, list):
        steps = [step for node in root.value if (step := _step(node, offenders)) is not None]
        if not root.value:
            offenders.add(root.place, "it holds no step; there are " + ", ".join(STEPS))
    else:
        hint = "; begin each step with '- '" if isinstance(root.value, dict) else ""
        offenders.add(root.place, f"a recipe is a list of steps, given {_shown(root)}{hint}")
    offenders.settle()
    return tuple(steps)


def _step(node: Node, offenders: Offenders) -> Step | None:
    if not isinstance(node.value, dict):
        offenders.add(node.place, f"a step is a mapping such as 'step: prune', given {_shown(node)}")
        return None
    entries = dict(node.value)
    if "step" not in entries:
        offenders.add(node.place, f"which step is it? 'step' is missing; there are {', '.join(STEPS)}")
        return None
    _, name = entries.pop("step")
    if not isinstance(name.value, str) or name.value not in STEPS:
        nearest = did_you_mean(name.value, STEPS)
        offenders.add(name.place, f"there is no step {_shown(name)}{nearest or '; there are ' + ', '.join(STEPS)}")
        return None
    own = Offenders(offenders.name)
    values = _values(STEPS[name.value], name.value, entries, node.place, own)
    try:
        return None if own.found else STEPS[name.value](**values)
    except RecipeError as error:
        own.add(node.place, str(error))
        return None
    finally:
        for place, text in own.found.items():
            offenders.add(place, text)


def _values(
    cls: type[Step], name: str, entries: Mapping[str, tuple[Place, Node]], place: Place, offenders: Offenders
) -> dict[str, Any]:
    """The step's fields, each of the type that its dataclass declares."""
    known = {entry.name: entry for entry in fields(cls)}  # type: ignore[arg-type]  # every step is a dataclass
    hints = get_type_hints(cls)
    values = {}
    for key, (where, node) in entries.items():
        if key in known:
            values[key] = _value(key, hints[key], node, offenders)
        else:
            nearest = did_you_mean(key, known)
            offenders.add(where, f"{name} has no key {key!r:.80}{nearest or '; it has ' + ', '.join(known)}")
    missing = [key for key, entry in known.items() if _required(entry) and key not in entries]
    if missing:
        offenders.add(place, f"{name} needs {' and '.join(missing)}")
    return values


def _required(entry: Field[Any]) -> bool:
    return entry.default is MISSING and entry.default_factory is MISSING


# What a field of each declared type is called, and which values of a tree it takes.
_TAKES: Mapping[Any, tuple[str, Callable[[Any], bool]]] = {
    Structure: ("a structure such as 2:4 or int4/g64", lambda v: isinstance(v, str)),
    str: ("a word", lambda v: isinstance(v, str)),
    bool: ("true or false", lambda v: isinstance(v, bool)),
    int: ("a whole number", lambda v: isinstance(v, int) and not isinstance(v, bool)),
    float: ("a number", lambda v: isinstance(v, int | float) and not isinstance(v, bool)),
    Targets: ("a list of names, such as [head, 're:blocks.0.*']", lambda v: isinstance(v, list)),
    NoneType: ("null", lambda v: v is None),
}


def _value(key: str, hint: Any, node: Node, offenders: Offenders) -> Any:
    hints = (hint,) if hint in _TAKES else get_args(hint)
    if not any(_TAKES[each][1](node.value) for each in hints):
        wanted = " or ".join(_TAKES[each][0] for each in hints)
        offenders.add(node.place, f"{key} is {wanted}, given {_shown(node)}")
        return None
    if isinstance(node.value, list):
        return [_name(key, item, offenders) for item in node.value]
    return _structure(node, offenders) if Structure in hints else node.value


def _name(key: str, node: Node, offenders: Offenders) -> Any:
    if not isinstance(node.value, str):
        quote = f'; quote it: "{node.value}"' if type(node.value) is int else ""
        offenders.add(node.place, f"{key} holds names, 're:' patterns and names of types, given {_shown(node)}{quote}")
    return node.value


def _structure(node: Node, offenders: Offenders) -> Structure | None:
    text = str(node.value)
    if len(text) > LONGEST_STRUCTURE or not text.isprintable():
        said = f"{len(text)} characters" if text.isprintable() else "characters that cannot be printed"
        offenders.add(node.place, f"no structure has {said}; write for example 2:4 & int4/g64")
        return None
    try:
        return as_structure(text)
    except StructureError as error:
        offenders.add(node.place, str(error))
        return None


def _shown(node: Node) -> str:
    if isinstance(node.value, list | dict):
        return "a list" if isinstance(node.value, list) else "a mapping"
    return f"{json.dumps(node.value, ensure_ascii=True):.80}"
