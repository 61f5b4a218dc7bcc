"""Estimators keep scikit-learn's contracts, agree with its estimators, and are the functions."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from regression_cases import CLOSE, TIGHT, problem
from scipy import sparse as scipy_sparse
from sklearn import linear_model
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.decomposition import sparse_encode
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import SelectFromModel
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import gossamer.sparse as gs
from gossamer.errors import DataError, GossamerError
from gossamer.sparse import estimators

# The checks fit hundreds of times, so grids are as short as can be; long ones are compared below.
SHORT = {"alphas": [0.5], "cv": 2}
CHECKED = [
    gs.Lasso(alpha=0.01),
    gs.LassoCV(**SHORT),
    gs.ElasticNet(alpha=0.01),
    gs.ElasticNetCV(**SHORT),
    gs.GroupLasso(alpha=0.5),
    gs.GroupLassoCV(**SHORT),
    gs.SparseGroupLasso(alpha=0.5),
    gs.SparseGroupLassoCV(**SHORT),
    gs.MultiTaskLasso(alpha=0.5),
    gs.MultiTaskLassoCV(**SHORT),
    gs.OrthogonalMatchingPursuit(),
    gs.OrthogonalMatchingPursuitCV(cv=2, max_iter=1),
    gs.HuberLasso(alpha=0.1),
    gs.PoissonLasso(),
    gs.SparseLogisticRegression(),
    gs.SparseLogisticRegression(C=0.3, class_weight="balanced"),
    gs.SparseLogisticRegressionCV(Cs=[1.0], cv=2),
    gs.SparseCoder(alpha=0.1),
    gs.SparseCoder(n_nonzero_coefs=1, split_sign=True),
]


@parametrize_with_checks(CHECKED)
def test_scikit_learns_own_checks(estimator: BaseEstimator, check: Any) -> None:
    check(estimator)


def test_every_estimator_is_checked_and_listed() -> None:
    assert {type(estimator).__name__ for estimator in CHECKED} == set(estimators.__all__) == set(gs.ESTIMATORS)
    assert set(gs.ESTIMATORS) <= set(dir(gs))


ALPHA = 0.15
DESIGN, TARGET = (part.numpy() for part in problem())
BOTH = np.stack([TARGET, DESIGN[:, 3] - TARGET], axis=1)
EXACT: dict[str, Any] = {"tol": 1e-13, "max_iter": 200_000}


@pytest.mark.parametrize("options", [{}, {"fit_intercept": False}, {"positive": True}])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["Lasso", "ElasticNet"])
def test_coefficients_are_scikit_learns(name: str, options: dict[str, bool], weighted: bool) -> None:
    weight = np.linspace(0, 3, 60) if weighted else None
    other = getattr(linear_model, name)(alpha=ALPHA, **options, **EXACT)
    other.fit(DESIGN, TARGET, sample_weight=weight)
    mine = getattr(gs, name)(alpha=ALPHA, tol=TIGHT, **options).fit(DESIGN, TARGET, sample_weight=weight)
    assert np.allclose(mine.coef_, other.coef_, atol=CLOSE)
    assert mine.intercept_ == pytest.approx(other.intercept_, abs=CLOSE)
    assert np.allclose(mine.predict(DESIGN), other.predict(DESIGN), atol=1e-4)
    assert mine.score(DESIGN, TARGET) == pytest.approx(other.score(DESIGN, TARGET), abs=CLOSE)


def test_several_targets_are_scikit_learns() -> None:
    for name, tol in (("Lasso", TIGHT), ("MultiTaskLasso", 1e-10)):
        other = getattr(linear_model, name)(alpha=ALPHA, **EXACT).fit(DESIGN, BOTH)
        mine = getattr(gs, name)(alpha=ALPHA, tol=tol).fit(DESIGN, BOTH)
        assert mine.coef_.shape == other.coef_.shape == (2, 30)
        assert np.allclose(mine.coef_, other.coef_, atol=1e-4)
        assert np.allclose(mine.intercept_, other.intercept_, atol=1e-4)
        assert mine.predict(DESIGN).shape == (60, 2)


def test_estimators_are_the_functions() -> None:
    A, b = torch.from_numpy(DESIGN), torch.from_numpy(TARGET)
    labels = [j // 3 for j in range(30)]
    both = torch.from_numpy(BOTH.T.copy())
    options: dict[str, Any] = {"intercept": True, "tol": 1e-9}
    pairs = [
        (gs.Lasso(ALPHA, tol=1e-9), gs.lasso(A, b, 60 * ALPHA, **options)),
        (gs.ElasticNet(ALPHA, l1_ratio=0.3, tol=1e-9), gs.elastic_net(A, b, 18 * ALPHA, 42 * ALPHA, **options)),
        (gs.GroupLasso(ALPHA, groups=3, tol=1e-9), gs.group_lasso(A, b, 60 * ALPHA, labels, **options)),
        (
            gs.SparseGroupLasso(ALPHA, groups=labels, l1_ratio=0.3, tol=1e-9),
            gs.group_lasso(A, b, 42 * ALPHA, labels, l1=18 * ALPHA, **options),
        ),
    ]
    for mine, found in pairs:
        mine.fit(DESIGN, TARGET)
        assert np.allclose(mine.coef_, found.x.numpy(), atol=1e-9)
        assert mine.intercept_ == pytest.approx(float(found.intercept))
        assert mine.status_ == found.status
        assert mine.n_iter_ == max(1, int(found.steps))
        centred = 0.5 * float(((b - b.mean()) ** 2).sum()) / 60
        assert mine.dual_gap_ == pytest.approx(float(found.gap) * centred)
    tasks = gs.MultiTaskLasso(ALPHA, tol=1e-9).fit(DESIGN, BOTH)
    assert np.allclose(tasks.coef_, gs.multitask_lasso(A, both, 60 * ALPHA, **options).x.numpy())


def test_the_gap_is_one_in_scikit_learns_objective() -> None:
    """(1/2m)‖y − Xw − c‖² + alpha‖w‖₁ of a loose fit is above the minimum by no more than dual_gap_."""

    def objective(model: Any) -> float:
        return float(((TARGET - model.predict(DESIGN)) ** 2).mean() / 2 + ALPHA * np.abs(model.coef_).sum())

    tight, loose = (gs.GroupLasso(ALPHA, tol=tol).fit(DESIGN, TARGET) for tol in (1e-11, 1e-2))
    excess = objective(loose) - objective(tight)
    assert 1e-6 < excess <= loose.dual_gap_ + tight.dual_gap_


def test_weights_and_standardising() -> None:
    weights = np.linspace(0, 2, 30)
    mine = gs.Lasso(ALPHA, tol=TIGHT, weights=weights).fit(DESIGN, TARGET)
    free = np.arange(30) == 0
    other = linear_model.Lasso(ALPHA, **EXACT)
    away = np.stack([DESIGN[:, 0], np.ones(60)], 1)
    project = np.eye(60) - away @ np.linalg.pinv(away)  # an unpenalised column is fitted out of everything else
    other.set_params(fit_intercept=False).fit(project @ DESIGN[:, ~free] / weights[~free], project @ TARGET)
    assert np.allclose(mine.coef_[~free], other.coef_ / weights[~free], atol=1e-4)
    scaled = gs.Lasso(ALPHA, tol=TIGHT, standardise=True).fit(DESIGN, TARGET)
    by_hand = make_pipeline(StandardScaler(), linear_model.Lasso(ALPHA, **EXACT)).fit(DESIGN, TARGET)
    assert np.allclose(scaled.coef_ * DESIGN.std(0), by_hand[-1].coef_, atol=CLOSE)
    assert np.allclose(scaled.predict(DESIGN), by_hand.predict(DESIGN), atol=1e-4)


@pytest.mark.parametrize("form", [scipy_sparse.csr_array, scipy_sparse.csc_matrix, scipy_sparse.coo_array])
def test_a_sparse_design_is_its_dense_form(form: Any) -> None:
    thin = DESIGN * (np.random.default_rng(0).random(DESIGN.shape) < 0.2)
    for model in (gs.Lasso(ALPHA, tol=TIGHT), gs.LassoCV(alphas=5, cv=3, tol=TIGHT), gs.OrthogonalMatchingPursuit()):
        dense, mine = clone(model).fit(thin, TARGET), clone(model).fit(form(thin), TARGET)
        assert np.allclose(mine.coef_, dense.coef_, atol=CLOSE)
        assert np.allclose(mine.predict(form(thin)), dense.predict(thin), atol=1e-4)


def test_a_wide_sparse_design_is_never_made_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("made dense")

    for kind in (scipy_sparse.csr_array, scipy_sparse.coo_array, scipy_sparse.csc_array):
        monkeypatch.setattr(kind, "toarray", refuse)
    monkeypatch.setattr("gossamer.linop.sparse.Sparse.dense", refuse)
    X = scipy_sparse.random_array((80, 5000), density=0.01, rng=np.random.default_rng(0), format="csr")
    model = gs.Lasso(0.002).fit(X, X[:, [3]].sum(1) + 1.0)
    assert model.predict(X).shape == (80,)


def test_cross_validated_estimators_are_scikit_learns() -> None:
    folds = KFold(4)
    for name, options in (
        ("LassoCV", {}),
        ("ElasticNetCV", {"l1_ratio": [0.3, 0.9]}),
        ("LassoCV", {"alphas": [0.5, 0.01, 0.1]}),
    ):
        given = {"alphas": 6, "eps": 1e-2, "cv": folds} | options
        other = getattr(linear_model, name)(**given, **EXACT).fit(DESIGN, TARGET)
        mine = getattr(gs, name)(**given, tol=TIGHT).fit(DESIGN, TARGET)
        assert np.allclose(mine.alphas_, other.alphas_)
        assert np.allclose(mine.mse_path_, other.mse_path_, rtol=CLOSE)
        assert mine.alpha_ == pytest.approx(other.alpha_)
        assert np.allclose(mine.coef_, other.coef_, atol=CLOSE)
        assert mine.alpha_1se_ >= mine.alpha_min_ == mine.alpha_
    assert gs.ElasticNetCV(l1_ratio=[0.3, 0.9], alphas=6, cv=4).fit(DESIGN, TARGET).l1_ratio_ in (0.3, 0.9)


def test_the_one_standard_error_rule_is_taken_on_request() -> None:
    best, simple = (gs.LassoCV(rule=rule, alphas=20, cv=4).fit(DESIGN, TARGET) for rule in ("min", "1se"))
    assert (best.alpha_, simple.alpha_) == (best.alpha_min_, best.alpha_1se_)
    assert np.count_nonzero(simple.coef_) < np.count_nonzero(best.coef_)


def test_folds_by_groups_and_time_reach_the_search() -> None:
    groups = np.repeat(np.arange(6), 10)
    given = {"alphas": 4, "eps": 0.05, "tol": TIGHT}
    for splitter, extra in ((GroupKFold(3), {"groups": groups}), (TimeSeriesSplit(3), {})):
        pairs = list(splitter.split(DESIGN, TARGET, extra.get("groups")))
        by_splitter = gs.LassoCV(cv=splitter, **given).fit(DESIGN, TARGET, **extra)
        by_pairs = gs.LassoCV(cv=pairs, **given).fit(DESIGN, TARGET)
        assert np.allclose(by_splitter.mse_path_, by_pairs.mse_path_)


def test_omp_is_scikit_learns_on_columns_of_one_norm() -> None:
    X = DESIGN - DESIGN.mean(0)
    X = X / np.linalg.norm(X, axis=0)
    for options in ({"n_nonzero_coefs": 4}, {"tol": 20.0}, {}):
        other = linear_model.OrthogonalMatchingPursuit(**options).fit(X, TARGET)
        mine = gs.OrthogonalMatchingPursuit(**options).fit(X, TARGET)
        assert np.allclose(mine.coef_, other.coef_)
        assert mine.intercept_ == pytest.approx(other.intercept_)
        assert mine.n_iter_ == other.n_iter_ == np.count_nonzero(mine.coef_)


def test_codes_are_scikit_learns_and_do_not_depend_on_company() -> None:
    D = DESIGN[:8] / np.linalg.norm(DESIGN[:8], axis=1, keepdims=True)
    other = sparse_encode(DESIGN, D, algorithm="lasso_cd", alpha=0.5, max_iter=100_000)
    coder = gs.SparseCoder(D, alpha=0.5, gap=1e-10).fit(DESIGN)
    codes = coder.transform(DESIGN)
    assert np.allclose(codes, other, atol=1e-3)
    assert np.allclose(coder.transform(DESIGN[:1]), codes[:1], atol=1e-8)
    others = DESIGN[8:]  # the first eight are atoms themselves
    pursuit = gs.SparseCoder(D, n_nonzero_coefs=2).fit(others)
    assert np.allclose(pursuit.transform(others), sparse_encode(others, D, algorithm="omp", n_nonzero_coefs=2))
    both = gs.SparseCoder(D, alpha=0.5, split_sign=True).fit_transform(DESIGN)
    assert both.shape == (60, 16)
    assert np.allclose(both[:, :8] - both[:, 8:], codes, atol=1e-3)
    assert (gs.SparseCoder(D, alpha=0.5, positive_code=True).fit_transform(DESIGN) >= 0).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers_are_scikit_learns(classes: int) -> None:
    names = np.array(["low", "middle", "high"]) if classes == 3 else np.array(["no", "yes"])
    y = names[np.searchsorted(np.quantile(TARGET, [0.4, 0.7][: classes - 1]), TARGET)]
    weight = np.linspace(0, 2, 60)
    for C in (0.1, 1.0):
        other = linear_model.LogisticRegression(C=C, l1_ratio=1, solver="saga", tol=1e-8, max_iter=200_000)
        other.fit(DESIGN, y, sample_weight=weight)
        mine = gs.SparseLogisticRegression(C=C, tol=1e-11).fit(DESIGN, y, sample_weight=weight)
        assert mine.classes_.tolist() == other.classes_.tolist()
        assert mine.coef_.shape == other.coef_.shape
        assert np.allclose(mine.coef_, other.coef_, atol=1e-3)
        assert np.allclose(mine.predict_proba(DESIGN), other.predict_proba(DESIGN), atol=1e-3)
        assert np.allclose(np.exp(mine.predict_log_proba(DESIGN)), mine.predict_proba(DESIGN))
        assert mine.predict(DESIGN).tolist() == other.predict(DESIGN).tolist()
    whole = dict.fromkeys(names, 1.0) | {names[0]: 3.0}
    by_class = gs.SparseLogisticRegression(tol=1e-10, class_weight=whole).fit(DESIGN, y)
    by_sample = gs.SparseLogisticRegression(tol=1e-10).fit(DESIGN, y, sample_weight=np.where(y == names[0], 3.0, 1.0))
    assert np.allclose(by_class.coef_, by_sample.coef_, atol=CLOSE)


def test_classifiers_are_the_functions() -> None:
    A, b = torch.from_numpy(DESIGN), torch.from_numpy((TARGET > 3).astype(np.int64))
    mine = gs.SparseLogisticRegression(C=0.5, l1_ratio=0.6, tol=1e-10).fit(DESIGN, b.numpy())
    found = gs.logistic(A, b, 1.2, l2=0.8, intercept=True, tol=1e-10)
    assert np.allclose(mine.coef_[0], found.x.numpy())
    assert mine.gap_ == pytest.approx(float(found.gap))
    shared = gs.SparseLogisticRegression(C=0.1, shared=True).fit(DESIGN, np.digitize(TARGET, [2.0, 4.0]))
    held = shared.coef_ != 0
    assert (held.all(0) == held.any(0)).all()
    assert 0 < held.all(0).sum() < 30


def test_a_classifier_chooses_its_penalty() -> None:
    y = np.digitize(TARGET, [2.0, 4.0])
    best, simple = (gs.SparseLogisticRegressionCV(Cs=10, cv=4, rule=rule).fit(DESIGN, y) for rule in ("min", "1se"))
    assert simple.C_ == simple.C_1se_ <= best.C_ == best.C_min_
    assert (np.diff(best.Cs_) > 0).all()
    assert best.score_path_.shape == (10, 4)
    assert best.score(DESIGN, y) > 0.8
    alone = gs.SparseLogisticRegression(best.C_).fit(DESIGN, y)
    assert np.allclose(alone.coef_, best.coef_, atol=1e-3)
    wrong = gs.SparseLogisticRegressionCV(Cs=[0.1, 1.0], cv=3, scoring="error").fit(DESIGN, y)
    assert 0 <= wrong.score_path_.min() <= wrong.score_path_.max() < 0.7


def test_other_losses_are_the_functions() -> None:
    A, counts = torch.from_numpy(DESIGN), np.floor(np.exp(TARGET / 2))
    weight = torch.linspace(0.5, 2, 60, dtype=torch.float64)
    options: dict[str, Any] = {"intercept": True, "tol": 1e-10, "sample_weights": weight}
    penalty = ALPHA * float(weight.sum())
    robust = gs.HuberLasso(ALPHA, delta=0.5, tol=1e-10).fit(DESIGN, TARGET, sample_weight=weight.numpy())
    found = gs.huber(A, torch.from_numpy(TARGET), penalty, delta=0.5, **options)
    assert np.allclose(robust.coef_, found.x.numpy())
    assert np.allclose(robust.predict(DESIGN), (A @ found.x + found.intercept).numpy())
    rate = gs.PoissonLasso(ALPHA, tol=1e-10).fit(DESIGN, counts, sample_weight=weight.numpy())
    found = gs.poisson(A, torch.from_numpy(counts), penalty, **options)
    assert np.allclose(rate.coef_, found.x.numpy())
    assert np.allclose(rate.predict(DESIGN), (A @ found.x + found.intercept).exp().numpy())
    assert (robust.gap_, rate.gap_) <= (1e-10, 1e-10)


def test_pipelines_grids_clones_pickles_and_frames() -> None:
    search = GridSearchCV(make_pipeline(StandardScaler(), gs.Lasso()), {"lasso__alpha": [0.01, 0.1, 1.0]}, cv=3)
    search.fit(DESIGN, TARGET)
    assert search.best_params_["lasso__alpha"] in (0.01, 0.1)
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(again.predict(DESIGN), search.predict(DESIGN))
    assert cross_val_score(gs.LassoCV(alphas=4, cv=3), DESIGN, TARGET, cv=3).min() > 0.5
    chosen = SelectFromModel(gs.Lasso(ALPHA)).fit(DESIGN, TARGET).get_support()
    assert np.array_equal(chosen, gs.Lasso(ALPHA).fit(DESIGN, TARGET).coef_ != 0)
    copied = clone(gs.GroupLasso(groups=[0, 0, 1], weights=[1.0, 2.0]))
    assert copied.get_params()["groups"] == [0, 0, 1]
    names = gs.SparseCoder(DESIGN[:3]).fit(DESIGN).get_feature_names_out().tolist()
    assert names == ["sparsecoder0", "sparsecoder1", "sparsecoder2"]


def test_float32_stays_and_a_warm_start_saves_rounds() -> None:
    mine = gs.Lasso(ALPHA).fit(DESIGN.astype(np.float32), TARGET)
    assert mine.coef_.dtype == mine.predict(DESIGN.astype(np.float32)).dtype == np.float32
    slow = gs.GroupLasso(0.01, groups=3, warm_start=True).fit(DESIGN, TARGET)
    first = slow.n_iter_
    assert slow.fit(DESIGN, TARGET).n_iter_ < first


def test_what_did_not_converge_warns_with_advice() -> None:
    model = gs.GroupLasso(0.001, groups=3, max_iter=10)
    with pytest.warns(ConvergenceWarning, match="GroupLasso: not converged within the steps allowed; allow more"):
        model.fit(DESIGN, TARGET)
    assert model.n_iter_ == 10
    assert model.dual_gap_ > 1e-6
    two = gs.GroupLasso(0.001, groups=3, max_iter=10)
    with pytest.warns(ConvergenceWarning, match="2 of 2 targets"):
        two.fit(DESIGN, BOTH)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (gs.Lasso(alpha=-1.0), "alpha is -1.0"),
        (gs.Lasso(alpha="large"), "alpha is 'large'"),
        (gs.Lasso(tol=0.0), "tol is 0"),
        (gs.ElasticNet(l1_ratio=1.5), "l1_ratio is 1.5"),
        (gs.GroupLasso(groups=7), "groups is 7"),
        (gs.GroupLasso(groups=[1, 2]), "groups has shape"),
        (gs.LassoCV(alphas=[-1.0]), "alphas are"),
        (gs.LassoCV(rule="max", alphas=3), "rule is 'max'"),
        (gs.LassoCV(cv=[(range(60), range(5))]), "training and test"),
        (gs.OrthogonalMatchingPursuit(n_nonzero_coefs=31), "n_nonzero_coefs is 31"),
        (gs.OrthogonalMatchingPursuit(tol=-1.0), "tol is -1.0"),
        (gs.MultiTaskLasso(), "one axis"),
        (gs.SparseLogisticRegression(C=0.0), "C is 0.0"),
        (gs.SparseLogisticRegression(l1_ratio=0.0), "l1_ratio is 0.0"),
        (gs.SparseLogisticRegressionCV(Cs=[-1.0]), "Cs are"),
        (gs.SparseLogisticRegressionCV(scoring="auc"), "scoring is 'auc'"),
        (gs.SparseCoder(np.eye(3)), "dictionary has atoms of 3"),
    ],
)
def test_bad_parameters_are_one_clear_error(model: Any, words: str) -> None:
    y = TARGET > 3 if is_classifier(model) else TARGET
    with pytest.raises(GossamerError, match=words):
        model.fit(DESIGN, y)


def test_a_coder_is_asked_for_one_thing() -> None:
    with pytest.raises(DataError, match="belong to the Lasso"):
        gs.SparseCoder(np.eye(30), alpha=1.0, n_nonzero_coefs=2).fit_transform(DESIGN)


def test_scikit_learn_is_loaded_when_asked_for_and_missed_with_advice() -> None:
    code = """
import sys, gossamer.sparse as sparse
assert 'sklearn' not in sys.modules
sys.modules['sklearn'] = None
try:
    sparse.Lasso
except ImportError as error:
    assert 'gossamer[sklearn]' in str(error), error
else:
    raise SystemExit(1)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Laso'"):
        _ = gs.Laso
