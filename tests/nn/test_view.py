"""Views: exact bijections, for every layer type, dtype and memory layout."""

from __future__ import annotations

import math

import pytest
import torch
from layer_cases import CASES

from gossamer.model import inventory
from gossamer.nn import WeightView

SHAPES = [
    WeightView("linear", (1, 1)),
    WeightView("linear", (5, 3)),
    WeightView("transposed linear", (5, 3)),
    WeightView("convolution", (4, 1, 3, 2), groups=4),
    WeightView("convolution", (6, 2, 3), groups=3),
    WeightView("transposed convolution", (6, 2, 3), groups=3),
    WeightView("transposed convolution", (2, 3, 1, 2, 2)),
    WeightView("embedding", (7, 2)),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("view", SHAPES, ids=lambda view: f"{view.kind} {view.shape}")
def test_round_trip_is_exact(view: WeightView, dtype: torch.dtype) -> None:
    weight = torch.arange(math.prod(view.shape), dtype=dtype).reshape(view.shape)
    strided = torch.empty(*view.shape[::-1], dtype=dtype).permute(*reversed(range(weight.ndim))).copy_(weight)
    for given in (weight, strided):
        matrix = view.to_matrix(given)
        assert matrix.shape == view.matrix_shape
        back = view.from_matrix(matrix)
        assert back.is_contiguous()
        assert torch.equal(back, weight)


@pytest.mark.parametrize("name", CASES)
def test_matrices_of_every_layer(name: str) -> None:
    case = CASES[name]
    found = {site.name: site.view.matrix_shape for site in inventory(case.make()) if site.view is not None}
    assert found == case.matrices
