"""The comparison: every contender interleaved with the dense model in the same run."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from ..artifact import dense_bytes
from ..errors import VerifyError
from ..model import copied
from ..passes import Effort, Metric, output_of, verify
from ..passes.data import call_whole, unpadded
from ..passes.evaluate import evaluating
from ..passes.measure import largest_difference, resized
from ..passes.timing import FEWEST, Ratio, interleaved, ratio, relocate_, summary
from ..passes.verify import verdicts
from ..progress import track
from ..report import Measure, Timing, Verdict
from .peer import Peer, Prepared, Scene

__all__ = ["Comparison", "Contender", "compare", "restless"]

GOSSAMER = "gossamer"
RESTLESS = 1.5  # times that the same model may take beside one contender of what it takes beside another


@dataclass(frozen=True)
class Contender:
    """What was measured of one contender at one number of threads, or why nothing was.

    Args:
        name, does: who it is, and what is done to the model.
        before, after: the dense model as timed beside it, and the contender.
        verdicts: smaller? faster at each batch size?
        output_difference: max |dense(x) − contender(x)| over the output for the example inputs, without padding.
        problem: why it was not measured, such as `not installed: pip install …`.
    """

    name: str
    does: str
    threads: int
    before: Measure | None = None
    after: Measure | None = None
    verdicts: tuple[Verdict, ...] = ()
    output_difference: float | None = None
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        sides = {"before": self.before, "after": self.after}
        plain = {side: measure.to_dict() if measure else None for side, measure in sides.items()}
        return asdict(self) | plain | {"verdicts": [asdict(verdict) for verdict in self.verdicts]}


@dataclass(frozen=True)
class Comparison:
    """The contenders, gossamer first, and how they were measured."""

    contenders: tuple[Contender, ...]
    machine: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "contenders": [contender.to_dict() for contender in self.contenders],
            "machine": dict(self.machine),
            "notes": list(self.notes),
        }


def compare(
    path: str | os.PathLike[str],
    *,
    into: str | Callable[[], nn.Module] | nn.Module,
    dense: nn.Module,
    example_inputs: tuple[Any, ...] | Mapping[str, Any],
    peers: Mapping[str, Peer],
    effort: Effort | None = None,
    threads: tuple[int, ...] = (),
) -> Comparison:
    """Measure a compressed file and the peers, each against the dense model beside it.

    The file is measured by `gossamer.passes.verify` in a fresh process, peers in this one. Both by the same rule:
    interleaved runs in 15 blocks, faster when the 99 % interval of the ratio says so. A peer that is not installed or
    fails is a contender with a `problem`.

    Args:
        path, into, dense, example_inputs: as for `verify`.
        peers: by name; `gossamer.bench.PEERS` are all.
        effort: batch sizes and time for each contender; its `threads` is not looked at.
        threads: the numbers of threads; () is what this process uses.
    """
    effort = effort or Effort()
    counts = threads or (torch.get_num_threads(),)
    if effort.batch_sizes is None:
        raise VerifyError("batch_sizes is None; name the batch sizes to compare at")
    rounds = [(count, name) for count in counts for name in (GOSSAMER, *peers)]
    contenders, notes, machine = [], [], {}
    dense = copied(dense)  # timing moves its weights about
    inputs = resized(example_inputs, max(effort.batch_sizes))  # differences of all are taken on the same
    with evaluating(dense):
        for count, name in track("measuring", rounds, len(rounds)):
            if name == GOSSAMER:
                found = verify(
                    path, into=into, dense=dense, example_inputs=inputs, effort=replace(effort, threads=count)
                )
                notes += [note for note in found.notes if note not in notes]
                machine = found.machine
                contenders.append(
                    Contender(name, "", count, found.before, found.after, found.verdicts, found.output_difference)
                )
            else:
                contenders.append(_peer(name, peers[name], dense, inputs, effort, count))
    few = (
        [] if effort.runs is None or effort.runs >= FEWEST else [f"fewer than {FEWEST} runs cannot tell what is faster"]
    )
    return Comparison(tuple(contenders), machine, (*notes, *few, *restless(contenders)))


def restless(contenders: Iterable[Contender]) -> list[str]:
    """A note for each batch size and number of threads at which the dense model itself was not timed alike."""
    taken: dict[tuple[int, int], list[float]] = {}
    for contender in contenders:
        for batch, timing in (contender.before.ms if contender.before else {}).items():
            taken.setdefault((contender.threads, batch), []).append(timing.median)
    return [
        f"the machine was not at rest: the dense model took {min(times):.3f} to {max(times):.3f} ms at batch {batch} "
        f"(threads: {threads}); end what else runs, or take fewer threads than there are cores"
        for (threads, batch), times in taken.items()
        if max(times) > RESTLESS * min(times)
    ]


def _peer(name: str, peer: Peer, dense: nn.Module, inputs: Any, effort: Effort, threads: int) -> Contender:
    nothing = Contender(name, peer.does, threads, problem=peer.missing())
    if nothing.problem:
        return nothing
    try:
        with _threads(threads), _hushed():
            return _measured(nothing, peer, dense, inputs, effort)
    except Exception as error:  # another library's, of any kind: it is the finding
        return replace(nothing, problem=f"failed: {type(error).__name__}: {' '.join(str(error).split()):.300}")


def _measured(start: Contender, peer: Peer, dense: nn.Module, inputs: Any, effort: Effort) -> Contender:
    sizes = effort.batch_sizes or ()
    before, after, ratios = Measure(dense_bytes(dense)), Measure(0), {}
    difference = 0.0
    for size in sizes:
        scene = Scene(dense, resized(inputs, size), start.threads)
        prepared = peer.prepare(scene)
        expected = output_of(call_whole(dense, scene.inputs))
        found = prepared.output(prepared.call())
        difference = max(difference, _difference(*(unpadded(side, scene.inputs) for side in (expected, found))))
        times = _timed(scene, prepared, effort, len(sizes))
        before, after = (
            replace(before, ms=before.ms | {size: times[0]}),
            replace(after, bytes=prepared.bytes, ms=after.ms | {size: times[1]}),
        )
        ratios[size] = times[2]
    answers = verdicts(before, after, ratios, Metric())
    return replace(start, before=before, after=after, verdicts=answers, output_difference=difference)


def _timed(scene: Scene, prepared: Prepared, effort: Effort, shares: int) -> tuple[Timing, Timing, Ratio]:
    order = Random(0)
    modules = [scene.model, *([prepared.module] if prepared.module is not None else [])]
    blocks = interleaved(
        lambda: call_whole(scene.model, scene.inputs),
        prepared.call,
        seconds=effort.seconds / shares,
        runs=effort.runs,
        between=lambda: relocate_(modules, order),
    )
    sides = [[ms for block in blocks for ms in side(block)] for side in (lambda b: b.before, lambda b: b.after)]
    return summary(sides[0]), summary(sides[1]), ratio(blocks)


def _difference(expected: Tensor, found: Tensor) -> float:
    if expected.shape != found.shape:
        raise VerifyError(f"gives an output of shape {tuple(found.shape)} instead of {tuple(expected.shape)}")
    return largest_difference(expected, found)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _hushed() -> Iterator[None]:
    """Exporters print and warn at length; what matters of it is in their exceptions."""
    with warnings.catch_warnings(), open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
