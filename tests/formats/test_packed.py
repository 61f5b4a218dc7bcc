"""The packed weight's own methods, and members that contradict themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from format_members import equal_to_the_bit, random_member

from gossamer.errors import ArtifactError, StructureError
from gossamer.formats import pack, restore


@pytest.mark.parametrize("text", ["2:4 & int4", "top10%/row", "codebook5 + rank2"])
@pytest.mark.parametrize("shape", [(6, 8), (1, 6, 8)])
def test_linear_and_embedding(text: str, shape: tuple[int, ...]) -> None:
    packed = pack(random_member(text, shape))
    x, bias, indices = torch.randn(2, 3, 8), torch.randn(6), torch.tensor([[0, 5], [2, 2]])
    matrix = packed.dense().reshape(6, 8)
    assert torch.equal(packed.linear(x), F.linear(x, matrix))
    assert torch.equal(packed.linear(x, bias), F.linear(x, matrix, bias))
    assert torch.equal(packed.embedding(indices), F.embedding(indices, matrix))


def test_several_groups_have_no_matrix() -> None:
    with pytest.raises(StructureError, match="several groups"):
        pack(random_member("int4", (2, 6, 8))).linear(torch.randn(3, 8))


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0,), ()])
def test_empty_and_scalar_tensors_are_held_as_they_are(shape: tuple[int, ...]) -> None:
    member = random_member("dense", shape)
    packed = pack(member)
    packed.validate()
    assert equal_to_the_bit(packed.dense(), member.dense())


def test_a_full_support_costs_no_index() -> None:
    packed = pack(random_member("top100%", (3, 5)))
    assert (packed.spec.index, packed.nbytes, packed.header()) == (
        "dense",
        60,
        {"structure": "top100%", "shape": [3, 5]},
    )


def test_buffers_are_its_own() -> None:
    weight = torch.nn.Parameter(torch.randn(2, 8))
    packed = pack(replace(random_member("dense", (2, 8)), values=weight.reshape(-1)))
    before = packed.dense()
    with torch.no_grad():
        weight.zero_()
    assert torch.equal(packed.dense(), before)
    assert not packed.dense().requires_grad


def test_bits_are_truly_packed() -> None:
    packed = pack(random_member("2:4 & int3", (1, 8, 64)))
    assert {name: t.numel() for name, t in packed.buffers().items()} == {"mask": 64, "codes": 96, "scale": 8}


CONTRADICTIONS = {
    "more values than the support": ("top50%", {"values": torch.ones(9)}, "support: 8 entries"),
    "a support of another shape": (
        "top50%",
        {"support": torch.ones(4, 4, dtype=torch.bool)},
        "a support is bool",
    ),
    "a support that is no mask": ("top50%", {"support": torch.ones(2, 8)}, "a support is bool"),
    "a support the structure forbids": (
        "2:4",
        {"support": torch.tensor([[True, True, True, False, True, False, False, False]] * 2)},
        "2 entries more than 2:4",
    ),
    "no zero point": ("int4/asym", {"zero_point": None}, "its parts are codes, scale"),
    "a zero point too many": ("int4", {"zero_point": torch.ones(2, 1, dtype=torch.uint8)}, "its parts are"),
    "no scale": ("int4", {"scale": None}, "scale must be one of"),
    "floats on a grid": ("int4", {"codes": None, "values": torch.ones(16)}, "its parts are|must be one of"),
    "codes too wide": ("int4", {"codes": torch.full((16,), 16, dtype=torch.uint8)}, "codes: holds 16"),
    "codes of a wide type": (
        "int4",
        {"codes": torch.ones(16, dtype=torch.int64)},
        "codes: given torch.int64",
    ),
    "a scale for each column": ("int4", {"scale": torch.ones(1, 8)}, "scale: given torch"),
    "a negative scale": ("int4", {"scale": -torch.ones(2, 1)}, "scale: holds zero or a negative"),
    "values in float64": (
        "dense",
        {"values": torch.ones(16, dtype=torch.float64)},
        "values: given torch.float64",
    ),
    "a type that is not floating": ("dense", {"dtype": torch.int8}, "dtype"),
    "factors without a word": (
        "dense",
        {"left": torch.ones(2, 1), "right": torch.ones(1, 8)},
        "its parts are",
    ),
    "a group that does not divide": ("int4/g4", {"shape": (8, 2)}, "width 2 is not a multiple of group 4"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradictions_are_refused(name: str) -> None:
    text, changes, message = CONTRADICTIONS[name]
    with pytest.raises(StructureError, match=message):
        pack(replace(random_member(text, (2, 8)), **changes))


@pytest.mark.parametrize("index", ["dense", "nm", "coo"])
def test_an_index_that_cannot_hold_the_support(index: str) -> None:
    with pytest.raises(StructureError, match="choose bitmask or csr"):
        pack(random_member("top50%", (2, 8)), index=index)


def test_a_spec_made_by_hand_is_checked() -> None:
    packed = pack(random_member("2:4", (2, 8)))
    for lie in (
        {"index": "coo"},
        {"values": "float8"},
        {"kept": -1},
        {"shape": (2, 7)},
        {"dtype": torch.int8},
    ):
        with pytest.raises(ArtifactError):
            restore(replace(packed.spec, **lie), packed.buffers()).validate()
