"""Rows over threads: every row once, whatever the number of threads, and errors come through."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from gossamer.kernels.rows import over_rows


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 129, 1000])
def test_each_row_is_handed_out_once_and_in_its_place(threads: int, count: int) -> None:
    source, out = torch.arange(count), torch.zeros(count, 2, dtype=torch.long)
    sizes: list[int] = []

    def run(rows: Tensor, into: Tensor) -> None:
        sizes.append(rows.shape[0])
        into += rows[:, None] + 1

    over_rows(run, [source, out])
    assert torch.equal(out, (source[:, None] + 1).expand(count, 2))
    assert sum(sizes) == count
    assert len(sizes) == 1 if threads == 1 else min(sizes) >= min(count, 64)


@pytest.mark.usefixtures("threads")
def test_what_a_part_raises_is_raised() -> None:
    def run(rows: Tensor) -> None:
        if int(rows[-1]) == 999:
            raise ValueError("the last part")

    with pytest.raises(ValueError, match="the last part"):
        over_rows(run, [torch.arange(1000)])
