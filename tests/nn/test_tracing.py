"""torch.compile(fullgraph=True) and torch.export, with dense and with packed weights."""

from __future__ import annotations

import pytest
import torch
from layer_cases import CASES, first, pack_model_
from torch import nn

# Other kernels, other orders of summation.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
TRACED = ("linear", "conv2d, grouped", "conv transpose 1d", "embedding", "attention", "transformers' Conv1D")


class _All(nn.Module):
    """The traceable layers in one model, so that one compilation tries them all."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(CASES[name].make() for name in TRACED)

    def forward(self, *inputs: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
        return [first(layer(*given)) for layer, given in zip(self.layers, inputs, strict=True)]


def _model(weights: str) -> tuple[nn.Module, tuple[tuple[torch.Tensor, ...], ...]]:
    model = _All().eval()
    pack_model_(model, "top50%/row & int4", weights)
    return model, tuple(CASES[name].inputs() for name in TRACED)


@pytest.mark.parametrize("weights", ["dense", "packed"])
def test_compiles_as_one_graph(weights: str) -> None:
    model, inputs = _model(weights)
    torch._dynamo.reset()
    # aot_eager traces all that a real backend traces, without a C++ compiler.
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    for _ in range(2):
        torch.testing.assert_close(compiled(*inputs), model(*inputs), **CLOSE)
    model.load_state_dict({key: torch.zeros_like(value) for key, value in model.state_dict().items()})
    torch.testing.assert_close(compiled(*inputs), model(*inputs), **CLOSE)


@pytest.mark.parametrize(("weights", "strict"), [("dense", False), ("packed", False), ("packed", True)])
def test_exports(weights: str, strict: bool) -> None:
    model, inputs = _model(weights)
    exported = torch.export.export(model, inputs, strict=strict)
    torch.testing.assert_close(exported.module()(*inputs), model(*inputs), **CLOSE)


@pytest.mark.parametrize("weights", ["dense", "packed"])
def test_recurrent_layers_run_eagerly_beside_compiled_ones(weights: str) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.LSTM(4, 3)).eval()
    pack_model_(model, "int8", weights)
    x = torch.randn(5, 2, 4)
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="aot_eager")
    torch.testing.assert_close(first(compiled(x)), first(model(x)), **CLOSE)
