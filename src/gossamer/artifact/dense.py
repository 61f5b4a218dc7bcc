"""Models without gossamer: the way out, and the size to compare with."""

from __future__ import annotations

from torch import nn

from ..errors import ArtifactError, listed
from ..model import copied, inventory, unswap_, unwrap
from .container import DTYPES, container_size

__all__ = ["dense_bytes", "to_dense"]


def to_dense(model: nn.Module) -> nn.Module:
    """A copy with the original layer classes and a plain `state_dict`, so that gossamer can be uninstalled.

    Its weights are those that the packed model computes with. What was tied stays tied, and each parameter requires a
    gradient as it did before it was packed. A `torch.compile` or data-parallel wrapper is taken off.

    >>> plain = to_dense(nn.Linear(4, 2))
    >>> type(plain), list(plain.state_dict())
    (<class 'torch.nn.modules.linear.Linear'>, ['weight', 'bias'])
    """
    inner, _ = unwrap(model)
    dense = copied(inner)
    unswap_(dense)
    return dense


def dense_bytes(model: nn.Module) -> int:
    """Bytes of the model's own `state_dict` as a plain safetensors file, tied tensors once. Nothing is written.

    >>> dense_bytes(nn.Linear(4, 2, bias=False))  # 72 of header, 32 of weights
    104
    """
    sites = inventory(model)
    wrong = [f"{site.name!r}: {site.tensor.dtype}" for site in sites if site.tensor.dtype not in DTYPES.values()]
    if wrong:
        raise ArtifactError(listed(wrong, "these tensors are of types that no safetensors file holds:"))
    return container_size([(site.name, site.tensor.dtype, tuple(site.tensor.shape)) for site in sites])
