"""Orthonormal wavelet transforms of signals and images: the bases in which photographs are sparse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from itertools import product
from math import comb, prod

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError
from .base import LinearOperator
from .products import checked, columns_by_products, dense_by_columns, norms_by_columns

__all__ = ["Wavelet"]

ROUNDING = 1e-5  # by which float32 transforms may exceed norm 1
LARGEST = 8  # vanishing moments: up to here the factorisation keeps all digits and the symlets are the published ones
FAMILIES = ("db", "sym")
REAL = 1e-9  # of an imaginary part that is rounding: the true ones are above 0.05


class Wavelet(LinearOperator):
    """The coefficients of a signal or an image in an orthonormal wavelet basis, periodic at its ends.

        a_k = Σ_t h_t x_{2k+t},   d_k = Σ_t g_t x_{2k+t},   g_t = (−1)^t h_{2N−1−t},   indices modulo the length

    and then the same of a, `levels` times. W is square and orthonormal: `Adjoint(Wavelet(n))` is the synthesis, whose
    unknowns are coefficients. They lie coarse to fine, a_J d_J … d_1; an image's, flattened row by row, as the usual
    picture of nested squares with the coarsest in the upper left corner.

    Args:
        size: n, or (height, width); 2^levels must divide every side.
        name: "db1" (Haar) to "db8", Daubechies' wavelets of N vanishing moments and 2N taps, or "sym2" to "sym8", the
            least asymmetric ones; the default has short taps and nearly linear phase, as pictures like it.
        levels: at least 1; default as many as divide while a side is no shorter than the taps.
        dtype, device: of the unknowns.
    Raises: DataError where these do not fit together.

    >>> W = Wavelet(4, "db1")
    >>> W.mv(torch.tensor([1.0, 1.0, 3.0, 3.0])).round(decimals=4) + 0.0
    tensor([ 4., -2.,  0.,  0.])

    Source: Daubechies 1988 (filters, by spectral factorisation); Mallat 1989 (the cascade).
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        name: str = "sym4",
        levels: int | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self.size = (size,) if isinstance(size, int) else tuple(size)
        if len(self.size) not in (1, 2) or min(self.size) < 1:
            raise DataError(f"Wavelet: size is n or (height, width), each at least 1, given {size}")
        if dtype not in (torch.float32, torch.float64, torch.complex64, torch.complex128):
            raise DataError(f"Wavelet: dtype must be float32, float64, complex64 or complex128, given {dtype}")
        self.name, low = name, torch.tensor(_low_pass(name), dtype=torch.float64)
        self.levels = _levels(self.size, len(low)) if levels is None else levels
        unit = 2**self.levels if self.levels >= 1 else 0
        if not unit or any(side % unit for side in self.size):
            raise DataError(
                f"Wavelet: {self.levels} levels need sides that are multiples of {unit or 2}, given {size}; "
                f"pad or cut the signal, or take fewer levels (at least 1)"
            )
        self.shape = (prod(self.size), prod(self.size))
        self.dtype, self.device = dtype, torch.device(device)
        high = low.flip(0) * torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(len(low) // 2)
        # (N, 2 phases of x, 2 bands): a pair (x_2k+2s, x_2k+2s+1) meets the s-th block.
        self._blocks = torch.stack([low, high], -1).reshape(-1, 2, 2).to(dtype).to(self.device)

    def mv(self, x: Tensor) -> Tensor:
        return self._cascade(checked(self, x, 1), range(self.levels), self._split)

    def rmv(self, y: Tensor) -> Tensor:
        return self._cascade(checked(self, y, 0), reversed(range(self.levels)), self._joined)

    def dense(self) -> Tensor:
        return dense_by_columns(self)

    def columns(self, indices: Tensor) -> Tensor:
        return columns_by_products(self, indices)

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        if centre is not None:
            return norms_by_columns(self, centre)
        return torch.ones(self.shape[1], dtype=self._blocks.real.dtype, device=self.device)

    def gram(self) -> Tensor:
        return torch.eye(self.shape[1], dtype=self.dtype, device=self.device)

    def norm2_bound(self) -> float:
        """1: an orthonormal matrix."""
        return 1 + ROUNDING

    def double(self) -> Wavelet:
        size = self.size if len(self.size) == 2 else self.size[0]
        wide = torch.complex128 if self.dtype.is_complex else torch.float64
        return Wavelet(size, self.name, self.levels, wide, self.device)

    def _cascade(self, x: Tensor, levels: Iterable[int], along: Callable[[Tensor], Tensor]) -> Tensor:
        """One level after another, each on the corner that is the coarse part of the finer ones."""
        held = x.unflatten(-1, self.size).clone()
        for level in levels:
            corner = (..., *(slice(side >> level) for side in self.size))
            part = held[corner]
            for axis in range(-len(self.size), 0):
                part = along(part.movedim(axis, -1)).movedim(-1, axis)
            held[corner] = part
        found: Tensor = held.flatten(-len(self.size))
        return found

    def _split(self, x: Tensor) -> Tensor:
        """Both bands of the last axis, the coarse one first."""
        pairs = x.unflatten(-1, (-1, 2))
        bands = torch.zeros_like(pairs)
        for s, block in enumerate(self._blocks):
            bands = bands + pairs.roll(-s, -2) @ block
        y: Tensor = bands.mT.flatten(-2)
        return y

    def _joined(self, y: Tensor) -> Tensor:
        bands = y.unflatten(-1, (2, -1)).mT
        pairs = torch.zeros_like(bands)
        for s, block in enumerate(self._blocks):
            pairs = pairs + (bands @ block.mT).roll(s, -2)
        x: Tensor = pairs.flatten(-2)
        return x


def _levels(size: tuple[int, ...], taps: int) -> int:
    """How often every side can be halved with the taps inside it, at least once."""
    count = 0
    while all(side % 2 ** (count + 1) == 0 and side >> count >= taps for side in size):
        count += 1
    return max(count, 1)


@cache
def _low_pass(name: str) -> tuple[float, ...]:
    """h with Σ h = √2, orthonormal to its even shifts, with N zeros at −1.

    |H|² is fixed: 2N zeros at −1 and, with y = (2 − z − 1/z)/4, the zeros of Σ_{k<N} C(N−1+k, k) y^k. Of every z and
    1/z h gets one: inside the circle ("db"), or such that h is as near as can be to its mirror image ("sym").
    """
    family, moments = name.rstrip("0123456789"), name.lstrip("abcdefghijklmnopqrstuvwxyz")
    if family not in FAMILIES or not moments or not (family == "sym") < int(moments) <= LARGEST:
        raise DataError(f"Wavelet: no wavelet {name!r}; known: db1 (Haar) to db{LARGEST}, sym2 to sym{LARGEST}")
    count = int(moments)
    zeros = np.polynomial.polynomial.polyroots([comb(count - 1 + k, k) for k in range(count)])
    half = 1 - 2 * zeros[zeros.imag >= 0]  # (z + 1/z)/2, one of each conjugate pair
    inside = [min(z, 1 / z, key=abs) for z in half + np.sqrt(half**2 - 1 + 0j)]
    choices = product((1, -1), repeat=len(inside)) if family == "sym" else [(1,) * len(inside)]
    found = [_filter([z**power for z, power in zip(inside, powers, strict=True)], count) for powers in choices]
    return tuple(min(found, key=lambda h: np.abs(h - h[::-1]).sum()).tolist())


def _filter(zeros: list[complex], moments: int) -> np.ndarray:
    """The real filter with these zeros, the conjugates of those that are not real, and `moments` zeros at −1."""
    paired = [w for z in zeros for w in ([z.real] if abs(z.imag) < REAL else [z, z.conjugate()])]
    h = np.poly([-1.0] * moments + paired).real
    scaled: np.ndarray = h * (np.sqrt(2) / h.sum())
    return scaled
