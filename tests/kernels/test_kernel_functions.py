"""The public functions: meaning, refusals, the same answers from both implementations and under tracing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, strategies as st
from kernel_cases import random_codes, random_mask
from torch import Tensor

from gossamer import kernels
from gossamer.errors import KernelError
from gossamer.kernels import native

DTYPES_1_2_4 = [
    torch.bool, torch.int8, torch.uint8, torch.float8_e4m3fn, torch.int16, torch.float16, torch.bfloat16,
    torch.int32, torch.float32,
]  # fmt: skip


@pytest.fixture(params=["reference", "native"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test that asks for it runs once on each implementation."""
    if request.param == "native":
        path: Path = request.getfixturevalue("library_path")
        monkeypatch.setattr(kernels, "__path__", [str(path.parent)])
    monkeypatch.setenv(native.ENVIRONMENT, request.param)
    assert kernels.status().backend == request.param
    return str(request.param)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("bits", range(1, 9))
def test_pack_bits_is_the_stream_of_its_definition(bits: int) -> None:
    codes = random_codes(37, bits)
    stream = sum(int(code) << (i * bits) for i, code in enumerate(codes))
    packed = kernels.pack_bits(codes, bits)
    assert bytes(packed.tolist()) == stream.to_bytes((37 * bits + 7) // 8, "little")
    assert torch.equal(kernels.unpack_bits(packed, bits, 37), codes)


@pytest.mark.usefixtures("backend")
def test_strided_views_are_read_as_what_they_show() -> None:
    codes = random_codes(60, 4)[::3]
    assert torch.equal(kernels.unpack_bits(kernels.pack_bits(codes, 4), 4, 20), codes)
    dense = torch.randn(20, 2)[:, 1]
    mask, kept = random_mask(20, 0.5)
    values = kernels.mask_compress(dense, mask, kept)
    assert torch.equal(values, dense[kernels.unpack_mask(mask, 20)])


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("dtype", DTYPES_1_2_4, ids=str)
def test_mask_round_trip_keeps_the_bits_of_every_dtype(dtype: torch.dtype) -> None:
    raw = torch.randint(0, 2, (100 * dtype.itemsize,), dtype=torch.uint8)
    dense = raw.view(dtype)
    mask, kept = random_mask(100, 0.3)
    keep = kernels.unpack_mask(mask, 100)
    values = kernels.mask_compress(dense, mask, kept)
    back = kernels.mask_expand(values, mask, 100)
    assert values.dtype == back.dtype == dtype
    wanted = raw.view(100, -1) * keep.to(torch.uint8).unsqueeze(-1)
    assert torch.equal(back.view(torch.uint8).view(100, -1), wanted)
    assert torch.equal(values.view(torch.uint8).view(kept, -1), raw.view(100, -1)[keep])


@pytest.mark.usefixtures("backend")
def test_special_floats_pass_unchanged() -> None:
    dense = torch.tensor([float("nan"), -0.0, float("inf"), 1e-45])
    mask = kernels.pack_mask(torch.tensor([True, True, False, True]))
    back = kernels.mask_expand(kernels.mask_compress(dense, mask, 3), mask, 4)
    assert back.view(torch.int32).tolist() == [*dense.view(torch.int32)[:2].tolist(), 0, 1]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9])
def test_masks_pack_with_zero_top_bits(count: int) -> None:
    mask = torch.ones(count, dtype=torch.bool)
    packed = kernels.pack_mask(mask)
    assert int.from_bytes(bytes(packed.tolist()), "little") == (1 << count) - 1
    assert torch.equal(kernels.unpack_mask(packed, count), mask)


U8 = torch.tensor([1, 2, 3], dtype=torch.uint8)
FIVE = torch.tensor([0b101], dtype=torch.uint8)
REFUSED: dict[str, tuple[Callable[[], Tensor], str]] = {
    "codes of another dtype": (lambda: kernels.pack_bits(torch.ones(3), 2), "uint8, given torch.float32"),
    "codes of two dimensions": (lambda: kernels.pack_bits(U8.view(1, 3), 2), r"vector, given shape \(1, 3\)"),
    "no tensor": (lambda: kernels.pack_bits([1, 2], 2), "given list"),  # type: ignore[arg-type]
    "0 bits": (lambda: kernels.pack_bits(U8, 0), "from 1 to 8, given 0"),
    "9 bits": (lambda: kernels.unpack_bits(U8, 9, 1), "from 1 to 8, given 9"),
    "bits of another type": (lambda: kernels.pack_bits(U8, 4.0), "given 4.0"),  # type: ignore[arg-type]
    "a wide code": (lambda: kernels.pack_bits(U8, 1), "must be below 2"),
    "a short stream": (lambda: kernels.unpack_bits(U8, 5, 5), "but 5 codes of 5 bits need exactly 4"),
    "a negative count": (lambda: kernels.unpack_bits(U8, 1, -1), "not negative, given -1"),
    "a mask that is not bool": (lambda: kernels.pack_mask(U8), "must be bool"),
    "items of 8 bytes": (lambda: kernels.mask_compress(torch.ones(3).double(), FIVE, 2), "1, 2 or 4 bytes"),
    "a mask of another length": (lambda: kernels.mask_compress(torch.ones(9), FIVE, 2), "need exactly 2"),
    "too few kept": (lambda: kernels.mask_compress(torch.ones(3), FIVE, 1), "exactly 1 ones"),
    "too many kept": (lambda: kernels.mask_compress(torch.ones(3), FIVE, 3), "exactly 3 ones"),
    "more kept than items": (lambda: kernels.mask_compress(torch.ones(3), FIVE, 4), "exceeds the 3 items"),
    "a bit beyond the items": (lambda: kernels.mask_compress(torch.ones(2), FIVE, 2), "its first 2 bits"),
    "too few values": (lambda: kernels.mask_expand(torch.ones(1), FIVE, 3), "exactly 1 ones"),
    "more values than items": (lambda: kernels.mask_expand(torch.ones(4), FIVE, 3), "4 values do not fit"),
    "an expanded bit beyond": (lambda: kernels.mask_expand(torch.ones(2), FIVE, 2), "its first 2 bits"),
    "tensors on two devices": (
        lambda: kernels.mask_compress(torch.ones(3, device="meta"), FIVE, 2),
        "mask is on cpu and dense on meta",
    ),
}  # fmt: skip


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", REFUSED)
def test_wrong_arguments_are_refused_alike(name: str) -> None:
    call, message = REFUSED[name]
    with pytest.raises(KernelError, match=message):
        call()


