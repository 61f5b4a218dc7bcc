"""From a folder that gossamer wrote to a model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args

from torch import nn

from ..artifact import INDEX, load
from ..errors import ArtifactError, ModelError, RecipeError
from ..nn import Weights, set_weights_
from .empty import EmptyModel
from .folder import WEIGHTS, Folder, read_folder
from .libraries import quiet, sentence_transformers, transformers

__all__ = ["from_pretrained"]

GENERATION = "generation_config.json"


def from_pretrained(folder: str | os.PathLike[str] | Folder, *, weights: Weights = "dense") -> nn.Module:
    """The model of a folder that `save_pretrained` wrote: of the class in config.json, or a SentenceTransformer.

    Nothing in the folder is run as code, no pickle is read, no network used. The model is in evaluation mode, on the
    CPU, in the dtype of the file; its layers hold packed weights.

    Args: folder; weights, "dense" holds the decoded weights too (fast), "packed" decodes at each use (less memory).
    Raises: ModelError for a folder that is not gossamer's; ArtifactError for weights that are damaged or of another
        model.

    >>> import tempfile
    >>> from gossamer.huggingface import save_pretrained
    >>> from transformers import BertConfig, BertModel
    >>> sizes = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=16)
    >>> model = BertModel(BertConfig(**sizes))
    >>> with tempfile.TemporaryDirectory() as home:
    ...     loaded = from_pretrained(save_pretrained(model, f"{home}/small"))
    >>> type(loaded) is BertModel and bool((loaded.pooler.dense.weight == model.pooler.dense.weight).all())
    True
    """
    if weights not in get_args(Weights):
        raise RecipeError(f"weights must be one of {', '.join(map(repr, get_args(Weights)))}, given {weights!r}")
    found = folder if isinstance(folder, Folder) else read_folder(folder)
    if not found.compressed:
        raise ModelError(
            f"{found.path}: was not written by gossamer; load it with {found.architecture}.from_pretrained(folder), "
            f"or compress it first with gossamer.huggingface.compress_folder"
        )
    try:
        with quiet():
            return _sentence(found, weights) if found.kind == "sentence-transformers" else _transformer(found, weights)
    except ArtifactError as error:
        raise ArtifactError(f"{found.path}: {error}") from error


def _transformer(folder: Folder, weights: Weights) -> nn.Module:
    made: Any = EmptyModel(folder.architecture, folder.config)()
    load(_file(folder), into=made, weights=weights)
    if made.can_generate() and (folder.path / GENERATION).is_file():
        settings = transformers().GenerationConfig.from_pretrained(str(folder.path), local_files_only=True)
        made.generation_config = settings
    made.name_or_path = str(folder.path)
    model: nn.Module = made.eval()
    return model


def _sentence(folder: Folder, weights: Weights) -> nn.Module:
    """By sentence-transformers itself, whose call of AutoModel comes back to gossamer."""
    made = sentence_transformers().SentenceTransformer(str(folder.path), device="cpu", local_files_only=True)
    set_weights_(made, weights)
    model: nn.Module = made.eval()
    return model


def _file(folder: Folder) -> Path:
    """What `load` is given: the one file, or the index of several."""
    first = folder.weights[0]
    return first if len(folder.weights) == 1 and first.name == WEIGHTS else first.with_name(WEIGHTS + INDEX)
