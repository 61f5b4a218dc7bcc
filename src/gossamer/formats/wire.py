"""A packed weight as streams of symbols, for an entropy coder to shrink.

Everything travels as a stream: the support in its canonical form, codes and zero points as they are, floating
numbers as byte planes. `wire_plan` tells name, alphabet and number of symbols of every stream from the header
alone, before anything is decoded; nothing in a stream can change what is read after it.

    float bits  s e…e m…m  →  e…e m…m s, cut into bytes: "values.k" is plane k of "values", highest first

Rotating the sign to the end gathers the exponent in the highest plane, which is the one that compresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ArtifactError
from .factors import factor_fields
from .field import Field, check_range
from .header import read_header
from .index import INDICES
from .packed import PackedWeight, check_support
from .spec import PackedSpec
from .support_streams import support_stream
from .values import VALUES

__all__ = ["Stream", "WirePart", "from_streams", "streams", "wire_plan"]


@dataclass(frozen=True)
class WirePart:
    """One stream to come: `count` symbols in [0, alphabet)."""

    name: str
    alphabet: int
    count: int


@dataclass(frozen=True, eq=False)
class Stream:
    """Symbols (count,) in [0, alphabet), uint8 up to an alphabet of 256, else uint16; on the CPU."""

    name: str
    symbols: Tensor
    alphabet: int


def wire_plan(header: Mapping[str, Any] | PackedSpec) -> list[WirePart]:
    """The streams of such a weight, in order; one that says nothing (no symbol, or alphabet 1) is left out.

    Raises: ArtifactError when the header lies.

    >>> plan = wire_plan({"structure": "2:4 & int4", "shape": [1, 8, 16]})
    >>> [(part.name, part.alphabet, part.count) for part in plan]
    [('ranks', 6, 32), ('codes', 16, 64), ('scale.1', 256, 8), ('scale.0', 256, 8)]
    """
    spec = header if isinstance(header, PackedSpec) else read_header(header)
    parts: list[WirePart] = []
    if spec.index != "dense":
        form = support_stream(spec)
        parts.append(WirePart(form.name, form.alphabet(spec), form.count(spec)))
    for name, field in _fields(spec).items():
        if field.alphabet:
            parts.append(WirePart(name, field.alphabet, field.symbols))
        else:
            parts += [WirePart(plane, 256, field.symbols) for plane in _planes(name, field)]
    return [part for part in parts if part.alphabet > 1 and part.count]


def streams(packed: PackedWeight) -> list[Stream]:
    """The weight's streams, those of `wire_plan(packed.header())` in the same order."""
    spec, buffers = packed.spec, dict(packed.tensors)
    found: dict[str, Tensor] = {}
    support = INDICES[spec.index].support(spec, buffers)
    if support is not None:
        form = support_stream(spec)
        found[form.name] = form.symbols(spec, support)
    for name, field in _fields(spec).items():
        if field.alphabet:
            found[name] = field.unpack(buffers[name]).reshape(-1)
        else:
            found.update(zip(_planes(name, field), _split(buffers[name]), strict=True))
    return [
        Stream(part.name, found[part.name].to("cpu", _symbol_dtype(part.alphabet)).contiguous(), part.alphabet)
        for part in wire_plan(spec)
    ]


def from_streams(header: Mapping[str, Any] | PackedSpec, symbols: Mapping[str, Tensor]) -> PackedWeight:
    """The weight that `streams` took apart, checked from end to end: it needs no further `validate()`.

    Args: header, JSON values or a spec; symbols by stream name, exactly those of `wire_plan(header)`.
    Raises: ArtifactError naming the stream or part that lies.
    """
    spec = header if isinstance(header, PackedSpec) else read_header(header)
    plan = wire_plan(spec)
    if set(symbols) != {part.name for part in plan}:
        raise ArtifactError(f"streams: given {sorted(symbols)}, needs {sorted(part.name for part in plan)}")
    for part in plan:
        _check_stream(part, symbols[part.name])
    buffers = _support_buffers(spec, symbols)
    for name, field in _fields(spec).items():
        if field.nbytes == 0:
            buffers[name] = torch.zeros(field.shape, dtype=field.dtype)
        elif field.alphabet:
            buffers[name] = field.pack(_or_zeros(symbols, name, field.symbols))
        else:
            planes = [_or_zeros(symbols, plane, field.symbols) for plane in _planes(name, field)]
            buffers[name] = _join(planes, field)
    packed = PackedWeight(spec, buffers)
    packed.validate()
    return packed


def _support_buffers(spec: PackedSpec, symbols: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if spec.index == "dense":
        return {}
    form = support_stream(spec)
    support = form.support(spec, _or_zeros(symbols, form.name, form.count(spec)))
    check_support(spec, support)
    return INDICES[spec.index].pack(spec, support)


def _fields(spec: PackedSpec) -> dict[str, Field]:
    """The buffers beside the index."""
    return {**VALUES[spec.values].fields(spec), **factor_fields(spec)}


def _check_stream(part: WirePart, symbols: Tensor) -> None:
    dtype = _symbol_dtype(part.alphabet)
    if symbols.dtype != dtype or tuple(symbols.shape) != (part.count,):
        raise ArtifactError(f"{part.name}: given {symbols.dtype} {tuple(symbols.shape)}, needs {dtype} ({part.count},)")
    check_range(part.name, symbols, part.alphabet)


def _or_zeros(symbols: Mapping[str, Tensor], name: str, count: int) -> Tensor:
    """The symbols of a stream, or the zeros of one that says nothing."""
    found = symbols.get(name)
    return torch.zeros(count, dtype=torch.uint8) if found is None else found


def _symbol_dtype(alphabet: int) -> torch.dtype:
    return torch.uint8 if alphabet <= 256 else torch.uint16


def _planes(name: str, field: Field) -> list[str]:
    return [f"{name}.{plane}" for plane in reversed(range(field.dtype.itemsize))]


def _split(values: Tensor) -> list[Tensor]:
    """Byte planes, highest first, each uint8 (numel,)."""
    size = values.element_size()
    signed = values.detach().cpu().contiguous().reshape(-1).view(torch.int16 if size == 2 else torch.int32).numpy()
    bits = signed.view(f"u{size}")
    rotated = (bits << 1) | (bits >> (8 * size - 1))
    planes = rotated.astype(f"<u{size}").view(np.uint8).reshape(-1, size).T[::-1]
    return list(torch.from_numpy(planes.copy()))


def _join(planes: list[Tensor], field: Field) -> Tensor:
    """The inverse of `_split`."""
    size = field.dtype.itemsize
    rows = np.ascontiguousarray(np.stack([plane.cpu().numpy() for plane in planes])[::-1].T)
    rotated = rows.reshape(-1).view(f"<u{size}").astype(f"u{size}")
    bits = (rotated >> 1) | (rotated << (8 * size - 1))
    return torch.tensor(bits.view(f"i{size}")).view(field.dtype).reshape(field.shape)
