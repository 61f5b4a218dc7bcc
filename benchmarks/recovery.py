"""How often sparse signals are found again: success against the number of nonzeros.

    python benchmarks/recovery.py [steps] [transitions] [pursuit] [--write] [--quick]

Every trial draws its own A, with independent Gaussian entries and columns scaled to norm 1, and its own signal, from a
seed that its place in the table fixes; all is float64 and without noise.

`steps`: OMP in exactly k steps, A (128, 256), Gaussian signals; a success has the very support. 1000 trials for each k.
`transitions`: n = 1000, m = 400, Gaussian signals; success is ‖x̂ − x‖ ≤ 1e-3·‖x‖. `pursuit`: the same for basis
pursuit by homotopy, n = 1000, signals of ±1.

Where half of the trials succeed is looked for without knowing the expected figure: 8 trials at every step of a grid
over all k, then 60 at each of 7 steps about the crossing found, and a logistic curve through all of them. The interval
is 95 %, from the curve's Fisher information. Methods that meet the same k meet the same problems.

`--write` puts the figures into benchmarks/results, row by row. `--quick` runs toy sizes in a second and writes nothing.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from record import RESULTS, card, in_order, page, recorded, table
from scipy.optimize import minimize
from torch import Tensor

from gossamer import sparse

# Success of OMP in k steps, from the literature, and how far a run of 1000 trials may lie from it.
STEPS = {24: 0.98, 32: 0.86, 40: 0.58, 48: 0.24, 56: 0.05}
STEPS_MARGIN = 0.04
FOUND = 1e-3

Solve = Callable[[Tensor, Tensor, int], Tensor]
METHODS: Mapping[str, tuple[Solve, float]] = {
    "subspace pursuit": (lambda A, b, k: sparse.subspace_pursuit(A, b, k).x, 0.405),
    "HTP, step 1": (lambda A, b, k: sparse.htp(A, b, k).x, 0.39),
    "NIHT": (lambda A, b, k: sparse.niht(A, b, k).x, 0.36),
    "CoSaMP": (lambda A, b, k: sparse.cosamp(A, b, k).x, 0.34),
    "OMP, k steps": (lambda A, b, k: sparse.omp(A, b, k).x, 0.305),
    "OMP, to residual zero, at most 1.5k atoms": (
        lambda A, b, k: sparse.omp(A, b, min(k * 3 // 2, A.shape[0])).x,
        0.43,
    ),
}
METHODS_MARGIN = 0.03
PURSUIT = {0.25: 0.267, 0.4: 0.337, 0.5: 0.386}
PURSUIT_MARGIN = 0.02


@dataclass(frozen=True)
class Size:
    """How much is run. Args: grid: steps of k/m, coarse and fine."""

    n: int = 1000
    m: int = 400
    step_trials: int = 1000
    coarse_trials: int = 8
    fine_trials: int = 60
    grid: tuple[float, float] = (0.02, 0.01)


QUICK = Size(n=60, m=24, step_trials=4, coarse_trials=2, fine_trials=3, grid=(0.2, 0.1))


def drawn(m: int, n: int, k: int, trial: int, signs: bool = False) -> tuple[Tensor, Tensor]:
    """A (m, n) and x (n,) with k nonzeros, Gaussian or ±1."""
    random = np.random.default_rng([m, n, k, trial])
    A = random.standard_normal((m, n))
    x = np.zeros(n)
    where = random.choice(n, k, replace=False)
    values = random.standard_normal(k)
    x[where] = np.sign(values) if signs else values
    return torch.from_numpy(A / np.linalg.norm(A, axis=0)), torch.from_numpy(x)


def support_found(k: int, trial: int) -> bool:
    """Whether k steps of OMP choose the columns that the signal is made of."""
    A, x = drawn(128, 256, k, trial)
    return bool(torch.equal(sparse.omp(A, A @ x, k).support, x != 0))


def signal_found(solve: Solve, m: int, n: int, signs: bool, k: int, trial: int) -> bool:
    A, x = drawn(m, n, k, trial, signs)
    return bool(torch.linalg.vector_norm(solve(A, A @ x, k) - x) <= FOUND * torch.linalg.vector_norm(x))


@dataclass(frozen=True)
class Crossing:
    """Where half succeed. Args: ratio, margin: k/m and the half-width of its interval; counts: k -> (found, of)."""

    ratio: float
    margin: float
    counts: Mapping[int, tuple[int, int]]


def crossing(found: Callable[[int, int], bool], m: int, size: Size) -> Crossing:
    """Place the grid, try, and fit. `found(k, trial)` is one trial."""
    coarse, fine = (max(1, round(step * m)) for step in size.grid)
    counts: dict[int, tuple[int, int]] = {}

    def tried(k: int, trials: int) -> int:
        hits, before = counts.get(k, (0, 0))
        counts[k] = (hits + sum(found(k, trial) for trial in range(before, before + trials)), before + trials)
        return counts[k][0]

    k = first = max(coarse, round(0.1 * m))
    last = 0
    # Two rows without a success are the end of the curve; before `first` all succeed.
    while k < m and last < 2:
        last = 0 if tried(k, size.coarse_trials) else last + 1
        k += coarse
    rates = [hits / trials for hits, trials in counts.values()]
    middle = first + coarse * (sum(rates) - 0.5)  # Spearman and Kärber's mean of the place where success ends
    for step in range(-3, 4):
        k = round(middle) + step * fine
        if 1 <= k < m:
            tried(k, size.fine_trials)
    ratio, margin = logistic_middle({k / m: count for k, count in counts.items()}, fine / m)
    return Crossing(ratio, margin, dict(sorted(counts.items())))


def logistic_middle(counts: Mapping[float, tuple[int, int]], step: float) -> tuple[float, float]:
    """The middle c of success = 1/(1 + exp((ratio − c)/w)) by maximum likelihood, and 1.96 standard errors of it.

    Args: step: of the ratios; w is held within a tenth and ten of it, for data that one w cannot be told from.
    """
    ratios = np.array(list(counts))
    hits, trials = np.array(list(counts.values()), dtype=float).T

    def cost(at: np.ndarray) -> float:
        t = (ratios - at[0]) / math.exp(at[1])
        return float((hits * np.logaddexp(0, t) + (trials - hits) * np.logaddexp(0, -t)).sum())

    start = np.array([float(ratios[np.abs(hits / trials - 0.5).argmin()]), math.log(step)])
    widths = (math.log(step / 10), math.log(step * 10))
    middle, log_width = minimize(cost, start, method="L-BFGS-B", bounds=[(0, 1), widths]).x
    t = (ratios - middle) / math.exp(log_width)
    weight = trials / (np.exp(t / 2) + np.exp(-t / 2)) ** 2
    slopes = np.stack([np.full_like(t, math.exp(-log_width)), t])
    information = (slopes * weight) @ slopes.T
    return float(middle), 1.96 * float(np.linalg.pinv(information)[0, 0]) ** 0.5


def steps_rows(size: Size) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
    def row(k: int) -> dict[str, Any]:
        hits = sum(support_found(k, trial) for trial in range(size.step_trials))
        return {"found": hits / size.step_trials, "trials": size.step_trials, "expected": STEPS[k]}

    return [(f"k = {k}", partial(row, k)) for k in STEPS]


def crossing_row(found: Callable[[int, int], bool], m: int, size: Size, expected: float) -> dict[str, Any]:
    return {**asdict(crossing(found, m, size)), "expected": expected}


def transitions_rows(size: Size) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
    return [
        (name, partial(crossing_row, partial(signal_found, solve, size.m, size.n, False), size.m, size, expected))
        for name, (solve, expected) in METHODS.items()
    ]


def pursuit_rows(size: Size) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
    def solve(A: Tensor, b: Tensor, k: int) -> Tensor:
        return sparse.basis_pursuit(A, b).x

    return [
        (f"m/n = {delta}", partial(crossing_row, partial(signal_found, solve, m, size.n, True), m, size, expected))
        for delta, expected in PURSUIT.items()
        for m in (round(delta * size.n),)
    ]


PARTS = {"steps": steps_rows, "transitions": transitions_rows, "pursuit": pursuit_rows}


def told(part: str, row: Mapping[str, Any]) -> list[str]:
    """Measured, expected, trials, verdict."""
    if part == "steps":
        near = abs(row["found"] - row["expected"]) <= STEPS_MARGIN
        cells = [f"{row['found']:.1%}", f"{row['expected']:.0%} ± {STEPS_MARGIN:.0%}", str(row["trials"])]
    else:
        margin = METHODS_MARGIN if part == "transitions" else PURSUIT_MARGIN
        near = abs(row["ratio"] - row["expected"]) <= margin
        trials = sum(of for _, of in row["counts"].values())
        cells = [f"{row['ratio']:.3f} ± {row['margin']:.3f}", f"{row['expected']} ± {margin}", str(trials)]
    return [*cells, "within" if near else "**outside**"]


def write(record: Mapping[str, Any]) -> None:
    lines = ["Made by `python benchmarks/recovery.py --write`.", ""]
    # The docstring says what was run; its first and last paragraphs and the usage are not for this page.
    for paragraph in (__doc__ or "").split("\n\n")[2:-1]:
        lines += [" ".join(paragraph.split()), ""]
    heads = {"steps": "support found", "transitions": "k/m where half succeed", "pursuit": "k/m where half succeed"}
    for part, rows in PARTS.items():
        names = [name for name, _ in rows(Size())]
        cells = [[name, *told(part, row)] for name, row in in_order(record.get(part, {}), names)]
        lines += [f"**{part}**", "", *table(["", heads[part], "expected", "trials", ""], cells), ""]
    page(RESULTS / "recovery.md", "Recovery: how many nonzeros can be found again", lines[:-1], record)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[], help="default all")
    parser.add_argument("--quick", action="store_true", help="toy sizes, nothing written")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/recovery.json and .md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    run(options.parts or list(PARTS), QUICK if options.quick else Size(), options.write and not options.quick)


def run(parts: Sequence[str], size: Size, keep: bool) -> None:
    """The parts named; the record is written after every row, so that an interrupted run keeps its rows."""
    if size == QUICK:
        print("toy sizes: the expected figures are those of the full run")
    for part in parts:
        for name, row in PARTS[part](size):
            started = time.perf_counter()
            figures = row()
            print(part, name, *told(part, figures), f"{time.perf_counter() - started:.0f} s", flush=True)
            if keep:
                write(recorded(RESULTS / "recovery.json", card(), **{part: {name: figures}}))


if __name__ == "__main__":
    main()
