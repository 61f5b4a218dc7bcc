"""Room 6: the front door for sparse learning."""

from .conversion import to_scipy, to_torch
from .pack import Packed, pack

__all__ = ["Packed", "pack", "to_scipy", "to_torch"]
