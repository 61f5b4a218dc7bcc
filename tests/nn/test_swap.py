"""swap_ and unswap_: identity, hooks and ties; all or nothing."""

from __future__ import annotations

import copy

import pytest
import torch
from layer_cases import pack_model_, packed_weights
from torch import nn

from gossamer.errors import ModelError
from gossamer.model import inventory, swap_, unswap_
from gossamer.nn.layers import PackedLinear

BOTH = pytest.mark.parametrize("weights", ["dense", "packed"])


class Tied(nn.Module):
    """An embedding whose weight is also the head's, and a layer under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8, 4)
        self.body = nn.Linear(4, 4, bias=False)  # nothing that .half() rounds
        self.again = self.body
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 8, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.again(self.body(self.embedding(x)))))


X = torch.arange(6).reshape(2, 3)


def _assert_tied(model: Tied) -> None:
    assert model.head.weight_packed is model.embedding.weight_packed
    assert model.again is model.body
    if model.head.weight_packed.weights == "dense":
        assert model.head.weight is model.embedding.weight


@BOTH
def test_ties_survive_everything(weights: str) -> None:
    model = Tied()
    pack_model_(model, "int8", weights)
    first = model(X)
    for each in (model, copy.deepcopy(model), model.half().float(), model.to(torch.float32)):
        _assert_tied(each)
        assert torch.equal(each(X), first)
    other = Tied()
    pack_model_(other, "int8", weights)
    other.norm.load_state_dict(model.norm.state_dict())
    other.load_state_dict(model.state_dict())
    _assert_tied(other)
    assert torch.equal(other(X), first)
    unswap_(model)
    assert model.head.weight is model.embedding.weight
    assert type(model.body) is nn.Linear
    assert torch.equal(model(X), first)
    assert list(model.state_dict()) == list(Tied().state_dict())


def test_layers_keep_identity_hooks_flags_and_members() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    layer, calls = model[0], []
    layer.register_forward_hook(lambda *_: calls.append("forward"))
    layer.weight.requires_grad_(False)
    layer.note = "mine"
    model[2].train()
    pack_model_(model)
    model(torch.randn(1, 4))
    assert model[0] is layer
    assert type(layer) is PackedLinear
    assert calls == ["forward"]
    assert (layer.note, layer.training, model[2].training) == ("mine", False, True)
    unswap_(model)
    model(torch.randn(1, 4))
    assert calls == ["forward"] * 2
    assert [parameter.requires_grad for parameter in model.parameters()] == [False, True, True, True]


def test_some_layers_only_and_again() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    packed = packed_weights(model)
    swap_(model, {"1.weight": packed["1.weight"]})
    assert type(model[0]) is nn.Linear
    assert type(model[1]) is PackedLinear
    pack_model_(model, "int4")
    names = [site.name for site in inventory(model)]
    assert names == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert "int4" in repr(model[1])
    unswap_(model)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_one_of_a_recurrent_layers_weights() -> None:
    model = nn.LSTM(4, 3)
    packed = packed_weights(model)
    expected = packed["weight_hh_l0"].dense()[0]
    swap_(model, {"weight_hh_l0": packed["weight_hh_l0"]})
    assert torch.equal(model.weight_hh_l0, expected)
    assert isinstance(model.weight_ih_l0, nn.Parameter)
    model(torch.randn(2, 1, 4))[0].sum().backward()
    assert model.weight_ih_l0.grad is not None


def test_packed_weights_belong_to_the_model_alone() -> None:
    model = nn.Linear(4, 2)
    packed = packed_weights(model)
    before = {name: part.clone() for name, part in packed["weight"].buffers().items()}
    swap_(model, packed)
    model.load_state_dict({key: torch.zeros_like(value) for key, value in model.state_dict().items()})
    assert all(torch.equal(part, before[name]) for name, part in packed["weight"].buffers().items())


def test_every_offender_is_named_and_nothing_is_touched() -> None:
    model = Tied()
    packed = packed_weights(model)
    given = {
        "embedding.weight": packed["embedding.weight"],
        "head.weight": packed["embedding.weight"],
        "body.weight": packed["embedding.weight"],
        "norm.weight": packed["body.weight"],
        "tail.weight": packed["body.weight"],
    }
    with pytest.raises(ModelError) as caught:
        swap_(model, given)
    message = str(caught.value)
    assert "'head.weight': is the same tensor as 'embedding.weight'" in message
    assert "'body.weight': a packed weight of shape (1, 8, 4) was given" in message
    assert "'norm.weight': not a weight matrix" in message
    assert "'tail.weight': the model has no such tensor" in message
    assert isinstance(model.embedding.weight, nn.Parameter)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_encoder_fast_path() -> None:
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2).eval()
    x = torch.randn(2, 3, 8)
    padding = torch.tensor([[False, False, False], [False, False, True]])
    pack_model_(model)
    with torch.no_grad():
        fast = model(x), model(x, src_key_padding_mask=padding)
    slow = model(x)
    torch.testing.assert_close(fast[0], slow, rtol=1e-4, atol=1e-5)
    assert torch.isfinite(fast[1]).all()
