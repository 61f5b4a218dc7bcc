"""Room 6: the front door for sparse learning."""

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
from .folds import group_folds, k_folds, time_folds
from .greedy import cosamp, htp, iht, niht, omp, simultaneous_omp, subspace_pursuit
from .information import Information, degrees_of_freedom, information_criterion
from .lasso_path import Path, lasso_path
from .losses import cox, huber, logistic, loss_max_penalty, loss_path, multinomial, penalised_loss, poisson
from .omp_path import omp_cv, omp_path
from .pack import Packed, pack
from .penalty_cv import elastic_net_cv, group_lasso_cv, lasso_cv, multitask_lasso_cv
from .stability import Stability, stability_selection

__all__ = [
    "Curve",
    "Information",
    "Packed",
    "Path",
    "Selection",
    "Stability",
    "basis_pursuit",
    "cosamp",
    "cox",
    "cross_validate",
    "degrees_of_freedom",
    "elastic_net",
    "elastic_net_cv",
    "group_folds",
    "group_lasso",
    "group_lasso_cv",
    "htp",
    "huber",
    "iht",
    "information_criterion",
    "k_folds",
    "lasso",
    "lasso_cv",
    "lasso_path",
    "logistic",
    "loss_max_penalty",
    "loss_path",
    "max_penalty",
    "multinomial",
    "multitask_lasso",
    "multitask_lasso_cv",
    "niht",
    "omp",
    "omp_cv",
    "omp_path",
    "pack",
    "penalised_loss",
    "poisson",
    "simultaneous_omp",
    "sparse_encode",
    "stability_selection",
    "subspace_pursuit",
    "time_folds",
    "to_scipy",
    "to_torch",
]
