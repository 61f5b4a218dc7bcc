"""Every operator in real and complex, float32 and float64: what the conformance suite runs over."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gossamer.linop import (
    Adjoint,
    Callables,
    Convolution,
    Dense,
    LinearOperator,
    Masked,
    RowScaled,
    Scaled,
    Sparse,
    Stacked,
    Standardised,
    SubsampledDCT,
    SubsampledFourier,
    Wavelet,
)

__all__ = ["DTYPES", "MAKERS", "drawn", "thinned"]

DTYPES = (torch.float32, torch.float64, torch.complex64, torch.complex128)


def drawn(*shape: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def thinned(m: int, n: int, dtype: torch.dtype, density: float = 0.2) -> Tensor:
    """A random matrix with zeros, among them a whole row and a whole column."""
    matrix = drawn(m, n, dtype=dtype)
    matrix[torch.rand(m, n, generator=torch.Generator().manual_seed(1)) > density] = 0
    matrix[m // 2] = 0
    matrix[:, n // 2] = 0
    return matrix


def _compressed(matrix: Tensor, layout: torch.layout) -> Tensor:
    with warnings.catch_warnings():  # torch says once a process that these layouts are young, whichever test is first
        warnings.filterwarnings("ignore", "Sparse .* tensor support", UserWarning)
        return matrix.to_sparse(layout=layout)


def _callables(dtype: torch.dtype) -> Callables:
    matrix = drawn(6, 9, dtype=dtype)
    return Callables(lambda x: x @ matrix.mT, lambda y: y @ matrix.conj(), (6, 9), dtype)


def _places(n: int, count: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(2))[:count]


def _shifted(dtype: torch.dtype) -> Standardised:
    return Standardised(
        Sparse(thinned(12, 8, dtype).to_sparse()), drawn(8, dtype=dtype), drawn(8, dtype=dtype).abs() + 0.5
    )


MAKERS: Mapping[str, Callable[[torch.dtype], LinearOperator]] = {
    "dense": lambda t: Dense(drawn(7, 11, dtype=t)),
    "dense-tall": lambda t: Dense(drawn(11, 7, dtype=t)),
    "dense-zero": lambda t: Dense(torch.zeros(3, 4, dtype=t)),
    "dense-one": lambda t: Dense(drawn(1, 1, dtype=t)),
    "dense-large": lambda t: Dense(drawn(300, 280, dtype=t)),
    "sparse-coo": lambda t: Sparse(thinned(9, 13, t).to_sparse()),
    "sparse-tall": lambda t: Sparse(_compressed(thinned(40, 13, t), torch.sparse_csr)),
    "sparse-csc": lambda t: Sparse(_compressed(thinned(9, 13, t), torch.sparse_csc)),
    "sparse-empty": lambda t: Sparse(torch.zeros(4, 5, dtype=t).to_sparse()),
    "masked": lambda t: Masked(torch.tensor([True, False, True, True, False]), t),
    "masked-rows": lambda t: Masked(torch.tensor([True, False, True, True]), t) @ Dense(drawn(4, 9, dtype=t)),
    "convolution": lambda t: Convolution(drawn(4, dtype=t), 10),
    "convolution-long": lambda t: Convolution(drawn(9, dtype=t), 5),
    "convolution-circular": lambda t: Convolution(drawn(5, dtype=t), 11, "circular"),
    "convolution-wrapped": lambda t: Convolution(drawn(9, dtype=t), 4, "circular"),
    "convolution-2d": lambda t: Convolution(drawn(3, 4, dtype=t), (6, 5)),
    "convolution-2d-circular": lambda t: Convolution(drawn(3, 4, dtype=t), (5, 6), "circular"),
    "fourier": lambda t: SubsampledFourier(10, torch.tensor([1, 3, 4]), t),
    "fourier-mirrored": lambda t: SubsampledFourier(9, torch.tensor([2, 7, 5]), t),
    "fourier-zero": lambda t: SubsampledFourier(8, torch.tensor([4, 1]), t),
    "fourier-2d": lambda t: SubsampledFourier((4, 5), torch.tensor([1, 7, 13]), t),
    "fourier-2d-some": lambda t: SubsampledFourier((4, 6), _places(24, 10), t),
    "dct": lambda t: SubsampledDCT(11, _places(11, 5), t),
    "dct-even": lambda t: SubsampledDCT(8, torch.arange(8), t),
    "dct-2d": lambda t: SubsampledDCT((4, 5), _places(20, 9), t),
    "wavelet": lambda t: Wavelet(16, "db2", dtype=t),
    "wavelet-wrapped": lambda t: Wavelet(2, "sym4", dtype=t),
    "wavelet-2d": lambda t: Wavelet((4, 6), "db3", 1, t),
    "wavelet-2d-deep": lambda t: Wavelet((8, 4), "db1", dtype=t),
    "composition": lambda t: Dense(drawn(5, 7, dtype=t)) @ Sparse(thinned(7, 12, t, 0.5).to_sparse()),
    "samples-of-cosines": lambda t: Masked(torch.arange(8) % 3 > 0, t) @ Adjoint(SubsampledDCT(8, torch.arange(8), t)),
    "scaled": lambda t: Scaled(-2.5 + 1j if t.is_complex else -2.5, Dense(drawn(5, 7, dtype=t))),
    "scaled-zero": lambda t: Scaled(0.0, Dense(drawn(5, 7, dtype=t))),
    "row-scaled": lambda t: RowScaled(drawn(5, dtype=torch.ones(1, dtype=t).real.dtype), Dense(drawn(5, 7, dtype=t))),
    "stacked": lambda t: Stacked(
        [Dense(drawn(5, 7, dtype=t)), Sparse(thinned(3, 7, t).to_sparse()), Scaled(0.3, Dense(torch.eye(7, dtype=t)))]
    ),
    "adjoint": lambda t: Adjoint(Convolution(drawn(4, dtype=t), 10)),
    "callables": _callables,
    "standardised": _shifted,
    "standardised-of": lambda t: Standardised.of(Dense(drawn(12, 6, dtype=t))),
    "centred": lambda t: Standardised.of(Sparse(thinned(12, 6, t).to_sparse()), scale=False),
}
