"""What a term is: a penalty or a constraint set on the unknown."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from .member import Member

__all__ = ["Constraint", "Penalty", "SupportSet", "Term", "ValueSet"]


class Term(ABC):
    """Something added to a fit. `event_ndim` trailing axes form one problem; the axes before them are a batch."""

    @property
    @abstractmethod
    def event_ndim(self) -> int:
        """1: each row is a problem of its own. 2 or more: the trailing axes are one problem."""


class Constraint(Term):
    """A set of tensors. Projecting gives a `Member`; what was fitted (scales, codebook) never moves by it."""

    @property
    @abstractmethod
    def exact(self) -> bool:
        """Whether `project` returns a nearest member, or a good one by a heuristic that the docstring names."""

    @abstractmethod
    def project(self, x: Tensor, metric: Tensor | None = None) -> Member:
        """argmin_z ½ Σ_j metric_j (x_j − z_j)² over the set. x (*b, n); metric broadcasts to x, ≥ 0; None is ones."""

    @abstractmethod
    def violation(self, x: Tensor) -> float:
        """0 when x lies in the set; otherwise how far: excess nonzeros plus the largest distance to a legal value."""


class Penalty(Term):
    """A convex function Ω ≥ 0 with Ω(0) = 0, known by its proximal map. x is (*b, n); results have shape *b.

    With `event_ndim` 2 the trailing (tasks, n) axes are one problem, and results lack both.
    """

    @property
    @abstractmethod
    def ridge(self) -> float:
        """μ of a part (μ/2)‖x‖² of Ω; 0 without one."""

    @property
    @abstractmethod
    def free(self) -> Tensor | None:
        """Entries (n,) on which Ω does not depend, as bool; None when there are none."""

    @property
    @abstractmethod
    def half_free(self) -> Tensor | None:
        """Entries (n,) on which Ω is 0 without end on one side of 0, and not on the other: 1 above, −1 below, else 0.

        None when there are none. The conjugate is infinite wherever such an entry points to its side at all.
        """

    @abstractmethod
    def without_ridge(self) -> Penalty:
        """Ω less its ridge: duality gaps treat the ridge as part of the fit."""

    @abstractmethod
    def check(self, n: int) -> None:
        """Raises StructureError when Ω is not one for n unknowns."""

    @abstractmethod
    def value(self, x: Tensor) -> Tensor:
        """Ω(x); infinite outside the domain."""

    @abstractmethod
    def prox(self, x: Tensor, step: float | Tensor) -> Tensor:
        """argmin_z ½‖z − x‖² + step·Ω(z). A tensor `step` broadcasts to x."""

    @abstractmethod
    def conjugate(self, v: Tensor) -> Tensor:
        """Ω*(v) = sup_x ⟨v, x⟩ − Ω(x), infinite outside its domain."""

    @abstractmethod
    def dual_scale(self, v: Tensor) -> Tensor:
        """The largest s in [0, 1] with Ω*(s·v) finite. Entries that are `free` are left to the caller."""

    @abstractmethod
    def subdiff_distance(self, x: Tensor, grad: Tensor) -> Tensor:
        """How far −grad is from ∂Ω(x), as the largest distance of an entry (of a group): 0 at a minimiser."""


class SupportSet(ABC):
    """The part of a constraint that says where: a family of allowed supports, closed under taking subsets."""

    @property
    @abstractmethod
    def event_ndim(self) -> int: ...

    @abstractmethod
    def select(self, gain: Tensor, tie: Tensor) -> Tensor:
        """The allowed support with the largest Σ gain. Ties keep the larger `tie`, then the lower index.

        A gain is negative where the nearest legal value (of a codebook without zero) is worse than none: such an
        entry is left out, or the block whose gains add up to less than nothing.

        Args: gain, tie of the tensor's shape (*b, n). Returns: bool of that shape.
        """

    @abstractmethod
    def excess(self, nonzero: Tensor) -> int:
        """How many nonzeros too many `nonzero` (bool, the tensor's shape) holds."""


class ValueSet(ABC):
    """The part of a constraint that says which values: a fitted, frozen set of numbers for each entry."""

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """uint8 codes of the nearest values, in x's shape."""

    @abstractmethod
    def decode(self, codes: Tensor) -> Tensor:
        """float32 values of codes in the tensor's full shape."""

    @abstractmethod
    def parts(self) -> dict[str, Tensor]:
        """The fitted parts, under the field names of `Member`."""

    def nearest(self, x: Tensor) -> Tensor:
        """The nearest legal value of each entry, float32."""
        return self.decode(self.encode(x))
