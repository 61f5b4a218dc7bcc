"""The one place that says how a batch reaches a model, and which part of the result is its output.

Batches, by default:
    Tensor                 model(x)
    (x,)                   model(x)
    (x, y), (x1, x2, y)    model(x), model(x1, x2); the last entry is the target
    dict, BatchEncoding    model(**batch); a key named labels, label, target, targets or y is the target, and is passed
                           on only when the model's forward names it. model(batch) when the forward needs one argument
                           and names none of the keys, as that of sentence-transformers does
Outputs, by default: a tensor as it is; `sentence_embedding`, else `logits`, else `last_hidden_state`, else the first
tensor of a mapping; the first tensor of a tuple or list. Where these do not fit: `forward=lambda model, batch: ...` and
`output=lambda result: ...`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..errors import DataError

__all__ = [
    "Batches",
    "Forward",
    "Output",
    "attention_mask",
    "batch_named",
    "call",
    "call_whole",
    "described",
    "dry_run",
    "mapped",
    "output_of",
    "target_of",
    "unpadded",
]

Forward = Callable[[nn.Module, Any], Any]
Output = Callable[[Any], Tensor]
TARGET_KEYS = ("labels", "label", "targets", "target", "y")
OUTPUT_KEYS = ("sentence_embedding", "logits", "last_hidden_state")


def call(model: nn.Module, batch: Any, forward: Forward | None = None) -> Any:
    """Run the model on one batch, moved to the model's device; `forward` replaces the default rule."""
    device = _device(model)
    if device is not None and device.type != "cpu":
        batch = mapped(batch, lambda tensor: tensor.to(device))
    if forward is not None:
        return forward(model, batch)
    if isinstance(batch, Mapping):
        parameters = inspect.signature(model.forward).parameters
        given = {key: value for key, value in batch.items() if key in parameters or key not in TARGET_KEYS}
        # A new mapping each time: some modules write their outputs into the one they are given.
        return model(given) if _takes_one_mapping(parameters, given) else model(**given)
    if isinstance(batch, tuple | list):
        return model(*(batch[:-1] if len(batch) > 1 else batch))
    return model(batch)


def call_whole(model: nn.Module, inputs: Any) -> Any:
    """Run the model on example inputs, a tuple or a mapping of keywords. Unlike a batch they hold no target.

    The inputs stay as they are: a module that writes its outputs into a mapping gets a copy of it.
    """
    if isinstance(inputs, Mapping):
        one = _takes_one_mapping(inspect.signature(model.forward).parameters, inputs)
        return model(dict(inputs)) if one else model(**inputs)
    return model(*(dict(item) if type(item) is dict else item for item in inputs))


def target_of(batch: Any) -> Tensor | None:
    """The target that travels in a batch, or None."""
    if isinstance(batch, Mapping):
        return next((batch[key] for key in TARGET_KEYS if key in batch), None)
    if isinstance(batch, tuple | list) and len(batch) > 1:
        return batch[-1] if isinstance(batch[-1], Tensor) else None
    return None


def output_of(result: Any, output: Output | None = None) -> Tensor:
    """The output tensor of a forward's result. Raises DataError where the default rule finds none."""
    found: Any = output(result) if output is not None else _first_tensor(result)
    if not isinstance(found, Tensor):
        raise DataError(
            f"the model returned {described(result)}, in which no output tensor was found; "
            f"say where it is with output=lambda result: ..."
        )
    return found


def attention_mask(batch: Any) -> Tensor | None:
    """The mask that travels in a batch that is a mapping, 0 where there is only padding; else None."""
    mask = batch.get("attention_mask") if isinstance(batch, Mapping) else None
    return mask if isinstance(mask, Tensor) else None


def unpadded(output: Tensor, inputs: Any) -> Tensor:
    """The rows of an output that are no padding, where the inputs have an `attention_mask` of its shape.

    What a model computes at positions that nobody reads may be anything.

    >>> unpadded(torch.tensor([[[1.0], [9.0]]]), {"attention_mask": torch.tensor([[1, 0]])})
    tensor([[1.]])
    """
    holders = inputs if isinstance(inputs, tuple) else (inputs,)
    mask = next((mask for mask in map(attention_mask, holders) if mask is not None), None)
    if mask is None or mask.ndim < 2 or mask.shape != output.shape[:-1]:
        return output
    return output[mask.bool().to(output.device)]


