"""What compressing must not lose, for models that come without a metric: the dense model's own output, or its loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import DataError
from ..passes import call, output_of, score
from ..passes.evaluate import evaluating

__all__ = ["MeanCosine", "Perplexity", "embeddings"]

Batch = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class MeanCosine:
    """How well a model's embeddings point where the dense model's do: mean cosine over the texts, 1 for the dense one.

    Args: batches, of the texts; reference (texts, d), the dense model's embeddings of them.
    """

    batches: Sequence[Batch]
    reference: Tensor
    tolerance: float = 0.01  # any loss at all would count as worse: no model but the dense one reaches 1

    name: ClassVar[str] = "mean cosine to the dense model's embeddings"
    higher_is_better: ClassVar[bool] = True

    @classmethod
    def of(cls, model: nn.Module, batches: Sequence[Batch]) -> MeanCosine:
        """The metric whose reference is this model."""
        return cls(batches, embeddings(model, batches))

    def __call__(self, model: nn.Module) -> float:
        found, reference = embeddings(model, self.batches), self.reference
        if reference.shape[1] == 1:
            # One score a text: single numbers have no direction, all the scores together do.
            found, reference = ((scores - scores.mean()).T for scores in (found, reference))
        return float(F.cosine_similarity(found, reference, dim=1).mean())


@dataclass(frozen=True, eq=False)
class Perplexity:
    """exp of the mean negative log-likelihood of each token after the first, over all texts; padding does not count.

    Args: batches, of the texts; tolerance, the growth that counts as none.
    """

    batches: Sequence[Batch]
    tolerance: float = 0.0

    name: ClassVar[str] = "perplexity"
    higher_is_better: ClassVar[bool] = False

    @classmethod
    def of(cls, model: nn.Module, batches: Sequence[Batch]) -> Perplexity:
        """The metric whose tolerance is a hundredth of this model's value."""
        return cls(batches, 0.01 * score(cls(batches), model))

    def __call__(self, model: nn.Module) -> float:
        total, count = 0.0, 0
        for batch in self.batches:
            loss, tokens = self._loss(output_of(call(model, batch)), batch)
            total, count = total + loss, count + tokens
        if not count:
            raise DataError("the texts hold no token that follows another; give longer texts")
        return math.exp(total / count)

    def _loss(self, logits: Tensor, batch: Batch) -> tuple[float, int]:
        ids, mask = batch["input_ids"].to(logits.device), batch.get("attention_mask")
        kept = (torch.ones_like(ids) if mask is None else mask.to(ids.device))[:, 1:].bool()
        loss = F.cross_entropy(logits[:, :-1][kept].float(), ids[:, 1:][kept], reduction="sum")
        return float(loss), int(kept.sum())


def embeddings(model: nn.Module, batches: Sequence[Batch]) -> Tensor:
    """One vector a text, (texts, d): the output, averaged over the tokens where it has a vector for each of them."""
    with evaluating(model):
        return torch.cat([_pooled(output_of(call(model, batch)), batch).cpu() for batch in batches])


def _pooled(output: Tensor, batch: Batch) -> Tensor:
    output, mask = output.double(), batch.get("attention_mask")
    if output.ndim < 3:
        return output.reshape(len(output), -1)
    if mask is None or mask.shape != output.shape[:2]:
        return output.flatten(1, -2).mean(1)
    weight = mask.to(output.device, output.dtype)[..., None]
    return (output.flatten(2) * weight).sum(1) / weight.sum(1).clamp(min=1)
