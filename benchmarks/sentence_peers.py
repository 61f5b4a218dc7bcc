"""What others make of the same sentence model: bytes of their file, and the embeddings it gives.

    PYTHON benchmarks/sentence_peers.py PEER FOLDER TEXTS.json OUT.npz

Run by sentences.py, with whichever interpreter has the peer installed; ends with code 3 where it is missing. No
gossamer is needed. Each peer writes what it would ship to a file, whose size counts; where it has no file format of its
own that is its `state_dict` by `torch.save`. The model in memory answers, but for OpenVINO, which reads its file.
"""

from __future__ import annotations

import json
import lzma
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from embedding import Run, embedded
from torch import Tensor, nn

__all__ = ["PEERS", "Peer", "Shipped"]

MISSING = 3


@dataclass(frozen=True)
class Shipped:
    """What a peer made: the bytes it ships, and what runs."""

    bytes: int
    run: Run


@dataclass(frozen=True)
class Peer:
    """A peer. Args: packages that it stands on; made(folder, scratch folder)."""

    packages: tuple[str, ...]
    made: Callable[[Path, Path], Shipped]


def dense(folder: Path, **options: Any) -> nn.Module:
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder, **options).eval()


def hidden(model: nn.Module) -> Run:
    return lambda batch: model(**batch).last_hidden_state


def _state_bytes(model: nn.Module, scratch: Path) -> int:
    torch.save(model.state_dict(), scratch / "state.pt")
    return (scratch / "state.pt").stat().st_size


def torch_dynamic(folder: Path, scratch: Path) -> Shipped:
    """int8 weights and int8 activations by torch's own dynamic quantization, linear layers alone as it has them."""
    model = torch.ao.quantization.quantize_dynamic(dense(folder), {nn.Linear}, dtype=torch.qint8)
    return Shipped(_state_bytes(model, scratch), hidden(model))


def torchao_linears(folder: Path, scratch: Path) -> Shipped:
    from torchao.quantization import Int8WeightOnlyConfig, quantize_

    model = dense(folder)
    quantize_(model, Int8WeightOnlyConfig())
    return Shipped(_state_bytes(model, scratch), hidden(model))


def torchao_everything(folder: Path, scratch: Path) -> Shipped:
    from torchao.quantization import IntxWeightOnlyConfig, quantize_
    from torchao.quantization.granularity import PerAxis

    model = dense(folder)
    config = IntxWeightOnlyConfig(weight_dtype=torch.int8, granularity=PerAxis(0))
    quantize_(model, config, filter_fn=lambda module, _: isinstance(module, nn.Linear | nn.Embedding))
    return Shipped(_state_bytes(model, scratch), hidden(model))


def _openvino(folder: Path, scratch: Path, mode: str) -> Shipped:
    import nncf
    import openvino

    example = {name: torch.ones(2, 8, dtype=torch.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
    graph = openvino.convert_model(dense(folder, attn_implementation="eager"), example_input=example)
    path = scratch / "model.xml"
    openvino.save_model(nncf.compress_weights(graph, mode=nncf.CompressWeightsMode[mode]), path, compress_to_fp16=False)
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(batch: Mapping[str, Tensor]) -> Tensor:
        return torch.from_numpy(compiled({name: batch[name].numpy() for name in example})["last_hidden_state"])

    return Shipped(path.stat().st_size + path.with_suffix(".bin").stat().st_size, run)


def openvino_symmetric(folder: Path, scratch: Path) -> Shipped:
    return _openvino(folder, scratch, "INT8_SYM")


def openvino_asymmetric(folder: Path, scratch: Path) -> Shipped:
    return _openvino(folder, scratch, "INT8_ASYM")


def half(folder: Path, scratch: Path) -> Shipped:
    model = dense(folder).half()
    size = _state_bytes(model, scratch)
    return Shipped(size, hidden(model.float()))


def xz_fp32(folder: Path, scratch: Path) -> Shipped:
    return Shipped(_xz((folder / "model.safetensors").read_bytes()), hidden(dense(folder)))


def zstd_fp32(folder: Path, scratch: Path) -> Shipped:
    return Shipped(_zstd((folder / "model.safetensors").read_bytes()), hidden(dense(folder)))


def plain_int8(folder: Path, scratch: Path) -> Shipped:
    model, data = _rounded(folder)
    return Shipped(len(data), hidden(model))


def xz_int8(folder: Path, scratch: Path) -> Shipped:
    model, data = _rounded(folder)
    return Shipped(_xz(data), hidden(model))


def zstd_int8(folder: Path, scratch: Path) -> Shipped:
    model, data = _rounded(folder)
    return Shipped(_zstd(data), hidden(model))


def _xz(data: bytes) -> int:
    return len(lzma.compress(data, preset=9))


def _zstd(data: bytes) -> int:
    import zstandard

    return len(zstandard.ZstdCompressor(level=19).compress(data))


@torch.no_grad()
def _rounded(folder: Path) -> tuple[nn.Module, bytes]:
    """Every matrix as int8 codes with a float16 scale a row, all else as it is; no names, no header."""
    model, parts = dense(folder), []
    for parameter in model.parameters():
        if parameter.ndim < 2:
            parts.append(parameter.numpy().tobytes())
            continue
        scale = (parameter.abs().amax(1, keepdim=True) / 127).half()
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        codes = torch.round(parameter / scale.float()).clamp(-127, 127)
        parts += [scale.numpy().tobytes(), codes.to(torch.int8).numpy().tobytes()]
        parameter.copy_(codes * scale.float())
    return model, b"".join(parts)


PEERS: Mapping[str, Peer] = {
    "float16 cast": Peer(("torch",), half),
    "torch quantize_dynamic int8, linears": Peer(("torch",), torch_dynamic),
    "torchao int8 weight-only, linears": Peer(("torchao",), torchao_linears),
    "torchao int8 weight-only, everything": Peer(("torchao",), torchao_everything),
    "NNCF + OpenVINO int8 weight-only, symmetric": Peer(("nncf", "openvino"), openvino_symmetric),
    "NNCF + OpenVINO int8 weight-only, asymmetric": Peer(("nncf", "openvino"), openvino_asymmetric),
    "xz -9 of the fp32 file": Peer(("torch",), xz_fp32),
    "zstd -19 of the fp32 file": Peer(("zstandard",), zstd_fp32),
    "int8 codes as bytes, everything": Peer(("torch",), plain_int8),
    "xz -9 of the int8 codes": Peer(("torch",), xz_int8),
    "zstd -19 of the int8 codes": Peer(("zstandard",), zstd_int8),
}


def main() -> None:
    name, folder, texts, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
    peer = PEERS[name]
    try:
        versions = {package: version(package) for package in peer.packages}
    except ModuleNotFoundError as error:
        print(error, file=sys.stderr)
        sys.exit(MISSING)
    warnings.simplefilter("ignore")  # several peers announce their own end
    from transformers import AutoTokenizer

    with tempfile.TemporaryDirectory() as scratch:
        shipped = peer.made(folder, Path(scratch))
        vectors = embedded(shipped.run, AutoTokenizer.from_pretrained(folder), json.loads(texts.read_text()))
        np.savez(out, vectors=vectors, bytes=shipped.bytes, versions=json.dumps(versions))


if __name__ == "__main__":
    main()
