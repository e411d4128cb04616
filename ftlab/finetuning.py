"""From a task's name to a fine-tuned model in one call, and from a sentence to a label with its probability."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ftlab import lab
from ftlab.batching import Encoded, batches, encode, inputs, pad
from ftlab.checkpoints import load_tokenizer, save_model
from ftlab.config import TrainConfig
from ftlab.errors import InputError, TaskError
from ftlab.history import History
from ftlab.models import build_model
from ftlab.spans import is_extractor
from ftlab.tagging import encode_tagged, entity_metrics, is_tagger, predict_entities
from ftlab.training import evaluate, fit

if TYPE_CHECKING:
    from ftlab.tasks import Split, Task


@dataclass
class FineTuned:
    """A fine-tuned model with all that is needed to use, judge and keep it.

    Attributes:
        model, tokenizer: ready for `predict`.
        task: what it was trained on.
        history: how the training went.
        config: the settings.
        scores: {"validation": {...}, "test": {...}} for the splits that have labels.
    Example: ``fine_tune("ratings/movies").predict("A quiet marvel.")[0]["label"]``.
    """

    model: nn.Module
    tokenizer: Any
    task: Task
    history: History
    config: TrainConfig
    scores: dict[str, dict[str, float]] = field(default_factory=dict)

    def predict(self, texts: str | Sequence[str], pairs: str | Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Label and probabilities of your own texts.

        Args:
            texts: one text or several.
            pairs: the second texts, for tasks on pairs.
        Returns: one dict a text, as `predict` gives.
        Raises: InputError if the texts are not text.
        Example: ``tuned.predict("A quiet marvel.")[0]["label"]`` is "positive".
        """
        return predict(self.model, self.tokenizer, texts, pairs, label_names=self.task.label_names)

    def evaluate(self, split: str | Split = "test") -> dict[str, float]:
        """Loss and the task's metrics on a split.

        Args:
            split: a name ("test"), or a `Split` with labels.
        Returns: dict with loss, n and each metric of the task, 0 to 1.
        Raises: TaskError if the task has no such split.
        Example: ``tuned.evaluate("test")["accuracy"]``.
        """
        if isinstance(split, str):
            if split not in self.task.splits:
                raise TaskError(f"no split {split!r} in {self.task.name}", wanted=" or ".join(self.task.splits))
            split = self.task.splits[split]
        encoded, metrics = _prepare(self.task, split, self.tokenizer, self.config.max_length)
        with autocast(self.config.precision):
            return evaluate(self.model.to(lab.device()), batches(encoded, 64, shuffle=False), metrics)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write a folder that plain transformers loads, with metrics.json beside the weights.

        Args:
            folder: where; made if need be.
        Returns: the folder.
        Raises: ModelError if the model has no counterpart in the library.
        Example: ``tuned.save("runs/movies")``.
        """
        folder = save_model(self.model, self.tokenizer, folder, self.task.label_names)
        (folder / "metrics.json").write_text(json.dumps(self._record(), indent=1), encoding="utf-8")
        return folder

    def _record(self) -> dict[str, Any]:
        """What metrics.json holds."""
        return {
            "task": self.task.name, "metric": self.task.metric, "scores": self.scores, "config": self.config.to_dict(),
            "seconds": round(self.history.seconds, 1), "tokens_per_second": round(self.history.tokens_per_second),
            "peak_mib": round(lab.peak_mib()), "device": self.history.device, "precision": self.history.precision,
            "notes": self.history.notes, "versions": versions(), "evaluations": self.history.evaluations,
        }


def fine_tune(
    task: str | Task,
    checkpoint: str = "minilm-l6",
    config: TrainConfig = TrainConfig(),
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    test: bool = True,
) -> FineTuned:
    """Fine-tune a checkpoint on a task, choose by validation, score validation and test.

    Args:
        task: a name for `load_task`, or a `Task`, `TaggingTask` or `QuestionTask` (for the last see `answering.FineTunedExtractor`).
        checkpoint: as in `checkpoints.resolve`.
        config: see `TrainConfig`.
        out: folder for the model and metrics.json (written at the end, whole), and for a snapshot each epoch.
        resume: go on from the snapshot in `out`.
        test: also score the test split, if it has labels.
    Returns: `FineTuned`.
    Raises: TaskError, ModelError, InputError, TrainingError, each in one line.
    Example: ``fine_tune("ratings/movies", config=TrainConfig(seed=1)).scores["test"]["accuracy"]`` is near 0.87.
    """
    if isinstance(task, str):
        from ftlab.tasks import load_task

        task = load_task(task)
    if not hasattr(task, "kind"):
        raise TaskError(f"a {type(task).__name__} as the task", wanted="a name for load_task, or a Task",
                        hint="load_table makes one of a file")
    if out is not None and Path(out).exists() and not Path(out).is_dir():
        raise InputError(f"out={str(out)!r} is a file", wanted="a folder, or a name that is free")
    if task.kind == "span":
        from ftlab.answering import fine_tune_extractor

        return fine_tune_extractor(task, checkpoint, config, out, resume, test)
    lab.seed_everything(config.seed)
    tokenizer = load_tokenizer(checkpoint)
    model = build_model(task, checkpoint, seed=config.seed, dropout=config.dropout)
    train, _ = _prepare(task, task.train, tokenizer, config.max_length)
    train = batches(train, config.batch_size, bucket=config.bucket, seed=config.seed)
    validation, metrics = _prepare(task, task.validation, tokenizer, config.max_length)
    validation = batches(validation, 64, shuffle=False)
    snapshots = Path(out) / "snapshot" if out is not None else None
    history = fit(model, train, validation, config, metrics=metrics, out=snapshots, resume=resume)
    result = FineTuned(model, tokenizer, task, history, config)
    judged = history.best if config.keep_best else history.evaluations[-1]  # the evaluation of the weights that are returned
    result.scores["validation"] = {k: v for k, v in judged.items() if k not in ("step", "epoch")}
    labelled = test and "test" in task.splits and task.splits["test"].labels is not None and len(task.splits["test"])
    if labelled:
        result.scores["test"] = result.evaluate("test")
    if out is not None:
        result.save(out)
    return result


@torch.no_grad()
def predict_logits(model: nn.Module, tokenizer: Any, split: Any, max_length: int = 128, batch_size: int = 64) -> torch.Tensor:
    """Logits of every example, in the order given (sentences are grouped by length inside, and put back).

    Args:
        model: one of ours or the library's.
        tokenizer: the model's.
        split: a `Split`, or a list of texts.
        max_length: tokens kept of each text.
        batch_size: examples a forward pass.
    Returns: float32 (N, C), on the CPU.
    Raises: InputError for texts that are not text, or a model that has not one row of logits a text.
    Example: ``predict_logits(model, tokenizer, task.test).argmax(1)`` lines up with ``task.test.labels``.
    """
    device = next(model.parameters()).device
    encoded = encode(_as_split(split), tokenizer, max_length)
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]["input_ids"]))
    was_training, rows = model.training, []
    model.eval()
    for start in range(0, len(order), batch_size):
        batch = pad([encoded[i] for i in order[start : start + batch_size]], encoded.pad_id)
        output = model(**{name: value.to(device) for name, value in inputs(batch).items()})
        logits = getattr(output, "logits", output)
        if getattr(logits, "ndim", 0) != 2:
            raise InputError(f"a {type(model).__name__}", wanted="a model with one row of logits a text (B, C)",
                             cause="a head for tokens, such as a masked language model's")
        rows.append(logits.float().cpu())
    model.train(was_training)
    back = torch.empty(len(order), dtype=torch.long)
    back[torch.tensor(order)] = torch.arange(len(order))
    return torch.cat(rows)[back]


def predict(
    model: nn.Module, tokenizer: Any, texts: str | Sequence[str], pairs: str | Sequence[str] | None = None, label_names: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Label and probabilities of texts (softmax of the logits), or the value for regression.

    Args:
        model, tokenizer: from `fine_tune` or `load_model`.
        texts: one text or several.
        pairs: the second texts, for tasks on pairs.
        label_names: one a class.
    Returns: one dict a text: label, probability, probabilities {label: float}; for regression: value; for a model that tags words:
        entities, as `tagging.predict_entities` gives them; for one that answers questions (pairs: their contexts): as `answering.answer`.
    Raises: InputError if the texts are not text, the two lists differ in length, or a tagger is given pairs.
    Example: ``predict(model, tokenizer, "A quiet marvel.")[0]`` is like {"label": "positive", "probability": 0.99, …}.
    """
    if is_extractor(model):
        from ftlab.answering import answers_of

        return answers_of(model, tokenizer, texts, pairs)
    texts = [texts] if isinstance(texts, str) else list(texts)
    pairs = [pairs] if isinstance(pairs, str) else (list(pairs) if pairs is not None else None)
    if is_tagger(model):
        if pairs is not None:
            raise InputError("pairs for a model that tags words", wanted="texts alone")
        return [{"entities": predict_entities(model, tokenizer, text, label_names)} for text in _as_split(texts).texts]
    logits = predict_logits(model, tokenizer, _as_split(texts, pairs), tokenizer.model_max_length)  # (N, C)
    if logits.shape[1] == 1:
        return [{"value": float(value)} for value in logits[:, 0]]
    names = list(label_names) if len(label_names) == logits.shape[1] else [f"LABEL_{i}" for i in range(logits.shape[1])]
    answers = []
    for row in torch.softmax(logits, -1).tolist():
        best = max(range(len(row)), key=row.__getitem__)
        answers.append({"label": names[best], "probability": row[best], "probabilities": dict(zip(names, row))})
    return answers


