"""What a command is given as a model: a Hugging Face folder, a function that makes one, or a state_dict for one."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer
from safetensors import SafetensorError

from ..errors import ArtifactError, DataError, GossamerError, ModelError, listed
from . import rooms
from .contents import metadata
from .names import batches, example_inputs, is_name, made_model, metric, name_meant
from .output import reports, titled, write_result
from .screen import note

if TYPE_CHECKING:
    from torch import nn

    from ..huggingface import Folder
    from ..passes import Proof, Result
    from ..recipe import Step

__all__ = ["Asked", "FolderSource", "ModelSource", "Source", "kind_of", "source_of"]

Kind = Literal["folder", "file", "function"]


@dataclass(frozen=True, eq=False)
class Asked:
    """How a source is to be compressed; what `compress` of the rooms below takes, whatever the source."""

    steps: Sequence[Step]
    tolerance: float | None
    lower_is_better: bool
    batch_sizes: tuple[int, ...]
    proof: Proof
    seed: int


class Source(ABC):
    """A dense model that a command was given."""

    @property
    @abstractmethod
    def name(self) -> str:
        """For the default name of what comes out of it."""

    @property
    @abstractmethod
    def dense_bytes(self) -> int:
        """Bytes of its weights."""

    @abstractmethod
    def dense(self) -> tuple[nn.Module, Any]:
        """The model that a compressed file is compared with, and what it takes, or None where that is not known."""

    @abstractmethod
    def compressed(self, asked: Asked) -> Result:
        """The work itself."""

    @abstractmethod
    def write(self, result: Result, folder: Path, overwrite: bool) -> None:
        """Everything that came of it into a new folder, which appears whole or not at all."""


@dataclass(frozen=True, eq=False)
class FolderSource(Source):
    """A Hugging Face folder. Args: texts of the user's own, or None; metric_name, `package.module:name`, or "" ."""

    folder: Folder
    texts: Sequence[str] | None = None
    metric_name: str = ""

    @property
    def name(self) -> str:
        return Path(os.path.abspath(self.folder.path)).name  # as it was named: a link keeps its own name

    @property
    def dense_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.weights)

    def dense(self) -> tuple[nn.Module, Any]:
        model: Any = self.folder.model()
        inputs = self.folder.example_inputs(self.texts[:16]) if self.texts else self.folder.example_inputs()
        if self.folder.kind == "sentence-transformers":  # its folders hold the weights of the transformer inside
            return model[0].auto_model, inputs[0]
        return model, inputs

    def compressed(self, asked: Asked) -> Result:
        if not self.folder.has_tokenizer:
            _refuse_reading(
                asked.steps,
                f"{self.folder.path} has no tokenizer, and without texts there are no batches; give another recipe, or "
                f"in Python gossamer.compress(model, recipe, data=...). These steps need batches:",
            )
        return rooms.huggingface.compress_folder(
            self.folder,
            asked.steps,
            texts=self.texts,
            evaluate=metric(self.metric_name) if self.metric_name else None,
            higher_is_better=False if asked.lower_is_better else None,
            tolerance=asked.tolerance,
            batch_sizes=asked.batch_sizes,
            proof=asked.proof,
            seed=asked.seed,
        )

    def write(self, result: Result, folder: Path, overwrite: bool) -> None:
        rooms.huggingface.save_pretrained(
            result, folder, source=self.folder, files=reports(result.report, titled(folder)), overwrite=overwrite
        )


@dataclass(frozen=True, eq=False)
class ModelSource(Source):
    """A model that the user's own code makes.

    Args:
        origin: the name or file that it came from. model: the model with its weights.
        factory: the name of what makes it empty, for the process that measures; "" sends a copy of the model.
        data_name, metric_name, inputs_name: `package.module:name`, or "".
    """

    origin: str
    model: nn.Module
    factory: str = ""
    data_name: str = ""
    metric_name: str = ""
    inputs_name: str = ""

    @property
    def name(self) -> str:
        return self.origin.rpartition(":")[2] if is_name(self.origin) else Path(self.origin).stem

    @property
    def dense_bytes(self) -> int:
        return rooms.artifact.dense_bytes(self.model)

    def dense(self) -> tuple[nn.Module, Any]:
        return self.model, example_inputs(self.inputs_name) if self.inputs_name else None

    def compressed(self, asked: Asked) -> Result:
        if not self.data_name:
            _refuse_reading(asked.steps, "these steps need batches; give --data package.module:name:")
        proof = replace(asked.proof, factory=self.factory or None, metric=self.metric_name or None)
        return rooms.passes.compress(
            self.model,
            asked.steps,
            data=batches(self.data_name) if self.data_name else None,
            evaluate=metric(self.metric_name) if self.metric_name else None,
            example_inputs=example_inputs(self.inputs_name) if self.inputs_name else None,
            higher_is_better=not asked.lower_is_better,
            tolerance=asked.tolerance or 0.0,
            proof=proof,
            seed=asked.seed,
        )

    def write(self, result: Result, folder: Path, overwrite: bool) -> None:
        with rooms.staging.staged(folder, overwrite=overwrite) as draft:
            write_result(result, draft, titled(folder))


