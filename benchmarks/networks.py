"""The dense networks of the benchmarks; they are trained as the demo's is."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from gossamer.demo.digits import train

__all__ = ["Batches", "accuracy", "convnet", "lenet_300_100", "train"]


def lenet_300_100() -> nn.Module:
    """784-300-100-10 with ReLU; 266,610 parameters (LeCun et al. 1998)."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)
    )


def convnet() -> nn.Module:
    """Two convolutions and two linear layers for 28×28 images; 207,646 parameters."""
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64 * 7 * 7, 60), nn.ReLU(), nn.Linear(60, 10)),
    )


class Batches:
    """Shuffled batches (images, labels), anew at every pass, by torch's random state."""

    def __init__(self, images: Tensor, labels: Tensor, size: int = 128) -> None:
        self.images, self.labels, self.size = images, labels, size

    def __len__(self) -> int:
        return math.ceil(len(self.labels) / self.size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for chosen in torch.randperm(len(self.labels)).split(self.size):
            yield self.images[chosen], self.labels[chosen]


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Per cent of the images whose class is right."""
    with torch.no_grad():
        hits = [(model(x).argmax(1) == y).double() for x, y in zip(images.split(1000), labels.split(1000), strict=True)]
    return 100 * float(torch.cat(hits).mean())
