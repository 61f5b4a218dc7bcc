"""Models that arrive wrapped, reparametrized or in a form that cannot be compressed."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from ..errors import ModelError, listed
from ..nn import Packed
from .inventory import inventory
from .swap import unswap_

__all__ = ["copied", "plain_", "unwrap"]

# By qualified name, so that nothing optional is imported: the attribute that holds the model.
_WRAPPERS: Mapping[str, str] = {
    "torch._dynamo.eval_frame.OptimizedModule": "_orig_mod",
    "torch.nn.parallel.data_parallel.DataParallel": "module",
    "torch.nn.parallel.distributed.DistributedDataParallel": "module",
}

# Packages (by the start of the name of a module's or a tensor's class) whose layers cannot be taken, and what to do.
_QUANTIZED = "is already quantized; start from the floating-point model"
_REFUSED: Mapping[str, str] = {
    "peft.": "holds adapters; call model.merge_and_unload() first and give the result",
    "torch.ao.nn.": _QUANTIZED,
    "torch.nn.quantized.": _QUANTIZED,
    "torchao.": _QUANTIZED,
    "bitsandbytes.": _QUANTIZED,
    "optimum.quanto.": _QUANTIZED,
    "hqq.": _QUANTIZED,
    "auto_gptq.": _QUANTIZED,
    "gptqmodel.": _QUANTIZED,
    "awq.": _QUANTIZED,
    "compressed_tensors.": _QUANTIZED,
    "torch.distributed.fsdp.": "is sharded over processes; gather the full model on one process first",
    "torch.distributed.tensor.": "is sharded over processes; call .full_tensor() on it first",
    "torch.jit.": "is TorchScript, whose layers cannot be exchanged; give the nn.Module it was scripted from",
}
_SHOWN = 12


def unwrap(model: nn.Module) -> tuple[nn.Module, list[str]]:
    """The model inside `torch.compile`, DataParallel and DistributedDataParallel, and a note for each taken off.

    Nothing is changed. What is fine as it is: eager modules, FX graph modules, packed models; reparametrized layers are
    made plain later, on the copy, by `plain_`.

    Raises: ModelError that lists every part of the model that cannot be compressed, and what to do about each.
    """
    notes: list[str] = []
    while isinstance(model, nn.Module) and _qualified(type(model)) in _WRAPPERS:
        notes.append(f"unwrapped {type(model).__name__}")
        model = getattr(model, _WRAPPERS[_qualified(type(model))])
    if not isinstance(model, nn.Module):
        raise ModelError(f"a torch.nn.Module is needed, given {_qualified(type(model))}; give the module itself")
    wrong = list(_offenders(model))
    if wrong:
        shown = [*wrong[:_SHOWN], f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else wrong
        raise ModelError(listed(shown, "this model cannot be compressed as it is:"))
    return model, notes


def copied(model: nn.Module) -> nn.Module:
    """A deep copy, also where torch refuses one: layers that keep a computed weight, which has a gradient history.

    Parameters that share their memory without being one object, which a deep copy would part, are one object in it.

    Raises: ModelError that names what in the model cannot be copied, such as a generator, a lock or an open file.
    """
    memo: dict[int, object] = {}
    for module in model.modules():
        for value in module.__dict__.values():
            if isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    try:
        made = copy.deepcopy(model, memo)
    except Exception as error:  # whatever a user's object raises when it is copied
        raise ModelError(_uncopyable(model, error)) from error
    _tie_(made, [site.names for site in inventory(model) if site.aliases])
    return made


def _uncopyable(model: nn.Module, error: Exception) -> str:
    culprits = [
        f"{name}.{key}".lstrip(".")
        for name, module in model.named_modules()
        for key, value in module.__dict__.items()
        if not key.startswith("_") and not _copies(value)
    ]
    where = f"its attribute {', '.join(map(repr, culprits))} cannot be" if culprits else "it cannot be"
    return (
        f"the model is copied before it is compressed, and {where} ({type(error).__name__}: {error}); take that off "
        f"the model first, or use compress_ without example_inputs and without distilling, which work in place"
    )


def _copies(value: object) -> bool:
    try:
        copy.deepcopy(value)
    except Exception:
        return False
    return True


def plain_(model: nn.Module) -> list[str]:
    """Make every layer plain, in place (on a copy of the user's model), and say what was done.

    Masks of `torch.nn.utils.prune` become zeros, as by `prune.remove`; weight norm, spectral norm and other
    parametrizations become the weight they compute in evaluation mode; packed weights become dense; compiled submodules
    become eager.
    """
    notes: list[str] = []
    if any(isinstance(module, Packed) for module in model.modules()):
        unswap_(model)
        notes.append("packed weights were made dense; a step has to ask again for the structure they shall hold")
    for name, module in list(model.named_modules()):
        where = repr(name) if name else "the model"
        notes += [f"{where}: {note}" for step in _PLAIN for note in step(module)]
    _tie_(model, [site.names for site in inventory(model) if site.aliases])
    return notes


def _tie_(model: nn.Module, groups: Sequence[Sequence[str]]) -> None:
    """Make the parameters of each group of names one object, the first."""
    modules = dict(model.named_modules(remove_duplicate=False))
    for names in groups:
        places = [(modules[name.rpartition(".")[0]]._parameters, name.rpartition(".")[2]) for name in names]
        if all(key in parameters for parameters, key in places):
            first = places[0][0][places[0][1]]
            for parameters, key in places[1:]:
                parameters[key] = first


def _eager_children(module: nn.Module) -> Iterator[str]:
    for key, child in list(module._modules.items()):
        if child is not None and _qualified(type(child)) in _WRAPPERS:
            module._modules[key], inner = unwrap(child)
            yield f"{key}: {', '.join(inner)}"


def _pruned(module: nn.Module) -> Iterator[str]:
    for hook in list(module._forward_pre_hooks.values()):
        if isinstance(hook, prune.BasePruningMethod):
            prune.remove(module, hook._tensor_name)
            yield f"the pruning mask of {hook._tensor_name} was made permanent"


def _normed(module: nn.Module) -> Iterator[str]:
    for hook in list(module._forward_pre_hooks.values()):
        for kind, remove in ((WeightNorm, remove_weight_norm), (SpectralNorm, remove_spectral_norm)):
            if isinstance(hook, kind):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", FutureWarning)
                    remove(module, hook.name)
                _forget_state_hooks(module, kind.__name__)
                yield f"{kind.__name__} of {hook.name} was made part of it"


def _forget_state_hooks(module: nn.Module, kind: str) -> None:
    """torch leaves behind the hooks that read and write the norm's own keys, and no state_dict loads any more."""
    for hooks in (module._state_dict_hooks, module._load_state_dict_pre_hooks):
        for key, hook in list(hooks.items()):
            inner = getattr(hook, "hook", hook)  # torch wraps some
            if type(inner).__name__.startswith(f"{kind}StateDict") or type(inner).__name__.startswith(f"{kind}Load"):
                del hooks[key]


def _parametrized(module: Any) -> Iterator[str]:
    if not parametrize.is_parametrized(module):
        return
    shared = type(module)
    # torch deletes the weight's property from the class, which a deep copy shares with the user's own layer.
    module.__class__ = type(shared.__name__, shared.__bases__, dict(shared.__dict__))
    for name, steps in list(module.parametrizations.items()):
        # In training mode spectral norm takes another power iteration at each look.
        steps.eval()
        kinds = ", ".join(type(step).__name__.lstrip("_") for step in steps)
        parametrize.remove_parametrizations(module, name, leave_parametrized=True)
        yield f"parametrization of {name} ({kinds}) was made part of it"


_PLAIN: tuple[Callable[[nn.Module], Iterator[str]], ...] = (_eager_children, _pruned, _normed, _parametrized)


def _offenders(model: nn.Module) -> Iterator[str]:
    refused: list[str] = []
    for name, module in model.named_modules():
        where = repr(name) if name else "the model"
        if any(name == above or name.startswith(f"{above}.") or not above for above in refused):
            continue
        advice = _advice(type(module))
        if advice:
            refused.append(name)
            yield f"{where} ({type(module).__name__}) {advice}"
            continue
        for key, tensor in (*module._parameters.items(), *module._buffers.items()):
            problem = "" if tensor is None else _tensor_problem(tensor)
            if problem:
                yield f"{name}.{key} {problem}" if name else f"{key} {problem}"


def _tensor_problem(tensor: Tensor) -> str:
    if isinstance(tensor, UninitializedParameter | UninitializedBuffer):
        return "is not initialized yet (a lazy layer); run one batch through the model first"
    if tensor.is_inference():
        return "was made in inference mode, where nothing can be changed; build the model outside of it"
    if tensor.is_meta:
        return "is on the meta device, without data; load the weights first"
    if tensor.is_quantized:
        return _QUANTIZED
    if type(tensor) not in (Tensor, nn.Parameter):
        fallback = f"is a {type(tensor).__name__}, a tensor subclass; give a model of plain tensors"
        return _advice(type(tensor)) or fallback
    return ""


def _advice(cls: type) -> str:
    """What to do about a class of a package in the table, or nothing. A base class counts too."""
    names = [_qualified(base) for base in cls.__mro__]
    return next((advice for start, advice in _REFUSED.items() if any(name.startswith(start) for name in names)), "")


def _qualified(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
