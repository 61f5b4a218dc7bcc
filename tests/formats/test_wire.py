"""What the streams are: canonical, countable from the header, and short."""

from __future__ import annotations

from itertools import combinations
from math import comb

import pytest
import torch
from format_members import random_member

from gossamer.formats import PackedSpec, from_streams, pack, streams, wire_plan
from gossamer.formats.support_streams import SUPPORT_STREAMS, Ranks, support_stream
from gossamer.structure import parse
from gossamer.terms import Member


def _spec(text: str, shape: tuple[int, ...], kept: int) -> PackedSpec:
    return PackedSpec(parse(text), shape, torch.float32, "bitmask", "float32", kept)


@pytest.mark.parametrize(("keep", "of"), [(1, 2), (2, 4), (3, 8), (1, 256), (6, 12), (4, 5)])
def test_ranks_number_the_patterns(keep: int, of: int) -> None:
    """All C(of, keep) patterns, enumerated another way: ranks are 0, 1, … in the order of their masks."""
    masks = sorted(sum(1 << p for p in chosen) for chosen in combinations(range(of), keep))
    support = torch.tensor([[mask >> p & 1 for p in range(of)] for mask in masks], dtype=torch.bool)
    spec = _spec(f"{keep}:{of}", tuple(support.shape), keep * len(masks))
    form = support_stream(spec)
    assert isinstance(form, Ranks)
    assert (form.alphabet(spec), form.count(spec)) == (comb(of, keep), len(masks))
    ranks = form.symbols(spec, support)
    assert ranks.tolist() == list(range(len(masks)))
    assert torch.equal(form.support(spec, ranks), support)


@pytest.mark.parametrize(
    ("text", "shape", "kept", "name"),
    [
        ("2:4", (2, 8), 8, "ranks"),
        ("2:4", (2, 8), 7, "bits"),  # a run holds fewer
        ("6:12", (2, 24), 24, "ranks"),  # 924 patterns
        ("6:16", (2, 16), 12, "bits"),  # 8008 patterns
        ("1:512", (2, 512), 2, "bits"),
        ("block2x2/50%", (4, 8), 16, "blocks"),
        ("block2x2/50%", (4, 8), 15, "bits"),  # a value set dropped an entry
        ("block2x2/50%/row", (4, 8), 16, "blocks"),
        ("top50%", (4, 8), 16, "bits"),
        ("dense", (4, 8), 16, "bits"),
    ],
)
def test_the_form_follows_from_the_spec(text: str, shape: tuple[int, ...], kept: int, name: str) -> None:
    assert support_stream(_spec(text, shape, kept)).name == name
    assert {form.name for form in SUPPORT_STREAMS} == {"ranks", "blocks", "bits"}


@pytest.mark.parametrize("text", ["2:4", "1:4 & int4", "top10%", "block2x4/25% & codebook5", "top20%/row & int3/g8"])
def test_streams_do_not_depend_on_the_index_part(text: str) -> None:
    member = random_member(text, (2, 4, 16))
    seen = []
    for index in ("bitmask", "csr", *(["nm"] if text[0] == "1" else [])):
        seen.append([(s.name, s.alphabet, s.symbols.tolist()) for s in streams(pack(member, index=index))])
    assert all(other == seen[0] for other in seen)


def test_codes_and_planes() -> None:
    """Codes travel unpacked; a float's exponent is its highest plane, the sign its lowest bit."""
    member = Member(
        parse("int3"),
        (2, 2),
        torch.float32,
        codes=torch.tensor([0, 7, 3, 4], dtype=torch.uint8),
        scale=torch.tensor([[1.0], [-0.0]]).abs().clamp(min=0.5),
    )
    found = {s.name: s.symbols.tolist() for s in streams(pack(member))}
    assert found.pop("codes") == [0, 7, 3, 4]
    assert found == {"scale.3": [127, 126], "scale.2": [0, 0], "scale.1": [0, 0], "scale.0": [0, 0]}
    negative = Member(parse("dense"), (1,), torch.bfloat16, values=torch.tensor([-1.5], dtype=torch.bfloat16))
    assert {s.name: s.symbols.tolist() for s in streams(pack(negative))} == {
        "values.1": [127],
        "values.0": [129],
    }


def test_streams_that_say_nothing_are_left_out() -> None:
    one = pack(random_member("codebook1", (2, 3)))
    assert [s.name for s in streams(one)] == ["codebook.1", "codebook.0"]
    assert "codes" in from_streams(one.header(), {s.name: s.symbols for s in streams(one)}).buffers()
    empty = pack(random_member("top0", (2, 3)), index="bitmask")
    assert [s.name for s in streams(empty)] == ["bits"]


def test_symbols_without_bits_are_never_made() -> None:
    """A header of a few bytes may claim 2^40 codes of no bits; nothing of that size is allocated."""
    lie = {"structure": "codebook1", "shape": [1 << 40]}
    planes = {part.name: torch.zeros(1, dtype=torch.uint8) for part in wire_plan(lie)}
    assert from_streams(lie, planes).nbytes == 2


def test_wide_alphabets_are_uint16() -> None:
    found = streams(pack(random_member("6:12", (2, 24))))[0]
    assert (found.name, found.alphabet, found.symbols.dtype) == ("ranks", 924, torch.uint16)


def test_headers_say_only_what_cannot_be_derived() -> None:
    said = {
        text: {
            k: v for k, v in pack(random_member(text, (1, 4, 32))).header().items() if k not in ("structure", "shape")
        }
        for text in (
            "dense",
            "2:4 & int4",
            "top10% & codebook16",
            "block2x4/25%",
            "top3%/row + rank2",
            "rank2",
        )
    }
    assert not any(said.values())
    assert wire_plan({"shape": [3]})[0].count == 3
    rare = pack(random_member("codebook16", (4, 8), torch.float16, density=0.5, side=torch.float32), index="csr")
    assert set(rare.header()) == {"structure", "shape", "dtype", "index", "kept", "floats"}
