"""Every tensor of a model, each once."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ..nn import PackedParameter, WeightView, packed_parameters
from ..status import Status
from .views import views

__all__ = ["Owner", "TensorSite", "inventory"]


@dataclass(frozen=True, eq=False)
class Owner:
    """A layer that holds the tensor.

    Args:
        name: the layer's name in the model; "" is the model itself.
        module: the layer.
        attribute: the tensor's name in the layer.
        path: the modules from the model down to the layer, both included.
    """

    name: str
    module: nn.Module
    attribute: str
    path: tuple[nn.Module, ...]


@dataclass(frozen=True, eq=False)
class TensorSite:
    """One tensor of a model, and every place where it is used.

    Args:
        name: its first name in the `state_dict` (of a packed weight: that of the parameter it replaces).
        tensor: the parameter or buffer itself; of a packed weight the dense tensor, read-only.
        aliases: its other names: tied weights, and modules that are used twice.
        owners: each layer that holds it, once.
        view: how it is a matrix, or None.
        status: what becomes of a tensor without a view: kept, or skipped with a reason. None with a view.
    """

    name: str
    tensor: Tensor
    aliases: tuple[str, ...]
    owners: tuple[Owner, ...]
    view: WeightView | None
    status: Status | None

    @property
    def names(self) -> tuple[str, ...]:
        """Name and aliases."""
        return (self.name, *self.aliases)

    @property
    def reason(self) -> str:
        """Why there is no view, or nothing."""
        return "" if self.status is None else self.status.reason


def inventory(model: nn.Module) -> list[TensorSite]:
    """Every parameter and persistent buffer of a model, in the order of its `state_dict`, each once.

    Tensors are one and the same when they are one object, or the same stretch of memory read the same way.

    >>> tied = nn.Sequential(nn.Embedding(4, 3), nn.Linear(3, 4, bias=False))
    >>> tied[1].weight = tied[0].weight
    >>> [(site.name, site.aliases) for site in inventory(tied)]
    [('0.weight', ('1.weight',))]
    """
    sites: dict[Hashable, TensorSite] = {}
    for found in _walk(model):
        key = _identity(found)
        sites[key] = found if key not in sites else _joined(sites[key], found)
    overlaps = _overlaps(list(sites.values()))
    return [_apart(site, overlaps.get(site.name)) for site in sites.values()]


def _walk(model: nn.Module) -> Iterator[TensorSite]:
    for name, path in _modules(model, "", ()):
        module = path[-1]
        if isinstance(module, PackedParameter):
            continue
        tensors = {key: packed.dense() for key, packed in packed_parameters(module)}
        outcomes = views(module)
        transient = module._non_persistent_buffers_set
        buffers = {key: value for key, value in module._buffers.items() if key not in transient}
        for key, value in {**module._parameters, **tensors, **buffers}.items():
            if value is None:
                continue
            outcome = outcomes.get(key, Status.kept("a buffer"))
            view, status = (outcome, None) if isinstance(outcome, WeightView) else (None, outcome)
            full = f"{name}.{key}" if name else key
            yield TensorSite(full, value, (), (Owner(name, module, key, path),), view, status)


def _modules(module: nn.Module, name: str, above: tuple[nn.Module, ...]) -> Iterator[tuple[str, tuple[nn.Module, ...]]]:
    """Every module under every name, with its path, in the order in which `state_dict` visits them."""
    path = (*above, module)
    yield name, path
    for key, child in module._modules.items():
        if child is not None:
            yield from _modules(child, f"{name}.{key}" if name else key, path)


def _identity(site: TensorSite) -> Hashable:
    owner = site.owners[0]
    packed = dict(packed_parameters(owner.module)).get(owner.attribute)
    if packed is not None:
        return id(packed)
    tensor = site.tensor
    if _memory(tensor) is None:
        return id(tensor)
    return tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype


def _joined(site: TensorSite, other: TensorSite) -> TensorSite:
    """The site with another name, and with the other's layer if that is a new one."""
    new = [
        o
        for o in other.owners
        if all(o.module is not had.module or o.attribute != had.attribute for had in site.owners)
    ]
    joined = replace(site, aliases=(*site.aliases, other.name), owners=(*site.owners, *new))
    if site.view is None or not new:
        return joined
    if other.view is None:
        reason = f"it is tied to {other.name!r}, of which: {other.reason}"
    elif not site.view.same_matrix(other.view):
        reason = f"it is tied to {other.name!r}, which reads it as another matrix; untie the two"
    else:
        # Of a tied embedding and head only the head says what multiplies the weight.
        view = other.view if site.view.kind == "embedding" else site.view
        return replace(joined, view=view)
    return replace(joined, view=None, status=Status.skipped(reason))


def _overlaps(sites: list[TensorSite]) -> dict[str, str]:
    """For each tensor whose memory is partly another's (a tie through .T or a slice): one such other, by name."""
    spans = sorted((memory, site.name) for site in sites if (memory := _memory(site.tensor)) is not None)
    found: dict[str, str] = {}
    last, furthest = ("", 0, 0), ""
    for memory, name in spans:
        if memory[0] == last[0] and memory[1] < last[2]:
            found[name] = furthest
            found.setdefault(furthest, name)
        if memory[0] != last[0] or memory[2] > last[2]:
            last, furthest = memory, name
    return found


def _apart(site: TensorSite, other: str | None) -> TensorSite:
    if other is None or site.view is None:
        return site
    reason = f"its memory overlaps that of {other!r} (a transpose or a slice of it?); give it its own with .clone()"
    return replace(site, view=None, status=Status.skipped(reason))


def _memory(tensor: Tensor) -> tuple[str, int, int] | None:
    """(device, first byte, byte after the last) of a plain strided tensor that has elements and data."""
    plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout == torch.strided and not tensor.is_meta
    if not plain or not tensor.numel():
        return None
    start = tensor.data_ptr()
    extent = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)) + 1
    return str(tensor.device), start, start + extent * tensor.element_size()
