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


def parameter_groups(
    model: nn.Module, weight_decay: float, learning_rate: float, head_learning_rate: float | None = None, layer_decay: float | None = None
) -> list[dict[str, Any]]:
    """Split the trainable parameters by two questions: does it decay, and how fast may it move (head, layer)?

    Weights of linear and embedding layers (2 dimensions or more) decay; biases and normalisation weights (1 dimension) do
    not. This asks for the number of dimensions, so it holds for any naming of the layers.

    Args:
        model: any module; its head is every parameter outside the pretrained encoder (outside ``model.bert`` for ours).
        weight_decay: AdamW's decay for the weights that decay, 0 or more.
        learning_rate: for the encoder.
        head_learning_rate: for the head; None means the same.
        layer_decay: each layer's rate is this times that of the layer above it (see `layer_shares`); None means one rate for all.
    Returns: list of dicts for torch.optim.AdamW: params, lr, weight_decay, name. Empty groups are left out.
    Raises: InputError if nothing is trainable.
    Example: a linear layer (4, 2) with bias gives two groups: its weight (decays) and its bias (does not).
    Source: Devlin et al. 2019, appendix A.3 (weight decay 0.01); Loshchilov & Hutter 2019. Checked against the groups of
        transformers' Trainer, in tests/test_optim.py.
    """
    encoder = getattr(model, "bert", None)
    inside = {id(p) for p in encoder.parameters()} if isinstance(encoder, nn.Module) else set()
    shares = {} if layer_decay is None else layer_shares(model, layer_decay)
    groups: dict[tuple[bool, bool, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            in_head = head_learning_rate is not None and id(parameter) not in inside
            groups.setdefault((in_head, parameter.ndim >= 2, shares.get(name, 1.0)), []).append(parameter)
    if not groups:
        raise InputError("no parameter is trainable", wanted="at least one with requires_grad=True", cause="everything was frozen")
    return [
        {
            "params": parameters,
            "lr": head_learning_rate if in_head else learning_rate * share,
            "weight_decay": weight_decay if decays else 0.0,
            "name": ("head" if in_head else "model") + (" weights" if decays else " biases and norms") + (f" x {share:.3g}" if share != 1 else ""),
        }
        for (in_head, decays, share), parameters in sorted(groups.items(), key=lambda group: -group[0][2])
    ]


def layer_shares(model: nn.Module, decay: float) -> dict[str, float]:
    """The share of the learning rate that each parameter gets if every layer moves less than the one above it.

        head, pooler and top layer 1;   layer l of L: decay^(L - l), l = 1 at the bottom;   embeddings: decay^L

    Args:
        model: an encoder with a head.
        decay: above 0, at most 1. 1 gives all the same.
    Returns: dict of a parameter's name -> share.
    Raises: InputError for a decay out of range; ModelError if the model has no encoder with layers.
    Example: with decay 0.8 and 6 layers the embeddings get 0.8^6 = 0.262.
    Source: Howard & Ruder 2018, ULMFiT, section 3.2; Sun et al. 2019, How to Fine-Tune BERT, section 5.3. Checked against: shares worked
        out from the names alone, and the length of AdamW's first step (tests/test_optim.py).
    """
    from ftlab.freezing import encoder_of, layers_of

    if isinstance(decay, bool) or not isinstance(decay, (int, float)) or not 0 < decay <= 1:
        raise InputError(f"layer_decay is {decay!r}", wanted="a number above 0, at most 1", hint="0.8 to 0.95 is usual; None switches it off")
    encoder = encoder_of(model)
    layers, pooler = layers_of(encoder), getattr(encoder, "pooler", None)
    below = {id(p): len(layers) for p in encoder.parameters()}  # layers above a parameter: all of them, for the embeddings
    for height, layer in enumerate(layers, start=1):
        below |= {id(p): len(layers) - height for p in layer.parameters()}
    below |= {id(p): 0 for p in pooler.parameters()} if pooler is not None else {}
    return {name: float(decay) ** below.get(id(p), 0) for name, p in model.named_parameters()}


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW over `parameter_groups`, in its fused form (one pass over memory instead of a dozen).

    Args:
        model: the module to train.
        config: its learning_rate, head_learning_rate, layer_decay, weight_decay, betas, epsilon and bias_correction are used.
    Returns: torch.optim.AdamW.
    Raises: InputError if nothing is trainable.
    Example: ``make_optimizer(model, TrainConfig()).param_groups[0]["lr"] == 2e-4``.
    Source: Loshchilov & Hutter 2019, algorithm 2 (Adam with decoupled weight decay).
    """
    groups = parameter_groups(model, config.weight_decay, config.learning_rate, config.head_learning_rate, config.layer_decay)
    fused = all(p.device.type in ("cpu", "cuda") for group in groups for p in group["params"])
    optimizer = torch.optim.AdamW(groups, betas=config.betas, eps=config.epsilon, fused=fused)
    return optimizer if config.bias_correction else without_correction(optimizer)


def correction(step: int, betas: tuple[float, float] = (0.9, 0.999)) -> float:
    """How many times longer AdamW's step is when the bias correction is left out.

        (1 - beta1^step) / sqrt(1 - beta2^step)

    Args:
        step: which step, counted from 1.
        betas: AdamW's two decay rates.
    Returns: float: 3.16 at step 1, 6.57 at most (step 12), 1 in the end, all at the default betas.
    Raises: InputError if step is below 1.
    Example: ``round(correction(12), 2) == 6.57``.
    Source: Kingma & Ba 2015, section 3 (the correction). Checked against a plain AdamW without it, in tests/test_optim.py.
    """
    if step < 1:
        raise InputError(f"step is {step}", wanted="1 or more", cause="Adam counts from 1")
    return (1 - betas[0] ** step) / math.sqrt(1 - betas[1] ** step)


def without_correction(optimizer: torch.optim.AdamW) -> torch.optim.AdamW:
    """Make an AdamW leave out its bias correction, as the optimiser of the first BERT code did.

        m / (sqrt(v) + eps) = c · m^ / (sqrt(v^) + c2 · eps),   m^ = m / (1 - beta1^t), v^ = v / (1 - beta2^t),
        c2 = 1 / sqrt(1 - beta2^t),   c = (1 - beta1^t) · c2

    So torch's own step is taken, with the learning rate times c, eps times c2, and a weight decay divided by c (which must not grow).
    The settings in ``param_groups`` are put back after every step.

    Args:
        optimizer: a torch.optim.AdamW.
    Returns: the same optimiser.
    Example: the first step moves a weight by 3.16 learning rates instead of one.
    Source: Mosbach et al. 2021 and Zhang et al. 2021, section 4 (BERTAdam). Checked against a plain AdamW without the correction, in
        tests/test_optim.py.
    """
    kept: list[tuple[float, float, float]] = []

    def longer(opt: torch.optim.Optimizer, *_: Any) -> None:
        for group in opt.param_groups:
            kept.append((group["lr"], group["eps"], group["weight_decay"]))
            done = next((int(opt.state[p]["step"]) for p in group["params"] if p in opt.state), 0)
            c = correction(done + 1, group["betas"])
            group["lr"] *= c
            group["eps"] /= math.sqrt(1 - group["betas"][1] ** (done + 1))
            group["weight_decay"] /= c

    def back(opt: torch.optim.Optimizer, *_: Any) -> None:
        for group in opt.param_groups:
            group["lr"], group["eps"], group["weight_decay"] = kept.pop(0)

    optimizer.register_step_pre_hook(longer)
    optimizer.register_step_post_hook(back)
    return optimizer


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
