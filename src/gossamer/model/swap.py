"""The only place where a model's layers are exchanged."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from ..errors import ModelError, listed
from ..formats import PackedWeight
from ..nn import PackedParameter, Weights, pack_, unpack_
from .inventory import TensorSite, inventory

__all__ = ["swap_", "unswap_"]


def swap_(model: nn.Module, packed: Mapping[str, PackedWeight], *, weights: Weights = "dense") -> None:
    """Put packed weights in the place of parameters. Layers keep their identity, hooks, flags and other members.

    Tied layers share one PackedParameter. Everything is checked and decoded before the first layer is touched.

    Args:
        packed: by the parameter's name or one of its aliases; each weight of its view's matrix shape.
        weights: "dense" holds the decoded weight too; "packed" decodes at each use.
    Raises: ModelError that lists every name which cannot be had and every shape that does not match.
    """
    sites = {name: site for site in inventory(model) for name in site.names}
    made: list[tuple[TensorSite, PackedParameter]] = []
    wrong: list[str] = []
    seen: dict[int, str] = {}
    for name, weight in packed.items():
        site = sites.get(name)
        if site is None:
            wrong.append(f"{name!r}: the model has no such tensor")
        elif site.view is None:
            wrong.append(f"{name!r}: {site.reason}")
        elif id(site) in seen:
            wrong.append(f"{name!r}: is the same tensor as {seen[id(site)]!r}; give it once")
        else:
            seen[id(site)] = name
            try:
                made.append((site, PackedParameter(weight, site.view, site.tensor, weights)))
            except ModelError as error:
                wrong.append(f"{name!r}: {error}")
    if wrong:
        raise ModelError(listed(wrong, "packed weights that the model cannot take:"))
    for site, parameter in made:
        for owner in site.owners:
            pack_(owner.module, owner.attribute, parameter)


def unswap_(model: nn.Module) -> None:
    """Give every packed layer its original class back, with plain parameters; what was tied stays tied."""
    made: dict[PackedParameter, nn.Parameter] = {}
    for module in list(model.modules()):
        unpack_(module, made)
