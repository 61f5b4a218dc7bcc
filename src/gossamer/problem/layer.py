"""A layer and its constraint set: what a layer solver is given."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..terms import Constraint

__all__ = ["LayerQuadratic", "Problem"]


@dataclass(frozen=True, eq=False)
class LayerQuadratic:
    """The error of one layer's output, as far as the inputs' column energies tell it.

        f(Ŵ) = ½ Σ_{g,o,j} energy_{g,j} (W_{goj} − Ŵ_{goj})²

    This is ½‖XWᵀ − XŴᵀ‖² when H = XᵀX is diagonal, energy = diag H. Without inputs (energy None) it is ½‖W − Ŵ‖².

    Args: weight W (groups, out, in); energy (groups, in) ≥ 0, or None.
    """

    weight: Tensor
    energy: Tensor | None = None

    @property
    def metric(self) -> Tensor | None:
        """The weight of each squared difference, (groups, 1, in), broadcasting to W."""
        return None if self.energy is None else self.energy.unsqueeze(-2)

    def value(self, z: Tensor) -> float:
        """f(z)."""
        return 0.5 * float(self._weighted((self.weight.double() - z.double()) ** 2).sum())

    def relative(self, z: Tensor) -> float:
        """f(z)/f(0): 0 is perfect, 1 is as bad as dropping the layer. 0 when f(0) is 0 and nothing is lost."""
        whole = float(self._weighted(self.weight.double() ** 2).sum())
        lost = 2 * self.value(z)
        return lost / whole if whole > 0 else float(lost > 0)

    def _weighted(self, squares: Tensor) -> Tensor:
        return squares if self.metric is None else squares * self.metric.to(torch.float64)


@dataclass(frozen=True, eq=False)
class Problem:
    """min_z fit(z) subject to z in the constraint set."""

    fit: LayerQuadratic
    term: Constraint
