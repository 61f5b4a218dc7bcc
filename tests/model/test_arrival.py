"""Models that arrive wrapped, reparametrized, or in a form that is refused."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm

from gossamer.errors import ModelError
from gossamer.formats import pack
from gossamer.model import copied, inventory, plain_, swap_, unwrap
from gossamer.nn import Packed
from gossamer.terms import fit

# A norm that is folded in is one more rounding.
FOLDED = {"rtol": 1e-5, "atol": 1e-6}


def _net() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4))


X = torch.linspace(-1, 1, 18).reshape(3, 6)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: torch.compile(model, backend="eager"),
        nn.DataParallel,
        lambda model: torch.compile(nn.DataParallel(model), backend="eager"),
        lambda model: torch.fx.symbolic_trace(model),
        lambda model: model,
    ],
    ids=["compile", "DataParallel", "both", "fx", "plain"],
)
def test_wrappers_come_off(wrap: Callable[[nn.Module], nn.Module]) -> None:
    model = _net()
    inner, notes = unwrap(wrap(model))
    assert [site.name for site in inventory(inner)] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert inner.get_parameter("0.weight") is model[0].weight
    assert all(note.startswith("unwrapped ") for note in notes)


def test_distributed_wrapper_comes_off(tmp_path) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        model = _net()
        inner, notes = unwrap(nn.parallel.DistributedDataParallel(model))
    finally:
        torch.distributed.destroy_process_group()
    assert inner is model
    assert notes == ["unwrapped DistributedDataParallel"]


def _masked(model: nn.Module) -> nn.Module:
    prune.l1_unstructured(model[0], "weight", 0.5)
    prune.random_unstructured(model[0], "weight", 0.5)
    prune.l1_unstructured(model[0], "bias", 0.5)
    return model


def _old_weight_norm(model: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        nn.utils.weight_norm(model[0])
    return model


def _new_weight_norm(model: nn.Module) -> nn.Module:
    parametrizations.weight_norm(model[0])
    return model


def _old_spectral_norm(model: nn.Module) -> nn.Module:
    spectral_norm(model[0])
    return model


def _new_spectral_norm(model: nn.Module) -> nn.Module:
    parametrizations.spectral_norm(model[0])
    return model


class Symmetric(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.triu() + x.triu(1).transpose(0, 1)[: x.shape[0], : x.shape[1]].new_zeros(x.shape)


def _own_parametrization(model: nn.Module) -> nn.Module:
    parametrize.register_parametrization(model[0], "weight", Symmetric())
    return model


def _compiled_child(model: nn.Module) -> nn.Module:
    model[0] = torch.compile(model[0], backend="eager")
    return model


REPARAMETRIZED = [
    _masked,
    _old_weight_norm,
    _new_weight_norm,
    _old_spectral_norm,
    _new_spectral_norm,
    _own_parametrization,
    _compiled_child,
]


@pytest.mark.parametrize("change", REPARAMETRIZED, ids=lambda change: change.__name__.strip("_"))
def test_reparametrized_layers_become_plain_on_the_copy(change: Callable[[nn.Module], nn.Module]) -> None:
    model = change(_net())
    model.train()
    model(X).sum().backward()  # leaves computed weights with a gradient history, which deepcopy refuses
    keys = list(model.state_dict())
    inner, _ = unwrap(model)
    plain = copied(inner)
    notes = plain_(plain)
    assert len(notes) == (2 if change is _masked else 1)
    assert "'0'" in notes[0] or "0:" in notes[0]
    names = {site.name: site for site in inventory(plain)}
    assert set(names) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert all(names[f"{i}.weight"].view is not None for i in (0, 2))
    assert type(plain[0]) is nn.Linear
    assert not plain[0]._forward_pre_hooks
    torch.testing.assert_close(plain.eval()(X), model.eval()(X), **FOLDED)
    assert list(model.state_dict()) == keys
    if change is _masked:
        assert (plain[0].weight == 0).sum() == (model[0].weight == 0).sum() > 24


def test_the_users_model_is_not_touched_by_copying() -> None:
    model = _old_weight_norm(_net())
    model(X)
    weight = model[0].weight
    other = copied(model)
    assert model[0].weight is weight
    assert other[0].weight is not weight
    other(X).sum().backward()
    assert model[0].weight_g.grad is None


def test_packed_models_arrive_again() -> None:
    model = _net()
    matrix = model[0].weight.detach()[None]
    swap_(model, {"0.weight": pack(fit("2:4" if matrix.shape[-1] % 4 == 0 else "2:3", matrix).project(matrix))})
    expected = model(X)
    inner, notes = unwrap(model)
    assert notes == []
    plain = copied(inner)
    (note,) = plain_(plain)
    assert "made dense" in note
    assert type(plain[0]) is nn.Linear
    assert isinstance(model[0], Packed)
    assert torch.equal(plain(X), expected)


class _Adapter(nn.Linear):
    pass


_Adapter.__module__ = "bitsandbytes.nn.modules"


class _Wrapped(Tensor):
    pass


def _peft() -> nn.Module:
    from peft import LoraConfig, get_peft_model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return get_peft_model(_net(), LoraConfig(target_modules=["0"], r=2))


def _peft_inside() -> nn.Module:
    from peft import LoraConfig, inject_adapter_in_model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return inject_adapter_in_model(LoraConfig(target_modules=["0"], r=2), _net())


def _dynamic() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(_net(), {nn.Linear})


def _script() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(_net())


def _subclass() -> nn.Module:
    model = _net()
    model[2].weight = nn.Parameter(torch.randn(4, 8).as_subclass(_Wrapped))
    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_peft, r"the model \(PeftModel\) holds adapters; call model\.merge_and_unload"),
        (_peft_inside, r"'0' \(Linear\) holds adapters"),
        (_dynamic, r"'0' \(Linear\) is already quantized"),
        (lambda: nn.Sequential(_Adapter(2, 2)), r"'0' \(_Adapter\) is already quantized"),
        (lambda: nn.Sequential(nn.Linear(2, 2), nn.LazyLinear(3)), r"1\.weight is not initialized yet"),
        (lambda: nn.Linear(2, 2, device="meta"), r"weight is on the meta device"),
        (_script, r"the model .* is TorchScript"),
        (_subclass, r"2\.weight is a _Wrapped, a tensor subclass"),
        (lambda: {"weight": torch.zeros(2)}, r"a torch\.nn\.Module is needed, given builtins\.dict"),
    ],
)
def test_refused(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        unwrap(make())


def test_all_offenders_at_once() -> None:
    model = nn.Sequential(nn.Linear(2, 2, device="meta"), nn.LazyLinear(3), _Adapter(2, 2))
    with pytest.raises(ModelError) as caught:
        unwrap(model)
    assert str(caught.value).count("\n  - ") == 5
    before = copy.deepcopy(_net())
    assert unwrap(before)[0] is before


def test_what_cannot_be_copied_is_named() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    model[0].stream = (i for i in range(3))
    with pytest.raises(ModelError, match=r"its attribute '0\.stream' cannot be(.|\n)*take that off the model"):
        copied(model)
