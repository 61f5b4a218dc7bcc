"""The dense networks that compression starts from: trained once a seed, then read from the cache folder.

    python benchmarks/baselines.py [lenet] [convnet] [lenet-mnist-sample] [--seeds 3] [--choose]

prints each network's accuracy on test images, or, with `--choose`, on the validation images, where epochs were chosen.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import data
import networks
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gossamer.passes.machine import machine

__all__ = ["BASELINES", "Baseline", "main", "trained"]


@dataclass(frozen=True)
class Baseline:
    """A dense network, its data by part, and how it is trained; see `networks.train`."""

    network: Callable[[], nn.Module]
    images: Callable[[str], tuple[Tensor, Tensor]]
    epochs: int
    lr: float = 1e-3

    def __post_init__(self) -> None:
        self.code()

    def code(self) -> bytes:
        """The files that decide the weights, as they were when this was made: an edit must not rename what runs."""
        functions = (self.network, self.images, networks.Batches, networks.train)
        return b"".join(_read_once(inspect.getfile(inspect.unwrap(function))) for function in functions)


@cache
def _read_once(path: str) -> bytes:
    return Path(path).read_bytes()


BASELINES = {
    "lenet": Baseline(networks.lenet_300_100, data.fashion_mnist, epochs=12),
    "convnet": Baseline(networks.convnet, data.fashion_mnist, epochs=6),
    "lenet-mnist-sample": Baseline(networks.lenet_300_100, data.mnist_sample, epochs=12),
}


def trained(name: str, seed: int) -> nn.Module:
    """The network `name` in eval mode, as training by `seed` on its training images leaves it; random state untouched.

    A network is kept under the hash of all that decides its weights, so that a changed recipe trains anew.
    Raises: ValueError for a name that is not in BASELINES; DataUnavailable.
    """
    if name not in BASELINES:
        raise ValueError(f"baseline {name!r}: choose one of {', '.join(BASELINES)}")
    baseline, path = BASELINES[name], _kept(name, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = baseline.network()
        if path.is_file():
            model.load_state_dict(load_file(path))
            return model.eval()
        networks.train(model, networks.Batches(*baseline.images("train")), baseline.epochs, lr=baseline.lr)
    _save(model, path)
    return model


def _kept(name: str, seed: int) -> Path:
    baseline = BASELINES[name]
    # Sums are ordered by the number of threads and by torch's kernels, so these decide the last bits of the weights.
    numerics = f"{torch.__version__} {torch.get_num_threads()} {torch.backends.cpu.get_cpu_capability()}"
    digest = hashlib.sha256(f"{baseline.epochs} {baseline.lr} {numerics}".encode() + baseline.code())
    return data.cache_folder() / "baselines" / f"{name}-seed{seed}-{digest.hexdigest()[:16]}.safetensors"


def _save(model: nn.Module, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as draft:
        save_file(model.state_dict(), Path(draft) / path.name)
        os.replace(Path(draft) / path.name, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=", ".join(BASELINES) + "; default: all")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0, 1, ...; default 3")
    parser.add_argument("--choose", action="store_true", help="judge on validation images")
    options = parser.parse_args()
    part = "validation" if options.choose else "test"
    print("; ".join(f"{key}: {value}" for key, value in machine().items()), flush=True)
    for name in options.names or BASELINES:
        found = []
        for seed in range(options.seeds):
            started = time.perf_counter()
            model = trained(name, seed)
            seconds = time.perf_counter() - started
            found.append(networks.accuracy(model, *BASELINES[name].images(part)))
            print(f"{name} seed {seed}: {found[-1]:.2f} % on {part} images, {seconds:.1f} s", flush=True)
        print(f"{name} mean of {len(found)}: {sum(found) / len(found):.2f} %", flush=True)


if __name__ == "__main__":
    main()
