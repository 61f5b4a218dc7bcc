"""Random members: packing loses nothing, whatever the shape, the support and the values."""

from __future__ import annotations

import pytest
import torch
from format_members import equal_to_the_bit, random_member
from hypothesis import given, strategies as st

from gossamer.errors import ArtifactError
from gossamer.formats import from_streams, pack, restore, streams
from gossamer.terms import fit

shapes = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple)
supports = st.sampled_from(["", "1:1", "1:2", "2:3", "2:4", "top3/row", "top40%", "top60%/block2", "block1x2/50%"])
values = st.sampled_from(
    ["", "int2", "int3/g2", "int5/tensor/asym", "int8/asym", "codebook1", "codebook3", "codebook17"]
)
dtypes = st.sampled_from([torch.float32, torch.float16, torch.bfloat16])
densities = st.one_of(st.none(), st.floats(0, 1))


def _fitting(support: str, value: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with its last axis made a multiple of whatever the words need."""
    needed = 12 if (":" in support or "2" in support or "g2" in value) else 1
    return (*shape[:-1], shape[-1] * needed)


@given(supports, values, shapes, dtypes, densities, st.integers(0, 1 << 30))
def test_packing_loses_nothing(support, value, shape, dtype, density, seed) -> None:
    text = " & ".join(filter(None, [support, value])) or "dense"
    shape = _fitting(support, value, shape)
    # a random support obeys no support word, so it goes with none
    member = random_member(value or "dense" if density is not None else text, shape, dtype, density=density, seed=seed)
    packed = pack(member)
    assert equal_to_the_bit(packed.dense(), member.dense())
    received = from_streams(packed.header(), {s.name: s.symbols for s in streams(packed)})
    assert equal_to_the_bit(received.dense(), member.dense())
    assert received.nbytes == packed.nbytes


@given(supports, values, shapes, st.booleans(), st.integers(0, 1 << 30))
def test_what_terms_project_can_be_packed(support, value, shape, low, seed) -> None:
    shape = (*shape[:-1], 4, *_fitting(support, value, shape)[-1:])
    words = " & ".join(filter(None, [support, value]))
    low = low and shape[-1] > 1
    text = " + ".join(filter(None, [words, "rank1" if low else ""])) or "dense"
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    member = fit(text, x, clip=False).project(x) if "int" in text else fit(text, x).project(x)
    assert equal_to_the_bit(pack(member).dense(), member.dense())


@given(supports, values, st.integers(0, 1 << 30), st.data())
def test_any_bytes_are_refused_or_decoded(support, value, seed, data) -> None:
    """Buffers of the right sizes either validate, and then decode, or raise ArtifactError."""
    text = " & ".join(filter(None, [support, value])) or "dense"
    packed = pack(random_member(text, (2, 3, 12), seed=seed))
    buffers = {name: tensor.clone() for name, tensor in packed.buffers().items()}
    name = data.draw(st.sampled_from(sorted(name for name, tensor in buffers.items() if tensor.numel())))
    raw = buffers[name].view(torch.uint8).view(-1)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, raw.numel() - 1))] = data.draw(st.integers(0, 255))
    changed = restore(packed.header(), buffers)
    try:
        changed.validate()
    except ArtifactError:
        return
    assert changed.dense().shape == (2, 3, 12)


@pytest.mark.parametrize("bits", [0x0000, 0x8000, 0x7C00, 0xFC00, 0x7E01, 0xFFFF, 0x0001, 0x3C00])
def test_odd_floats_survive_the_wire(bits: int) -> None:
    """±0, ±inf, NaN with a payload, the smallest subnormal: bits are bits."""
    member = random_member("dense", (3,), torch.float16)
    member.values.view(torch.int16)[1] = bits - (1 << 16) if bits >> 15 else bits
    packed = pack(member)
    received = from_streams(packed.header(), {s.name: s.symbols for s in streams(packed)})
    assert torch.equal(received.buffers()["values"].view(torch.int16), member.values.view(torch.int16))
