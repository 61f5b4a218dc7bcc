"""A weight as it is held in memory: an index part, a value part, factors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ArtifactError, StructureError
from ..terms import Member, support_set
from .factors import factor_fields
from .field import Field, check_range
from .header import check_structure, default_floats, fixed_scope, full_header, read_header, write_header
from .index import INDICES, smallest_index
from .spec import PackedSpec
from .values import FLOATS, VALUES, usual_values

__all__ = ["PackedWeight", "check_support", "fields_of", "pack", "restore"]


@dataclass(frozen=True, eq=False)
class PackedWeight:
    """The parts of a member, packed; `dense()` is the member's, to the bit.

    Args:
        spec: what is static: structure, shape, dtype, the kinds of the parts and their counts.
        tensors: the buffers by name, exactly those of `fields_of(spec)`.

    >>> from gossamer.structure import Structure
    >>> weight = pack(Member(Structure(), (1, 2), torch.float32, values=torch.tensor([1.0, 2.0])))
    >>> weight.header(), weight.nbytes, weight.dense()
    ({'shape': [1, 2]}, 8, tensor([[1., 2.]]))
    """

    spec: PackedSpec
    tensors: Mapping[str, Tensor]

    def header(self) -> dict[str, Any]:
        """The spec as JSON values, without what can be derived."""
        return write_header(self.spec)

    def buffers(self) -> dict[str, Tensor]:
        """The tensors by their flat names."""
        return dict(self.tensors)

    @property
    def nbytes(self) -> int:
        """Bytes of all buffers."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.tensors.values())

    def member(self) -> Member:
        """The parts unpacked. Traceable by `torch.compile` and `torch.export`."""
        spec, buffers = self.spec, dict(self.tensors)
        factors = {name: buffers[name] for name in factor_fields(spec)}
        return Member(
            spec.structure,
            spec.shape,
            spec.dtype,
            support=INDICES[spec.index].support(spec, buffers),
            **VALUES[spec.values].unpack(spec, buffers),
            **factors,
        )

    def dense(self, dtype: torch.dtype | None = None) -> Tensor:
        """The weight, of `shape`; computed in float32 and rounded once to `dtype` (default: its own)."""
        return self.member().dense(dtype)

    def linear(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """x (*b, in) ↦ x Wᵀ + bias, (*b, out), for a weight of one group.

        Raises: StructureError when the weight has more than one group.
        """
        return F.linear(x, self._matrix(), bias)

    def embedding(self, indices: Tensor) -> Tensor:
        """Rows of the weight: indices (*b) ↦ (*b, in), for a weight of one group."""
        return F.embedding(indices, self._matrix())

    def validate(self) -> None:
        """Check every length, type, range and count against the spec before anything is believed.

        Raises: ArtifactError naming the part and what is wrong with it.
        """
        spec, buffers = read_header(full_header(self.spec)), dict(self.tensors)
        fields = fields_of(spec)
        for name in [*fields, *buffers]:
            if name not in buffers or name not in fields:
                state = "missing" if name in fields else "unknown"
                raise ArtifactError(f"{name}: {state}; the buffers are {', '.join(fields)}")
        for name, field in fields.items():
            field.check(name, buffers[name])
        index = INDICES[spec.index]
        index.check(spec, buffers)
        VALUES[spec.values].check(spec, buffers)
        check_support(spec, index.support(spec, buffers))

    def _matrix(self) -> Tensor:
        *groups, rows, columns = (1, *self.spec.shape)
        if self.spec.rows != rows:
            raise StructureError(
                f"a weight of shape {list(self.spec.shape)} has several groups ({groups}); "
                f"call dense() and give it the layer's own shape"
            )
        return self.dense().reshape(rows, columns)


def fields_of(spec: PackedSpec) -> dict[str, Field]:
    """Every buffer of a packed weight by name: index, values, factors."""
    return {**INDICES[spec.index].fields(spec), **VALUES[spec.values].fields(spec), **factor_fields(spec)}


def pack(member: Member, index: str | None = None) -> PackedWeight:
    """Pack a member's parts in the fewest bytes.

    Args:
        member: what a projection gave; the value part follows from its structure and its values' type.
        index: key of `INDICES`; None takes the smallest that holds the support, ties in table order.
    Raises: StructureError when the member contradicts itself, or `index` cannot hold its support.

    >>> from gossamer.structure import parse
    >>> mask = torch.tensor([[True, False, True, False]])
    >>> half = Member(parse("2:4"), (1, 4), torch.float16, mask, torch.ones(2, dtype=torch.float16))
    >>> pack(half).spec.index, pack(half, index="csr").nbytes
    ('bitmask', 7)
    """
    spec = _spec(member)
    try:
        check_structure(spec.structure, spec.shape)
        check_support(spec, member.support)
        wanted = smallest_index(spec) if index is None else index
        if wanted not in INDICES or not INDICES[wanted].fits(spec):
            fitting = [name for name, part in INDICES.items() if part.fits(spec)]
            raise ArtifactError(f"index {wanted!r} cannot hold its support; choose {' or '.join(fitting)}")
        spec = replace(spec, index=wanted)
        tensors = _packed(spec, member)
        weight = PackedWeight(spec, tensors)
        weight.validate()
    except ArtifactError as error:
        raise StructureError(f"cannot pack a member of {spec.structure}, shape {list(spec.shape)}: {error}") from None
    return weight


def restore(header: Mapping[str, Any] | PackedSpec, buffers: Mapping[str, Tensor]) -> PackedWeight:
    """A packed weight from its header and buffers, which are taken on trust: `validate()` checks them.

    A module keeps `weight.spec` and passes that: nothing is parsed, so a traced forward can call it.

    Raises: ArtifactError when a header, given as JSON values, lies.
    """
    spec = header if isinstance(header, PackedSpec) else read_header(header)
    return PackedWeight(spec, buffers)


def check_support(spec: PackedSpec, support: Tensor | None) -> None:
    """Raises ArtifactError unless the support (bool of `spec.shape`, None: all) has count and structure."""
    if support is not None and int(support.sum()) != spec.kept:
        raise ArtifactError(f"support: {int(support.sum())} entries are set, and {spec.kept} are held")
    word = spec.structure.support
    if word is None or not fixed_scope(spec.structure):
        return
    held = torch.ones(spec.shape, dtype=torch.bool) if support is None else support
    excess = support_set(word, spec.shape).excess(held)
    if excess:
        raise ArtifactError(f"support: {excess} entries more than {word} allows")


def _spec(member: Member) -> PackedSpec:
    """The spec of a member, its index left open."""
    structure, parts = member.structure, member.tensors()
    if member.support is not None and (
        member.support.dtype != torch.bool or tuple(member.support.shape) != tuple(member.shape)
    ):
        raise StructureError(f"a support is bool of the member's shape {member.shape}, given {member.support.dtype}")
    values = _values(member)
    floats = {name: _floating(name, parts.get(name)) for name in default_floats(structure, values)}
    size = member.codebook.numel() if values == "codebook" and member.codebook is not None else 0
    return PackedSpec(structure, tuple(member.shape), member.dtype, "", values, member.kept, size, floats)


def _values(member: Member) -> str:
    """The value part that holds this member's entries."""
    own = [name for name, dtype in FLOATS.items() if member.values is not None and member.values.dtype == dtype]
    return own[0] if own else usual_values(member.structure, member.dtype)


def _floating(name: str, part: Tensor | None) -> torch.dtype:
    if part is None or part.dtype not in FLOATS.values():
        given = "nothing" if part is None else part.dtype
        raise StructureError(f"{name} must be one of {', '.join(FLOATS)}, given {given}")
    return part.dtype


def _packed(spec: PackedSpec, member: Member) -> dict[str, Tensor]:
    parts = {name: part for name, part in member.tensors().items() if name != "support"}
    value_fields, factors = VALUES[spec.values].fields(spec), factor_fields(spec)
    fields = {**value_fields, **factors}
    if set(parts) != set(fields) or not VALUES[spec.values].fits(spec.structure):
        raise ArtifactError(f"its parts are {', '.join(parts)}, and its structure needs {', '.join(fields)}")
    for name, field in fields.items():
        _check_part(name, field, parts[name])
    device = next(part.device for part in parts.values())
    support = member.support
    if support is None:
        support = torch.ones(spec.shape, dtype=torch.bool, device=device)
    return {
        **INDICES[spec.index].pack(spec, support),
        **VALUES[spec.values].pack(spec, parts),
        **{name: field.pack(parts[name]) for name, field in factors.items()},
    }


def _check_part(name: str, field: Field, part: Tensor) -> None:
    """What packing would lose without a word: a shape, or a code's high bits."""
    shape = field.shape if field.count is None else (field.count,)
    if part.dtype != field.dtype or tuple(part.shape) != shape:
        raise ArtifactError(f"{name}: given {part.dtype} {tuple(part.shape)}, needs {field.dtype} {shape}")
    if field.alphabet:
        check_range(name, part, field.alphabet)
