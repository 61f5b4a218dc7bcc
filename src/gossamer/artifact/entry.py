"""What is stored: one tensor of a model, plain or packed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn

from ..formats import PackedWeight
from ..model import TensorSite, inventory
from ..nn import WeightView, packed_parameters

__all__ = ["Entry", "entries"]


@dataclass(frozen=True, eq=False)
class Entry:
    """One tensor that goes into a file.

    Args:
        name: its first name in the `state_dict`.
        aliases: its other names (ties).
        tensor: its values, when it is stored plainly.
        packed: its packed weight, stored instead; then
        view: the way between the packed matrix and the parameter's shape.

    >>> import torch
    >>> [(entry.name, entry.packed) for entry in entries(nn.Linear(2, 3))]
    [('weight', None), ('bias', None)]
    """

    name: str
    aliases: tuple[str, ...] = ()
    tensor: Tensor | None = None
    packed: PackedWeight | None = None
    view: WeightView | None = None

    @classmethod
    def of(cls, site: TensorSite, packed: PackedWeight | None = None) -> Entry:
        """The entry of a model's tensor: packed when that is given."""
        if packed is None:
            return cls(site.name, site.aliases, site.tensor.detach())
        return cls(site.name, site.aliases, packed=packed, view=site.view)


def entries(model: nn.Module) -> list[Entry]:
    """Every parameter and persistent buffer of a model, packed where its layer holds it packed."""
    return [Entry.of(site, _packed(site)) for site in inventory(model)]


def _packed(site: TensorSite) -> PackedWeight | None:
    owner = site.owners[0]
    parameter = dict(packed_parameters(owner.module)).get(owner.attribute)
    if parameter is None:
        return None
    packed = parameter.packed()
    # .half() and .to(dtype) change what the layers see, and the file gives back what they see.
    return replace(packed, spec=replace(packed.spec, dtype=parameter.dtype))
