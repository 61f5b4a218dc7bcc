"""Who solves: gossamer and its peers, each given the data as it likes them best before any clock runs.

A contender prepares a problem and hands back a function of one tolerance, which is all that is timed. gossamer gets
what a user has: row-major tensors, or scipy's CSR; whatever it converts is inside its time.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from solver_work import Work

import gossamer.sparse as sparse

__all__ = ["CONTENDERS", "OURS", "Contender", "present", "quiet", "versions"]

OURS = "gossamer"
MOST = 100_000  # iterations allowed to any of them
Solve = Callable[[float], Any]


@dataclass(frozen=True)
class Contender:
    """One way to solve one kind of problem.

    Args:
        module: what must be importable; prepare: the problem, in this one's own layout -> a function of the tolerance.
        begin: the tolerance that tuning tries first; None for a method that takes none.
        signals: how many signals it is given, where all would take minutes; times are per signal.
    """

    name: str
    module: str
    prepare: Callable[[Work], Solve]
    begin: float | None = None
    signals: int | None = None


def present(kind: str) -> list[Contender]:
    """The contenders that this environment has."""
    return [contender for contender in CONTENDERS[kind] if find_spec(contender.module)]


def versions() -> dict[str, str]:
    """Of what is installed."""
    found = {}
    for package in ("numpy", "scipy", "scikit-learn", "skglm", "celer", "numba", "spams-bin"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def _tensor(A: Any) -> Any:
    return torch.from_numpy(A) if isinstance(A, np.ndarray) else A


def _ours(work: Work) -> Solve:
    A, b, l1, l2 = _tensor(work.A), torch.from_numpy(work.b), work.l1, work.l2
    if l2:
        return lambda tol: sparse.elastic_net(A, b, l1, l2, tol=tol).x
    return lambda tol: sparse.lasso(A, b, l1, tol=tol).x


def _our_path(work: Work) -> Solve:
    A, b, grid = _tensor(work.A), torch.from_numpy(work.b), torch.from_numpy(work.l1)
    return lambda tol: sparse.lasso_path(A, b, grid, tol=tol).x


def _our_codes(work: Work) -> Solve:
    D, Y = torch.from_numpy(work.A), torch.from_numpy(work.b)
    return lambda tol: sparse.sparse_encode(Y, D, work.l1, tol=tol).x


def _our_fista(work: Work) -> Solve:
    D, Y = torch.from_numpy(work.A), torch.from_numpy(work.b)
    return lambda tol: sparse.lasso(D, Y, work.l1, tol=tol, solver="fista").x


def _our_matching(work: Work) -> Solve:
    D, Y = torch.from_numpy(work.A), torch.from_numpy(work.b)
    return lambda _: sparse.omp(D, Y, work.k).x


def _our_matching_by_residual(work: Work) -> Solve:
    D, Y = torch.from_numpy(work.A), torch.from_numpy(work.b)
    return lambda _: sparse.omp(D, Y, work.k, rule="residual").x


def _sklearn(work: Work) -> Solve:
    from sklearn.linear_model import ElasticNet, Lasso

    A, b, m = work.by_columns, work.b, len(work.b)
    common: dict[str, Any] = {"fit_intercept": False, "precompute": False, "max_iter": MOST, "copy_X": False}
    both = work.l1 + work.l2
    if work.l2:
        return lambda tol: ElasticNet(both / m, l1_ratio=work.l1 / both, tol=tol, **common).fit(A, b).coef_
    return lambda tol: Lasso(both / m, tol=tol, **common).fit(A, b).coef_


def _sklearn_path(work: Work) -> Solve:
    from sklearn.linear_model import lasso_path

    A, b, grid = work.by_columns, work.b, work.l1 / len(work.b)
    return lambda tol: (
        lasso_path(A, b, alphas=grid, tol=tol, max_iter=MOST, precompute=False, copy_X=False, check_input=False)[1].T
    )


def _skglm(work: Work) -> Solve:
    import skglm

    A, b, m = work.by_columns, work.b, len(work.b)
    both = work.l1 + work.l2
    # Its tolerance bounds the violation of optimality, in units of λ/m.
    common: dict[str, Any] = {"fit_intercept": False, "max_iter": 1000, "max_epochs": MOST}
    if work.l2:
        return lambda tol: skglm.ElasticNet(both / m, work.l1 / both, tol=tol * both / m, **common).fit(A, b).coef_
    return lambda tol: skglm.Lasso(both / m, tol=tol * both / m, **common).fit(A, b).coef_


def _celer(work: Work) -> Solve:
    import celer

    A, b, m = work.by_columns, work.b, len(work.b)
    both = work.l1 + work.l2
    common: dict[str, Any] = {"fit_intercept": False, "max_iter": 1000, "max_epochs": MOST}
    if work.l2:
        return lambda tol: celer.ElasticNet(both / m, l1_ratio=work.l1 / both, tol=tol, **common).fit(A, b).coef_
    return lambda tol: celer.Lasso(both / m, tol=tol, **common).fit(A, b).coef_


def _celer_path(work: Work) -> Solve:
    import celer

    A, b, grid = work.by_columns, work.b, work.l1 / len(work.b)
    common: dict[str, Any] = {"alphas": grid, "max_iter": 1000, "max_epochs": MOST, "prune": True}
    return lambda tol: celer.celer_path(A, b, "lasso", tol=tol, **common)[1].T


@cache
def _spams() -> Any:
    """SPAMS with one BLAS thread, and kernels as good as it has.

    Its wheel carries an OpenBLAS of 2021, which takes processors that it does not know for one of 2007 and is then
    twice as slow. The variable is read when a library is loaded: numpy's and scipy's are loaded before.
    """
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    if torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")
    import spams

    threadpool_limits({"libopenblas": 1})
    return spams


def _spams_codes(work: Work) -> Solve:
    spams, D, Y = _spams(), np.asfortranarray(work.A), np.asfortranarray(work.b.T)
    threads = torch.get_num_threads()
    return lambda _: spams.lasso(Y, D, lambda1=work.l1, mode=2, numThreads=threads).T


def _spams_matching(work: Work) -> Solve:
    spams, D, Y = _spams(), np.asfortranarray(work.A), np.asfortranarray(work.b.T)
    threads = torch.get_num_threads()
    return lambda _: spams.omp(Y, D, L=work.k, eps=0.0, numThreads=threads).T


def _sklearn_codes(algorithm: str) -> Callable[[Work], Solve]:
    def prepare(work: Work) -> Solve:
        from sklearn.decomposition import sparse_encode

        Y, D = np.ascontiguousarray(work.b), np.ascontiguousarray(work.A.T)
        return lambda _: sparse_encode(Y, D, algorithm=algorithm, alpha=work.l1, max_iter=MOST, n_jobs=1)

    return prepare


def _sklearn_matching(work: Work) -> Solve:
    from sklearn.linear_model import orthogonal_mp

    D, Y = np.asfortranarray(work.A), np.asfortranarray(work.b.T)
    return lambda _: orthogonal_mp(D, Y, n_nonzero_coefs=work.k, precompute=True).T


_REGRESSION = (
    Contender(OURS, "gossamer", _ours, 1e-6),
    Contender("scikit-learn", "sklearn", _sklearn, 1e-6),
    Contender("skglm", "skglm", _skglm, 1e-3),
    Contender("celer", "celer", _celer, 1e-6),
)

CONTENDERS: Mapping[str, tuple[Contender, ...]] = {
    "lasso": _REGRESSION,
    "elastic net": _REGRESSION,
    "path": (
        Contender(OURS, "gossamer", _our_path, 1e-6),
        Contender("scikit-learn", "sklearn", _sklearn_path, 1e-6),
        Contender("celer", "celer", _celer_path, 1e-6),
    ),
    "coding": (
        Contender(OURS, "gossamer", _our_codes, 1e-6),
        Contender("SPAMS", "spams", _spams_codes),
        Contender("scikit-learn, LARS", "sklearn", _sklearn_codes("lasso_lars"), signals=500),
        Contender("scikit-learn, descent", "sklearn", _sklearn_codes("lasso_cd"), signals=500),
        Contender("gossamer, FISTA in torch", "gossamer", _our_fista, 1e-6, signals=1000),
    ),
    "omp": (
        Contender(OURS, "gossamer", _our_matching),
        Contender("SPAMS", "spams", _spams_matching),
        Contender("scikit-learn", "sklearn", _sklearn_matching),
        Contender("gossamer, by residual as SPAMS", "gossamer", _our_matching_by_residual, signals=1000),
    ),
}


def quiet() -> None:
    """Peers warn where they stop early; what they reach is judged here."""
    warnings.filterwarnings("ignore")
