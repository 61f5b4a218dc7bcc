"""A real sentence model, compressed: bytes of the file, and how far its embeddings move.

    python benchmarks/sentences.py [VARIANT ...] [--peers PYTHON ...] [--no-peers] [--quick] [--write]

all-MiniLM-L6-v2, 22.7 million parameters. Each variant is compressed and saved in one process and read back by
`gossamer.load` into a fresh model in another; every figure is that model's. Held out from all choices: 500 texts for
the cosines (450 Wikipedia sentences and the 50 Lee documents), WordSim-353, SimLex-999 and Lee's similarities. Wanda,
the energies and the corrected biases read 256 sentences of other Wikipedia articles, on which the groups of int7 were
chosen too; nothing else reads data. Peers run in the same run, each in the first of the given interpreters that has it
(see sentence_peers.py).
`--quick` puts a tiny random model in its place, with no download: it shows that the script works and nothing else.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import text
import toys
from embedding import agreement, batches, document_correlation, embedded, rank_correlation
from record import RESULTS, card, in_order, page, recorded, table
from sentence_peers import MISSING, PEERS, dense, hidden
from trial import LINEARS, Made, Variant, apart, make, median_seconds, peak_gigabytes

import gossamer as gs

__all__ = ["TARGET", "VARIANTS", "Material", "figures", "main", "tried"]

REPEATS = 5
TARGET = ("int8, everything", 0.999, 0.23)  # the variant, its least mean cosine, its largest share of the dense bytes

VARIANTS = (
    Variant("prune 50 % of each row, magnitude, linears", (gs.Prune("top50%/row", targets=LINEARS),)),
    Variant("prune 50 % of each row, wanda, linears", (gs.Prune("top50%/row", "wanda", targets=LINEARS),)),
    Variant("prune 2:4, magnitude, linears", (gs.Prune("2:4", targets=LINEARS),)),
    Variant("prune 2:4, wanda, linears", (gs.Prune("2:4", "wanda", targets=LINEARS),)),
    Variant("int8 without clip search, linears", (gs.Quantize("int8", targets=LINEARS, clip=False),)),
    Variant("int8 without clip search, everything", (gs.Quantize("int8", clip=False),)),
    Variant("int8, everything", (gs.Quantize("int8"),)),
    Variant("int7/g32, everything", (gs.Quantize("int7/g32"),)),
    Variant("int7/g64, everything", (gs.Quantize("int7/g64"),)),
    Variant("int7, everything", (gs.Quantize("int7"),)),
    Variant("int6, everything", (gs.Quantize("int6"),)),
    Variant("int4/g64 without clip search, linears", (gs.Quantize("int4/g64", targets=LINEARS, clip=False),)),
    Variant("int4/g64 without clip search, everything", (gs.Quantize("int4/g64", clip=False),)),
    Variant("int4/g64, linears", (gs.Quantize("int4/g64", targets=LINEARS),)),
    Variant("int4/g64, everything", (gs.Quantize("int4/g64"),)),
    Variant("int5/g64, everything (the recipe small)", gs.recipe.as_steps("small")),
    Variant("int4/g64, everything; biases corrected", (gs.Quantize("int4/g64"), gs.CorrectBias(batches=None))),
    Variant(
        "int4/g64, linears by energies; biases corrected",
        (
            gs.Quantize("int4/g64", "nearest-energy", targets=LINEARS),
            gs.Quantize("int4/g64", targets=["maybe:re:.*"]),
            gs.CorrectBias(batches=None),
        ),
    ),
    Variant(
        "prune 2:4, wanda, linears; int8, everything",
        (gs.Prune("2:4", "wanda", targets=LINEARS), gs.Quantize("int8")),
    ),
)


@dataclass(frozen=True, eq=False)
class Material:
    """What the model is judged on, and what may calibrate it.

    Args: folder of the dense model; held_out, texts for the cosines; pairs and people's judgement, by name; documents
        and people's (n, n) similarities of them; calibration, other texts.
    """

    folder: Path
    held_out: tuple[str, ...]
    pairs: Mapping[str, tuple[tuple[str, str, float], ...]]
    documents: tuple[str, ...]
    similarities: np.ndarray
    calibration: tuple[str, ...] = field(default=())

    def texts(self) -> list[str]:
        """Every text that is embedded, once."""
        words = [word for pairs in self.pairs.values() for pair in pairs for word in pair[:2]]
        return list(dict.fromkeys([*self.held_out, *self.documents, *words]))


def real() -> Material:
    return Material(
        text.minilm(),
        (*text.sentences("test", 450), *text.documents()),
        {name: text.pairs(name) for name in text.PAIRS},
        text.documents(),
        text.similarities(),
        text.sentences("train", 256),
    )


def tiny(folder: Path) -> Material:
    toys.sentence_model(folder)
    told = toys.sentences(24)
    words = toys.WORDS
    pairs = tuple((a, b, float(i % 5)) for i, (a, b) in enumerate(pairwise(words)))
    people = np.random.default_rng(0).random((4, 4))
    return Material(folder, told[:12], dict.fromkeys(text.PAIRS, pairs), told[:4], people, told[12:])


def figures(made: np.ndarray, base: np.ndarray, material: Material) -> dict[str, float]:
    """How a model's embeddings of `material.texts()` agree with the dense model's, and with people."""
    place = {said: i for i, said in enumerate(material.texts())}
    held = [place[said] for said in material.held_out]
    vectors = {said: made[i] for said, i in place.items()}
    documents = made[[place[said] for said in material.documents]]
    return {
        **agreement(made[held], base[held]),
        **{name: rank_correlation(vectors, pairs) for name, pairs in material.pairs.items()},
        "Lee": document_correlation(documents, material.similarities),
    }


def compressed(variant: Variant, material: Material, path: Path) -> Made:
    """In a process of its own."""
    from transformers import AutoTokenizer

    data = batches(AutoTokenizer.from_pretrained(material.folder), material.calibration)
    return make(dense(material.folder), variant, path, data=data, repeats=REPEATS)


def read_back(path: Path, material: Material) -> tuple[np.ndarray, float, float]:
    """Embeddings of the file's model, seconds to load it, peak memory once loaded; in a process of its own."""
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    def fresh() -> Any:
        return AutoModel.from_config(AutoConfig.from_pretrained(material.folder)).eval()

    model = gs.load(path, into=fresh())
    peak = peak_gigabytes()
    seconds = median_seconds(lambda: gs.load(path, into=model), REPEATS)
    tokenizer = AutoTokenizer.from_pretrained(material.folder)
    return embedded(hidden(model), tokenizer, material.texts()), seconds, peak


