"""A manifest's row: what the header of safetensors does not say of a tensor.

    []                                    stored plainly
    [options]                             stored plainly, with aliases
    [structure, shape]                    packed
    [structure, shape, options]           packed

`shape` is the parameter's; its matrix (groups, out, in) follows by groups and layout. Options, each only where it does
not go without saying: aliases, groups (1), layout, and dtype, index, values, kept, size, floats of a packed header.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, get_args

from ..errors import ArtifactError
from ..formats import PackedSpec, read_header
from ..nn import Kind, WeightView
from .container import MOST_ENTRIES
from .entry import Entry

__all__ = ["Row", "read_row", "write_row"]

MOST_AXES = 8
_LAYOUTS = tuple(kind for kind in get_args(Kind) if kind.startswith("transposed"))
_HEADER = ("dtype", "index", "values", "kept", "size", "floats")
_OPTIONS = ("aliases", "groups", "layout", *_HEADER)


@dataclass(frozen=True)
class Row:
    """A row understood: aliases; and of a packed weight its spec and the way to the parameter's shape."""

    aliases: tuple[str, ...] = ()
    spec: PackedSpec | None = None
    view: WeightView | None = None


def write_row(entry: Entry) -> list[Any]:
    """The row of an entry."""
    options: dict[str, Any] = {"aliases": list(entry.aliases)} if entry.aliases else {}
    if entry.packed is None or entry.view is None:
        return [options] if options else []
    view, header = entry.view, entry.packed.header()
    if view.matrix_shape != tuple(header["shape"]):
        raise ArtifactError(f"{entry.name!r}: packed as {header['shape']}, but its view is {view}")
    if view.groups != 1:
        options["groups"] = view.groups
    if view.kind in _LAYOUTS:
        options["layout"] = view.kind
    options |= {key: value for key, value in header.items() if key in _HEADER}
    row: list[Any] = [header.get("structure", "dense"), list(view.shape)]
    return [*row, options] if options else row


def read_row(row: Any) -> Row:
    """What a row says, as far as it can be checked without the tensor.

    Raises: ArtifactError naming the field that lies.
    """
    if not isinstance(row, list) or len(row) > 3:
        raise ArtifactError("row: needs a list of at most structure, shape and options")
    packed = len(row) >= 2
    options = row[-1] if len(row) in (1, 3) else {}
    if not isinstance(options, dict):
        raise ArtifactError(f"row: needs its options as an object, given {options!r:.80}")
    known = _OPTIONS if packed else ("aliases",)
    unknown = [key for key in options if key not in known]
    if unknown or (len(row) in (1, 3) and not options):
        raise ArtifactError(
            f"row: unknown option {unknown[:1]!r:.80}; known are {', '.join(known)}, at least one of them"
        )
    aliases = _aliases(options)
    if not packed:
        return Row(aliases)
    view = _view(row[1], options)
    header = {key: value for key, value in options.items() if key in _HEADER}
    return Row(aliases, read_header(header | {"structure": row[0], "shape": list(view.matrix_shape)}), view)


def _aliases(options: Mapping[str, Any]) -> tuple[str, ...]:
    aliases = options.get("aliases", ["-"])
    if not isinstance(aliases, list) or not aliases or not all(isinstance(name, str) for name in aliases):
        raise ArtifactError(f"aliases: needs a list of names, given {aliases!r:.80}")
    return tuple(aliases) if "aliases" in options else ()


def _view(shape: Any, options: Mapping[str, Any]) -> WeightView:
    if (
        not isinstance(shape, list)
        or not 2 <= len(shape) <= MOST_AXES
        or not all(type(side) is int and side >= 1 for side in shape)
        or prod(shape) > MOST_ENTRIES
    ):
        raise ArtifactError(
            f"shape: a packed weight has 2 to {MOST_AXES} axes, each a whole number of at least 1, and at most "
            f"{MOST_ENTRIES} entries; given {shape!r:.80}"
        )
    layout, groups = options.get("layout", "linear"), options.get("groups", 1)
    if "layout" in options and layout not in _LAYOUTS:
        raise ArtifactError(f"layout: must be one of {', '.join(_LAYOUTS)}, given {layout!r:.80}")
    if type(groups) is not int or groups < 1 or shape[0] % groups:
        raise ArtifactError(
            f"groups: must be a whole number that divides the first axis {shape[0]}, given {groups!r:.80}"
        )
    if layout == "transposed linear" and (groups != 1 or len(shape) != 2):
        raise ArtifactError(
            f"layout: a transposed linear weight has two axes and one group, given {shape}, groups {groups}"
        )
    return WeightView(layout, tuple(shape), groups)
