"""A real language model, compressed: bytes of the file, perplexity, and what it goes on to say.

    python benchmarks/language.py [VARIANT ...] [--no-peers] [--quick] [--write]

SmolLM2-135M-Instruct, 134.5 million parameters, its head tied to its embedding. Each variant is compressed and saved
in one process and read back by `gossamer.load` into a fresh model in another; every figure is that model's. Perplexity
is over 32 windows of 512 tokens (16,352 predictions), the beginnings of 32 Wikipedia articles that took part in no
choice; Wanda is calibrated on 16 windows of other articles, and nothing else reads data. `--quick` puts a tiny random
model in its place, with no download: it shows that the script works and nothing else.

These weights come from a GGUF file of 4 bits in groups of 32 (Q4_1), of 98.4 MB: they lie on a grid already. So int4
proves little here, what is kept of them after pruning is coded in far fewer bytes than weights from training would be,
and int8, 22 % of the fp32 bytes, is still larger than the file that they came from.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import text
import torch
import toys
from record import RESULTS, card, in_order, page, recorded, table
from torch import Tensor, nn
from trial import Made, Variant, apart, make, median_seconds, peak_gigabytes

import gossamer as gs
from gossamer.artifact import dense_bytes

__all__ = ["VARIANTS", "Material", "judged", "main", "tried", "windows"]

REPEATS = 5
TIMED = "int8, everything"  # saved and loaded REPEATS times; the others once
BLOCKS = ("model.layers",)  # all matrices but the embedding, which is the head as well
PROMPTS = ("The three primary colours are", "Photosynthesis is the process by which")
NEW_TOKENS = 32

VARIANTS = (
    Variant("int8, everything", (gs.Quantize("int8"),)),
    Variant("prune 50 % of each row, magnitude, blocks", (gs.Prune("top50%/row", targets=BLOCKS),)),
    Variant("prune 50 % of each layer, magnitude, blocks", (gs.Prune("top50%/layer", targets=BLOCKS),)),
    Variant("prune 50 % of each row, wanda, blocks", (gs.Prune("top50%/row", "wanda", targets=BLOCKS),)),
    Variant("prune 2:4, magnitude, blocks", (gs.Prune("2:4", targets=BLOCKS),)),
    Variant("prune 2:4, wanda, blocks", (gs.Prune("2:4", "wanda", targets=BLOCKS),)),
    Variant(
        "prune 50 % of each row, wanda, blocks; int8, everything",
        (gs.Prune("top50%/row", "wanda", targets=BLOCKS), gs.Quantize("int8")),
    ),
    Variant("int4/g64, everything", (gs.Quantize("int4/g64"),)),
    Variant("int3/g64, blocks", (gs.Quantize("int3/g64", targets=BLOCKS),)),
    Variant("int3/g64, everything", (gs.Quantize("int3/g64"),)),
)


@dataclass(frozen=True, eq=False)
class Material:
    """What the model is judged on, and what may calibrate it.

    Args: folder of the dense model, as transformers keeps one; held_out (n, t) token ids; calibration (m, t); shipped,
    bytes of the file that the weights came in, 0 where there is none.
    """

    folder: Path
    held_out: Tensor
    calibration: Tensor
    shipped: int = 0


def real(folder: Path) -> Material:
    """The GGUF file made plain once, into `folder`, and its windows."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = text.smollm()
    file = next(source.glob("*.gguf"))
    model = AutoModelForCausalLM.from_pretrained(source, gguf_file=file.name, dtype=torch.float32)
    # Its weights are plain by now, yet it refuses to be saved as long as it counts as quantized.
    model.hf_quantizer = None
    del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=file.name)
    tokenizer.save_pretrained(folder)
    held_out, calibration = (windows(tokenizer, text.articles(part), 512) for part in ("test", "train"))
    return Material(folder, held_out[:32], calibration[:16], file.stat().st_size)


