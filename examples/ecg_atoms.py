"""An electrocardiogram in few atoms: cosines for its drift, Gaussian bumps for its waves, wavelets for the rest.

    python examples/ecg_atoms.py [--synthetic]

Orthogonal matching pursuit over each dictionary alone and over their union. PRD is the error in per cent of the
signal's own variation, 100·‖y − ŷ‖/‖y − mean(y)‖. Writes ecg_atoms.png.
"""

import data
import matplotlib.pyplot as plt
import torch

from gossamer.linop import SubsampledDCT, Wavelet
from gossamer.sparse import omp_path, pack

MOST, SHOWN = 64, 32  # atoms
WIDTHS = (1.5, 3, 6, 12, 24, 48)  # standard deviations of bumps, in samples
COLOURS = {"cosines": "#0072b2", "wavelets": "#009e73", "bumps": "#d55e00", "union": "black"}  # of Okabe and Ito
TICKS = (5, 10, 20, 50, 100)
ABOVE = {"frameon": False, "ncols": 4, "loc": "lower center", "bbox_to_anchor": (0.5, 1)}


def dictionaries(n: int) -> dict[str, torch.Tensor]:
    """Columns of norm 1: two orthonormal bases, and a bump of each width at each sample."""
    apart = torch.arange(n, dtype=torch.float64)[:, None] - torch.arange(n)
    bumps = torch.cat([torch.exp(-((apart / width) ** 2) / 2) for width in WIDTHS], 1)
    return {
        "cosines": SubsampledDCT(n, torch.arange(n), torch.float64).dense().mT,
        "wavelets": Wavelet(n, "sym4", dtype=torch.float64).dense().mT,
        "bumps": bumps / bumps.norm(dim=0),
    }


def main() -> None:
    synthetic = data.synthetic_asked(__doc__)
    signal = data.ecg(synthetic).double()
    n, level, y = len(signal), signal.mean(), signal - signal.mean()
    parts = dictionaries(n)
    kinds = [name for name, atoms in parts.items() for _ in range(atoms.shape[1])]
    parts["union"] = D = torch.cat(list(parts.values()), 1)
    codes = {name: omp_path(atoms, y, MOST).x for name, atoms in parts.items()}  # row k − 1 has k atoms
    prd = {name: 100 * (y - codes[name] @ atoms.mT).norm(dim=1) / y.norm() for name, atoms in parts.items()}

    for k in (8, 16, 32, 64):
        code = codes["union"][k - 1].half()  # 16 bits an atom's weight, as many as a sample
        error, size = 100 * (y - D @ code.double()).norm() / y.norm(), pack(code).nbytes
        print(f"{k} atoms: PRD {error:.2f} %, {n / k:.0f} samples an atom, {2 * n / size:.1f}× fewer bytes")

    figure, (top, middle, bottom) = plt.subplots(3, figsize=(7, 9), layout="constrained", height_ratios=[2, 3, 2])
    code = codes["union"][SHOWN - 1]
    top.plot(signal, color="0.6", linewidth=2.5, label="recorded" + " (synthetic)" * synthetic)
    label = f"{SHOWN} atoms: PRD {prd['union'][SHOWN - 1]:.1f} %"
    top.plot(D @ code + level, color="black", linewidth=0.9, label=label)
    top.set(xlabel="sample", ylabel="as recorded", xlim=(0, n - 1))
    top.legend(**ABOVE)

    order = code.abs().argsort()[-SHOWN:]
    for row, j in enumerate(order.tolist()):
        height = (D[:, j].max() - D[:, j].min()) * code[j].sign()
        middle.plot(row + 0.9 * D[:, j] / height, color=COLOURS[kinds[j]], linewidth=1)
    for name in list(COLOURS)[:3]:
        middle.plot([], color=COLOURS[name], label=f"{name}: {sum(kinds[j] == name for j in order.tolist())}")
    middle.set(xlabel="sample", xlim=(0, n - 1), yticks=[])
    middle.set_ylabel("the atoms, each to its own scale,\nlargest weight on top")
    middle.legend(**ABOVE)

    for name, values in prd.items():
        bottom.semilogy(range(1, MOST + 1), values, color=COLOURS[name], label=name)
    bottom.set(xlabel="atoms", ylabel="PRD in %", xlim=(1, MOST), yticks=TICKS, yticklabels=map(str, TICKS))
    bottom.grid(color="0.9")
    bottom.legend(**ABOVE)
    figure.savefig("ecg_atoms.png", dpi=100)


if __name__ == "__main__":
    main()
