"""Writing a model as a folder that transformers and sentence-transformers read."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from torch import nn

from ..artifact import dense_bytes, save_shards, to_dense
from ..artifact.staging import staged
from ..errors import ArtifactError, ModelError
from ..model import inventory, unwrap
from ..passes import Result
from ..recipe import Step
from ..report import Report
from .card import Card
from .folder import CONFIG, METHOD, MODULES, Folder, read_folder, read_json

__all__ = ["save_pretrained"]

CARD = "README.md"
MEASURED = re.compile(r"report\.(json|html)")  # what the command line lays beside the weights that it measured
# What of a source folder is taken along: everything that is text or a vocabulary, and never weights or code.
_KEPT = re.compile(
    r"(?!\.|.*\.index\.json$)(.+\.(json|txt|jinja|model|tiktoken|md)|(LICENSE|NOTICE|COPYING)[\w.-]*)", re.I
)
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def save_pretrained(
    model_or_result: nn.Module | Result,
    folder: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str] | Folder | None = None,
    recipe: Iterable[Step] | None = None,
    report: Report | None = None,
    files: Mapping[str, str | bytes] | None = None,
    max_shard_size: int | str = "5GB",
    overwrite: bool = False,
) -> Path:
    """Write a folder: config.json, gossamer's own model.safetensors, the tokenizer's files, a model card.

    `from_pretrained`, and after `import gossamer` also AutoModel and SentenceTransformer, read it. The folder appears
    whole or not at all; until then one that was there stays as it was.

    Args:
        model_or_result: what `compress` gave, or a model of transformers or sentence-transformers.
        folder: its name; the folder above it exists.
        source: the folder that the dense model came from: its tokenizer, generation settings, licence and card are
            taken along, its weights and code are not. Without it a tokenizer has to be saved by its own
            `save_pretrained`.
        recipe, report: those of the result unless given.
        files: further files by name, such as {"report.html": page}.
        max_shard_size: bytes of tensors a file, or a text such as "5GB"; what takes more becomes several files.
        overwrite: whether a folder that gossamer wrote may be replaced, with all that lies in it. No other folder is.
    Returns: the folder.
    Raises: ModelError for a model that is of neither library; ArtifactError when something cannot be written.

    >>> import tempfile
    >>> from transformers import BertConfig, BertModel
    >>> sizes = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=16)
    >>> with tempfile.TemporaryDirectory() as home:
    ...     small = save_pretrained(BertModel(BertConfig(**sizes)), f"{home}/small", max_shard_size="1kB")
    ...     print(*sorted(path.name for path in small.iterdir())[:3])
    README.md config.json model-00001-of-00005.safetensors
    """
    result = model_or_result if isinstance(model_or_result, Result) else None
    model = _checked(model_or_result.model if isinstance(model_or_result, Result) else model_or_result)
    origin = read_folder(source) if source is not None and not isinstance(source, Folder) else source
    if origin is not None and (origin.kind == "sentence-transformers") != _is_sentence(model):
        raise ModelError(f"{origin.path}: is a folder of {origin.kind}, and the model is a {type(model).__name__}")
    steps = recipe if recipe is not None or result is None else result.recipe
    plain = None if steps is None else [step.to_dict() for step in steps]
    report = report if report is not None or result is None else result.report
    extra = {name: _content(name, content) for name, content in (files or {}).items()}
    most = _bytes(max_shard_size)
    target = Path(folder)
    with staged(target, overwrite=overwrite, keep=() if origin is None else (origin.path,)) as draft:
        if origin is not None:
            _copy(origin, draft)
        written = _write(model, draft, origin, plain, most)
        card = Card(target.name, model, plain, report, written, dense_bytes(model))
        said = card.text(origin.path / CARD, ours=origin.compressed) if origin else card.text(None)
        (draft / CARD).write_text(said, encoding="utf-8")
        for name, content in extra.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_bytes(content)
    return target


def _checked(model: nn.Module) -> Any:
    inner, _ = unwrap(model)
    if not _is_sentence(inner) and not _is_transformers(inner):
        raise ModelError(
            f"save_pretrained writes models of transformers and sentence-transformers, given {type(inner).__name__}; "
            f"write any other model with result.save(path)"
        )
    return inner


def _is_transformers(model: nn.Module) -> bool:
    return any(f"{base.__module__}.{base.__qualname__}" == _PRETRAINED for base in type(model).__mro__)


def _is_sentence(model: nn.Module) -> bool:
    return any(base.__module__.startswith("sentence_transformers.") for base in type(model).__mro__) and isinstance(
        model, nn.Sequential
    )


_PRETRAINED = "transformers.modeling_utils.PreTrainedModel"


def _write(
    model: Any, draft: Path, origin: Folder | None, recipe: Sequence[Mapping[str, Any]] | None, most: int
) -> int:
    """Configuration and weights of every part. Returns the bytes of all weights."""
    if not _is_sentence(model):
        return _write_transformer(model, draft, origin, recipe, most)
    if origin is None:
        _write_modules(model, draft)
    total = 0
    paths = [draft / str(entry["path"]) for entry in read_json(draft / MODULES)]
    for module, path in zip(model, paths, strict=True):
        path.mkdir(parents=True, exist_ok=True)
        if hasattr(module, "auto_model"):  # the library's name for the transformer inside
            total += _write_transformer(module.auto_model, path, origin, recipe, most)
        elif module.state_dict():
            plain: Any = to_dense(module)
            plain.save(str(path))
            total += sum(file.stat().st_size for file in path.glob("*.safetensors"))
    return total


def _write_modules(model: Any, draft: Path) -> None:
    """modules.json and what belongs to it, by the library's own code, from which the transformer's weights are kept."""
    inner = [module.auto_model for module in model if hasattr(module, "auto_model")]
    for part in inner:
        part.__dict__["save_pretrained"] = lambda path, **options: None
    try:
        model.save(str(draft), create_model_card=False)
    finally:
        for part in inner:
            del part.__dict__["save_pretrained"]


def _write_transformer(
    model: Any, draft: Path, origin: Folder | None, recipe: Sequence[Mapping[str, Any]] | None, most: int
) -> int:
    told = _config(model, {} if origin is None else origin.config)
    how = {"quant_method": METHOD} | ({} if recipe is None else {"recipe": list(recipe)})
    told |= {"architectures": [type(model).__name__], "dtype": _dtype(model), "quantization_config": how}
    (draft / CONFIG).write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if origin is None and model.can_generate():
        model.generation_config.save_pretrained(str(draft))
    return sum(file.stat().st_size for file in save_shards(model, draft, recipe=recipe, largest=most))


def _config(model: Any, before: Mapping[str, Any]) -> dict[str, Any]:
    """What the source says, as far as the model's own configuration does not say otherwise."""
    full = json.loads(model.config.to_json_string(use_diff=False))
    said = json.loads(model.config.to_json_string(use_diff=True))
    mine = {key: value for key, value in full.items() if key in before} | said | {"model_type": model.config.model_type}
    hidden = ("_name_or_path", "torch_dtype", "quantization_config")
    return dict(before) | {key: value for key, value in mine.items() if key not in hidden}


