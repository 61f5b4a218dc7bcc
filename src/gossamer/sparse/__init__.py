"""Room 6: the front door for sparse learning."""

from .conversion import to_scipy, to_torch
from .greedy import cosamp, htp, iht, niht, omp, simultaneous_omp, subspace_pursuit
from .pack import Packed, pack

__all__ = [
    "Packed",
    "cosamp",
    "htp",
    "iht",
    "niht",
    "omp",
    "pack",
    "simultaneous_omp",
    "subspace_pursuit",
    "to_scipy",
    "to_torch",
]
