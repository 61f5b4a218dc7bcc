"""The nearest matrix of a given rank."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import StructureError
from ..structure import LowRank

__all__ = ["check_rank", "nearest_factors"]


def check_rank(word: LowRank, shape: tuple[int, ...]) -> None:
    """Raises StructureError unless the tensor is a matrix (*b, out, in) with rank < min(out, in)."""
    if len(shape) < 2 or word.rank >= min(shape[-2:]):
        raise StructureError(
            f"{word} must be below both sides of the matrix, which is {'×'.join(map(str, shape[-2:]))}; "
            f"choose a smaller rank or leave the layer out"
        )


def nearest_factors(word: LowRank, x: Tensor, metric: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Factors L (*b, out, r), R (*b, r, in) of the nearest matrix of rank r.

        min_{L,R} ½ Σ_{ij} metric_j (x_ij − (LR)_ij)²

    Exact for a metric over columns (..., 1, in): with D = diag(metric)^½ it is the truncated SVD of xD, times D⁻¹
    (Eckart–Young). Columns of metric 0 cost nothing and get zero factors. float64 inside, float32 out; each pair is
    balanced so that both factors have the same scale.

    Raises: StructureError when the metric differs from row to row, where no closed form exists.
    """
    root = torch.ones((), dtype=torch.float64, device=x.device)
    if metric is not None:
        if metric.ndim >= 2 and metric.shape[-2] != 1:
            raise StructureError("a low-rank part has no closed form for a metric that differs from row to row")
        root = metric.double().sqrt()
    u, s, vh = torch.linalg.svd(x.double() * root, full_matrices=False)
    half = s[..., : word.rank].sqrt()
    inverse = torch.where(root > 0, 1 / root.clamp(min=torch.finfo(torch.float64).tiny), torch.zeros_like(root))
    left = u[..., : word.rank] * half.unsqueeze(-2)
    right = half.unsqueeze(-1) * vh[..., : word.rank, :] * inverse
    return left.to(torch.float32), right.to(torch.float32)
