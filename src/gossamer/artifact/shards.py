"""A model in several files: each one whole and valid, and an index that says which tensor is where.

    model-00001-of-00002.safetensors  model-00002-of-00002.safetensors  model.safetensors.index.json

The index is that of Hugging Face, {"metadata": {"total_size": bytes}, "weight_map": {tensor: file}}, and as hostile as
any other file: it names files of its own folder and nothing else, and each tensor must be where it says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from ..errors import ArtifactError
from .encoding import encoded_parts
from .entry import entries
from .reading import Artifact, Stored, joined, read_artifact, read_bytes
from .saving import write_atomically
from .strict_json import parse

__all__ = ["INDEX", "read_all", "read_files", "save_shards", "shard_files"]

INDEX = ".index.json"
ENDING = ".safetensors"
LONGEST_INDEX = 1 << 26  # bytes


def save_shards(
    model: nn.Module,
    folder: str | os.PathLike[str],
    *,
    name: str = "model",
    recipe: Sequence[Mapping[str, Any]] | None = None,
    largest: int | None = None,
) -> tuple[Path, ...]:
    """Write a model as `name.safetensors`, or, where it takes more than `largest` bytes, as shards and their index.

    One shard at a time is held in memory. The index is written last, so that what a reader finds by it is whole.

    Args: model; folder, which exists; recipe, see `encode`; largest, bytes of tensors a file, which a single tensor may
        exceed; None for one file.
    Returns: the files of tensors, in order.
    Raises: ArtifactError when a tensor cannot be stored, or a file cannot be written.
    """
    drafts: list[Path] = []
    names: list[list[str]] = []
    total = 0
    try:
        for part in encoded_parts(entries(model), recipe, largest):
            draft = Path(folder) / f".{name}-{len(drafts) + 1:05d}.part"
            write_atomically(draft, part.data)
            drafts.append(draft)
            names.append(sorted(part.shares))
            total += sum(part.shares.values())
        count = len(drafts)
        numbered = [f"{name}-{i:05d}-of-{count:05d}{ENDING}" for i in range(1, count + 1)]
        files = [Path(folder) / file for file in (numbered if count > 1 else [name + ENDING])]
        for draft, file in zip(drafts, files, strict=True):
            os.replace(draft, file)
    except OSError as error:
        raise ArtifactError(f"{folder}: shards cannot be written ({error.strerror or error})") from error
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)
    if count > 1:
        places = {tensor: file.name for file, held in zip(files, names, strict=True) for tensor in held}
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
        write_atomically(Path(folder) / f"{name}{ENDING}{INDEX}", json.dumps(index, indent=2).encode() + b"\n")
    return tuple(files)


def shard_files(path: str | os.PathLike[str]) -> tuple[Path, ...]:
    """The files that hold the tensors of `model.safetensors`: itself, or those that its index beside it names.

    Empty when there is neither. Each file is there and lies in the folder; what is in it is not looked at.
    Raises: ArtifactError when the index lies, or a file is missing or a link that leads out of the folder.
    """
    file = Path(path)
    if file.exists() or file.is_symlink():
        return (_inside(file.parent, file.name),)
    index = file.with_name(file.name + INDEX)
    if not index.exists():
        return ()
    return tuple(_inside(index.parent, name) for name in sorted(set(_weight_map(index).values())))


def read_all(path: str | os.PathLike[str]) -> Artifact:
    """What a file holds, or all the shards of an index (`….index.json`) together, checked but not yet decoded.

    Raises: ArtifactError naming what is wrong; also for a shard that does not hold what the index says.
    """
    file = Path(path)
    if not file.name.endswith(INDEX):
        return read_artifact(read_bytes(file))
    places = _weight_map(file)
    files = [_inside(file.parent, name) for name in sorted(set(places.values()))]
    return joined([_shard(path, places) for path in files])


def read_files(files: Sequence[Path]) -> Artifact:
    """Files of one model together, where somebody else has read the index. Raises: ArtifactError."""
    return joined([_shard(path, None) for path in files])


def _shard(path: Path, places: Mapping[str, str] | None) -> Artifact:
    try:
        part = read_artifact(read_bytes(path))
    except ArtifactError as error:
        raise ArtifactError(f"{path.name}: {error}") from None
    if places is not None:
        _check_shard(path.name, part.stored, places)
    return part


def _weight_map(index: Path) -> dict[str, str]:
    """Which file each tensor is in. Raises: ArtifactError naming what is wrong with the index."""
    data = read_bytes(index, LONGEST_INDEX)
    whole = parse(data, "index")
    places = whole.get("weight_map") if isinstance(whole, dict) else None
    if not isinstance(places, dict) or not places:
        raise ArtifactError('index: needs an object with "weight_map", which says for each tensor its file')
    for tensor, name in places.items():
        if not isinstance(name, str) or not _is_file_name(name):
            raise ArtifactError(
                f"index: {tensor!r:.80} is in {name!r:.80}; a file of the folder is needed, named {ENDING}, no path"
            )
    return places


def _is_file_name(name: str) -> bool:
    """Also under the rules of the other system: a folder may come from anywhere."""
    return name.endswith(ENDING) and not name.startswith(".") and not any(c in name for c in "/\\:\0")


def _inside(folder: Path, name: str) -> Path:
    """The file, which must be in the folder, links followed. Raises: ArtifactError."""
    path = folder / name
    real, home = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    # Hugging Face's cache: snapshots/<revision>/file is a link to blobs/<hash> of the same model.
    cache = home.parent.parent / "blobs" if home.parent.name == "snapshots" else home
    if not real.is_relative_to(home) and not real.is_relative_to(cache):
        raise ArtifactError(f"{name}: is a link that leads out of its folder; put the file itself there")
    if not real.is_file():
        raise ArtifactError(f"{name}: no such file" if not real.exists() else f"{name}: not a regular file")
    return path


def _check_shard(name: str, stored: Sequence[Stored], places: Mapping[str, str]) -> None:
    said = {tensor for tensor, file in places.items() if file == name}
    found = {item.name for item in stored}
    if found != said:
        missing, more = sorted(said - found), sorted(found - said)
        one = f"has no {missing[0]!r:.80}" if missing else f"holds {more[0]!r:.80}"
        raise ArtifactError(f"shard {name}: {one}, against what the index says")
