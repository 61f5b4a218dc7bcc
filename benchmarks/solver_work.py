"""What solvers are compared on: each row's data, its penalty, and the lead that gossamer should have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import designs
import numpy as np

__all__ = ["FASTEST", "PARTS", "ROWS", "Row", "Work"]

FASTEST = "the fastest peer"
REGRESSION = ("scikit-learn", "skglm", "celer")


@dataclass(frozen=True, eq=False)
class Work:
    """One problem, or many signals over one dictionary.

    Args: A (m, n), numpy or scipy CSR; b (m,) or (signals, m); l1, of a path all of them, largest first; l2; k of OMP.
    """

    A: Any
    b: np.ndarray
    l1: float | np.ndarray = 0.0
    l2: float = 0.0
    k: int = 0

    @property
    def signals(self) -> int:
        return 1 if self.b.ndim == 1 else len(self.b)

    @cached_property
    def by_columns(self) -> Any:
        """A as coordinate descent likes it: Fortran order, or CSC; one copy for all peers."""
        return np.asfortranarray(self.A) if isinstance(self.A, np.ndarray) else self.A.tocsc()

    def some(self, count: int | None) -> Work:
        """The first `count` signals."""
        return self if count is None or self.b.ndim == 1 else replace(self, b=self.b[:count])


@dataclass(frozen=True)
class Row:
    """A row of the table: its part, its name, who makes its data; `tiny` makes it small, for --quick.

    Args: kind: which contenders take it; lead: the peer to beat -> by which factor.
    """

    part: str
    name: str
    kind: str
    make: Callable[[], Work]
    tiny: Callable[[], Work]
    lead: Mapping[str, float] = field(default_factory=dict)


def _regression(
    design: Callable[..., Any], m: int, n: int, *options: float, fraction: float, ridge: bool = False
) -> Work:
    A = design(m, n, *options)
    return _at(A, designs.observed(A), fraction, ridge)


def _news() -> Work:
    return _at(*designs.news(), 0.05)


def _at(A: Any, b: np.ndarray, fraction: float, ridge: bool = False) -> Work:
    """At a fraction of the least penalty that gives zero; `ridge` is as large, which is scikit-learn's l1_ratio 0.5."""
    l1 = fraction * float(np.abs(A.T @ b).max())
    return Work(A, b, l1, l1 if ridge else 0.0)


def _path(m: int, n: int, count: int) -> Work:
    A = designs.gaussian(m, n)
    b = designs.observed(A)
    return Work(A, b, float(np.abs(A.T @ b).max()) * np.logspace(0, -2, count))


def _coding(atoms: int, signals: int, penalty: float) -> Work:
    return Work(*designs.coded_patches(atoms, signals), penalty)


def _tiny_coding(penalty: float) -> Work:
    D, Y = designs.gaussian_dictionary(16, 32, 40)
    D, Y = D.astype(float), Y.astype(float)
    return Work(D, Y / np.linalg.norm(Y, axis=1, keepdims=True), penalty)


def _matching(m: int, n: int, signals: int, k: int) -> Work:
    return Work(*designs.gaussian_dictionary(m, n, signals), k=k)


def _dense() -> list[Row]:
    sizes = {(1000, 5000): 1.3, (2000, 10000): 1.8, (5000, 20000): 1.3}
    rows = []
    for (m, n), lead in sizes.items():
        for design, named in ((designs.gaussian, "i.i.d."), (designs.autoregressive, "AR(.9)")):
            for ridge, problem in ((False, "Lasso"), (True, "elastic net")):
                for fraction, least in ((20, lead), (100, 1.2)):
                    make = partial(_regression, design, fraction=1 / fraction, ridge=ridge)
                    name = f"{problem}, {named}, {m} × {n}, λ_max/{fraction}"
                    kind = "elastic net" if ridge else "lasso"
                    rows.append(Row("dense", name, kind, partial(make, m, n), partial(make, 20, 40), {FASTEST: least}))
    return rows


def _others() -> list[Row]:
    scattered = partial(_regression, designs.scattered, fraction=1 / 20)
    faster = {FASTEST: 1.3}
    return [
        Row("path", "100 Lassos to λ_max/100, i.i.d., 1000 × 5000", "path", partial(_path, 1000, 5000, 100),
            partial(_path, 20, 40, 5), faster),
        Row("sparse", "Lasso, 20 Newsgroups tf-idf, λ_max/20", "lasso", _news, partial(scattered, 30, 60, 0.2),
            {FASTEST: 1.5}),
        Row("sparse", "Lasso, 20,000 × 100,000, density 1e-3, λ_max/20", "lasso",
            partial(scattered, 20_000, 100_000, 1e-3), partial(scattered, 30, 60, 0.2), {FASTEST: 1.5}),
        Row("coding", "10,000 patches, 64 × 256, 12 nonzeros", "coding", partial(_coding, 256, 10_000, 0.15),
            partial(_tiny_coding, 0.15), {"SPAMS": 1.8}),
        Row("coding", "10,000 patches, 64 × 256, 30 nonzeros", "coding", partial(_coding, 256, 10_000, 0.045),
            partial(_tiny_coding, 0.045), {"SPAMS": 1.25}),
        Row("omp", "OMP, 10,000 signals, 64 × 256, float32, k = 5", "omp", partial(_matching, 64, 256, 10_000, 5),
            partial(_matching, 16, 32, 40, 2), {"SPAMS": 3.0, "scikit-learn": 120.0}),
        Row("omp", "OMP, 10,000 signals, 64 × 256, float32, k = 10", "omp", partial(_matching, 64, 256, 10_000, 10),
            partial(_matching, 16, 32, 40, 3), {"SPAMS": 3.5, "scikit-learn": 150.0}),
    ]  # fmt: skip


ROWS = (*_dense(), *_others())
PARTS = tuple(dict.fromkeys(row.part for row in ROWS))
