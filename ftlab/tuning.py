"""Train fewer parameters: LoRA, a small learned correction beside each frozen weight matrix, and adapters as files.

A pretrained matrix W stays as it is; what is learned is a product of two thin matrices, B · A, added to it. After training the
product can be added into W for good (`merge_lora`), or kept apart as a file of a few megabytes (`save_adapter`), in peft's format.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ftlab._files import whole_files
from ftlab.errors import InputError, ModelError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"  # peft's names
PREFIX = "base_model.model."  # what peft writes before every name


class LoRALinear(nn.Module):
    """A frozen linear layer with a trainable correction of low rank.

        y = W x + b + (alpha / rank) · B A x          A (rank, in), B (out, rank)

    A starts random and B at zero, so at first nothing changes; alpha / rank keeps the size of the correction, and so the
    learning rate that suits, much the same when the rank is changed.

    Args:
        base: the layer to correct; its own weights no longer train.
        rank: r, 1 or more: columns of B.
        alpha: scale of the correction; alpha / rank is what it is multiplied by.
        dropout: of the correction's input while training.
    Raises: InputError for a rank, alpha or dropout out of range.
    Example: ``LoRALinear(nn.Linear(576, 192), rank=8)`` adds 8 · 576 + 192 · 8 = 6,144 trainable numbers.
    Source: Hu et al. 2022, LoRA, section 4.1. Checked against: peft, outputs and gradients to 1e-5 (tests/test_tuning.py).
    """

    def __init__(self, base: nn.Linear, rank: int = 8, alpha: float = 16.0, dropout: float = 0.0) -> None:
        super().__init__()
        if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
            raise InputError(f"rank is {rank!r}", wanted="a whole number, 1 or more", hint="4 to 64 is usual")
        if not alpha > 0 or not 0 <= dropout < 1:
            raise InputError(f"alpha is {alpha}, dropout {dropout}", wanted="alpha above 0, dropout 0 or more and below 1")
        self.base, self.rank, self.alpha, self.scale = base.requires_grad_(False), rank, float(alpha), alpha / rank
        place = {"dtype": torch.float32, "device": base.weight.device}  # full precision: small steps must not be rounded away
        self.lora_A = nn.Parameter(torch.empty(rank, base.in_features, **place))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, rank, **place))
        self.dropout = nn.Dropout(dropout)
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))  # what nn.Linear draws, too

    def forward(self, x: Tensor) -> Tensor:
        """x (..., in) -> (..., out)."""
        inner = F.linear(self.dropout(x).to(self.lora_A.dtype), self.lora_A)  # (..., rank)
        y = self.base(x)  # (..., out)
        return y + (self.scale * F.linear(inner, self.lora_B)).to(y.dtype)  # (..., out)

    def correction(self) -> Tensor:
        """What is added to W: (alpha / rank) · B A, float (out, in)."""
        return self.scale * (self.lora_B @ self.lora_A)  # (out, in)


def add_lora(
    model: nn.Module, targets: Sequence[str] = ("q_proj", "v_proj"), rank: int = 8, alpha: float = 16.0, dropout: float = 0.0,
    train_also: Sequence[str] = (), seed: int = 0,
) -> nn.Module:
    """Freeze a model and put a `LoRALinear` around each linear layer of the given names, in place.

    Args:
        model: any module.
        targets: last parts of the layers' names: ("q_proj", "v_proj") in a Llama, ("query", "value") in a BERT.
        rank, alpha, dropout: see `LoRALinear`.
        train_also: modules that stay trainable as they are, by the last part of their names: ("classifier",) for a new head.
        seed: draws the A matrices; torch's own generator is left alone.
    Returns: the model.
    Raises: InputError if no linear layer has such a name, a name of train_also is unknown, a setting is out of range, or the model has
        LoRA already; the model is then as it was.
    Example: ``count_parameters(add_lora(model), trainable=True)`` is 460,800 for SmolLM2-135M with rank 8.
    Source: Hu et al. 2022, LoRA, section 4.2 (query and value). Checked against: peft's get_peft_model (tests/test_tuning.py).
    """
    _check_plain(model)
    if isinstance(targets, str) or isinstance(train_also, str):
        raise InputError(f"targets {targets!r} and train_also {train_also!r}", wanted="a list of names each", hint='("q_proj",) for one')
    found = _linear_layers(model, targets)
    heads = [module for name, module in model.named_modules() if _ends_in(name, train_also)]
    for wanted, got in ((targets, found), (train_also, heads)):
        if len(wanted) and not got:
            names = sorted({name.split(".")[-1] for name, module in model.named_modules() if isinstance(module, nn.Linear)})
            raise InputError(f"no layer is called {' or '.join(wanted)}", wanted=f"of {', '.join(names)}", cause="another family's names")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        corrected = {name: LoRALinear(layer, rank, alpha, dropout) for name, layer in found.items()}
    model.requires_grad_(False)
    for name, layer in corrected.items():
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, layer)
    for head in heads:
        head.requires_grad_(True)
    return model


@torch.no_grad()
def merge_lora(model: nn.Module) -> nn.Module:
    """Add every correction into its matrix and take the LoRA layers out, in place: the plain model, tuned.

        W <- W + (alpha / rank) · B A

    Args:
        model: from `add_lora` or `load_adapter`.
    Returns: the model, no slower than before LoRA; its weights stay frozen.
    Raises: InputError if it has no LoRA.
    Example: ``merge_lora(model)(**batch)`` gives the logits of before, to 1e-5 in float32.
    Source: Hu et al. 2022, LoRA, section 4.1 ("no additional inference latency"). Checked against: peft's merge_and_unload.
    """
    for name, layer in _lora_layers(model).items():
        parent, _, last = name.rpartition(".")
        layer.base.weight.copy_(layer.base.weight.float() + layer.correction())  # (out, in), rounded once
        setattr(model.get_submodule(parent), last, layer.base)
    return model


@contextmanager
def lora_off(model: nn.Module) -> Iterator[nn.Module]:
    """Inside the with-block the corrections count nothing: the model as it was before tuning.

    Args:
        model: from `add_lora` or `load_adapter`.
    Yields: the model.
    Returns: a context manager.
    Raises: InputError if it has no LoRA.
    Example: ``with lora_off(model): before = model(**batch).logits``.
    Source: Hu et al. 2022, LoRA, section 4.1 (switching tasks). Checked against: the plain model's logits, exactly.
    """
    layers = list(_lora_layers(model).values())
    scales = [layer.scale for layer in layers]
    try:
        for layer in layers:
            layer.scale = 0.0
        yield model
    finally:
        for layer, scale in zip(layers, scales):
            layer.scale = scale


def save_adapter(model: nn.Module, folder: str | os.PathLike[str], checkpoint: str | None = None) -> Path:
    """Write what was trained, and only that, as peft does, all or nothing: the A and B matrices, and modules that were trained whole.

    Args:
        model: from `add_lora`, trained.
        folder: where; made if need be. An adapter saved there earlier is replaced.
        checkpoint: name of the model that it corrects, for the record.
    Returns: the folder, with adapter_config.json and adapter_model.safetensors.
    Raises: InputError if the model has no LoRA, or the folder is a file.
    Example: ``peft.PeftModel.from_pretrained(fresh_model, save_adapter(model, "reviews"))`` is the tuned model.
    Source: the format of peft 0.18 and 0.19. Checked against: peft, both ways (tests/test_tuning.py).
    """
    from safetensors.torch import save_file

    layers = _lora_layers(model)
    one = next(iter(layers.values()))
    weights = {f"{PREFIX}{name}.{part}.weight": getattr(layer, part) for name, layer in layers.items() for part in ("lora_A", "lora_B")}
    whole = {name: p for name, p in model.named_parameters() if p.requires_grad and ".lora_" not in f".{name}"}
    weights |= {PREFIX + name: value for name, value in whole.items()}
    config = {
        "peft_type": "LORA", "base_model_name_or_path": checkpoint, "r": one.rank, "lora_alpha": one.alpha, "lora_dropout": one.dropout.p,
        "target_modules": sorted({name.split(".")[-1] for name in layers}), "bias": "none", "fan_in_fan_out": False, "inference_mode": True,
        "modules_to_save": sorted({name.split(".")[-2] for name in whole}) or None, "init_lora_weights": True, "task_type": None,
    }
    folder = Path(folder)
    if folder.is_file():
        raise InputError(f"{str(folder)!r} is a file", wanted="a folder, or a name that is free")
    with whole_files(folder) as scratch:
        save_file({name: value.detach().cpu().contiguous() for name, value in weights.items()}, scratch / WEIGHTS, metadata={"format": "pt"})
        (scratch / CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")
    return folder


def load_adapter(model: nn.Module, folder: str | os.PathLike[str]) -> nn.Module:
    """Put a saved adapter on a model, in place: one from `save_adapter`, or a plain LoRA adapter that peft saved.

    Args:
        model: the model it was trained on, without LoRA.
        folder: with adapter_config.json and adapter_model.safetensors.
    Returns: the model, the adapter trainable as it was.
    Raises: ModelError if there is no adapter, it is damaged, of another kind (DoRA, trained biases ...), or does not fit the model, which
        is then as it was; InputError if the model has LoRA already.
    Example: ``load_adapter(load_causal_lm()[0], "reviews")``.
    Source: the format of peft 0.18 and 0.19. Checked against: peft, both ways (tests/test_tuning.py).
    """
    from safetensors.torch import load_file

    folder = Path(folder)
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise ModelError(f"no adapter in {str(folder)!r}", wanted=f"a folder with {CONFIG} and {WEIGHTS}")
    _check_plain(model)
    try:
        config, tensors = json.loads((folder / CONFIG).read_text(encoding="utf-8")), load_file(folder / WEIGHTS)
        targets, rank, alpha = config["target_modules"], config["r"], config["lora_alpha"]
    except Exception as error:  # several kinds: no JSON, a key that is missing, damaged weights
        raise ModelError(f"a damaged adapter in {str(folder)!r} ({type(error).__name__}: {str(error)[:80]})",
                         wanted="whole files, as save_adapter writes them") from error
    odd = [key for key in ("use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "fan_in_fan_out") if config.get(key)]
    if config.get("peft_type") != "LORA" or config.get("bias", "none") != "none" or odd or isinstance(targets, str):
        kind = ", ".join(odd) or config.get("peft_type")
        raise ModelError(f"an adapter of another kind in {str(folder)!r} ({kind})", wanted="plain LoRA", hint="load it with peft")
    weights = {name.removeprefix(PREFIX): value for name, value in tensors.items()}
    weights = {name.removesuffix(".weight") if ".lora_" in name else name: value for name, value in weights.items()}
    lora = {}
    for name, layer in _linear_layers(model, targets).items():
        lora |= {f"{name}.lora_A": (rank, layer.in_features), f"{name}.lora_B": (layer.out_features, rank)}
    known = {name: tuple(value.shape) for name, value in model.state_dict().items()} | lora
    lacking, over = [name for name in lora if name not in weights], [name for name in weights if name not in known]
    if lacking or over:
        raise ModelError(f"the adapter does not fit: it lacks {lacking[:2]} and has {over[:2]} over", wanted="the model that it was trained on")
    if odd := [name for name, value in weights.items() if tuple(value.shape) != known[name]]:
        raise ModelError(f"the adapter does not fit: {odd[0]} is {tuple(weights[odd[0]].shape)}, wanted {known[odd[0]]}",
                         wanted="the model that it was trained on")
    add_lora(model, targets, rank, alpha, config.get("lora_dropout", 0.0), config.get("modules_to_save") or ())
    model.load_state_dict(weights, strict=False)
    return model


def _check_plain(model: nn.Module) -> None:
    if any(isinstance(module, LoRALinear) for module in model.modules()):
        raise InputError("the model has LoRA already", wanted="a plain model", hint="merge_lora(model) first, or load it afresh")


def _linear_layers(model: nn.Module, endings: Sequence[str]) -> dict[str, nn.Linear]:
    return {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear) and _ends_in(name, endings)}


def _ends_in(name: str, endings: Sequence[str]) -> bool:
    return any(name == ending or name.endswith("." + ending) for ending in endings)


def _lora_layers(model: nn.Module) -> dict[str, LoRALinear]:
    layers = {name: module for name, module in model.named_modules() if isinstance(module, LoRALinear)}
    if not layers:
        raise InputError("the model has no LoRA", wanted="one from add_lora or load_adapter", cause="it was merged already")
    return layers
