"""Compressing a folder: everything that `compress` needs comes from the folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..passes import Proof, Result, compress
from ..passes.evaluate import Evaluate
from ..recipe import Recipe
from .empty import Skeleton
from .folder import Folder, Metric, read_folder
from .sentences import SENTENCES

__all__ = ["compress_folder"]


def compress_folder(
    source: str | os.PathLike[str] | Folder,
    recipe: Recipe,
    *,
    texts: Sequence[str] | None = None,
    evaluate: Evaluate | None = None,
    higher_is_better: bool | None = None,
    tolerance: float | None = None,
    batch_sizes: tuple[int, ...] | None = (1, 16),
    proof: Proof = Proof(),  # noqa: B008  # a frozen value
    seed: int = 0,
) -> Result:
    """Compress the model of a folder, and measure what that brought. The folder is not touched.

    Args:
        source: the folder, or what `read_folder` said of it.
        recipe: as for `compress`.
        texts: what calibration, distillation, the metric and the milliseconds are taken on; None takes 48 sentences
            that come with gossamer. They need the folder's tokenizer.
        evaluate: a metric of your own, evaluate(model) -> float; None takes `Folder.metric`.
        higher_is_better: of the metric; None takes what the metric says, else True.
        tolerance: a loss of metric that counts as none; None takes what the metric says, else 0.
        batch_sizes: texts at once for which milliseconds are taken; they take the place of those in `proof.effort`.
        proof: as for `compress`; without a factory in it, the measuring process is sent the model without its weights.
        seed: for everything that draws.
    Raises: what `read_folder` and `compress` raise.

    >>> import tempfile
    >>> from gossamer.recipe import Quantize
    >>> from transformers import BertConfig, BertModel
    >>> sizes = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=16)
    >>> with tempfile.TemporaryDirectory() as home:
    ...     BertModel(BertConfig(**sizes)).save_pretrained(home)
    ...     result = compress_folder(home, [Quantize("int8")], proof=Proof(measure=False))
    >>> result.report.row("encoder.layer.0.output.dense.weight").structure
    'int8'
    """
    folder = source if isinstance(source, Folder) else read_folder(source)
    model = folder.model()
    inputs: dict[str, Any] = {}
    if folder.has_tokenizer or texts is not None:
        chosen = SENTENCES if texts is None else texts
        inputs = {"data": folder.batches(chosen), "example_inputs": folder.example_inputs(chosen[:16])}
        evaluate = folder.metric(chosen, model=model) if evaluate is None else evaluate
    own = evaluate if isinstance(evaluate, Metric) else None
    if higher_is_better is None:
        higher_is_better = True if own is None else own.higher_is_better
    if tolerance is None:
        tolerance = 0.0 if own is None else own.tolerance
    effort = replace(proof.effort, batch_sizes=batch_sizes)
    return compress(
        model,
        recipe,
        **inputs,
        evaluate=evaluate,
        higher_is_better=higher_is_better,
        tolerance=tolerance,
        proof=replace(proof, factory=proof.factory or Skeleton.of(model), effort=effort),
        seed=seed,
    )
