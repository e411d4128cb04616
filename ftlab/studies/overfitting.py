"""Chapter 09: when a small model has too few sentences, and what helps. Movie sentiment, scored on the test split after the last step.

Nothing is chosen by its test score: settings were fixed before the runs. A seed draws the training sentences, the head and the
order; so two variants with the same seed saw the same sentences, and are compared pair by pair.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import lru_cache
from typing import Any

WHAT = "Film-review sentiment with few sentences: training size, depth, 20 epochs, and what is said to help against overfitting."
PRECISION = "fp32"
TASK = "ratings/movies"
N_ALL = 7782
FEW, EPOCHS, BATCH = 256, 20, 32  # the variants: 256 sentences seen 20 times, 160 steps
SIZES = {64: 5, 128: 5, 256: 5, 512: 5, 1024: 5, 2048: 5, 4096: 5, N_ALL: 3}  # sentences: seeds
DEPTHS = (4, 2)  # layers kept, from below
DEPTH_SIZES = (64, 512, 2048)
VARIANTS: dict[str, dict[str, Any]] = {  # what differs from TrainConfig(epochs=20); "labels" and "change" are explained below
    "base": {},
    "one rating": {"labels": "one rating"},
    "wrong labels 20%": {"labels": "flipped"},
    "word dropout": {"change": "drop"},
    "near words": {"change": "near"},
    "dropout 0.1": {"dropout": 0.1},
    "dropout 0.3": {"dropout": 0.3},
    "weight decay 0": {"weight_decay": 0.0},
    "weight decay 0.1": {"weight_decay": 0.1},
    "weight decay 10": {"weight_decay": 10.0},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "5 epochs": {"epochs": 5},
    "one rating, undecided too": {"labels": "one rating, undecided too"},
    "one rating, 18 times as many": {"labels": "one rating, undecided too", "n_train": 18 * FEW, "epochs": 1},
}
EACH_EPOCH = ("base", "one rating", "wrong labels 20%", "one rating, undecided too")  # these keep a whole curve; the others every fourth epoch
CHANGED = 0.1  # share of words left out or replaced
SMALL = 64  # a validation set that somebody with few labels could afford


def cells() -> list[dict[str, Any]]:
    """All cells: the variants (8 seeds), learning curve, depth, and augmentation with 64 sentences (5 seeds).

    Returns: list of dicts with part and seed, and variant, or n_train and layers.
    Example: ``cells()[0]`` is {"part": "variant", "variant": "base", "seed": 0}.
    """
    found = [{"part": "variant", "variant": name, "seed": seed} for name in VARIANTS for seed in range(8)]
    found += [{"part": "size", "n_train": n, "layers": 6, "seed": seed} for n, seeds in SIZES.items() for seed in range(seeds)]
    found += [{"part": "size", "n_train": n, "layers": layers, "seed": seed} for layers in DEPTHS for n in DEPTH_SIZES for seed in range(5)]
    return found + [{"part": "few", "n_train": 64, "change": change, "seed": seed} for change in ("drop", "near") for seed in range(5)]


def steps(cell: dict[str, Any]) -> int:
    """Optimiser steps of a cell.

    Args:
        cell: one of `cells`.
    Returns: int.
    Example: 256 sentences in batches of 32, 20 times: 160.
    """
    plan = settings(cell)
    return plan["epochs"] * math.ceil(plan["n_train"] / BATCH)


def settings(cell: dict[str, Any]) -> dict[str, Any]:
    """All that a cell does, with the defaults filled in.

    Sizes are trained for 2 epochs, or for as many as 80 steps take: few sentences need more passes.

    Args:
        cell: one of `cells`.
    Returns: dict of n_train, epochs, layers, labels, change and settings of `TrainConfig`.
    Example: ``settings({"part": "size", "n_train": 64, "layers": 6, "seed": 0})["epochs"]`` is 40.
    """
    plan = {"n_train": FEW, "epochs": EPOCHS, "layers": 6, "labels": "mean", "change": None}
    if cell["part"] == "variant":
        return {**plan, **VARIANTS[cell["variant"]]}
    n = cell["n_train"]
    return {**plan, **{k: v for k, v in cell.items() if k in plan}, "epochs": max(2, math.ceil(80 / math.ceil(n / BATCH)))}


def run(cell: dict[str, Any]) -> dict[str, Any]:
    """Train one cell.

    Args:
        cell: one of `cells`; "seed" draws sentences, head and order.
    Returns: dict with test accuracy and loss after the last step, the same for validation and the training sentences (as labelled),
        curve (the same at each evaluation, and for 64 sentences of validation), wrong (share of training labels that differ
        from the mean's), and steps.
    Example: ``run({"part": "size", "n_train": 64, "layers": 6, "seed": 0})["accuracy"]``.
    """
    import ftlab as ft
    from ftlab.batching import Encoded

    plan, seed = settings(cell), cell["seed"]
    own = {name: plan[name] for name in plan if name not in ("n_train", "layers", "labels", "change")}
    config = ft.TrainConfig(batch_size=BATCH, precision=PRECISION, keep_best=False, seed=seed, **own)
    split, wrong = training_split(plan["n_train"], plan["labels"], seed)
    tokenizer, (validation, test) = _tokenizer(), _judged()
    train = ft.encode(split, tokenizer)
    loader = ft.batches(_changed(split, plan["change"], config.epochs, seed) if plan["change"] else train, BATCH, seed=seed)
    judged = ft.batches(Encoded(train.rows + validation.rows + test.rows, train.pad_id), 256, shuffle=False)
    per_epoch = cell.get("variant") in EACH_EPOCH
    every = len(loader) * (1 if per_epoch else 4 if cell["part"] == "variant" else config.epochs)
    model = shallow(ft.build_model(ft.load_task(TASK), seed=seed, dropout=config.dropout), plan["layers"])
    history = ft.fit(model, loader, judged, config.but(evaluate_every=every), metrics=_Parts(len(train), len(validation), seed))
    names = [name for name in history.evaluations[0] if name not in ("step", "epoch", "loss", "n")]
    curve = {name: [round(e[name], 4) for e in history.evaluations] for name in ("epoch", *names)}
    last = {name.removeprefix("test_"): curve[name][-1] for name in names if not name.startswith("small")}
    return {**last, "wrong": round(wrong, 4), "curve": curve, "steps": len(history.steps)}


def training_split(n: int, labels: str, seed: int) -> tuple[Any, float]:
    """n training sentences with labels from all ratings or from one.

    Args:
        n: how many.
        labels: "mean": the sign of the mean rating, of sentences with |mean| >= 0.5. "one rating": the sign of one rating that is not 0, drawn
            for each of the same sentences. "flipped": the mean's, one in five turned round. "one rating, undecided too": one rating of
            sentences drawn from all, as without the other ratings nobody knows which are undecided.
        seed: of the draw.
    Returns: (`Split`, share of labels that differ from the mean's sign).
    Example: ``training_split(256, "mean", 0)[1]`` is 0.0.
    """
    from ftlab.tasks import Split, load_task
    from ftlab.tasks.ratings import records, usable

    chance = random.Random(seed)
    if labels == "one rating, undecided too":
        rows = [row for row in usable("movies")["train"] if any(row.ratings)]
        split = Split("train", [r.text for r in rows], [int(r.mean > 0) for r in rows], ids=[r.id for r in rows]).take(n, seed)
    else:
        split = load_task(TASK).train.take(n, seed)
    given = list(split.labels)
    if labels == "flipped":
        for i in chance.sample(range(n), round(n / 5)):
            given[i] = 1 - given[i]
    elif labels != "mean":
        ratings = {row.id: [r for r in row.ratings if r] for row in records("movies")}
        given = [int(chance.choice(ratings[name]) > 0) for name in split.ids]
    return replace(split, labels=given), sum(a != b for a, b in zip(given, split.labels)) / len(split)


def shallow(model: Any, layers: int) -> Any:
    """The same model with its lowest layers only, in place.

    Args:
        model: a `SequenceClassifier`.
        layers: how many stay, 1 to all.
    Returns: the model.
    Raises: InputError for another number.
    Example: ``len(shallow(model, 2).bert.encoder.layer)`` is 2.
    """
    from ftlab.errors import InputError

    encoder = model.bert
    if not 1 <= layers <= len(encoder.encoder.layer):
        raise InputError(f"layers is {layers}", wanted=f"1 to {len(encoder.encoder.layer)}")
    encoder.encoder.layer = encoder.encoder.layer[:layers]
    encoder.config.num_hidden_layers = layers
    return model


class _Parts:
    """Loss and accuracy of the training, validation and test part of one list, and of 64 sentences drawn from validation."""

    def __init__(self, n_train: int, n_validation: int, seed: int) -> None:
        middle = n_train + n_validation
        drawn = random.Random(seed).sample(range(n_train, middle), min(SMALL, n_validation))  # the file's first are nearly all of one class
        self.parts = {"train": slice(0, n_train), "validation": slice(n_train, middle), "test": slice(middle, None), "small": drawn}

    def __call__(self, logits: list[Any], labels: list[Any]) -> dict[str, float]:
        import torch

        rows, right = torch.stack(logits), torch.stack(labels)  # (N, C), (N,)
        losses, hits = torch.nn.functional.cross_entropy(rows, right, reduction="none"), (rows.argmax(1) == right).float()  # (N,)
        found = {}
        for name, part in self.parts.items():
            found |= {f"{name}_accuracy": hits[part].mean().item(), f"{name}_loss": losses[part].mean().item()}
        return found


def _changed(split: Any, change: str, epochs: int, seed: int) -> Any:
    """A fresh version of the sentences for each epoch."""
    from ftlab import augment
    from ftlab.batching import encode

    chance = random.Random(seed)
    if change == "drop":
        texts = [[augment.drop_words(text, CHANGED, chance) for text in split.texts] for _ in range(epochs)]
    else:
        near = _near()
        texts = [[augment.swap_words(text, CHANGED, chance, near) for text in split.texts] for _ in range(epochs)]
    return augment.Versions([encode(replace(split, texts=version), _tokenizer()) for version in texts])


@lru_cache(maxsize=None)
def _tokenizer() -> Any:
    from ftlab.checkpoints import load_tokenizer

    return load_tokenizer()


@lru_cache(maxsize=None)
def _judged() -> tuple[Any, Any]:
    from ftlab.batching import encode
    from ftlab.tasks import load_task

    task = load_task(TASK)
    return encode(task.validation, _tokenizer()), encode(task.test, _tokenizer())


@lru_cache(maxsize=None)
def _near() -> dict[str, list[str]]:
    from ftlab.augment import near_words
    from ftlab.checkpoints import load_encoder
    from ftlab.tasks import load_task

    return near_words(load_task(TASK).train.texts, _tokenizer(), load_encoder())
