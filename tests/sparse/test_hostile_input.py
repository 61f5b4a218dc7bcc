"""Every public function on what a stranger may bring: a right answer, or one clear error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gossamer.sparse as sparse
from gossamer.errors import GossamerError

scipy_sparse = pytest.importorskip("scipy.sparse")

AGREE = 1e-6  # of the largest entry: gaps of 1e-10 on a well-conditioned 12 × 8 design
TIGHT = 1e-10  # the gap at which two forms of one problem are compared
draw = np.random.default_rng(0)
DESIGN = draw.standard_normal((12, 8))
TARGET = DESIGN @ np.array([2.0, 0, 0, -1, 0, 0, 0, 0.5]) + 0.1 * draw.standard_normal(12)
GROUPS = [0, 0, 1, 1, 2, 2, 3, 3]


def x_of(found):
    return found.x if hasattr(found, "x") else found


FUNCTIONS = {
    "lasso": lambda A, b: sparse.lasso(A, b, 1.0, tol=TIGHT),
    "lasso with intercept": lambda A, b: sparse.lasso(A, b, 1.0, tol=TIGHT, intercept=True),
    "nonnegative lasso": lambda A, b: sparse.lasso(A, b, 1.0, tol=TIGHT, nonnegative=True),
    "elastic_net": lambda A, b: sparse.elastic_net(A, b, 1.0, 1.0, tol=TIGHT),
    "group_lasso": lambda A, b: sparse.group_lasso(A, b, 1.0, GROUPS, tol=TIGHT),
    "basis_pursuit": lambda A, b: sparse.basis_pursuit(A, b, epsilon=0.5, tol=TIGHT),
    "sparse_encode": lambda A, b: sparse.sparse_encode(b, A, 1.0, tol=TIGHT),
    "max_penalty": lambda A, b: sparse.max_penalty(A, b),
    "lasso_path": lambda A, b: sparse.lasso_path(A, b, [3.0, 1.0], tol=TIGHT),
    "lasso_cv": lambda A, b: sparse.lasso_cv(A, b, [3.0, 1.0], folds=3, tol=TIGHT),
    "omp_path": lambda A, b: sparse.omp_path(A, b, 2),
    "omp_cv": lambda A, b: sparse.omp_cv(A, b, 2, folds=3),
    "adaptive_lasso": lambda A, b: sparse.adaptive_lasso(A, b, 1.0, tol=TIGHT),
    "omp": lambda A, b: sparse.omp(A, b, 3),
    "omp by residual": lambda A, b: sparse.omp(A, b, tol=0.3, rule="residual"),
    "simultaneous_omp": lambda A, b: sparse.simultaneous_omp(A, b, 3),
    "cosamp": lambda A, b: sparse.cosamp(A, b, 2),
    "subspace_pursuit": lambda A, b: sparse.subspace_pursuit(A, b, 2),
    "iht": lambda A, b: sparse.iht(A, b, 2),
    "niht": lambda A, b: sparse.niht(A, b, 2),
    "htp": lambda A, b: sparse.htp(A, b, 2, step=0.05),
    "huber": lambda A, b: sparse.huber(A, b, 1.0, tol=TIGHT),
    "square_root_lasso": lambda A, b: sparse.square_root_lasso(A, b, 0.5),
    "lasso_constrained": lambda A, b: sparse.lasso_constrained(A, b, 1.0),
    "relaxed_lasso": lambda A, b: sparse.relaxed_lasso(A, b, 1.0, tol=TIGHT),
    "stability_selection": lambda A, b: sparse.stability_selection(A, b, 2, pairs=2).frequency,
}
every_function = pytest.mark.parametrize("name", FUNCTIONS)


def read_only(array):
    held = array.copy()
    held.flags.writeable = False
    return held


def read_only_csr(array):
    held = scipy_sparse.csr_array(array)
    held.data.flags.writeable = False
    return held


FORMS = {
    "arrays": (DESIGN, TARGET),
    "an array and a list": (DESIGN, TARGET.tolist()),
    "by columns": (np.asfortranarray(DESIGN), TARGET),
    "read-only arrays": (read_only(DESIGN), read_only(TARGET)),
    "reversed views": (DESIGN[::-1].copy()[::-1], TARGET[::-1].copy()[::-1]),
    "every second": (np.repeat(np.repeat(DESIGN, 2, 0), 2, 1)[::2, ::2], np.repeat(TARGET, 2)[::2]),
    "the other byte order": (DESIGN.astype(">f8"), TARGET.astype(">f8")),
    "a tensor's transpose": (torch.from_numpy(DESIGN.T.copy()).T, torch.from_numpy(TARGET)),
    "a COO tensor": (torch.from_numpy(DESIGN).to_sparse(), torch.from_numpy(TARGET)),
    "read-only CSR": (read_only_csr(DESIGN), TARGET),
    **{
        kind: (getattr(scipy_sparse, kind)(DESIGN), TARGET)
        for kind in ("csr_array", "csc_array", "coo_array", "csr_matrix", "csc_matrix", "coo_matrix", "lil_array")
    },
}


@every_function
def test_one_problem_in_every_form(name):
    solve = FUNCTIONS[name]
    expected = x_of(solve(torch.from_numpy(DESIGN), torch.from_numpy(TARGET)))
    for form, (A, b) in FORMS.items():
        found = x_of(solve(A, b))
        assert torch.allclose(found, expected, atol=AGREE * float(expected.abs().max())), form


def at(value):
    held = DESIGN.copy()
    held[3, 2] = value
    return held


BAD = {
    "lists for A": (DESIGN.tolist(), TARGET),
    "no A": (None, TARGET),
    "no b": (DESIGN, None),
    "words": (np.full((12, 8), "a"), TARGET),
    "words for b": (DESIGN, ["a"] * 12),
    "objects": (DESIGN.astype(object), TARGET),
    "objects for b": (DESIGN, TARGET.astype(object)),
    "ragged b": (DESIGN, [[1.0, 2.0], [3.0]]),
    "integers": (np.rint(DESIGN).astype(int), TARGET),
    "truth values": (DESIGN > 0, TARGET),
    "float16": (DESIGN.astype(np.float16), TARGET.astype(np.float16)),
    "bfloat16": (torch.from_numpy(DESIGN).bfloat16(), torch.from_numpy(TARGET).bfloat16()),
    "NaN in A": (at(np.nan), TARGET),
    "infinity in A": (at(np.inf), TARGET),
    "NaN in a sparse A": (scipy_sparse.csr_array(at(np.nan)), TARGET),
    "NaN in b": (DESIGN, np.where(np.arange(12) == 3, np.nan, TARGET)),
    "infinity in b": (DESIGN, np.where(np.arange(12) == 3, np.inf, TARGET)),
    "masked A": (np.ma.masked_greater(DESIGN, 1.0), TARGET),
    "masked b": (DESIGN, np.ma.masked_greater(TARGET, 1.0)),
    "sparse b": (DESIGN, torch.from_numpy(TARGET).to_sparse()),
    "one axis": (DESIGN[0], TARGET),
    "three axes": (DESIGN[None], TARGET),
    "no rows": (DESIGN[:0], TARGET[:0]),
    "no columns": (DESIGN[:, :0], TARGET),
    "no signals": (DESIGN, np.zeros((0, 12))),
    "a number for b": (DESIGN, 1.0),
    "a short b": (DESIGN, TARGET[:5]),
    "b as a column": (DESIGN, TARGET[:, None]),
}


@every_function
@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_clear_error(name, case):
    A, b = BAD[case]
    with pytest.raises(GossamerError) as raised:
        FUNCTIONS[name](A, b)
    assert len(str(raised.value)) > 20, "says what was given, what is needed and what to do"


@pytest.mark.parametrize("case", sorted(set(BAD) - {"words for b", "integers", "truth values"}))
@pytest.mark.parametrize("loss", ["logistic", "poisson", "huber", "multinomial"])
def test_losses_know_bad_input_too(loss, case):
    A, b = BAD[case]
    with pytest.raises(GossamerError):
        sparse.penalised_loss(A, b, loss, 1.0)


SCALES = (1e-150, 1e-30, 1e30, 1e150)
SCALE_FREE = {  # of A·s and b·s, at a penalty that goes with their product
    "lasso": lambda A, b, p: sparse.lasso(A, b, p, tol=TIGHT),
    "elastic_net": lambda A, b, p: sparse.elastic_net(A, b, p, p, tol=TIGHT),
    "lasso by homotopy": lambda A, b, p: sparse.lasso(A, b, p, tol=TIGHT, solver="homotopy"),
    "sparse_encode": lambda A, b, p: sparse.sparse_encode(b.expand(12, -1), A, p, tol=TIGHT),
    "omp": lambda A, b, p: sparse.omp(A, b, 3),
    "omp_path": lambda A, b, p: sparse.omp_path(A, b, 3),
    "stability_selection": lambda A, b, p: sparse.stability_selection(A, b, 2, pairs=2).frequency,
}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", SCALE_FREE)
def test_units_do_not_matter(name, scale):
    A, b = torch.from_numpy(DESIGN), torch.from_numpy(TARGET)
    expected = x_of(SCALE_FREE[name](A, b, 1.0))
    found = x_of(SCALE_FREE[name](A * scale, b * scale, scale**2))
    assert torch.allclose(found, expected, rtol=0, atol=AGREE * float(expected.abs().max()))


@pytest.mark.parametrize("scale", SCALES)
def test_units_of_the_design_alone_scale_the_answer(scale):
    A, b = torch.from_numpy(DESIGN), torch.from_numpy(TARGET)
    for solve in (lambda A: sparse.basis_pursuit(A, b, epsilon=0.5), lambda A: sparse.omp(A, b, 3)):
        expected, found = solve(A).x, solve(A * scale).x * scale
        assert torch.allclose(found, expected, rtol=0, atol=AGREE * float(expected.abs().max()))


@pytest.mark.parametrize("scale", [1e-25, 1e25])
@pytest.mark.parametrize("name", ["group_lasso", "omp", "omp_path", "niht"])
def test_squares_beyond_float32_are_an_error_or_right(name, scale):
    A, b = (torch.from_numpy(part * scale).float() for part in (DESIGN, TARGET))
    try:
        found = FUNCTIONS[name](A, b)
    except GossamerError:
        return
    assert bool(torch.isfinite(found.x).all())
    assert bool(torch.isfinite(found.residual).all())


ODD = {
    "one sample": (DESIGN[:1], TARGET[:1]),
    "one column": (DESIGN[:, :1], TARGET),
    "one number": (np.array([[2.0]]), np.array([3.0])),
    "many more columns": (draw.standard_normal((3, 200)), draw.standard_normal(3)),
    "many more samples": (draw.standard_normal((200, 2)), draw.standard_normal(200)),
    "a zero column": (DESIGN * (np.arange(8) != 2), TARGET),
    "a constant column": (np.where(np.arange(8) == 2, 1.0, DESIGN), TARGET),
    "each column twice": (np.concatenate([DESIGN, DESIGN], 1), TARGET),
    "b zero": (DESIGN, 0 * TARGET),
    "b constant": (DESIGN, 0 * TARGET + 3),
    "A zero": (0 * DESIGN, TARGET),
}
PENALISED = {
    "lasso": lambda A, b, p: sparse.lasso(A, b, p),
    "lasso with intercept": lambda A, b, p: sparse.lasso(A, b, p, intercept=True),
    "elastic_net": lambda A, b, p: sparse.elastic_net(A, b, p, p),
    "multitask_lasso": lambda A, b, p: sparse.multitask_lasso(A, np.stack([b, -b]), p),
    "lasso by homotopy": lambda A, b, p: sparse.lasso(A, b, p, solver="homotopy"),
    "coding": lambda A, b, p: sparse.sparse_encode(np.stack([b] * 10), A, p),
    "huber": lambda A, b, p: sparse.huber(A, b, p),
}


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("name", PENALISED)
def test_odd_designs_are_solved(name, case):
    A, b = ODD[case]
    found = PENALISED[name](A, b, max(0.1 * float(np.abs(b @ A).max()), 0.1))
    assert bool(torch.isfinite(found.x).all())
    assert float(found.gap.max()) <= 1e-6


@pytest.mark.parametrize("case", [case for case in ODD if case != "A zero"])
def test_no_penalty_is_least_squares(case):
    A, b = ODD[case]
    found = sparse.lasso(A, b, 0.0)
    best = np.linalg.lstsq(A, b, rcond=None)[0]
    assert float(found.gap) <= 1e-6
    assert float(found.residual) ** 2 <= float(((A @ best - b) ** 2).sum()) + 2e-6 * float(b @ b)


def test_what_has_no_derivative_says_so():
    A = torch.from_numpy(DESIGN.copy()).requires_grad_()
    for name in ("lasso_cv", "stability_selection"):
        with pytest.raises(GossamerError, match="autograd"):
            FUNCTIONS[name](A, TARGET)
    for function in (sparse.loss_path, sparse.loss_max_penalty):
        with pytest.raises(GossamerError, match="autograd"):
            function(A, TARGET, "huber")
    with torch.no_grad():
        assert not FUNCTIONS["huber"](A, TARGET).x.requires_grad


def test_survival_times_come_in_any_array():
    events = (np.arange(12) % 3 > 0).astype(int)
    times = np.abs(TARGET) + 0.1
    expected = sparse.cox(DESIGN, torch.from_numpy(times), torch.from_numpy(events), 0.3).x
    for t, e in (
        (times.tolist(), events.tolist()),
        (read_only(times), read_only(events)),
        (times.astype(">f8"), events),
    ):
        assert torch.allclose(sparse.cox(DESIGN, t, e, 0.3).x, expected)
    for t, e in ((None, events), (times, None), (times, events[:5]), (times * np.nan, events), (times, events + 1)):
        with pytest.raises(GossamerError):
            sparse.cox(DESIGN, t, e, 0.3)
