"""The header of a packed weight: its spec as few JSON values, and back, with every lie refused.

A key is left out when its value follows from the others, so that most headers are a structure and a shape:

>>> write_header(read_header({"structure": "2:4 & int4", "shape": [1, 8, 16]}))
{'structure': '2:4 & int4', 'shape': [1, 8, 16]}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeGuard

import torch

from ..errors import ArtifactError, StructureError
from ..structure import Codebook, Grid, Structure, TopK, parse
from ..terms import support_set
from ..terms.lowrank import check_rank
from .expected import full_count
from .factors import FACTORS
from .index import INDICES, smallest_index
from .spec import PackedSpec
from .values import FLOATS, VALUES, usual_values

__all__ = [
    "check_structure",
    "default_floats",
    "fixed_scope",
    "full_header",
    "read_header",
    "usual_count",
    "write_header",
]

MOST_ENTRIES = 1 << 40  # beyond any weight; keeps every byte count within 64 bits
MOST_AXES = 8
LONGEST_TEXT = 256

_DTYPES: Mapping[str, torch.dtype] = {**FLOATS, "float64": torch.float64}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_KEYS = ("structure", "shape", "dtype", "index", "values", "kept", "size", "floats")


def write_header(spec: PackedSpec) -> dict[str, Any]:
    """JSON values from which `read_header` makes the spec again.

    Keys: structure (else "dense"), shape, dtype (else "float32"), index (else the smallest), values (else
    what structure and dtype say), kept (else a full support), size of the codebook (else the structure's),
    floats: types of scale and codebook (else "float16") and of left and right (else "float32").
    """
    usual = default_floats(spec.structure, spec.values)
    word = spec.structure.values
    derived: dict[str, Any] = {
        "structure": "dense",
        "dtype": "float32",
        "index": smallest_index(spec),
        "values": usual_values(spec.structure, spec.dtype),
        "kept": usual_count(spec),
        "size": word.size if isinstance(word, Codebook) else None,
        "floats": {},
    }
    header = full_header(spec)
    header["floats"] = {name: kind for name, kind in header["floats"].items() if _DTYPES[kind] != usual[name]}
    return {key: value for key, value in header.items() if value != derived.get(key)}


def full_header(spec: PackedSpec) -> dict[str, Any]:
    """Every key, nothing derived: the spec word for word, for `read_header` to check."""
    header: dict[str, Any] = {
        "structure": str(spec.structure),
        "shape": list(spec.shape),
        "dtype": _NAMES.get(spec.dtype, str(spec.dtype)),
        "index": spec.index,
        "values": spec.values,
        "kept": spec.kept,
    }
    if spec.size:
        header["size"] = spec.size
    return header | {"floats": {name: _NAMES.get(dtype, str(dtype)) for name, dtype in spec.floats.items()}}


def read_header(header: Mapping[str, Any]) -> PackedSpec:
    """The spec that a header describes, checked before any tensor is looked at.

    Raises: ArtifactError naming the key and what is wrong with it.
    """
    if not isinstance(header, Mapping):
        raise ArtifactError(f"header: given {type(header).__name__}, needs an object with keys {', '.join(_KEYS)}")
    unknown = [key for key in header if key not in _KEYS]
    if unknown:
        raise ArtifactError(f"header: unknown key {unknown[0]!r}; the keys are {', '.join(_KEYS)}")
    structure = _structure(header.get("structure", "dense"))
    shape = _shape(header.get("shape"))
    dtype = _named(header, "dtype", _DTYPES, "float32")
    check_structure(structure, shape)
    values = header.get("values", usual_values(structure, dtype))
    if not isinstance(values, str) or values not in VALUES or not VALUES[values].fits(structure):
        fitting = [name for name, part in VALUES.items() if part.fits(structure)]
        raise ArtifactError(f"values: {structure} is held as {' or '.join(fitting)}, given {values!r}")
    spec = PackedSpec(structure, shape, dtype, "", values, 0, _size(structure, header), {})
    spec = replace(spec, kept=_kept(spec, header), floats=_floats(spec, header))
    index = header.get("index", smallest_index(spec))
    if not isinstance(index, str) or index not in INDICES or not INDICES[index].fits(spec):
        fitting = [name for name, part in INDICES.items() if part.fits(spec)]
        raise ArtifactError(f"index: {spec.kept} entries of {structure} fit {' or '.join(fitting)}, given {index!r}")
    return replace(spec, index=index)


def default_floats(structure: Structure, values: str) -> dict[str, torch.dtype]:
    """The floating side parts that such a weight has, each with the type that goes without saying."""
    return {**VALUES[values].floats, **(FACTORS if structure.lowrank else {})}


def usual_count(spec: PackedSpec) -> int:
    """The number of held entries that goes without saying: a full support."""
    if spec.values == "none":
        return 0
    full = full_count(spec.structure, spec.shape)
    return spec.numel if full is None else full


def fixed_scope(structure: Structure) -> bool:
    """Whether one tensor alone can break the support: not when the count is spread over the whole model."""
    word = structure.support
    return word is not None and not (isinstance(word, TopK) and word.scope == "model")


def check_structure(structure: Structure, shape: tuple[int, ...]) -> None:
    """Raises ArtifactError where the structure cannot lie on a tensor of this shape."""
    word = structure.values
    if structure.words and (not shape or 0 in shape):
        raise ArtifactError(f"shape: {structure} needs at least one entry on each axis, given {list(shape)}")
    if isinstance(word, Grid) and word.group is not None and shape[-1] % word.group:
        raise ArtifactError(f"shape: width {shape[-1]} is not a multiple of group {word.group}")
    try:
        if structure.support is not None and fixed_scope(structure):
            support_set(structure.support, shape)
        if structure.lowrank is not None:
            check_rank(structure.lowrank, shape)
    except StructureError as error:
        raise ArtifactError(f"shape: {error}") from None


def _structure(text: object) -> Structure:
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise ArtifactError(f"structure: needs a text of at most {LONGEST_TEXT} characters such as '2:4 & int4'")
    try:
        structure = parse(text)
    except (ValueError, ArithmeticError) as error:
        raise ArtifactError(f"structure: {error}") from None
    return structure


def _shape(sides: object) -> tuple[int, ...]:
    if not isinstance(sides, list | tuple) or len(sides) > MOST_AXES or not all(_is_count(side) for side in sides):
        raise ArtifactError(
            f"shape: needs a list of at most {MOST_AXES} whole numbers of at least 0, given {sides!r:.80}"
        )
    numel = 1
    for side in sides:
        numel *= max(side, 1)
        if numel > MOST_ENTRIES:
            raise ArtifactError(f"shape: {list(sides)!r:.80} has more than {MOST_ENTRIES} entries")
    return tuple(sides)


def _size(structure: Structure, header: Mapping[str, Any]) -> int:
    word = structure.values
    if not isinstance(word, Codebook):
        if "size" in header:
            raise ArtifactError(f"size: only a codebook has one, and the structure is {structure}")
        return 0
    size = header.get("size", word.size)
    if not _is_count(size) or not 1 <= size <= word.size:
        raise ArtifactError(f"size: {word} holds 1 to {word.size} values, given {size!r:.80}")
    return int(size)


def _kept(spec: PackedSpec, header: Mapping[str, Any]) -> int:
    usual = usual_count(spec)
    kept = header.get("kept", usual)
    most = usual if fixed_scope(spec.structure) or spec.values == "none" else spec.numel
    if not _is_count(kept) or kept > most:
        raise ArtifactError(
            f"kept: {spec.structure} of shape {list(spec.shape)} holds at most {most}, given {kept!r:.80}"
        )
    return int(kept)


def _floats(spec: PackedSpec, header: Mapping[str, Any]) -> dict[str, torch.dtype]:
    usual = default_floats(spec.structure, spec.values)
    given = header.get("floats", {})
    if not isinstance(given, Mapping):
        raise ArtifactError(f"floats: needs an object of types by part, given {given!r:.80}")
    unknown = [name for name in given if name not in usual]
    if unknown:
        raise ArtifactError(f"floats: no part {unknown[0]!r:.80} here; the parts are {', '.join(usual) or 'none'}")
    return {name: _named(given, name, FLOATS, _NAMES[usual[name]]) for name in usual}


def _named(given: Mapping[str, Any], key: str, table: Mapping[str, torch.dtype], default: str) -> torch.dtype:
    name = given.get(key, default)
    if not isinstance(name, str) or name not in table:
        raise ArtifactError(f"{key}: must be one of {', '.join(table)}, given {name!r:.80}")
    return table[name]


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and value >= 0  # type() and not isinstance: a JSON true is no number
