"""A report back from its file, which may come from anywhere."""

from __future__ import annotations

import os
from pathlib import Path

from ..artifact.strict_json import parse
from ..errors import ArtifactError
from ..report import Report

__all__ = ["read_report"]

LARGEST = 1 << 26  # bytes; the report of a model with a hundred thousand tensors takes less


def read_report(path: str | os.PathLike[str]) -> Report:
    """The report in a `report.json`, checked.

    Raises: ArtifactError naming the file and what is wrong with it.

    >>> import json, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = Path(folder, "report.json").write_text(json.dumps(Report(()).to_dict()))
    ...     read_report(f"{folder}/report.json") == Report(())
    True
    """
    file = Path(path)
    try:
        with open(file, "rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror or error}); give a report.json") from error
    if len(data) > LARGEST:
        raise ArtifactError(f"{path}: more than {LARGEST:,} bytes; no report is as large")
    try:
        return Report.from_dict(parse(data, "the report"))
    except ArtifactError as error:
        raise ArtifactError(f"{file.name}: {error}") from None
