"""Judging a model: the loss that fits the labels, and the scores over a whole split at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from ftlab import losses, metrics as scores
from ftlab.batching import LengthBuckets, inputs
from ftlab.errors import InputError

LossFn = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # (logits, labels) -> mean loss, float ()
MetricFn = Callable[[list[torch.Tensor], list[torch.Tensor]], dict[str, float]]  # (logits, labels), one an example -> scores


def evaluate(model: nn.Module, loader: Any, metrics: Sequence[str] | MetricFn = (), loss_fn: LossFn | None = None) -> dict[str, float]:
    """Score a model on every batch of a loader, with dropout off.

    Args:
        model: as in `fit`.
        loader: from `batches`, shuffle=False.
        metrics: names for `metrics.compute`; () gives the loss alone. Where an example has many predictions (tags, spans), a
            function (list of logits, list of labels) -> {name: score}, the headline first. It is called once, with one entry an
            example, in the order of `loader.dataset` and without padding: logits[i] is float32 (T_i, C), labels[i] int64 (T_i,).
        loss_fn: as in `fit`.
    Returns: dict with "loss" (mean over labels, not over batches: a short last batch counts as what it is), "n" (how many
        labels that is: one a text, one a tagged word, two a window of a question) and each metric.
    Raises: InputError if a metric does not fit, or a function's scores are not a dict of finite numbers.
    Example: ``evaluate(model, loader, ["accuracy"])["accuracy"]``.
    Checked against: scikit-learn on the whole split at once, in tests/test_training.py.
    """
    return judge(model, loader, metrics, loss_fn or default_loss())[0]


def default_loss(label_smoothing: float = 0.0) -> LossFn:
    """The loss that fits a batch's labels: whole numbers (B,) cross-entropy, real numbers (B,) squared error, (B, T) a loss a token.

    Args:
        label_smoothing: for cross-entropy on sentences.
    Returns: function (logits, labels) -> float ().
    Example: ``default_loss()(torch.zeros(1, 2), torch.tensor([1]))`` is log 2 = 0.693.
    """

    def loss_fn(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if labels.is_floating_point():
            return losses.regression_loss(logits, labels)
        if labels.ndim == 2:
            return losses.token_loss(logits, labels)
        return losses.classification_loss(logits, labels, label_smoothing=label_smoothing)

    return loss_fn


@torch.no_grad()
def judge(model: nn.Module, loader: Any, metrics: Sequence[str] | MetricFn, loss_fn: LossFn) -> tuple[dict[str, float], str | None]:
    """The scores of `evaluate`, and a remark if they are those of a model that learned nothing.

    Args:
        model, loader, metrics, loss_fn: as in `evaluate`.
    Returns: (dict of scores, remark or None).
    Raises: InputError as `evaluate`.
    Example: ``judge(model, loader, ["accuracy"], default_loss())[1]`` is None for a model that has learned something.
    """
    device = next(model.parameters()).device
    was_training, total, n = model.training, 0.0, 0
    all_logits, all_labels, lengths = [], [], []
    model.eval()
    for batch in loader:
        batch = {name: value.to(device) for name, value in batch.items()}
        logits, labels = logits_of(model, batch), batch["labels"]
        total += float(loss_fn(logits, labels)) * n_labels(batch)
        n += n_labels(batch)
        if metrics:
            all_logits.append(logits.float().cpu())
            all_labels.append(labels.cpu())
            lengths += batch["attention_mask"].sum(1).tolist()
    model.train(was_training)
    if not metrics:
        return {"loss": total / n, "n": n}, None
    if callable(metrics):
        return {"loss": total / n, "n": n, **_finite(metrics(*_by_example(loader, all_logits, all_labels, lengths)))}, None
    logits, labels = torch.cat(all_logits), torch.cat(all_labels)
    return {"loss": total / n, "n": n, **scores.compute(metrics, logits, labels)}, scores.degenerate(logits, labels)


def _by_example(
    loader: Any, all_logits: list[torch.Tensor], all_labels: list[torch.Tensor], lengths: list[int]
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Logits and labels of each example, padding cut off, in the data set's order (a loader groups by length)."""
    if not isinstance(getattr(loader, "batch_sampler", None), LengthBuckets):
        raise InputError("metrics as a function, with a loader of another kind", wanted="a loader from batches, whose order is known")
    order = [i for batch in loader.batch_sampler for i in batch]
    logits = [row for batch in all_logits for row in batch]  # each (T, C), or (C,)
    labels = [row for batch in all_labels for row in batch]  # each (T,), (2,) or ()
    cut_logits, cut_labels = [None] * len(order), [None] * len(order)
    for i, row, label, length in zip(order, logits, labels, lengths, strict=True):
        per_token = row.ndim == 2 and label.ndim == 1 and len(label) == len(row)
        cut_logits[i] = row[:length] if row.ndim == 2 else row
        cut_labels[i] = label[:length] if per_token else label
    return cut_logits, cut_labels


def _finite(scored: Any) -> dict[str, float]:
    if not isinstance(scored, dict) or not scored or not all(isinstance(v, (int, float)) and math.isfinite(v) for v in scored.values()):
        raise InputError(f"metrics returned {scored!r}", wanted="a dict of name to finite number, the headline first")
    return scored


def logits_of(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """What a model says of a batch, whichever form it answers in.

    Args:
        model: ours, which returns logits, or one of the library's, which returns a record that holds them.
        batch: from `batches`.
    Returns: logits, float (B, C) or (B, T, C).
    Example: ``logits_of(model, batch).shape`` is (32, 2) for two classes.
    """
    output = model(**inputs(batch))
    return getattr(output, "logits", output)


def n_labels(batch: dict[str, torch.Tensor]) -> int:
    """How many labels of a batch ask something: the weight of its mean loss.

    Args:
        batch: with "labels"; -100 asks nothing.
    Returns: int, at least 1.
    Example: labels [3, -100, 5] count 2.
    """
    return int((batch["labels"] != losses.IGNORE_INDEX).sum()) or 1