def kind_of(given: str, option: str = "SOURCE") -> Kind:
    """What a text names. Raises: GossamerError when it is nothing."""
    if Path(given).is_dir():
        return "folder"
    if Path(given).exists():
        return "file"
    if is_name(given):
        return "function"
    advice = f"; did you mean {meant!r}?" if (meant := name_meant(given)) else ""
    raise GossamerError(
        f"{option} {given!r}: no such folder or file, and not of the form package.module:function either{advice}"
    )


def source_of(
    given: str,
    *,
    option: str = "SOURCE",
    model: str = "",
    texts: Path | None = None,
    data: str = "",
    metric_name: str = "",
    inputs: str = "",
) -> Source:
    """The source that a text names, checked as far as that goes without slow work.

    Raises: GossamerError when it cannot be had; typer.BadParameter for options that do not belong to it.
    """
    path, kind = Path(given), kind_of(given, option)
    if kind == "function":
        _refuse("a function", {"--texts": texts, "--model": model})
        return ModelSource(given, made_model(given, option), "", data, metric_name, inputs)
    if kind == "folder":
        _refuse("a folder", {"--data": data, "--example-inputs": inputs, "--model": model})
        folder = rooms.huggingface.read_folder(path)
        if folder.compressed:
            raise ModelError(f"{given}: is compressed by gossamer already; give the folder that it was made from")
        for weights in folder.weights:
            metadata(weights)  # a download that was cut off is found now
        if not folder.has_tokenizer:
            note(f"{given} has no tokenizer: without texts, metric and milliseconds are not measured")
        return FolderSource(folder, None if texts is None else _lines(texts), metric_name)
    _refuse("a file", {"--texts": texts})
    return ModelSource(given, _loaded(path, model, option), model, data, metric_name, inputs)


def _refuse(kind: str, options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        raise typer.BadParameter(f"does not go with {kind} as the model", param_hint=" ".join(given))


def _refuse_reading(steps: Sequence[Step], heading: str) -> None:
    """Raises: DataError that lists the steps which need batches of data, where there are any."""
    wanting = [f"step {number}, {step}" for number, step in enumerate(steps, start=1) if step.reads]
    if wanting:
        raise DataError(listed(wanting, heading))


def _lines(path: Path) -> list[str]:
    """The texts of a file, one a line."""
    try:
        found = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"--texts {path}: cannot be read as UTF-8 text ({error})") from error
    if not found:
        raise DataError(f"--texts {path}: holds no text; one a line is needed")
    return found


def _loaded(path: Path, factory: str, option: str) -> nn.Module:
    """The factory's model with the weights of a plain safetensors file."""
    if rooms.container.KEY in metadata(path):
        raise ArtifactError(f"{path}: is compressed by gossamer already; give the state_dict that it was made from")
    if not factory:
        raise typer.BadParameter(
            f"{path} is a state_dict; --model package.module:function says what makes the model for it",
            param_hint=option,
        )
    model = made_model(factory, "--model")
    try:
        dtypes = {str(tensor.dtype): tensor.dtype for tensor in _floats(path)}
        if len(dtypes) == 1:  # loading would cast them to what the factory has
            model.to(*dtypes.values())
        rooms.weights.load_model(model, path)
    except (RuntimeError, SafetensorError) as error:
        raise ModelError(f"{path}: does not fit what {factory} makes: {error}") from error
    return model.eval()


def _floats(path: Path) -> list[Any]:
    return [tensor for tensor in rooms.weights.load_file(path).values() if tensor.is_floating_point()]
