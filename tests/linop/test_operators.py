"""What single operators promise beside the conformance suite: oracles from numpy and scipy, limits, hostile input."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, strategies as st
from operator_cases import drawn, thinned

from gossamer.errors import DataError
from gossamer.linop import (
    Callables,
    Convolution,
    Dense,
    Masked,
    RowScaled,
    Scaled,
    Sparse,
    Stacked,
    Standardised,
    SubsampledDCT,
    SubsampledFourier,
    Wavelet,
    as_operator,
)

NEAR = 1e-12  # of float64 rounding


@given(n=st.integers(1, 12), k=st.integers(1, 12))
def test_convolution_is_numpys(n: int, k: int) -> None:
    x, h = drawn(n, dtype=torch.float64), drawn(k, dtype=torch.float64, seed=1)
    full, first = np.convolve(x.numpy(), h.numpy()), (k - 1) // 2
    assert Convolution(h, n).mv(x).numpy() == pytest.approx(full[first : first + n], abs=NEAR)
    wrapped = np.zeros(n)
    np.add.at(wrapped, (np.arange(len(full)) - first) % n, full)
    assert Convolution(h, n, "circular").mv(x).numpy() == pytest.approx(wrapped, abs=NEAR)


def test_convolution_of_images_is_scipys() -> None:
    signal = pytest.importorskip("scipy.signal")
    x, h = drawn(9, 7, dtype=torch.float64), drawn(3, 5, dtype=torch.float64)
    for boundary, named in (("zero", "fill"), ("circular", "wrap")):
        wanted = signal.convolve2d(x.numpy(), h.numpy(), mode="same", boundary=named)
        found = Convolution(h, (9, 7), boundary).mv(x.flatten()).reshape(9, 7)
        assert found.numpy() == pytest.approx(wanted, abs=NEAR)


def test_gradients_reach_the_kernel() -> None:
    x = drawn(6, dtype=torch.float64)
    h = drawn(3, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda h: Convolution(h, 6).mv(x), h)
    assert torch.autograd.gradcheck(lambda h: Convolution(h, 6, "circular").rmv(x), h)


@given(n=st.integers(1, 33))
def test_the_dct_is_scipys(n: int) -> None:
    fft = pytest.importorskip("scipy.fft")
    x = drawn(2, n, dtype=torch.float64)
    A = SubsampledDCT(n, torch.arange(n), torch.float64)
    assert A.mv(x).numpy() == pytest.approx(fft.dct(x.numpy(), norm="ortho"), abs=NEAR)
    assert A.rmv(x).numpy() == pytest.approx(fft.idct(x.numpy(), norm="ortho"), abs=NEAR)


def test_fourier_rows_are_numpys_and_measured_brings_complex_data_to_them() -> None:
    rows = torch.tensor([5, 0, 7])
    image = drawn(4, 3, dtype=torch.float64)
    wanted = np.fft.fft2(image.numpy(), norm="ortho").ravel()[rows.numpy()]
    A = SubsampledFourier((4, 3), rows, torch.float64)
    torch.testing.assert_close(A.mv(image.flatten()), A.measured(torch.from_numpy(wanted)))
    whole = SubsampledFourier((4, 3), rows, torch.complex128)
    torch.testing.assert_close(whole.mv(image.flatten() + 0j), torch.from_numpy(wanted))


def test_real_fourier_norm_is_half_without_mirror_images() -> None:
    assert SubsampledFourier(10, torch.tensor([1, 3])).norm2_bound() == pytest.approx(0.5, rel=1e-4)
    assert SubsampledFourier(10, torch.tensor([1, 9])).norm2_bound() == pytest.approx(1.0, rel=1e-4)


def test_wavelets_in_closed_form() -> None:
    """The leading row: Haar's mean of two, and the four taps that Daubechies gives for two vanishing moments."""
    root = 3**0.5
    taps = torch.tensor([1 + root, 3 + root, 3 - root, 1 - root], dtype=torch.float64) / (4 * 2**0.5)
    daubechies = Wavelet(8, "db2", 1, torch.float64).dense()
    torch.testing.assert_close(daubechies[0, :4], taps, atol=NEAR, rtol=0)
    torch.testing.assert_close(daubechies[1].roll(-2), daubechies[0])
    haar = Wavelet(4, "db1", 2, torch.float64).dense() * 2
    wanted = [[1, 1, 1, 1], [1, 1, -1, -1], [2**0.5, -(2**0.5), 0, 0], [0, 0, 2**0.5, -(2**0.5)]]
    torch.testing.assert_close(haar, torch.tensor(wanted, dtype=torch.float64), atol=NEAR, rtol=0)


