"""Every index part × every value part × types × shapes keeps the same promises."""

from __future__ import annotations

import json
from itertools import product

import pytest
import torch
from format_members import equal_to_the_bit, random_member

from gossamer.formats import INDICES, VALUES, from_streams, pack, restore, streams, wire_plan

DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)

# index part: (support word, density at random or None for what the word selects, shapes)
SUPPORTS = {
    "dense": [("", None, [(1,), (7,), (3, 5), (2, 3, 16)])],
    "bitmask": [
        ("top20%", None, [(1,), (9,), (3, 5), (2, 3, 16)]),
        ("2:4", 0.0, [(8,), (1, 3, 12)]),
        ("block2x3/50%", None, [(4, 6), (2, 4, 9)]),
        ("", 0.3, [(5,), (2, 3, 16)]),
    ],
    "csr": [
        ("top20%/row", None, [(1,), (9,), (3, 5), (2, 3, 16)]),
        ("top1%", None, [(3, 300), (1, 2, 66000)]),
        ("top0/row", None, [(3, 8)]),
    ],
    "nm": [
        ("1:4", None, [(4,), (3, 8), (2, 3, 16)]),
        ("3:5", None, [(5,), (3, 10)]),
        ("16:128", None, [(1, 3, 256)]),
    ],
}
# value part: value words; "" is floating
VALUE_WORDS = {
    "none": ["rank2"],
    "float32": [""],
    "float16": [""],
    "bfloat16": [""],
    "grid": [
        "int2",
        "int3/tensor",
        "int4",
        "int5/asym",
        "int8/tensor/asym",
        "int8",
        "int4/g4",
        "int7/g4/asym",
    ],
    "codebook": ["codebook1", "codebook2", "codebook5", "codebook16", "codebook256"],
}


def _texts() -> list[tuple[str, str, str, float | None, tuple[int, ...]]]:
    found = []
    for index, rows in SUPPORTS.items():
        for (support, density, shapes), (kind, words) in product(rows, VALUE_WORDS.items()):
            for shape, word in product(shapes, words):
                text = " & ".join(filter(None, [support, word])) or "dense"
                if kind == "none" and (index != "dense" or len(shape) < 2 or min(shape[-2:]) <= 2):
                    continue
                if "/g4" in word and shape[-1] % 4:
                    continue
                found.append((index, kind, text, density, shape))
    return found


def _tested(index: str, kind: str, dtype: torch.dtype) -> bool:
    """A floating kind serves one type; what has codes or factors meets every type with one index part."""
    if kind in ("none", "grid", "codebook"):
        return dtype == torch.float32 or index == "bitmask" or kind == "none"
    return kind == str(dtype)[6:] or (kind == "float32" and dtype == torch.float64)


CASES = [
    pytest.param(index, kind, text, density, shape, dtype, id=f"{index}-{text}-{shape}-{str(dtype)[6:]}")
    for (index, kind, text, density, shape), dtype in product(_texts(), DTYPES)
    if _tested(index, kind, dtype)
]


def test_tables_are_covered() -> None:
    assert set(SUPPORTS) == set(INDICES)
    assert set(VALUE_WORDS) == set(VALUES)


@pytest.mark.parametrize(("index", "kind", "text", "density", "shape", "dtype"), CASES)
def test_keeps_every_promise(index, kind, text, density, shape, dtype) -> None:
    member = random_member(
        text, shape, dtype, density=density, side=torch.float32 if len(shape) == 2 else torch.float16
    )
    packed = pack(member, index=index)
    assert (packed.spec.index, packed.spec.values) == (index, kind)

    packed.validate()
    assert equal_to_the_bit(packed.dense(), member.dense())
    assert equal_to_the_bit(packed.dense(torch.float32), member.dense(torch.float32))
    assert packed.nbytes == sum(t.numel() * t.element_size() for t in packed.buffers().values())
    assert packed.nbytes >= pack(member).nbytes

    header = json.loads(json.dumps(packed.header()))
    again = restore(header, packed.buffers())
    assert again.spec == packed.spec
    assert again.header() == header
    assert equal_to_the_bit(again.dense(), member.dense())

    sent = streams(packed)
    assert [(s.name, s.alphabet, s.symbols.numel()) for s in sent] == [
        (p.name, p.alphabet, p.count) for p in wire_plan(header)
    ]
    assert all(int(s.symbols.to(torch.int64).max()) < s.alphabet for s in sent)
    received = from_streams(header, {s.name: s.symbols for s in sent})
    assert received.spec == packed.spec
    assert list(received.buffers()) == list(packed.buffers())
    for name, buffer in packed.buffers().items():
        assert equal_to_the_bit(received.buffers()[name], buffer)


@pytest.mark.parametrize("text", ["top5%", "top30%", "1:4", "2:4", "3:4", "7:8", "16:128", "top1%/row & int4", "dense"])
def test_takes_the_smallest_index(text: str) -> None:
    member = random_member(text, (2, 6, 256))
    sizes = {}
    for name in INDICES:
        try:
            sizes[name] = pack(member, index=name).nbytes
        except ValueError:
            continue
    chosen = pack(member)
    assert chosen.nbytes == min(sizes.values())
    assert chosen.spec.index == min(sizes, key=lambda name: sizes[name])
