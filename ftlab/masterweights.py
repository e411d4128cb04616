"""bfloat16 weights to compute with, float32 weights to learn with: on a CPU, less time than casting at every step.

Autocast keeps the weights in float32 and makes bfloat16 copies of weights, inputs and gradients around every product; on two cores
that is a quarter of the time. Here the model itself is bfloat16 while it trains. Steps are often too small for bfloat16's 8 bits
(1 + 0.001 rounds back to 1), so the optimiser moves a float32 master of each weight, and the model gets the rounded result.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn

from ftlab import lab


class MasterWeights:
    """A model in bfloat16 and the float32 weights behind it.

    After backward, each gradient is added in float32 to its master's and dropped from the model; after each step of the optimiser
    the masters are copied, rounded, into the model.

    Args:
        model: any module; its float32 parameters become bfloat16. Parameters of another type are left as they are.
        optimizer: over the model's parameters, before its first step; from now on it moves the masters.
    Example: a weight 1.0 with learning rate 1e-3 moves: ten steps of SGD along a gradient of 1 end at 0.99, not at 1.0.
    Source: Micikevicius et al. 2018, Mixed Precision Training, section 3.1.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.pairs = [(p, nn.Parameter(p.detach(), requires_grad=p.requires_grad)) for p in model.parameters() if p.dtype == torch.float32]
        master = {id(p): m for p, m in self.pairs}
        for group in optimizer.param_groups:
            group["params"] = [master.get(id(p), p) for p in group["params"]]
        learning = [(p, m) for p, m in self.pairs if p.requires_grad]
        self.hooks = [p.register_post_accumulate_grad_hook(partial(_hand_over, m)) for p, m in learning]
        self.hooks.append(optimizer.register_step_post_hook(lambda *_: _round(learning)))
        for p, m in self.pairs:
            p.data = m.detach().to(torch.bfloat16)

    @contextmanager
    def exact(self) -> Iterator[None]:
        """Inside the with-block the model holds the float32 weights: to read them, or to load others.

        Yields: None.
        Example: ``with masters.exact(): state = model.state_dict()``.
        """
        rounded = [p.data for p, _ in self.pairs]
        for p, m in self.pairs:
            p.data = m.data
        try:
            yield
        finally:
            for (p, m), data in zip(self.pairs, rounded):
                p.data = data.copy_(m.data)

    def close(self) -> None:
        """Give the model its float32 weights back, as trained.

        Returns: None.
        Example: called once, after the last step.
        """
        for hook in self.hooks:
            hook.remove()
        for p, m in self.pairs:
            p.data = m.data


def can_hold_masters(model: nn.Module, precision: str) -> bool:
    """Whether `fit` trains this model by master weights: a BERT in bfloat16, in one process on a CPU. Others go by autocast.

    Args:
        model: any module; ours and the library's BERTs have their encoder in ``model.bert``.
        precision: as in `lab.precision`.
    Returns: bool. A GPU casts for next to nothing, and a module of your own may make float32 tensors on its way.
    Example: ``can_hold_masters(model, "fp32")`` is False.
    """
    one_process = int(os.environ.get("WORLD_SIZE", "1")) == 1
    bert = getattr(getattr(getattr(model, "bert", None), "config", None), "model_type", "") == "bert"
    return bert and one_process and lab.device() == "cpu" and lab.precision(precision) == "bf16"


def _hand_over(master: nn.Parameter, parameter: nn.Parameter) -> None:
    """Add a fresh bfloat16 gradient to the master's float32 one (micro-batches add up there)."""
    master.grad = parameter.grad.float() if master.grad is None else master.grad.add_(parameter.grad)
    parameter.grad = None


@torch.no_grad()
def _round(pairs: list[tuple[nn.Parameter, nn.Parameter]]) -> None:
    for p, m in pairs:
        p.copy_(m)
