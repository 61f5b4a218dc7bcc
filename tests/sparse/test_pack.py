"""`pack`: the same bits come back, in no more bytes than any format tried by hand; and its conversions."""

from __future__ import annotations

from math import comb, log2

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor

import gossamer as gs
from gossamer.errors import DataError, KernelError, StructureError
from gossamer.formats import INDICES, pack as pack_member
from gossamer.sparse import Packed, pack, to_scipy, to_torch
from gossamer.terms import Member

BITS = {
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
    torch.complex64: torch.int32,
    torch.complex128: torch.int64,
}
SHAPES = [(), (0,), (1,), (7,), (300,), (0, 5), (5, 0), (3, 5), (1, 70000), (70000, 1), (2, 3, 16), (4, 0, 3), (2, 128)]


def bits(x: Tensor) -> Tensor:
    real = torch.view_as_real(x.clone()) if x.is_complex() else x  # torch takes no view of a CSR tensor's values
    return real.contiguous().view(BITS[x.dtype])


def same(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(bits(a), bits(b))


def thin(shape: tuple[int, ...], dtype: torch.dtype, density: float, seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, dtype=dtype, generator=g)
    return torch.where(torch.rand(shape, generator=g) < density, x, torch.zeros((), dtype=dtype))


@pytest.mark.parametrize("dtype", BITS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("density", [0.0, 0.02, 0.5, 1.0])
def test_every_bit_comes_back(shape, dtype, density) -> None:
    x = thin(shape, dtype, density)
    packed = pack(x)
    assert same(packed.dense(), x)
    assert packed.shape == shape
    assert packed.held == int((bits(x) != 0).reshape(x.numel(), -1).any(-1).sum() if x.numel() else 0)
    for weight in packed.weights:
        weight.validate()


@st.composite
def hostile(draw: st.DrawFn) -> Tensor:
    """Any bit patterns: NaNs of every payload, infinities, subnormals, −0.0, among zeros."""
    dtype = draw(st.sampled_from(list(BITS)))
    shape = draw(st.sampled_from([(1,), (5,), (24,), (3, 8), (2, 2, 4), (128,), (2, 256)]))
    g = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    count = torch.Size(shape).numel() * (2 if dtype.is_complex else 1)
    kind = draw(st.sampled_from(["any", "few", "special"]))
    wide = torch.int16 if dtype.itemsize == 2 else torch.int32
    lanes = dtype.itemsize * torch.Size(shape).numel() // wide.itemsize
    raw = torch.randint(-(2**31), 2**31 - 1, (lanes,), generator=g).to(wide)
    if kind == "few":
        raw = raw[torch.randint(min(3, lanes), (lanes,), generator=g)]
    x = raw.view(torch.float32 if dtype.is_complex else dtype) if dtype != torch.complex128 else raw.view(torch.float64)
    if kind == "special":
        table = torch.tensor([0.0, -0.0, float("nan"), float("inf"), -float("inf"), 1e-40, 1.0, 65504.0])
        x = table[torch.randint(len(table), (count,), generator=g)].to(x.dtype)
    keep = torch.rand(x.shape, generator=g) < draw(st.sampled_from([0.0, 0.05, 0.3, 1.0]))
    x = torch.where(keep, x.view(BITS[dtype]), 0).view(x.dtype)
    return (torch.view_as_complex(x.reshape(-1, 2)) if dtype.is_complex else x).reshape(shape)


@given(x=hostile())
def test_any_bits_come_back(x: Tensor) -> None:
    packed = pack(x)
    assert same(packed.dense(), x)
    assert same(packed.values(), x[packed.support()])
    assert torch.equal(packed.support(), (bits(x).reshape(x.numel(), -1) != 0).any(-1).reshape(x.shape))
    assert packed.nbytes == sum(t.numel() * t.element_size() for w in packed.weights for t in w.buffers().values())


@given(x=hostile())
def test_without_signed_zeros_values_are_equal_and_no_zero_is_held(x: Tensor) -> None:
    packed = pack(x, signed_zeros=False)
    assert torch.equal(packed.dense().nan_to_num(7.0), x.nan_to_num(7.0))
    assert packed.held == int((x != 0).sum())


def test_masked_weights_leave_signed_zeros_which_can_be_dropped() -> None:
    weight = torch.randn(64, 64)
    mask = torch.rand(64, 64) < 0.1
    x = weight * mask
    assert pack(x).held > 1000
    dropped = pack(x, signed_zeros=False)
    assert dropped.held == int(mask.sum())
    assert dropped.nbytes < pack(x).nbytes / 2


@pytest.mark.parametrize("shape", [(40, 50), (7, 300), (1, 5000), (3000, 1), (4, 4, 256)])
@pytest.mark.parametrize("density", [0.001, 0.01, 0.1, 0.3, 0.9])
def test_no_index_part_alone_is_smaller(shape, density) -> None:
    x = thin(shape, torch.float32, density)
    support, values = x != 0, x[x != 0]
    member = Member(gs.Structure(), shape, torch.float32, support, values=values)
    sizes = []
    for name in INDICES:
        try:
            sizes.append(pack_member(member, name).nbytes)
        except ValueError:
            continue
    assert pack(x).nbytes <= min(sizes)


@pytest.mark.parametrize(
    ("make", "form", "nbytes"),
    [
        (lambda: thin((64, 64), torch.float32, 1.0), "dense × float32", 16384),
        (lambda: (1e6 * thin((64, 64), torch.float32, 1.0)).bfloat16().float(), "dense × bfloat16", 8192),
        (lambda: thin((64, 64), torch.float64, 1.0).float().double(), "dense × float32", 16384),
        (lambda: thin((64, 64), torch.float64, 1.0), "dense × float32 + float32", 32768),
        (lambda: thin((64, 64), torch.complex64, 1.0), "dense × float32 + float32", 32768),
        (lambda: torch.zeros(1000, 1000), "csr × float16", 1),
        (lambda: torch.zeros(0), "dense × float16", 0),
        (lambda: torch.ones(1000, 8), "dense × codebook", 2),
        (lambda: torch.ones(1000, 8, dtype=torch.float64) * 0.1, "dense × codebook + codebook", 8),
        (lambda: torch.eye(8).repeat(100, 1), "nm × codebook", 302),
        (lambda: torch.eye(4).repeat(64, 4) * torch.arange(1, 17), "nm × codebook", 256 + 512 + 32),
    ],
    ids=["dense", "narrow", "double", "words", "complex", "zero", "empty", "ones", "tenths", "1:8", "1:4"],
)
def test_the_format_is_the_one_that_suits(make, form, nbytes) -> None:
    packed = pack(make())
    assert (packed.format, packed.nbytes) == (form, nbytes)
    assert same(packed.dense(), make())


def test_the_floor_is_the_entropy_of_independent_places() -> None:
    x = thin((500, 400), torch.float32, 0.1)
    packed = pack(x)
    p = packed.density
    floor = -200_000 * (p * log2(p) + (1 - p) * log2(1 - p)) / 8 + 4 * packed.held
    assert packed.floor_bytes == pytest.approx(floor)
    assert log2(comb(200_000, packed.held)) / 8 + 4 * packed.held <= floor  # never below what counting allows
    assert floor <= packed.nbytes <= 1.2 * floor


def test_a_pattern_can_go_below_the_floor() -> None:
    """1:8 takes 3 bits a run; independent places of that density 8 h₂(1/8) = 4.3."""
    x = torch.eye(8).repeat(1000, 1)
    assert pack(x).nbytes < pack(x).floor_bytes


def test_codes_count_at_their_entropy_in_the_floor() -> None:
    x = torch.zeros(10_000)
    x[:1000], x[1000:1010] = 1.0, 2.0
    packed = pack(x)
    share = torch.tensor([1000, 10], dtype=torch.float64) / 1010
    values = -1010 * float((share * share.log2()).sum()) + 8 * 2 * 2
    p = 0.101
    assert packed.floor == pytest.approx(-10_000 * (p * log2(p) + (1 - p) * log2(1 - p)) + values)


def test_it_tells_in_words() -> None:
    x = torch.zeros(1000)
    x[torch.tensor([0, 1, 2, 333, 334, 500, 700, 701, 998, 999])] = torch.arange(1, 11) / 3
    assert str(pack(x)) == "csr × float32: 61 bytes for 4000 dense; density 0.01, i.i.d. floor 50 bytes"


def test_it_holds_a_copy_and_leaves_the_tensor_alone() -> None:
    x = torch.ones(4, requires_grad=True)
    packed = pack(x)
    with torch.no_grad():
        x[0] = 5
    assert torch.equal(packed.dense(), torch.ones(4))
    assert not packed.dense().requires_grad


@pytest.mark.parametrize("view", [lambda x: x.T, lambda x: x[::2], lambda x: x.conj(), lambda x: x.mH.imag])
def test_views_are_packed_as_they_read(view) -> None:
    x = view(thin((6, 8), torch.complex64, 0.4))
    assert same(pack(x).dense(), x.resolve_conj().resolve_neg())


SPARSE = ["sparse_coo", "sparse_csr", "sparse_csc"]


@pytest.mark.filterwarnings("ignore:Sparse .* tensor support")  # torch's own, of its own conversion
@pytest.mark.parametrize("layout", [*SPARSE, "sparse_bsr", "sparse_bsc"])
def test_sparse_tensors_come_in(layout: str) -> None:
    x = thin((6, 8), torch.float32, 0.3)
    block = (2, 2) if "bs" in layout else None
    assert same(pack(x.to_sparse(layout=getattr(torch, layout), blocksize=block)).dense(), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128])
def test_scipy_and_numpy_come_in(dtype: torch.dtype) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    x = thin((6, 8), dtype, 0.3)
    for form in ("csr", "csc", "coo", "lil", "bsr"):
        assert same(pack(getattr(sparse, f"{form}_array")(x.numpy())).dense(), x)
    frozen = x.numpy().copy()
    frozen.setflags(write=False)
    assert same(pack(frozen).dense(), x)


SIGNED = torch.tensor([[0.0, -0.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0], [float("nan"), 0.0, 0.0, -0.0], [1.0, 0, 0, 3.0]])


@pytest.mark.parametrize("dtype", BITS)
@pytest.mark.parametrize(
    ("form", "block"), [("coo", None), ("csr", None), ("csc", None), ("bsr", (2, 2)), ("dense", None)]
)
def test_torch_forms_hold_the_same_entries(form, block, dtype) -> None:
    x = SIGNED.to(dtype)
    packed = pack(x)
    out = to_torch(packed, form, block=block)
    assert out.layout == (torch.strided if form == "dense" else getattr(torch, f"sparse_{form}"))
    if form == "csc":
        order = packed.support().T.nonzero()
        assert same(out.values(), x.T[order[:, 0], order[:, 1]])
    elif form in ("coo", "csr"):
        assert same(out.coalesce().values() if form == "coo" else out.values(), packed.values())
    known = ~x.isnan()  # torch's to_dense adds, which spoils the other half of a complex NaN
    assert torch.equal(out.to_dense()[known], x[known])
    assert torch.equal(out.to_dense().isnan(), x.isnan())


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (1, 1), (5, 7)], ids=str)
@pytest.mark.parametrize("form", ["coo", "csr", "csc"])
def test_round_trip_through_torch(shape, form) -> None:
    x = thin(shape, torch.float32, 0.4)
    assert torch.equal(to_torch(pack(x), form).to_dense(), x)
    assert same(pack(to_torch(pack(x), form)).dense(), x)


