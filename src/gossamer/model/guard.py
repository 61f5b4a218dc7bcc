"""Leave the user's model and process as they were."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import nn

__all__ = ["keep_state"]

_HOOKS = (
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_backward_pre_hooks",
    "_backward_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


@contextmanager
def keep_state(*models: nn.Module) -> Iterator[None]:
    """Undo, on success, on an error and on Ctrl-C, what the block does to

        each module         train/eval mode, hooks
        each parameter      requires_grad, grad (which is None inside, so that no backward pass adds to the user's)
        the process         random state of torch (CPU, and CUDA where it is in use), numpy and random; whether
                            gradients are recorded

    The values of parameters and buffers are not watched: work on a copy, or in evaluation mode without an optimizer.
    """
    with ExitStack() as undo:
        undo.callback(_process())
        for model in models:
            for module in model.modules():
                undo.callback(_module(module))
            for parameter in model.parameters():
                undo.callback(_parameter(parameter))
        yield


def _module(module: nn.Module) -> Callable[[], None]:
    training = module.training
    hooks = [(found, dict(found)) for name in _HOOKS if (found := module.__dict__.get(name)) is not None]

    def undo() -> None:
        module.training = training
        for found, saved in hooks:
            if dict(found) != saved:
                found.clear()
                found.update(saved)

    return undo


def _parameter(parameter: nn.Parameter) -> Callable[[], None]:
    requires_grad, grad = parameter.requires_grad, parameter.grad

    def undo() -> None:
        parameter.requires_grad_(requires_grad)
        parameter.grad = grad

    parameter.grad = None
    return undo


def _process() -> Callable[[], None]:
    recorded = torch.is_grad_enabled()
    cpu = torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    numpy_state = np.random.get_state()  # noqa: NPY002 (user code draws from the global state)
    python_state = random.getstate()

    def undo() -> None:
        torch.set_grad_enabled(recorded)
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)

    return undo
