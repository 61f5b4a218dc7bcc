"""How near the first advice of gossamer.sparse.advise comes to the best of all solvers, by the F1 score of the support.

    python benchmarks/advise.py [--quick] [--write]

Every solver is run as a user would who does not know the truth. Its penalty or count is chosen by the extended BIC
(γ = 1) of least squares on the supports along its way, with the variance of each model, up to m/4 nonzeros; those that
have cross-validation are also run with that, by the least error and by the one-standard-error rule. Means over seeds
that took no part in the making of `advise`, whose rules were looked at on other sizes and seeds 0 to 5; subspace
pursuit joined what it tries after a look at seeds 1000 to 1004, which judge no more. "Tuned by the
truth" is the best F1 score along all ways, which nobody can have. `--quick`: small data, one seed, nothing written.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from record import RESULTS, card, in_order, page, recorded, table
from regimes import REGIMES, Case
from torch import Tensor

from gossamer import sparse

__all__ = ["compared", "f1", "main"]

SEEDS = range(2000, 2005)
WITHIN = 0.9  # of the best
DEEPEST = 40  # nonzeros that are tried by those that are told a count
LEVELS = 30
WIDE = 1000  # columns above which the adaptive Lasso is left out: its pilot, a ridge for each penalty, takes minutes
Way = Callable[[Case], Tensor]  # x at several settings, (levels, n) or (levels, signals, n)


def f1(x: Tensor, truth: Tensor) -> float:
    """2·hits/(found + true), in the mean over signals."""
    found, true = x != 0, truth != 0
    return float((2 * (found & true).sum(-1) / (found.sum(-1) + true.sum(-1)).clamp(min=1)).double().mean())


def counts(case: Case) -> range:
    return range(1, min(case.A.shape[0] // 4, DEEPEST) + 1)


def counted(solve: Callable[..., Any], case: Case) -> Tensor:
    """A solver that is told a count, on unit columns, which some need and which change no support."""
    A = case.A / case.A.norm(dim=0)
    return torch.stack([solve(A, case.b, k).x for k in counts(case)])


def penalised(solve: Callable[[Case, float], Any], case: Case) -> Tensor:
    """A solver that is told a penalty, from the first at which something is chosen to a thirtieth."""
    top = float(sparse.max_penalty(case.A, case.b).max())
    levels = top * torch.logspace(0.5, -1.5, LEVELS, dtype=torch.float64)
    return torch.stack([solve(case, level).x for level in levels.tolist()])


def weights(case: Case) -> Tensor:
    return case.A.norm(dim=0)


def greedy(rule: Any, case: Case) -> Tensor:
    return sparse.omp_path(case.A, case.b, max(counts(case)), rule=rule).x


def lasso(case: Case) -> Tensor:
    return sparse.lasso_path(case.A, case.b, count=LEVELS, ratio=0.03, tol=1e-5, weights=weights(case)).x


ONE: Mapping[str, Way] = {
    "lasso": lasso,
    "adaptive_lasso": partial(penalised, lambda case, p: sparse.adaptive_lasso(case.A, case.b, p, pilot="ridge")),
    "elastic_net": partial(penalised, lambda case, p: sparse.elastic_net(case.A, case.b, p, p, tol=1e-5)),
    "omp": partial(greedy, "correlation"),
    "omp, residual": partial(greedy, "residual"),
    "subspace_pursuit": partial(counted, sparse.subspace_pursuit),
    "htp": partial(counted, partial(sparse.htp, max_steps=50)),
    "niht": partial(counted, partial(sparse.niht, max_steps=100)),
}
GROUPED: Mapping[str, Way] = {
    "group_lasso": partial(penalised, lambda case, p: sparse.group_lasso(case.A, case.b, p, case.groups, tol=1e-5)),
}
MANY: Mapping[str, Way] = {
    "omp, k": partial(counted, sparse.omp),
    "omp, tol": lambda case: torch.stack(
        [sparse.omp(case.A, case.b, tol=float(t)).x for t in torch.logspace(-0.1, -1.2, LEVELS)]
    ),
    "subspace_pursuit": partial(counted, partial(sparse.subspace_pursuit, max_steps=20)),
    "niht": partial(counted, partial(sparse.niht, max_steps=50)),
    "simultaneous_omp": partial(counted, sparse.simultaneous_omp),
    "sparse_encode": partial(penalised, lambda case, p: sparse.sparse_encode(case.b, case.A, p, tol=1e-5)),
}


def validated(case: Case) -> dict[str, Tensor]:
    """What cross-validation chooses, by both rules."""
    A, b, found = case.A, case.b, {}
    runs: dict[str, Callable[..., Any]] = {
        "lasso_cv": partial(sparse.lasso_cv, A, b, count=LEVELS, ratio=0.03, tol=1e-4, weights=weights(case)),
        "elastic_net_cv": partial(sparse.elastic_net_cv, A, b, count=LEVELS, ratio=0.03, tol=1e-4),
        "omp_cv": partial(sparse.omp_cv, A, b, max(counts(case))),
    }
    if case.groups is not None:
        runs["group_lasso_cv"] = partial(sparse.group_lasso_cv, A, b, case.groups, count=LEVELS, ratio=0.03, tol=1e-4)
    for name, run in runs.items():
        for rule in ("min", "1se"):
            found[f"{name}, {rule}"] = run(rule=rule).x
    found["stability_selection"] = _stable(case)
    return found


def _stable(case: Case) -> Tensor:
    chosen = sparse.stability_selection(case.A, case.b, pairs=10, standardise=True).selected()
    return torch.zeros(case.A.shape[1]).index_fill_(0, chosen, 1.0)


def chosen(case: Case, x: Tensor) -> Tensor:
    """The level of least extended BIC, over all signals together."""
    b = case.b.reshape(-1, case.A.shape[0])
    levels = x.reshape(len(x), len(b), -1)
    fits = (levels != 0).sum(-1).amax(-1) <= case.A.shape[0] // 4
    if not bool(fits.any()):
        return torch.zeros_like(x[0])
    levels = levels[fits]
    total = sum(_criterion(case.A, row, levels[:, i]) for i, row in enumerate(b))
    return levels[int(torch.as_tensor(total).argmin())].reshape(x.shape[1:])


def _criterion(A: Tensor, b: Tensor, x: Tensor) -> Tensor:
    fitted = torch.zeros_like(x)
    for row, support in zip(fitted, x != 0, strict=True):
        row[support] = torch.linalg.pinv(A[:, support]) @ b
    return sparse.information_criterion(A, b, fitted, gamma=1.0).values


def compared(case: Case) -> dict[str, Any]:
    """F1 of the first advice, of each solver by its rule, and of the best along all ways."""
    advice = sparse.advise(case.A, case.b, groups=case.groups)
    ways = MANY if case.b.ndim == 2 else {**ONE, **(GROUPED if case.groups is not None else {})}
    wide = case.A.shape[1] > WIDE
    along = {name: way(case) for name, way in ways.items() if not (wide and name == "adaptive_lasso")}
    rivals = {name: f1(chosen(case, x), case.truth) for name, x in along.items()}
    if case.b.ndim == 1:
        rivals |= {name: f1(x, case.truth) for name, x in validated(case).items()}
        rivals["square_root_lasso"] = f1(sparse.square_root_lasso(case.A, case.b).x, case.truth)
        rivals["basis_pursuit"] = f1(sparse.basis_pursuit(case.A, case.b).x, case.truth)
    tuned = max(f1(x, case.truth) for xs in along.values() for x in xs)
    first = advice.first
    return {"advice": f1(first.run().x, case.truth), "function": first.function, "tuned": tuned, "rivals": rivals}


def row(name: str, seeds: Sequence[int], small: bool = False) -> dict[str, Any]:
    """Means over seeds."""
    told = [compared(REGIMES[name](torch.Generator().manual_seed(seed), small)) for seed in seeds]
    rivals = {rival: statistics.mean(one["rivals"][rival] for one in told) for rival in told[0]["rivals"]}
    return {
        "advice": statistics.mean(one["advice"] for one in told),
        "advised": sorted({one["function"] for one in told}),
        "tuned": statistics.mean(one["tuned"] for one in told),
        "rivals": rivals,
    }


def shown(told: Mapping[str, Any]) -> list[str]:
    order = sorted(told["rivals"].items(), key=lambda item: -item[1])
    best = order[0][1]
    listed = "; ".join(f"{rival} {value:.2f}" for rival, value in order[:4])
    verdict = "yes" if told["advice"] >= WITHIN * best else "no"
    return [
        f"{told['advice']:.3f} ({', '.join(told['advised'])})",
        f"{best:.3f}",
        verdict,
        f"{told['tuned']:.3f}",
        listed,
    ]


def written(record: Mapping[str, Any]) -> None:
    heads = ("regime", "first advice", "best solver", "within 10 %", "tuned by the truth", "best four, by their rules")
    rows = [[name, *shown(told)] for name, told in in_order(record["regimes"], list(REGIMES))]
    doc = (__doc__ or "").split("\n\n")[2].replace("\n", " ")
    lines = [f"F1 scores of supports, means over {len(SEEDS)} seeds.", "", *table(heads, rows), "", doc]
    page(RESULTS / "advise.md", "The first advice beside all solvers", lines, record)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    for name in REGIMES:
        told = row(name, SEEDS[:1] if options.quick else SEEDS, options.quick)
        print(name, *shown(told), sep=" | ", flush=True)
        if options.write and not options.quick:
            written(recorded(RESULTS / "advise.json", card(), regimes={name: told}))


if __name__ == "__main__":
    main()
