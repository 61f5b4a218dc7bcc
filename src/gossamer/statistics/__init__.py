"""Room 5: what calibration measures."""

from collections.abc import Callable, Mapping

from .base import Statistic
from .energy import ColumnEnergy

__all__ = ["STATISTICS", "ColumnEnergy", "Statistic"]

STATISTICS: Mapping[str, Callable[[], Statistic]] = {"column energy": ColumnEnergy}
