"""The manifest: what the file says of its tensors, as text for the one metadata key.

    text = base85(version ‖ deflate(JSON) ‖ crc32 of each tensor ‖ crc32 of all that)

JSON is `[rows]` or `[rows, recipe]`, canonical; `rows` has one row for each tensor, in the order of their names.
Checksums stand outside the JSON, where four bytes take four and not ten digits. The preset dictionary holds what most
manifests say, and is part of the format version: for the demo's eight tensors it halves the text.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ArtifactError
from .strict_json import canonical, parse

__all__ = ["DICTIONARY", "VERSION", "Manifest"]

VERSION = 0
LONGEST_JSON = 1 << 22  # bytes: more than 100,000 rows; parsing takes some twenty times as much memory
CRC = 4  # bytes

# Deflate finds what stands near the end at the fewest bits: rare words first.
DICTIONARY = (
    b'"aliases":["groups":"layout":"transposed linear""transposed convolution""float64""bfloat16""float16"'
    b'"floats":{"codebook":"left":"right":"scale":"float32"},"index":"csr""bitmask""dense""nm","kept":,"size":,"values":'
    b'"batches":null,"clip":false,"ignore":["re:"head"],"targets":[".weight",Linear","Conv2d","Embedding"'
    b'"alpha":0.5,"loss":"mse","steps":"temperature":"method":"random""svd""nearest""kmeans""wanda"'
    b'"step":"factorize","structure":"rank8"},{"step":"impose","structure":"codebook16 + rank8 & int8/asymblock4x1/25%'
    b'2:4 & int4/g64"/g128"/rowtop50%/row & int8","step":"prune","structure":"top10%/model"}'
    b',{"step":"quantize","structure":"int8"},{"epochs":10,"lr":0.003,"step":"distill"}'
    b',[],[],[{"method":"magnitude","step":"prune","structure":"top5%/model"},{"epochs":20,"lr":0.002,"step":"distill"},'
    b'{"method":"rtn","step":"quantize","structure":"int4/tensor"},{"epochs":10,"step":"distill"}]]'
    b'[[["2:4 & int4",[64,3,3]],[],["top100 & int4/tensor",[128,1,3,3]],[],["top1000 & int4/tensor",[32,16,3,3]],[],'
)


@dataclass(frozen=True)
class Manifest:
    """Args: rows, one for each tensor in the order of their names; recipe, steps as plain values, or None; checksums,
    the crc32 of each tensor in the same order.
    """

    rows: Sequence[Any]
    recipe: Sequence[Any] | None
    checksums: Sequence[int]

    def text(self) -> str:
        """The metadata value: printable ASCII without quote and backslash, so that JSON escapes nothing."""
        json = [self.rows] if self.recipe is None else [self.rows, self.recipe]
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
        body = bytes([VERSION]) + deflate.compress(canonical(json)) + deflate.flush()
        body += b"".join(crc.to_bytes(CRC, "little") for crc in self.checksums)
        return base64.b85encode(body + zlib.crc32(body).to_bytes(CRC, "little")).decode()

    @classmethod
    def read(cls, text: str, tensors: int) -> Manifest:
        """The manifest of a file that holds `tensors` tensors; what the rows say is not looked at.

        Raises: ArtifactError when the text was damaged, is of another version, or lies about its size.
        """
        body = _body(text)
        if body[0] != VERSION:
            raise ArtifactError(
                f"format version {body[0]}; this gossamer reads version {VERSION}: install the one that wrote the file"
            )
        inflate = zlib.decompressobj(-15, zdict=DICTIONARY)
        try:
            json = inflate.decompress(body[1:], LONGEST_JSON)
        except zlib.error as error:
            raise ArtifactError(f"manifest: cannot be decompressed ({error})") from None
        if not inflate.eof:
            much = f"more than {LONGEST_JSON} bytes" if len(json) == LONGEST_JSON else "is cut short"
            raise ArtifactError(f"manifest: its compressed part {much}")
        if len(inflate.unused_data) != CRC * tensors:
            found = len(inflate.unused_data)
            raise ArtifactError(
                f"manifest: {found} bytes of checksums; the {tensors} tensors of the file need {CRC * tensors}"
            )
        rows, recipe = _parts(parse(json, "manifest"))
        if len(rows) != tensors:
            raise ArtifactError(f"manifest: {len(rows)} rows for the {tensors} tensors of the file")
        crcs = [inflate.unused_data[i : i + CRC] for i in range(0, CRC * tensors, CRC)]
        return cls(rows, recipe, [int.from_bytes(crc, "little") for crc in crcs])


def _body(text: str) -> bytes:
    try:
        whole = base64.b85decode(text)
    except ValueError as error:
        raise ArtifactError(f"manifest: no base85 ({error})") from None
    # Some texts decode alike (the last group may be short); only one of them is written.
    if len(whole) <= CRC or base64.b85encode(whole).decode() != text:
        raise ArtifactError("manifest: no base85 that gossamer writes")
    body, crc = whole[:-CRC], whole[-CRC:]
    if zlib.crc32(body) != int.from_bytes(crc, "little"):
        raise ArtifactError("manifest: its checksum is wrong; the file is damaged")
    return body


def _parts(json: Any) -> tuple[list[Any], list[Any] | None]:
    if not isinstance(json, list) or not 1 <= len(json) <= 2 or not isinstance(json[0], list):
        raise ArtifactError("manifest: needs [rows] or [rows, recipe]")
    recipe = json[1] if len(json) == 2 else None
    steps = recipe if isinstance(recipe, list) else []
    if (len(json) == 2 and not isinstance(recipe, list)) or not all(_is_step(step) for step in steps):
        raise ArtifactError("manifest: a recipe is a list of objects, each with its name under 'step'")
    return json[0], recipe


def _is_step(step: Any) -> bool:
    return isinstance(step, dict) and isinstance(step.get("step"), str)
