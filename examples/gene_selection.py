"""Which genes tell cancers apart? Their error by nested cross-validation, and how often each gene is chosen.

    python examples/gene_selection.py [--synthetic]

Sparse multinomial regression on NCI60: 6,830 genes of 57 cell lines, of the tissues with five lines or more. With so
few an error depends on what the lines that are judged were used for before. Writes gene_selection.png.
"""

import data
import matplotlib.pyplot as plt
import torch

from gossamer.sparse import Path, loss_path, stratified_folds

SHOWN = 20
OPTIONS = {"loss": "multinomial", "count": 15, "ratio": 0.02, "intercept": True, "standardise": True, "tol": 1e-4}
WAYS = ("nothing (nested)", "choosing the penalty", "choosing genes and penalty", "the fit")


def wrong(path: Path, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """How many lines get another tissue, at each penalty."""
    return ((path.x @ x.mT + path.recovery.intercept[..., None]).argmax(1) != y).sum(1)


def judged(x: torch.Tensor, y: torch.Tensor, penalties: torch.Tensor, folds: int, seed: int) -> torch.Tensor:
    """The same by cross-validation. The loss is a sum: a share of the lines takes that share of the penalty."""
    missed = torch.zeros(len(penalties))
    for train, test in stratified_folds(y, folds, seed=seed):
        path = loss_path(x[train], y[train], penalties=penalties * len(train) / len(y), **OPTIONS)
        missed += wrong(path, x[test], y[test])
    return missed


def main() -> None:
    synthetic = data.synthetic_asked(__doc__)
    x, y, names = data.gene_expression(synthetic)
    whole, chosen = loss_path(x, y, **OPTIONS), torch.zeros(x.shape[1])
    errors, repeats = [], 2 if synthetic else 10
    for seed in range(repeats):
        curve, missed = judged(x, y, whole.penalties, 5, seed), 0
        genes = whole.x[curve.argmin()].any(0)
        for train, test in stratified_folds(y, 5, seed=seed):
            path = loss_path(x[train], y[train], **OPTIONS)
            best = judged(x[train], y[train], path.penalties, 4, seed).argmin()
            missed += wrong(path, x[test], y[test])[best]
            chosen += path.x[best].any(0)
        again = judged(x[:, genes], y, whole.penalties, 5, seed)
        errors.append([missed, curve.min(), again.min(), wrong(whole, x, y)[curve.argmin()]])
    errors = 100 * torch.tensor(errors) / len(y)
    for way, found in zip(WAYS, errors.mT, strict=True):
        print(f"lines used for {way}: {found.mean():.1f} % wrong, {found.min():.1f} to {found.max():.1f}")
    share = 100 * chosen / (5 * repeats)
    often = share.argsort(descending=True, stable=True)[:SHOWN]
    print(f"{int((share > 0).sum())} genes chosen by some fit, {int((share == 100).sum())} by all {5 * repeats}")

    layout = {"figsize": (9, 7.5), "layout": "constrained", "height_ratios": [1, 2.8], "width_ratios": [3.5, 1]}
    figure, axes = plt.subplot_mosaic([["top", "top"], ["lines", "genes"]], **layout)
    top, lines, genes = axes["top"], axes["lines"], axes["genes"]
    top.plot(errors, [range(4)] * repeats, "o", color="#0072b2", alpha=0.3)
    top.plot(errors.mean(0), range(4), "|", color="black", markersize=22)
    top.set(ylim=(3.5, -0.5), xlabel=f"lines given another tissue, in % ({repeats} divisions and their mean)")
    top.set_yticks(range(4), [f"used for {way}" for way in WAYS])
    shown = ((x - x.mean(0)) / x.std(0))[y.argsort(stable=True)][:, often].mT
    picture = lines.imshow(shown.numpy(), cmap="RdBu_r", vmin=-3, vmax=3, aspect="auto")
    figure.colorbar(picture, location="bottom", aspect=40, extend="both", label="deviations from the gene's mean")
    ends, sizes = torch.bincount(y).cumsum(0) - 0.5, torch.bincount(y)
    lines.vlines(ends[:-1], -0.5, SHOWN - 0.5, color="black", linewidth=0.7)
    lines.set_xticks(ends - sizes / 2, [name.lower() for name in names], rotation=20)
    lines.set_yticks(range(SHOWN), [f"column {gene}" for gene in often.tolist()])
    lines.set_title(f"{x.shape[1]} genes{' (synthetic)' * synthetic}: the {SHOWN} that are chosen most often")
    genes.barh(range(SHOWN), share[often].tolist(), color="#0072b2")
    genes.set(ylim=(SHOWN - 0.5, -0.5), yticks=[], xlim=(0, 100), xlabel="fits that choose it, in %")
    figure.savefig("gene_selection.png", dpi=100)


if __name__ == "__main__":
    main()