# The first and largest of the published taps, to the digits that are printed.
SYMLETS = {"sym4": (0.0322231, 0.8037388), "sym5": (0.0195389, 0.7234077), "sym8": (0.0033824, 0.7771858)}


@pytest.mark.parametrize("name", SYMLETS)
def test_symlets_are_the_published_ones(name: str) -> None:
    taps = Wavelet(16, name, 1, torch.float64).dense()[0, : 2 * int(name[3:])]
    ends = {round(abs(float(tap)), 7) for tap in (taps[0], taps[-1])}
    first, largest = SYMLETS[name]
    assert first in ends
    assert round(float(taps.abs().max()), 7) == largest


@pytest.mark.parametrize("name", [f"db{n}" for n in range(1, 9)] + [f"sym{n}" for n in range(2, 9)])
def test_wavelets_are_orthonormal_and_blind_to_polynomials(name: str) -> None:
    n, moments = 64, int(name.lstrip("dbsym"))
    W = Wavelet(n, name, 1, torch.float64)
    torch.testing.assert_close(W.dense().mH @ W.dense(), torch.eye(n, dtype=torch.float64), atol=NEAR, rtol=0)
    place = torch.linspace(-1, 1, n, dtype=torch.float64)
    details = W.mv(place ** torch.arange(moments)[:, None])[:, n // 2 :]
    inside = details[:, : n // 2 - moments + 1]  # beyond, the taps reach round the end
    assert float(inside.abs().max()) < 1e-9  # N zeros at −1 in N roundings


def test_an_image_is_transformed_along_both_sides() -> None:
    rows, columns = (Wavelet(n, "sym2", 1, torch.float64) for n in (8, 6))
    image = drawn(8, 6, dtype=torch.float64)
    found = Wavelet((8, 6), "sym2", 1, torch.float64).mv(image.flatten()).reshape(8, 6)
    torch.testing.assert_close(found, rows.mv(columns.mv(image).mT).mT)
    twice = Wavelet((8, 8), "sym2", 2, torch.float64)
    image = drawn(8, 8, dtype=torch.float64)
    once = Wavelet((8, 8), "sym2", 1, torch.float64).mv(image.flatten()).reshape(8, 8)
    once[:4, :4] = Wavelet((4, 4), "sym2", 1, torch.float64).mv(once[:4, :4].flatten()).reshape(4, 4)
    torch.testing.assert_close(twice.mv(image.flatten()), once.flatten())


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "lil", "dok", "dia"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_scipy_in_any_form(form: str, kind: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    matrix = thinned(8, 6, torch.float64)
    A = as_operator(getattr(sparse, f"{form}_{kind}")(matrix.numpy()))
    assert isinstance(A, Sparse)
    assert torch.equal(A.dense(), matrix)


def test_entries_given_twice_are_added() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    places = torch.tensor([[0, 0, 1], [1, 1, 0]])
    values = torch.tensor([1.0, 2.0, 5.0])
    wanted = torch.tensor([[0.0, 3.0], [5.0, 0.0]])
    assert torch.equal(Sparse(torch.sparse_coo_tensor(places, values, (2, 2), check_invariants=True)).dense(), wanted)
    twice = sparse.coo_matrix((values.numpy(), places.numpy()), shape=(2, 2))
    assert torch.equal(Sparse(twice).dense(), wanted)


def test_a_sparse_design_is_never_made_dense() -> None:
    """A million by a million with 4 million entries: dense it would need 4 TB."""
    n, count = 1_000_000, 4_000_000
    places = torch.randint(n, (2, count), generator=torch.Generator().manual_seed(0))
    A = Sparse(torch.sparse_coo_tensor(places, torch.rand(count), (n, n), check_invariants=True))
    centred = Standardised.of(A, scale=False)
    x, y = torch.randn(n), torch.randn(n)
    left, right = float(centred.mv(x) @ y), float(x @ centred.rmv(y))
    assert left == pytest.approx(right, abs=1e-3 * float(centred.mv(x).norm()))
    assert A.column_norms().shape == (n,)
    assert A.norm2_bound() > 0


def test_sparse_entries_take_no_gradient() -> None:
    with pytest.raises(DataError, match="detach"):
        Sparse(torch.eye(2).to_sparse().requires_grad_())


def test_standardised_keeps_digits_when_means_are_large() -> None:
    """Mean 1e3, deviation 1, float32: the difference of two squares would leave one digit."""
    matrix = drawn(200, 5, dtype=torch.float32) + 1000
    for A in (Dense(matrix), Sparse(matrix.to_sparse())):
        S = Standardised.of(A)
        wanted = torch.from_numpy(matrix.double().numpy().std(0))
        assert S.scale.double().numpy() == pytest.approx(wanted.numpy(), rel=1e-4)
        assert S.column_norms().numpy() == pytest.approx(np.full(5, 200**0.5), rel=1e-3)
        assert float(S.rmv(torch.ones(200)).abs().max()) < 0.2  # of sums of 2e5, where float32 steps by 0.016


def test_standardised_is_sklearns() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    matrix = thinned(30, 4, torch.float64, 0.6) + torch.tensor([0.0, 1.0, 2.0, 3.0])
    matrix[0, 2] += 1  # the column that `thinned` leaves empty is constant
    wanted = preprocessing.StandardScaler().fit_transform(matrix.numpy())
    assert Standardised.of(Dense(matrix)).dense().numpy() == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 1.0, 3.0, 0.1, 1e20])
def test_constant_columns_have_no_scale(value: float, dtype: torch.dtype) -> None:
    matrix = drawn(300, 3, dtype=dtype)
    matrix[:, 1] = value
    with pytest.raises(DataError, match=r"1 columns are constant, the first at \[1\]"):
        Standardised.of(Dense(matrix))


def test_dense_caches_what_it_may() -> None:
    A = Dense(drawn(4, 3, dtype=torch.float32))
    assert A.gram() is A.gram()
    matrix = drawn(4, 3, dtype=torch.float64).requires_grad_()
    B = Dense(matrix)
    for _ in range(2):  # a kept graph would be freed by the first
        B.gram().sum().backward()
        B.column_norms().sum().backward()
    assert matrix.grad is not None


SPECTRA = {
    "flat": torch.ones(400, dtype=torch.float64),
    "decaying": torch.linspace(0, 1, 400, dtype=torch.float64) ** 3,
    "one ahead": torch.cat([torch.full((399,), 0.9, dtype=torch.float64), torch.ones(1, dtype=torch.float64)]),
    "one": torch.cat([torch.zeros(399, dtype=torch.float64), torch.ones(1, dtype=torch.float64)]),
    "crowded below": torch.cat([torch.full((399,), 0.99, dtype=torch.float64), torch.ones(1, dtype=torch.float64)]),
}


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("size", [1e-15, 1.0, 1e15])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_lanczos_bounds_hold_for_hard_spectra(spectrum: str, size: float, dtype: torch.dtype) -> None:
    for seed in range(3):
        basis = torch.linalg.qr(drawn(400, 400, dtype=torch.float64, seed=seed)).Q
        matrix = ((basis * SPECTRA[spectrum]) @ basis.mT * size).to(dtype)
        found = Dense(matrix).norm2_bound() / size**2
        assert 1 - 1e-6 <= found <= 1.12


def test_as_operator_takes_what_it_is_given() -> None:
    matrix = drawn(3, 4, dtype=torch.float32)
    dense = as_operator(matrix)
    assert isinstance(dense, Dense)
    assert dense.matrix is matrix
    assert as_operator(dense) is dense
    array = matrix.numpy()
    shared = as_operator(array)
    assert isinstance(shared, Dense)
    assert shared.matrix.data_ptr() == matrix.data_ptr()
    frozen = array.copy()
    frozen.setflags(write=False)
    for odd in (frozen, array[::-1], array[:, ::-1], array.astype(">f4"), np.asfortranarray(array), array[:, ::2]):
        assert torch.equal(as_operator(odd).dense(), torch.from_numpy(odd.astype(np.float32)))
    for layout in (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc):
        assert torch.equal(as_operator(matrix.to_sparse(layout=layout)).dense(), matrix)


def nan_at(matrix: torch.Tensor) -> torch.Tensor:
    matrix[1, 1] = float("nan")
    return matrix


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (torch.eye(3, dtype=torch.int64), r"int64 .* convert"),
        (torch.eye(3, dtype=torch.bool), r"bool .* convert"),
        (torch.eye(3, dtype=torch.float16), r"float16 .* convert"),
        (np.eye(3, dtype=int), r"int64 .* convert"),
        (np.eye(3, dtype=object), r"object .* convert"),
        (torch.eye(3, dtype=torch.int32).to_sparse(), r"int32 .* convert"),
        (torch.ones(3), r"needs \(m, n\)"),
        (torch.ones(2, 3, 4), r"needs \(m, n\)"),
        (torch.ones(0, 3), "at least one entry"),
        (torch.ones(3, 0).to_sparse(), "at least one entry"),
        (np.ones((3, 0)), "at least one entry"),
        (nan_at(torch.eye(3)), "1 of its entries are NaN"),
        (nan_at(torch.eye(3)).to_sparse(), "1 of its entries are NaN"),
        (torch.full((2, 2), float("inf")), "4 of its entries are NaN or infinite"),
        ([[1.0]], "given list"),
        (None, "given NoneType"),
        ("A", "given str"),
    ],
    ids=str,
)
def test_as_operator_refuses(given: object, says: str) -> None:
    with pytest.raises(DataError, match=says):
        as_operator(given)


