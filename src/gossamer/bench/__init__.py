"""Room 11: a compressed model beside its dense one, and beside what other libraries make of that; one file a peer."""

from . import onnx_runtime, openvino_cpu, torch_compiled, torch_dynamic, torchao_int8
from .compare import Comparison, Contender, compare
from .peer import Peer

__all__ = ["PEERS", "Comparison", "Contender", "Peer", "compare"]

PEERS: dict[str, Peer] = {
    "torch dynamic int8": torch_dynamic.PEER,
    "torch.compile": torch_compiled.PEER,
    "torchao int8": torchao_int8.PEER,
    "onnxruntime": onnx_runtime.FLOAT,
    "onnxruntime int8": onnx_runtime.INT8,
    "openvino": openvino_cpu.PEER,
}