@pytest.mark.usefixtures("backend")
@given(st.data())
def test_round_trips(data: st.DataObject) -> None:
    bits = data.draw(st.integers(1, 8))
    codes = data.draw(st.lists(st.integers(0, (1 << bits) - 1), max_size=300))
    tensor = torch.tensor(codes, dtype=torch.uint8)
    packed = kernels.pack_bits(tensor, bits)
    assert kernels.unpack_bits(packed, bits, len(codes)).tolist() == codes
    keep = tensor % 2 == 1
    values = kernels.mask_compress(tensor, kernels.pack_mask(keep), int(keep.sum()))
    assert values.tolist() == [code for code in codes if code % 2]
    back = kernels.mask_expand(values, kernels.pack_mask(keep), len(codes))
    assert torch.equal(back, tensor * keep)


def _decode(packed: Tensor, mask: Tensor, count: int, kept: int) -> Tensor:
    values = kernels.unpack_bits(packed, 3, kept).to(torch.float32)
    dense = kernels.mask_expand(values, mask, count)
    again = kernels.mask_compress(dense, mask, kept)
    return dense + kernels.pack_bits(again.to(torch.uint8), 3).sum() + kernels.unpack_mask(mask, count)


class _Decode(torch.nn.Module):
    def forward(self, packed: Tensor, mask: Tensor) -> Tensor:
        return _decode(packed, mask, 50, packed.shape[0] * 8 // 3)


def _decode_inputs() -> tuple[Tensor, Tensor]:
    keep = torch.arange(50) < 16
    return kernels.pack_bits(random_codes(16, 3), 3), kernels.pack_mask(keep)


@pytest.mark.usefixtures("backend")
def test_compile_takes_the_whole_graph() -> None:
    packed, mask = _decode_inputs()
    torch.compiler.reset()
    compiled = torch.compile(_decode, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(packed, mask, 50, 16), _decode(packed, mask, 50, 16))
    longer = kernels.pack_bits(random_codes(24, 3), 3), kernels.pack_mask(torch.arange(80) % 3 == 0)[:10]
    kept = int(kernels.unpack_mask(longer[1], 80).sum())
    codes = kernels.pack_bits(random_codes(kept, 3), 3)
    # A second shape makes the compiler retry with symbolic sizes.
    assert torch.equal(compiled(codes, longer[1], 80, kept), _decode(codes, longer[1], 80, kept))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("strict", [False, True])
def test_export_takes_the_whole_graph(strict: bool) -> None:
    inputs = _decode_inputs()
    program = torch.export.export(_Decode(), inputs, strict=strict)
    assert torch.equal(program.module()(*inputs), _Decode()(*inputs))


@pytest.mark.usefixtures("backend")
def test_meta_and_fake_tensors_get_their_shapes() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    packed, mask = _decode_inputs()
    assert _Decode()(packed.to("meta"), mask.to("meta")).shape == (50,)
    with FakeTensorMode() as mode:
        assert _Decode()(mode.from_tensor(packed), mode.from_tensor(mask)).shape == (50,)


@pytest.mark.usefixtures("backend")
def test_gradients_pass_through_both_directions() -> None:
    dense = torch.randn(20, requires_grad=True)
    mask, kept = random_mask(20, 0.5)
    weight = torch.arange(20.0)
    values = kernels.mask_compress(dense, mask, kept)
    (kernels.mask_expand(values, mask, 20) * weight).sum().backward()
    assert dense.grad is not None
    assert torch.equal(dense.grad, weight * kernels.unpack_mask(mask, 20))
    with torch.no_grad():
        assert not kernels.mask_compress(dense, mask, kept).requires_grad
