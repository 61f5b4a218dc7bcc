"""A photograph from a quarter of its Fourier coefficients, as a scanner measures it.

    python examples/compressed_sensing.py [--synthetic]

The coefficients are drawn more densely near frequency zero, and noise is added. Setting the missing ones to zero blurs
and smears; asking for few wavelet coefficients does not. The penalty follows from the noise alone: nothing is tuned to
the photograph. Writes compressed_sensing.jpg.
"""

from math import log, sqrt

import data
import matplotlib.pyplot as plt
import torch

from gossamer.linop import Adjoint, SubsampledFourier, Wavelet
from gossamer.sparse import lasso

SHARE, NOISE = 0.25, 0.005  # of the coefficients; standard deviation, of intensities from 0 to 1


def sampled(side: int) -> torch.Tensor:
    """Which frequencies are measured, (side, side): a real image's ω and −ω tell the same, so both are or neither."""
    frequency = torch.fft.fftfreq(side)
    density = (1 - (frequency[:, None] ** 2 + frequency**2).sqrt() / 0.5**0.5) ** 3
    low, high = 0.0, 1e3
    for _ in range(50):  # the factor with which SHARE of them is expected
        factor = (low + high) / 2
        low, high = (factor, high) if (factor * density).clamp(max=1).mean() < SHARE else (low, factor)
    place = torch.arange(side * side).reshape(side, side)
    mirror = place.roll((-1, -1), (0, 1)).flip(0, 1)
    draw = torch.rand(side * side, generator=torch.Generator().manual_seed(0))[torch.minimum(place, mirror)]
    return draw < factor * density


def psnr(found: torch.Tensor, truth: torch.Tensor) -> float:
    return -10 * log((found - truth).square().mean(), 10)


def main() -> None:
    synthetic = data.synthetic_asked(__doc__)
    image = data.photograph(synthetic)
    side, mask = len(image), sampled(len(image))
    fourier = SubsampledFourier((side, side), mask.flatten().nonzero()[:, 0])
    exact = fourier.mv(image.flatten())
    b = exact + NOISE * torch.randn(exact.shape, generator=torch.Generator().manual_seed(1))

    wavelet = Wavelet((side, side))
    coarse = side >> wavelet.levels
    weights = torch.ones(side, side)
    weights[:coarse, :coarse] = 0  # the coarsest picture is not sparse: it costs nothing
    # The largest of n Gaussian numbers: what the noise adds to a coefficient seldom exceeds this.
    penalty = NOISE * sqrt(float(mask.float().mean()) * 2 * log(image.numel()))
    found = lasso(fourier @ Adjoint(wavelet), b, penalty, weights=weights.flatten(), solver="fista", tol=1e-5)
    print(f"{mask.float().mean():.1%} of {image.numel()} coefficients; {found.status}")

    pictures = {
        "zero-filling": fourier.rmv(b).reshape(side, side),
        "few wavelets": wavelet.rmv(found.x).reshape(side, side),
    }
    figure, axes = plt.subplots(2, 3, figsize=(9, 6.3), layout="constrained")
    axes[0, 0].imshow(image.numpy(), cmap="gray", vmin=0, vmax=1)
    axes[0, 0].set_title("original" + " (synthetic)" * synthetic)
    axes[1, 0].imshow(torch.fft.fftshift(mask).numpy(), cmap="gray")
    axes[1, 0].set_title(f"what is measured: {mask.float().mean():.0%} of the\nfrequencies, zero in the middle")
    for column, (name, picture) in enumerate(pictures.items(), start=1):
        print(f"{name}: PSNR {psnr(picture, image):.2f} dB")
        axes[0, column].imshow(picture.numpy(), cmap="gray", vmin=0, vmax=1)
        axes[0, column].set_title(f"{name}: {psnr(picture, image):.1f} dB")
        error = axes[1, column].imshow((picture - image).abs().numpy(), cmap="magma_r", vmin=0, vmax=0.15)
        axes[1, column].set_title("its error")
    figure.colorbar(error, ax=axes[1, 2], label="|error|, of intensities 0 to 1", extend="max")
    for axis in axes.flat:
        axis.set_axis_off()
    figure.savefig("compressed_sensing.jpg", dpi=90, pil_kwargs={"quality": 80})


if __name__ == "__main__":
    main()
