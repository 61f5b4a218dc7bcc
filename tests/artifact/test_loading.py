"""Loading changes the model in place: all of it, or nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from artifact_models import STRUCTURES, Mixed, bits_of, packed_mixed, packed_weights
from torch import nn

from gossamer.artifact import dense_bytes, load, loading as loading_module, save, to_dense
from gossamer.errors import ArtifactError, ModelError, RecipeError
from gossamer.model import swap_
from gossamer.nn import Packed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save(packed_mixed(), tmp_path / "model")
    return tmp_path / "model"


def snapshot(model: nn.Module) -> list[Any]:
    """Everything of a model that loading could change: values, objects, classes, attributes, order."""
    found: list[Any] = [bits_of(model)]
    for module in model.modules():
        tables = [
            (name, id(value))
            for table in ("_parameters", "_buffers", "_modules")
            for name, value in module.__dict__[table].items()
        ]
        attributes = {name: id(value) for name, value in module.__dict__.items()}
        found.append((id(module), module.__class__, tables, attributes))
    found.append([(id(p), p.data_ptr(), p.dtype, p.requires_grad, p.stride(), id(p.grad)) for p in model.parameters()])
    return found


def test_everything_of_the_users_stays(path: Path) -> None:
    into = Mixed()
    calls = []
    layer, norm = into.runs, into.norm.weight
    layer.register_forward_hook(lambda *_: calls.append(1))
    layer.weight.requires_grad_(False)
    into.norm.bias.requires_grad_(False)
    optimizer = torch.optim.SGD([norm], 0.1)
    view = into.norm.running_var[:2]
    into.eval().rows.train()
    random = torch.get_rng_state()
    load(path, into=into)
    assert torch.equal(torch.get_rng_state(), random)
    assert into.runs is layer
    assert isinstance(layer, nn.Linear)
    assert isinstance(layer, Packed)
    assert into.norm.weight is norm is optimizer.param_groups[0]["params"][0]
    assert torch.equal(view, packed_mixed().norm.running_var[:2])  # written into the buffer's own memory
    assert [p.requires_grad for p in (into.norm.weight, into.norm.bias)] == [True, False]
    assert (layer.weight_packed.trainable, into.rows.weight_packed.trainable) == (False, True)
    assert (into.training, into.rows.training) == (False, True)
    layer(torch.zeros(1, 16))
    assert calls == [1]
    assert not [p for p in to_dense(into).runs.parameters() if p.requires_grad and p.ndim == 2]


@pytest.mark.parametrize("weights", ["dense", "packed"])
def test_into_a_model_that_is_packed_already(path: Path, weights: str) -> None:
    into = load(path, into=Mixed(), weights="packed")
    assert bits_of(load(path, into=into, weights=weights)) == bits_of(packed_mixed())
    other = Mixed()
    swap_(other, packed_weights(other, {"runs.weight": "int8", "conv.weight": "codebook16"}))
    assert bits_of(load(path, into=other, weights=weights)) == bits_of(packed_mixed())


def test_a_plain_file_into_a_packed_model(tmp_path: Path) -> None:
    save(to_dense(packed_mixed()), tmp_path / "plain")
    into = packed_mixed(seed=1)
    load(tmp_path / "plain", into=into)
    assert bits_of(into) == bits_of(packed_mixed())
    assert not any(isinstance(module, Packed) for module in into.modules())
    assert into.head.weight is into.embedding.weight


def test_the_dtype_is_the_files(path: Path) -> None:
    into = Mixed().double()
    parameter = into.norm.weight
    load(path, into=into)
    assert bits_of(into) == bits_of(packed_mixed())
    assert into.norm.weight is parameter
    half = packed_mixed().half()
    save(half, path)
    assert bits_of(load(path, into=Mixed(), weights="packed")) == bits_of(half)


def test_tied_plain_tensors_of_another_dtype_stay_tied(tmp_path: Path) -> None:
    model = Mixed()
    save(model, tmp_path / "plain")
    into = Mixed().double()
    into.head.weight = nn.Parameter(into.embedding.weight.detach())  # another object over the same memory
    load(tmp_path / "plain", into=into)
    assert bits_of(into) == bits_of(model)
    assert into.head.weight.data_ptr() == into.embedding.weight.data_ptr()


def test_strides_of_the_model_stay(path: Path) -> None:
    into = Mixed()
    into.rows.bias = nn.Parameter(torch.zeros(16)[::2])
    into.norm.running_mean = torch.zeros(1).expand(8)  # one number seen eight times cannot take eight
    load(path, into=into)
    assert into.rows.bias.stride() == (2,)
    assert bits_of(into) == bits_of(packed_mixed())


def test_wrappers_are_seen_through(path: Path) -> None:
    inner = Mixed()
    into = nn.DataParallel(inner)
    assert load(path, into=into) is into
    assert bits_of(inner) == bits_of(packed_mixed())
    compiled = torch.compile(Mixed(), backend="eager")
    assert load(path, into=compiled) is compiled
    plain = to_dense(compiled)
    assert type(plain) is Mixed
    assert bits_of(plain) == bits_of(packed_mixed())


def test_recurrent_and_attention_layers(tmp_path: Path) -> None:
    def make() -> nn.Module:
        return nn.ModuleList([nn.LSTM(4, 4, bidirectional=True), nn.GRU(4, 4), nn.MultiheadAttention(4, 2)])

    model = make()
    names = {
        "0.weight_ih_l0": "int4",
        "1.weight_hh_l0": "2:4",
        "2.in_proj_weight": "int8 + rank1",
        "2.out_proj.weight": "int2",
    }
    swap_(model, packed_weights(model, names))
    save(model, tmp_path / "model")
    into = load(tmp_path / "model", into=make())
    assert bits_of(into) == bits_of(model)
    x = torch.randn(3, 2, 4)
    for ours, theirs in zip(into, model, strict=True):
        inputs = (x, x, x) if isinstance(ours, nn.MultiheadAttention) else (x,)
        assert torch.equal(ours(*inputs)[0], theirs(*inputs)[0])


def test_a_name_in_another_order_of_ties(path: Path) -> None:
    class Reordered(Mixed):
        def __init__(self) -> None:
            super().__init__()
            self._modules = dict(reversed(self._modules.items()))

    assert bits_of(load(path, into=Reordered())) == bits_of(packed_mixed())


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "meta": (lambda: Mixed().to("meta"), ModelError, "into is on the meta device .* build it on the CPU"),
    "no module": (lambda: {"a": torch.zeros(1)}, ModelError, "a torch.nn.Module is needed"),
    "lazy": (lambda: nn.LazyLinear(3), ModelError, "is not initialized yet"),
    "a layer that cannot be packed": (
        lambda: _with(Mixed(), "embedding", nn.Embedding(12, 8, max_norm=1.0)),
        ArtifactError,
        "'embedding.weight': packed in the file, and cannot be packed in the model: max_norm",
    ),
    "made in inference mode": (
        lambda: _in_inference_mode(),
        ModelError,
        "norm.weight was made in inference mode.* build the model outside of it",
    ),
}


def _with(model: Mixed, name: str, layer: nn.Module) -> nn.Module:
    setattr(model, name, layer)
    model.head.weight = layer.weight
    return model


def _in_inference_mode() -> nn.Module:
    with torch.inference_mode():
        return Mixed()


@pytest.mark.parametrize("case", REFUSED)
def test_models_that_cannot_be_loaded_into(case: str, path: Path) -> None:
    make, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        load(path, into=make())


def test_weights_is_checked_before_anything(path: Path) -> None:
    with pytest.raises(RecipeError, match="weights must be one of 'dense', 'packed', given 'lazy'"):
        load(path.parent / "missing", into=Mixed(), weights="lazy")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, MemoryError])
@pytest.mark.parametrize(
    "start", [Mixed, lambda: packed_mixed(seed=1), lambda: Mixed().double()], ids=["plain", "packed", "double"]
)
def test_whatever_breaks_while_the_model_changes_is_undone(
    start: Callable[[], nn.Module], error: type[BaseException], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = start()
    before = snapshot(into)
    seen = set()
    for step in range(200):
        steps = iter(range(200))

        def broken(real: Callable[..., Any], steps: Any = steps, step: int = step) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                late = real.__name__ == "swap_"  # once before it and once after
                if not late and next(steps) == step:
                    raise error("now")
                result = real(*args, **kwargs)
                if late and next(steps) == step:
                    raise error("now")
                return result

            return call

        with monkeypatch.context() as patch:
            for name in ("_write_", "_retype_", "swap_", "inventory", "unswap_"):
                patch.setattr(loading_module, name, broken(getattr(loading_module, name)))
            try:
                load(path, into=into)
            except error:
                seen.add(step)
                assert snapshot(into) == before
            else:
                break
    assert len(seen) >= 25
    assert bits_of(into) == bits_of(packed_mixed())


def test_to_dense_leaves_the_packed_model_alone(path: Path) -> None:
    model = load(path, into=Mixed(), weights="packed")
    before = snapshot(copy.deepcopy(model))[0], [type(module) for module in model.modules()]
    plain = to_dense(model)
    with torch.no_grad():
        plain.runs.weight.zero_()
        plain.norm.weight.zero_()
    assert (snapshot(model)[0], [type(module) for module in model.modules()]) == before
    assert dense_bytes(plain) == dense_bytes(model)
    assert set(STRUCTURES) <= {name for name, _ in plain.named_parameters()}
