"""Some coefficients of a Fourier or cosine transform: the designs of compressed sensing."""

from __future__ import annotations

from functools import cached_property
from math import pi, prod, sqrt

import torch
from torch import Tensor

from ..errors import DataError
from .base import LinearOperator
from .products import (
    checked,
    checked_places,
    columns_by_products,
    dense_by_columns,
    gram_by_columns,
    norms_by_columns,
)

__all__ = ["SubsampledDCT", "SubsampledFourier"]

ROUNDING = 1e-5  # by which float32 transforms may exceed norm 1


class SubsampledFourier(LinearOperator):
    """Rows of the orthonormal discrete Fourier transform of a signal or an image.

        (F x)_ω = n^(−½) Σ_j x_j exp(−2πi ωj/n)

    With a complex dtype the unknowns are complex and A = F[rows]. With a real dtype they are real, and so is A, so that
    every real solver takes it: a coefficient is measured as two numbers, all real parts first, then all imaginary ones,
    m = 2·len(rows). `measured(b)` brings complex data into that form.

    Args:
        size: n, or (height, width): images lie row by row on the last axis, and so do their frequencies.
        rows: int64, the frequencies that are measured, each once, from 0 to n − 1.
        dtype: of the unknowns.
    Raises: DataError where these do not fit together.

    >>> A = SubsampledFourier(4, torch.tensor([0, 1]))
    >>> A.shape, A.mv(torch.tensor([1.0, 0.0, 0.0, 0.0]))
    ((4, 4), tensor([0.5000, 0.5000, 0.0000, 0.0000]))
    """

    def __init__(self, size: int | tuple[int, int], rows: Tensor, dtype: torch.dtype = torch.float32) -> None:
        self.size = _size("SubsampledFourier", size, dtype)
        self.rows = checked_places(rows, prod(self.size), "SubsampledFourier: rows")
        self.shape = (len(rows) if dtype.is_complex else 2 * len(rows), prod(self.size))
        self.dtype, self.device = dtype, rows.device
        self._axes = tuple(range(-len(self.size), 0))

    def measured(self, b: Tensor) -> Tensor:
        """Complex coefficients (*b, len(rows)) as this map's measurements (*b, m)."""
        return b.to(self.dtype) if self.dtype.is_complex else torch.cat([b.real, b.imag], -1).to(self.dtype)

    def mv(self, x: Tensor) -> Tensor:
        x = checked(self, x, 1)
        if not x.numel():
            return x.reshape(*x.shape[:-1], self.shape[0])  # MKL transforms no empty batch
        spectrum: Tensor = torch.fft.fftn(x.unflatten(-1, self.size), dim=self._axes, norm="ortho")
        return self.measured(spectrum.flatten(-len(self.size))[..., self.rows])

    def rmv(self, y: Tensor) -> Tensor:
        y = checked(self, y, 0)
        if not y.numel():
            return y.reshape(*y.shape[:-1], self.shape[1])
        held = y if self.dtype.is_complex else torch.complex(*y.chunk(2, -1))
        spectrum = held.new_zeros(*y.shape[:-1], self.shape[1]).index_copy(-1, self.rows, held)
        x: Tensor = torch.fft.ifftn(spectrum.unflatten(-1, self.size), dim=self._axes, norm="ortho").flatten(
            -len(self.size)
        )
        return x if self.dtype.is_complex else x.real

    def dense(self) -> Tensor:
        return dense_by_columns(self)

    def columns(self, indices: Tensor) -> Tensor:
        return columns_by_products(self, indices)

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        """√(len(rows)/n) each: every entry of F has the same modulus."""
        if centre is not None:
            return norms_by_columns(self, centre)
        real = torch.empty(0, dtype=self.dtype).real.dtype
        return torch.full((self.shape[1],), sqrt(len(self.rows) / self.shape[1]), dtype=real, device=self.device)

    def gram(self) -> Tensor:
        return gram_by_columns(self)

    def norm2_bound(self) -> float:
        """1 for complex unknowns, and for real ones when a frequency and its mirror image −ω are both measured, or one
        that is its own; else ½, since a real wave has half of its energy at −ω.
        """
        return (1.0 if self.dtype.is_complex or self._mirrored else 0.5) * (1 + ROUNDING)

    def double(self) -> SubsampledFourier:
        size = self.size if len(self.size) == 2 else self.size[0]
        return SubsampledFourier(size, self.rows, torch.complex128 if self.dtype.is_complex else torch.float64)

    @cached_property
    def _mirrored(self) -> bool:
        sides = torch.unravel_index(self.rows, self.size)
        mirror = torch.zeros_like(self.rows)
        for side, n in zip(sides, self.size, strict=True):
            mirror = mirror * n + (-side) % n
        return bool(torch.isin(mirror, self.rows).any())


