"""The demo's task: a small convolutional network for scikit-learn's handwritten digits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import MissingDependencyError
from ..progress import track

__all__ = ["DigitNet", "ShiftedBatches", "accuracy", "network", "split", "train"]

TEST_SHARE = 0.25
SPLIT_SEED = 0  # the test images are the same whatever the training's seed


class DigitNet(nn.Module):
    """8×8 grey images to ten classes; 38,282 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 4 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def network() -> nn.Module:
    """The factory that the demo's second process is given by name."""
    return DigitNet()


@cache
def split(part: str) -> tuple[Tensor, Tensor]:
    """Images (n, 1, 8, 8) in [0, 1] and labels (n,) of "train" or "test"; a stratified quarter is the test.

    Raises: MissingDependencyError without scikit-learn, which carries the data.
    """
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise MissingDependencyError(
            "the demo's digits come with scikit-learn: pip install 'gossamer[demo]'"
        ) from error
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(digits.target)
    indices = train_test_split(
        range(len(labels)), test_size=TEST_SHARE, random_state=SPLIT_SEED, stratify=digits.target
    )
    chosen = torch.tensor(indices[("train", "test").index(part)])
    return images[chosen], labels[chosen]


class SizedBatches(Protocol):
    """Batches (images, labels), and how many a pass has."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]: ...


class ShiftedBatches:
    """Shuffled batches of images, each image moved by up to one pixel; anew at every pass, by torch's random state."""

    def __init__(self, images: Tensor, labels: Tensor, size: int = 64) -> None:
        self.images, self.labels, self.size = images, labels, size

    def __len__(self) -> int:
        return math.ceil(len(self.labels) / self.size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for chosen in torch.randperm(len(self.labels)).split(self.size):
            yield self._shifted(self.images[chosen]), self.labels[chosen]

    @staticmethod
    def _shifted(images: Tensor) -> Tensor:
        count, _, height, width = images.shape
        offset = torch.randint(0, 3, (2, count, 1))
        rows = (offset[0] + torch.arange(height)).unsqueeze(2)
        columns = (offset[1] + torch.arange(width)).unsqueeze(1)
        padded = F.pad(images, (1, 1, 1, 1))[:, 0]
        return padded[torch.arange(count).reshape(-1, 1, 1), rows, columns].unsqueeze(1)


def train(model: nn.Module, batches: SizedBatches, epochs: int, lr: float = 2e-3) -> None:
    """Cross-entropy by Adam, the learning rate falling to zero along a half cosine."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(batches))
    model.train()
    for _ in track("training the dense network", range(epochs), epochs):
        for images, labels in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
            schedule.step()
    model.eval()


def accuracy(model: nn.Module) -> float:
    """Per cent of the test images whose class is right."""
    images, labels = split("test")
    with torch.no_grad():
        return 100 * float((model(images).argmax(1) == labels).double().mean())
