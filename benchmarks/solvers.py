"""Solvers against their peers at equal, verified accuracy.

    python benchmarks/solvers.py [PART ...] [--only WORDS] [--threads 1 2] [--quick] [--write]

Parts: dense, path, sparse, coding, omp, batch. Every contender's answer is judged by gossamer.problem.duality_gap in
float64; tolerances, ours too, are loosened or tightened by half-decades until they just meet a gap of 1e-6 of the
objective at zero. Then all are timed in turn, A B C A B C, and the median counts; before each timed call the process
rests, since libraries keep their threads awake for a while, on cores that the next one needs, and then calls once
untimed, which wakes the caller's own. The first call is timed apart, in a new process, with whatever that compiles.
Peers get the data in their own best layout before the clock runs; gossamer gets row-major tensors or scipy's CSR, and
what it converts is inside its time. SPAMS has one BLAS thread. A peer that this environment lacks is left out, with a
line that says so.
`--quick` makes all data tiny, stays in one process and writes nothing: it shows that the script works, no more.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from record import RESULTS, card, page, recorded, table
from solver_judge import error, limit
from solver_peers import CONTENDERS, OURS, Contender, present, quiet, versions
from solver_work import FASTEST, PARTS, ROWS, Row, Work
from trial import apart

__all__ = ["batch", "first_call", "main", "measured", "verdicts"]

REPEATS, MOST = 5, 50  # of a contender at least, and at most; short ones run on until PATIENCE
REST = 0.02  # seconds before a call: about as long as idle threads spin; after longer a core itself sleeps
PATIENCE = 2.0  # seconds for a contender's repeats, where they are short
LONGEST = 40.0  # seconds for a contender's repeats: what is that slow is no peer to beat, and stops with fewer
HALF_DECADE = 10**-0.5
TIGHTEST, LOOSEST = 1e-13, 0.1
SIZES = (100, 1000, 10_000)  # signals in a batch
MOST_PER_SIGNAL = 2.0  # the time a signal at 10,000 over that at 1,000
BATCHED = ("coding", "omp")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@contextmanager
def environment(threads: int) -> Any:
    """For processes begun inside: their threads; and BLAS kernels as each library chooses them for this processor."""
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    for forced in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(forced, None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def row_named(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


def work_of(name: str, tiny: bool) -> Work:
    row = row_named(name)
    return row.tiny() if tiny else row.make()


def first_call(name: str, contender: str, tolerance: float, tiny: bool) -> float:
    """Seconds of a contender's first call in this process, which should be new; imports and data are not in it."""
    quiet()
    row = row_named(name)
    chosen = next(one for one in CONTENDERS[row.kind] if one.name == contender)
    solve = chosen.prepare(work_of(name, tiny).some(chosen.signals))
    started = time.perf_counter()
    solve(tolerance)
    return time.perf_counter() - started


def measured(name: str, tiny: bool) -> dict[str, dict[str, Any]]:
    """Each contender's tolerance, error and times of one row, with this process's threads."""
    quiet()
    row, work = row_named(name), work_of(name, tiny)
    tuned: dict[str, dict[str, Any]] = {}
    runs: dict[str, Callable[[], object]] = {}
    for contender in present(row.kind):
        some = work.some(contender.signals)
        solve = contender.prepare(some)
        tolerance, found = tune(contender, solve, some)
        tuned[contender.name] = {"tolerance": tolerance, "error": found, "signals": some.signals}
        runs[contender.name] = lambda solve=solve, tolerance=tolerance: solve(tolerance)
    whole = [told["error"] for told in tuned.values() if told["signals"] == work.signals]
    for told in tuned.values():
        told["accurate"] = told["error"] <= limit(work, whole)
    for contender, seconds in interleaved(runs, 0.0 if tiny else PATIENCE).items():
        tuned[contender] |= {"seconds": statistics.median(seconds), "least": min(seconds), "runs": len(seconds)}
    return tuned


