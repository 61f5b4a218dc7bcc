"""scikit-learn's face of sparse learning: its parameters, its scaling, its contracts; our solvers and certificates."""

from .elastic_net import ElasticNet, ElasticNetCV
from .group_lasso import GroupLasso, GroupLassoCV, SparseGroupLasso, SparseGroupLassoCV
from .lasso import Lasso, LassoCV
from .logistic import SparseLogisticRegression, SparseLogisticRegressionCV
from .loss_regressors import HuberLasso, PoissonLasso
from .multitask_lasso import MultiTaskLasso, MultiTaskLassoCV
from .omp import OrthogonalMatchingPursuit, OrthogonalMatchingPursuitCV
from .sparse_coder import SparseCoder

__all__ = [
    "ElasticNet",
    "ElasticNetCV",
    "GroupLasso",
    "GroupLassoCV",
    "HuberLasso",
    "Lasso",
    "LassoCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "OrthogonalMatchingPursuit",
    "OrthogonalMatchingPursuitCV",
    "PoissonLasso",
    "SparseCoder",
    "SparseGroupLasso",
    "SparseGroupLassoCV",
    "SparseLogisticRegression",
    "SparseLogisticRegressionCV",
]
