"""Room 6: the front door for sparse learning."""

from .conversion import to_scipy, to_torch
from .convex import (
    basis_pursuit,
    elastic_net,
    group_lasso,
    lasso,
    max_penalty,
    multitask_lasso,
    sparse_encode,
)
from .greedy import cosamp, htp, iht, niht, omp, simultaneous_omp, subspace_pursuit
from .lasso_path import Path, lasso_path
from .pack import Packed, pack

__all__ = [
    "Packed",
    "Path",
    "basis_pursuit",
    "cosamp",
    "elastic_net",
    "group_lasso",
    "htp",
    "iht",
    "lasso",
    "lasso_path",
    "max_penalty",
    "multitask_lasso",
    "niht",
    "omp",
    "pack",
    "simultaneous_omp",
    "sparse_encode",
    "subspace_pursuit",
    "to_scipy",
    "to_torch",
]
