"""From a file into a model: decode and compare everything first, then change the model, or put it back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar, get_args

import torch
from torch import Tensor, nn

from ..errors import ArtifactError, GossamerError, ModelError, RecipeError, listed
from ..formats import PackedWeight
from ..model import TensorSite, inventory, swap_, unswap_, unwrap
from ..nn import Packed, Weights
from .reading import Stored
from .shards import read_all

__all__ = ["load"]

Model = TypeVar("Model", bound=nn.Module)


def load(path: str | os.PathLike[str], *, into: Model, weights: Weights = "dense") -> Model:
    """Read a file that `save` wrote into a model of the same shape, in place.

    Layers of packed weights become packed layers (of their old classes still). Parameters and buffers that the file
    holds plainly are copied into the model's own; all keep their device, their ties and `requires_grad`, and take
    the file's dtype. A model that holds packed weights already is made plain first.

    Args:
        path: the file, or the index of its shards, `model.safetensors.index.json`.
        into: a model with data in it, whatever; its names, shapes, ties and matrix views must be the file's.
        weights: "dense" holds the decoded weights as well (fast); "packed" decodes at each use (less memory).
    Returns: `into`.
    Raises: ArtifactError when the file is damaged, hostile, of another version or for another model (all offenders at
        once); ModelError when `into` cannot be loaded into. `into` is then as it was, on Ctrl-C too.
    """
    if weights not in get_args(Weights):
        raise RecipeError(f"weights must be one of {', '.join(map(repr, get_args(Weights)))}, given {weights!r}")
    model = _arrived(into)
    try:
        artifact = read_all(path)
        pairs = _matched(artifact.stored, inventory(model))
        # Only now are the shapes known to be the model's, which bounds what decoding takes.
        packed = {site.name: item.unpack() for item, site in pairs if item.row.spec is not None}
    except ArtifactError as error:
        raise ArtifactError(f"{Path(path).name}: {error}") from None
    plain = {site.name: item.tensor for item, site in pairs if item.row.spec is None}
    _exchange_(model, packed, plain, weights)
    return into


def _arrived(into: nn.Module) -> nn.Module:
    """The model itself, without wrappers. Raises: ModelError."""
    if isinstance(into, nn.Module) and any(tensor.is_meta for tensor in (*into.parameters(), *into.buffers())):
        raise ModelError(
            "into is on the meta device and holds no data; build it on the CPU (without torch.device('meta')), or call "
            "into.to_empty(device='cpu') if it has no buffers outside its state_dict"
        )
    return unwrap(into)[0]


def _matched(stored: Sequence[Stored], sites: Sequence[TensorSite]) -> list[tuple[Stored, TensorSite]]:
    """Each tensor of the file with the model's. Raises: ArtifactError that lists all offenders."""
    by_name = {name: site for site in sites for name in site.names}
    pairs, wrong = [], []
    for item in stored:
        found = {id(by_name[name]): by_name[name] for name in item.names if name in by_name}
        problem = _tie_problem(item, list(found.values()))
        if problem:
            wrong.append(problem)
        elif not found:
            wrong.append(f"{item.name!r}: unexpected, the model has no such tensor")
        else:
            pairs.append((item, next(iter(found.values()))))
    in_file = {name for item in stored for name in item.names}
    wrong += [f"{site.name!r}: missing in the file" for site in sites if not in_file & set(site.names)]
    wrong += [f"{item.name!r}: {problem}" for item, site in pairs if (problem := _problem(item, site))]
    if wrong:
        raise ArtifactError(listed(wrong, "made for another model than `into`:"))
    return pairs


def _tie_problem(item: Stored, found: Sequence[TensorSite]) -> str:
    if len(found) > 1:
        names = " and ".join(repr(site.name) for site in found)
        return f"{names}: one tensor in the file and {len(found)} in the model; tie them"
    if found and set(found[0].names) != set(item.names):
        theirs, ours = (", ".join(map(repr, names)) for names in (item.names, found[0].names))
        return f"{item.name!r}: goes by {theirs} in the file, and by {ours} in the model; their ties must be alike"
    return ""


def _problem(item: Stored, site: TensorSite) -> str:
    tensor, view = site.tensor, item.row.view
    if tuple(tensor.shape) != item.shape:
        return f"shape {list(item.shape)} in the file, {list(tensor.shape)} in the model"
    if _kind(tensor.dtype) != _kind(item.dtype):
        given, had = (str(dtype).removeprefix("torch.") for dtype in (item.dtype, tensor.dtype))
        return f"{given} in the file, {had} in the model, which is another kind of number"
    if tensor.layout != torch.strided:
        return f"cannot be written to in the model, where it is {tensor.layout}; make it plain with .to_dense()"
    if view is not None and site.view is None:
        return f"packed in the file, and cannot be packed in the model: {site.reason}"
    if view is not None and site.view is not None and not view.same_matrix(site.view):
        return f"read as a matrix by {view} in the file, and by {site.view} in the model"
    return ""


def _kind(dtype: torch.dtype) -> tuple[bool, bool, bool]:
    return dtype.is_floating_point, dtype.is_complex, dtype == torch.bool


@torch.no_grad()
def _exchange_(
    model: nn.Module, packed: Mapping[str, PackedWeight], plain: Mapping[str, Tensor], weights: Weights
) -> None:
    """Change the model, all of it or nothing."""
    with _undone_on_error() as undo:
        for module in model.modules():
            _keep_module(module, undo)
        if any(isinstance(module, Packed) for module in model.modules()):
            unswap_(model)
        sites = inventory(model)
        for site in sites:
            if site.name in plain:
                _write_(site, plain[site.name], undo)
            else:
                # A packed parameter takes the dtype of the one that it stands for.
                _retype_(site, packed[site.name].spec.dtype, undo)
        try:
            swap_(model, packed, weights=weights)
        except GossamerError as error:
            raise ArtifactError(f"the model takes no such weights: {error}") from error


def _write_(site: TensorSite, values: Tensor, undo: ExitStack) -> None:
    """Copy values into the tensor, so that whoever else holds it or a view of it sees them."""
    _retype_(site, values.dtype, undo)
    before = site.tensor.detach().clone()
    undo.callback(site.tensor.detach().copy_, before)
    site.tensor.detach().copy_(values)


def _retype_(site: TensorSite, dtype: torch.dtype, undo: ExitStack) -> None:
    """Give the tensor new memory of another dtype; objects that share its memory get the same."""
    tensor = site.tensor
    expanded = any(stride == 0 and side > 1 for stride, side in zip(tensor.stride(), tensor.shape, strict=True))
    if tensor.dtype == dtype and not expanded:
        return
    like = tensor.detach().to(dtype).clone(memory_format=torch.contiguous_format if expanded else torch.preserve_format)
    for owner in site.owners:
        held = getattr(owner.module, owner.attribute)
        undo.callback(setattr, held, "data", held.data)
        held.data = like


def _keep_module(module: nn.Module, undo: ExitStack) -> None:
    cls, attributes = module.__class__, dict(module.__dict__)
    tables = {name: dict(attributes[name]) for name in ("_parameters", "_buffers", "_modules")}

    def restore() -> None:
        module.__class__ = cls
        module.__dict__.clear()
        module.__dict__.update(attributes)
        for name, saved in tables.items():
            table = module.__dict__[name]
            table.clear()
            table.update(saved)

    undo.callback(restore)


@contextmanager
def _undone_on_error() -> Iterator[ExitStack]:
    """A stack of what puts things back, last first, on any exception; forgotten when there is none."""
    with ExitStack() as undo:
        yield undo
        undo.pop_all()
