"""A liar: takes an honest file apart, lets a test change anything, and puts it together with correct checksums."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gossamer.artifact.coding import decode
from gossamer.artifact.container import DTYPES, read_container
from gossamer.artifact.manifest import DICTIONARY, Manifest
from gossamer.artifact.rows import read_row
from gossamer.artifact.streams import CODERS, _cut
from gossamer.formats import wire_plan

__all__ = ["Forgery", "varint"]

_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass
class Forgery:
    """Everything that a file says, in the open. `data()` writes it down; what is None is written honestly.

    tensors: [dtype, shape, bytes] by name, in the file's order. rows: by name.
    """

    tensors: dict[str, list[Any]]
    rows: dict[str, Any]
    recipe: Any
    version: int = 0
    json: bytes | None = None
    deflated: bytes | None = None
    text: str | None = None
    crcs: Callable[[list[int]], list[int]] = lambda crcs: crcs
    header: Callable[[dict[str, Any]], Any] = lambda header: header
    header_text: bytes | None = None
    header_length: int | None = None
    rest: bytes = b""
    streams: dict[str, list[list[Any]]] = field(default_factory=dict)

    @classmethod
    def of(cls, honest: bytes) -> Forgery:
        tensors, text = read_container(honest)
        manifest = Manifest.read(text, len(tensors))
        length = int.from_bytes(honest[:8], "little")
        order = [name for name in json.loads(honest[8 : 8 + length]) if name in tensors]
        plain = {
            name: [_NAMES[tensors[name].dtype], list(tensors[name].shape), _bytes(tensors[name])] for name in order
        }
        return cls(plain, dict(zip(sorted(tensors), manifest.rows, strict=True)), manifest.recipe)

    def take_apart(self, name: str) -> list[list[Any]]:
        """[coder, bytes] of each stream of a packed weight, kept and written back by `data()`."""
        spec = read_row(self.rows[name]).spec
        cut = _cut(wire_plan(spec), self.tensors[name][2])
        self.streams[name] = [[coder, data] for _, coder, data in cut]
        return self.streams[name]

    def change_symbols(
        self, name: str, stream: str, change: Callable[[np.ndarray], Any], *, whole: bool = True
    ) -> None:
        """Change the symbols of one stream; `whole` stores all of them as raw bits, whatever their values."""
        plan = wire_plan(read_row(self.rows[name]).spec)
        place = [part.name for part in plan].index(stream)
        part, streams = plan[place], self.streams.get(name) or self.take_apart(name)
        symbols = decode(*streams[place], part.count, part.alphabet).astype(np.int64)
        changed = change(symbols)
        symbols = symbols if changed is None else np.asarray(changed)
        bits = (part.alphabet - 1).bit_length()
        spread = (symbols[:, None] >> np.arange(bits)) & 1
        streams[place] = ["raw", np.packbits(spread.astype(np.uint8), bitorder="little").tobytes()]

    def data(self) -> bytes:
        """The file."""
        for name, streams in self.streams.items():
            blob = b"".join(varint(4 * (0 if coder == "raw" else len(d)) + CODERS.index(coder)) for coder, d in streams)
            self.store(name, blob + b"".join(d for _, d in streams))
        header: dict[str, Any] = {"__metadata__": {"gossamer": self.manifest()}}
        end = 0
        for name, (dtype, shape, data) in self.tensors.items():
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + len(data)]}
            end += len(data)
        text = json.dumps(self.header(header), separators=(",", ":"), ensure_ascii=False).encode()
        text = text if self.header_text is None else self.header_text
        text += b" " * (-len(text) % 8)
        length = len(text) if self.header_length is None else self.header_length
        body = b"".join(data for _, _, data in self.tensors.values())
        return length.to_bytes(8, "little") + text + body + self.rest

    def store(self, name: str, blob: bytes) -> None:
        """Replace the bytes of a packed weight."""
        self.tensors[name][1:] = [[len(blob)], blob]

    def manifest(self) -> str:
        rows = [self.rows[name] for name in sorted(self.rows)]
        parts = [rows] if self.recipe is None else [rows, self.recipe]
        plain = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
        deflated = deflate.compress(plain if self.json is None else self.json) + deflate.flush()
        deflated = deflated if self.deflated is None else self.deflated
        crcs = self.crcs([_crc(name, *self.tensors[name]) for name in sorted(self.tensors)])
        body = bytes([self.version]) + deflated + b"".join(crc.to_bytes(4, "little") for crc in crcs)
        text = base64.b85encode(body + zlib.crc32(body).to_bytes(4, "little")).decode()
        return text if self.text is None else self.text


def varint(value: int) -> bytes:
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])


def _crc(name: str, dtype: str, shape: list[int], data: bytes) -> int:
    label = f"{name}\n{dtype}\n{','.join(map(str, shape))}\n".encode("utf-8", "surrogatepass")
    return zlib.crc32(label + data)


def _bytes(tensor: Any) -> bytes:
    import torch

    return tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
