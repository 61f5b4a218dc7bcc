"""Distilling: what trains, what must not move, which rows count, what is refused before it begins."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gossamer as gs
from gossamer.errors import DataError, TargetError

QUIET = gs.Proof(measure=False)


def batches(n: int = 4, width: int = 16) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(2)
    return [
        (torch.randn(8, width, generator=generator), torch.randint(0, 4, (8,), generator=generator)) for _ in range(n)
    ]


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))


def test_a_lowrank_part_alone_does_not_drift_away_from_its_reference() -> None:
    steps = [gs.Factorize("rank3"), gs.Distill(epochs=3, lr=1e-2), gs.Quantize("int8")]
    model = net()
    for parameter in model.parameters():
        parameter.requires_grad_(parameter.ndim == 1)
    small = gs.compress(net(), steps, data=batches(), proof=QUIET).model
    for mine, theirs in ((small[0], model[0]), (small[2], model[2])):
        assert (mine.weight - theirs.weight).norm() < 0.02 * theirs.weight.norm()


@pytest.mark.parametrize("run", [gs.compress, gs.compress_])
def test_weights_that_share_memory_stay_one(run) -> None:
    model = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
    model[2].weight = nn.Parameter(model[0].weight.data)
    result = run(model, [gs.Prune("2:4"), gs.Distill(loss="mse")], data=batches(), proof=QUIET)
    assert result.report.row("0.weight").aliases == ("2.weight",)
    assert result.model[0].weight is result.model[2].weight
    assert (result.model[2].weight == 0).float().mean() == 0.5


class Causal(nn.Module):
    """A language model that computes its own loss, labels shifted, as transformers' do."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.head = nn.Embedding(12, 16), nn.Linear(16, 12)

    def forward(self, input_ids, attention_mask=None, labels=None):
        logits = self.head(self.embed(input_ids))
        out = {"logits": logits}
        if labels is not None:
            out["loss"] = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        return out


def test_a_loss_of_the_models_own_shifts_its_labels() -> None:
    ids = torch.arange(12).repeat(4, 1)
    small = gs.compress(
        Causal(),
        [gs.Prune("top90%"), gs.Distill(epochs=60, lr=3e-2, alpha=0.0)],
        data=[{"input_ids": ids, "labels": ids}],
        proof=QUIET,
    ).model
    assert (small(ids)["logits"].argmax(-1)[:, :-1] == ids[:, 1:]).all()


def test_padded_tokens_do_not_count() -> None:
    ids = torch.randint(0, 12, (4, 6), generator=torch.Generator().manual_seed(0))
    mask = torch.ones(4, 6, dtype=torch.long)
    mask[:, 4:] = 0
    other = torch.where(mask.bool(), ids, (ids + 1) % 12)

    def run(tokens: torch.Tensor) -> dict[str, torch.Tensor]:
        data = [{"input_ids": tokens, "attention_mask": mask}]
        return gs.compress(Causal(), [gs.Prune("2:4"), gs.Distill(epochs=3)], data=data, proof=QUIET).model.state_dict()

    first, second = run(ids), run(other)
    assert all(torch.allclose(first[name].float(), second[name].float(), atol=1e-6) for name in first)


@pytest.mark.parametrize(
    "model", [nn.Linear(16, 1), nn.Sequential(nn.Linear(16, 1), nn.Flatten(0)), nn.Unflatten(1, (4, 2, 2))], ids=str
)
def test_an_output_that_is_no_row_of_logits_is_refused(model: nn.Module) -> None:
    head = nn.Sequential(nn.Linear(16, 16), model)
    with pytest.raises(DataError, match="mse"):
        gs.compress(head, [gs.Distill()], data=batches(), proof=QUIET)
    gs.compress(head, [gs.Prune("2:4", targets=["0"]), gs.Distill(loss="mse")], data=batches(), proof=QUIET)


def test_it_trains_under_the_callers_no_grad() -> None:
    with torch.no_grad():
        gs.compress(net(), [gs.Prune("2:4"), gs.Distill()], data=batches(), proof=QUIET)
        assert not torch.is_grad_enabled()


def test_a_loss_that_explodes_is_stopped_and_named() -> None:
    with pytest.raises(DataError, match="smaller lr"):
        gs.compress(net(), [gs.Prune("2:4"), gs.Distill(epochs=9, lr=1e20, loss="mse")], data=batches(), proof=QUIET)


def test_a_batch_that_breaks_is_named() -> None:
    bad = [*batches(2), (torch.randn(8, 3), torch.zeros(8, dtype=torch.long))]
    with pytest.raises(DataError, match=r"batch 3.*8×3"):
        gs.compress(net(), [gs.Prune("2:4"), gs.Distill()], data=bad, proof=QUIET)


@pytest.mark.parametrize("training", [True, False])
def test_frozen_statistics_stay_frozen_in_a_model_in_training_mode(training: bool) -> None:
    model = nn.Sequential(nn.Linear(16, 16), nn.BatchNorm1d(16), nn.Linear(16, 4)).train(training)
    model[1].eval()
    small = gs.compress(model, [gs.Prune("2:4"), gs.Distill()], data=batches(), proof=QUIET).model
    assert torch.equal(small[1].running_mean, model[1].running_mean) is training


def test_a_named_layer_that_no_batch_reaches_is_an_error() -> None:
    class Beside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(16, 4), nn.Linear(16, 4)

        def forward(self, x):
            return self.used(x)

    with pytest.raises(TargetError, match=r"unused.weight"):
        gs.compress(Beside(), [gs.Prune("2:4", "wanda", targets=["used", "unused"])], data=batches(), proof=QUIET)


def test_what_evaluate_draws_changes_nothing() -> None:
    def run(evaluate) -> list[torch.Tensor]:
        steps = [gs.Prune("2:4", "random"), gs.Distill()]
        return list(
            gs.compress(net(), steps, data=batches(), evaluate=evaluate, proof=QUIET).model.state_dict().values()
        )

    plain, drawing = run(lambda m: 1.0), run(lambda m: float(torch.rand(3).sum()))
    assert all(torch.equal(a, b) for a, b in zip(plain, drawing, strict=True))
