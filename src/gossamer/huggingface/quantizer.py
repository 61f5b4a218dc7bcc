"""How AutoModel reads gossamer's folders: transformers' hook for quantized weights.

transformers reads the file by its own rules (names, prefixes of heads, ties, devices, dtypes); where a packed weight
stands in it, an empty parameter is put into the model. Then the packed weights take the place of the empty ones.
Imported only when transformers is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers.configuration_utils import PreTrainedConfig
from transformers.core_model_loading import ConversionOps, WeightConverter
from transformers.quantizers import auto
from transformers.quantizers.base import HfQuantizer
from transformers.utils.quantization_config import QuantizationConfigMixin

from ..artifact import Stored, read_files
from ..errors import ArtifactError, ModelError
from ..model import swap_
from .folder import METHOD

__all__ = ["GossamerConfig", "GossamerQuantizer"]


class GossamerConfig(QuantizationConfigMixin):
    """`quantization_config` of a config.json that gossamer wrote.

    Args: recipe, the steps as plain values, which is told and not needed.
    """

    def __init__(self, quant_method: str = METHOD, recipe: Sequence[Mapping[str, Any]] | None = None, **_: Any) -> None:
        self.quant_method: Any = quant_method  # transformers' own are of an enumeration
        self.recipe = None if recipe is None else list(recipe)


class Placed(ConversionOps):
    """Puts an empty parameter where a packed weight belongs, and remembers which.

    Args: expected, the model's parameters by name, on the meta device.
    """

    def __init__(self, expected: Mapping[str, Tensor]) -> None:
        self.expected = expected
        self.names: list[str] = []

    def convert(
        self, input_dict: dict[str, Any], source_patterns: list[str], target_patterns: list[str], **options: Any
    ) -> dict[str, Any]:
        name, rows = options["full_layer_name"], next(iter(input_dict.values()))
        like = self.expected[name]
        self.names.append(name)
        # Of the model's shape, whatever the file says: that is compared later, where an error is still one.
        return {name: torch.empty(like.shape, dtype=like.dtype, device=rows[0].device)}

    def __deepcopy__(self, memo: dict[int, Any]) -> Placed:
        return self  # transformers copies it for each weight; all of them write into one list


class GossamerQuantizer(HfQuantizer):
    """What transformers asks while it reads a folder."""

    requires_calibration = True  # a recipe makes these weights; from_pretrained(quantization_config=...) cannot

    def __init__(self, quantization_config: Any, **options: Any) -> None:
        super().__init__(quantization_config, **options)
        self._stored: Sequence[Stored] = ()
        self._placed = Placed({})

    def validate_environment(self, *args: Any, device_map: Any = None, **options: Any) -> None:
        """Raises: ModelError for weights on disk or spread over devices, which packed layers do not support."""
        if isinstance(device_map, dict) and (
            len(set(map(str, device_map.values()))) > 1 or "disk" in device_map.values()
        ):
            raise ModelError("gossamer's weights go to one device; give device_map={'': device}")

    def update_weight_conversions(self, weight_conversions: list[Any], model: Any) -> list[Any]:
        """Packed weights first: no other conversion may take their bytes for numbers."""
        names = "|".join(re.escape(item.name) for item in self._packed())
        mine = [WeightConverter(f"^({names})$", r"\1", [self._placed])] if names else []
        return [*mine, *weight_conversions]

    def _process_model_before_weight_loading(self, model: Any, checkpoint_files: Any = None, **options: Any) -> Any:
        self._stored = _read([Path(file) for file in checkpoint_files or ()])
        self._placed = Placed(dict(model.named_parameters(remove_duplicate=False)))
        return model

    def _process_model_after_weight_loading(self, model: Any, **options: Any) -> Any:
        # What transformers keeps of conversions would hold the file's bytes as long as the model.
        model._weight_conversions = [way for way in model._weight_conversions if not _is_mine(way)]
        places = {**dict(model.named_buffers()), **dict(model.named_parameters(remove_duplicate=False))}
        _check_ties(self._stored, places, model)
        items = {name: item for item in self._packed() for name in _names_in(item, places, model)}
        for name in self._placed.names:
            if tuple(places[name].shape) != items[name].shape:
                found, needed = list(items[name].shape), list(places[name].shape)
                raise ArtifactError(f"{name!r}: shape {found} in the file, {needed} in the model")
        swap_(model, {name: items[name].unpack() for name in self._placed.names})
        self._stored, self._placed = (), Placed({})
        # Its layers are layers of their own classes: .half() is allowed, and gs.to_dense(model) is a plain model.
        self.remove_quantization_config(model)
        for module in model.modules():
            if isinstance(getattr(module, "config", None), PreTrainedConfig):
                module.config._is_quantized = False
        return model

    def _packed(self) -> list[Stored]:
        return [item for item in self._stored if item.row.spec is not None]

    def is_serializable(self) -> bool:
        """transformers cannot write these weights; `guard` says what can."""
        return False

    @property
    def is_trainable(self) -> bool:
        """Packed weights are read-only."""
        return False


def _names_in(item: Stored, places: Mapping[str, Any], model: Any) -> Iterator[str]:
    """The model's names for a tensor of the file: its own, or with the prefix of a head's base model more or less."""
    prefix = f"{model.base_model_prefix}."
    for name in item.names:
        yield from (way for way in (name, prefix + name, name.removeprefix(prefix)) if way in places)


def _check_ties(stored: Sequence[Stored], places: Mapping[str, Tensor], model: Any) -> None:
    """One tensor of the file is one in the model; transformers would have filled the other with random numbers.

    Raises: ArtifactError.
    """
    for item in stored:
        apart = {id(places[name]): name for name in _names_in(item, places, model)}
        if len(apart) > 1:
            names = " and ".join(map(repr, apart.values()))
            raise ArtifactError(f"{names}: one tensor in the file and {len(apart)} in the model; tie them")


def _is_mine(conversion: Any) -> bool:
    return any(isinstance(operation, Placed) for operation in getattr(conversion, "operations", ()))


def _read(files: Sequence[Path]) -> Sequence[Stored]:
    """What the files that transformers found hold, checked. Raises: ArtifactError."""
    homes = {file.parent for file in files}
    if len(homes) != 1:
        raise ArtifactError(f"the index names files of {len(homes)} folders; all must lie beside it")
    return read_files(files).stored


# At the end of the import and not in a function: of this module and transformers.quantizers, the one that is imported
# first is only half there when the other is.
auto.AUTO_QUANTIZER_MAPPING[METHOD] = GossamerQuantizer
auto.AUTO_QUANTIZATION_CONFIG_MAPPING[METHOD] = GossamerConfig
