"""The lies: each changes one thing in an honest file, which is then written with correct checksums.

name: (the lie, what the error must say, where it can be seen). Some lies make a file that is in order, but another
model's: those only `load` can refuse.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

from forgery import Forgery, varint

from gossamer.artifact.container import LONGEST_HEADER
from gossamer.artifact.manifest import DICTIONARY, LONGEST_JSON

__all__ = ["LIES", "Lie"]

Lie = tuple[Callable[[Forgery], Any], str, tuple[str, ...]]
BOTH = ("load", "inspect")
LOAD = ("load",)
ONCE = ("load",)  # takes seconds, and `inspect` begins in the same way
HUGE = 1 << 40


def deflated(chunk: bytes, times: int) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
    return b"".join(deflate.compress(chunk) for _ in range(times)) + deflate.flush()


def row(name: str, index: int, value: Any) -> Callable[[Forgery], Any]:
    def lie(f: Forgery) -> None:
        f.rows[name][index] = value

    return lie


def option(name: str, key: str, value: Any) -> Callable[[Forgery], Any]:
    def lie(f: Forgery) -> None:
        f.rows[name] = [*f.rows[name][: 2 if len(f.rows[name]) > 1 else 0], {**_options(f, name), key: value}]

    return lie


def _options(f: Forgery, name: str) -> dict[str, Any]:
    last = f.rows[name][-1:]
    return last[0] if last and isinstance(last[0], dict) else {}


def text(change: Callable[[bytes], bytes]) -> Callable[[Forgery], Any]:
    """A lie in the manifest's JSON text."""

    def lie(f: Forgery) -> None:
        rows = [f.rows[name] for name in sorted(f.rows)]
        before = json.dumps([rows, f.recipe], separators=(",", ":"), sort_keys=True).encode()
        f.json = change(before)
        assert f.json != before

    return lie


def header(change: Callable[[dict[str, Any]], Any]) -> Callable[[Forgery], Any]:
    """A lie in the safetensors header."""

    def lie(f: Forgery) -> None:
        def changed(found: dict[str, Any]) -> Any:
            result = change(found)
            return found if result is None else result

        f.header = changed

    return lie


def info(name: str, key: str, value: Any) -> Callable[[Forgery], Any]:
    return header(lambda h: h[name].update({key: value}))


def header_text(change: Callable[[bytes], bytes]) -> Callable[[Forgery], Any]:
    def lie(f: Forgery) -> None:
        honest = f.data()
        length = int.from_bytes(honest[:8], "little")
        f.header_text = change(honest[8 : 8 + length].rstrip())

    return lie


def symbols(name: str, stream: str, change: Callable[[Any], Any]) -> Callable[[Forgery], Any]:
    return lambda f: f.change_symbols(name, stream, change)


def at(place: int, value: int) -> Callable[[Any], None]:
    return lambda s: s.__setitem__(place, value)


def half_scale(name: str, scale: float, part: str = "scale") -> Callable[[Forgery], Any]:
    """The first float16 of a part becomes `scale`, in the byte planes of the wire form."""
    bits = struct.unpack("<H", struct.pack("<e", scale))[0]
    rotated = (bits << 1 | bits >> 15) & 0xFFFF

    def lie(f: Forgery) -> None:
        f.change_symbols(name, f"{part}.1", at(0, rotated >> 8))
        f.change_symbols(name, f"{part}.0", at(0, rotated & 255))

    return lie


def blob(name: str, change: Callable[[bytes], bytes]) -> Callable[[Forgery], Any]:
    return lambda f: f.store(name, change(f.tensors[name][2]))


def stream(name: str, place: int, coder: str, data: bytes | None = None) -> Callable[[Forgery], Any]:
    def lie(f: Forgery) -> None:
        found = f.take_apart(name)
        found[place] = [coder, found[place][1] if data is None else data]

    return lie


def rename(old: str, new: str) -> Callable[[Forgery], Any]:
    def lie(f: Forgery) -> None:
        f.tensors = {new if name == old else name: value for name, value in f.tensors.items()}
        f.rows = {new if name == old else name: value for name, value in f.rows.items()}

    return lie


