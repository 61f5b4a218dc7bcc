"""What goes into a file comes out of it, to the bit; the same tensors give the same file; its bytes add up."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from artifact_models import RECIPE, STRUCTURES, Mixed, bits_of, packed_mixed, packed_weights
from safetensors.torch import load as load_plain, save as save_plain
from torch import Tensor, nn

from gossamer.artifact import Entry, dense_bytes, encode, entries, inspect, load, save, to_dense
from gossamer.artifact.container import DTYPES, container_size
from gossamer.artifact.reading import read_artifact
from gossamer.artifact.streams import packed_from_bytes, packed_to_bytes
from gossamer.errors import ArtifactError
from gossamer.formats import INDICES, VALUES, PackedWeight, pack, streams, wire_plan
from gossamer.model import inventory, swap_
from gossamer.nn import WeightView
from gossamer.report import HEADER_ROW
from gossamer.structure import parse
from gossamer.terms import Member, fit

SHAPE = (8, 24)
FORMS = [
    "dense",
    "top30%",
    "top3%",
    "top5/row",
    "top50%/block6",
    "2:4",
    "16:24",
    "1:2",
    "block2x3/25%",
    "block8x1/50%/row",
    *(f"int{bits}" for bits in range(2, 9)),
    "int4/tensor",
    "int4/g8",
    "int3/asym",
    "int8/g4/asym",
    "codebook1",
    "codebook5",
    "codebook256",
    "rank3",
    "2:4 & int4/g8",
    "top10% & codebook7",
    "block1x2/50% & int8/tensor/asym",
    "top20% & int3 + rank2",
    "codebook4 + rank1",
]
# A coded stream may exceed its order-0 entropy by 2 % and what tells the decoder its histogram: a byte or two a symbol
# that occurs, and the end of the stack.
SLACK, MODEL, OVERHEAD = 0.02, 2, 4


def packed(text: str, dtype: torch.dtype = torch.float32, shape: tuple[int, ...] = SHAPE) -> PackedWeight:
    matrix = torch.randn((1, *shape), generator=torch.Generator().manual_seed(1)).to(dtype)
    return pack(fit(text, matrix).project(matrix))


def through_a_file(weight: PackedWeight) -> PackedWeight:
    entry = Entry("weight", packed=weight, view=WeightView("linear", tuple(weight.spec.shape[1:])))
    (stored,) = read_artifact(encode([entry]).data).stored
    return stored.unpack()


def same(a: Tensor, b: Tensor) -> bool:
    """To the bit: NaN equals itself, −0 is not 0."""
    return a.dtype == b.dtype and a.shape == b.shape and a.numpy(force=True).tobytes() == b.numpy(force=True).tobytes()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_every_format_comes_back_to_the_bit(form: str, dtype: torch.dtype) -> None:
    weight = packed(form, dtype)
    found = through_a_file(weight)
    assert found.spec == weight.spec
    wide = torch.float32 if dtype == torch.bfloat16 else dtype  # numpy has no bfloat16, and float32 holds it exactly
    assert found.dense().dtype == dtype
    assert same(found.dense().to(wide), weight.dense().to(wide))
    for name, part in weight.buffers().items():
        assert torch.equal(found.buffers()[name].reshape(-1).view(torch.uint8), part.reshape(-1).view(torch.uint8))


def test_the_forms_cover_both_tables() -> None:
    found = [packed(form, dtype).spec for form in FORMS for dtype in (torch.float32, torch.float16, torch.bfloat16)]
    assert {spec.index for spec in found} == set(INDICES)
    assert {spec.values for spec in found} == set(VALUES)


@pytest.mark.parametrize("index", ["bitmask", "csr", "nm"])
def test_the_index_in_memory_is_kept_and_costs_no_byte_of_data(index: str) -> None:
    matrix = torch.randn((1, *SHAPE))
    member = fit("2:4", matrix).project(matrix)
    weights = [pack(member, index=name) for name in (index, "bitmask")]
    assert through_a_file(weights[0]).spec.index == index
    assert packed_to_bytes(weights[0]) == packed_to_bytes(weights[1])


@pytest.mark.parametrize("text", ["top100%", "top0", "2:4 & int4/tensor", "codebook2"])
def test_extremes(text: str) -> None:
    for matrix in (torch.zeros(1, 4, 8), torch.ones(1, 4, 8), torch.randn(1, 1, 4)):
        weight = pack(fit(text, matrix).project(matrix))
        assert torch.equal(through_a_file(weight).dense(), weight.dense())


def test_a_million_zeros_take_a_few_bytes(tmp_path: Path) -> None:
    model = nn.Linear(1000, 1000, bias=False)
    with torch.no_grad():
        model.weight.zero_()
    swap_(model, packed_weights(model, {"weight": "int4/tensor"}))
    assert save(model, tmp_path / "zeros").shares["weight"] < 8
    inspect(tmp_path / "zeros")
    assert not load(tmp_path / "zeros", into=nn.Linear(1000, 1000, bias=False)).weight.any()


def test_numbers_that_are_the_users_stay_as_they_are() -> None:
    values = torch.tensor([float("nan"), float("inf"), -0.0, 1e-40])
    weight = pack(Member(parse("dense"), (1, 2, 2), torch.float32, values=values))
    assert same(through_a_file(weight).dense(), weight.dense())


@pytest.mark.parametrize("weights", ["dense", "packed"])
def test_a_whole_model(weights: str, tmp_path: Path) -> None:
    model = packed_mixed().eval()
    made = save(model, tmp_path / "model", recipe=RECIPE)
    assert (tmp_path / "model").read_bytes() == made.data
    into = Mixed().eval()
    assert load(tmp_path / "model", into=into, weights=weights) is into
    assert bits_of(into) == bits_of(model)
    assert into.head.weight_packed is into.embedding.weight_packed
    assert into.head.weight_packed.weights == weights
    plain = to_dense(into)
    assert [type(module) for module in plain.modules()] == [type(module) for module in Mixed().modules()]
    assert list(plain.state_dict()) == list(Mixed().state_dict())
    assert plain.head.weight is plain.embedding.weight
    assert bits_of(plain) == bits_of(model)
    assert encode(entries(into), RECIPE).data == made.data


def test_a_model_without_packed_weights(tmp_path: Path) -> None:
    model = Mixed()
    save(model, tmp_path / "model")
    into = load(tmp_path / "model", into=Mixed())
    assert bits_of(into) == bits_of(model)
    assert inspect(tmp_path / "model").before.bytes == dense_bytes(model)


def test_plain_tensors_are_there_for_any_reader() -> None:
    model = packed_mixed()
    found = load_plain(encode(entries(model)).data)
    plain = [entry for entry in entries(model) if entry.tensor is not None]
    assert len(plain) == 9
    for entry in plain:
        assert found[entry.name].dtype == entry.tensor.dtype
        assert torch.equal(found[entry.name], entry.tensor)
    assert all(found[name].dtype == torch.uint8 for name in STRUCTURES)
    assert "head.weight" not in found  # a tie is stored once


def test_the_same_tensors_give_the_same_bytes() -> None:
    stored = entries(packed_mixed())
    first = encode(stored, RECIPE).data
    for seed in range(5):
        random.Random(seed).shuffle(stored)
        shuffled = [dict(reversed(step.items())) for step in RECIPE]
        assert encode(stored, shuffled).data == first
    model = packed_mixed()
    model.eval().double().float()
    assert encode(entries(model), RECIPE).data != first  # the half layer is not half any more
    assert encode(entries(packed_mixed(seed=1)), RECIPE).data != first


def test_another_process_gives_the_same_bytes() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from artifact_models import RECIPE, packed_mixed\n"
        "from gossamer.artifact import encode, entries\n"
        "sys.stdout.buffer.write(encode(entries(packed_mixed()), RECIPE).data)"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent)]
    child = subprocess.run(command, capture_output=True, timeout=120, check=True, env=None)
    assert child.stdout == encode(entries(packed_mixed()), RECIPE).data


def test_bytes_add_up(tmp_path: Path) -> None:
    model = packed_mixed()
    made = save(model, tmp_path / "model", recipe=RECIPE)
    assert made.header + sum(made.shares.values()) == len(made.data)
    report = inspect(tmp_path / "model")
    assert report.bytes == len(made.data) == report.after.bytes
    rows = {row.name: row for row in report.rows}
    assert {name: row.bytes for name, row in rows.items() if name != HEADER_ROW} == dict(made.shares)
    assert rows[HEADER_ROW].bytes == made.header
    for site in inventory(model):
        row = rows[site.name]
        assert row.shape == tuple(site.tensor.shape)
        assert row.dense_bytes == site.tensor.numel() * site.tensor.element_size()
        assert row.aliases == site.aliases
        assert row.structure == STRUCTURES.get(site.name, "dense")
        assert row.status.kind == ("done" if site.name in STRUCTURES else "kept")
    assert rows["runs.weight"].density == 0.5
    assert report.notes == ("recipe: prune 2:4, distill",)
    assert "embedding.weight (= head.weight)" in str(report)


def test_the_dense_size_is_that_of_safetensors() -> None:
    model = packed_mixed()
    stated = {name: tensor.contiguous() for name, tensor in to_dense(model).state_dict().items()}
    del stated["head.weight"]
    assert dense_bytes(model) == dense_bytes(to_dense(model)) == len(save_plain(stated))
    shapes = [(), (0,), (3,), (2, 5), (1, 1, 7)]
    for seed in range(200):
        draw = random.Random(seed)
        tensors = {
            f"{'é' * draw.randrange(3)}{i}": torch.zeros(draw.choice(shapes), dtype=draw.choice(list(DTYPES.values())))
            for i in range(draw.randrange(30))
        }
        expected = len(save_plain(tensors))
        assert container_size((name, t.dtype, tuple(t.shape)) for name, t in tensors.items()) == expected


def test_every_plain_dtype_and_shape(tmp_path: Path) -> None:
    class Buffers(nn.Module):
        def __init__(self, fill: int) -> None:
            super().__init__()
            for name, dtype in DTYPES.items():
                for shape in ((), (0, 2), (3,), (2, 2)):
                    self.register_buffer(f"{name}_{len(shape)}_{sum(shape)}", torch.full(shape, fill).to(dtype))

    save(Buffers(1), tmp_path / "buffers")
    assert bits_of(load(tmp_path / "buffers", into=Buffers(0))) == bits_of(Buffers(1))


@pytest.mark.parametrize(
    "name", ["ü", "a b", 'quote"back\\slash', "line\nbreak", "\x00", "数", "a" * 300, "data_offsets"]
)
def test_odd_names(name: str, tmp_path: Path) -> None:
    model = nn.ModuleDict({name: nn.Linear(8, 4)})
    swap_(model, packed_weights(model, {f"{name}.weight": "2:4 & int4"}))
    save(model, tmp_path / "odd")
    into = load(tmp_path / "odd", into=nn.ModuleDict({name: nn.Linear(8, 4)}))
    assert bits_of(into) == bits_of(model)


def test_what_cannot_be_stored_is_listed() -> None:
    ok = torch.zeros(2)
    wrong = [
        Entry("__metadata__", tensor=ok),
        Entry("\ud800", tensor=ok),
        Entry("twice", tensor=ok),
        Entry("other", ("twice",), tensor=ok),
        Entry("nothing"),
        Entry("meta", tensor=torch.zeros(2, device="meta")),
        Entry("sparse", tensor=torch.zeros(2, 2).to_sparse()),
        Entry("wide", tensor=torch.zeros(2, dtype=torch.complex128)),
        Entry("viewless", packed=packed("int4")),
    ]
    with pytest.raises(ArtifactError) as caught:
        encode(wrong)
    message = str(caught.value)
    for words in (
        "'__metadata__': is a name that safetensors keeps for itself",
        "'\\ud800': is no valid Unicode",
        "'twice': stands 2 times",
        "'nothing': an entry holds either a tensor, or a packed weight",
        "'meta': is on the meta device",
        "'sparse': is a torch.sparse_coo tensor; make it plain",
        "'wide': is complex128",
        "'viewless': an entry holds",
    ):
        assert words in message
    assert message.count("\n") == 8
    with pytest.raises(ArtifactError, match="view is WeightView"):
        encode([Entry("w", packed=packed("int4"), view=WeightView("linear", (4, 6)))])
    with pytest.raises(ArtifactError, match="cannot be written as JSON"):
        encode([Entry("w", tensor=ok)], [{"step": "distill", "lr": float("nan")}])
    with pytest.raises(ArtifactError, match="cannot be written as JSON"):
        encode([Entry("w", tensor=ok)], [{"step": "distill", 1: 2}])


@pytest.mark.parametrize(
    "form", ["top10% & int4", "2:4 & int8", "top30% & codebook16", "block2x3/25% & int3/asym", "top5%"]
)
def test_each_stream_is_near_its_entropy(form: str) -> None:
    weight = packed(form, shape=(96, 240))
    sizes = stream_sizes(weight)
    assert set(sizes) == {part.name for part in wire_plan(weight.spec)}
    for stream in streams(weight):
        symbols = stream.symbols.numpy()
        counts = np.unique(symbols, return_counts=True)[1]
        entropy = -(counts @ np.log2(counts / counts.sum())) / 8
        assert sizes[stream.name] <= (1 + SLACK) * entropy + MODEL * counts.size + OVERHEAD


def stream_sizes(weight: PackedWeight) -> dict[str, int]:
    from gossamer.artifact.streams import _cut

    return {part.name: len(data) for part, _, data in _cut(wire_plan(weight.spec), packed_to_bytes(weight))}


def test_streams_are_cut_as_they_were_joined() -> None:
    weight = packed("top20% & int3 + rank2")
    data = packed_to_bytes(weight)
    assert torch.equal(packed_from_bytes(weight.spec, data).dense(), weight.dense())
    with pytest.raises(ArtifactError, match="do not add up"):
        packed_from_bytes(weight.spec, data + b"\0")


def test_a_halved_model_comes_back_halved(tmp_path: Path) -> None:
    model = packed_mixed().half()
    save(model, tmp_path / "half")
    into = load(tmp_path / "half", into=Mixed())
    assert {tensor.dtype for tensor in into.parameters()} == {torch.float16}
    assert bits_of(into) == bits_of(model)
