"""Room 6: the front door for sparse learning.

The estimators (`Lasso`, `LassoCV`, …; all are in `gossamer.sparse.estimators`) need scikit-learn, which costs half a
second to import: they are loaded when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import MissingDependencyError
from .advice import Advice, Suggestion, advise
from .certificate import support_certificate
from .conversion import to_scipy, to_torch
from .convex import (
    basis_pursuit,
    elastic_net,
    group_lasso,
    lasso,
    max_penalty,
    multitask_lasso,
    sparse_encode,
)
from .cross_validation import Curve, Selection, cross_validate
from .folds import group_folds, k_folds, stratified_folds, time_folds
from .greedy import cosamp, htp, iht, niht, omp, simultaneous_omp, subspace_pursuit
from .information import Information, degrees_of_freedom, information_criterion
from .lasso_kin import adaptive_lasso, lasso_constrained, relaxed_lasso, square_root_lasso
from .lasso_path import elastic_net_path, lasso_path
from .loss_cv import classification_error, logistic_cv, loss_cv, multinomial_cv
from .losses import cox, huber, logistic, loss_max_penalty, loss_path, multinomial, penalised_loss, poisson
from .omp_path import omp_cv, omp_path
from .pack import Packed, pack
from .path import Path
from .penalty_cv import elastic_net_cv, group_lasso_cv, lasso_cv, multitask_lasso_cv
from .ridge import ridge
from .stability import Stability, stability_selection

if TYPE_CHECKING:  # `__getattr__` brings them; "as" says to type checkers that they are public
    from .estimators import (
        ElasticNet as ElasticNet,
        ElasticNetCV as ElasticNetCV,
        GroupLasso as GroupLasso,
        GroupLassoCV as GroupLassoCV,
        HuberLasso as HuberLasso,
        Lasso as Lasso,
        LassoCV as LassoCV,
        MultiTaskLasso as MultiTaskLasso,
        MultiTaskLassoCV as MultiTaskLassoCV,
        OrthogonalMatchingPursuit as OrthogonalMatchingPursuit,
        OrthogonalMatchingPursuitCV as OrthogonalMatchingPursuitCV,
        PoissonLasso as PoissonLasso,
        SparseCoder as SparseCoder,
        SparseGroupLasso as SparseGroupLasso,
        SparseGroupLassoCV as SparseGroupLassoCV,
        SparseLogisticRegression as SparseLogisticRegression,
        SparseLogisticRegressionCV as SparseLogisticRegressionCV,
    )

ESTIMATORS = (
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
)

__all__ = [
    "Advice",
    "Curve",
    "Information",
    "Packed",
    "Path",
    "Selection",
    "Stability",
    "Suggestion",
    "adaptive_lasso",
    "advise",
    "basis_pursuit",
    "classification_error",
    "cosamp",
    "cox",
    "cross_validate",
    "degrees_of_freedom",
    "elastic_net",
    "elastic_net_cv",
    "elastic_net_path",
    "group_folds",
    "group_lasso",
    "group_lasso_cv",
    "htp",
    "huber",
    "iht",
    "information_criterion",
    "k_folds",
    "lasso",
    "lasso_constrained",
    "lasso_cv",
    "lasso_path",
    "logistic",
    "logistic_cv",
    "loss_cv",
    "loss_max_penalty",
    "loss_path",
    "max_penalty",
    "multinomial",
    "multinomial_cv",
    "multitask_lasso",
    "multitask_lasso_cv",
    "niht",
    "omp",
    "omp_cv",
    "omp_path",
    "pack",
    "penalised_loss",
    "poisson",
    "relaxed_lasso",
    "ridge",
    "simultaneous_omp",
    "sparse_encode",
    "square_root_lasso",
    "stability_selection",
    "stratified_folds",
    "subspace_pursuit",
    "support_certificate",
    "time_folds",
    "to_scipy",
    "to_torch",
]


def __getattr__(name: str) -> Any:
    if name not in (*ESTIMATORS, "estimators"):
        raise AttributeError(f"module 'gossamer.sparse' has no attribute {name!r}")
    try:
        faces = import_module(".estimators", __name__)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sklearn", "scipy"):
            raise
        raise MissingDependencyError(
            f"gossamer.sparse.{name} is an estimator of scikit-learn, which cannot be imported ({error}): "
            f"pip install 'gossamer[sklearn]', or use the functions of gossamer.sparse, which do without"
        ) from error
    return faces if name == "estimators" else getattr(faces, name)


def __dir__() -> list[str]:
    return sorted([*__all__, *ESTIMATORS, "estimators"])
