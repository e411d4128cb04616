"""Which parameters move how far: groups with and without weight decay, and a learning rate that warms up and decays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ftlab.errors import InputError

if TYPE_CHECKING:
    from ftlab.training import TrainConfig

SCHEDULES = ("linear", "cosine", "constant")


def parameter_groups(model: nn.Module, weight_decay: float, learning_rate: float, head_learning_rate: float | None = None) -> list[dict[str, Any]]:
    """Split the trainable parameters by two questions: does it decay, and is it the new head?

    Weights of linear and embedding layers (2 dimensions or more) decay; biases and normalisation weights (1 dimension) do
    not. This asks for the number of dimensions, so it holds for any naming of the layers.

    Args:
        model: any module; its head is every parameter outside the pretrained encoder (outside ``model.bert`` for ours).
        weight_decay: AdamW's decay for the weights that decay, 0 or more.
        learning_rate: for the encoder.
        head_learning_rate: for the head; None means the same.
    Returns: list of dicts for torch.optim.AdamW: params, lr, weight_decay, name. Empty groups are left out.
    Raises: InputError if nothing is trainable.
    Example: a linear layer (4, 2) with bias gives two groups: its weight (decays) and its bias (does not).
    Source: Devlin et al. 2019, appendix A.3 (weight decay 0.01); Loshchilov & Hutter 2019. Checked against the groups of
        transformers' Trainer, in tests/test_optim.py.
    """
    encoder = getattr(model, "bert", None)
    inside = {id(p) for p in encoder.parameters()} if isinstance(encoder, nn.Module) else set()
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            in_head = head_learning_rate is not None and id(parameter) not in inside
            groups.setdefault((in_head, parameter.ndim >= 2), []).append(parameter)
    if not groups:
        raise InputError("no parameter is trainable", wanted="at least one with requires_grad=True", cause="everything was frozen")
    return [
        {
            "params": parameters,
            "lr": head_learning_rate if in_head else learning_rate,
            "weight_decay": weight_decay if decays else 0.0,
            "name": ("head" if in_head else "model") + (" weights" if decays else " biases and norms"),
        }
        for (in_head, decays), parameters in groups.items()
    ]


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW over `parameter_groups`, in its fused form (one pass over memory instead of a dozen).

    Args:
        model: the module to train.
        config: its learning_rate, head_learning_rate, weight_decay, betas and epsilon are used.
    Returns: torch.optim.AdamW.
    Raises: InputError if nothing is trainable.
    Example: ``make_optimizer(model, TrainConfig()).param_groups[0]["lr"] == 2e-4``.
    Source: Loshchilov & Hutter 2019, algorithm 2 (Adam with decoupled weight decay).
    """
    groups = parameter_groups(model, config.weight_decay, config.learning_rate, config.head_learning_rate)
    fused = all(p.device.type in ("cpu", "cuda") for group in groups for p in group["params"])
    return torch.optim.AdamW(groups, betas=config.betas, eps=config.epsilon, fused=fused)


def schedule(step: int, total_steps: int, warmup_ratio: float = 0.1, shape: str = "linear") -> float:
    """The share of the learning rate in force at a step: up in a straight line, then down to 0.

    With w = ceil(warmup_ratio · total_steps): step < w gives step / w; after that, linear gives
    (total_steps - step) / (total_steps - w), cosine gives half a cosine wave, constant gives 1.

    Args:
        step: optimiser updates done so far, 0 to total_steps.
        total_steps: optimiser updates in the whole training.
        warmup_ratio: share of the steps spent warming up, 0 to 1.
        shape: "linear", "cosine" or "constant".
    Returns: float from 0 to 1.
    Raises: InputError for another shape.
    Example: ``schedule(5, 100) == 0.5`` and ``schedule(55, 100) == 0.5``.
    Source: Devlin et al. 2019, appendix A.2 (linear warm-up and decay). Checked against transformers'
        get_linear_schedule_with_warmup and get_cosine_schedule_with_warmup, in tests/test_optim.py.
    """
    if shape not in SCHEDULES:
        raise InputError(f"schedule is {shape!r}", wanted=" or ".join(SCHEDULES))
    warmup = math.ceil(warmup_ratio * total_steps)
    if step < warmup:
        return step / warmup
    if shape == "constant":
        return 1.0
    done = (step - warmup) / max(1, total_steps - warmup)
    return max(0.0, 1 - done) if shape == "linear" else 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