def test_scipy_integers_and_nans_are_refused() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(DataError, match=r"int64 .* convert"):
        as_operator(sparse.eye(3, dtype=np.int64))
    with pytest.raises(DataError, match="NaN"):
        as_operator(sparse.csr_matrix(np.array([[0.0, np.nan]])))


REFUSED = {
    "composition, sizes": (lambda: Dense(torch.eye(3)) @ Dense(torch.eye(2)), "A takes 3 numbers and B gives 2"),
    "composition, types": (lambda: Dense(torch.eye(3)) @ Dense(torch.eye(3).double()), "convert one"),
    "composition, tensor": (lambda: Dense(torch.eye(3)) @ torch.eye(3), "call mv"),
    "stacked, none": (lambda: Stacked([]), "given nothing"),
    "stacked, sizes": (lambda: Stacked([Dense(torch.eye(3)), Dense(torch.eye(2))]), "same unknowns"),
    "scaled, NaN": (lambda: Scaled(float("nan"), Dense(torch.eye(3))), "finite"),
    "scaled, complex": (lambda: Scaled(1j, Dense(torch.eye(3))), "real for a"),
    "masked, numbers": (lambda: Masked(torch.ones(3)), "bool mask"),
    "masked, image": (lambda: Masked(torch.ones(3, 3, dtype=torch.bool)), "flatten"),
    "masked, nothing": (lambda: Masked(torch.zeros(3, dtype=torch.bool)), "at least one True"),
    "convolution, axes": (lambda: Convolution(torch.ones(3), (3, 3)), "same 1 or 2 axes"),
    "convolution, integers": (lambda: Convolution(torch.ones(3, dtype=torch.int64), 5), "floating or complex"),
    "convolution, NaN": (lambda: Convolution(torch.tensor([float("nan")]), 5), "finite"),
    "convolution, empty": (lambda: Convolution(torch.ones(0), 5), "at least one"),
    "convolution, boundary": (lambda: Convolution(torch.ones(1), 5, "mirror"), "boundary must be"),
    "fourier, twice": (lambda: SubsampledFourier(5, torch.tensor([1, 1])), "given twice"),
    "fourier, range": (lambda: SubsampledFourier(5, torch.tensor([5])), "holds 5, needs 0 to 4"),
    "fourier, below": (lambda: SubsampledFourier(5, torch.tensor([-1])), "holds -1, needs 0 to 4"),
    "fourier, mask": (lambda: SubsampledFourier(3, torch.ones(3, dtype=torch.bool)), "whole numbers"),
    "fourier, none": (lambda: SubsampledFourier(3, torch.ones(0, dtype=torch.int64)), "at least one"),
    "fourier, size": (lambda: SubsampledFourier(0, torch.tensor([0])), "each at least 1"),
    "dct, type": (lambda: SubsampledDCT(5, torch.tensor([0]), torch.int64), "dtype must be"),
    "wavelet, odd": (lambda: Wavelet((4, 3)), "multiples of 2, given .4, 3."),
    "wavelet, levels": (lambda: Wavelet(12, levels=3), "3 levels need sides that are multiples of 8, given 12"),
    "wavelet, none": (lambda: Wavelet(8, levels=0), "0 levels .*at least 1"),
    "wavelet, name": (lambda: Wavelet(8, "coif1"), "no wavelet 'coif1'; known"),
    "wavelet, moments": (lambda: Wavelet(8, "sym1"), "no wavelet 'sym1'; known"),
    "wavelet, type": (lambda: Wavelet(8, dtype=torch.int64), "dtype must be"),
    "callables, shape": (lambda: Callables(lambda x: x, lambda y: y, (2, 3)), r"mv must take \(2, 3\) to \(2, 2\)"),
    "callables, type": (lambda: Callables(lambda x: x.double(), lambda y: y, (2, 2)), "float64"),
    "callables, adjoint": (lambda: Callables(lambda x: x.cumsum(-1), lambda y: y, (3, 3)), "not the adjoint"),
    "callables, NaN": (lambda: Callables(lambda x: x / 0 * 0, lambda y: y, (3, 3)), "not the adjoint"),
    "standardised, zero": (lambda: Standardised(Dense(torch.eye(2)), scale=torch.tensor([1.0, 0.0])), "0 in column 1"),
    "standardised, size": (lambda: Standardised(Dense(torch.eye(2)), torch.ones(3)), r"mean must be \(2,\)"),
    "row scaled, size": (lambda: RowScaled(torch.ones(3), Dense(torch.eye(2))), "2 finite numbers"),
    "row scaled, type": (lambda: RowScaled(torch.ones(2).double(), Dense(torch.eye(2))), "no wider than"),
    "sparse, dense": (lambda: Sparse(torch.eye(2)), "as_operator"),
    "sparse, list": (lambda: Sparse([[1.0]]), "given list"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case: str) -> None:
    make, says = REFUSED[case]
    with pytest.raises(DataError, match=says):
        make()


def test_a_complex_adjoint_must_conjugate() -> None:
    matrix = drawn(3, 3, dtype=torch.complex64)
    with pytest.raises(DataError, match="conjugate"):
        Callables(lambda x: x @ matrix.mT, lambda y: y @ matrix, (3, 3), torch.complex64)


def test_unit_columns_are_the_columns_over_their_norms() -> None:
    A = drawn(5, 4, dtype=torch.complex128) * torch.arange(1.0, 5.0)
    unit = Dense(A).unit
    rows = (A / torch.linalg.vector_norm(A, dim=0)).mT
    torch.testing.assert_close(unit.rows, rows)
    torch.testing.assert_close(unit.gram, rows.conj() @ rows.mT)
    torch.testing.assert_close(unit.scales * torch.linalg.vector_norm(A, dim=0), torch.ones(4, dtype=torch.float64))


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_scipy_forms_are_one_operator_and_a_rare_vector_reads_its_columns(form: str) -> None:
    scipy_sparse = pytest.importorskip("scipy.sparse")
    generator = np.random.default_rng(3)
    dense = generator.standard_normal((30, 60)) * (generator.random((30, 60)) < 0.1)
    A = as_operator(scipy_sparse.coo_matrix(dense).asformat(form))
    full = torch.from_numpy(dense)
    few, many = torch.zeros(60, dtype=torch.float64), torch.randn(60, dtype=torch.float64)
    few[[3, 17, 41]] = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    for x in (few, many, few * 0):
        for design in (A, Dense(full.T.contiguous().T), Dense(full)):
            torch.testing.assert_close(design.mv(x), full @ x)
    torch.testing.assert_close(A.rmv(torch.ones(30, dtype=torch.float64)), full.sum(0))
    torch.testing.assert_close(A.columns(torch.tensor([5, 2])), full[:, [5, 2]])
    torch.testing.assert_close(Dense(full.T.contiguous().T).columns(torch.tensor([5, 2])), full[:, [5, 2]])


def test_a_read_only_scipy_matrix_is_copied_and_stays_as_it_is() -> None:
    scipy_sparse = pytest.importorskip("scipy.sparse")
    matrix = scipy_sparse.csr_matrix(np.array([[0.0, 1.0], [2.0, 0.0]]))
    matrix.data.flags.writeable = False
    twice = scipy_sparse.csr_matrix((np.ones(2), np.array([1, 1]), np.array([0, 2])), shape=(1, 2))
    assert as_operator(matrix).mv(torch.tensor([1.0, 3.0], dtype=torch.float64)).tolist() == [3.0, 2.0]
    assert as_operator(twice).dense().tolist() == [[0.0, 2.0]]
    assert twice.nnz == 2


@pytest.mark.parametrize("form", ["csr_matrix", "csc_array"])
def test_entries_out_of_order_and_given_twice_are_put_in_order_and_added(form: str) -> None:
    make = getattr(scipy.sparse, form)
    data, places, starts = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2, 0, 2, 1]), np.array([0, 3, 4])
    entered = make((data, places, starts), shape=(2, 3) if form == "csr_matrix" else (3, 2))
    held = as_operator(entered)
    assert torch.equal(held.dense(), torch.from_numpy(entered.toarray()))
    assert torch.equal(
        held.rmv(torch.ones(held.shape[0], dtype=torch.float64)), torch.from_numpy(entered.toarray()).sum(0)
    )
    assert entered.data.tolist() == [1.0, 2.0, 3.0, 4.0], "the caller's matrix stays as it was"


