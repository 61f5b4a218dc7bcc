"""OpenVINO on the converted model."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .peer import Peer, Positional, Prepared, Scene, files_bytes

__all__ = ["PEER"]


def _prepare(scene: Scene) -> Prepared:
    openvino = import_module("openvino")
    positional = Positional(scene)
    model = openvino.convert_model(positional, example_input=positional.tensors)
    shapes = {i: openvino.PartialShape(list(tensor.shape)) for i, tensor in enumerate(positional.tensors)}
    model.reshape(shapes)
    with tempfile.TemporaryDirectory() as folder:
        openvino.save_model(model, Path(folder) / "model.xml", compress_to_fp16=False)
        size = files_bytes(Path(folder))
    limits = {"INFERENCE_NUM_THREADS": scene.threads, "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.compile_model(model, "CPU", limits)
    feed = [tensor.numpy() for tensor in positional.tensors]
    return Prepared(lambda: compiled(feed), _output, size)


def _output(result: Any) -> Tensor:
    return torch.from_numpy(result[0])


PEER = Peer("converted; the precision that it takes for fastest", _prepare, ("openvino",), "pip install openvino")