def tiny(folder: Path) -> Material:
    from transformers import AutoTokenizer

    toys.language_model(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    held_out, calibration = (windows(tokenizer, toys.sentences(24, seed=seed), 4) for seed in (0, 1))
    return Material(folder, held_out, calibration)


def windows(tokenizer: Any, texts: Iterable[str], length: int) -> Tensor:
    """(n, length): the first `length` tokens of each text that has as many."""
    found = [tokenizer(said, truncation=True, max_length=length)["input_ids"] for said in texts]
    return torch.tensor([ids for ids in found if len(ids) == length])


@dataclass(frozen=True, eq=False)
class Judged:
    """Perplexity, the likeliest next token at each place (n, t − 1), and what follows each prompt."""

    perplexity: float
    likeliest: np.ndarray
    said: tuple[str, ...]


@torch.no_grad()
def judged(model: nn.Module, material: Material) -> Judged:
    """exp of the mean negative log likelihood over all windows, each read from its start."""
    total, likeliest = 0.0, []
    for ids in material.held_out.split(1):
        logits = model(input_ids=ids).logits[:, :-1].float()
        total += float(nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum"))
        likeliest.append(logits.argmax(-1))
    places = torch.cat(likeliest)
    return Judged(math.exp(total / places.numel()), places.numpy(), said(model, material.folder))


def said(model: Any, folder: Path) -> tuple[str, ...]:
    """What follows each prompt, greedily."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        made = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=NEW_TOKENS,
            pad_token_id=tokenizer.pad_token_id or 0,
        )
        found.append(tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True))
    return tuple(found)


def dense(folder: Path) -> nn.Module:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def dense_judged(material: Material) -> tuple[Judged, int]:
    model = dense(material.folder)
    return judged(model, material), dense_bytes(model)


def compressed(variant: Variant, material: Material, path: Path) -> Made:
    """In a process of its own."""
    data = [{"input_ids": ids} for ids in material.calibration.split(1)]
    return make(dense(material.folder), variant, path, data=data, repeats=_repeats(variant))


def read_back(variant: Variant, path: Path, material: Material) -> tuple[Judged, float, float]:
    """The file's model, seconds to load it, peak memory once loaded; in a process of its own."""
    from transformers import AutoConfig, AutoModelForCausalLM

    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(material.folder)).float().eval()
    gs.load(path, into=model)
    peak = peak_gigabytes()
    seconds = median_seconds(lambda: gs.load(path, into=model), _repeats(variant))
    return judged(model, material), seconds, peak


def _repeats(variant: Variant) -> int:
    return REPEATS if variant.name == TIMED else 1


def tried(variant: Variant, material: Material, base: Judged) -> dict[str, Any]:
    """One row of the record."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        made = apart(compressed, variant, material, path)
        found, seconds, peak = apart(read_back, variant, path, material)
    return {
        "recipe": [str(step) for step in variant.recipe],
        **{key.replace("_", " "): value for key, value in asdict(made).items()},
        "load seconds": seconds,
        "load peak gigabytes": peak,
        **row(made.bytes, made.dense_bytes, found, base),
    }


def row(size: int, whole: int, found: Judged, base: Judged) -> dict[str, Any]:
    return {
        "bytes": size,
        "share": size / whole,
        "perplexity": found.perplexity,
        "same next token": float((found.likeliest == base.likeliest).mean()),
        "said": dict(zip(PROMPTS, found.said, strict=True)),
    }


def gguf_q8(material: Material) -> tuple[Judged, int]:
    """GGUF's own Q8_0: every matrix in 8 bits with a float16 scale for each 32 columns, the rest as it is."""
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize, quantize

    model, size = dense(material.folder), 0
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim < 2:
                size += parameter.numel() * 4
                continue
            codes = quantize(parameter.numpy(), GGMLQuantizationType.Q8_0)
            parameter.copy_(torch.from_numpy(dequantize(codes, GGMLQuantizationType.Q8_0)))
            size += codes.nbytes
    return judged(model, material), size


def zstd_bytes(material: Material) -> int:
    import zstandard

    data = (material.folder / "model.safetensors").read_bytes()
    return len(zstandard.ZstdCompressor(level=19).compress(data))


def peers(material: Material, base: Judged, whole: int, missing: Callable[[str], None]) -> Iterable[tuple[str, Any]]:
    """What others make of the same model; one that is not installed is told."""
    if material.shipped:
        yield "the GGUF file that the weights came in (Q4_1)", row(material.shipped, whole, base, base)
    try:
        found, size = apart(gguf_q8, material)
        yield "GGUF Q8_0, everything", row(size, whole, found, base)
    except ModuleNotFoundError as error:
        missing(str(error))
    try:
        yield "zstd -19 of the fp32 file", row(apart(zstd_bytes, material), whole, base, base)
    except ModuleNotFoundError as error:
        missing(str(error))


def write(record: Mapping[str, Any]) -> None:
    heads = [
        "",
        "bytes",
        "of dense",
        "perplexity",
        "same next token",
        "compress / save / load s",
        "peak GB, make / load",
    ]
    variants = in_order(record["variants"], [variant.name for variant in VARIANTS])
    every = [*record["dense"].items(), *variants, *record["peers"].items()]
    rows, spoken = [], []
    for name, found in every:
        timed = "compress seconds" in found
        times = " / ".join(f"{found[f'{part} seconds']:.0f}" for part in ("compress", "save", "load")) if timed else ""
        peaks = f"{found['peak gigabytes']:.1f} / {found['load peak gigabytes']:.1f}" if timed else ""
        rows.append(
            [
                f"*{name}*" if name in record["peers"] else name,
                f"{found['bytes']:,}",
                f"{found['share']:.2%}",
                f"{found['perplexity']:.2f}",
                f"{found['same next token']:.1%}",
                times,
                peaks,
            ]
        )
        if name not in record["peers"]:
            spoken += [f"**{name}**", "", *(f"- {p} *{_one_line(s)}*" for p, s in found["said"].items()), ""]
    paragraphs = [" ".join(part.split("`--quick`")[0].split()) for part in (__doc__ or "").split("\n\n")[2:]]
    lines = [
        "Made by `python benchmarks/language.py --write`.",
        "",
        paragraphs[0],
        "",
        paragraphs[1],
        "",
        *table(heads, rows),
        "",
        "Peers in italics. *Same next token*: places where the likeliest next token is the dense model's. Saving and",
        f"loading are the median of {REPEATS} runs for '{TIMED}', one run for the others, compressing ran once, on a",
        "machine that did other work meanwhile: read the seconds as orders of magnitude. Peak memory is the whole",
        "process's: interpreter, torch and dense model (0.5 GB) included.",
        "",
        f"Two prompts and the {NEW_TOKENS} tokens that each model says next, greedily:",
        "",
        *spoken[:-1],
    ]
    page(RESULTS / "language.md", "Language: SmolLM2-135M-Instruct, smaller", lines, record)


def _one_line(words: str) -> str:
    return " ".join(words.split()).replace("*", "\\*").replace("|", "\\|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", help="names of variants; default all")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out")
    parser.add_argument("--quick", action="store_true", help="a tiny random model, nothing written")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/language.json and .md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        material = tiny(Path(folder)) if options.quick else real(Path(folder))
        run(material, options)


def run(material: Material, options: argparse.Namespace) -> None:
    """All that was asked for; the record is written after every row, so that an interrupted run keeps its rows."""
    import transformers

    keep = options.write and not options.quick

    def told(part: str, name: str, found: Mapping[str, Any]) -> None:
        print(
            f"{found['bytes']:>11,} bytes {found['share']:7.2%}  perplexity {found['perplexity']:8.2f}  "
            f"same next token {found['same next token']:6.1%}  {name}",
            flush=True,
        )
        if keep:
            parts = {"dense": {}, "variants": {}, "peers": {}, part: {name: found}}
            write(recorded(RESULTS / "language.json", card(transformers=transformers.__version__), **parts))

    base, whole = apart(dense_judged, material)
    told("dense", "dense fp32", row(whole, whole, base, base))
    for variant in VARIANTS:
        if not options.variants or variant.name in options.variants:
            told("variants", variant.name, tried(variant, material, base))
    if not options.no_peers:
        for name, found in peers(material, base, whole, lambda why: print(f"peer left out: {why}", flush=True)):
            told("peers", name, found)


if __name__ == "__main__":
    main()
