"""Room 2: linear maps. A new one is one new file."""

from .adjoint import Adjoint
from .arrival import as_operator, as_signals, check_design
from .base import Composition, LinearOperator
from .callables import Callables
from .convolution import Convolution
from .dense import Dense
from .fourier import SubsampledDCT, SubsampledFourier
from .masked import Masked
from .products import adjoint_gap
from .row_scaled import RowScaled
from .scaled import Scaled
from .sparse import Sparse
from .stacked import Stacked
from .standardised import Standardised
from .wavelet import Wavelet

__all__ = [
    "Adjoint",
    "Callables",
    "Composition",
    "Convolution",
    "Dense",
    "LinearOperator",
    "Masked",
    "RowScaled",
    "Scaled",
    "Sparse",
    "Stacked",
    "Standardised",
    "SubsampledDCT",
    "SubsampledFourier",
    "Wavelet",
    "adjoint_gap",
    "as_operator",
    "as_signals",
    "check_design",
]
