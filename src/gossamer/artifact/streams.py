"""A packed weight as bytes: what is needed to cut the streams apart, then the streams.

    [varint of each stream] [stream] [stream] …        varint = 4·length + coder,  coder 0 raw, 1 const, 2 flat, 3 ans

in the order of `formats.wire_plan`. Varints hold seven bits a byte, lowest first, the high bit saying that another
follows. The length of a raw stream follows from its plan and is written as 0. Inside the data and not in the manifest,
because a length there takes two to three digits and a comma, and base85 makes a quarter more of that: measured on the
demo, 19 bytes against about 60.
"""

from __future__ import annotations

import torch

from ..errors import ArtifactError
from ..formats import PackedSpec, PackedWeight, WirePart, from_streams, streams, wire_plan
from .coding import decode, encode

__all__ = ["packed_from_bytes", "packed_to_bytes"]

CODERS = ("raw", "const", "flat", "ans")
LONGEST_VARINT = 7  # bytes, of seven bits


def packed_to_bytes(packed: PackedWeight) -> bytes:
    """The streams of a packed weight, each with the coder that makes it smallest."""
    coded = [encode(stream.symbols.numpy(), stream.alphabet) for stream in streams(packed)]
    lengths = [4 * (0 if coder == "raw" else len(data)) + CODERS.index(coder) for coder, data in coded]
    return b"".join([*map(_varint, lengths), *(data for _, data in coded)])


def packed_from_bytes(spec: PackedSpec, data: bytes) -> PackedWeight:
    """The weight, checked from end to end. Time and memory are bounded by a small multiple of `spec.numel`, which the
    caller must have bounded, plus len(data).

    Raises: ArtifactError naming the stream or part that lies.
    """
    symbols = {}
    for part, coder, stream in _cut(wire_plan(spec), data):
        try:
            symbols[part.name] = torch.from_numpy(decode(coder, stream, part.count, part.alphabet))
        except ArtifactError as error:
            raise ArtifactError(f"stream {part.name!r}: {error}") from None
    return from_streams(spec, symbols)


def _cut(plan: list[WirePart], data: bytes) -> list[tuple[WirePart, str, bytes]]:
    """Each stream with its coder and bytes; they fill `data` exactly."""
    place, found = 0, []
    for part in plan:
        value, place = _read_varint(data, place, part.name)
        length, coder = value >> 2, CODERS[value & 3]
        if coder == "raw":
            if length:
                raise ArtifactError(f"stream {part.name!r}: the length of a raw stream is written as 0, found {length}")
            length = (part.count * (part.alphabet - 1).bit_length() + 7) // 8
        found.append((part, coder, length))
    if place + sum(length for _, _, length in found) != len(data):
        raise ArtifactError(
            f"streams: their lengths {[length for _, _, length in found]} and {place} bytes before them"
            f" do not add up to the {len(data)} bytes stored"
        )
    cut = []
    for part, coder, length in found:
        cut.append((part, coder, data[place : place + length]))
        place += length
    return cut


def _varint(value: int) -> bytes:
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])


def _read_varint(data: bytes, place: int, name: str) -> tuple[int, int]:
    value = 0
    for group in range(LONGEST_VARINT):
        if place + group >= len(data):
            raise ArtifactError(f"stream {name!r}: its length is missing; {len(data)} bytes are stored")
        byte = data[place + group]
        value |= (byte & 127) << (7 * group)
        if byte < 128:
            if group and not byte:
                raise ArtifactError(f"stream {name!r}: its length is not written in the fewest bytes")
            return value, place + group + 1
    raise ArtifactError(f"stream {name!r}: its length takes more than {LONGEST_VARINT} bytes")
