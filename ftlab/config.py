"""The settings of one training run: a frozen record that refuses contradictions when it is made."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from ftlab.errors import InputError


@dataclass(frozen=True)
class TrainConfig:
    """Every setting of `fit`, with a default that works for a small encoder on a few thousand sentences.

    Attributes:
        learning_rate: peak learning rate of AdamW. 2e-4 suits the 22 M-parameter encoder; BERT-base wants 2e-5 to 5e-5
            (Devlin et al. 2019, A.3): smaller models take larger steps.
        epochs: passes over the training split. 1 to 4 is usual; more mostly memorises.
        batch_size: examples per optimiser step, over all processes. 32, as in Devlin et al.
        micro_batch_size: examples per forward pass; None means batch_size. Smaller needs less memory and gives the same step.
        warmup_ratio: share of the steps in which the learning rate rises from 0. AdamW's first steps are
            full-sized however noisy their gradients (its averages hold next to nothing yet); small rates keep them harmless.
        schedule: "linear" (down to 0), "cosine" or "constant" after the warm-up.
        weight_decay: AdamW's decay of weight matrices; biases and norms never decay.
        clip_norm: largest gradient norm; a longer gradient is scaled down to it. None does not clip.
        betas, epsilon: AdamW's other settings, at torch's defaults (epsilon as in Adam's bias-corrected form).
        bias_correction: False leaves out AdamW's correction, as the first BERT code did; chapter 11 shows what that does.
        head_learning_rate: for the new head alone; None means learning_rate.
        layer_decay: each encoder layer's rate is this times that of the layer above it, 0.8 to 0.95 usually; None: one rate for all.
        dropout: in encoder and head; 0.0 trains faster on CPUs, and in two epochs no difference from 0.1 could be shown (chapter 04).
        label_smoothing: share of the label's probability spread over all classes.
        max_length: tokens kept of each example. The longest film-review sentence has 72.
        bucket: put sentences of similar length together, which saves nearly half of the positions computed.
        precision: "auto" is bf16 where the hardware has it, else fp16 on older CUDA GPUs, else fp32.
        evaluate_every: steps between evaluations (the last step is always judged); None evaluates once an epoch.
        patience: stop after this many evaluations without a new best; None never stops early.
        keep_best: end with the weights of the best evaluation instead of the last.
        compact: train only the embedding rows that occur in the data (same result, less time; see ftlab/embeddings.py).
        seed: order of the examples, dropout, and the new head's first weights.
    Raises: InputError if a value is out of range or two contradict each other.
    Example: ``TrainConfig(learning_rate=1e-4, epochs=3)``; ``config.but(seed=1)`` is a copy with another seed.
    """

    learning_rate: float = 2e-4
    epochs: int = 1
    batch_size: int = 32
    micro_batch_size: int | None = None
    warmup_ratio: float = 0.1
    schedule: str = "linear"
    weight_decay: float = 0.01
    clip_norm: float | None = 1.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    bias_correction: bool = True
    head_learning_rate: float | None = None
    layer_decay: float | None = None
    dropout: float = 0.0
    label_smoothing: float = 0.0
    max_length: int = 128
    bucket: bool = True
    precision: str = "auto"
    evaluate_every: int | None = None
    patience: int | None = None
    keep_best: bool = True
    compact: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        _number(self, "learning_rate", above=0, most=1, hint="usual values are 1e-5 to 5e-4")
        _number(self, "head_learning_rate", above=0, most=1, optional=True)
        _number(self, "layer_decay", above=0, most=1, optional=True)
        _whole(self, "epochs", 1)
        _whole(self, "batch_size", 1)
        for name in ("micro_batch_size", "evaluate_every", "patience"):
            _whole(self, name, 1, optional=True)
        _whole(self, "seed", 0)
        _whole(self, "max_length", 4)
        _number(self, "warmup_ratio", least=0, most=1)
        _number(self, "weight_decay", least=0)
        _number(self, "clip_norm", above=0, optional=True, hint="1.0 is usual; None switches clipping off")
        _number(self, "epsilon", above=0)
        _number(self, "dropout", least=0, below=1)
        _number(self, "label_smoothing", least=0, below=1)
        for name, allowed in (("schedule", ("linear", "cosine", "constant")), ("precision", ("auto", "fp32", "bf16", "fp16"))):
            if getattr(self, name) not in allowed:
                raise InputError(f"{name} is {getattr(self, name)!r}", wanted=" or ".join(allowed))
        if self.micro_batch_size and self.micro_batch_size > self.batch_size:
            raise InputError(
                f"micro_batch_size {self.micro_batch_size} is larger than batch_size {self.batch_size}",
                wanted="at most batch_size", cause="batch_size is what one optimiser step sees, in one or more micro-batches",
            )
        if self.patience and not self.keep_best:
            raise InputError("patience without keep_best", wanted="keep_best=True", cause="stopping early would keep the worse, last weights")

    def but(self, **changes: Any) -> TrainConfig:
        """A copy with some settings changed. Raises: InputError for a name that does not exist."""
        unknown = set(changes) - set(asdict(self))
        if unknown:
            raise InputError(f"no setting {sorted(unknown)[0]!r}", wanted=", ".join(asdict(self)))
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """All settings, ready for JSON."""
        return asdict(self)


def _number(config: TrainConfig, name: str, *, above=None, least=None, most=None, below=None, optional=False, hint: str = "") -> None:
    value = getattr(config, name)
    if value is None and optional:
        return
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    good = good and (above is None or value > above) and (least is None or value >= least)
    good = good and (most is None or value <= most) and (below is None or value < below)
    if not good:
        bounds = [(above, "above"), (least, "at least"), (most, "at most"), (below, "below")]
        raise InputError(f"{name} is {value!r}", wanted="a number " + ", ".join(f"{w} {b}" for b, w in bounds if b is not None), hint=hint)


def _whole(config: TrainConfig, name: str, least: int, optional: bool = False) -> None:
    value = getattr(config, name)
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {value!r}", wanted=f"a whole number, {least} or more" + (", or None" if optional else ""))
