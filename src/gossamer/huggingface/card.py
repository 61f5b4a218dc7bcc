"""The model card: what was done and what was measured, and nothing else."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from torch import nn

from ..report import Report

__all__ = ["Card"]

LONGEST_CARD = 1 << 20  # bytes of a source's own card
DENSE = "## The dense model's own card"


@dataclass(frozen=True, eq=False)
class Card:
    """What a card says.

    Args:
        title: the folder's name.
        model: the compressed model; only its class is told.
        recipe: the steps as plain values, or None when they are not known.
        report: what was measured, or None.
        written: bytes of all files of weights. dense: those of the same weights as plain safetensors.
    """

    title: str
    model: nn.Module
    recipe: Sequence[Mapping[str, Any]] | None
    report: Report | None
    written: int
    dense: int

    def text(self, source: Path | None, *, ours: bool = False) -> str:
        """The whole README.md.

        Args: source, the card of the dense model, whose front matter and text are kept; ours, whether gossamer wrote
            it for another folder: then only the dense model's own part of its text is kept.
        """
        head, body = _parted(source)
        if ours:
            body = body.partition(DENSE)[2]
        tags = [tag for tag in head.get("tags") or [] if isinstance(tag, str)]
        head = dict(head) | {"tags": [*tags, *(tag for tag in ("gossamer", "compressed") if tag not in tags)]}
        head.setdefault("library_name", self._library())
        parts = ["---\n" + _yaml(head) + "---", *self._parts()]
        if body.strip():
            parts += [DENSE, body.strip()]
        return "\n\n".join(parts) + "\n"

    def _library(self) -> str:
        return "sentence-transformers" if isinstance(self.model, nn.Sequential) else "transformers"

    def _parts(self) -> Iterator[str]:
        yield f"# {self.title}"
        yield (
            "Compressed with gossamer. The weights are stored packed and entropy coded; loading gives back layers of "
            "their own classes."
        )
        yield "```python\n" + self._loading() + "\n```"
        yield "## Size\n\n" + _table(
            [["", "dense", "this folder"], ["bytes of weights", f"{self.dense:,}", f"{self.written:,}"]]
        )
        if self.report is not None:
            yield from _measured(self.report)
        if self.recipe is not None:
            yield "## Recipe\n\n" + "\n".join(f"{i}. {_told(step)}" for i, step in enumerate(self.recipe, 1))

    def _loading(self) -> str:
        if self._library() == "sentence-transformers":
            how = (
                f"from sentence_transformers import SentenceTransformer\n\nmodel = SentenceTransformer({self.title!r})"
            )
        else:
            name = type(self.model).__name__
            how = f"from transformers import {name}\n\nmodel = {name}.from_pretrained({self.title!r})"
        return f"import gossamer  # tells transformers how to read the weights\n{how}"


def _measured(report: Report) -> Iterator[str]:
    before, after = report.before, report.after
    lines: list[list[str]] = []
    if before is not None and after is not None:
        for batch, timing in before.ms.items():
            if batch in after.ms:
                lines.append([f"ms at batch {batch}", f"{timing.median:.3f}", f"{after.ms[batch].median:.3f}"])
        if before.metric is not None and after.metric is not None:
            lines.append([report.metric, f"{before.metric:.4f}", f"{after.metric:.4f}"])
        if before.peak_memory is not None and after.peak_memory is not None:
            lines.append(["peak bytes of a forward", f"{before.peak_memory:,}", f"{after.peak_memory:,}"])
    if lines:
        yield "## Measured\n\n" + _table([["", "dense", "compressed"], *lines])
    if report.verdicts:
        said = (f"- {v.question} {v.outcome}" + (f" ({v.detail})" if v.detail else "") for v in report.verdicts)
        yield "\n".join(said)
    if report.machine:
        yield "Machine: " + ", ".join(f"{key} {value}" for key, value in report.machine.items()) + "."
    if report.notes:
        yield "Notes:\n\n" + "\n".join(f"- {_line(note)}" for note in report.notes)


def _told(step: Mapping[str, Any]) -> str:
    options = ", ".join(f"{key} {value}" for key, value in step.items() if key != "step")
    return f"{step['step']}" + (f": {options}" if options else "")


def _table(lines: Sequence[Sequence[str]]) -> str:
    rows = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([rows[0], "|---|" + "---:|" * (len(lines[0]) - 1), *rows[1:]])


def _line(text: str) -> str:
    return " ".join(text.split())


def _parted(source: Path | None) -> tuple[dict[str, Any], str]:
    """Front matter and text of a card; one that cannot be read counts as text, so that nothing is lost."""
    if source is None or not source.is_file() or source.stat().st_size > LONGEST_CARD:
        return {}, ""
    text = source.read_text(encoding="utf-8", errors="replace")
    found = re.match(r"---\s*\n(.*?)\n---\s*(\n|$)", text, re.DOTALL)
    if found is None:
        return {}, text
    try:
        head = YAML(typ="safe").load(found[1])
    except YAMLError:
        return {}, text
    return (head, text[found.end() :]) if isinstance(head, dict) else ({}, text)


def _yaml(value: Mapping[str, Any]) -> str:
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.dump(dict(value), out)
    return out.getvalue()