def tune(contender: Contender, solve: Callable[[float], Any], work: Work) -> tuple[float, float]:
    """The loosest tolerance, by half-decades, that meets the gap, and the gap that it reaches."""
    tolerance = contender.begin or 1.0
    found = error(work, solve(tolerance))
    if contender.begin is None:
        return tolerance, found
    target = limit(work, [found])
    while found > target and tolerance > TIGHTEST:
        tolerance *= HALF_DECADE
        found = error(work, solve(tolerance))
        if found <= target:
            return tolerance, found
    while found <= target and tolerance < LOOSEST:
        looser = error(work, solve(tolerance / HALF_DECADE))
        if looser > target:
            break
        tolerance, found = tolerance / HALF_DECADE, looser
    return tolerance, found


def interleaved(runs: Mapping[str, Callable[[], object]], patience: float) -> dict[str, list[float]]:
    """Times of each, run in turn."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    left = dict(runs)
    while left:
        for name, run in list(left.items()):
            time.sleep(REST)
            run()
            started = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - started)
            total = sum(taken[name])
            enough = len(taken[name]) >= REPEATS and (total >= patience or len(taken[name]) >= MOST)
            if enough or total >= LONGEST:
                del left[name]
    return taken


def batch(kind: str, tiny: bool) -> dict[str, Any]:
    """gossamer's seconds a signal for 100, 1,000 and 10,000 signals, in turn, of the kind's first row."""
    row = next(row for row in ROWS if row.kind == kind)
    work, sizes = work_of(row.name, tiny), (10, 20, 40) if tiny else SIZES
    contender = next(one for one in CONTENDERS[kind] if one.name == OURS)
    runs = {}
    for size in sizes:
        solve = contender.prepare(work.some(size))
        runs[str(size)] = lambda solve=solve: solve(1e-6)
    taken = interleaved(runs, 0.0 if tiny else PATIENCE)
    return {size: statistics.median(seconds) / int(size) for size, seconds in taken.items()}


def libraries() -> dict[str, str]:
    """Versions, and the BLAS kernels that each library chose."""
    found = versions()
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return found
    for contenders in CONTENDERS.values():
        for contender in contenders:
            if found and contender.module == "spams" and contender in present("coding"):
                contender.prepare(row_named(ROWS[-1].name).tiny())
    blas = {f"{pool['prefix']} {pool['version']} {pool.get('architecture')}" for pool in threadpool_info()}
    return found | {"BLAS": ", ".join(sorted(name for name in blas if "blas" in name))}


def per_signal(told: Mapping[str, Any]) -> float:
    return float(told["seconds"] / told["signals"])


def leads(row: Row, told: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, float, float]]:
    """Peer to beat -> who it was, the factor by which gossamer is faster, and the target."""
    ours = told[OURS]
    peers = {name: per_signal(found) for name, found in told.items() if not name.startswith(OURS) and found["accurate"]}
    found = {}
    for peer, target in row.lead.items():
        name = min(peers, key=peers.__getitem__, default=None) if peer == FASTEST else peer
        if name in peers:
            factor = peers[name] / per_signal(ours) if ours["accurate"] else 0.0
            found[peer] = (name, factor, target)
    return found


def verdicts(row: Row, told: Mapping[str, Mapping[str, Any]]) -> str:
    """`2.1× skglm (≥ 1.8: met)` for each target, or that nobody was there to be compared with."""
    said = [
        f"{factor:.3g}× {name} (≥ {target:g}: {'met' if factor >= target else '**missed**'})"
        for name, factor, target in leads(row, told).values()
    ]
    return "; ".join(said) or "no peer"


def shown(seconds: float | None) -> str:
    if seconds is None or math.isnan(seconds):
        return ""
    scale, unit = next((s, u) for s, u in ((1, "s"), (1e3, "ms"), (1e6, "µs")) if seconds * s >= 1 or u == "µs")
    return f"{seconds * scale:.3g} {unit}"


def cell(told: Mapping[str, Any] | None) -> str:
    """Median a signal, and the first call's; an answer that is not accurate enough says so."""
    if told is None:
        return ""
    first = f" ({shown(told['first'] / told['signals'])})" if "first" in told else ""
    fewer = f", {told['runs']} runs" if told["runs"] < REPEATS else ""
    wrong = "" if told["accurate"] else f", error {told['error']:.0e}"
    return f"{shown(per_signal(told))}{first}{fewer}{wrong}"


