"""A mostly-zero tensor in the fewest bytes, exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log2, prod
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from ..formats import INDICES, PackedSpec, PackedWeight, pack as pack_member
from ..linop.sparse import is_scipy_sparse
from ..structure import NM, Codebook, Structure
from ..terms import Member

__all__ = ["Packed", "pack"]

MOST_ENTRIES = 1 << 31  # a mask of all entries is made on the way, and places are 32-bit integers
LARGEST_CODEBOOK = 256
WIDEST_RUN = 256

# Each type with the integers that hold its bits and the words it is stored in: formats hold values of up to 4 bytes.
_BITS: Mapping[torch.dtype, torch.dtype] = {
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
    torch.complex64: torch.int64,
    torch.complex128: torch.int64,
}
_NARROWER: Mapping[torch.dtype, tuple[torch.dtype, ...]] = {
    torch.float16: (torch.float16,),
    torch.bfloat16: (torch.bfloat16,),
    torch.float32: (torch.float16, torch.bfloat16, torch.float32),
    torch.float64: (torch.float16, torch.bfloat16, torch.float32),
}


@dataclass(frozen=True, eq=False)
class Packed:
    """A tensor in the smallest exact format that was found for it.

    Args:
        shape, dtype: of the tensor.
        weights: the first holds places and values; more when a value takes several words (float64, complex), and each
            of these holds one word of every value, without places.
        held: entries whose bits are not all zero.
        floor: bits below which no code can be on average, if every entry were drawn by itself: see `floor_bytes`.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    weights: tuple[PackedWeight, ...]
    held: int
    floor: float

    @property
    def nbytes(self) -> int:
        """Bytes of all buffers."""
        return sum(weight.nbytes for weight in self.weights)

    @property
    def dense_bytes(self) -> int:
        """Bytes of the tensor as it was given, were it dense."""
        return prod(self.shape) * self.dtype.itemsize

    @property
    def density(self) -> float:
        """The fraction of entries that is held; 0 for an empty tensor."""
        return self.held / max(prod(self.shape), 1)

    @property
    def floor_bytes(self) -> float:
        """N·h₂(density) + the bits of the values, in bytes: the entropy of places drawn independently.

        Only under that model is it a floor. Places that follow a pattern (N:M, blocks, whole rows) can take less.
        Values count as they are held: the width of their type, or with a codebook their empirical entropy and the
        codebook itself.
        """
        return self.floor / 8

    @property
    def format(self) -> str:
        """Index part × value parts, such as `csr × float32`."""
        return f"{self.weights[0].spec.index} × {' + '.join(weight.spec.values for weight in self.weights)}"

    def dense(self) -> Tensor:
        """The tensor, to the bit."""
        support = self.support()
        device, bits = support.device, _BITS[self.dtype]
        full = torch.zeros((prod(self.shape), self._lanes), dtype=bits, device=device)
        full[support.flatten()] = self._held_bits().reshape(-1, self._lanes)
        return full.view(self.dtype).reshape(self.shape)

    def support(self) -> Tensor:
        """Where an entry is held: bool of `shape`."""
        weight = self.weights[0]
        found = INDICES[weight.spec.index].support(weight.spec, weight.buffers())
        device = next(iter(weight.buffers().values())).device
        whole = torch.ones(self.shape, dtype=torch.bool, device=device)
        return whole if found is None else found.reshape(self.shape)

    def values(self) -> Tensor:
        """The held entries, (held,), row-major, to the bit."""
        return self._held_bits().view(self.dtype).flatten()

    @property
    def _lanes(self) -> int:
        return self.dtype.itemsize // _BITS[self.dtype].itemsize

    def _held_bits(self) -> Tensor:
        if len(self.weights) == 1:
            return _unpacked(self.weights[0], self.dtype).view(_BITS[self.dtype])
        words = torch.stack([_unpacked(weight, torch.float32) for weight in self.weights], dim=-1)
        return words.view(_BITS[self.dtype])

    def __str__(self) -> str:
        """One line a reader can take in."""
        return (
            f"{self.format}: {self.nbytes} bytes for {self.dense_bytes} dense; "
            f"density {self.density:.4g}, i.i.d. floor {self.floor_bytes:.0f} bytes"
        )


