"""The inventory: every tensor once, with a view or a reason."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gossamer.model import inventory


def _reason(model: nn.Module, name: str = "weight") -> str:
    (site,) = (site for site in inventory(model) if site.name == name)
    assert site.view is None
    assert site.status.kind == "skipped"
    return site.reason


class Awkward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(3, 4))
        self.scale = nn.Parameter(torch.ones(4))
        self.register_buffer("positions", torch.randn(5, 4))
        self.register_buffer("scratch", torch.randn(5, 4), persistent=False)
        self.embedding = nn.Embedding(6, 4)
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.BatchNorm1d(4)])
        self.same = self.blocks[0]
        self.mix = nn.Bilinear(4, 4, 2)
        self.head = nn.Linear(4, 6, bias=False)
        self.head.weight = self.embedding.weight
        self.norm = nn.LayerNorm((2, 4))
        self.absent = None


def test_every_tensor_once_in_state_dict_order() -> None:
    model = Awkward()
    sites = inventory(model)
    first_names = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        first_names.setdefault(id(tensor), name)
    assert [site.name for site in sites] == list(first_names.values())
    assert sorted(name for site in sites for name in site.names) == sorted(model.state_dict())
    by_name = {site.name: site for site in sites}
    assert by_name["embedding.weight"].aliases == ("head.weight",)
    assert [owner.name for owner in by_name["embedding.weight"].owners] == ["embedding", "head"]
    assert by_name["blocks.0.weight"].aliases == ("same.weight",)
    assert [owner.name for owner in by_name["blocks.0.weight"].owners] == ["blocks.0"]
    assert [name for name, site in by_name.items() if site.view] == ["embedding.weight", "blocks.0.weight"]
    skipped = {name: site.reason for name, site in by_name.items() if site.status and site.status.kind == "skipped"}
    assert "Awkward holds this parameter itself" in skipped.pop("table")
    assert "Bilinear is not mapped yet" in skipped.pop("mix.weight")
    assert not skipped
    assert {"scale", "positions", "norm.weight", "blocks.1.running_var"} <= {
        name for name, site in by_name.items() if site.status and site.status.kind == "kept"
    }


def test_ties_through_shared_memory() -> None:
    model = nn.ModuleDict({"a": nn.Linear(4, 4, bias=False), "b": nn.Linear(4, 4, bias=False)})
    model["b"].weight = nn.Parameter(model["a"].weight.data)
    (site,) = inventory(model)
    assert site.names == ("a.weight", "b.weight")
    assert len(site.owners) == 2


def test_overlapping_memory_is_skipped() -> None:
    model = nn.ModuleDict({"a": nn.Linear(4, 6, bias=False), "b": nn.Linear(6, 4, bias=False), "c": nn.Linear(4, 4)})
    model["b"].weight = nn.Parameter(model["a"].weight.data.T)
    assert "overlaps that of 'b.weight'" in _reason(model, "a.weight")
    assert "overlaps that of 'a.weight'" in _reason(model, "b.weight")
    assert next(site for site in inventory(model) if site.name == "c.weight").view is not None
    # Neighbours in one buffer, as fused optimizers and cuDNN make them, do not overlap.
    flat = torch.randn(8)
    apart = nn.ModuleList([nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)])
    for place, layer in enumerate(apart):
        layer.weight = nn.Parameter(flat[4 * place : 4 * place + 4].view(2, 2))
    assert all(site.view is not None for site in inventory(apart))


def test_tied_to_what_is_not_mapped() -> None:
    class Head(nn.Module):
        def __init__(self, weight: nn.Parameter) -> None:
            super().__init__()
            self.weight = weight

    embedding = nn.Embedding(6, 4)
    assert "tied to '1.weight', of which: Head holds" in _reason(
        nn.Sequential(embedding, Head(embedding.weight)), "0.weight"
    )
    assert "Head holds" in _reason(nn.Sequential(Head(embedding.weight), embedding), "0.weight")


def test_tied_as_two_matrices() -> None:
    from transformers.pytorch_utils import Conv1D

    model = nn.Sequential(nn.Linear(4, 4, bias=False), Conv1D(4, 4))
    model[1].weight = model[0].weight
    assert "reads it as another matrix" in _reason(model, "0.weight")


class Harmless(nn.Linear):
    def extra_repr(self) -> str:
        return "harmless"


class Squared(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.square(), self.bias)


class Standardized(nn.Conv2d):
    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return super()._conv_forward(x, weight - weight.mean(), bias)


class WithAdapter(nn.Linear):
    def __init__(self) -> None:
        super().__init__(4, 4)
        self.adapter = nn.Parameter(torch.randn(4, 2))


def test_subclasses() -> None:
    assert inventory(Harmless(4, 4))[0].view is not None
    assert "Squared overrides forward of Linear" in _reason(Squared(4, 4))
    assert "Standardized overrides _conv_forward of Conv2d" in _reason(Standardized(4, 4, 3))
    assert "'adapter' is no weight of Linear" in _reason(WithAdapter(), "adapter")
    replaced = nn.Linear(4, 4)
    replaced.forward = lambda x: x
    assert "was replaced" in _reason(replaced)


def test_weights_that_cannot_be_packed() -> None:
    assert "max_norm=1.0 rewrites" in _reason(nn.Embedding(4, 4, max_norm=1.0))
    with pytest.warns(UserWarning, match="zero-element"):
        empty = nn.Linear(0, 4)
    assert "no element" in _reason(empty)
    counted = nn.Linear(4, 4)
    counted.weight = nn.Parameter(torch.ones(4, 4, dtype=torch.int8), requires_grad=False)
    assert "int8" in _reason(counted)
    assert "complex64" in _reason(nn.Linear(4, 4, dtype=torch.complex64))
    assert "LSTMCell is not mapped yet" in _reason(nn.LSTMCell(4, 4), "weight_ih")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_dtypes_and_strides_are_mapped(dtype: torch.dtype) -> None:
    layer = nn.Linear(4, 6, dtype=dtype)
    layer.weight = nn.Parameter(torch.randn(4, 6).to(dtype).T)
    (site, _) = inventory(layer)
    assert site.view.matrix_shape == (1, 6, 4)


def test_importing_the_room_imports_nothing_optional() -> None:
    code = "import sys, gossamer.model; print([m for m in ('transformers', 'peft', 'sklearn') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