def compared(row: Row, threads: int, tiny: bool) -> dict[str, Any]:
    """A row of the record: all contenders, each with its first call in a process of its own."""
    with environment(threads):
        told: dict[str, dict[str, Any]] = begun(tiny)(measured, row.name, tiny)
        for name, found in told.items():
            found["first"] = begun(tiny)(first_call, row.name, name, found["tolerance"], tiny)
    return told


def begun(tiny: bool) -> Callable[..., Any]:
    """How a function is called: in a new process, or for tiny data in this one."""
    return (lambda function, *arguments: function(*arguments)) if tiny else apart


def key(name: str, threads: int) -> str:
    return f"{name} | {threads}"


def write(record: Mapping[str, Any], threads: Sequence[int]) -> None:
    lines = ["Made by `python benchmarks/solvers.py --write`.", "", " ".join((__doc__ or "").split("\n\n")[2].split())]
    for part in PARTS:
        if record.get(part):
            lines += ["", f"## {part}", "", *_part(part, record[part], threads)]
    if record.get("batch"):
        lines += ["", "## batch", "", "gossamer's time a signal; 10,000 signals take at most twice that of 1,000.", ""]
        lines += table(["", "threads", *(f"{n:,} signals" for n in SIZES), "10,000 over 1,000 (≤ 2)"], _batches(record))
    lines += ["", "Median time a problem or a signal, in brackets the first call in a new process, a signal likewise."]
    page(RESULTS / "solvers.md", "Solvers: gossamer and its peers at equal accuracy", lines, record)


def _part(part: str, found: Mapping[str, Any], threads: Sequence[int]) -> list[str]:
    rows = [row for row in ROWS if row.part == part]
    names = list(dict.fromkeys(one.name for row in rows for one in CONTENDERS[row.kind]))
    cells = []
    for row in rows:
        for count in threads:
            told = found.get(key(row.name, count))
            if told is not None:
                cells.append([row.name, str(count), *(cell(told.get(name)) for name in names), verdicts(row, told)])
    return table(["", "threads", *names, "gossamer is faster by (target)"], cells)


def _batches(record: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for name, told in record["batch"].items():
        kind, count = name.split(" | ")
        rows.append([kind, count, *(shown(told[str(n)]) for n in SIZES), batch_verdict(told)])
    return rows


def batch_verdict(told: Mapping[str, float]) -> str:
    *_, thousand, most = told.values()
    return f"{most / thousand:.2f}: {'met' if most <= MOST_PER_SIGNAL * thousand else '**missed**'}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join((*PARTS, 'batch'))}; default all")
    parser.add_argument("--only", default="", help="rows whose name has these words in it")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--quick", action="store_true", help="tiny data, nothing written")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/solvers.json and .md")
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - {*PARTS, "batch"}
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; choose of {', '.join((*PARTS, 'batch'))}")
    run(options)


def run(options: argparse.Namespace) -> None:
    """All that was asked for; the record is written after every row, so that an interrupted run keeps its rows."""
    with environment(1):
        used = begun(options.quick)(libraries)
    print("absent:", ", ".join(name for name, found in used.items() if found == "absent") or "nobody", flush=True)

    def told(part: str, name: str, row: Mapping[str, Any], said: str) -> None:
        print(f"{name}: {said}", flush=True)
        if options.write and not options.quick:
            whole = recorded(RESULTS / "solvers.json", card(**used, threads="as each row says"), **{part: {name: row}})
            write(whole, (1, 2))

    for row in ROWS:
        if (not options.parts or row.part in options.parts) and options.only in row.name:
            for threads in options.threads:
                found = compared(row, threads, options.quick)
                times = "  ".join(f"{name} {cell(one)}" for name, one in found.items())
                told(row.part, key(row.name, threads), found, f"{times}  {verdicts(row, found)}")
    if (not options.parts or "batch" in options.parts) and not options.only:
        for kind in BATCHED:
            for threads in options.threads:
                with environment(threads):
                    each = begun(options.quick)(batch, kind, options.quick)
                told("batch", key(kind, threads), each, f"{[shown(s) for s in each.values()]} {batch_verdict(each)}")


if __name__ == "__main__":
    main()
