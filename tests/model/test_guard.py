"""keep_state: on success, on an error, on Ctrl-C."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

from gossamer.model import keep_state


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_everything_is_as_before(error: type[BaseException] | None) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    model[1].eval()
    model[0].weight.requires_grad_(False)
    mine = model[0].register_forward_hook(lambda *_: None)
    model(torch.randn(4, 3)).sum().backward()
    grads = {name: parameter.grad for name, parameter in model.named_parameters()}
    values = {name: grad.clone() for name, grad in grads.items() if grad is not None}
    state = (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())  # noqa: NPY002

    def block() -> None:
        with keep_state(model):
            model.train()
            model.requires_grad_(True)
            mine.remove()
            for module in model.modules():
                module.register_forward_pre_hook(lambda *_: None)
                module.register_full_backward_hook(lambda *_: None)
            model(torch.randn(4, 3, requires_grad=True)).sum().backward()
            torch.set_grad_enabled(False)
            np.random.random()  # noqa: NPY002
            random.random()
            if error is not None:
                raise error

    if error is None:
        block()
    else:
        with pytest.raises(error):
            block()
    assert [module.training for module in model.modules()] == [True, True, False, True]
    assert [parameter.requires_grad for parameter in model.parameters()] == [False, True, True, True, True, True]
    assert all(parameter.grad is grads[name] for name, parameter in model.named_parameters())
    assert all(torch.equal(grads[name], value) for name, value in values.items())
    assert [len(module._forward_hooks) for module in model.modules()] == [0, 1, 0, 0]
    assert not any(module._forward_pre_hooks or module._backward_hooks for module in model.modules())
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), state[0])
    assert (np.random.get_state()[1] == state[1]).all()  # noqa: NPY002
    assert random.getstate() == state[2]