def drop(name: str) -> Callable[[Forgery], Any]:
    def lie(f: Forgery) -> None:
        del f.tensors[name], f.rows[name]

    return lie


def extra_bit(s: Any) -> None:
    s[int((s == 0).argmax())] = 1


def bit_to_another_row(s: Any) -> None:
    """16 columns a row: the first row loses an entry and the second gets it."""
    s[int(s[:16].argmax())] = 0
    s[16 + int((s[16:32] == 0).argmax())] = 1


def twice(header: bytes) -> bytes:
    start = header.index(b'"norm.bias"')
    end = header.index(b"}", start) + 1
    return header[:-1] + b"," + header[start:end] + b"}"


def another_spelling(f: Forgery) -> None:
    """Another last character of a short last group of base85 that decodes to the same bytes."""
    while len(base64.b85decode(f.manifest())) % 4 == 0:
        f.recipe.append({"step": "again"})
    text = f.manifest()
    spellings = (text[:-1] + chr(last) for last in range(33, 127) if chr(last) in "0123456789abcdefgABCDEFG~}|{")
    f.text = next(t for t in spellings if t != text and base64.b85decode(t) == base64.b85decode(text))


def set_(**fields: Any) -> Callable[[Forgery], Any]:
    def lie(f: Forgery) -> None:
        for name, value in fields.items():
            setattr(f, name, value)

    return lie


def huge(structure: str, blob_bytes: bytes) -> Callable[[Forgery], Any]:
    """A shape of 2^40 entries that a few bytes rightly hold."""

    def lie(f: Forgery) -> None:
        f.rows["book.weight"] = [structure, [1 << 20, 1 << 20]]
        f.store("book.weight", blob_bytes)

    return lie