def tried(variant: Variant, material: Material, base: np.ndarray) -> dict[str, Any]:
    """One row of the record."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        made = apart(compressed, variant, material, path)
        vectors, seconds, peak = apart(read_back, path, material)
    return {
        "recipe": [str(step) for step in variant.recipe],
        "clip search": all(getattr(step, "clip", True) for step in variant.recipe),
        **{key.replace("_", " "): value for key, value in asdict(made).items()},
        "load seconds": seconds,
        "load peak gigabytes": peak,
        "share": made.bytes / made.dense_bytes,
        **figures(vectors, base, material),
    }


def peered(name: str, interpreters: Sequence[str], material: Material, base: np.ndarray) -> dict[str, Any] | None:
    """One peer's row, or None where no interpreter has it."""
    with tempfile.TemporaryDirectory() as folder:
        texts, out = Path(folder) / "texts.json", Path(folder) / "out.npz"
        texts.write_text(json.dumps(material.texts()))
        for python in interpreters:
            script = Path(__file__).with_name("sentence_peers.py")
            command = [python, str(script), name, str(material.folder), str(texts), str(out)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                found = np.load(out)
                return {
                    "bytes": int(found["bytes"]),
                    "versions": json.loads(str(found["versions"])),
                    **figures(found["vectors"], base, material),
                }
            if done.returncode != MISSING:
                raise RuntimeError(f"peer {name!r} failed:\n{done.stderr[-2000:]}")
    return None


def dense_row(material: Material) -> tuple[np.ndarray, dict[str, Any]]:
    """The dense model's embeddings and figures."""
    from transformers import AutoTokenizer

    from gossamer.artifact import dense_bytes

    model = dense(material.folder)
    base = embedded(hidden(model), AutoTokenizer.from_pretrained(material.folder), material.texts())
    size = dense_bytes(model)
    return base, {"bytes": size, "share": 1.0, **figures(base, base, material)}


def line(name: str, row: Mapping[str, Any]) -> str:
    told = "  ".join(
        f"{key} {row[key]:.4f}" for key in row if key in ("mean cosine", "worst cosine", *text.PAIRS, "Lee")
    )
    return f"{row['bytes']:>11,} bytes {row['share']:7.2%}  {told}  {name}"


def verdict(record: Mapping[str, Any]) -> str:
    """Whether the target was met, or that its variant did not run."""
    name, least, most = TARGET
    row = record.get("variants", {}).get(name)
    if row is None:
        return f"Target ({name}): not run."
    met = row["mean cosine"] >= least and row["share"] <= most
    return (
        f"Target, {name}: mean cosine at least {least} in at most {most:.0%} of the dense bytes: "
        f"{row['mean cosine']:.5f} in {row['share']:.2%}: **{'met' if met else 'missed'}**."
    )


def write(record: Mapping[str, Any]) -> None:
    scores = ("mean cosine", "worst cosine", *text.PAIRS, "Lee")
    heads = ["", "bytes", "of dense", *scores, "compress / save / load s", "peak GB, make / load"]
    rows = []
    variants = in_order(record["variants"], [variant.name for variant in VARIANTS])
    for name, row in [*record["dense"].items(), *variants, *in_order(record["peers"], list(PEERS))]:
        shown = [f"{row[key]:.5f}" if "cosine" in key else f"{row[key]:.3f}" for key in scores]
        timed = "compress seconds" in row
        times = " / ".join(f"{row[f'{part} seconds']:.1f}" for part in ("compress", "save", "load")) if timed else ""
        peaks = f"{row['peak gigabytes']:.2f} / {row['load peak gigabytes']:.2f}" if timed else ""
        who = f"*{name}*" if name in record["peers"] else name
        rows.append([who, f"{row['bytes']:,}", f"{row['share']:.2%}", *shown, times, peaks])
    paragraphs = (__doc__ or "").split("\n\n")
    lines = [
        "Made by `python benchmarks/sentences.py --write`.",
        "",
        " ".join(paragraphs[2].split("`--quick`")[0].split()),
        "",
        verdict(record),
        "",
        *table(heads, rows),
        "",
        "Peers in italics. Cosines are between a text's embedding and the dense model's; WordSim-353 and SimLex-999",
        "are Spearman's correlation with people, Lee is Pearson's over document pairs. Saving and loading are the",
        f"median of {REPEATS} runs, compressing ran once, on a machine that did other work meanwhile: read the seconds",
        "as orders of magnitude. Peak memory is the whole process's: interpreter, torch and dense model included.",
    ]
    page(RESULTS / "sentences.md", "Sentences: all-MiniLM-L6-v2, smaller", lines, record)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", help="names of variants and peers; default all")
    parser.add_argument("--peers", nargs="*", default=[], help="further interpreters that have peers installed")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out")
    parser.add_argument("--quick", action="store_true", help="a tiny random model, nothing written")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/sentences.json and .md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        material = tiny(Path(folder)) if options.quick else real()
        run(material, options)


def run(material: Material, options: argparse.Namespace) -> None:
    """All that was asked for; the record is written after every row, so that an interrupted run keeps its rows."""
    import transformers

    base, row = dense_row(material)
    dense_size = row["bytes"]
    keep = options.write and not options.quick

    def told(part: str, name: str, row: Mapping[str, Any]) -> None:
        print(line(name, row), flush=True)
        if keep:
            parts = {"dense": {}, "variants": {}, "peers": {}, part: {name: row}}
            write(recorded(RESULTS / "sentences.json", card(transformers=transformers.__version__), **parts))

    told("dense", "dense fp32", row)
    for variant in VARIANTS:
        if not options.variants or variant.name in options.variants:
            told("variants", variant.name, tried(variant, material, base))
    for name in [] if options.no_peers else PEERS:
        if options.variants and name not in options.variants:
            continue
        found = peered(name, [sys.executable, *options.peers], material, base)
        if found is None:
            print(f"peer {name}: not installed", flush=True)
        else:
            told("peers", name, found | {"share": found["bytes"] / dense_size})


if __name__ == "__main__":
    main()