def test_coo_takes_any_number_of_axes() -> None:
    x = thin((2, 3, 4), torch.float32, 0.4)
    assert torch.equal(to_torch(pack(x), "coo").to_dense(), x)


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128])
def test_scipy_forms_hold_the_same_entries(form, dtype) -> None:
    pytest.importorskip("scipy.sparse")
    x = SIGNED.to(dtype)
    out = to_scipy(pack(x), form)
    assert out.format == form
    np.testing.assert_array_equal(out.toarray(), x.numpy())
    assert np.array_equal(
        np.sort(out.data.view(f"i{x.real.element_size()}")), bits(pack(x).values()).flatten().sort()[0]
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="what a machine without CUDA says")
def test_semi_structured_needs_cuda() -> None:
    half = torch.tensor([[1.0, 0, 2.0, 0] * 32] * 64, dtype=torch.float16)
    with pytest.raises(KernelError, match="on a CPU keep it packed"):
        to_torch(pack(half), "semi_structured")


def packed_of(*shape: int, dtype: torch.dtype = torch.float32) -> Packed:
    return pack(torch.ones(shape, dtype=dtype))


REFUSED = {
    "list": (lambda: pack([1.0]), DataError, "given list"),
    "integers": (lambda: pack(torch.eye(3, dtype=torch.int32)), DataError, "given int32; convert"),
    "bool": (lambda: pack(torch.eye(3) > 0), DataError, "given bool; convert"),
    "float8": (lambda: pack(torch.eye(3).to(torch.float8_e4m3fn)), DataError, "given float8"),
    "numpy integers": (lambda: pack(np.eye(3, dtype=int)), DataError, "given int64; convert"),
    "huge": (
        lambda: pack(torch.sparse_coo_tensor(torch.zeros(2, 0).long(), [], (10**6, 10**6), check_invariants=True)),
        DataError,
        "at most 2147483648 can be packed at once",
    ),
    "form": (lambda: to_torch(packed_of(2, 2), "crs"), DataError, "did you mean 'csr'"),
    "scipy form": (lambda: to_scipy(packed_of(2, 2), "crs"), DataError, "did you mean 'csr'"),
    "no block": (lambda: to_torch(packed_of(2, 2), "bsr"), DataError, "go together"),
    "block": (lambda: to_torch(packed_of(2, 2), "csr", block=(1, 1)), DataError, "go together"),
    "block size": (lambda: to_torch(packed_of(4, 4), "bsr", block=(3, 2)), DataError, "does not divide"),
    "block zero": (lambda: to_torch(packed_of(4, 4), "bsr", block=(0, 2)), DataError, "does not divide"),
    "axes": (lambda: to_torch(packed_of(4), "csr"), DataError, "needs 2 axes"),
    "scipy axes": (lambda: to_scipy(packed_of(2, 2, 2)), DataError, "needs 2 axes"),
    "scipy half": (lambda: to_scipy(packed_of(2, 2, dtype=torch.bfloat16)), DataError, "no sparse"),
    "not 2:4": (lambda: to_torch(packed_of(4, 8), "semi_structured"), StructureError, "is not"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case: str) -> None:
    make, error, says = REFUSED[case]
    with pytest.raises(error, match=says):
        make()