MANIFEST: dict[str, Lie] = {
    "version 1": (set_(version=1), "format version 1; this gossamer reads version 0", BOTH),
    "version 255": (set_(version=255), "format version 255", BOTH),
    "one row fewer": (lambda f: f.rows.pop("norm.bias"), "15 rows for the 16 tensors", BOTH),
    "one row more": (lambda f: f.rows.update(zz=[]), "17 rows for the 16 tensors", BOTH),
    "one checksum fewer": (set_(crcs=lambda crcs: crcs[1:]), "60 bytes of checksums; the 16 tensors", BOTH),
    "one checksum more": (set_(crcs=lambda crcs: [*crcs, 0]), "68 bytes of checksums", BOTH),
    "checksums exchanged": (set_(crcs=lambda crcs: crcs[::-1]), "'book.weight': its name, dtype, shape or data", BOTH),
    "rows are an object": (set_(json=b'[{"a":[]}]'), r"needs \[rows\] or \[rows, recipe\]", BOTH),
    "a third part": (text(lambda t: t[:-1] + b",[]]"), r"needs \[rows\] or \[rows, recipe\]", BOTH),
    "a number for all": (set_(json=b"7"), r"needs \[rows\] or \[rows, recipe\]", BOTH),
    "recipe null": (text(lambda t: t[: t.rindex(b",[{")] + b",null]"), "a recipe is a list of objects", BOTH),
    "recipe of texts": (set_(recipe=["prune"]), "a recipe is a list of objects", BOTH),
    "recipe step without a name": (set_(recipe=[{"structure": "2:4"}]), "its name under 'step'", BOTH),
    "recipe step named 7": (set_(recipe=[{"step": 7}]), "its name under 'step'", BOTH),
    "NaN": (text(lambda t: t.replace(b"0.001", b"NaN")), "NaN is no JSON number", BOTH),
    "infinity": (text(lambda t: t.replace(b"0.001", b"1e999")), "number 1e999 is too large", BOTH),
    "a number of 5000 digits": (text(lambda t: t.replace(b"0.001", b"1" * 5000)), "a number of 5000 digits", BOTH),
    "a key twice": (text(lambda t: t.replace(b'"lr"', b'"epochs"')), "key 'epochs' stands twice", BOTH),
    "broken JSON": (text(lambda t: t[:-1]), "no valid JSON", BOTH),
    "broken UTF-8": (text(lambda t: t.replace(b"prune", b"pr\xffne")), "no valid JSON", BOTH),
    "nested 100,000 deep": (set_(json=b"[" * 100_000 + b"]" * 100_000), "nested too deeply", BOTH),
    "nested deep in the recipe": (
        text(lambda t: t.replace(b"0.001", b"[" * 5000 + b"]" * 5000)),
        "nested too deeply",
        BOTH,
    ),
    "a gigabyte of spaces": (set_(deflated=deflated(b" " * (1 << 20), 1024)), "compressed part more than", BOTH),
    "4 MB of empty lists": (
        set_(deflated=deflated(b"[" + b"[]," * (LONGEST_JSON // 3 - 2) + b"[]]", 1)),
        r"needs \[rows\] or \[rows, recipe\]",
        ONCE,
    ),
    "deflate cut": (
        set_(deflated=deflated(b"[[]]", 1)[:2], crcs=lambda crcs: []),
        "compressed part is cut short",
        BOTH,
    ),
    "no deflate": (set_(deflated=b"\xff" * 40), "cannot be decompressed", BOTH),
    "no base85": (set_(text='"\\ '), "no base85", BOTH),
    "empty text": (set_(text=""), "no base85 that gossamer writes", BOTH),
    "base85 of another spelling": (another_spelling, "no base85 that gossamer writes", BOTH),
}

ROWS: dict[str, Lie] = {
    "row is a text": (lambda f: f.rows.update({"norm.bias": "x"}), "'norm.bias': row: needs a list", BOTH),
    "row of four": (row("runs.weight", slice(2, 2), [{}, {}]), "'runs.weight': row: needs a list of at most", BOTH),
    "options as a list": (lambda f: f.rows["runs.weight"].append([]), "needs its options as an object", BOTH),
    "empty options": (lambda f: f.rows["runs.weight"].append({}), "at least one of them", BOTH),
    "unknown option": (option("runs.weight", "zip", 1), "unknown option", BOTH),
    "a packed option of a plain tensor": (option("norm.bias", "kept", 1), "unknown option", BOTH),
    "packed stored as plain": (
        lambda f: f.rows.update({"low.weight": []}),
        "'low.weight': shape .180. in the file",
        LOAD,
    ),
    "plain stored as packed": (
        lambda f: f.rows.update({"norm.bias": ["int4", [2, 4]]}),
        "'norm.bias': a packed weight is a row of bytes",
        BOTH,
    ),
    "structure is a number": (row("runs.weight", 0, 24), "structure: needs a text", BOTH),
    "structure of 300 letters": (row("runs.weight", 0, "int4" * 75), "structure: needs a text of at most 256", BOTH),
    "unknown word": (row("runs.weight", 0, "2:4 & int4x"), "'int4x': is not a structure word", BOTH),
    "impossible word": (row("runs.weight", 0, "0:4 & int4"), "NM keep must be", BOTH),
    "nine bits": (row("runs.weight", 0, "2:4 & int9"), "Grid holds 2 to 8 bits", BOTH),
    "a word of 13 digits": (row("book.weight", 0, "codebook" + "1" * 13), "is too long", BOTH),
    "a slot twice": (row("runs.weight", 0, "2:4 & 1:4"), "support slot already holds", BOTH),
    "runs that do not divide": (row("runs.weight", 0, "2:5 & int4"), "shape:", BOTH),
    "groups that do not divide": (
        row("rows.weight", 0, "top25%/row & int3/g7/asym"),
        "not a multiple of group 7",
        BOTH,
    ),
    "rank beyond the matrix": (row("low.weight", 0, "rank9"), "rank", BOTH),
    "another structure": (row("runs.weight", 0, "2:4 & int3"), "'runs.weight': str", BOTH),
    "shape of one axis": (row("runs.weight", 1, [128]), "a packed weight has 2 to 8 axes", BOTH),
    "shape of nine axes": (row("runs.weight", 1, [8, 16, *[1] * 7]), "a packed weight has 2 to 8 axes", BOTH),
    "shape is a text": (row("runs.weight", 1, "8x16"), "shape: a packed weight", BOTH),
    "negative side": (row("runs.weight", 1, [-8, -16]), "each a whole number of at least 1", BOTH),
    "side of zero": (row("runs.weight", 1, [0, 16]), "each a whole number of at least 1", BOTH),
    "side true": (row("book.weight", 1, [True, 128]), "each a whole number of at least 1", BOTH),
    "side with a point": (row("runs.weight", 1, [8.0, 16]), "each a whole number of at least 1", BOTH),
    "side of 2^70": (row("runs.weight", 1, [1 << 70, 16]), "at most 1099511627776 entries", BOTH),
    "2^41 entries": (row("runs.weight", 1, [1 << 20, 1 << 21]), "at most 1099511627776 entries", BOTH),
    "a larger shape": (
        row("runs.weight", 1, [8, 20]),
        r"shape \[8, 20\] in the file, \[8, 16\] in the model|streams: their lengths",
        BOTH,
    ),
    "sides exchanged": (row("book.weight", 1, [16, 8]), r"shape \[16, 8\] in the file, \[8, 16\] in the model", LOAD),
    "zero groups": (option("conv.weight", "groups", 0), "groups: must be a whole number", BOTH),
    "groups that do not divide the axis": (option("conv.weight", "groups", 3), "divides the first axis 8", BOTH),
    "groups true": (option("runs.weight", "groups", True), "groups: must be a whole number", BOTH),
    "groups as a text": (option("conv.weight", "groups", "2"), "groups: must be a whole number", BOTH),
    "other groups": (option("book.weight", "groups", 2), "'book.weight': read as a matrix by", LOAD),
    "unknown layout": (option("up.weight", "layout", "sideways"), "layout: must be one of", BOTH),
    "layout is a list": (option("up.weight", "layout", []), "layout: must be one of", BOTH),
    "layout of two axes on four": (option("up.weight", "layout", "transposed linear"), "layout: a transposed", BOTH),
    "another layout": (option("book.weight", "layout", "transposed linear"), "'book.weight': read as a matrix", LOAD),
    "no tie": (lambda f: f.rows["embedding.weight"].pop(), "their ties must be alike", LOAD),
    "a tie that is none": (option("norm.bias", "aliases", ["nowhere"]), "their ties must be alike", LOAD),
    "aliases of two of the model's": (
        lambda f: (drop("norm.weight")(f), option("norm.bias", "aliases", ["norm.weight"])(f)),
        "'norm.bias' and 'norm.weight'|'norm.weight' and 'norm.bias'",
        LOAD,
    ),
    "its own alias": (
        option("norm.bias", "aliases", ["norm.bias"]),
        "names: 'norm.bias' belongs to more than one",
        BOTH,
    ),
    "another's name": (option("norm.bias", "aliases", ["norm.weight"]), "names: 'norm.weight' belongs to more", BOTH),
    "an alias twice": (option("norm.bias", "aliases", ["x", "x"]), "names: 'x' belongs to more than one", BOTH),
    "aliases in a circle": (
        lambda f: (
            option("norm.bias", "aliases", ["norm.weight"])(f),
            option("norm.weight", "aliases", ["norm.bias"])(f),
        ),
        "names: 'norm.bias' belongs to more than one",
        BOTH,
    ),
    "no alias": (option("norm.bias", "aliases", []), "aliases: needs a list of names", BOTH),
    "an alias that is a number": (option("norm.bias", "aliases", [1]), "aliases: needs a list of names", BOTH),
    "aliases as a text": (option("norm.bias", "aliases", "head"), "aliases: needs a list of names", BOTH),
    "kept beyond the structure": (option("runs.weight", "kept", 65), "kept: .* holds at most 64, given 65", BOTH),
    "kept negative": (option("runs.weight", "kept", -1), "kept: ", BOTH),
    "kept true": (option("runs.weight", "kept", True), "kept: ", BOTH),
    "kept 2^62": (option("runs.weight", "kept", 1 << 62), "kept: ", BOTH),
    "kept one fewer": (option("rows.weight", "kept", 31), "support: 32 entries are set, and 31 are held", BOTH),
    "kept none": (option("rows.weight", "kept", 0), "streams: their lengths", BOTH),
    "unknown index": (option("runs.weight", "index", "coo"), "index: ", BOTH),
    "an index that does not fit": (option("rows.weight", "index", "nm"), "index: ", BOTH),
    "index dense, entries missing": (option("rows.weight", "index", "dense"), "index: ", BOTH),
    "unknown values": (option("conv.weight", "values", "float8"), "values: ", BOTH),
    "values of another structure": (option("runs.weight", "values", "float32"), "values: ", BOTH),
    "values of another width": (option("conv.weight", "values", "float16"), "streams: their lengths", BOTH),
    "codebook larger than its word": (option("book.weight", "size", 4), "size: ", BOTH),
    "codebook of nothing": (option("book.weight", "size", 0), "size: ", BOTH),
    "codebook size true": (option("book.weight", "size", True), "size: ", BOTH),
    "codebook one entry fewer": (option("book.weight", "size", 2), "str", BOTH),
    "a size without a codebook": (option("runs.weight", "size", 3), "size: only a codebook has one", BOTH),
    "floats as a list": (option("runs.weight", "floats", ["scale"]), "floats: needs an object", BOTH),
    "floats of an unknown part": (option("runs.weight", "floats", {"bias": "float16"}), "floats: no part 'bias'", BOTH),
    "floats of an unknown type": (option("runs.weight", "floats", {"scale": "float8"}), "scale: must be one of", BOTH),
    "floats of another width": (option("runs.weight", "floats", {"scale": "float32"}), "str", BOTH),
    "dtype int8": (option("runs.weight", "dtype", "int8"), "dtype: must be one of", BOTH),
    "dtype 16": (option("runs.weight", "dtype", 16), "dtype: must be one of", BOTH),
    "2^40 zeros in 5 bytes": (
        huge("int2/tensor", varint(1) + varint(0) * 2 + b"\0\1"),
        "in the file, .8, 16. in the model|1099511627776 entries in 5 bytes, more than is decoded without a model",
        BOTH,
    ),
    "2^40 of a coded stream": (
        huge("top50% & int2/tensor", varint(4 * 3 + 3) + varint(1) + varint(0) * 2 + b"abc" + b"\0\1"),
        "in the file, .8, 16. in the model|more than is decoded without a model",
        BOTH,
    ),
}

STREAMS: dict[str, Lie] = {
    "no bytes": (blob("runs.weight", lambda b: b""), "'runs.weight': stream 'ranks': its length is missing", BOTH),
    "one byte fewer": (blob("runs.weight", lambda b: b[:-1]), "do not add up to the 62 bytes stored", BOTH),
    "one byte more": (blob("runs.weight", lambda b: b + b"\0"), "do not add up to the 64 bytes stored", BOTH),
    "a length too long": (
        blob("book.weight", lambda b: bytes([4 * 29 + 2]) + b[1:]),
        "do not add up to the 36 bytes",
        BOTH,
    ),
    "a length too short": (blob("book.weight", lambda b: bytes([4 * 2 + 2]) + b[1:]), "do not add up", BOTH),
    "a length of 2^48": (
        blob("book.weight", lambda b: varint((1 << 48) + 2) + b[1:]),
        "streams: their lengths .281474976710656|do not add up",
        BOTH,
    ),
    "a length without end": (blob("book.weight", lambda b: b"\xff" * 36), "takes more than 7 bytes", BOTH),
    "a length in too many bytes": (
        blob("book.weight", lambda b: bytes([b[0] | 128, 0]) + b[1:]),
        "not written in the fewest bytes",
        BOTH,
    ),
    "a raw stream with a length": (
        blob("runs.weight", lambda b: bytes([4 * 12]) + b[1:]),
        "'ranks': the length of a raw stream is written as 0, found 12",
        BOTH,
    ),
    "lengths exchanged": (
        lambda f: f.streams.update({"low.weight": [f.take_apart("low.weight")[i] for i in (4, 1, 2, 3, 0, 5, 6, 7)]}),
        "stream 'left.3'",
        BOTH,
    ),
    "raw called ans": (stream("runs.weight", 1, "ans"), "stream 'codes'", BOTH),
    "raw called const": (stream("runs.weight", 1, "const"), "stream 'codes': a constant stream is one symbol", BOTH),
    "raw called flat": (stream("runs.weight", 1, "flat"), "a flat stream over 16 symbols is never written", BOTH),
    "flat called ans": (stream("book.weight", 0, "ans"), "stream 'codes'", BOTH),
    "ans of nothing": (stream("runs.weight", 1, "ans", b""), "stream 'codes'", BOTH),
    "ans of noise": (stream("runs.weight", 1, "ans", bytes(range(1, 60))), "stream 'codes'", BOTH),
    "const beyond the alphabet": (stream("runs.weight", 1, "const", b"\x10"), "not below the alphabet of 16", BOTH),
    "const with high zeros": (stream("runs.weight", 1, "const", b"\x01\x00"), "without high zeros", BOTH),
    "padding bits": (stream("conv.weight", 0, "raw", b"\xff" * 3), "support: ", BOTH),
    "a rank that no pattern has": (
        symbols("runs.weight", "ranks", at(5, 7)),
        "'ranks': a packed stream holds symbol 7",
        BOTH,
    ),
    "a code beyond the codebook": (symbols("book.weight", "codes", at(9, 3)), "holds symbol 3, not below", BOTH),
    "a bit more": (symbols("rows.weight", "bits", extra_bit), "support: 33 entries are set, and 32 are held", BOTH),
    "a bit fewer": (symbols("rows.weight", "bits", lambda s: at(int(s.argmax()), 0)(s)), "support: 31 entries", BOTH),
    "a bit in another row": (symbols("rows.weight", "bits", bit_to_another_row), "support: 1 entries more", BOTH),
    "every bit": (symbols("embedding.weight", "bits", lambda s: s * 0 + 1), "support: 96 entries are set", BOTH),
    "a block more": (symbols("conv.weight", "blocks", extra_bit), "support: ", BOTH),
    "scale zero": (half_scale("runs.weight", 0.0), "scale: holds zero or a negative number", BOTH),
    "scale negative": (half_scale("runs.weight", -1.0), "scale: holds zero or a negative number", BOTH),
    "scale NaN": (half_scale("runs.weight", float("nan")), "scale: holds NaN or infinity", BOTH),
    "scale infinite": (half_scale("up.weight", float("inf")), "scale: holds NaN or infinity", BOTH),
    "codebook NaN": (half_scale("book.weight", float("nan"), "codebook"), "codebook: holds NaN or infinity", BOTH),
    "codebook not ascending": (half_scale("book.weight", 60000.0, "codebook"), "codebook: not ascending", BOTH),
    "factor infinite": (symbols("low.weight", "left.3", at(0, 255)), "left: holds NaN or infinity", BOTH),
}

CONTAINER: dict[str, Lie] = {
    "another name": (rename("norm.bias", "norm.bias2"), "'norm.bias2': unexpected(.|\n)*'norm.bias': missing", LOAD),
    "a tensor missing": (drop("norm.running_var"), "'norm.running_var': missing in the file", LOAD),
    "names exchanged": (
        lambda f: (rename("norm.bias", "x")(f), rename("rows.bias", "norm.bias")(f), rename("x", "rows.weigh")(f)),
        "'rows.weigh': unexpected",
        LOAD,
    ),
    "packed as I8": (
        lambda f: f.tensors["runs.weight"].__setitem__(0, "I8"),
        "a packed weight is a row of bytes",
        BOTH,
    ),
    "packed in two axes": (
        lambda f: f.tensors["runs.weight"].__setitem__(1, [7, 9]),
        "'runs.weight': a packed weight is a row of bytes",
        BOTH,
    ),
    "plain with another shape": (
        lambda f: f.tensors["norm.bias"].__setitem__(1, [2, 4]),
        r"'norm.bias': shape \[2, 4\] in the file, \[8\] in the model",
        LOAD,
    ),
    "floats called integers": (
        lambda f: f.tensors["norm.bias"].__setitem__(0, "I32"),
        "'norm.bias': int32 in the file, float32 in the model",
        LOAD,
    ),
    "dtype in the header alone": (info("norm.bias", "dtype", "I32"), r"'norm.bias': its name, dtype, shape", BOTH),
    "shape in the header alone": (info("norm.bias", "shape", [4, 2]), r"'norm.bias': its name, dtype, shape", BOTH),
    "name in the header alone": (
        header(lambda h: {("norm.biaz" if k == "norm.bias" else k): v for k, v in h.items()}),
        "'norm.biaz': its name, dtype, shape or data were changed",
        BOTH,
    ),
    "offsets of another": (
        header(lambda h: h["norm.bias"].update(data_offsets=h["rows.bias"]["data_offsets"])),
        "header: ",
        BOTH,
    ),
    "a shape that is not its size": (info("norm.bias", "shape", [9]), "header: ", BOTH),
    "offsets beyond the end": (info("runs.weight", "data_offsets", [0, HUGE]), "header: ", BOTH),
    "offsets that run backwards": (info("runs.weight", "data_offsets", [63, 0]), "header: ", BOTH),
    "negative offset": (info("runs.weight", "data_offsets", [-1, 62]), "header: ", BOTH),
    "offset with a point": (info("runs.weight", "data_offsets", [0.5, 63]), "header: ", BOTH),
    "shape of 2^64": (info("norm.bias", "shape", [1 << 64]), "has more than 1099511627776 entries", BOTH),
    "shape of 0 × 2^62": (info("norm.bias", "shape", [0, 1 << 62]), "has more than 1099511627776 entries", BOTH),
    "shape of a million axes": (info("norm.bias", "shape", [1] * 1_000_000), "at most 32 whole numbers", BOTH),
    "shape true": (info("norm.bias", "shape", [True, 8]), "at most 32 whole numbers", BOTH),
    "unknown dtype": (info("norm.bias", "dtype", "F4"), "is of dtype 'F4'", BOTH),
    "dtype of a list": (info("norm.bias", "dtype", []), "is of dtype", BOTH),
    "an unknown field": (info("norm.bias", "pickle", "x"), "needs dtype, shape and data_offsets", BOTH),
    "a tensor that is a number": (header(lambda h: h.update({"norm.bias": 1})), "needs dtype, shape", BOTH),
    "no metadata": (header(lambda h: h.pop("__metadata__") and None), "not one of gossamer's", BOTH),
    "metadata of another tool": (
        header(lambda h: h.update(__metadata__={"format": "pt"})),
        "not one of gossamer's",
        BOTH,
    ),
    "metadata more": (header(lambda h: h["__metadata__"].update(format="pt")), "metadata hold one text", BOTH),
    "metadata is a number": (header(lambda h: h["__metadata__"].update(gossamer=1)), "metadata hold one text", BOTH),
    "metadata is a text": (header(lambda h: h.update(__metadata__="x")), "not one of gossamer's", BOTH),
    "a tensor twice": (header_text(twice), "key 'norm.bias' stands twice", BOTH),
    "a lone surrogate": (header_text(lambda t: t.replace(b"norm.bias", b"norm\\ud800bias")), "header: ", BOTH),
    "header nested deep": (
        header_text(lambda t: b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}"),
        "header: nested too deeply",
        BOTH,
    ),
    "header is a list": (header_text(lambda t: b"[" + t + b"]"), "no safetensors file", BOTH),
    "header is nothing": (set_(header_text=b"", header_length=0), "no safetensors file|header", BOTH),
    "header of 8 MB": (
        header_text(lambda t: t[:-1] + b"".join(b',"%d":{}' % i for i in range(500_000)) + b"}"),
        "needs dtype, shape and data_offsets",
        ONCE,
    ),
    "header of 140,000 empty tensors": (
        header_text(
            lambda t: (
                t[:-1]
                + b"".join(b',"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % i for i in range(140_000))
                + b"}"
            )
        ),
        "header: |checksums",
        ONCE,
    ),
    "header longer than is read": (
        lambda f: setattr(f, "header_text", b"{" + b" " * LONGEST_HEADER + b"}"),
        "at most 8388608 are read",
        BOTH,
    ),
    "header length 2^63": (set_(header_length=1 << 63), "at most 8388608 are read", BOTH),
    "header length beyond the file": (set_(header_length=1 << 20), "cut short: the header takes 1048576", BOTH),
    "header length too short": (set_(header_length=16), "header: ", BOTH),
    "bytes after the end": (set_(rest=b"\0" * 8), "header: ", BOTH),
}

LIES: dict[str, Lie] = {
    f"{kind}: {name}": lie
    for kind, table in (("manifest", MANIFEST), ("row", ROWS), ("stream", STREAMS), ("container", CONTAINER))
    for name, lie in table.items()
}