def pack(tensor: Any, *, signed_zeros: bool = True) -> Packed:
    """Pack a mostly-zero tensor in the smallest exact format there is for it here.

    Tried are the index parts of `gossamer.formats` (none, bitmask, columns by row, N:M positions) on the tensor's own
    rows, on rows of other widths and on one row of all entries; and for the values the narrowest type that holds all of
    them exactly, a codebook where they are at most 256 numbers, or the bits as they are. What comes back is equal bit
    by bit, with −0.0, infinities and NaNs (their payload too): an entry is held unless its bits are all zero.

    Args:
        tensor: float16, bfloat16, float32, float64, complex64 or complex128, of any shape: dense, or torch COO, CSR,
            CSC, BSR or BSC, a numpy array, or scipy sparse (of a type that torch has). Sparse ones are made dense on
            the way, so that memory for all entries is needed.
        signed_zeros: False turns −0.0 into 0.0, which then takes no place. `weight * mask` leaves a −0.0 wherever a
            negative weight was masked.
    Raises: DataError for another type or more than 2³¹ entries.

    >>> packed = pack(torch.eye(100))
    >>> print(packed)
    nm × codebook: 90 bytes for 40000 dense; density 0.01, i.i.d. floor 103 bytes
    >>> torch.equal(packed.dense(), torch.eye(100))
    True
    """
    dense = _arrived(tensor)
    if not signed_zeros:
        real = torch.view_as_real(dense) if dense.is_complex() else dense
        real = torch.where(real == 0, torch.zeros((), dtype=real.dtype, device=real.device), real)
        dense = torch.view_as_complex(real) if dense.is_complex() else real
    shape, dtype = tuple(dense.shape), dense.dtype
    lanes = dense.reshape(-1, 1).view(_BITS[dtype])  # (entries, 1), or 2 for complex128
    support = (lanes != 0).any(-1)
    held = lanes[support]
    members = list(_value_members(held.contiguous().view(dtype).flatten()))
    first = members[0]
    place, index = _smallest_index(support.reshape(shape), first.kept)
    structure = Structure(support=place.word, values=first.structure.values)
    placed = Member(
        structure,
        place.shape,
        first.dtype,
        None if index == "dense" else support.reshape(place.shape),
        values=first.values,
        codes=first.codes,
        codebook=first.codebook,
    )
    weights = (pack_member(placed, index), *(pack_member(member, "dense") for member in members[1:]))
    floor = _entropy(support) + sum(_value_bits(member) for member in members)
    return Packed(shape, dtype, weights, first.kept, floor)


@dataclass(frozen=True)
class _Place:
    """The same entries seen with rows of some width, and the N:M word that all of these obey, if any."""

    shape: tuple[int, ...]
    word: NM | None


def _arrived(tensor: Any) -> Tensor:
    """A dense, contiguous tensor of a type that can be packed."""
    if is_scipy_sparse(tensor):
        found = tensor.tocoo()
        _check(str(found.dtype), tuple(found.shape))
        places = torch.stack([torch.tensor(axis).long() for axis in (found.row, found.col)])
        tensor = torch.sparse_coo_tensor(places, torch.tensor(found.data), tuple(found.shape), check_invariants=True)
    elif type(tensor).__module__.partition(".")[0] == "numpy":
        _check(str(tensor.dtype), tuple(tensor.shape))
        tensor = torch.tensor(tensor)
    if not isinstance(tensor, Tensor):
        raise DataError(
            f"pack: needs a tensor, numpy array or scipy sparse matrix, given {type(tensor).__name__}; "
            f"convert it, e.g. torch.tensor(x)"
        )
    _check(str(tensor.dtype), tuple(tensor.shape))
    if tensor.layout != torch.strided:
        tensor = tensor.detach().to_dense()
    plain: Tensor = tensor.detach().resolve_conj().resolve_neg().contiguous()
    return plain


def _check(dtype: str, shape: tuple[int, ...]) -> None:
    names = [str(known).removeprefix("torch.") for known in _BITS]
    given = dtype.removeprefix("torch.")
    if given not in names:
        raise DataError(
            f"pack: holds {', '.join(names)}, given {given}; convert it first, e.g. with .to(torch.float32)"
        )
    if prod(shape) > MOST_ENTRIES:
        raise DataError(
            f"pack: shape {shape} has {prod(shape)} entries, and at most {MOST_ENTRIES} can be packed at once; "
            f"pack its rows in parts, or keep it in a COO or CSR tensor"
        )


