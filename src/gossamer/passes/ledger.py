"""What each step of a recipe brought: the file's bytes and the metric, before and after it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..recipe import Step
from ..report import StepEffect
from .verify import Metric

__all__ = ["Ledger"]


@dataclass(frozen=True)
class Ledger:
    """The running account. A step helps when it makes the file smaller or the metric better; one that does neither, or
    that costs more than the tolerance, is named.

    Milliseconds are not in it: after every step the model still computes with dense weights, so that the one
    measurement at the end speaks for all.

    Args: bytes, metric: as they are now; start: the dense model's metric; effects: one for each step so far.

    >>> account = Ledger(bytes=100, metric=0.9).after("prune", 40, 0.88, Metric(tolerance=0.05))
    >>> account.effects[0].helped
    ('bytes',)
    """

    bytes: int
    metric: float | None
    start: float | None = None
    effects: tuple[StepEffect, ...] = ()

    def after(
        self,
        step: Step | str,
        size: int,
        metric: float | None,
        rule: Metric,
        *,
        shrinks: bool = True,
        idle: bool = False,
    ) -> Ledger:
        """The account with one more step, after which the file takes `size` bytes and the metric is `metric`.

        A step that is not there to shrink the file (`shrinks` False) is judged by the metric, or not at all. An `idle`
        one found no weight to shape, which is no fault of it.
        """
        helped, notes = [], []
        if size < self.bytes:
            helped.append("bytes")
        if metric is not None and self.metric is not None:
            gain = rule.gain(self.metric, metric)
            if gain > 0:
                helped.append("metric")
            if rule.as_good(self.metric, metric) == "worse":
                notes.append(f"it cost {-gain:.4g} of the metric, more than the tolerance {rule.tolerance:.4g}")
        unknown = metric is None or self.metric is None
        if idle:
            notes.insert(0, "it found no weight to shape")
        elif not helped and (shrinks or not unknown):
            told = "the metric was not measured" if unknown else "the metric is no better"
            notes.insert(0, f"it made the file no smaller, and {told}")
        effect = StepEffect(str(step), size, metric, tuple(helped), "; ".join(notes))
        return replace(self, bytes=size, metric=metric, effects=(*self.effects, effect))
