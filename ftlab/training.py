"""The training loop: shuffle, forward, loss, backward, clip, step, evaluate, keep the best. About a page; read `fit` first.

Accelerate stands underneath for the device, mixed precision and several processes; the rest is written out.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ftlab import lab, losses
from ftlab.config import TrainConfig
from ftlab.embeddings import compact_embeddings
from ftlab.errors import InputError, TrainingError
from ftlab.evaluation import LossFn, MetricFn, default_loss, evaluate, judge, logits_of, n_labels
from ftlab.history import History
from ftlab.masterweights import MasterWeights, can_hold_masters
from ftlab.optim import make_optimizer, schedule
from ftlab.progress import Progress
from ftlab.snapshots import restore_snapshot, save_snapshot


def fit(
    model: nn.Module,
    train_loader: Any,
    validation_loader: Any = None,
    config: TrainConfig = TrainConfig(),
    *,
    loss_fn: LossFn | None = None,
    metrics: Sequence[str] | MetricFn = (),
    out: str | Path | None = None,
    resume: bool = False,
) -> History:
    """Fine-tune a model in place and say what happened.

    One optimiser step: w ← AdamW(w, clip(mean gradient of the batch), learning rate · schedule(step)).

    Args:
        model: maps the inputs of a batch to logits.
        train_loader: from `batches`: dicts of tensors with "labels".
        validation_loader: evaluated once an epoch, or every config.evaluate_every steps and after the last; None trains without.
        config: see `TrainConfig`.
        loss_fn: (logits, labels) -> mean loss, float (); None takes the loss that fits the labels (`default_loss`).
        metrics: names for `metrics.compute`, or a function as in `evaluate`; the first score decides which evaluation is best
            (without any, the loss does).
        out: folder for snapshots to resume from, one at each epoch's end; None keeps none.
        resume: go on from the snapshot in `out`, if there is one, as if never interrupted.
    Returns: `History`.
    Raises: TrainingError if the loss is not finite or memory runs out; InputError if there is nothing to train.
    Example: ``fit(model, batches(encode(task.train, tokenizer)), config=TrainConfig(epochs=1)).best``.
    Checked against: transformers' Trainer (same losses, step by step, in float32), in tests/test_training.py.
    """
    by_masters = can_hold_masters(model, config.precision)
    accelerator = _accelerator("fp32" if by_masters else config.precision)
    loss_fn = loss_fn or default_loss(config.label_smoothing)
    headline = "loss" if callable(metrics) or not metrics else metrics[0]  # a function's first score is known once it has run
    history = History(headline=headline, precision=lab.precision(config.precision), device=accelerator.device.type)
    torch.manual_seed(config.seed)
    with compact_embeddings(model, _token_ids(train_loader, validation_loader) if config.compact else None):
        model.to(accelerator.device)
        optimizer = make_optimizer(model, config)
        masters = MasterWeights(model, optimizer) if by_masters else None
        peaks = [group["lr"] for group in optimizer.param_groups]
        weights = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        wrapped, optimizer, train_loader = accelerator.prepare(model, optimizer, train_loader)
        run = _Run(model, optimizer, history, config, Path(out) if out else None, masters)
        total = config.epochs * len(train_loader)
        progress = Progress(total, show=accelerator.is_main_process)
        try:
            step = run.resume() if resume else 0
            for epoch in range(step // len(train_loader), config.epochs):
                _set_epoch(train_loader, epoch)
                for batch in itertools.islice(train_loader, step % len(train_loader), None):
                    started = time.perf_counter()
                    for group, peak in zip(optimizer.param_groups, peaks):
                        group["lr"] = peak * schedule(step, total, config.warmup_ratio, config.schedule)
                    loss = _backward(accelerator, wrapped, batch, loss_fn, config.micro_batch_size)
                    norm = accelerator.clip_grad_norm_(weights, config.clip_norm or math.inf)
                    if not math.isfinite(loss):
                        raise _not_finite(step + 1, loss, optimizer, history)
                    optimizer.step()
                    optimizer.zero_grad()
                    run.step = step = step + 1
                    history.tokens += int(batch["attention_mask"].sum())
                    history.seconds += time.perf_counter() - started
                    rate = optimizer.param_groups[0]["lr"]
                    epochs_done = step / len(train_loader)
                    history.steps.append({"step": step, "epoch": epochs_done, "loss": loss, "learning_rate": rate, "grad_norm": float(norm)})
                    progress.update(step, loss, history)
                    at_end = step % len(train_loader) == 0
                    if validation_loader is not None and (step == total or (step % config.evaluate_every == 0 if config.evaluate_every else at_end)):
                        started = time.perf_counter()
                        run.evaluation(*judge(wrapped, validation_loader, metrics, loss_fn), epochs_done)
                        history.evaluation_seconds += time.perf_counter() - started
                        if run.out_of_patience():
                            history.note(f"stopped early at step {step}: no better for {config.patience} evaluations")
                            return history
                    if at_end:
                        run.snapshot()
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise _out_of_memory(config) from error
        finally:
            accelerator.unwrap_model(wrapped, keep_fp32_wrapper=False)
            vars(model).pop("forward", None)  # Accelerate leaves its wrapped forward's original behind; the class has it anyway
            model.zero_grad()
            run.finish()
            progress.close(history)
    return history


class _Run:
    """The weights worth keeping, and the file to go on from."""

    def __init__(
        self, model: nn.Module, optimizer: Any, history: History, config: TrainConfig, out: Path | None, masters: MasterWeights | None
    ) -> None:
        self.model, self.optimizer, self.history, self.config, self.out, self.masters = model, optimizer, history, config, out, masters
        self.best_state: dict[str, torch.Tensor] | None = None
        self.step, self.remark = 0, None

    def evaluation(self, scored: dict[str, float], remark: str | None, epoch: float) -> None:
        self.history.headline = next((name for name in scored if name not in ("loss", "n")), "loss")
        self.history.evaluations.append({"step": self.step, "epoch": epoch, **scored})
        if self.config.keep_best and self.history.best is self.history.evaluations[-1]:
            with self.exact():
                self.best_state = {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}
        self.remark = remark

    def out_of_patience(self) -> bool:
        since = len(self.history.evaluations) - 1 - self.history.evaluations.index(self.history.best)
        return self.config.patience is not None and since >= self.config.patience

    def exact(self) -> Any:
        """Inside, the model holds its weights in full precision."""
        return self.masters.exact() if self.masters else nullcontext()

    def finish(self) -> None:
        if self.masters:
            self.masters.close()
        if self.best_state is not None and self.history.best["step"] != self.step:
            self.model.load_state_dict(self.best_state)
            self.history.note(f"kept the weights of step {self.history.best['step']}, the best evaluation")
        if self.remark:
            self.history.note(f"degenerate: {self.remark}")

    def snapshot(self) -> None:
        if self.out is not None:
            with self.exact():
                save_snapshot(self.out, self.step, self.model, self.optimizer, self.history, self.config, self.best_state)

    def resume(self) -> int:
        if self.out is None:
            raise InputError("resume=True without out", wanted="the folder of the run to go on with", hint="pass out=FOLDER")
        with self.exact():
            self.step, self.best_state = restore_snapshot(self.out, self.model, self.optimizer, self.history, self.config)
        return self.step


def _accelerator(precision: str) -> Any:
    """A fresh Accelerator; `batch_size` is what all processes see together, so each takes its slice of a batch."""
    from accelerate import Accelerator, DataLoaderConfiguration
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state()  # the precision may differ from the run before
    name = lab.precision(precision)
    return Accelerator(
        mixed_precision="no" if name == "fp32" else name, cpu=lab.device() == "cpu",
        dataloader_config=DataLoaderConfiguration(split_batches=True),
    )


def _backward(accelerator: Any, model: nn.Module, batch: dict[str, torch.Tensor], loss_fn: LossFn, micro_batch_size: int | None) -> float:
    """Gradients of the batch's mean loss, in one or more forward passes; returns that mean (nats).

    Each micro-batch counts by its share of the labels, so the sum is the gradient of the whole batch, not nearly so.
    """
    model.train()
    pieces, n, total = list(_micro_batches(batch, micro_batch_size)), n_labels(batch), 0.0
    if len(pieces) > 1:
        pieces = [piece for piece in pieces if (piece["labels"] != losses.IGNORE_INDEX).any()]  # one that asks nothing has no loss
    for i, piece in enumerate(pieces):
        last = i == len(pieces) - 1
        with nullcontext() if last else accelerator.no_sync(model):
            loss = loss_fn(logits_of(model, piece), piece["labels"]) * (n_labels(piece) / n)
            accelerator.backward(loss)
        total += float(loss.detach())
    return total


def _micro_batches(batch: dict[str, torch.Tensor], size: int | None) -> Iterator[dict[str, torch.Tensor]]:
    n = len(batch["labels"])
    for start in range(0, n, size or n):
        yield {name: value[start : start + (size or n)] for name, value in batch.items()}


def _set_epoch(loader: Any, epoch: int) -> None:
    for thing in (loader, loader.batch_sampler):  # Accelerate's loader counts epochs itself, and would start again at 0 on resume
        if hasattr(thing, "set_epoch"):
            thing.set_epoch(epoch)


def _token_ids(*loaders: Any) -> set[int] | None:
    """Every token id that the loaders will yield, if their data sets can tell."""
    ids: set[int] = set()
    for loader in loaders:
        if loader is not None:
            rows = getattr(getattr(loader, "dataset", None), "rows", None)
            if rows is None:
                return None
            ids.add(loader.dataset.pad_id)
            ids.update(itertools.chain.from_iterable(row["input_ids"] for row in rows))
    return ids


def _not_finite(step: int, loss: float, optimizer: Any, history: History) -> TrainingError:
    rate = optimizer.param_groups[0]["lr"]
    good = f"the weights of step {history.best['step']} are kept" if history.evaluations else "no evaluation came before it"
    return TrainingError(
        f"loss {loss} at step {step}, learning rate {rate:.2g}; {good}", wanted="a finite loss",
        cause="the learning rate is too high, or clipping or warm-up is off", hint=f"try learning_rate={rate / 4:.1g}, clip_norm=1.0",
    )


def _out_of_memory(config: TrainConfig) -> TrainingError:
    size = config.micro_batch_size or config.batch_size
    return TrainingError(
        f"out of memory with {size} examples at a time", wanted="a smaller forward pass",
        hint=f"micro_batch_size={max(1, size // 2)} keeps batch_size={config.batch_size}, so the result stays the same; or a smaller max_length",
    )
