"""What became of one tensor: a kind, and a reason that is advice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Kind", "Status"]

Kind = Literal["done", "kept", "skipped", "failed"]


@dataclass(frozen=True)
class Status:
    """The outcome for one tensor; there is no fifth, silent one.

    `done`     it holds the structure that was asked for.
    `kept`     no step aimed at it (a bias, a norm, an ignored layer); stored as it is.
    `skipped`  a step aimed at it by default and could not; the reason says why and what would help.
    `failed`   a step broke on it; it is stored as it was before that step.

    >>> Status.skipped("in_features 30 is not a multiple of 4; choose NM(keep=1, of=2)").kind
    'skipped'
    """

    kind: Kind
    reason: str = ""

    @classmethod
    def done(cls, reason: str = "") -> Status:
        return cls("done", reason)

    @classmethod
    def kept(cls, reason: str = "") -> Status:
        return cls("kept", reason)

    @classmethod
    def skipped(cls, reason: str) -> Status:
        return cls("skipped", reason)

    @classmethod
    def failed(cls, reason: str) -> Status:
        return cls("failed", reason)

    def __str__(self) -> str:
        return f"{self.kind} ({self.reason})" if self.reason else self.kind
