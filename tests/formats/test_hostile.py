"""One test per lie: `validate`, `read_header` and `from_streams` refuse each, and name the part that lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from format_members import random_member
from torch import Tensor

from gossamer.errors import ArtifactError
from gossamer.formats import from_streams, pack, read_header, restore, streams, wire_plan

Buffers = dict[str, Tensor]


def _set(name: str, make: Callable[[Tensor], Tensor]) -> Callable[[Buffers], None]:
    def lie(buffers: Buffers) -> None:
        buffers[name] = make(buffers[name].clone())

    return lie


def _at(name: str, place: int, value: float) -> Callable[[Buffers], None]:
    def put(tensor: Tensor) -> Tensor:
        tensor.view(-1)[place] = value
        return tensor

    return _set(name, put)


def _swap(tensor: Tensor) -> Tensor:
    tensor[:2] = tensor[:2].flip(0)
    return tensor


def _several(*lies: Callable[[Buffers], None]) -> Callable[[Buffers], None]:
    def lie(buffers: Buffers) -> None:
        for each in lies:
            each(buffers)

    return lie


# text, shape, index, the lie, what the error says
LIES: dict[str, tuple[str, tuple[int, ...], str, Callable[[Buffers], Any], str]] = {
    "buffer missing": ("2:4", (2, 8), "bitmask", lambda b: b.pop("mask"), "mask: missing"),
    "buffer unknown": ("2:4", (2, 8), "bitmask", lambda b: b.update(extra=torch.ones(1)), "extra: unknown"),
    "values too short": ("2:4", (2, 8), "bitmask", _set("values", lambda t: t[1:]), "values: given"),
    "values too long": (
        "dense",
        (2, 8),
        "dense",
        _set("values", lambda t: torch.cat([t, t])),
        "values: given",
    ),
    "values of another type": (
        "dense",
        (2, 8),
        "dense",
        _set("values", Tensor.half),
        "values: given float16",
    ),
    "mask too short": ("top50%", (3, 7), "bitmask", _set("mask", lambda t: t[:-1]), "mask: given"),
    "mask padding": ("top50%", (3, 7), "bitmask", _set("mask", lambda t: t | 128), "mask: padding"),
    "popcount too high": (
        "top25%",
        (2, 8),
        "bitmask",
        _set("mask", lambda t: t | 255),
        "support: 16 entries",
    ),
    "popcount too low": ("top25%", (2, 8), "bitmask", _set("mask", lambda t: t & 0), "support: 0 entries"),
    "too many in a run": (
        "2:4",
        (1, 8),
        "bitmask",
        _set("mask", lambda t: t * 0 + 0b00010111),
        "1 entries more than 2:4",
    ),
    "too many in a row": (
        "top2/row",
        (2, 4),
        "bitmask",
        _set("mask", lambda t: t * 0 + 0b00010111),
        "more than top2/row",
    ),
    "a broken block": (
        "block2x2/50%",
        (2, 4),
        "bitmask",
        _set("mask", lambda t: t * 0 + 0b01010101),
        "more than block2x2/50%",
    ),
    "column out of range": (
        "top2/row",
        (2, 9),
        "csr",
        _at("columns", 1, 9),
        "columns: holds 9, needs 0 to 8",
    ),
    "columns decreasing": ("top2/row", (2, 9), "csr", _set("columns", _swap), "columns: not strictly"),
    "columns repeated": (
        "top2/row",
        (2, 9),
        "csr",
        _set("columns", lambda t: t * 0 + 3),
        "columns: not strictly",
    ),
    "columns of a wide type": (
        "top2/row",
        (2, 9),
        "csr",
        _set("columns", Tensor.int),
        "columns: given int32",
    ),
    "column negative": ("top2/row", (2, 66000), "csr", _at("columns", 0, -1), "columns: holds -1"),
    "row counts too many": ("top2/row", (2, 9), "csr", _at("row_counts", 0, 3), "row_counts: sum to 5"),
    "row counts too few": ("top2/row", (2, 9), "csr", _at("row_counts", 0, 1), "row_counts: sum to 3"),
    "row count out of range": ("top2/row", (2, 9), "csr", _at("row_counts", 0, 77), "row_counts: holds 77"),
    "row counts moved": (
        "top2/row",
        (2, 9),
        "csr",
        _several(
            _set("row_counts", lambda t: t * 0 + torch.tensor([1, 3], dtype=torch.uint8)),
            _set("columns", lambda t: torch.tensor([0, 1, 2, 3], dtype=torch.uint8)),
        ),
        "more than top2/row",
    ),
    "positions too short": ("1:4", (3, 8), "nm", _set("positions", lambda t: t[:-1]), "positions: given"),
    "positions padding": ("1:4", (3, 4), "nm", _set("positions", lambda t: t | 128), "positions: padding"),
    "positions repeated": (
        "3:8",
        (1, 8),
        "nm",
        _set("positions", lambda t: t * 0),
        "positions: not strictly",
    ),
    "position out of range": (
        "1:5",
        (1, 10),
        "nm",
        _set("positions", lambda t: t * 0 + 7),
        "positions: holds 7",
    ),
    "codes too long": ("int3", (2, 8), "dense", _set("codes", lambda t: torch.cat([t, t])), "codes: given"),
    "codes padding": ("int3", (1, 7), "dense", _set("codes", lambda t: t | 128), "codes: padding"),
    "code out of codebook": (
        "codebook5",
        (1, 8),
        "dense",
        _set("codes", lambda t: t | 255),
        "codes: holds 7",
    ),
    "codebook too short": (
        "codebook5",
        (1, 8),
        "dense",
        _set("codebook", lambda t: t[1:]),
        "codebook: given",
    ),
    "codebook NaN": ("codebook5", (1, 8), "dense", _at("codebook", 0, float("nan")), "codebook: holds NaN"),
    "codebook infinite": (
        "codebook5",
        (1, 8),
        "dense",
        _at("codebook", 4, float("inf")),
        "codebook: holds NaN",
    ),
    "codebook unordered": (
        "codebook5",
        (1, 8),
        "dense",
        _set("codebook", lambda t: t.flip(0)),
        "not ascending",
    ),
    "scale NaN": ("int4", (2, 8), "dense", _at("scale", 0, float("nan")), "scale: holds NaN"),
    "scale infinite": ("int4", (2, 8), "dense", _at("scale", 1, float("inf")), "scale: holds NaN"),
    "scale zero": ("int4", (2, 8), "dense", _at("scale", 1, 0.0), "scale: holds zero"),
    "scale negative": ("int4", (2, 8), "dense", _at("scale", 1, -1.0), "scale: holds zero or a negative"),
    "scale shape": ("int4/g4", (3, 8), "dense", _set("scale", Tensor.t), "scale: given"),
    "scale type": ("int4/g4", (2, 8), "dense", _set("scale", Tensor.float), "scale: given float32"),
    "zero point off the grid": ("int3/asym", (2, 8), "dense", _at("zero_point", 1, 8), "zero_point: holds 8"),
    "zero point shape": ("int3/asym", (2, 8), "dense", _set("zero_point", Tensor.t), "zero_point: given"),
    "zero point type": (
        "int3/asym",
        (2, 8),
        "dense",
        _set("zero_point", Tensor.int),
        "zero_point: given int32",
    ),
    "factor shape": ("rank2", (5, 6), "dense", _set("left", Tensor.t), "left: given"),
    "factor swapped": ("rank2", (5, 5), "dense", lambda b: b.update(left=b["right"]), "left: given"),
    "factor NaN": ("rank2", (5, 6), "dense", _at("right", 3, float("nan")), "right: holds NaN"),
    "sparse tensor": ("rank2", (5, 6), "dense", _set("right", Tensor.to_sparse), "right: given"),
}


@pytest.mark.parametrize("lie", LIES)
def test_validate_names_the_lie(lie: str) -> None:
    text, shape, index, tell, message = LIES[lie]
    packed = pack(random_member(text, shape), index=index)
    packed.validate()
    buffers = packed.buffers()
    tell(buffers)
    with pytest.raises(ArtifactError, match=message):
        restore(packed.header(), buffers).validate()


HEADERS: dict[str, tuple[Any, str]] = {
    "no object": ([], "header: given list"),
    "unknown key": ({"shape": [2], "extra": 1}, "unknown key 'extra'"),
    "no shape": ({}, "shape: needs a list"),
    "shape a text": ({"shape": "23"}, "shape: needs a list"),
    "shape negative": ({"shape": [2, -3]}, "shape: needs a list"),
    "shape a fraction": ({"shape": [2.0]}, "shape: needs a list"),
    "shape a truth": ({"shape": [True]}, "shape: needs a list"),
    "shape too deep": ({"shape": [1] * 9}, "shape: needs a list of at most 8"),
    "shape overflowing": ({"shape": [1 << 33, 1 << 33]}, "shape: .* has more than"),
    "shape overflowing beside a zero": ({"shape": [0, 1 << 33, 1 << 33]}, "shape: .* has more than"),
    "shape without columns": ({"structure": "2:4", "shape": [4, 0]}, "shape: 2:4 needs at least one entry"),
    "shape of a scalar": ({"structure": "int4", "shape": []}, "shape: int4 needs at least one entry"),
    "dtype unknown": ({"shape": [2], "dtype": "int64"}, "dtype: must be one of"),
    "dtype a list": ({"shape": [2], "dtype": ["float32"]}, "dtype: must be one of"),
    "structure no text": ({"shape": [2], "structure": 4}, "structure: needs a text"),
    "structure too long": ({"shape": [2], "structure": "2:4" + " " * 300}, "structure: needs a text"),
    "structure unknown": ({"shape": [2], "structure": "magic"}, "structure: "),
    "structure absurd": ({"shape": [2], "structure": "top1e999999999999999999%"}, "structure: "),
    "structure does not divide": ({"shape": [2, 6], "structure": "2:4"}, "shape: width 6"),
    "group does not divide": ({"shape": [2, 6], "structure": "int4/g4"}, "shape: width 6"),
    "block does not divide": ({"shape": [3, 6], "structure": "block2x2/50%"}, "shape: "),
    "rank too high": ({"shape": [3, 6], "structure": "rank3"}, "shape: rank3"),
    "rank of a vector": ({"shape": [6], "structure": "rank1"}, "shape: rank1"),
    "values unknown": ({"shape": [2], "values": "float8"}, "values: dense is held as"),
    "values against structure": ({"shape": [2], "values": "grid"}, "values: dense is held as"),
    "values not on the grid": ({"shape": [2], "structure": "int4", "values": "float32"}, "held as grid"),
    "values a list": ({"shape": [2], "values": []}, "values: dense is held as"),
    "kept too many": ({"shape": [2, 4], "structure": "2:4", "kept": 5}, "kept: 2:4 .* at most 4"),
    "kept more than all": ({"shape": [2, 4], "kept": 9}, "kept: "),
    "kept negative": ({"shape": [2, 4], "kept": -1}, "kept: "),
    "kept a fraction": ({"shape": [2, 4], "kept": 2.0}, "kept: "),
    "index unknown": ({"shape": [2, 4], "structure": "2:4", "index": "coo"}, "index: .* given 'coo'"),
    "index that loses the support": ({"shape": [2, 4], "structure": "2:4", "index": "dense"}, "index: "),
    "index N:M of short runs": ({"shape": [2, 4], "structure": "2:4", "kept": 3, "index": "nm"}, "index: "),
    "index N:M of another structure": ({"shape": [2, 4], "structure": "top50%", "index": "nm"}, "index: "),
    "size without codebook": ({"shape": [2, 4], "size": 3}, "size: only a codebook"),
    "size too large": ({"shape": [2, 4], "structure": "codebook4", "size": 5}, "size: codebook4 holds"),
    "size zero": ({"shape": [2, 4], "structure": "codebook4", "size": 0}, "size: codebook4 holds"),
    "floats of no part": ({"shape": [2, 4], "floats": {"scale": "float32"}}, "floats: no part 'scale'"),
    "floats no object": ({"shape": [2, 4], "floats": 3}, "floats: needs an object"),
    "floats unknown": ({"shape": [2, 4], "structure": "int4", "floats": {"scale": "int8"}}, "scale: must be"),
}


@pytest.mark.parametrize("lie", HEADERS)
def test_headers_that_lie(lie: str) -> None:
    header, message = HEADERS[lie]
    for read in (read_header, wire_plan, lambda h: restore(h, {}), lambda h: from_streams(h, {})):
        with pytest.raises(ArtifactError, match=message):
            read(header)


def _ones(name: str) -> Callable[[Buffers], None]:
    return _set(name, torch.ones_like)


STREAMS: dict[str, tuple[str, tuple[int, ...], Callable[[Buffers], Any], str]] = {
    "missing": ("2:4", (2, 8), lambda s: s.pop("ranks"), "streams: given"),
    "unknown": ("2:4", (2, 8), lambda s: s.update(bits=torch.ones(16)), "streams: given"),
    "short": ("2:4", (2, 8), _set("ranks", lambda t: t[1:]), "ranks: given"),
    "of a wide type": ("2:4", (2, 8), _set("ranks", Tensor.int), "ranks: given"),
    "rank out of range": ("2:4", (2, 8), _at("ranks", 0, 6), "ranks: holds 6, needs 0 to 5"),
    "bit out of range": ("top2/row", (2, 8), _at("bits", 0, 2), "bits: holds 2"),
    "too many bits": ("top2/row", (2, 8), _ones("bits"), "support: 16 entries are set, and 4 are held"),
    "bits in the wrong row": (
        "top2/row",
        (2, 4),
        _set("bits", lambda t: torch.tensor([1, 1, 1, 1, 0, 0, 0, 0]).to(t.dtype)),
        "more than top2/row",
    ),
    "too many blocks": ("block2x2/50%", (2, 4), _ones("blocks"), "support: 8 entries"),
    "code out of range": ("codebook5", (2, 8), _at("codes", 0, 5), "codes: holds 5"),
    "zero point out of range": ("int3/asym", (2, 8), _at("zero_point", 0, 8), "zero_point: holds 8"),
    "scale infinite": (
        "int4",
        (2, 8),
        lambda s: s.update({"scale.1": torch.full((2,), 248, dtype=torch.uint8)}),
        "scale: holds NaN",
    ),
    "scale negative": (
        "int4",
        (2, 8),
        lambda s: s.update({"scale.0": torch.full((2,), 1, dtype=torch.uint8)}),
        "scale: holds zero or a negative",
    ),
}


@pytest.mark.parametrize("lie", STREAMS)
def test_streams_that_lie(lie: str) -> None:
    text, shape, tell, message = STREAMS[lie]
    packed = pack(random_member(text, shape))
    symbols = {stream.name: stream.symbols for stream in streams(packed)}
    from_streams(packed.header(), symbols)
    tell(symbols)
    with pytest.raises(ArtifactError, match=message):
        from_streams(packed.header(), symbols)
