"""Columns: the matrix times them is the layer's output."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from layer_cases import CASES, first
from torch import nn

from gossamer.errors import ModelError
from gossamer.model import column_energy, columns, inventory

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
CALIBRATED = ("linear", "transposed linear", "convolution")
# Two orders of summing float32 products.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def _views(module: nn.Module):
    return [site.view for site in inventory(module) if site.view is not None]


@pytest.mark.parametrize("name", CASES)
def test_matrix_times_columns_is_the_output(name: str) -> None:
    module, inputs = CASES[name].make(), CASES[name].inputs()
    for view in _views(module):
        found = columns(view, module, inputs)
        assert (found is not None) == view.calibrates
        if view.kind not in CALIBRATED or name.startswith("attention"):
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
        output = first(module(*inputs))
        rows = view.to_matrix(module.weight) @ found.transpose(1, 2)
        axis = 1 if view.kind == "convolution" else -1
        expected = output.movedim(axis, 0).reshape(rows.shape[0], rows.shape[1], -1)
        torch.testing.assert_close(rows, expected, **CLOSE)


def test_transposed_convolution_by_its_taps() -> None:
    module = nn.ConvTranspose2d(4, 6, (3, 2), stride=(3, 2), groups=2, bias=False)
    x = torch.randn(2, 4, 5, 4)
    (view,) = _views(module)
    # With stride = kernel no two taps meet, so that the output's windows are the taps' own products.
    found = columns(view, module, (x,)).unflatten(-1, (2, 6))
    matrix = view.to_matrix(module.weight).unflatten(-1, (2, 6))
    taps = torch.einsum("gsct,goct->gsot", found, matrix).flatten(2)
    expected = F.unfold(module(x), (3, 2), stride=(3, 2)).unflatten(1, (2, -1)).movedim(1, 0).transpose(2, 3)
    torch.testing.assert_close(taps, expected.flatten(1, 2), **CLOSE)


@pytest.mark.parametrize("name", CASES)
def test_energy_is_the_columns_energy(name: str) -> None:
    module, inputs = CASES[name].make(), CASES[name].inputs()
    for view in _views(module):
        found = columns(view, module, inputs)
        energy = column_energy(view, module, inputs)
        if found is None:
            assert energy is None
            continue
        assert energy[1] == found.shape[1]
        torch.testing.assert_close(energy[0], found.double().square().sum(1))


def test_unbatched_empty_and_keyword_inputs() -> None:
    module = nn.Conv2d(3, 4, 3)
    (view,) = _views(module)
    x = torch.randn(3, 5, 5)
    assert torch.equal(columns(view, module, (x,)), columns(view, module, (), {"input": x[None]}))
    assert columns(view, module, (torch.zeros(0, 3, 5, 5),)).shape == (1, 0, 27)
    with pytest.raises(ModelError, match="without an input tensor"):
        columns(view, module, ())


@pytest.mark.parametrize("head_first", [False, True])
def test_a_tied_head_calibrates_and_its_embedding_does_not(head_first: bool) -> None:
    embedding, head = nn.Embedding(6, 4), nn.Linear(4, 6, bias=False)
    head.weight = embedding.weight
    (site,) = inventory(nn.ModuleList([head, embedding] if head_first else [embedding, head]))
    x, indices = torch.randn(2, 3, 4), torch.zeros(2, 4, dtype=torch.long)
    assert torch.equal(columns(site.view, head, (x,)), x.reshape(1, 6, 4))
    assert columns(site.view, embedding, (indices,)) is None
    assert column_energy(site.view, embedding, (indices,)) is None