def _dtype(model: nn.Module) -> str:
    found = next(site.tensor.dtype for site in inventory(model) if site.tensor.dtype.is_floating_point)
    return str(found).removeprefix("torch.")


def _copy(source: Folder, draft: Path) -> None:
    """The source's small files, links followed, from the folder and the parts of a sentence-transformers model.

    Not the report of a compressed source: it is of that folder's weights.
    """
    origin, parts = source.path, {Path(), Path("additional_chat_templates")}
    if (origin / MODULES).is_file():
        parts |= {Path(str(entry.get("path", ""))) for entry in read_json(origin / MODULES)}
    for part in sorted(parts):
        inside = _KEPT.fullmatch if (origin / part).is_dir() else None
        for file in sorted((origin / part).iterdir()) if inside else ():
            own = part == Path() and (
                file.name in (CARD, CONFIG) or (source.compressed and MEASURED.fullmatch(file.name))
            )
            if inside and inside(file.name) and file.is_file() and not own:
                (draft / part).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, draft / part / file.name)


def _content(name: str, content: str | bytes) -> bytes:
    """The bytes of a further file. Raises: ArtifactError for a name that would leave the folder or stand twice."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or any(c in name for c in "\\:\0") or ".." in parts:
        raise ArtifactError(f"files: {name!r:.80} is no name inside the folder")
    if name in (CARD, CONFIG, MODULES) or name.endswith((".safetensors", ".index.json")):
        raise ArtifactError(f"files: {name!r:.80} is a file that gossamer writes itself; choose another name")
    return content.encode() if isinstance(content, str) else bytes(content)


def _bytes(size: int | str) -> int:
    """Bytes of a size such as "5GB" (10^9) or "5GiB" (2^30)."""
    found = re.fullmatch(r"(\d+)\s*([a-z]*)", str(size).strip(), re.I)
    if found is None or found[2].upper() not in _UNITS or int(found[1]) < 1:
        raise ArtifactError(f"max_shard_size is a number of bytes or a text such as '5GB', given {size!r}")
    return int(found[1]) * _UNITS[found[2].upper()]