def autocast(precision: str = "auto") -> Any:
    """A context in which matrix products run in the given precision: for evaluation by hand.

    Args:
        precision: as in `lab.precision`.
    Returns: a context manager.
    Example: ``with autocast(): logits = model(**inputs(batch))``.
    """
    name = lab.precision(precision)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[name]
    return torch.autocast(lab.device(), dtype=dtype, enabled=name != "fp32")


def versions() -> dict[str, str]:
    """Versions of what a result depends on.

    Returns: dict of str: python, torch, transformers, accelerate, ftlab.
    Example: ``versions()["ftlab"]`` is "0.1.0".
    """
    import accelerate
    import transformers

    from ftlab import __version__

    return {
        "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__,
        "accelerate": accelerate.__version__, "ftlab": __version__,
    }


@dataclass(frozen=True)
class _Texts:
    texts: list[str]
    pairs: list[str] | None
    labels: None = None
    name: str = "given"

    def __len__(self) -> int:
        return len(self.texts)


def _as_split(texts: Any, pairs: list[str] | None = None) -> Any:
    if hasattr(texts, "texts"):
        return texts
    for name, values in (("texts", texts), ("pairs", pairs)):
        for i, value in enumerate(values or []):
            if not isinstance(value, str):
                raise InputError(f"{name}[{i}] is {value!r} ({type(value).__name__})", wanted="text", cause="a missing value in a table")
    if not texts:
        raise InputError("no texts", wanted="at least one")
    if pairs is not None and len(pairs) != len(texts):
        raise InputError(f"{len(texts)} texts and {len(pairs)} pairs", wanted="as many of each")
    return _Texts(list(texts), pairs)


def _prepare(task: Task, split: Any, tokenizer: Any, max_length: int) -> tuple[Encoded, Any]:
    """A split as token ids, and what judges a model on it (`metrics` of `fit`)."""
    if task.kind == "tagging":
        encoded = encode_tagged(split, tokenizer, task.label_names, max_length)
        return encoded, entity_metrics(encoded, split)
    return encode(split, tokenizer, max_length), _headline_first(task)


def _headline_first(task: Task) -> list[str]:
    if not len(task.train) or not len(task.validation):
        raise TaskError(f"{task.name} has an empty train or validation split", wanted="examples in both")
    return [task.metric, *(name for name in task.metrics if name != task.metric)]
