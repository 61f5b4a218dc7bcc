"""Room 3: terms. A structure becomes a constraint set here, fitted to one tensor and then frozen.

A new structure is one new file in this folder and one line in SUPPORTS or VALUES; a new penalty, one in PENALTIES.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from ..structure import NM, Block, Codebook, Grid, Structure, Support, TopK, Values, Word, as_structure
from .base import Constraint, Penalty, SupportSet, Term, ValueSet
from .block import BlockSupport
from .blockwise import BlockPenalty
from .boxed_l1 import BoxedL1
from .codebook import CodebookValues, fit_codebook
from .constraint import StructureSet
from .elastic_net import ElasticNet
from .fixed import FixedSupport, WithinSupport
from .grid import GridValues, fit_grid
from .group import Group, SparseGroup
from .grouped import GroupedPenalty
from .l1 import L1
from .l1_ball import L1Ball
from .lowrank import check_rank, nearest_factors
from .member import Member
from .multi_task import MultiTask
from .nm import NMSupport
from .separable import SeparablePenalty
from .topk import TopKSupport

__all__ = [
    "L1",
    "PENALTIES",
    "SUPPORTS",
    "VALUES",
    "BlockPenalty",
    "BoxedL1",
    "Constraint",
    "ElasticNet",
    "FixedSupport",
    "Group",
    "GroupedPenalty",
    "L1Ball",
    "Member",
    "MultiTask",
    "Penalty",
    "SeparablePenalty",
    "SparseGroup",
    "StructureSet",
    "SupportSet",
    "Term",
    "ValueSet",
    "WithinSupport",
    "fit",
    "fit_values",
    "frozen",
    "nearest_factors",
    "support_set",
]

SUPPORTS: Mapping[type[Support], Callable[[Any, tuple[int, ...]], SupportSet]] = {
    TopK: TopKSupport,
    NM: NMSupport,
    Block: BlockSupport,
}
VALUES: Mapping[type[Values], tuple[Callable[..., ValueSet], Callable[[Any, Member], ValueSet]]] = {
    # word: (fit to a tensor, take back the fitted set from a member)
    Grid: (fit_grid, lambda word, m: GridValues(word, _part(m.scale), m.zero_point)),
    Codebook: (fit_codebook, lambda word, m: CodebookValues(word, _part(m.codebook))),
}
PENALTIES: Mapping[str, type[Penalty]] = {
    "l1": L1,
    "boxed_l1": BoxedL1,
    "elastic_net": ElasticNet,
    "group": Group,
    "sparse_group": SparseGroup,
    "multi_task": MultiTask,
    "l1_ball": L1Ball,
}


def support_set(word: Support, shape: tuple[int, ...]) -> SupportSet:
    """The family of supports that `word` allows on tensors of `shape`. Raises StructureError where it does not fit."""
    return SUPPORTS[type(word)](word, shape)


def fit_values(
    word: Values, x: Tensor, metric: Tensor | None = None, support: Tensor | None = None, **options: Any
) -> ValueSet:
    """Fit a grid or codebook to the held entries of x, and freeze it. Options are those of the word's own fit."""
    return VALUES[type(word)][0](word, x, metric, support, **options)


def fit(structure: Word | Structure | str, x: Tensor, metric: Tensor | None = None, **options: Any) -> StructureSet:
    """The constraint set of a structure, fitted to one tensor: scales and codebooks are chosen here and never move.

    The values are fitted to the entries that the support alone would keep, since the others will be zero.

    Args:
        structure: a word, a Structure or its text form.
        x: the tensor (*b, n); a layer's weight arrives as (groups, out, in).
        metric: ≥ 0, broadcasts to x; None is ones.
        options: passed to the fit of the values, for example `clip=False` for a grid.
    Returns: a `StructureSet`; `project` it onto x, or onto any tensor of the same shape.
    Raises: StructureError when the structure does not fit the shape.

    >>> import torch
    >>> W = torch.tensor([[3.0, -1.0, 0.2, 0.1]])
    >>> fit("2:4", W).project(W).dense()
    tensor([[ 3., -1.,  0.,  0.]])
    """
    structure = as_structure(structure)
    shape = tuple(x.shape)
    where = support_set(structure.support, shape) if structure.support else None
    if structure.lowrank:
        check_rank(structure.lowrank, shape)
    if structure.values is None:
        return StructureSet(structure, shape, where)
    support = StructureSet(structure, shape, where).project(x, metric).support if where else None
    what = fit_values(structure.values, x, metric, support, **options)
    return StructureSet(structure, shape, where, what)


def frozen(member: Member) -> StructureSet:
    """The tensors that keep this member's support, scales, codebook and low-rank part: what later steps project on.

    >>> import torch
    >>> W = torch.tensor([[3.0, -1.0, 0.2, 0.1]])
    >>> frozen(fit("2:4", W).project(W)).project(torch.ones(1, 4)).dense()
    tensor([[1., 1., 0., 0.]])
    """
    word = member.structure.values
    what = VALUES[type(word)][1](word, member) if word else None
    return StructureSet(member.structure, member.shape, None, what).frozen(member)


def _part(part: Tensor | None) -> Tensor:
    assert part is not None, "a member whose structure has values holds their parts"
    return part
