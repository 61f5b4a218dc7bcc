"""Recovery with a count of nonzeros: matching pursuits and hard thresholding.

Everywhere A is (m, n): a tensor, numpy array, torch or scipy sparse matrix, or `LinearOperator`; b is (m,) or
(signals, m) of the same dtype; and `tol` bounds the residual relative to the signal, ‖Ax − b‖ ≤ tol·‖b‖ (give ε/‖b‖
for a noise of known norm ε).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import Dense, LinearOperator
from ..problem.least_squares import all_finite
from ..solvers import batch_omp as _batch, omp as _omp, somp as _somp
from ..solvers.cosamp import CoSaMP
from ..solvers.htp import HTP
from ..solvers.iht import IHT
from ..solvers.implicit import attach_fit
from ..solvers.niht import NIHT
from ..solvers.omp import Rule
from ..solvers.outcome import Recovery
from ..solvers.subspace_pursuit import SubspacePursuit
from ..solvers.support_search import SupportSearch, search
from .checks import check_residual, check_rule, check_steps
from .regression_data import RegressionData

__all__ = ["cosamp", "htp", "iht", "niht", "omp", "simultaneous_omp", "subspace_pursuit"]

MANY = 16  # signals from which the Gram matrix costs less than it saves
TYPES = (torch.float32, torch.float64, torch.complex64, torch.complex128)
ALIKE = 2.0  # largest over smallest norm of columns, for methods that compare their raw correlations


def omp(A: Any, b: Any, k: int | None = None, *, tol: float | None = None, rule: Rule = "correlation") -> Recovery:
    """Orthogonal matching pursuit: one column a step, all chosen ones fitted anew.

        min ‖x‖₀  s.t.  ‖Ax − b‖ ≤ tol·‖b‖,   or   min ½‖Ax − b‖²  s.t.  ‖x‖₀ ≤ k   (greedily)

    Args:
        k: nonzeros at most, up to min(m, n), which is the default where `tol` is given.
        tol: stop there; without it after k columns, or when rounding is all that is left.
        rule: "correlation" takes the largest |a_jᴴr|/‖a_j‖; "residual" the column that lowers the residual most
            (orthogonal least squares), at about twice the cost.

    Real signals by the dozen that share a dense A take the same steps from its Gram matrix (Batch-OMP, native where
    it was built); a signal that this cannot resolve is solved from its residuals like a lone one.

    Where b, or A as a tensor, takes part in autograd, so does x, for real data: as A_S⁺b with the support S held.

    Raises: DataError for NaN, wrong shapes or dtypes, a zero column, k outside 1..min(m, n), or neither k nor tol.

    >>> A = torch.eye(3)
    >>> found = omp(A, torch.tensor([0.0, 3.0, 1.0]), k=1)
    >>> found.x, found.status
    (tensor([0., 3., 0.]), 'k nonzeros were chosen')

    Source: Pati, Rezaiifar & Krishnaprasad 1993; Chen, Billings & Luo 1989 (residual rule); Rubinstein, Zibulevsky &
    Elad 2008 (Batch-OMP).
    """
    if k is None and tol is None:
        raise DataError("omp was given neither k nor tol; give the number of nonzeros, the residual to reach, or both")
    check_rule(rule)
    data = _checked(A, b)
    count = _sparsity(data.A, min(data.A.shape) if k is None else k)
    many = len(data.b) >= MANY and not data.b.is_complex()
    if many and rule == "correlation" and isinstance(data.A, Dense):
        found = _batch.batch_omp(data.A, data.b, count, None if tol is None else _targets(data.b, tol))
    else:
        found = _omp.omp(data.A, data.b, count, _targets(data.b, tol), rule)
    return data.answer(_attached(data, found))


def simultaneous_omp(A: Any, b: Any, k: int | None = None, *, tol: float | None = None) -> Recovery:
    """Orthogonal matching pursuit of signals that share one support.

    Args: b (signals, m); k and tol as for `omp`, where tol bounds all residuals together: ‖AX − B‖ ≤ tol·‖B‖.
    Raises: as `omp`.

    >>> simultaneous_omp(torch.eye(3), torch.tensor([[0.0, 3.0, 1.0], [2.0, 2.0, 0.0]]), k=1).x
    tensor([[0., 3., 0.],
            [0., 2., 0.]])
    """
    if k is None and tol is None:
        raise DataError("simultaneous_omp was given neither k nor tol; give one of them, or both")
    data = _checked(A, b)
    count = _sparsity(data.A, min(data.A.shape) if k is None else k)
    target = float(torch.linalg.vector_norm(_targets(data.b, tol)))
    return data.answer(_attached(data, _somp.simultaneous_omp(data.A, data.b, count, target)))


def cosamp(A: Any, b: Any, k: int, *, tol: float | None = None, max_steps: int = 100) -> Recovery:
    """CoSaMP: 2k columns join those in use, a least-squares fit, and the k largest stay.

    Raises: as `omp`; DataError too where the columns' norms differ by more than a factor of 2.

    >>> cosamp(torch.eye(4), torch.tensor([0.0, 3.0, 0.0, 1.0]), k=2).x
    tensor([0., 3., 0., 1.])
    """
    data = _checked(A, b)
    _alike("cosamp", data.A)
    return _searched(data, CoSaMP(data.A, _sparsity(data.A, k)), tol, max_steps)


def subspace_pursuit(A: Any, b: Any, k: int, *, tol: float | None = None, max_steps: int = 100) -> Recovery:
    """Subspace pursuit: k columns join those in use, the k largest of a fit stay and are fitted again.

    Raises: as `cosamp`.

    >>> subspace_pursuit(torch.eye(4), torch.tensor([0.0, 3.0, 0.0, 1.0]), k=2).x
    tensor([0., 3., 0., 1.])
    """
    data = _checked(A, b)
    _alike("subspace_pursuit", data.A)
    return _searched(data, SubspacePursuit(data.A, _sparsity(data.A, k)), tol, max_steps)


def iht(
    A: Any, b: Any, k: int, *, tol: float | None = None, step: float | None = None,
    max_steps: int = 1000,
) -> Recovery:  # fmt: skip
    """Iterative hard thresholding: a gradient step, and the k largest stay.

    Args: step, by default just below 1/‖A‖², where the residual never rises; a larger one may diverge.
    Raises: as `omp`.

    >>> iht(torch.eye(4), torch.tensor([0.0, 3.0, 0.0, 1.0]), k=1).support
    tensor([False,  True, False, False])
    """
    data = _checked(A, b)
    mu = 0.99 / data.A.norm2_bound() if step is None else _positive(step)
    return _searched(data, IHT(data.A, _sparsity(data.A, k), mu), tol, max_steps)


def niht(A: Any, b: Any, k: int, *, tol: float | None = None, max_steps: int = 1000) -> Recovery:
    """Normalised iterative hard thresholding: the step is the best one on the support in use.

    Raises: as `omp`.

    >>> niht(torch.eye(4), torch.tensor([0.0, 3.0, 0.0, 1.0]), k=2).x
    tensor([0., 3., 0., 1.])
    """
    data = _checked(A, b)
    return _searched(data, NIHT(data.A, _sparsity(data.A, k)), tol, max_steps)


def htp(A: Any, b: Any, k: int, *, tol: float | None = None, step: float = 1.0, max_steps: int = 200) -> Recovery:
    """Hard thresholding pursuit: a gradient step chooses the k columns, least squares their values.

    Args: step, 1 for columns of norm about 1.
    Raises: as `cosamp`; DataError too where step is 1 and the columns' norms are not within 0.5 and 1.5.

    >>> htp(torch.eye(4), torch.tensor([0.0, 3.0, 0.0, 1.0]), k=2).x
    tensor([0., 3., 0., 1.])
    """
    data = _checked(A, b)
    _alike("htp", data.A)
    norms = data.A.column_norms()
    if step == 1.0 and not 0.5 <= float(norms.mean()) <= 1.5:
        raise DataError(f"htp's step of 1 needs columns of norm 1, these have {float(norms.mean()):.3g}; scale A")
    return _searched(data, HTP(data.A, _sparsity(data.A, k), _positive(step)), tol, max_steps)


def _searched(data: RegressionData, method: SupportSearch, tol: float | None, max_steps: int) -> Recovery:
    check_steps(max_steps)
    return data.answer(search(data.A, data.b, method, _targets(data.b, tol), max_steps))


def _checked(A: Any, b: Any) -> RegressionData:
    """The data, of columns that can be chosen. Raises: DataError on shapes, types, NaN, and zero columns."""
    data = RegressionData.of(A, b)
    operator, b = data.A, data.b
    if b.dtype not in TYPES or b.device != operator.device:
        raise DataError(
            f"A is {operator.dtype} on {operator.device} and b on {b.device}; give both as one of float32, float64, "
            f"complex64 or complex128 on one device"
        )
    norms = operator.column_norms()
    if not bool(torch.isfinite(norms).all()):
        raise DataError(f"squares of A's entries leave the range of {operator.dtype}; scale A, or give float64")
    if not all_finite(b):
        raise DataError("b holds NaN or infinity; remove or impute them first")
    if zero := (norms == 0).nonzero().squeeze(-1).tolist():
        raise DataError(f"columns {zero[:5]} of A are zero and cannot be chosen; leave them out")
    return data


def _sparsity(operator: LinearOperator, k: int) -> int:
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= min(operator.shape):
        raise DataError(f"k must be an int from 1 to min(m, n) = {min(operator.shape)}, given {k!r}")
    return k


def _targets(signals: Tensor, tol: float | None) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(signals, dim=-1)
    return norms * check_residual(tol)


def _positive(step: float) -> float:
    if not 0 < step < float("inf"):
        raise DataError(f"step must be positive, given {step!r}")
    return step


def _alike(name: str, operator: LinearOperator) -> None:
    norms = operator.column_norms()
    if float(norms.max()) > ALIKE * float(norms.min()):
        raise DataError(
            f"the columns of A have norms from {float(norms.min()):.3g} to {float(norms.max()):.3g}, and {name} "
            f"compares their correlations as they are; scale them to 1 and divide x by the norms, or use omp or niht"
        )


def _attached(data: RegressionData, found: Recovery) -> Recovery:
    """x as a function of A and b for autograd, where they ask for it."""
    if data.traced is None:
        return found
    if data.b.is_complex():
        raise DataError("a derivative of complex x is not to be had; call detach() on A and b, or use torch.no_grad()")
    return attach_fit(data.traced.A, data.traced.b, found)
