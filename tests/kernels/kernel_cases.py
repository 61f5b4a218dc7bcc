"""How each op of the kernel table is called through its C ABI, and inputs to call it with.

A row of the table without an entry here fails test_every_row_has_a_reference_and_a_case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gossamer.kernels import reference
from gossamer.kernels.native import Row

CANARY = 0xA5
CANARIES = 64
CARRIERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32}
DENSITIES = (0.0, 0.02, 0.5, 1.0)
# Where the vector loops of csrc/ begin and end, whatever the row's own step.
EXTRA_LENGTHS = (63, 64, 65, 87, 88, 89, 200, 1003)


@dataclass(frozen=True)
class Case:
    """Arguments of the public function and of its reference: tensors, then ints."""

    args: tuple[Tensor | int, ...]
    label: str


@dataclass(frozen=True)
class Op:
    """Cases for a row, and the call of its native function that fills `out` and returns a status."""

    cases: Callable[[Row], Iterator[Case]]
    call: Callable[..., int]


def lengths(width: int) -> list[int]:
    return sorted({0, 1, width - 1, width, width + 1, 2 * width + 3, *EXTRA_LENGTHS})


def random_codes(count: int, bits: int) -> Tensor:
    return torch.randint(0, 1 << bits, (count,), dtype=torch.uint8)


def random_items(count: int, item_size: int) -> Tensor:
    return torch.randint(0, 256, (count * item_size,), dtype=torch.uint8).view(CARRIERS[item_size])


def random_mask(count: int, density: float) -> tuple[Tensor, int]:
    keep = torch.rand(count) < density
    return reference.pack_bits(keep.to(torch.uint8), 1), int(keep.sum())


def shifted(tensor: Tensor, by: int) -> Tensor:
    """The same values at an address that lies `by` items past an aligned one."""
    room = tensor.new_empty(tensor.shape[0] + by)
    room[by:] = tensor
    return room[by:]


def _pack_cases(row: Row) -> Iterator[Case]:
    for count in lengths(row.width):
        for bits in range(1, 9):
            yield Case((random_codes(count, bits), bits), f"count {count}, {bits} bits")


def _unpack_cases(row: Row) -> Iterator[Case]:
    for case in _pack_cases(row):
        codes, bits = case.args
        yield Case((reference.pack_bits(codes, bits), bits, codes.shape[0]), case.label)


def _compress_cases(row: Row) -> Iterator[Case]:
    for count in lengths(row.width):
        for density in DENSITIES:
            mask, kept = random_mask(count, density)
            yield Case((random_items(count, row.item_size), mask, kept), f"count {count}, density {density}")


def _expand_cases(row: Row) -> Iterator[Case]:
    for count in lengths(row.width):
        for density in DENSITIES:
            mask, kept = random_mask(count, density)
            yield Case((random_items(kept, row.item_size), mask, count), f"count {count}, density {density}")


def _call_pack(row: Row, out: Tensor, codes: Tensor, bits: int) -> int:
    return row.function(codes.data_ptr(), codes.shape[0], bits, out.data_ptr(), out.shape[0])


def _call_unpack(row: Row, out: Tensor, packed: Tensor, bits: int, count: int) -> int:
    return row.function(packed.data_ptr(), packed.shape[0], bits, out.data_ptr(), count)


def _call_mask(row: Row, out: Tensor, items: Tensor, mask: Tensor, count: int) -> int:
    return row.function(items.data_ptr(), items.shape[0], mask.data_ptr(), mask.shape[0], out.data_ptr(), count)


OPS: dict[str, Op] = {
    "pack_bits": Op(_pack_cases, _call_pack),
    "unpack_bits": Op(_unpack_cases, _call_unpack),
    "mask_compress": Op(_compress_cases, _call_mask),
    "mask_expand": Op(_expand_cases, _call_mask),
}
