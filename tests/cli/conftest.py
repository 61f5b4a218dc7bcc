"""What the tests of the command line share: a place of one's own, a model's module, files made from it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import gossamer as gs
from gossamer.cli import main

MODULE = '''
"""A user's own module."""
import torch
from torch import nn

print("a user's module says hello")


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))


def broken():
    raise ValueError("no weights here")


def score(model):
    print("a user's metric says hello")
    return float(-(model(torch.ones(1, 16)) - network()(torch.ones(1, 16))).abs().max())


def poor(model):
    return float(torch.equal(model[0].weight, network()[0].weight))


batches = [torch.ones(4, 16)]
example = torch.ones(4, 16)
number = 7
'''


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit code and what it said."""

    code: int
    out: str
    err: str


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory with the user's module in it."""
    (tmp_path / "usersown.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("usersown", None)


@pytest.fixture
def gossamer(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command in this process."""

    def run(*arguments: object) -> Ran:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Ran(code, *capfd.readouterr())

    return run


@pytest.fixture
def shell() -> Callable[..., subprocess.Popen[bytes]]:
    """Start a command in a process of its own, in the working directory."""

    def start(*arguments: object, **more: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gossamer", *map(str, arguments)]
        extra = more.pop("env", {})
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | extra, **more)

    return start


@pytest.fixture
def small(here: Path) -> Path:
    """A compressed file, made from `usersown:network`."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 4))
    gs.compress(network, [gs.Prune("top50%/row"), gs.Quantize("int8")]).save(here / "small.safetensors")
    return here / "small.safetensors"


@pytest.fixture
def plain(here: Path) -> Path:
    """A plain state_dict for `usersown:network`."""
    path = here / "plain.safetensors"
    save_file(
        {
            "0.weight": torch.ones(32, 16),
            "0.bias": torch.zeros(32),
            "2.weight": torch.ones(4, 32),
            "2.bias": torch.zeros(4),
        },
        path,
    )
    return path
