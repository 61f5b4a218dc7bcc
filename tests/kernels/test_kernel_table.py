"""Every row of the native kernel table against the torch reference, through the C ABI itself."""

from __future__ import annotations

import ctypes
import re
from dataclasses import replace

import pytest
import torch
from kernel_cases import CANARIES, CANARY, OPS, shifted
from torch import Tensor

from gossamer import kernels
from gossamer.kernels.native import Library, Row

# op_format_wtype_atype_tile__isa, where format, types and tile may be missing.
NAME = re.compile(
    r"(?P<op>pack_bits|unpack_bits|mask_compress|mask_expand|batch_omp|l1_sweeps|gram_descent|csr_mv|csr_rmv|"
    r"csr_columns|csr_gram|csr_l1_sweeps)(_[a-z0-9]+)*"
    r"__(scalar|avx2|avx512|neon)"
)
ITEM_SIZES = {"pack_bits": (1,), "unpack_bits": (1,), "mask_compress": (1, 2, 4), "mask_expand": (1, 2, 4)}
ITEM_SIZES |= {"batch_omp": (4, 8), "l1_sweeps": (8,), "gram_descent": (8,)}
ITEM_SIZES |= {"csr_mv": (4, 8), "csr_rmv": (4, 8), "csr_columns": (4, 8, 16), "csr_gram": (4, 8)}
ITEM_SIZES |= {"csr_l1_sweeps": (8,)}
# Floats, which agree to rounding and not to the bit, or several tensors: compared in their own files.
ROUNDED = {"batch_omp", "gram_descent", "l1_sweeps"}
ROUNDED |= {"csr_mv", "csr_rmv", "csr_columns", "csr_gram", "csr_l1_sweeps"}


def mismatch(row: Row, shift: int) -> str | None:
    """The first case in which a row differs from the reference or writes outside, in words."""
    op, plain = OPS[row.op], kernels.KERNELS[row.op].reference
    for case in op.cases(row):
        wanted = plain(*case.args)
        size = wanted.dtype.itemsize
        block = torch.full(((shift + wanted.shape[0] + CANARIES) * size,), CANARY, dtype=torch.uint8)
        end = (shift + wanted.shape[0]) * size
        out = block[shift * size : end].view(wanted.dtype)
        args = [shifted(arg, shift) if isinstance(arg, Tensor) else arg for arg in case.args]
        status = op.call(row, out, *args)
        if status != 0 or not torch.equal(out, wanted):
            return f"{row.name}, {case.label}: status {status}, {out} where the reference gives {wanted}"
        if bool((block[: shift * size] != CANARY).any() or (block[end:] != CANARY).any()):
            return f"{row.name}, {case.label}: wrote outside its output"
    return None


@pytest.mark.parametrize("shift", [0, 1, 3])
@pytest.mark.parametrize("op", OPS)
def test_rows_equal_the_reference_and_write_nothing_else(library: Library, op: str, shift: int) -> None:
    rows = [row for row in library.rows if row.op == op and row.supported]
    assert rows
    assert [found for row in rows if (found := mismatch(row, shift))] == []


def test_every_row_has_a_reference_and_a_case(library: Library) -> None:
    ops = {row.op for row in library.rows}
    assert ops == set(kernels.KERNELS) == set(OPS) | ROUNDED


def test_every_op_and_item_size_begins_with_a_plain_row_and_the_last_that_runs_is_taken(library: Library) -> None:
    for op, sizes in ITEM_SIZES.items():
        for size in sizes:
            rows = [row for row in library.rows if (row.op, row.item_size) == (op, size)]
            assert (rows[0].isa, rows[0].width) == ("scalar", 1)
            assert library.best[op, size] == [row for row in rows if row.supported][-1]


def test_names_follow_the_grammar_and_are_unique(library: Library) -> None:
    names = [row.name for row in library.rows]
    assert len(set(names)) == len(names)
    for row in library.rows:
        found = NAME.fullmatch(row.name)
        assert found is not None, row.name
        assert found["op"] == row.op
        assert row.name.endswith(f"__{row.isa}")


def test_the_comparison_can_fail(library: Library) -> None:
    """A row that stops one item early, and one that writes one too far, are both found."""
    row = next(row for row in library.rows if row.op == "unpack_bits")

    def early(packed: int, length: int, bits: int, out: int, count: int) -> int:
        shorter = max(count - 1, 0)
        return int(row.function(packed, (shorter * bits + 7) // 8, bits, out, shorter))

    assert "where the reference gives" in str(mismatch(replace(row, function=early), 0))

    late_row = next(row for row in library.rows if row.op == "mask_expand" and row.item_size == 1)

    def late(values: int, kept: int, mask: int, mask_len: int, out: int, count: int) -> int:
        status = int(late_row.function(values, kept, mask, mask_len, out, count))
        if count:  # an empty tensor has no address
            ctypes.memset(out + count, 0, 1)
        return status

    assert "wrote outside" in str(mismatch(replace(late_row, function=late), 0))