@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128])
@pytest.mark.filterwarnings("ignore:Sparse CS. tensor support")
def test_columns_are_the_same_before_and_after_the_matrix_is_turned(layout: torch.layout, dtype: torch.dtype) -> None:
    matrix = thinned(30, 50, dtype)
    A = Sparse(matrix.to_sparse(layout=layout))
    indices = torch.tensor([4, 49, 0, 4, 25])
    for _ in range(12):
        assert torch.equal(A.columns(indices), matrix[:, indices])
        chosen = A.column_rows(indices)
        assert torch.equal(chosen.counts.long(), (matrix[:, indices] != 0).sum(0))


@pytest.mark.filterwarnings("ignore:Sparse CS. tensor support")
def test_torch_entries_out_of_order_and_given_twice_are_put_in_order_and_added() -> None:
    starts, places, values = torch.tensor([0, 3, 4]), torch.tensor([2, 0, 2, 1]), torch.tensor([1.0, 2.0, 3.0, 4.0])
    wanted = torch.tensor([[2.0, 0.0, 4.0], [0.0, 4.0, 0.0]])
    by_rows = torch.sparse_csr_tensor(starts, places, values, (2, 3), check_invariants=False)
    by_columns = torch.sparse_csc_tensor(starts, places, values, (3, 2), check_invariants=False)
    for A, matrix in ((Sparse(by_rows), wanted), (Sparse(by_columns), wanted.mT)):
        assert torch.equal(A.dense(), matrix)
        assert torch.equal(A.column_norms(), torch.linalg.vector_norm(matrix, dim=0))


