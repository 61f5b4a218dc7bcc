"""ONNX Runtime on the exported model: in floats, and with its dynamic int8 quantization."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .peer import Peer, Positional, Prepared, Scene, files_bytes

__all__ = ["FLOAT", "INT8"]

PACKAGES = ("onnxruntime", "onnx", "onnxscript")
INSTALL = "pip install onnxruntime onnx onnxscript"
ERRORS_ONLY = 3  # onnxruntime's own levels


def _exported(positional: Positional, folder: Path) -> Path:
    path = folder / "model.onnx"
    torch.onnx.export(positional, positional.tensors, path, dynamo=True, verbose=False)
    return path


def _prepared(path: Path, positional: Positional, scene: Scene) -> Prepared:
    onnxruntime = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = scene.threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait would take the cores from the dense model that runs in turns with this one.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = ERRORS_ONLY
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    feed = {name: tensor.numpy() for name, tensor in zip(names, positional.tensors, strict=True)}
    return Prepared(lambda: session.run(None, feed), _output, files_bytes(path.parent))


def _output(result: Any) -> Tensor:
    return torch.from_numpy(result[0])


def _float(scene: Scene) -> Prepared:
    positional = Positional(scene)
    with tempfile.TemporaryDirectory() as name:
        return _prepared(_exported(positional, Path(name)), positional, scene)


def _int8(scene: Scene) -> Prepared:
    positional = Positional(scene)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        path = Path(second) / "model.onnx"
        import_module("onnxruntime.quantization").quantize_dynamic(_exported(positional, Path(first)), path)
        return _prepared(path, positional, scene)


FLOAT = Peer("exported, float", _float, PACKAGES, INSTALL)
INT8 = Peer("exported, its dynamic int8 quantization", _int8, PACKAGES, INSTALL)
