"""Bias correction and batch-norm re-estimation: what they compute, and what they leave alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import gossamer as gs
from gossamer.errors import RecipeError
from gossamer.model import inventory
from gossamer.passes import Batches, calibrate, compress, compress_
from gossamer.recipe import CorrectBias, Prune, Quantize, ReestimateBatchNorm

MEASURE_NOT = gs.Proof(measure=False)
FLOAT32 = 1e-5  # sums of some hundred float32 products


def images(seed: int = 0, count: int = 4) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(8, 3, 6, 6, generator=generator) for _ in range(count)]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 5)
    ).eval()


def test_the_first_layers_mean_output_is_the_dense_ones() -> None:
    model, data = network(), images()
    rough = compress(model, Prune("top20%"), data=data, proof=MEASURE_NOT).model
    mended = compress(model, [Prune("top20%"), CorrectBias(batches=None)], data=data, proof=MEASURE_NOT).model
    x = torch.cat(data)
    with torch.no_grad():
        dense, off, near = (m[0](x).mean((0, 2, 3)) for m in (model, rough, mended))
    assert float((off - dense).abs().max()) > 1e-2
    assert float((near - dense).abs().max()) < FLOAT32


@pytest.mark.parametrize("layer", [nn.Conv2d(4, 6, 3, groups=2), nn.Linear(7, 5), nn.Conv1d(4, 6, 2, dilation=2)])
def test_groups_strides_and_dilations_are_those_of_the_layer(layer: nn.Module) -> None:
    shapes = {nn.Conv2d: (5, 4, 6, 6), nn.Linear: (5, 7), nn.Conv1d: (5, 4, 6)}
    x = torch.rand(shapes[type(layer)])
    small = compress(nn.Sequential(layer), [Quantize("int2"), CorrectBias()], data=[x], proof=MEASURE_NOT, seed=1).model
    with torch.no_grad():
        error = (small(x) - layer(x)).transpose(0, 1).flatten(1).mean(1)
    assert float(error.abs().max()) < FLOAT32


def test_layers_without_a_bias_say_so_and_weights_do_not_move() -> None:
    model = nn.Sequential(nn.Linear(6, 4, bias=False), nn.Linear(4, 2))
    data = [torch.rand(8, 6)]
    plain = compress(model, Quantize("int4"), data=data, proof=MEASURE_NOT)
    mended = compress(model, [Quantize("int4"), CorrectBias()], data=data, proof=MEASURE_NOT)
    assert "it has no bias" in mended.report.row("0.weight").status.reason
    assert mended.report.row("0.weight").status.kind == "done"
    for name in ("0.weight_packed.codes", "1.weight_packed.codes"):
        found = [r.model.state_dict()[name] for r in (plain, mended)]
        assert torch.equal(*found)


def test_batch_norms_hold_the_statistics_of_the_compressed_model() -> None:
    model, data = network(), images()
    small = compress(model, [Prune("top10%"), ReestimateBatchNorm()], data=data, proof=MEASURE_NOT).model
    with torch.no_grad():
        inputs = [small[0](x) for x in data]
    means = torch.stack([x.mean((0, 2, 3)) for x in inputs]).mean(0)
    variances = torch.stack([x.var((0, 2, 3)) for x in inputs]).mean(0)
    assert torch.allclose(small[1].running_mean, means, atol=FLOAT32)
    assert torch.allclose(small[1].running_var, variances, atol=FLOAT32)
    assert small[1].momentum == model[1].momentum
    assert not small[1].training


def test_both_bring_a_roughly_quantized_network_nearer() -> None:
    model, data = network(), images(count=8)
    with torch.no_grad():
        for x in data * 8:  # statistics of its own data, as a trained network has
            model.train()(x)
    model.eval()
    x = torch.cat(images(seed=1))
    steps = [Quantize("int2")]
    with torch.no_grad():
        errors = [
            float((compress(model, recipe, data=data, proof=MEASURE_NOT).model(x) - model(x)).square().mean())
            for recipe in (steps, [*steps, ReestimateBatchNorm(), CorrectBias()])
        ]
    assert errors[1] < errors[0]


def test_a_model_without_batch_norm_is_told_before_any_work() -> None:
    with pytest.raises(RecipeError, match="no batch norm"):
        compress(nn.Linear(4, 4), [Quantize("int8"), ReestimateBatchNorm()], data=[torch.rand(2, 4)])


@pytest.mark.parametrize("step", [CorrectBias(), ReestimateBatchNorm()])
def test_they_need_data(step: object) -> None:
    with pytest.raises(RecipeError, match="need data"):
        compress(network(), [Quantize("int8"), step])


def test_in_place_everything_is_put_back_when_a_later_step_breaks() -> None:
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    broken = [images()[0], torch.rand(8, 3, 5, 5)]
    with pytest.raises(gs.GossamerError):
        compress_(model, [Quantize("int2"), ReestimateBatchNorm(1), CorrectBias()], data=broken, proof=MEASURE_NOT)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("floor", [0.2, -0.1, "a", True])
def test_impossible_floors_are_refused(floor: object) -> None:
    with pytest.raises(RecipeError, match="floor"):
        Prune("top10%/model", floor=floor)


def test_bounds_belong_to_one_threshold_over_the_model() -> None:
    with pytest.raises(RecipeError, match="one density for the whole model"):
        Prune("2:4", cap=0.9)
    with pytest.raises(RecipeError, match="cap"):
        Prune("top10%/model", cap=0.05)
    assert Prune("top10%/model", floor=0.01, cap=0.5).to_dict()["cap"] == 0.5


def test_padding_counts_neither_in_energies_nor_in_means() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.fc = nn.Embedding(10, 4), nn.Linear(4, 3)

        def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
            return self.fc(self.words(input_ids))

    torch.manual_seed(0)
    model = Reader()
    ids, mask = torch.tensor([[1, 2, 3], [4, 0, 0]]), torch.tensor([[1, 1, 1], [1, 0, 0]])
    sites = [site for site in inventory(model) if site.name == "fc.weight"]
    for statistic in ("column energy", "column mean"):
        padded, bare = (
            calibrate(model, sites, Batches(data), statistic=statistic)["fc.weight"]
            for data in ([{"input_ids": ids, "attention_mask": mask}], [{"input_ids": torch.tensor([[1, 2, 3, 4]])}])
        )
        assert padded.samples == bare.samples == 4
        assert torch.allclose(padded.result(), bare.result())
