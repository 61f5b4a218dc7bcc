"""Every operator keeps the promises of `LinearOperator`, in each of the four types."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, strategies as st
from operator_cases import DTYPES, MAKERS, drawn

import gossamer.linop
from gossamer.linop import LinearOperator, adjoint_gap

NEAR = {torch.float32: 2e-5, torch.complex64: 2e-5, torch.float64: 1e-12, torch.complex128: 1e-12}  # of rounding
CASES = [pytest.param(name, dtype, id=f"{name}-{str(dtype)[6:]}") for name in MAKERS for dtype in DTYPES]
every = pytest.mark.parametrize(("name", "dtype"), CASES)


def close(given: torch.Tensor, wanted: torch.Tensor) -> None:
    assert given.dtype == wanted.dtype
    size = float(wanted.abs().max()) if wanted.numel() else 0.0
    near = NEAR[given.dtype]
    torch.testing.assert_close(given, wanted, rtol=near, atol=near * max(size, 1e-3))


def matrix_of(A: LinearOperator) -> torch.Tensor:
    """The matrix by mv alone, one unknown at a time: what everything else is held to."""
    return torch.stack([A.mv(row) for row in torch.eye(A.shape[1], dtype=A.dtype)], dim=1)


def test_every_operator_is_in_the_table() -> None:
    made = {type(maker(torch.float32)).__name__ for maker in MAKERS.values()}
    classes = {name for name in gossamer.linop.__all__ if name[0].isupper()} - {"LinearOperator"}
    assert made == classes


@every
def test_shape_type_and_device(name: str, dtype: torch.dtype) -> None:
    A = MAKERS[name](dtype)
    m, n = A.shape
    assert (A.dtype, A.device) == (dtype, torch.device("cpu"))
    for batch in ((), (3,), (2, 3), (0,)):
        x, y = drawn(*batch, n, dtype=dtype), drawn(*batch, m, dtype=dtype)
        assert (A.mv(x).shape, A.mv(x).dtype) == ((*batch, m), dtype)
        assert (A.rmv(y).shape, A.rmv(y).dtype) == ((*batch, n), dtype)


@every
def test_a_batch_is_its_rows(name: str, dtype: torch.dtype) -> None:
    A = MAKERS[name](dtype)
    x, y = drawn(2, 3, A.shape[1], dtype=dtype), drawn(2, 3, A.shape[0], dtype=dtype)
    close(A.mv(x)[1, 2], A.mv(x[1, 2]))
    close(A.rmv(y)[1, 2], A.rmv(y[1, 2]))


@every
def test_products_are_those_of_the_matrix(name: str, dtype: torch.dtype) -> None:
    A = MAKERS[name](dtype)
    matrix = matrix_of(A)
    close(A.dense(), matrix)
    x, y = drawn(4, A.shape[1], dtype=dtype), drawn(4, A.shape[0], dtype=dtype)
    close(A.mv(x), x @ matrix.mT)
    close(A.rmv(y), y @ matrix.conj())


@every
def test_columns_norms_and_gram_are_those_of_the_matrix(name: str, dtype: torch.dtype) -> None:
    A = MAKERS[name](dtype)
    matrix = matrix_of(A)
    indices = torch.tensor([A.shape[1] - 1, 0, 0])
    close(A.columns(indices), matrix[:, indices])
    close(A.column_norms(), torch.linalg.vector_norm(matrix, dim=0))
    centre = drawn(A.shape[1], dtype=dtype, seed=3)
    close(A.column_norms(centre), torch.linalg.vector_norm(matrix - centre, dim=0))
    close(A.gram(), matrix.mH @ matrix)
    assert torch.equal(A.gram(), A.gram().mH) or "dense" in name


@every
def test_the_norm_is_bounded_from_above_and_not_far(name: str, dtype: torch.dtype) -> None:
    A = MAKERS[name](dtype)
    wide = torch.complex128 if dtype.is_complex else torch.float64
    true = float(torch.linalg.matrix_norm(matrix_of(A).to(wide), 2)) ** 2
    assert true * (1 - NEAR[dtype]) <= A.norm2_bound() <= 1.5 * true
    assert A.norm2_bound() == A.norm2_bound() == MAKERS[name](dtype).norm2_bound()


@every
def test_in_double_it_is_the_same_map(name: str, dtype: torch.dtype) -> None:
    A = MAKERS[name](dtype)
    wide = A.double()
    assert wide.dtype == (torch.complex128 if dtype.is_complex else torch.float64)
    assert wide.shape == A.shape
    close(matrix_of(wide).to(dtype), matrix_of(A))


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(seed=st.integers(0, 10_000))
def test_rmv_is_the_adjoint(name: str, dtype: torch.dtype, seed: int) -> None:
    assert adjoint_gap(MAKERS[name](dtype), seed) < NEAR[dtype]


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "dense-large"])  # finite differences of 300 × 280
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_gradients_pass(name: str, dtype: torch.dtype) -> None:
    A = MAKERS[name](dtype)
    x = drawn(2, A.shape[1], dtype=dtype).requires_grad_()
    y = drawn(2, A.shape[0], dtype=dtype).requires_grad_()
    assert torch.autograd.gradcheck(A.mv, x)
    assert torch.autograd.gradcheck(A.rmv, y)
    assert torch.autograd.gradgradcheck(lambda x: A.mv(x) ** 2, x)


@every
def test_wrong_lengths_and_types_are_refused(name: str, dtype: torch.dtype) -> None:
    A = MAKERS[name](dtype)
    m, n = A.shape
    other = torch.float64 if dtype != torch.float64 else torch.float32
    for product, size in ((A.mv, n), (A.rmv, m)):
        for wrong in (drawn(2, size + 1, dtype=dtype), drawn(size, dtype=other), torch.tensor(1.0, dtype=dtype)):
            with pytest.raises(gossamer.GossamerError, match="on the last axis"):
                product(wrong)
