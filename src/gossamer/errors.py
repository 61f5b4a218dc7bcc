"""The one exception tree.

Every leaf is also the builtin a caller would expect, so that `except ValueError` keeps working. A message says, in
this order: where (the layer or file), what was given, what is needed, what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

__all__ = [
    "ArtifactError",
    "DataError",
    "EvaluateError",
    "GossamerError",
    "KernelError",
    "MissingDependencyError",
    "ModelError",
    "ReadOnlyError",
    "RecipeError",
    "StructureError",
    "TargetError",
    "VerifyError",
    "did_you_mean",
    "listed",
]


class GossamerError(Exception):
    """Root of everything that gossamer raises on purpose."""


class StructureError(GossamerError, ValueError):
    """A structure is malformed, or does not fit the tensor it was asked for."""


class RecipeError(GossamerError, ValueError):
    """The steps of a recipe contradict each other, or one holds an impossible value."""


class TargetError(GossamerError, ValueError):
    """A name, pattern or type in `targets` or `ignore` matches nothing, or names a layer that cannot be had."""


class ModelError(GossamerError, TypeError):
    """The model arrives in a form that cannot be compressed."""


class DataError(GossamerError, ValueError):
    """The calibration or training data are empty, or do not fit the model."""


class EvaluateError(GossamerError, ValueError):
    """The user's `evaluate` raised, or returned something that is not a finite number."""


class ArtifactError(GossamerError, ValueError):
    """A file is damaged, hostile, of another version, or made for another model."""


class KernelError(GossamerError, ValueError):
    """A kernel was called with arguments it must refuse."""


class ReadOnlyError(GossamerError, AttributeError):
    """A packed weight was assigned to."""


class MissingDependencyError(GossamerError, ImportError):
    """An optional package is needed for what was asked."""


class VerifyError(GossamerError, RuntimeError):
    """The child process that measures a model failed."""


def listed(offenders: Sequence[str], heading: str) -> str:
    """One message for all offenders: the heading, then a line each."""
    return heading + "".join(f"\n  - {offender}" for offender in offenders)


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """The end of a message about a word that is not known: the nearest known one, or nothing.

    >>> did_you_mean("Magntiude", ["magnitude", "wanda"])
    "; did you mean 'magnitude'?"
    """
    nearest = get_close_matches(str(given)[:80].lower(), list(known), n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""