def _value_members(values: Tensor) -> Iterator[Member]:
    """The held values as dense members: one where one can hold them exactly, else one for each 4-byte word."""
    exact = _exact(values)
    if exact is not None:
        yield exact
        return
    if values.dtype == torch.float32 or values.dtype.itemsize == 2:
        yield Member(Structure(), tuple(values.shape), values.dtype, values=values)
        return
    words = values.contiguous().view(torch.float32).reshape(len(values), values.dtype.itemsize // 4)
    for word in words.unbind(-1):
        yield from _value_members(word.contiguous())


def _exact(values: Tensor) -> Member | None:
    """A codebook, or the narrowest type, that gives all values back to the bit, whichever is smaller; None: neither."""
    for narrow in _NARROWER.get(values.dtype, ()):
        held = values.to(narrow)
        if torch.equal(held.to(values.dtype).view(_BITS[values.dtype]), values.view(_BITS[values.dtype])):
            plain = Member(Structure(), tuple(values.shape), values.dtype, values=held)
            return _coded(held, values.dtype) or plain
    return None


def _coded(held: Tensor, dtype: torch.dtype) -> Member | None:
    """Codes into the distinct values, where that takes fewer bytes."""
    if not held.numel() or not bool(torch.isfinite(held).all()):
        return None
    bits, codes = held.view(_BITS[held.dtype]).unique(return_inverse=True)
    size = len(bits)
    if size > LARGEST_CODEBOOK:
        return None
    nbytes = (len(held) * (size - 1).bit_length() + 7) // 8 + size * held.element_size()
    if nbytes >= held.numel() * held.element_size():
        return None
    codebook, order = bits.view(held.dtype).sort(stable=True)
    rank = torch.empty_like(order).scatter_(0, order, torch.arange(size, device=held.device))
    structure = Structure(values=Codebook(size))
    return Member(structure, tuple(held.shape), dtype, codes=rank[codes].to(torch.uint8), codebook=codebook)


def _unpacked(weight: PackedWeight, dtype: torch.dtype) -> Tensor:
    """The values of one weight, (held,), by copying: `Member.dense` computes in float32 and would touch NaNs."""
    member = weight.member()
    if member.codes is not None and member.codebook is not None:
        return member.codebook[member.codes.long()].to(dtype)
    assert member.values is not None, "pack makes members of values or codes"
    return member.values.to(dtype)


def _smallest_index(support: Tensor, kept: int) -> tuple[_Place, str]:
    """Where the places take the fewest bytes; ties go to the tensor's own shape and the first index part."""
    best: tuple[int, _Place, str] | None = None
    for place in _places(support, kept):
        spec = PackedSpec(Structure(support=place.word), place.shape, torch.float32, "", "float32", kept)
        for name, part in INDICES.items():
            if part.fits(spec) and (best is None or part.nbytes(spec) < best[0]):
                best = part.nbytes(spec), place, name
    assert best is not None, "a bitmask holds any support"
    return best[1], best[2]


def _places(support: Tensor, kept: int) -> Iterator[_Place]:
    """The tensor's own rows, N:M on them, one row, and rows whose columns fit one or two bytes."""
    entries, own = support.numel(), tuple(support.shape)
    yield _Place(own, None)
    if not entries:
        return
    width = own[-1] if own else 1
    for of in range(2, min(width, WIDEST_RUN) + 1):
        keep, rest = divmod(kept * of, entries)
        worth = keep * (of - 1).bit_length() < of  # than a bitmask
        if width % of == 0 and rest == 0 and keep and worth and _all_full(support, keep, of):
            yield _Place(own, NM(keep, of))
    yield _Place((entries,), None)
    for side in (1 << 7, 1 << 8, 1 << 15, 1 << 16):
        if entries % side == 0:
            yield _Place((entries // side, side), None)


def _all_full(support: Tensor, keep: int, of: int) -> bool:
    return bool((support.reshape(-1, of).sum(-1) == keep).all())


def _entropy(support: Tensor) -> float:
    """N·h₂(density) in bits."""
    entries, kept = support.numel(), int(support.sum())
    if kept in (0, entries):
        return 0.0
    p = kept / entries
    return -entries * (p * log2(p) + (1 - p) * log2(1 - p))


def _value_bits(member: Member) -> float:
    """Bits of the values as they are held, codes at their empirical entropy."""
    if member.codes is not None and member.codebook is not None:
        counts = torch.bincount(member.codes.long(), minlength=member.codebook.numel()).double()
        share = counts / counts.sum()
        return float(-(counts * share.log2()).sum()) + 8 * member.codebook.numel() * member.codebook.element_size()
    assert member.values is not None, "pack makes members of values or codes"
    return 8.0 * member.values.numel() * member.values.element_size()
