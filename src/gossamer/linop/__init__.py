"""Room 2: linear maps. A new one is one new file."""

from .base import LinearOperator
from .dense import Dense

__all__ = ["Dense", "LinearOperator"]
