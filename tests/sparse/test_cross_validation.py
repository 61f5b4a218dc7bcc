"""Cross-validation against scikit-learn on the same folds, and the one-standard-error rule by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from regression_cases import CLOSE, TIGHT, problem
from scipy import sparse as scipy_sparse
from sklearn import linear_model
from sklearn.model_selection import KFold

from gossamer.errors import DataError
from gossamer.linop import Dense, Sparse
from gossamer.sparse import (
    Curve,
    elastic_net_cv,
    group_lasso_cv,
    k_folds,
    lasso,
    lasso_cv,
    max_penalty,
    multitask_lasso_cv,
    omp,
    omp_cv,
    omp_path,
)

FOLDS = list(KFold(4).split(np.zeros(60)))


@pytest.mark.parametrize(("intercept", "nonnegative"), [(True, False), (False, False), (True, True)])
def test_lasso_cv_is_scikit_learns(intercept: bool, nonnegative: bool) -> None:
    A, b = problem()
    other = linear_model.LassoCV(
        alphas=12, eps=1e-2, cv=FOLDS, fit_intercept=intercept, positive=nonnegative, tol=1e-12, max_iter=200_000
    ).fit(A.numpy(), b.numpy())
    found = lasso_cv(A, b, folds=FOLDS, count=12, tol=TIGHT, intercept=intercept, nonnegative=nonnegative)
    assert np.allclose(found.curve.levels / 60, other.alphas_, rtol=1e-9)
    assert np.allclose(found.curve.errors.T, other.mse_path_, rtol=CLOSE)
    assert found.level / 60 == pytest.approx(other.alpha_)
    assert np.allclose(found.x, other.coef_, atol=CLOSE)


def test_sample_weights_are_scikit_learns() -> None:
    A, b = problem()
    weights = torch.linspace(0.2, 3.0, 60, dtype=torch.float64)
    other = linear_model.LassoCV(alphas=8, eps=1e-2, cv=FOLDS, tol=1e-12, max_iter=200_000)
    other.fit(A.numpy(), b.numpy(), sample_weight=weights.numpy())
    found = lasso_cv(A, b, folds=FOLDS, count=8, tol=TIGHT, intercept=True, sample_weights=weights)
    assert np.allclose(found.curve.levels / float(weights.sum()), other.alphas_, rtol=1e-9)
    assert np.allclose(found.curve.errors.T, other.mse_path_, rtol=CLOSE)
    assert np.allclose(found.x, other.coef_, atol=CLOSE)


def test_elastic_net_cv_is_scikit_learns() -> None:
    A, b = problem()
    ratios = [0.3, 0.8, 1.0]
    other = linear_model.ElasticNetCV(l1_ratio=ratios, alphas=8, eps=1e-2, cv=FOLDS, tol=1e-12, max_iter=200_000)
    other.fit(A.numpy(), b.numpy())
    found = elastic_net_cv(A, b, l1_ratios=ratios, folds=FOLDS, count=8, tol=TIGHT, intercept=True)
    errors = np.stack([curve.errors.T.numpy() for curve in found.curves])
    assert np.allclose(errors, other.mse_path_, rtol=CLOSE)
    assert (found.curve.setting, found.level / 60) == (other.l1_ratio_, pytest.approx(other.alpha_))
    assert np.allclose(found.x, other.coef_, atol=CLOSE)


def test_multitask_lasso_cv_is_scikit_learns() -> None:
    A, b = problem()
    both = torch.stack([b, A[:, 3] - b])
    other = linear_model.MultiTaskLassoCV(alphas=6, eps=5e-2, cv=FOLDS, tol=1e-12, max_iter=200_000)
    other.fit(A.numpy(), both.T.numpy())
    found = multitask_lasso_cv(A, both, folds=FOLDS, count=6, ratio=5e-2, tol=1e-9, intercept=True)
    assert np.allclose(found.curve.levels / 60, other.alphas_, rtol=1e-9)
    assert np.allclose(found.curve.errors.T, other.mse_path_, rtol=1e-3)
    assert np.allclose(found.x, other.coef_, atol=1e-3)


def test_groups_of_one_are_the_lasso() -> None:
    A, b = problem(n=12)
    labels = list(range(12))
    options = {"folds": FOLDS, "count": 4, "ratio": 0.1, "tol": 1e-9, "intercept": True}
    grouped = group_lasso_cv(A, b, labels, **options)  # type: ignore[arg-type]
    plain = lasso_cv(A, b, **options)  # type: ignore[arg-type]
    assert torch.allclose(grouped.curve.levels, plain.curve.levels)
    assert torch.allclose(grouped.curve.errors, plain.curve.errors, rtol=1e-3)


def test_the_sparse_group_grid_begins_where_zero_ends() -> None:
    A, b = problem(n=12)
    labels = [j // 3 for j in range(12)]
    for l1_ratio in (0.0, 0.4):
        found = group_lasso_cv(A, b, labels, l1_ratio=l1_ratio, folds=3, count=2, ratio=0.98, intercept=True, tol=1e-9)
        assert float(found.curve.levels[0]) > 0
        at_top, below = (
            group_lasso_cv(A, b, labels, [level], l1_ratio=l1_ratio, folds=3, intercept=True, tol=1e-9).x
            for level in (1.0001 * float(found.curve.levels[0]), float(found.curve.levels[1]))
        )
        assert not at_top.any()
        assert below.any()


def test_the_one_standard_error_rule_by_hand() -> None:
    """Means 4, 2.2, 2, 3; at the best, folds 1.5 and 2.5: deviation 0.7071, its error 0.5; so 2.2 ≤ 2.5 is taken."""
    errors = torch.tensor([[4.0, 2.0, 1.5, 3.0], [4.0, 2.4, 2.5, 3.0]], dtype=torch.float64)
    curve = Curve(torch.tensor([4.0, 3.0, 2.0, 1.0]), errors)
    assert curve.mean.tolist() == pytest.approx([4.0, 2.2, 2.0, 3.0])
    assert float(curve.standard_error[2]) == pytest.approx(0.5)
    assert (curve.best, curve.simplest) == (2, 1)
    assert (curve.chosen("min"), curve.chosen("1se")) == (2, 1)
    with pytest.raises(DataError, match="rule"):
        curve.chosen("one")  # type: ignore[arg-type]


def test_the_rule_gives_a_sparser_model_fitted_to_all_samples() -> None:
    A, b = problem(noise=2.0)
    best, simple = (lasso_cv(A, b, intercept=True, rule=rule, tol=TIGHT, count=20) for rule in ("min", "1se"))
    assert simple.level > best.level
    assert int((simple.x != 0).sum()) < int((best.x != 0).sum())
    assert torch.allclose(simple.x, lasso(A, b, simple.level, intercept=True, tol=TIGHT).x)


def test_a_fold_is_its_own_lasso_at_its_share_of_the_penalty() -> None:
    A, b = problem()
    penalty = 0.1 * float(max_penalty(A, b))
    found = lasso_cv(A, b, [penalty], folds=3, seed=5, intercept=True, tol=TIGHT)
    for errors, (train, test) in zip(found.curve.errors, k_folds(60, 3, seed=5), strict=True):
        alone = lasso(A[train], b[train], penalty * len(train) / 60, intercept=True, tol=TIGHT)
        error = ((A[test] @ alone.x + alone.intercept - b[test]) ** 2).mean()
        assert float(errors[0]) == pytest.approx(float(error), rel=CLOSE)


def test_standardising_is_measured_in_each_training_set() -> None:
    A, b = problem()
    penalty = 0.05 * float(max_penalty(A, b))
    found = lasso_cv(A, b, [penalty], folds=FOLDS, intercept=True, standardise=True, tol=TIGHT)
    for errors, (train, test) in zip(found.curve.errors, FOLDS, strict=True):
        mean, scale = A[train].mean(0), A[train].std(0, correction=0)
        alone = lasso((A[train] - mean) / scale, b[train], penalty * len(train) / 60, intercept=True, tol=TIGHT)
        error = ((((A[test] - mean) / scale) @ alone.x + alone.intercept - b[test]) ** 2).mean()
        assert float(errors[0]) == pytest.approx(float(error), rel=CLOSE)
    whole = lasso((A - A.mean(0)) / A.std(0, correction=0), b, penalty, intercept=True, tol=TIGHT)
    assert torch.allclose(found.x * A.std(0, correction=0), whole.x, atol=CLOSE)


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_every_form_of_a_design_gives_the_same_errors() -> None:
    A, b = problem()
    A = A * (torch.rand(A.shape, generator=torch.Generator().manual_seed(3)) < 0.3)
    forms = [
        A.numpy(),
        scipy_sparse.csc_array(A.numpy()),
        A.to_sparse_csr(),
        A.to_sparse(),
        Dense(A),
        Sparse(A.to_sparse()),
    ]
    for standardise in (False, True):
        wanted = lasso_cv(A, b, folds=3, count=5, intercept=True, standardise=standardise, tol=TIGHT).curve.errors
        for form in forms:
            found = lasso_cv(form, b, folds=3, count=5, intercept=True, standardise=standardise, tol=TIGHT)
            assert torch.allclose(found.curve.errors, wanted, rtol=CLOSE)


def test_an_omp_path_is_omp_at_every_count() -> None:
    A, b = problem()
    for rule in ("correlation", "residual"):
        path = omp_path(A, b, 6, rule=rule)
        for k in range(1, 7):
            assert torch.allclose(path.x[k - 1], omp(A, b, k, rule=rule).x)


def test_omp_cv_is_scikit_learns() -> None:
    """Columns of ±1 have one norm in every fold: scikit-learn compares correlations as they are, we divide by norms."""
    A, b = problem()
    A = (A - A.median(0).values - 1e-9).sign()
    b = A[:, ::8].sum(1) + 0.3 * (b - b.mean())
    other = linear_model.OrthogonalMatchingPursuitCV(cv=FOLDS, max_iter=8, fit_intercept=False)
    other.fit(A.numpy(), b.numpy())
    found = omp_cv(A, b, 8, folds=FOLDS)
    assert found.level == other.n_nonzero_coefs_
    assert np.allclose(found.x, other.coef_)


def test_constant_columns_are_never_chosen() -> None:
    A, b = problem(n=6)
    A = torch.cat([torch.full((60, 1), 0.1, dtype=torch.float64), A, torch.zeros(60, 1, dtype=torch.float64)], 1)
    path = omp_path(A, b, 8, intercept=True)
    assert path.x[5].nonzero().flatten().tolist() == [1, 2, 3, 4, 5, 6]
    assert torch.equal(path.x[5], path.x[7])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"penalties": [1.0, 2.0]}, "largest first"),
        ({"penalties": [-1.0]}, "≥ 0"),
        ({"rule": "max"}, "rule"),
        ({"folds": 61}, "folds of 60"),
        ({"count": 0}, "count"),
        ({"b": torch.zeros(59, dtype=torch.float64)}, "60"),
    ],
)
def test_bad_input_is_one_clear_error(change: dict[str, object], words: str) -> None:
    A, b = problem()
    with pytest.raises(DataError, match=words):
        lasso_cv(**({"A": A, "b": b, "count": 3} | change))  # type: ignore[arg-type]
