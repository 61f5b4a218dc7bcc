"""Conformance of packed layers: to the rest of the program they are the layers that they were."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from layer_cases import CASES, first, pack_model_
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from gossamer.errors import ReadOnlyError, RecipeError
from gossamer.model import inventory, unswap_
from gossamer.nn import PACKED, Packed, PackedParameter, set_weights_

# torch's own remarks on two of the cases, packed or not.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel"),
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN"),
]
# The same float32 arithmetic on tensors that lie elsewhere in memory: BLAS picks its path by alignment.
SAME = {"rtol": 1e-5, "atol": 1e-6}
BOTH = pytest.mark.parametrize("weights", ["dense", "packed"])
EVERY = pytest.mark.parametrize("name", CASES)
STRUCTURES = {"linear": "2:4 & int4/g8", "embedding": "int4/g4", "conv2d": "top30%"}


def _packed(name: str, weights: str = "dense") -> tuple[nn.Module, nn.Module, dict[str, Tensor]]:
    """A packed layer, a plain one that holds the same weights, and those weights."""
    module = CASES[name].make().eval()
    plain = copy.deepcopy(module)
    expected = pack_model_(module, STRUCTURES.get(name, "int8"), weights)
    with torch.no_grad():
        for key, value in expected.items():
            plain.get_parameter(key).copy_(value)
    return module, plain, expected


def _weights(module: nn.Module) -> dict[str, Tensor]:
    return {site.name: site.tensor for site in inventory(module) if site.view is not None}


def _assert_same_weights(module: nn.Module, expected: dict[str, Tensor]) -> None:
    found = _weights(module)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


@BOTH
@EVERY
def test_forward_is_the_plain_layers(name: str, weights: str) -> None:
    module, plain, expected = _packed(name, weights)
    inputs = CASES[name].inputs()
    assert isinstance(module, type(plain))
    torch.testing.assert_close(first(module(*inputs)), first(plain(*inputs)), **SAME)
    with torch.no_grad():  # where attention takes its fused path
        torch.testing.assert_close(first(module(*inputs)), first(plain(*inputs)), **SAME)
    _assert_same_weights(module, expected)
    assert not any(weight.requires_grad for weight in _weights(module).values())


@BOTH
@EVERY
def test_state_dict_round_trip(name: str, weights: str) -> None:
    module, plain, expected = _packed(name, weights)
    other = copy.deepcopy(plain)
    with torch.no_grad():
        for key in expected:
            other.get_parameter(key).neg_()
    pack_model_(other, STRUCTURES.get(name, "int8"), weights)
    state = module.state_dict()
    assert not any(key.endswith("_dense") or key in expected for key in state)
    other.load_state_dict(state, strict=True)
    _assert_same_weights(other, expected)
    inputs = CASES[name].inputs()
    torch.testing.assert_close(first(other.eval()(*inputs)), first(module(*inputs)), **SAME)


def test_state_dict_of_another_shape_is_refused() -> None:
    module, other = nn.Linear(8, 6), nn.Linear(16, 6)
    pack_model_(module)
    pack_model_(other)
    with pytest.raises(RuntimeError, match=r"size mismatch for weight_packed"):
        other.load_state_dict(module.state_dict())


def test_state_dict_of_other_part_types_is_refused() -> None:
    module = nn.Linear(4, 4)
    pack_model_(module)
    state = module.state_dict()
    state["weight_packed.scale"] = state["weight_packed.scale"].double()
    with pytest.raises(RuntimeError, match=r"weight_packed\.scale: given torch\.float64, held as torch\.float16"):
        module.load_state_dict(state)


@BOTH
@EVERY
def test_copies_and_pickles(name: str, weights: str) -> None:
    module, _, expected = _packed(name, weights)
    inputs = CASES[name].inputs()
    copied, pickled = copy.deepcopy(module), pickle.loads(pickle.dumps(module))
    for other in (copied, pickled):
        assert type(other) is type(module)
        _assert_same_weights(other, expected)
        torch.testing.assert_close(first(other(*inputs)), first(module(*inputs)), **SAME)
        mine, theirs = ({t.data_ptr() for t in m.state_dict().values()} for m in (module, other))
        assert not mine & theirs


def test_pickle_holds_no_dense_weight() -> None:
    module = nn.Linear(256, 256, bias=False)
    pack_model_(module, "int2")
    file = io.BytesIO()
    torch.save(module, file)
    assert file.tell() < module.weight.numel()


@BOTH
@EVERY
def test_conversions_decode_again(name: str, weights: str) -> None:
    module, _, expected = _packed(name, weights)
    parts = {key: value.clone() for key, value in module.state_dict().items() if "_packed" in key}
    module.half()
    for key, value in _weights(module).items():
        assert value.dtype == torch.float16
        # Rounded once from the parts, as `expected` was.
        assert torch.equal(value, expected[key].half()), key
    module.to(torch.bfloat16).float()
    _assert_same_weights(module, expected)
    for key, value in parts.items():
        assert module.state_dict()[key].dtype == value.dtype
        assert torch.equal(module.state_dict()[key], value)
    inputs = CASES[name].inputs()
    assert torch.isfinite(first(module.double()(*(x.double() if x.is_floating_point() else x for x in inputs)))).all()


@EVERY
def test_unswap_gives_the_plain_layer_back(name: str) -> None:
    module, plain, _ = _packed(name)
    unswap_(module)
    assert type(module) is type(plain)
    assert repr(module) == repr(plain)
    assert list(module.state_dict()) == list(plain.state_dict())
    assert all(torch.equal(value, plain.state_dict()[key]) for key, value in module.state_dict().items())
    assert [p.requires_grad for p in module.parameters()] == [p.requires_grad for p in plain.parameters()]
    inputs = CASES[name].inputs()
    torch.testing.assert_close(first(module(*inputs)), first(plain(*inputs)), **SAME)
    first(module(*inputs)).sum().backward()


@EVERY
def test_weights_are_read_only(name: str) -> None:
    module, _, expected = _packed(name)
    path, _, attribute = next(iter(expected)).rpartition(".")
    layer = module.get_submodule(path)
    for value in (nn.Parameter(expected[next(iter(expected))]), torch.zeros(1), None):
        with pytest.raises(ReadOnlyError, match=rf"'{attribute}' of packed layer \w+ is read-only: call gs\.to_dense"):
            setattr(layer, attribute, value)
    _assert_same_weights(module, expected)
    layer.some_flag = 3
    assert layer.some_flag == 3
    assert not hasattr(layer, "no_such_attribute")


def test_reset_parameters_is_refused() -> None:
    for name in ("linear", "lstm", "attention"):
        module, _, _ = _packed(name)
        with pytest.raises(ReadOnlyError):
            (module._reset_parameters if name == "attention" else module.reset_parameters)()


@pytest.mark.parametrize("original", PACKED)
def test_packed_classes_are_not_made_by_hand(original: type[nn.Module]) -> None:
    with pytest.raises(TypeError, match="not by hand"):
        PACKED[original](3, 3)


def test_weights_can_be_switched() -> None:
    module, _, expected = _packed("conv2d")
    set_weights_(module, "packed")
    assert module.weight_packed.weights == "packed"
    assert module.weight is not module.weight
    _assert_same_weights(module, expected)
    set_weights_(module, "dense")
    assert module.weight is module.weight
    _assert_same_weights(module, expected)
    with pytest.raises(RecipeError, match="'dense'"):
        set_weights_(module, "sparse")


def test_memory_layout_survives() -> None:
    module = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    pack_model_(module)
    assert module.weight.is_contiguous(memory_format=torch.channels_last)
    assert copy.deepcopy(module).weight.is_contiguous(memory_format=torch.channels_last)
    other = nn.Conv2d(3, 4, 3)
    pack_model_(other)
    other.to(memory_format=torch.channels_last)
    assert other.weight.is_contiguous(memory_format=torch.channels_last)


def test_meta_and_back_by_assignment() -> None:
    module, _, expected = _packed("linear")
    state = module.state_dict()
    module.to("meta")
    assert module.weight.is_meta
    module.load_state_dict(state, assign=True)
    _assert_same_weights(module, expected)


def test_input_gradients_flow_and_biases_train() -> None:
    module, plain, _ = _packed("linear")
    x, y = torch.randn(3, 8, requires_grad=True), torch.randn(3, 8)
    y = x.detach().clone().requires_grad_()
    module(x).square().sum().backward()
    plain(y).square().sum().backward()
    assert torch.equal(x.grad, y.grad)
    assert torch.equal(module.bias.grad, plain.bias.grad)
    assert [name for name, _ in module.named_parameters()] == ["bias"]


class Doubled(nn.Linear):
    """A harmless subclass: it adds, and overrides nothing."""

    def doubled(self, x: Tensor) -> Tensor:
        return 2 * self(x)


def test_subclass_keeps_its_class_and_methods() -> None:
    module = Doubled(8, 6)
    pack_model_(module)
    x = torch.randn(2, 8)
    for each in (module, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert isinstance(each, Doubled)
        assert isinstance(each, Packed)
        assert torch.equal(each.doubled(x), 2 * each(x))
    assert type(copy.deepcopy(module)) is type(module)
    unswap_(module)
    assert type(module) is Doubled


class _Rows(Dataset):
    """Data that carry a packed model into worker processes."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Tensor:
        with torch.no_grad():
            return self.module(torch.full((8,), float(index)))


def test_pickles_to_a_dataloader_worker() -> None:
    module, _, _ = _packed("linear")
    (found,) = DataLoader(_Rows(module), batch_size=2, num_workers=1, multiprocessing_context="spawn")
    with torch.no_grad():
        expected = module(torch.stack([torch.zeros(8), torch.ones(8)]))
    torch.testing.assert_close(found, expected)


def test_shared_memory_and_repr() -> None:
    module, _, expected = _packed("linear")
    module.share_memory()
    assert module.weight.is_shared()
    assert all(part.is_shared() for part in module.weight_packed.parts().values())
    _assert_same_weights(module, expected)
    assert "2:4 & int4/g8" in repr(module)
    assert any(isinstance(child, PackedParameter) for child in module.children())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_dtypes_and_strides(dtype: torch.dtype) -> None:
    module = nn.Linear(4, 6, bias=False, dtype=dtype)
    module.weight = nn.Parameter(torch.randn(4, 6).to(dtype).T)
    expected = pack_model_(module, "2:4")
    _assert_same_weights(module, expected)
    assert module.weight.dtype == dtype
    assert module.weight.stride() == (1, 6)
    x = torch.randn(3, 4).to(dtype)
    torch.testing.assert_close(module(x), x @ expected["weight"].T)
