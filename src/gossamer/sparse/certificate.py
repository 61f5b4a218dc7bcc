"""What can be proved of an answer with few nonzeros."""

from __future__ import annotations

from typing import Any

import torch

from .. import problem
from ..errors import DataError
from ..linop import as_operator, as_signals
from ..problem import SupportCertificate

__all__ = ["support_certificate"]


def support_certificate(
    A: Any, b: Any, x: Any, *, k: int | None = None, coherence: float | None = None
) -> SupportCertificate:
    """Judge the support of x from A, b and x alone, in float64, whoever found it.

        min ½‖Ax − b‖²  s.t.  ‖x‖₀ ≤ k,   or   min ‖x‖₀  s.t.  ‖Ax − b‖ ≤ ε

    The problems are hard, so the proof is of less than the optimum, but for `unique`: whether x is the fit on its
    support (`misfit`), whether exchanging one column helps (`gain`, `exchange`), whether one can be spared (`without`),
    whether greedy methods and basis pursuit always find this support (`erc` < 1), and whether no other x with Ax = b
    has as few nonzeros (`unique`). `exchange_optimal(tol)` is the first two together.

    Args:
        A: (m, n): a tensor, numpy array, sparse matrix or LinearOperator.
        b: (m,) or (signals, m). x: (n,) or (signals, n), with at most m nonzeros each.
        k: nonzeros allowed; default as many as each x has.
        coherence: of A where it is known; 1 leaves `unique` undecided. Left out, it costs a product of A with itself.
    Returns: a `SupportCertificate`, each field with one entry for each signal.
    Raises: DataError on shapes, NaN, or more nonzeros than k or m.

    >>> A, b = torch.eye(3), torch.tensor([3.0, 0.0, 1.0])
    >>> bool(support_certificate(A, b, torch.tensor([3.0, 0.0, 0.0])).exchange_optimal())
    True
    >>> support_certificate(A, b, torch.tensor([0.0, 0.0, 1.0])).exchange.tolist()
    [2, 0]
    """
    operator = as_operator(A)
    m, n = operator.shape
    b, x = as_signals(b, operator.dtype), as_signals(x, operator.dtype)
    for name, tensor, size in (("b", b, m), ("x", x, n)):
        if tensor.dim() not in (1, 2) or tensor.shape[-1] != size:
            given = tuple(tensor.shape)
            raise DataError(f"{name} must be ({size},) or (signals, {size}) for this A ({m}, {n}), given {given}")
    if b.dim() != x.dim():
        raise DataError(f"b is {tuple(b.shape)} and x {tuple(x.shape)}; give one x for each b")
    with torch.no_grad():
        return problem.support_certificate(operator, b, x, k, coherence)
