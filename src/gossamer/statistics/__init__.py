"""Room 5: what calibration measures."""

from collections.abc import Callable, Mapping

from .base import Statistic
from .energy import ColumnEnergy
from .mean import ColumnMean

__all__ = ["STATISTICS", "ColumnEnergy", "ColumnMean", "Statistic"]

STATISTICS: Mapping[str, Callable[[], Statistic]] = {"column energy": ColumnEnergy, "column mean": ColumnMean}
