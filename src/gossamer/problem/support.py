"""The certificate of an answer with few nonzeros: what can be proved of its support, from the data and x alone.

No solver's code is used here, so that what a solver believes and what is true can differ visibly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import LinearOperator
from .least_squares import widened, widened_entries

__all__ = ["SupportCertificate", "mutual_coherence", "support_certificate"]

# A column depends on others when the square of its part beside them is below this, relative to that of its norm.
DEPENDENT = 1e-12
TINY = torch.finfo(torch.float64).tiny
# A residual of this many times ‖b‖ is rounding: of x, in the type it came in, and of products in float64.
EXACT = 64
_ITEMS_AT_ONCE = 1 << 22


@dataclass(frozen=True, eq=False)
class SupportCertificate:
    """What is proved of each x and its support S; float64 unless said otherwise, all shaped like the signals *b.

    Args:
        residual: ‖Ax − b‖₂.
        misfit: (‖Ax − b‖² − min over z on S of ‖Az − b‖²)/‖b‖²: 0 where x is the least-squares fit on its support.
        gain: the most by which ‖b − fit‖² falls, divided by ‖b‖², when one column of S is exchanged for another and all
            are fitted anew (where S may grow, also when one is added). 0 where no such step helps.
        exchange: (*b, 2) int64, the column that leaves (−1: none, one is added) and the one that enters; −1, −1 where
            the gain is 0.
        without: the least ‖Az − b‖₂ with one column of S left out; ∞ for an empty S. Above ε it proves that no column
            can be spared under ‖Ax − b‖ ≤ ε.
        independent: bool, whether the columns of S are linearly independent.
        erc: max over j outside of S of ‖A_S⁺a_j‖₁ for columns scaled to norm 1. Below 1, orthogonal matching pursuit
            and basis pursuit find every signal on S, without noise. ∞ where S is dependent.
        unique: bool, Ax = b to rounding and ‖x‖₀ < (1 + 1/μ)/2 with the coherence μ: no other z with Az = b has as few
            nonzeros, so x solves min ‖x‖₀ s.t. Ax = b.
    """

    residual: Tensor
    misfit: Tensor
    gain: Tensor
    exchange: Tensor
    without: Tensor
    independent: Tensor
    erc: Tensor
    unique: Tensor

    def exchange_optimal(self, tol: float = 1e-6) -> Tensor:
        """Whether no refit and no exchange of one column lowers ½‖Ax − b‖² by more than tol·½‖b‖²: bool, *b."""
        return self.misfit + self.gain <= tol


def support_certificate(
    A: LinearOperator, b: Tensor, x: Tensor, k: int | None = None, coherence: float | None = None
) -> SupportCertificate:
    """Judge answers of min ½‖Ax − b‖² s.t. ‖x‖₀ ≤ k, and of min ‖x‖₀ s.t. ‖Ax − b‖ ≤ ε.

    With r the residual of the fit on S, u_i the part of a_i beside the other columns of S, scaled to norm 1, and p_j
    the part of a_j beside S, an exchange of i for j changes the squared residual by

        |u_iᴴb|² − |a_jᴴr + (a_jᴴu_i)(u_iᴴb)|² / (‖p_j‖² + |a_jᴴu_i|²).

    Args: A (m, n); b (*b, m); x (*b, n) with at most m nonzeros each; any dtype, everything is computed in float64 or
        complex128; k: nonzeros allowed, default as many as x has; coherence: `mutual_coherence(A)` where it is known, 1
        to leave `unique` undecided. It costs n²m when left out.
    Raises: DataError for NaN, or more nonzeros than rows or than k.
    Source: the exchange is that of all-subsets and order-recursive least squares; erc is Tropp 2004, theorems 3.1 and
        3.3; unique is Donoho & Elad 2003, Gribonval & Nielsen 2003.

    >>> from gossamer.linop import Dense
    >>> A, b = Dense(torch.eye(3)), torch.tensor([3.0, 0.0, 1.0])
    >>> judged = support_certificate(A, b, torch.tensor([0.0, 0.0, 1.0]))
    >>> round(float(judged.gain), 6), judged.exchange.tolist(), bool(judged.exchange_optimal())
    (0.8, [2, 0], False)
    """
    shape, rounding = b.shape[:-1], torch.finfo(x.dtype).eps
    A, b, x = widened(A), widened_entries(b).reshape(-1, A.shape[0]), widened_entries(x).reshape(-1, A.shape[1])
    counts = (x != 0).sum(-1)
    _check(A, b, x, counts, k)
    mu = mutual_coherence(A) if coherence is None else coherence
    norms = A.column_norms()
    width = max(1, int(counts.max())) if counts.numel() else 1
    rows = max(1, _ITEMS_AT_ONCE // (width * A.shape[1]))
    parts = [_judged(A, norms, right, left, width, k) for right, left in zip(b.split(rows), x.split(rows), strict=True)]
    residual, misfit, gain, exchange, without, independent, erc = (torch.cat(list(p)) for p in zip(*parts, strict=True))
    exact = residual <= EXACT * rounding * torch.linalg.vector_norm(b, dim=-1)
    unique = exact & (2 * counts * mu < 1 + mu)
    plain = (residual, misfit, gain, without, independent, erc, unique)
    residual, misfit, gain, without, independent, erc, unique = (part.reshape(shape) for part in plain)
    return SupportCertificate(residual, misfit, gain, exchange.reshape(*shape, 2), without, independent, erc, unique)


def mutual_coherence(A: LinearOperator) -> float:
    """max over i ≠ j of |a_iᴴa_j|/(‖a_i‖‖a_j‖): 0 for orthogonal columns, 1 for two of one direction. In float64.

    Args: A (m, n); zero columns play no part. Costs n²m, in blocks of columns.

    >>> from gossamer.linop import Dense
    >>> round(mutual_coherence(Dense(torch.tensor([[1.0, 0.0, 3.0], [0.0, 1.0, 4.0]]))), 6)
    0.8
    """
    A = widened(A)
    norms, n = A.column_norms(), A.shape[1]
    over = torch.where(norms > 0, 1 / torch.where(norms > 0, norms, 1.0), 0.0)
    most = 0.0
    for block in torch.arange(n, device=A.device).split(max(1, _ITEMS_AT_ONCE // max(A.shape))):
        products = A.rmv(A.columns(block).mT).abs() * over * over[block, None]
        products[torch.arange(len(block), device=A.device), block] = 0
        most = max(most, float(products.max()))
    return min(most, 1.0)


def _judged(A: LinearOperator, norms: Tensor, b: Tensor, x: Tensor, width: int, k: int | None) -> tuple[Tensor, ...]:
    """All fields but `unique`, in their order, for some signals whose supports have at most `width` columns."""
    used, places = (x != 0).to(torch.uint8).topk(width, dim=-1)
    used = used.bool()
    columns = A.columns(places.reshape(-1)).reshape(A.shape[0], *places.shape).movedim(0, 1) * used[:, None]
    q, triangle = torch.linalg.qr(columns)
    q, diagonal = q * used[:, None], triangle.diagonal(dim1=-2, dim2=-1).abs().square()
    shares = torch.where(used, diagonal / columns.abs().square().sum(1).clamp(min=TINY), torch.inf)
    least, spare = shares.min(-1)
    independent = least > DEPENDENT
    if not bool(independent.all()):
        q = torch.where(independent[:, None, None], q, _span(columns))
    left = b - A.mv(x)
    fitted = b - _along(q, b)
    energy = _squares(b)
    energy = torch.where(energy > 0, energy, 1.0)
    views = _Views.of(A, norms, b, fitted, q, triangle, used & independent[:, None], places)
    grows = ~independent if k is None else ~independent | (used.sum(-1) < k)
    gain, leaves, enters = views.best(grows, torch.where(independent, -1, places.gather(1, spare[:, None])[:, 0]))
    gain = gain / energy
    exchange = torch.where((gain > 0)[:, None], torch.stack([leaves, enters], -1), -1)
    spared = torch.where(used, views.along.abs().square(), torch.inf).amin(-1)
    without = (_squares(fitted) + torch.where(independent, spared, 0.0)).sqrt()
    erc = torch.where(independent, views.recovery(), torch.inf)
    misfit = _squares((q.mH @ left.unsqueeze(-1)).squeeze(-1)) / energy
    return _squares(left).sqrt(), misfit, gain.clamp(min=0), exchange, without, independent, erc


@dataclass(frozen=True, eq=False)
class _Views:
    """Every column seen from each support. Shapes: w is a place in the support, n a column.

    Args: places, used (signals, w); sizes (signals, w) ‖a_i‖·ν_i, with ν_i = 1/‖part of a_i beside the others‖; along
        (signals, w) u_iᴴb; dual (signals, w, n) a_jᴴu_i; residual (signals, n) a_jᴴr; beside (signals, n) ‖p_j‖²;
        norms (n,).
    """

    places: Tensor
    used: Tensor
    sizes: Tensor
    along: Tensor
    dual: Tensor
    residual: Tensor
    beside: Tensor
    norms: Tensor

    @staticmethod
    def of(
        A: LinearOperator, norms: Tensor, b: Tensor, fitted: Tensor, q: Tensor, triangle: Tensor, used: Tensor,
        places: Tensor,
    ) -> _Views:  # fmt: skip
        inside = used[:, :, None] & used[:, None, :]
        eye = torch.eye(places.shape[1], dtype=q.dtype, device=q.device)
        turned = torch.linalg.solve_triangular(torch.where(inside, triangle, eye).mH, eye, upper=False)
        lengths = torch.linalg.vector_norm(turned, dim=1)
        turned = torch.where(used[:, None], turned / lengths[:, None], 0.0)
        products = A.rmv(q.mT)
        beside = (norms.square() - products.abs().square().sum(1)).clamp(min=0)
        dual = turned.mT @ products
        along = ((q @ turned).mH @ b.unsqueeze(-1)).squeeze(-1)
        return _Views(places, used, norms[places] * lengths, along, dual, A.rmv(fitted), beside, norms)

    def best(self, grows: Tensor, redundant: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The largest fall of ‖r‖², and the columns that leave and enter for it.

        Args: grows (signals,): whether a column may enter without another leaving but `redundant`, −1 for none.
        """
        least = DEPENDENT * self.norms.square()
        chosen = torch.zeros_like(self.beside, dtype=torch.bool).scatter(1, self.places, self.used)
        alone = _quotient(self.residual.abs().square(), self.beside, least)
        alone = torch.where(chosen | ~grows[:, None], -1.0, alone)
        part = self.beside[:, None] + self.dual.abs().square()
        entering = _quotient((self.residual[:, None] + self.dual * self.along[..., None]).abs().square(), part, least)
        change = entering - self.along.abs().square()[..., None]
        change = torch.where(self.used[..., None] & ~chosen[:, None], change, -1.0)
        n = self.norms.shape[0]
        first, add = alone.max(-1)
        second, pair = change.flatten(1).max(-1)
        leaves = self.places.gather(1, (pair // n)[:, None])[:, 0]
        adds = first >= second
        return torch.maximum(first, second), torch.where(adds, redundant, leaves), torch.where(adds, add, pair % n)

    def recovery(self) -> Tensor:
        """max over j outside of ‖A_S⁺a_j‖₁, columns scaled to norm 1."""
        sums = (self.dual.abs() * torch.where(self.used, self.sizes, 0.0)[..., None]).sum(1)
        chosen = torch.zeros_like(self.beside, dtype=torch.bool).scatter(1, self.places, self.used)
        return torch.where(chosen | (self.norms == 0), 0.0, sums / self.norms.clamp(min=TINY)).amax(-1)


def _span(columns: Tensor) -> Tensor:
    """An orthonormal basis of the columns' span, zeros beside it: (signals, m, w)."""
    u, s, _ = torch.linalg.svd(columns, full_matrices=False)
    basis: Tensor = u * (s > DEPENDENT**0.5 * s[:, :1])[:, None]
    return basis


def _along(q: Tensor, b: Tensor) -> Tensor:
    return (q @ (q.mH @ b.unsqueeze(-1))).squeeze(-1)


def _quotient(energy: Tensor, part: Tensor, least: Tensor) -> Tensor:
    """energy/part; a column with no part beside the others brings nothing."""
    return torch.where(part > least, energy / part.clamp(min=TINY), 0.0)


def _squares(x: Tensor) -> Tensor:
    squares: Tensor = x.abs().square().sum(-1)
    return squares


def _check(A: LinearOperator, b: Tensor, x: Tensor, counts: Tensor, k: int | None) -> None:
    m = A.shape[0]
    if b.shape[0] != x.shape[0]:
        raise DataError(f"{b.shape[0]} signals and {x.shape[0]} answers; give one x for each b")
    if not bool(torch.isfinite(b).all() and torch.isfinite(x).all() and torch.isfinite(A.column_norms()).all()):
        raise DataError("A, b or x holds NaN or infinity; nothing can be proved of it")
    most = int(counts.max()) if counts.numel() else 0
    if most > m:
        raise DataError(f"x has {most} nonzeros and A only {m} rows: such columns are dependent; give a sparser x")
    if k is not None and most > k:
        raise DataError(f"x has {most} nonzeros, more than k = {k}; give the k that was asked for")
