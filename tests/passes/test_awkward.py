"""A model with everything awkward: each tensor ends well or is reported by name."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import gossamer as gs
from gossamer.report import HEADER_ROW


class Awkward(nn.Module):
    """Tied weights, grouped and depthwise convolutions, odd widths, dead ends, half precisions, and more."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(24, 16)
        self.blocks = nn.ModuleList([nn.Linear(16, 16), nn.Linear(16, 16)])
        self.twice = nn.Linear(16, 16)
        self.grouped = nn.Conv1d(16, 16, 3, groups=4, padding="same")
        self.depthwise = nn.Conv1d(16, 16, 3, groups=16, padding="same")
        self.up = nn.ConvTranspose1d(16, 16, 2, groups=2)
        self.odd = nn.Linear(17, 16)
        self.unreached = nn.Linear(16, 16)
        self.sparse = nn.Linear(16, 16)
        self.zero = nn.Linear(16, 16)
        self.single = nn.Linear(1, 1)
        self.fp16 = nn.Linear(16, 16).half()
        self.bf16 = nn.Linear(16, 16).bfloat16()
        self.strided = nn.Linear(16, 16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.lstm = nn.LSTM(16, 8, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(16, 16, batch_first=True)
        self.bilinear = nn.Bilinear(4, 4, 4)
        self.norm = nn.LayerNorm(16)
        self.own = nn.Parameter(torch.randn(16, 16))
        self.head = nn.Linear(16, 24, bias=False)
        self.head.weight = self.embed.weight
        with torch.no_grad():
            self.strided.weight = nn.Parameter(torch.randn(16, 16).T)
            self.sparse.weight.mul_(torch.rand(16, 16) < 0.1)
            self.zero.weight.zero_()

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embed(tokens)
        x[..., 3] = 0  # a dead input channel
        for block in self.blocks:
            x = x + block(x)
        x = self.twice(torch.relu(self.twice(x)))
        c = self.up(self.depthwise(self.grouped(x.transpose(1, 2))))[..., :-1].transpose(1, 2)
        x = x + c + self.odd(torch.cat([c, c[..., :1]], -1))
        x = self.zero(self.sparse(x)) + self.strided(x)
        x = x + self.fp16(x.half()).float() + self.bf16(x.bfloat16()).float()
        x = x * self.single(x.mean((-1, -2)).unsqueeze(-1)).unsqueeze(-1)
        x = x + self.attention(x, x, x, need_weights=False)[0]
        x = self.gru(self.lstm(x)[0])[0]
        x = x + self.bilinear(x[..., :4].contiguous(), x[..., 4:8].contiguous()).mean(-1, keepdim=True)
        return self.head(self.norm(x) @ self.own)


def tokens() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(0, 24, (4, 6), generator=generator) for _ in range(3)]


RECIPES = {
    "magnitude, groups": [gs.Prune("2:4"), gs.Quantize("int4/g8")],
    "wanda, codebook": [gs.Prune("top50%/row", "wanda"), gs.Quantize("codebook8")],
    "global, distilled": [
        gs.Prune("top30%/model"),
        gs.Distill(loss="mse"),
        gs.Quantize("int8/tensor"),
        gs.Distill(loss="mse"),
    ],
    "blocks, low rank": [gs.Prune("block1x2/50%"), gs.Factorize("rank1")],
    "asymmetric": [gs.Quantize("int3/asym")],
}


@pytest.mark.parametrize("name", RECIPES)
def test_everything_ends_well_or_is_reported(name: str, tmp_path) -> None:
    torch.manual_seed(0)
    model = Awkward()
    result = gs.compress(model, RECIPES[name], data=tokens(), proof=gs.Proof(measure=False))
    report = result.report
    by_name = {row.name: row for row in report.rows}
    stored = {alias for row in report.rows for alias in (row.name, *row.aliases)} - {HEADER_ROW}
    assert stored == set(model.state_dict())
    assert by_name["embed.weight"].aliases == ("head.weight",)
    for row in report.rows:
        assert row.status.kind != "failed", row
        assert row.status.kind != "skipped" or row.status.reason, row
    assert by_name["bilinear.weight"].status.kind == "skipped"
    assert by_name["own"].status.kind == "skipped"
    assert by_name["norm.weight"].status.kind == "kept"

    path = tmp_path / "awkward.safetensors"
    result.save(path)
    assert path.stat().st_size == report.bytes == sum(row.bytes for row in report.rows)
    loaded = gs.load(path, into=Awkward())
    assert loaded.head.weight is loaded.embed.weight or torch.equal(loaded.head.weight, loaded.embed.weight)
    x = tokens()[0]
    result.model.eval(), loaded.eval()
    with torch.no_grad():
        assert torch.equal(result.model(x), loaded(x))
        packed = gs.load(path, into=Awkward(), weights="packed").eval()
        assert torch.equal(packed(x), loaded(x))
        plain = gs.to_dense(loaded).eval()
        assert torch.equal(plain(x), loaded(x))
    assert [type(m) for m in plain.modules()] == [type(m) for m in model.modules()]
    assert plain.fp16.weight.dtype == torch.float16
    assert plain.bf16.weight.dtype == torch.bfloat16


def test_what_wanda_cannot_know_is_skipped_with_its_reason() -> None:
    result = gs.compress(Awkward(), [gs.Prune("top50%/row", "wanda")], data=tokens(), proof=gs.Proof(measure=False))
    reasons = {row.name: row.status.reason for row in result.report.rows if row.status.kind == "skipped"}
    assert "calibration" in reasons["unreached.weight"]
    for name in ("attention.in_proj_weight", "lstm.weight_ih_l0", "gru.weight_hh_l0"):
        assert "inputs" in reasons[name], name


def test_a_dead_input_channel_goes_first() -> None:
    steps = [gs.Prune("top50%/row", "wanda", targets=["blocks.0"])]
    result = gs.compress(Awkward(), steps, data=tokens(), proof=gs.Proof(measure=False))
    assert (result.model.blocks[0].weight[:, 3] == 0).all()


def test_zeros_stay_zero_whatever_the_values() -> None:
    for values in ("int4", "int4/asym", "codebook8", "int3/tensor/asym"):
        model = Awkward()
        zeros = model.sparse.weight == 0
        small = gs.compress(
            model, [gs.Quantize(values, targets=["sparse", "zero"])], proof=gs.Proof(measure=False)
        ).model
        assert (small.sparse.weight[zeros] == 0).all()
        assert (small.zero.weight == 0).all()
