"""How small a file becomes at the same accuracy: train, compress, save, read back in another process, measure.

    python benchmarks/files.py [digits] [lenet] [convnet] [--choose] [--write]

Every accuracy after compression is that of the file as another process reads it back, on test images that took part
in no choice. `--choose` runs one seed on validation images instead: recipes are chosen there. `--write` puts the
figures into benchmarks/results. The peer of each row is the same compressed model, made dense and packed by xz (lzma,
preset 9): what a general compressor gets from the same zeros and the same few values.
"""

from __future__ import annotations

import argparse
import json
import lzma
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import safetensors.torch
from baselines import BASELINES, trained
from networks import Batches, accuracy

import gossamer as gs
from gossamer.demo import compressed as compressed_digits
from gossamer.passes.machine import machine
from gossamer.recipe import Step

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Task:
    """What is done to a baseline. Args: target: (ratio, points that may be lost)."""

    recipe: Sequence[Step]
    seeds: int
    target: tuple[float, float]


FASHION = {
    "lenet": Task(
        recipe=(
            gs.Prune("top20%/model"),
            gs.Distill(epochs=3, alpha=0.7),
            gs.Prune("top5%/model"),
            gs.Distill(epochs=10, alpha=0.7),
            gs.Quantize("int4/tensor"),
            gs.Distill(epochs=4, lr=5e-4, alpha=0.7),
        ),
        seeds=3,
        target=(40.0, 0.8),
    ),
    "convnet": Task(
        recipe=(
            gs.Prune("top20%/model"),
            gs.Distill(epochs=1, alpha=0.7),
            gs.Prune("top7%/model"),
            gs.Distill(epochs=3, alpha=0.7),
            gs.Quantize("int4/tensor"),
            gs.Distill(epochs=1, lr=5e-4, alpha=0.7),
        ),
        seeds=3,
        target=(30.0, 0.8),
    ),
}
DIGITS_SEEDS, DIGITS_TARGET = 5, (25.0, 1.0)


def compressed(name: str, seed: int, judge: str) -> gs.Result:
    """Compress a baseline, fitting on the training images, and measure both on the images of `judge`."""
    task, baseline = FASHION[name], BASELINES[name]
    images, labels = baseline.images(judge)
    return gs.compress(
        trained(name, seed),
        task.recipe,
        data=Batches(*baseline.images("train")),
        evaluate=partial(accuracy, images=images, labels=labels),
        example_inputs=(images[:64],),
        tolerance=task.target[1],
        proof=gs.Proof(factory=baseline.network),
        seed=seed,
    )


def row(result: gs.Result, seed: int, seconds: float) -> dict[str, object]:
    """The figures of one run."""
    report = result.report
    before, after = report.before, report.after
    dense = safetensors.torch.save({k: v.contiguous() for k, v in gs.to_dense(result.model).state_dict().items()})
    return {
        "seed": seed,
        "dense bytes": before.bytes,
        "bytes": after.bytes,
        "ratio": before.bytes / after.bytes,
        "xz ratio": before.bytes / len(lzma.compress(dense, preset=9)),
        "dense metric": before.metric,
        "metric": after.metric,
        "lost": before.metric - after.metric,
        "speed": {v.question: v.outcome for v in report.verdicts if v.question.startswith("faster")},
        "ms": {"before": before.to_dict()["ms"], "after": after.to_dict()["ms"]},
        "seconds": round(seconds),
    }


def run(name: str, choose: bool) -> tuple[list[dict[str, object]], tuple[float, float], Sequence[Step]]:
    """All seeds of one task."""
    rows = []
    task = FASHION.get(name)
    seeds = 1 if choose else task.seeds if task else DIGITS_SEEDS
    for seed in range(seeds):
        started = time.perf_counter()
        result = compressed(name, seed, "validation" if choose else "test") if task else compressed_digits(seed)
        rows.append(row(result, seed, time.perf_counter() - started))
        print(line(rows[-1]), flush=True)
        for effect in result.report.steps:
            print(f"      {effect.step:36} {effect.bytes:>9,} bytes  {effect.metric:.2f}", flush=True)
    return rows, task.target if task else DIGITS_TARGET, result.recipe


def line(r: dict[str, object]) -> str:
    return (
        f"  seed {r['seed']}: {r['dense bytes']:>9,} -> {r['bytes']:>7,} bytes  "
        f"{r['ratio']:5.1f}x (xz {r['xz ratio']:.1f}x)  "
        f"{r['dense metric']:.2f} -> {r['metric']:.2f} %  ({r['seconds']} s)"
    )


def summary(rows: list[dict[str, object]], target: tuple[float, float]) -> dict[str, object]:
    """Means over the seeds, the largest single loss, and whether the target was met."""
    mean = {
        key: sum(r[key] for r in rows) / len(rows) for key in ("ratio", "xz ratio", "dense metric", "metric", "lost")
    }
    worst = max(r["lost"] for r in rows)
    met = min(r["ratio"] for r in rows) >= target[0] and mean["lost"] <= target[1]
    return {
        **mean,
        "smallest ratio": min(r["ratio"] for r in rows),
        "largest loss": worst,
        "target": target,
        "met": met,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=["digits", *FASHION], help="digits, lenet, convnet")
    parser.add_argument("--choose", action="store_true", help="one seed, on validation images")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/files.json and files.md")
    options = parser.parse_args()
    found = {}
    for name in options.tasks:
        print(name, flush=True)
        rows, target, recipe = run(name, options.choose)
        found[name] = {"rows": rows, "summary": summary(rows, target), "recipe": [str(step) for step in recipe]}
        s = found[name]["summary"]
        print(
            f"  mean {s['ratio']:.1f}x (smallest {s['smallest ratio']:.1f}x), {s['lost']:+.2f} points lost on average, "
            f"{s['largest loss']:+.2f} at most; target {target[0]:g}x at {target[1]:g}: "
            f"{'met' if s['met'] else 'MISSED'}\n"
        )
    if options.write and not options.choose:
        write(found)


def write(found: dict[str, dict[str, object]]) -> None:
    """The record, as data and as a page; tasks that did not run now stay as they were."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "files.json"
    record = json.loads(path.read_text()) if path.exists() else {}
    stamp = {"date": date.today().isoformat(), "machine": machine()}
    record |= {name: {**entry, **stamp} for name, entry in found.items()}
    path.write_text(json.dumps(record, indent=1) + "\n")
    lines = ["# Files: bytes and accuracy", "", "Made by `python benchmarks/files.py --write`; see its docstring.", ""]
    lines += [
        "| network | seeds | smaller (smallest) | xz of the same model | dense % | small % | lost | most | target |"
    ]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for name, entry in record.items():
        s, target = entry["summary"], entry["summary"]["target"]
        lines.append(
            f"| {name} | {len(entry['rows'])} | {s['ratio']:.1f}× ({s['smallest ratio']:.1f}×) | {s['xz ratio']:.1f}× "
            f"| {s['dense metric']:.2f} | {s['metric']:.2f} | {s['lost']:+.2f} | {s['largest loss']:+.2f} "
            f"| {target[0]:g}× at {target[1]:g}: {'met' if s['met'] else 'missed'} |"
        )
    for name, entry in record.items():
        lines += ["", f"**{name}** ({entry['date']}): " + "; ".join(entry["recipe"]) + "."]
        lines += ["", *(f"- {key}: {value}" for key, value in entry["machine"].items())]
    (RESULTS / "files.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