@pytest.mark.parametrize(
    ("starts", "places", "message"),
    [
        ([0, 1, 2], [0, 3], "holds index 3, needs 0 to 2"),
        ([0, 1, 2], [-1, 0], "holds index -1"),
        ([0, 2, 1], [0, 1], "must rise from 0"),
        ([1, 1, 2], [0, 1], "must rise from 0"),
        ([0, 1, 9], [0, 1], "must rise from 0"),
        ([0, 1, 2], [1 << 40, 0], "holds index 1099511627776"),
    ],
)
@pytest.mark.filterwarnings("ignore:Sparse CS. tensor support")
def test_a_broken_sparse_matrix_is_refused_before_it_is_read(
    starts: list[int], places: list[int], message: str
) -> None:
    parts = torch.tensor(starts), torch.tensor(places), torch.ones(2)
    with pytest.raises(DataError, match=message):
        as_operator(torch.sparse_csr_tensor(*parts, (2, 3), check_invariants=False))
    with pytest.raises(DataError, match=message):
        as_operator(torch.sparse_csc_tensor(*parts, (3, 2), check_invariants=False))
    whole = scipy.sparse.csr_array((2, 3))
    whole.indptr, whole.indices, whole.data = (part.numpy() for part in parts)
    whole.has_canonical_format = True
    with pytest.raises(DataError, match=message):
        as_operator(whole)
