"""The passes from end to end, on small models: what they bring, what they leave alone, what they refuse."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gossamer as gs
from gossamer.errors import DataError, EvaluateError, ModelError, RecipeError, TargetError
from gossamer.nn import packed_parameters


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 4))


def data(n: int = 4) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [(torch.randn(8, 16, generator=generator), torch.randint(0, 4, (8,), generator=generator)) for _ in range(n)]


def snapshot(model: nn.Module) -> dict[str, object]:
    return {
        "values": {name: value.clone() for name, value in model.state_dict().items()},
        "modes": [m.training for m in model.modules()],
        "grads": [(p.requires_grad, p.grad) for p in model.parameters()],
        "hooks": [list(m._forward_pre_hooks) + list(m._forward_hooks) for m in model.modules()],
        "types": [type(m) for m in model.modules()],
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state()[1].copy(),  # noqa: NPY002
        "python": random.getstate(),
    }


def same(a: dict[str, object], b: dict[str, object]) -> bool:
    values = all(torch.equal(a["values"][name], value) for name, value in b["values"].items())
    plain = all(a[key] == b[key] for key in ("modes", "grads", "hooks", "types", "python"))
    return values and plain and torch.equal(a["torch"], b["torch"]) and (a["numpy"] == b["numpy"]).all()


RECIPES = {
    "magnitude": [gs.Prune("top25%/row")],
    "global": [gs.Prune("top25%/model")],
    "layer": [gs.Prune("top25%")],
    "wanda": [gs.Prune("2:4", "wanda")],
    "random": [gs.Prune("2:4", "random")],
    "rtn": [gs.Quantize("int4/g8")],
    "minmax": [gs.Quantize("int8/asym", clip=False)],
    "kmeans": [gs.Quantize("codebook16")],
    "low rank": [gs.Factorize("rank2")],
    "joint": [gs.Impose("2:4 & int4/g16 + rank2", "nearest-energy")],
    "all": [
        gs.Prune("2:4"),
        gs.Distill(epochs=2),
        gs.Quantize("int4"),
        gs.Distill(steps=3),
        gs.Factorize("rank1"),
        gs.Distill(),
    ],
    "prune last": [gs.Quantize("int8"), gs.Prune("top50%/row"), gs.Distill()],
}


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_keeps_its_structure_and_leaves_the_model_alone(name: str) -> None:
    model = net().train()
    model[0].eval()
    model[3].bias.requires_grad_(False)
    model.register_forward_hook(lambda *a: None)
    before = snapshot(model)
    result = gs.compress(model, RECIPES[name], data=data(), proof=gs.Proof(measure=False))
    assert same(before, snapshot(model))
    for row in result.report.rows:
        assert row.status.kind == ("done" if "weight" in row.name else "kept"), row
    assert [
        type(m).__mro__[2] if "Packed" in type(m).__name__ else type(m)
        for m in result.model
        if isinstance(m, nn.Linear)
    ]
    assert result.model(torch.randn(2, 16)).shape == (2, 4)
    assert [m.training for m in result.model.modules() if not type(m).__name__.startswith("PackedParameter")] == before[
        "modes"
    ]


def test_distilling_keeps_support_scales_and_integer_codes() -> None:
    shaped = gs.compress(net(), [gs.Prune("2:4"), gs.Quantize("int4/asym")], proof=gs.Proof(measure=False))
    steps = [gs.Prune("2:4"), gs.Quantize("int4/asym"), gs.Distill(epochs=3, lr=1e-2)]
    trained = gs.compress(net(), steps, data=data(), proof=gs.Proof(measure=False))
    moved = 0
    for (_, a), (_, b) in zip(packed_parameters(shaped.model[0]), packed_parameters(trained.model[0]), strict=True):
        first, second = a.packed().member(), b.packed().member()
        assert torch.equal(first.support, second.support)
        assert torch.equal(first.scale, second.scale)
        assert torch.equal(first.zero_point, second.zero_point)
        assert second.codes.dtype == torch.uint8
        assert int(second.codes.max()) < 16
        moved += int((first.codes != second.codes).sum())
    assert moved > 0


def test_distilling_helps_the_student() -> None:
    teacher, batches = net().eval(), data(16)
    x = torch.cat([b[0] for b in batches])
    goal = teacher(x).detach()

    def distance(model: nn.Module) -> float:
        return float((model(x) - goal).square().mean())

    steps = [gs.Prune("top20%/row")]
    options = {"evaluate": distance, "higher_is_better": False, "proof": gs.Proof(measure=False)}
    plain = gs.compress(teacher, steps, **options)
    taught = gs.compress(teacher, [*steps, gs.Distill(epochs=20, lr=5e-3, loss="mse")], data=batches, **options)
    assert taught.report.after.metric < 0.7 * plain.report.after.metric
    assert taught.report.steps[1].helped == ("metric",)


def test_parameters_that_the_user_froze_are_not_trained() -> None:
    model = net()
    model[0].bias.requires_grad_(False)
    result = gs.compress(model, [gs.Prune("2:4"), gs.Distill(lr=0.1)], data=data(), proof=gs.Proof(measure=False))
    assert torch.equal(result.model[0].bias, model[0].bias)
    assert not torch.equal(result.model[3].bias, model[3].bias)
    assert not result.model[0].bias.requires_grad


def test_the_same_seed_gives_the_same_model() -> None:
    loader = DataLoader(TensorDataset(torch.randn(32, 16), torch.randint(0, 4, (32,))), batch_size=8, shuffle=True)
    steps = [gs.Prune("2:4", "random"), gs.Distill(epochs=2)]

    def run(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(random.randrange(10**6))
        model = gs.compress(net(), steps, data=loader, proof=gs.Proof(measure=False), seed=seed).model
        return list(model.state_dict().values())

    first, again, other = run(3), run(3), run(4)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_a_generator_feeds_every_step() -> None:
    steps = [gs.Prune("2:4", "wanda"), gs.Distill(epochs=2), gs.Quantize("int4"), gs.Distill()]
    result = gs.compress(net(), steps, data=(b for b in data()), proof=gs.Proof(measure=False))
    assert result.report.row("0.weight").status.kind == "done"


def test_in_place_keeps_the_users_modules() -> None:
    model = net()
    layers = list(model)
    result = gs.compress_(model, [gs.Prune("2:4")], proof=gs.Proof(measure=False))
    assert result.model is model
    assert all(a is b for a, b in zip(layers, model, strict=True))
    assert (model[0].weight == 0).float().mean() == 0.5


class Failing:
    """Data whose pass number `late` breaks, when slow work has begun."""

    def __init__(self, error: BaseException, late: int) -> None:
        self.error, self.late, self.passes = error, late, 0

    def __iter__(self):
        self.passes += 1
        yield data()[0]
        if self.passes >= self.late:
            raise self.error
        yield data()[1]


@pytest.mark.parametrize("run", [gs.compress, gs.compress_])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("boom")], ids=["ctrl-c", "exception"])
def test_on_an_error_everything_is_as_it_was(run, error: BaseException) -> None:
    model = net().train()
    before = snapshot(model)
    steps = [gs.Prune("2:4"), gs.Distill(), gs.Quantize("int4"), gs.Distill()]
    with pytest.raises(type(error)):
        run(model, steps, data=Failing(error, late=5), proof=gs.Proof(measure=False))
    assert same(before, snapshot(model))


def test_in_place_is_put_back_after_the_layers_were_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gossamer.passes.finish.kernel_status", broken)
    model = net()
    before = snapshot(model)
    with pytest.raises(KeyboardInterrupt):
        gs.compress_(model, [gs.Prune("2:4")], proof=gs.Proof(measure=False))
    assert same(before, snapshot(model))


def test_a_metric_that_is_infinite_halfway_is_a_note() -> None:
    values = iter([1.0, float("inf"), 2.0])
    settings = {"evaluate": lambda m: next(values), "higher_is_better": False, "proof": gs.Proof(measure=False)}
    report = gs.compress(net(), [gs.Prune("2:4"), gs.Quantize("int4")], **settings).report
    assert [step.metric for step in report.steps] == [None, 2.0]
    assert any("inf" in note for note in report.notes)


def test_without_example_inputs_the_report_says_what_it_did_not_measure() -> None:
    report = gs.compress(net(), [gs.Prune("2:4")], evaluate=lambda m: 1.0).report
    assert {v.question: v.outcome for v in report.verdicts} == {"smaller?": "better", "as good?": "within noise"}
    assert any("example_inputs" in note for note in report.notes)


def test_a_tensor_alone_is_an_example() -> None:
    proof = gs.Proof(effort=gs.Effort(batch_sizes=(1,), runs=1))
    report = gs.compress(net(), [gs.Prune("2:4")], example_inputs=torch.ones(2, 16), proof=proof).report
    assert report.output_difference is not None


def test_wrong_settings_are_found_before_slow_work() -> None:
    model, calls = net(), []

    def watched():
        calls.append(1)
        yield from data()

    cases = [
        ({"evaluate": lambda m: None}, EvaluateError, "None"),
        ({"evaluate": lambda m: float("nan")}, EvaluateError, "nan"),
        ({"data": []}, DataError, "no batch"),
        ({"data": [torch.ones(2, 3)]}, DataError, "2×3"),
        ({"data": torch.ones(2, 16)}, DataError, "iterable of batches"),
        ({"example_inputs": (torch.ones(2, 3),)}, DataError, "example_inputs"),
    ]
    for settings, error, needle in cases:
        with pytest.raises(error, match=needle):
            gs.compress(model, [gs.Prune("2:4"), gs.Distill()], **{"data": watched(), **settings})
    with pytest.raises(RecipeError, match=r"(?s)step 1, prune.*step 2, distill"):
        gs.compress(model, [gs.Prune("2:4", "wanda"), gs.Distill()])
    with pytest.raises(DataError, match="alpha"):
        gs.compress(model, [gs.Distill(alpha=0.5)], data=[torch.ones(2, 16)])
    with pytest.raises(ModelError):
        gs.compress("model", [gs.Prune("2:4")])


def test_a_named_layer_that_does_not_fit_is_an_error_and_all_offenders_are_named() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 7), nn.Linear(7, 8))
    with pytest.raises(TargetError, match=r"(?s)'0.weight'.*width 6.*'2.weight'.*width 7"):
        gs.compress(model, [gs.Prune("2:4", targets=["0", "1", "2"])])
    result = gs.compress(model, [gs.Prune("2:4")], proof=gs.Proof(measure=False))
    assert result.report.row("0.weight").status.kind == "skipped"
    assert "width 6" in result.report.row("0.weight").status.reason
    assert result.report.row("1.weight").status.kind == "done"


def test_names_that_match_nothing_are_named_with_the_nearest() -> None:
    with pytest.raises(TargetError, match=r"(?s)'fc9'.*'Lineer'"):
        gs.compress(net(), [gs.Prune("2:4", targets=["fc9", "Lineer"])])


def test_a_slot_is_filled_once() -> None:
    with pytest.raises(RecipeError, match=r"(?s)'0.weight'.*int4.*int8.*'3.weight'"):
        gs.compress(net(), [gs.Quantize("int8"), gs.Quantize("int4")])
    steps = [gs.Quantize("int8", targets=["0"]), gs.Quantize("int4", ignore=["0"])]
    rows = gs.compress(net(), steps, proof=gs.Proof(measure=False)).report
    assert (rows.row("0.weight").structure, rows.row("3.weight").structure) == ("int8", "int4")


@pytest.mark.parametrize("targets", [["0"], ["0.weight"], ["re:0"], [nn.Linear], ["Linear"]])
def test_targets(targets) -> None:
    report = gs.compress(net(), [gs.Prune("2:4", targets=targets, ignore=["3"])], proof=gs.Proof(measure=False)).report
    assert report.row("0.weight").status.kind == "done"
    assert report.row("3.weight").status.kind == "kept"


def test_a_step_that_helps_none_is_named() -> None:
    report = gs.compress(net(), [gs.Quantize("int8"), gs.Prune("top100%")], proof=gs.Proof(measure=False)).report
    assert any("prune top100%" in note and "no smaller" in note for note in report.notes)


def test_a_wish_that_finds_nothing_left_is_no_failure() -> None:
    steps = [gs.Quantize("int8"), gs.Quantize("int4", targets=["maybe:re:.*"])]
    report = gs.compress(net(), steps, proof=gs.Proof(measure=False)).report
    assert report.steps[1].note == "it found no weight to shape"
    assert report.notes == ()


def test_without_a_metric_nobody_knows_what_distilling_brought() -> None:
    steps = [gs.Prune("2:4"), gs.Distill()]
    report = gs.compress(net(), steps, data=data(), proof=gs.Proof(measure=False)).report
    line = next(line for line in str(report).splitlines() if line.startswith("distill"))
    assert line.endswith("not measured")
    assert report.notes == ()


def test_a_weight_that_failed_is_among_the_reasons_for_nothing() -> None:
    model = nn.Sequential(nn.Linear(8, 8))
    model[0].weight.data[0, 0] = float("nan")
    report = gs.compress(model, [gs.Quantize("int8")]).report
    assert "failed" in report.notes[0]
    assert not any("metric is that" in note for note in report.notes), "there is no metric"


def test_a_compressed_model_may_come_again() -> None:
    first = gs.compress(net(), [gs.Prune("2:4")], proof=gs.Proof(measure=False)).model
    again = gs.compress(first, [gs.Quantize("int4")], proof=gs.Proof(measure=False))
    assert any("dense" in note for note in again.report.notes)
    assert (again.model[0].weight == 0).float().mean() >= 0.5
    assert copy.deepcopy(again.model)(torch.ones(1, 16)).shape == (1, 4)


def test_the_users_own_mask_survives_quantizing_and_distilling() -> None:
    model = net()
    for layer in (model[0], model[3]):
        torch.nn.utils.prune.l1_unstructured(layer, "weight", 0.9)
    zeros = model[0].weight == 0
    steps = [gs.Quantize("int4"), gs.Distill(epochs=5, lr=1e-2)]
    result = gs.compress(model, steps, data=data(), proof=gs.Proof(measure=False))
    assert (result.model[0].weight[zeros] == 0).all()
    assert result.report.row("0.weight").density < 0.11
    again = gs.compress(result.model, steps, data=data(), proof=gs.Proof(measure=False))
    assert (again.model[0].weight[zeros] == 0).all()


def test_a_recipe_that_compresses_nothing_says_so() -> None:
    report = gs.compress(nn.ReLU(), [gs.Prune("2:4")], proof=gs.Proof(measure=False)).report
    assert "no tensor was compressed" in report.notes[0]


@pytest.mark.parametrize("recipe", [None, "3:4", gs.NM(2, 4), 3])
def test_what_is_no_recipe(recipe) -> None:
    with pytest.raises(RecipeError, match=r"list of steps|not a recipe|no recipe"):
        gs.compress(net(), recipe)


def test_a_method_that_does_not_bring_the_word_is_refused_at_once() -> None:
    with pytest.raises(RecipeError, match=r"rtn does not bring 2:4; magnitude or wanda"):
        gs.Prune("2:4", "rtn")


def test_more_settings_that_cannot_be() -> None:
    frozen = net().requires_grad_(False)
    with pytest.raises(DataError, match="requires_grad_"):
        gs.compress(frozen, [gs.Prune("2:4"), gs.Distill()], data=data())
    with pytest.raises(DataError, match="calibration batch 2"):
        gs.compress(net(), [gs.Prune("2:4", "wanda")], data=(data()[0][0], data()[0][1]))
    for wrong in ({"proof": False}, {"seed": None}, {"tolerance": "1%"}, {"evaluate": 0.9}):
        with pytest.raises(RecipeError):
            gs.compress(net(), [gs.Prune("2:4")], **wrong)


def test_old_spectral_norm_leaves_a_model_whose_state_loads() -> None:
    model = nn.Sequential(nn.utils.spectral_norm(nn.Linear(16, 16)), nn.Linear(16, 4))
    plain = gs.to_dense(gs.compress(model, [gs.Quantize("int4")], proof=gs.Proof(measure=False)).model)
    plain.load_state_dict(plain.state_dict())


@pytest.mark.parametrize(
    "proof", [gs.Proof(factory="no_such_package:make"), gs.Proof(metric="one word"), gs.Proof(effort=3)]
)
def test_a_proof_that_cannot_be_made_is_refused_before_any_work(proof: gs.Proof) -> None:
    calls: list[int] = []
    with pytest.raises(gs.GossamerError, match=r"no package|is not of the form|effort is an Effort"):
        gs.compress(nn.Linear(4, 4), gs.Quantize("int8"), evaluate=lambda m: calls.append(1) or 1.0, proof=proof)
    assert not calls


def test_a_packed_model_that_cannot_run_is_told() -> None:
    class AsksItsParameters(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(x.to(next(self.parameters()).dtype))

    result = gs.compress(AsksItsParameters(), gs.Quantize("int8"), data=[torch.ones(2, 4)])
    assert any("could not run the first batch (StopIteration" in note for note in result.report.notes)
    assert gs.to_dense(result.model)(torch.ones(2, 4)).shape == (2, 4)
