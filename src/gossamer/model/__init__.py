"""Room 7: which tensors a model has, how they are matrices, and exchanging its layers."""

from .arrival import copied, plain_, unwrap
from .columns import column_energy, column_sum, columns
from .guard import keep_state
from .inventory import Owner, TensorSite, inventory
from .select import Choice, select
from .swap import swap_, unswap_
from .views import VIEWS, views

__all__ = [
    "VIEWS",
    "Choice",
    "Owner",
    "TensorSite",
    "column_energy",
    "column_sum",
    "columns",
    "copied",
    "inventory",
    "keep_state",
    "plain_",
    "select",
    "swap_",
    "unswap_",
    "unwrap",
    "views",
]
