"""The last part of a pass: pack the members, write down the rows, measure the file."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from ..artifact import Encoded, Entry, dense_bytes, encode
from ..formats import PackedWeight, pack
from ..kernels import status as kernel_status
from ..model import TensorSite, swap_
from ..recipe import Step
from ..report import HEADER_ROW, Attempt, Measure, Report, Row
from ..status import Status
from .ledger import Ledger
from .plan import Assignment
from .result import Result
from .settings import Settings
from .spread import spread
from .state import LayerState
from .verify import verdicts, verify

__all__ = ["Draft", "Work", "draft", "finish"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Work:
    """What the steps leave: the model with dense weights, the dense original where one was kept, the states."""

    model: nn.Module
    dense: nn.Module | None
    sites: Sequence[TensorSite]
    states: Mapping[str, LayerState]
    steps: Sequence[Step]


@dataclass(frozen=True, eq=False)
class Draft:
    """What would be saved now: the packed weights by name, and the whole file."""

    packed: Mapping[str, PackedWeight]
    file: Encoded


def draft(sites: Sequence[TensorSite], states: Mapping[str, LayerState], steps: Sequence[Step]) -> Draft:
    """Pack every member and encode the file, in memory."""
    packed = {name: pack(state.member) for name, state in states.items() if state.member is not None}
    stored = [Entry.of(site, packed.get(site.name)) for site in sites]
    return Draft(packed, encode(stored, [step.to_dict() for step in steps]))


def finish(
    work: Work,
    last: Draft,
    assignments: Mapping[int, Assignment],
    settings: Settings,
    ledger: Ledger,
    notes: Sequence[str],
) -> Result:
    """Put the last draft's packed weights into the model, in place, and report on it."""
    before = Measure(dense_bytes(work.model), metric=ledger.start)
    packed, encoded = last.packed, last.file
    swap_(work.model, packed)
    rows = _rows(work, assignments, packed, encoded)
    kernels = kernel_status()
    nothing = (
        [] if packed else ["no tensor was compressed: every layer was left out, skipped, failed, or of no known type"]
    )
    said = [
        *nothing,
        *notes,
        *(
            f"step {e.step} helped nothing: {e.note}"
            for position, e in enumerate(ledger.effects)
            if e.note and not e.helped and not (position in assignments and assignments[position].idle)
        ),
    ]
    if kernels.backend == "reference":
        said.append(f"kernels: the torch reference is used ({kernels.reason})")
    after = Measure(len(encoded.data), metric=ledger.metric)
    answers = verdicts(before, after, {}, settings.metric())
    report = Report(
        rows,
        before,
        after,
        answers,
        ledger.effects,
        tuple(said),
        metric=settings.metric_name,
        higher_is_better=settings.higher_is_better,
    )
    return Result(work.model, _measured(report, work, encoded, settings), tuple(work.steps))


def _measured(report: Report, work: Work, encoded: Encoded, settings: Settings) -> Report:
    """The report with what was measured on the file, read back in another process.

    A failure there is a note, not an exception: the compressed model may have cost hours, and it is whole.
    """
    if not settings.proof.measure:
        return report
    if settings.example_inputs is None or work.dense is None:
        note = "not read back and timed: give example_inputs=..."
        if report.after is not None and report.after.metric is not None:
            note += "; the metric is that of the model in memory"
        return replace(report, notes=(*report.notes, note))
    try:
        with tempfile.TemporaryDirectory(prefix="gossamer-") as folder:
            path = Path(folder) / "model.safetensors"
            path.write_bytes(encoded.data)
            found = verify(
                path,
                into=settings.proof.factory or work.dense,
                dense=work.dense,
                example_inputs=settings.example_inputs,
                metric=settings.metric(report.before.metric if report.before else None),
                effort=settings.proof.effort,
                output=settings.output,
            )
    except Exception as error:  # whatever it is: disk, memory, a process that died
        log.warning("measuring the compressed file failed: %s", error)
        return replace(report, notes=(*report.notes, f"not measured: {error}"))
    return replace(
        report,
        before=found.before,
        after=found.after,
        verdicts=found.verdicts,
        notes=(*report.notes, *found.notes),
        output_difference=found.output_difference,
        machine=found.machine,
    )


def _rows(
    work: Work, assignments: Mapping[int, Assignment], packed: Mapping[str, PackedWeight], encoded: Encoded
) -> tuple[Row, ...]:
    """A row for each stored tensor, and one for the bytes that belong to none: they add up to the file."""
    skipped = {name: reason for a in assignments.values() for name, reason in a.skipped.items()}
    # The weights as they arrived: a step that moves the states' own keeps the dense model beside them.
    arrived = {} if work.dense is None else dict(work.dense.named_parameters(remove_duplicate=False))
    rows = [
        _row(site, work.states.get(site.name), skipped.get(site.name), packed.get(site.name), encoded, arrived)
        for site in work.sites
    ]
    header = len(encoded.data) - sum(encoded.shares.values())
    return (*rows, Row(HEADER_ROW, (), "", Status.kept("names, shapes, recipe, checksums"), bytes=header))


def _row(
    site: TensorSite,
    state: LayerState | None,
    reason: str | None,
    packed: PackedWeight | None,
    encoded: Encoded,
    arrived: Mapping[str, nn.Parameter],
) -> Row:
    tensor = site.tensor
    plain = Row(
        site.name,
        tuple(tensor.shape),
        str(tensor.dtype).removeprefix("torch."),
        Status.skipped(reason) if reason else Status.kept("no step aimed at it"),
        bytes=encoded.shares[site.name],
        dense_bytes=tensor.numel() * tensor.element_size(),
        aliases=site.aliases,
    )
    if state is None:
        return plain
    attempts = tuple(Attempt(step, status) for step, _, status in state.outcomes)
    if state.member is None or packed is None:
        return replace(plain, status=state.status, attempts=attempts)
    before = state.view.to_matrix(arrived[site.name].detach()) if site.name in arrived else state.weight
    return replace(
        plain,
        status=state.status,
        structure=str(state.member.structure),
        method=state.method,
        format=f"{packed.spec.index} × {packed.spec.values}",
        density=state.member.kept / max(tensor.numel(), 1),
        error=state.error,
        attempts=attempts,
        histogram=spread(before, state.member),
    )
