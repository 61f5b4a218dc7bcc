"""Prune, distil and quantize a convolutional network, save it, and read it back.

    python examples/image_classifier.py

The images are the 1,797 handwritten digits that come with scikit-learn. To use it for your own network, exchange
`network`, `train_batches` and `accuracy`; `main` stays as it is.
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gossamer as gs

digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16  # (n, 1, 8, 8)
labels = torch.tensor(digits.target)
train, test = train_test_split(torch.arange(len(labels)), test_size=0.25, random_state=0, stratify=digits.target)
train_batches = DataLoader(TensorDataset(images[train], labels[train]), batch_size=64, shuffle=True)


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def trained() -> nn.Module:
    model, epochs = network(), 20
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(epochs):
        for x, y in train_batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model


def accuracy(model: nn.Module) -> float:
    """Per cent of the test images. gossamer calls it in evaluation mode and without gradients."""
    return 100 * float((model(images[test]).argmax(1) == labels[test]).float().mean())


def main() -> None:
    torch.manual_seed(0)
    result = gs.compress(
        trained(),
        [
            gs.Prune("top10%/model"),  # keep one weight in ten, chosen over all layers
            gs.Distill(epochs=15, lr=3e-3),  # repair it, towards the dense network; the zeros stay
            gs.Quantize("int4/tensor"),
            gs.Distill(epochs=5),  # zeros and scales stay
        ],
        data=train_batches,
        evaluate=accuracy,
        example_inputs=(images[test][:64],),
        tolerance=1.0,  # a loss of one point counts as none
    )
    print(result.report)

    result.save("digits.safetensors")
    reloaded = gs.load("digits.safetensors", into=network()).eval()
    assert accuracy(reloaded) == result.report.after.metric
    print(f"\ndigits.safetensors read back: {accuracy(reloaded):.2f} % of the test images are right")


if __name__ == "__main__":
    main()
