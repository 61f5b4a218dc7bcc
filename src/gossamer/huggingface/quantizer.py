"""How AutoModel reads gossamer's folders: transformers' hook for quantized weights.

transformers reads the file by its own rules (names, prefixes of heads, ties, devices, dtypes) and puts each packed
weight, which is a row of bytes, where its parameter was; then the rows are decoded, and the layers become packed ones.
Imported only when transformers is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn
from transformers.quantizers.base import HfQuantizer
from transformers.utils.quantization_config import QuantizationConfigMixin

from ..artifact import Stored, read_files
from ..errors import ArtifactError, MissingDependencyError, ModelError
from ..model import swap_
from .folder import METHOD

__all__ = ["GossamerConfig", "GossamerQuantizer", "register"]


class GossamerConfig(QuantizationConfigMixin):
    """`quantization_config` of a config.json that gossamer wrote.

    Args: recipe, the steps as plain values, which is told and not needed.
    """

    def __init__(self, quant_method: str = METHOD, recipe: Sequence[Mapping[str, Any]] | None = None, **_: Any) -> None:
        self.quant_method: Any = quant_method  # transformers' own are of an enumeration
        self.recipe = None if recipe is None else list(recipe)


class GossamerQuantizer(HfQuantizer):
    """What transformers asks while it reads a folder."""

    requires_calibration = True  # a recipe makes these weights; from_pretrained(quantization_config=...) cannot

    def __init__(self, quantization_config: Any, **options: Any) -> None:
        super().__init__(quantization_config, **options)
        self._stored: Sequence[Stored] = ()
        self._expected: dict[str, torch.Tensor] = {}

    def validate_environment(self, *args: Any, device_map: Any = None, **options: Any) -> None:
        """Raises: ModelError for weights on disk or spread over devices, which packed layers do not support."""
        if not hasattr(HfQuantizer, "get_weight_conversions"):
            raise MissingDependencyError(
                "this transformers reads quantized weights in a way that gossamer does not know; install 5.0 or newer, "
                "or call gossamer.huggingface.from_pretrained(folder)"
            )
        if isinstance(device_map, dict) and len(set(map(str, device_map.values()))) > 1:
            raise ModelError("gossamer's weights go to one device; give device_map={'': device}")

    def param_needs_quantization(self, model: Any, param_name: str, **options: Any) -> bool:
        """Whether a row of bytes may stand in a parameter's place until it is decoded."""
        return any(_same(name, param_name, model) for item in self._packed() for name in item.names)

    def _process_model_before_weight_loading(self, model: Any, checkpoint_files: Any = None, **options: Any) -> Any:
        self._stored = _read([Path(file) for file in checkpoint_files or ()])
        # On the meta device: names, shapes and dtypes.
        self._expected = dict(model.named_parameters(remove_duplicate=False))
        return model

    def _process_model_after_weight_loading(self, model: Any, **options: Any) -> Any:
        places = dict(model.named_parameters(remove_duplicate=False))
        found = {name: item for item in self._packed() for name in _names_in(item, places, model)}
        left = [name for name, value in places.items() if value.dtype == torch.uint8 and name not in found]
        if left:
            raise ArtifactError(
                f"{left[0]!r}: transformers calls this packed weight by another name than the file; "
                f"call gossamer.huggingface.from_pretrained(folder)"
            )
        self._check_ties(model, {**dict(model.named_buffers()), **places})
        packed, made = {}, {}
        for name, item in found.items():
            raw, expected = places[name], self._expected[name]
            if tuple(expected.shape) != item.shape:
                raise ArtifactError(
                    f"{name!r}: shape {list(item.shape)} in the file, {list(expected.shape)} in the model"
                )
            if id(raw) not in made:
                packed[name] = item.unpack()
                empty = torch.empty(item.shape, dtype=expected.dtype, device=raw.device)
                made[id(raw)] = nn.Parameter(empty, expected.requires_grad)
        _put_(model, made)
        swap_(model, packed)
        self._stored, self._expected = (), {}
        return model

    def _packed(self) -> list[Stored]:
        return [item for item in self._stored if item.row.spec is not None]

    def _check_ties(self, model: Any, places: Mapping[str, torch.Tensor]) -> None:
        """One tensor of the file is one in the model; transformers would have filled the other with random numbers."""
        for item in self._stored:
            apart = {id(places[name]): name for name in _names_in(item, places, model)}
            if len(apart) > 1:
                names = " and ".join(map(repr, apart.values()))
                raise ArtifactError(f"{names}: one tensor in the file and {len(apart)} in the model; tie them")

    def is_serializable(self) -> bool:
        """transformers cannot write these weights; `guard` says what can."""
        return False

    @property
    def is_trainable(self) -> bool:
        """Packed weights are read-only."""
        return False


def register(auto: ModuleType) -> None:
    """Make the quantizer known to transformers. Args: auto, the module transformers.quantizers.auto."""
    auto.AUTO_QUANTIZER_MAPPING[METHOD] = GossamerQuantizer
    auto.AUTO_QUANTIZATION_CONFIG_MAPPING[METHOD] = GossamerConfig


def _names_in(item: Stored, places: Mapping[str, Any], model: Any) -> Iterator[str]:
    """The model's names for a tensor of the file: its own, or with the prefix of a head's base model more or less."""
    prefix = f"{model.base_model_prefix}."
    for name in item.names:
        yield from (way for way in (name, prefix + name, name.removeprefix(prefix)) if way in places)


def _same(stored: str, name: str, model: Any) -> bool:
    prefix = f"{model.base_model_prefix}."
    return name in (stored, prefix + stored, stored.removeprefix(prefix))


def _put_(model: nn.Module, made: Mapping[int, nn.Parameter]) -> None:
    """Put parameters in the places of others, given by their identity."""
    for module in model.modules():
        for name, value in module._parameters.items():
            if value is not None and id(value) in made:
                module._parameters[name] = made[id(value)]


def _read(files: Sequence[Path]) -> Sequence[Stored]:
    """What the files that transformers found hold, checked. Raises: ArtifactError."""
    homes = {file.parent for file in files}
    if len(homes) != 1:
        raise ArtifactError(f"the index names files of {len(homes)} folders; all must lie beside it")
    return read_files(files).stored