class SubsampledDCT(LinearOperator):
    """Rows of the orthonormal discrete cosine transform (DCT-II) of a signal or an image.

        (C x)_ω = s_ω Σ_j x_j cos(π ω (2j + 1)/(2n)),   s_0 = n^(−½), s_ω = (2/n)^½

    Args: as for `SubsampledFourier`; measurements are of the unknowns' own dtype.
    Raises: DataError where these do not fit together.
    Source: by one FFT of the reordered signal (Makhoul 1980).

    >>> A = SubsampledDCT(4, torch.tensor([0, 3]))
    >>> A.mv(torch.ones(4)).round(decimals=4) + 0.0
    tensor([2., 0.])
    """

    def __init__(self, size: int | tuple[int, int], rows: Tensor, dtype: torch.dtype = torch.float32) -> None:
        self.size = _size("SubsampledDCT", size, dtype)
        self.rows = checked_places(rows, prod(self.size), "SubsampledDCT: rows")
        self.shape = (len(rows), prod(self.size))
        self.dtype, self.device = dtype, rows.device

    def mv(self, x: Tensor) -> Tensor:
        spectrum: Tensor = checked(self, x, 1).unflatten(-1, self.size)
        for axis in range(-len(self.size), 0):
            spectrum = _dct(spectrum.movedim(axis, -1)).movedim(-1, axis)
        return spectrum.flatten(-len(self.size))[..., self.rows]

    def rmv(self, y: Tensor) -> Tensor:
        y = checked(self, y, 0)
        spectrum = y.new_zeros(*y.shape[:-1], self.shape[1]).index_copy(-1, self.rows, y)
        x: Tensor = spectrum.unflatten(-1, self.size)
        for axis in range(-len(self.size), 0):
            x = _inverse_dct(x.movedim(axis, -1)).movedim(-1, axis)
        return x.flatten(-len(self.size))

    def dense(self) -> Tensor:
        return dense_by_columns(self)

    def columns(self, indices: Tensor) -> Tensor:
        return columns_by_products(self, indices)

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        return norms_by_columns(self, centre)

    def gram(self) -> Tensor:
        return gram_by_columns(self)

    def norm2_bound(self) -> float:
        """1: rows of an orthonormal matrix."""
        return 1 + ROUNDING

    def double(self) -> SubsampledDCT:
        size = self.size if len(self.size) == 2 else self.size[0]
        return SubsampledDCT(size, self.rows, torch.complex128 if self.dtype.is_complex else torch.float64)


def _size(name: str, size: int | tuple[int, int], dtype: torch.dtype) -> tuple[int, ...]:
    sides = (size,) if isinstance(size, int) else tuple(size)
    if len(sides) not in (1, 2) or min(sides) < 1:
        raise DataError(f"{name}: size is n or (height, width), each at least 1, given {size}")
    if dtype not in (torch.float32, torch.float64, torch.complex64, torch.complex128):
        raise DataError(f"{name}: dtype must be float32, float64, complex64 or complex128, given {dtype}")
    return sides


def _turns(n: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """exp(−iπω/2n) and s_ω, computed in float64 so that float32 keeps its last digit."""
    angle = torch.arange(n, dtype=torch.float64, device=like.device) * (-pi / (2 * n))
    scale = torch.full((n,), sqrt(2 / n), dtype=torch.float64, device=like.device)
    scale[0] = sqrt(1 / n)
    wide = torch.polar(torch.ones_like(angle), angle)
    return wide.to(torch.complex(like.real[..., :0], like.real[..., :0]).dtype), scale.to(like.real.dtype)


def _order(n: int, like: Tensor) -> Tensor:
    """0, 2, 4, …, 5, 3, 1: the order in which a DCT is an FFT."""
    place = torch.arange(n, device=like.device)
    return torch.cat([place[::2], place[1::2].flip(0)])


def _dct(x: Tensor) -> Tensor:
    if x.is_complex():
        return torch.complex(_dct(x.real), _dct(x.imag))
    if not x.numel():
        return x  # MKL transforms no empty batch
    turn, scale = _turns(x.shape[-1], x)
    spectrum: Tensor = torch.fft.fft(x[..., _order(x.shape[-1], x)])
    return (spectrum * turn).real * scale


def _inverse_dct(c: Tensor) -> Tensor:
    """Of the whole transform, its adjoint as well: from the cosines ω and n − ω the complex coefficient, then back."""
    if c.is_complex():
        return torch.complex(_inverse_dct(c.real), _inverse_dct(c.imag))
    n = c.shape[-1]
    if not c.numel():
        return c
    turn, scale = _turns(n, c)
    cosine = c / scale
    mirror = torch.cat([torch.zeros_like(cosine[..., :1]), cosine[..., 1:].flip(-1)], -1)
    spectrum = torch.complex(cosine, -mirror) * turn.conj()
    found: Tensor = torch.fft.ifft(spectrum).real
    return found[..., _order(n, c).argsort()]
