"""Compress a regression network on a table: an output that is no class, and a metric that should be low.

    python examples/tabular_mlp.py

The table is scikit-learn's diabetes data: ten measurements of 442 patients, and how far the disease went in a year.
"""

import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gossamer as gs

table = load_diabetes(scaled=False)
x = torch.tensor(table.data, dtype=torch.float32)
y = torch.tensor(table.target, dtype=torch.float32)  # 25 to 346
train, test = train_test_split(torch.arange(len(y)), test_size=0.25, random_state=0)
x = (x - x[train].mean(0)) / x[train].std(0)
center, spread = y[train].mean(), y[train].std()
train_batches = DataLoader(TensorDataset(x[train], y[train]), batch_size=32, shuffle=True)


def network() -> nn.Module:
    return nn.Sequential(
        nn.Linear(10, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1), nn.Flatten(0)
    )


def trained() -> nn.Module:
    model, epochs = network(), 5
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    for _ in range(epochs):
        for inputs, target in train_batches:
            optimizer.zero_grad()
            nn.functional.mse_loss(model(inputs), (target - center) / spread).backward()
            optimizer.step()
    return model


def error(model: nn.Module) -> float:
    """Root mean squared error on the patients that were held out, in the target's own units."""
    predicted = model(x[test]) * spread + center
    return float((predicted - y[test]).square().mean().sqrt())


def main() -> None:
    torch.manual_seed(0)
    result = gs.compress(
        trained(),
        [
            # About one weight in twenty of each row, chosen with the inputs' energies. The outer layers are small.
            gs.Prune("top5%/row", "wanda", ignore=["0", "4"]),
            gs.Quantize("int8"),
            gs.Distill(epochs=10, loss="mse"),  # numbers, not logits: match the dense network's outputs
        ],
        data=train_batches,
        evaluate=error,
        higher_is_better=False,
        tolerance=1.0,
        example_inputs=(x[test],),
    )
    print(result.report)

    result.save("diabetes.safetensors")
    reloaded = gs.load("diabetes.safetensors", into=network())
    with torch.no_grad():
        assert torch.equal(reloaded(x[test]), result.model(x[test]))
        print(f"\ndiabetes.safetensors read back: error {error(reloaded):.2f}")
    print(f"always guessing the mean: error {(center - y[test]).square().mean().sqrt():.2f}")


if __name__ == "__main__":
    main()
