"""Reads a file by the words of docs/format.md alone: no gossamer, no torch, no safetensors, no constriction."""

from __future__ import annotations

import base64
import json
import re
import zlib
from itertools import combinations
from math import comb, prod
from typing import Any

import numpy as np
import reference_ans

__all__ = ["read"]

SIDES = {"float32": ("<u4", np.float32), "float16": ("<u2", np.float16)}
Array = np.ndarray[Any, Any]


def read(data: bytes, dictionary: bytes) -> tuple[dict[str, Any], list[Any]]:
    """Every tensor by every name, packed ones decoded to float32, and the recipe."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    body = base64.b85decode(header.pop("__metadata__")["gossamer"])
    assert zlib.crc32(body[:-4]) == int.from_bytes(body[-4:], "little")
    assert body[0] == 0
    inflate = zlib.decompressobj(-15, zdict=dictionary)
    rows, recipe = json.loads(inflate.decompress(body[1:-4]))
    tensors = {}
    for i, (name, row) in enumerate(zip(sorted(header), rows, strict=True)):
        said = header[name]
        start, end = (8 + length + offset for offset in said["data_offsets"])
        label = f"{name}\n{said['dtype']}\n{','.join(map(str, said['shape']))}\n".encode()
        crc = inflate.unused_data[4 * i : 4 * i + 4]
        assert zlib.crc32(label + data[start:end]) == int.from_bytes(crc, "little")
        options = row[-1] if row and isinstance(row[-1], dict) else {}
        value = data[start:end] if len(row) < 2 else _weight(row[0], row[1], options, data[start:end])
        tensors |= dict.fromkeys([name, *options.get("aliases", [])], value)
    return tensors, recipe


def _weight(structure: str, shape: list[int], options: dict[str, Any], data: bytes) -> Array:
    groups, layout = options.get("groups", 1), options.get("layout", "linear")
    if layout == "linear":
        matrix = (groups, shape[0] // groups, prod(shape[1:]))
    elif layout == "transposed linear":
        matrix = (1, shape[1], shape[0])
    else:
        matrix = (groups, shape[1], shape[0] // groups * prod(shape[2:]))
    weight = _matrix(structure, matrix, options, data)
    if layout == "linear":
        return weight.reshape(shape)
    if layout == "transposed linear":
        return weight[0].T
    tall = weight.reshape(groups, shape[1], shape[0] // groups, prod(shape[2:]))
    return tall.transpose(0, 2, 1, 3).reshape(shape)


def _matrix(structure: str, shape: tuple[int, int, int], options: dict[str, Any], data: bytes) -> Array:
    held, _, low = structure.partition(" + rank")
    first, *rest = held.split(" & ")
    values = rest[0] if rest else first if re.match("int|codebook", first) else ""
    grid = re.fullmatch(r"int(\d)(?:/(?:g(\d+)|(tensor)))?(/asym)?", values)
    book = re.fullmatch(r"codebook(\d+)", values)
    floats = options.get("floats", {})
    numel, kept, expand = prod(shape), prod(shape), None
    plan: list[tuple[str, int, int]] = []
    if first != values:
        alphabet, count, kept, expand = _support(first, shape)
        plan.append(("support", alphabet, count))
    codes = 1 << int(grid[1]) if grid else options.get("size", int(book[1])) if book else 0
    plan += [("codes", codes, kept)] if codes else _planes("values", "float32", kept)
    scales = (1,) if grid and grid[3] else (*shape[:2], shape[2] // int(grid[2]) if grid and grid[2] else 1)
    if grid:
        plan += _planes("scale", floats.get("scale", "float16"), prod(scales))
        plan += [("zero_point", codes, prod(scales))] if grid[4] else []
    if book:
        plan += _planes("codebook", floats.get("codebook", "float16"), codes)
    if low:
        sides = shape[0] * int(low)
        plan += _planes("left", "float32", sides * shape[1]) + _planes("right", "float32", sides * shape[2])
    streams = _streams([part for part in plan if part[1] > 1 and part[2]], data)

    def floating(name: str, kind: str) -> Array:
        return _join([streams[part[0]] for part in _planes(name, kind, 0)], kind)

    flat = np.array(streams["codes"]) if codes else floating("values", "float32")
    full = np.zeros(numel, flat.dtype)
    mask = np.ones(numel, bool) if expand is None else expand(streams["support"])
    full[mask] = flat
    weight: Array = full.reshape(shape).astype(np.float32)
    if grid:
        scale = floating("scale", floats.get("scale", "float16")).astype(np.float32).reshape(scales)
        zero = np.array(streams["zero_point"], np.float32).reshape(scales) if grid[4] else np.float32(codes // 2)
        repeat = int(grid[2]) if grid[2] else 1
        weight = (weight - (np.repeat(zero, repeat, -1) if grid[4] else zero)) * np.repeat(scale, repeat, -1)
    elif book:
        weight = floating("codebook", "float16").astype(np.float32)[full.reshape(shape)]
    weight = np.where(mask.reshape(shape), weight, np.float32(0))
    if low:
        left = floating("left", "float32").reshape(*shape[:2], int(low))
        weight = weight + left @ floating("right", "float32").reshape(shape[0], int(low), shape[2])
    return weight


def _support(word: str, shape: tuple[int, int, int]) -> tuple[int, int, int, Any]:
    """Alphabet, number of symbols, number of held entries, and the way from symbols to the mask (numel,)."""
    rows, numel = shape[0] * shape[1], prod(shape)
    if runs := re.fullmatch(r"(\d+):(\d+)", word):
        keep, of = map(int, runs.groups())
        patterns = sorted(combinations(range(of), keep), key=lambda p: sum(comb(c, i + 1) for i, c in enumerate(p)))
        table = np.array([[c in pattern for c in range(of)] for pattern in patterns])
        return len(patterns), numel // of, numel // of * keep, lambda s: table[s].reshape(-1)
    if block := re.fullmatch(r"block(\d+)x(\d+)/50%", word):
        high, wide = map(int, block.groups())
        down, across = shape[1] // high, shape[2] // wide

        def spread(symbols: list[int]) -> Array:
            tiles = np.array(symbols, bool).reshape(shape[0], down, 1, across, 1)
            return np.broadcast_to(tiles, (shape[0], down, high, across, wide)).reshape(-1)

        blocks = shape[0] * down * across
        return 2, blocks, (blocks - blocks // 2) * high * wide, spread
    top = re.fullmatch(r"top(\d+)/row", word)
    assert top, word
    return 2, numel, rows * min(int(top[1]), shape[2]), lambda s: np.array(s, bool)


def _planes(name: str, kind: str, count: int) -> list[tuple[str, int, int]]:
    return [(f"{name}.{i}", 256, count) for i in reversed(range(np.dtype(SIDES[kind][0]).itemsize))]


def _join(planes: list[list[int]], kind: str) -> Array:
    bits, dtype = SIDES[kind]
    word = np.dtype(bits)
    rotated = np.array(planes[::-1], np.uint8).T.copy().view(word).reshape(-1)
    return ((rotated >> 1) | (rotated << (8 * word.itemsize - 1))).astype(word).view(dtype)


def _streams(plan: list[tuple[str, int, int]], data: bytes) -> dict[str, list[int]]:
    place, lengths = 0, []
    for _, alphabet, count in plan:
        value = shift = 0
        while True:
            value |= (data[place] & 127) << shift
            shift, place = shift + 7, place + 1
            if data[place - 1] < 128:
                break
        raw = (count * (alphabet - 1).bit_length() + 7) // 8
        lengths.append((value & 3, value >> 2 if value & 3 else raw))
    found = {}
    for (name, alphabet, count), (coder, length) in zip(plan, lengths, strict=True):
        found[name] = DECODERS[coder](data[place : place + length], count, alphabet)
        place += length
    assert place == len(data)
    return found


def _raw(data: bytes, count: int, alphabet: int) -> list[int]:
    bits, x = (alphabet - 1).bit_length(), int.from_bytes(data, "little")
    return [x >> (i * bits) & ((1 << bits) - 1) for i in range(count)]


def _flat(data: bytes, count: int, alphabet: int) -> list[int]:
    stack, even = reference_ans._Stack(data), [1] * alphabet
    symbols = [reference_ans._pop(stack, even) for _ in range(count - 256)]
    bottom = stack.rest()
    symbols += [
        reference_ans._pop(bottom, even, max(9, (alphabet - 1).bit_length() + 4)) for _ in range(min(256, count))
    ]
    assert bottom.x == 0
    return symbols


DECODERS = (
    _raw,
    lambda data, count, alphabet: [int.from_bytes(data, "little")] * count,
    _flat,
    reference_ans.decode,
)
