"""Unpacking compiles as one graph and exports: for one weight of each index part."""

from __future__ import annotations

import pytest
import torch
from format_members import equal_to_the_bit, random_member
from torch import Tensor, nn

from gossamer.formats import PackedWeight, pack, restore


class Holder(nn.Module):
    """What a packed module does: buffers of its own, a static spec, unpacking in forward."""

    def __init__(self, packed: PackedWeight) -> None:
        super().__init__()
        self.spec = packed.spec
        for name, tensor in packed.buffers().items():
            self.register_buffer(name, tensor)

    def forward(self, x: Tensor) -> Tensor:
        packed = restore(self.spec, {name: getattr(self, name) for name in self._buffers})
        return packed.dense() + packed.linear(x).sum() * 0


CASES = [
    ("2:4 & int3/g8/asym", "bitmask"),
    ("top5% & codebook5 + rank2", "csr"),
    ("1:4", "nm"),
    ("int4", "dense"),
]


@pytest.mark.parametrize(("text", "index"), CASES)
def test_compiles_as_one_graph(text: str, index: str) -> None:
    torch._dynamo.reset()
    packed = pack(random_member(text, (4, 320)), index=index)
    compiled = torch.compile(Holder(packed), fullgraph=True, backend="aot_eager")
    assert equal_to_the_bit(compiled(torch.zeros(1, 320)), packed.dense())


@pytest.mark.parametrize(("text", "index"), CASES)
def test_exports(text: str, index: str) -> None:
    packed = pack(random_member(text, (4, 320)), index=index)
    program = torch.export.export(Holder(packed), (torch.zeros(1, 320),))
    assert equal_to_the_bit(program.module()(torch.zeros(1, 320)), packed.dense())
