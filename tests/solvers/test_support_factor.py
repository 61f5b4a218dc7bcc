"""The factor that Newton steps share, against a dense solve for each support."""

from __future__ import annotations

import numpy as np
import pytest

from gossamer.solvers.support_factor import CHANGES, SupportFactor

DRAW = np.random.default_rng(0)
ROWS = DRAW.standard_normal((90, 150))
GRAM = ROWS @ ROWS.T


def solved(support: np.ndarray, r: np.ndarray, ridge: float = 0.0, gram: np.ndarray = GRAM) -> np.ndarray:
    return np.linalg.solve(gram[np.ix_(support, support)] + ridge * np.eye(len(support)), r)


@pytest.mark.parametrize("ridge", [0.0, 2.0])
def test_every_support_is_solved_as_if_it_were_the_first(ridge: float) -> None:
    factor, support = SupportFactor(), DRAW.permutation(90)[:70]
    for changes in (0, 1, 3, 6, 40, 2, 0):
        outside = np.setdiff1d(np.arange(90), support)
        new = DRAW.permutation(outside)[: min(changes, len(outside))]
        support = DRAW.permutation(np.concatenate([DRAW.permutation(support)[: 70 - len(new)], new]))
        r = DRAW.standard_normal(70)
        y = factor.solve(GRAM, support, ridge, r)
        assert y is not None
        np.testing.assert_allclose(y, solved(support, r, ridge), rtol=1e-9, atol=1e-12)


def test_few_changes_keep_the_factor_and_many_do_not() -> None:
    factor, whole = SupportFactor(), np.arange(60)
    factor.solve(GRAM, whole, 0.0, np.ones(60))
    first = factor.triangle
    few = np.concatenate([whole[2:], [70, 71]])
    y = factor.solve(GRAM, few, 0.0, np.ones(60))
    assert factor.triangle is first
    assert y is not None
    np.testing.assert_allclose(y, solved(few, np.ones(60)), rtol=1e-9)
    many = np.arange(60 - int(CHANGES * 60))
    factor.solve(GRAM, many, 0.0, np.ones(len(many)))
    assert factor.triangle is not first


def test_only_drops_and_only_additions_and_another_ridge() -> None:
    factor, support = SupportFactor(), np.arange(50)
    for now, ridge in ((support, 0.0), (support[3:], 0.0), (np.arange(53), 0.0), (support, 1.5)):
        y = factor.solve(GRAM, now, ridge, np.ones(len(now)))
        assert y is not None
        np.testing.assert_allclose(y, solved(now, np.ones(len(now)), ridge), rtol=1e-9)


def test_the_gram_matrix_may_grow_between_two_calls() -> None:
    factor = SupportFactor()
    factor.solve(GRAM[:60, :60], np.arange(50), 0.0, np.ones(50))
    support = np.concatenate([np.arange(50), [80]])
    y = factor.solve(GRAM, support, 0.0, np.ones(51))
    assert y is not None
    np.testing.assert_allclose(y, solved(support, np.ones(51)), rtol=1e-9)


def test_dependent_columns_are_damped_and_still_give_a_direction() -> None:
    rows = ROWS.copy()
    rows[1] = rows[0]
    gram, r = rows @ rows.T, np.ones(40)
    y = SupportFactor().solve(gram, np.arange(40), 0.0, r)
    assert y is not None
    np.testing.assert_allclose(gram[:40, :40] @ y, r, atol=1e-4)


def test_what_has_no_factor_even_damped_is_refused_and_forgotten() -> None:
    factor = SupportFactor()
    assert factor.solve(-GRAM, np.arange(5), 0.0, np.ones(5)) is None
    y = factor.solve(GRAM, np.arange(5), 0.0, np.ones(5))
    assert y is not None
    np.testing.assert_allclose(y, solved(np.arange(5), np.ones(5)), rtol=1e-9)


def test_a_column_that_came_in_twice_has_a_finite_answer_or_none() -> None:
    rows = ROWS.copy()
    rows[60] = rows[0]
    gram, factor = rows @ rows.T, SupportFactor()
    factor.solve(gram, np.arange(50), 0.0, np.ones(50))
    with_copy = np.concatenate([np.arange(50), [60]])
    for _ in range(2):  # whether rounding lets the border through or not, a finite answer fits
        y = factor.solve(gram, with_copy, 0.0, np.ones(51))
        if y is not None:
            assert np.isfinite(y).all()
