"""Room 7: layers that hold packed weights. Which layer becomes which is the table `PACKED`."""

from .convert import pack_, set_weights_, unpack_
from .layers import PACKED, packed_class
from .packed import Packed, packed_parameters
from .parameter import PackedParameter, Weights
from .view import Kind, WeightView

__all__ = [
    "PACKED",
    "Kind",
    "Packed",
    "PackedParameter",
    "WeightView",
    "Weights",
    "pack_",
    "packed_class",
    "packed_parameters",
    "set_weights_",
    "unpack_",
]