class Batches:
    """An iterable of batches that can be read again, whatever it was.

    A list or DataLoader is read anew at each pass. An iterator that can be read once (a generator) is kept as it is
    read, and replayed; its memory is that of the batches read so far.

    >>> twice = Batches(x for x in [1, 2, 3])
    >>> list(twice), list(twice.first(2))
    ([1, 2, 3], [1, 2])
    """

    def __init__(self, data: Iterable[Any]) -> None:
        if isinstance(data, Dataset) and not isinstance(data, Iterable):
            raise DataError(
                f"data is a {type(data).__name__}, which gives samples one by one; batches are needed: give "
                f"torch.utils.data.DataLoader(data, batch_size=32)"
            )
        if inspect.isgeneratorfunction(data):
            raise DataError(f"data is the function {data.__name__}; give what it returns: data={data.__name__}()")
        if isinstance(data, Tensor | Mapping | str) or not isinstance(data, Iterable):
            raise DataError(f"data must be an iterable of batches, given {described(data)}; wrap one batch in a list")
        self._data = data
        self._once: Iterator[Any] | None = data if isinstance(data, Iterator) else None
        self._kept: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        if self._once is None:
            yield from self._data
            return
        position = 0
        while True:
            if position == len(self._kept):
                try:
                    self._kept.append(next(self._once))
                except StopIteration:
                    return
            yield self._kept[position]
            position += 1

    def count(self) -> int:
        """How many batches a pass has; data without a length are read once to count."""
        return len(self._data) if isinstance(self._data, Sized) else sum(1 for _ in self)

    def first(self, count: int | None) -> Iterator[Any]:
        """At most `count` batches. Raises DataError when there is none at all."""
        empty = True
        for batch in islice(self, count):
            empty = False
            yield batch
        if empty:
            raise DataError(
                "data holds no batch; an iterator that was read before is empty, give a list or a DataLoader"
            )


def dry_run(model: nn.Module, batch: Any, forward: Forward | None, output: Output | None) -> tuple[Any, Tensor]:
    """One batch through the model before slow work: result and output tensor. Raises DataError that shows the batch."""
    try:
        with torch.no_grad():
            result = call(model, batch, forward)
            return result, output_of(result, output)
    except DataError:
        raise
    except Exception as error:
        cause = str(error).strip().partition("\n")[0]  # below it torch lists each overload of what was called
        raise DataError(
            f"the model could not take the first batch, {described(batch)}: {type(error).__name__}: {cause}\n"
            f"{_way_in(batch)}; if that is wrong give forward=lambda model, batch: ..."
        ) from error


@contextmanager
def batch_named(words: str, batch: Any, advice: str = "") -> Iterator[None]:
    """Whatever breaks on a batch becomes a DataError that shows it: `words` with the batch put in, cause, advice."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise DataError(f"{words.format(described(batch))}: {type(error).__name__}: {error}{advice}") from error


def described(value: Any) -> str:
    """A value's shape in words.

    >>> described((torch.zeros(2, 3), {"y": torch.zeros(2)}))
    '(Tensor(2×3, float32), {y: Tensor(2, float32)})'
    """
    if isinstance(value, Tensor):
        return f"Tensor({'×'.join(map(str, value.shape))}, {str(value.dtype).removeprefix('torch.')})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {described(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(described(item) for item in value) + ")"
    return type(value).__name__


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same nest of tuples, lists and mappings with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, tuple) and type(value) is not tuple:  # a named tuple takes its fields one by one
        return type(value)(*(mapped(item, change) for item in value))
    if isinstance(value, tuple | list):
        return type(value)(mapped(item, change) for item in value)
    return value


def _way_in(batch: Any) -> str:
    """How a batch like this one reaches the model, in words."""
    if isinstance(batch, Mapping):
        return "A dict's entries are given by name"
    if isinstance(batch, tuple | list):
        return "A tuple's last entry is taken as the target"
    return "What is no tuple and no dict is given as it is, and must be a tensor for most models"


def _takes_one_mapping(parameters: Mapping[str, inspect.Parameter], batch: Mapping[str, Any]) -> bool:
    """Whether keywords would leave the forward's only needed argument out."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in parameters.values() if p.kind in kinds and p.default is inspect.Parameter.empty]
    return len(needed) == 1 and not parameters.keys() & batch.keys()


def _first_tensor(result: Any) -> Tensor | None:
    if isinstance(result, Tensor):
        return result
    if isinstance(result, Mapping):
        preferred = (result[key] for key in OUTPUT_KEYS if key in result)
        return next((item for item in (*preferred, *result.values()) if isinstance(item, Tensor)), None)
    if isinstance(result, tuple | list):
        return next((item for item in result if isinstance(item, Tensor)), None)
    return next((v for v in (getattr(result, k, None) for k in OUTPUT_KEYS) if v is not None), None)


def _device(model: nn.Module) -> torch.device | None:
    return next((tensor.device for tensor in (*model.parameters(), *model.buffers())), None)
