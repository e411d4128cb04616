"""Chapter 10: how much must be trained? Eleven ways to adapt the encoder, each with a learning rate searched for it alone.

Two stages. The *search* trains every method with each of its four rates, three times (seeds 100 to 102), and scores validation; the rate
with the best mean is taken. The *seeds* train with that rate on ten other draws of the training split, scored on test. On GLUE, whose
test labels are withheld, validation is what is reported, so nothing is chosen on it: the search holds a tenth of the training split out.
A few runs more, stage "longer", give two methods four passes over the pair task instead of one.

How the plan grew: one search run a rate and five seeds at first. On the pair task the rates taken from one run each were then seen to
be on the brink (test accuracies of one method 9 points apart), so all methods alike were given three search runs and ten seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

WHAT = "Accuracy of eleven ways to tune the lite encoder, each with its own searched learning rate, on an easy and on hard tasks."
PRECISION = "fp32"
SEARCH_SEEDS, N_SEEDS = (100, 101, 102), 10
EASY, HARD = "ratings/movies", "ratings/movies-pairs"
RTE, COLA = "glue/rte", "glue/cola"
TRAINING = {EASY: (2000, 2), HARD: (4000, 1), RTE: (None, 3), COLA: (None, 3)}  # task: (training examples, None for all; epochs)
HELD_OUT = 10  # on GLUE the search is scored on one training example in ten

#: The four learning rates that each is tried with; for frozen features the four values of C. Where the best of a first four lay at their
#: edge, the window was moved (frozen, last 1: by one; head and frozen, apart: by two); values left behind stay in the results.
METHODS: dict[str, tuple[float, ...]] = {
    "frozen": (0.001, 0.01, 0.1, 1.0),
    "frozen, apart": (0.0001, 0.001, 0.01, 0.1),
    "head": (1e-2, 3e-2, 1e-1, 3e-1),
    "last 1": (3e-4, 1e-3, 3e-3, 1e-2),
    "last 2": (1e-4, 3e-4, 1e-3, 3e-3),
    "last 4": (1e-4, 3e-4, 1e-3, 3e-3),
    "biases": (1e-3, 3e-3, 1e-2, 3e-2),
    "lora 2": (3e-4, 1e-3, 3e-3, 1e-2),
    "lora 8": (3e-4, 1e-3, 3e-3, 1e-2),
    "lora 32": (3e-4, 1e-3, 3e-3, 1e-2),
    "full": (3e-5, 1e-4, 3e-4, 1e-3),
    "full, layer decay": (1e-4, 3e-4, 1e-3, 3e-3),
}
LAYER_DECAY, LORA_ALPHA = 0.8, 16.0
#: Would more steps help on the pair task? Three seeds, and the one that failed with nearly every method, with four passes instead of one.
LONGER = {"methods": ("full", "lora 8"), "seeds": (0, 1, 2, 9), "epochs": 4}
ON = {EASY: [m for m in METHODS if m != "frozen, apart"], HARD: list(METHODS), **{task: ["full", "lora 8", "biases", "frozen"] for task in (RTE, COLA)}}


def cells() -> list[dict[str, Any]]:
    """The search: every method with each of its rates and each of the search's seeds.

    Returns: list of cells with stage "search".
    Example: ``cells()[0]["seed"]`` is 100.
    """
    return [{"stage": "search", "task": task, "method": method, "rate": rate, "seed": seed}
            for seed in SEARCH_SEEDS for task in ON for method in ON[task] for rate in METHODS[method]]


def then(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The second stage: for each method whose search is complete, its best rate with each seed; for two of them also with more steps.

    Args:
        runs: the finished runs, as stored.
    Returns: list of cells with stage "seeds", and some with stage "longer"; those of methods still searched for are left out.
    Example: ``then([])`` is [].
    """
    found = []
    for task, methods in ON.items():
        for method in methods:
            rate = best_rate(runs, task, method)
            alike = method == "frozen" and TRAINING[task][0] is None  # all of the data and no random numbers: one run says it all
            found += [{"stage": "seeds", "task": task, "method": method, "rate": rate, "seed": seed}
                      for seed in range(1 if alike else N_SEEDS) if rate is not None]
    for method in LONGER["methods"]:
        rate = best_rate(runs, HARD, method)
        found += [{"stage": "longer", "task": HARD, "method": method, "rate": rate, "seed": seed, "epochs": LONGER["epochs"]}
                  for seed in LONGER["seeds"] if rate is not None]
    return found


def best_rate(runs: list[dict[str, Any]], task: str, method: str) -> float | None:
    """The rate with the best mean validation score in the search, the lower one of equals.

    Args:
        runs: the finished runs, as stored.
        task: a task that was searched on.
        method: one of METHODS.
    Returns: float, or None while a rate of this method has no result.
    Example: ``best_rate([], EASY, "full")`` is None.
    """
    scores = {rate: [] for rate in METHODS[method]}
    for run in runs:
        cell = run["cell"]
        if (cell["stage"], cell["task"], cell["method"]) == ("search", task, method) and cell["rate"] in scores:
            scores[cell["rate"]].append(run["scores"]["validation"])
    if any(len(found) < len(SEARCH_SEEDS) for found in scores.values()):
        return None
    return max(METHODS[method], key=lambda rate: (round(sum(scores[rate]), 9), -rate))


def steps(cell: dict[str, Any]) -> int:
    """Optimiser updates of a cell; frozen features take none.

    Args:
        cell: of this study.
    Returns: int.
    Example: 2,000 examples, twice, in batches of 32: 126.
    """
    from ftlab.tasks.glue import TASKS

    n, epochs = TRAINING[cell["task"]]
    epochs = cell.get("epochs", epochs)
    if n is None:
        n = TASKS[cell["task"].removeprefix("glue/")].sizes[0]
        n -= n // HELD_OUT if cell["stage"] == "search" else 0
    return 0 if cell["method"].startswith("frozen") else epochs * math.ceil(n / 32)


def run(cell: dict[str, Any]) -> dict[str, Any]:
    """Train one cell; score validation in the search (in GLUE a tenth of the training split), the test split (in GLUE validation) with the seeds.

    Args:
        cell: of this study; n_train and epochs may be given to try it on less.
    Returns: dict: validation, in the task's own metric; or accuracy (and Matthews correlation for CoLA) with right, "1" or "0" an
        example; trained, stored_bytes.
    Example: ``run(cells()[0])["validation"]`` is an accuracy.
    """
    task, (n, epochs) = _task(cell["task"]), TRAINING[cell["task"]]
    train, judged = _splits(task, cell["stage"], cell["seed"])
    train = train.take(cell.get("n_train") or n or len(train), seed=cell["seed"])
    if cell["method"].startswith("frozen"):
        predictions, scores = _frozen(cell, train, judged)
    else:
        predictions, scores = _trained(cell, task.n_classes, train, judged, cell.get("epochs", epochs))
    right = [p == y for p, y in zip(predictions, judged.labels, strict=True)]
    accuracy, own = sum(right) / len(right), {}
    if task.metric == "matthews":
        from ftlab.metrics import matthews

        own = {"matthews": matthews(predictions, judged.labels)}
    if cell["stage"] == "search":
        return {"validation": own.get("matthews", accuracy), **scores}
    return {"accuracy": accuracy, **own, **scores, "right": "".join(str(int(r)) for r in right)}


def _splits(task: Any, stage: str, seed: int) -> tuple[Any, Any]:
    """(what to train on, what to score)."""
    if task.test.labels is not None:
        return task.train, task.validation if stage == "search" else task.test
    if stage != "search":
        return task.train, task.validation
    from ftlab.tasks.drawing import drawn

    held = set(drawn(len(task.train), len(task.train) // HELD_OUT, seed))
    return tuple(task.train.select([i for i in range(len(task.train)) if (i in held) == out]) for out in (False, True))


def build(n_classes: int, seed: int = 0) -> nn.Module:
    """The model that all methods start from: the encoder without its untrained pooler, mean pooling, a new head, no dropout.

    Args:
        n_classes: C.
        seed: draws the head.
    Returns: `SequenceClassifier`.
    Example: ``count_parameters(build(2))`` is 22,566,146.
    """
    import torch

    import ftlab as ft

    encoder = ft.load_encoder(dropout=0.0)
    encoder.pooler = None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ft.SequenceClassifier(encoder, n_classes, pooling="mean", dropout=0.0)


def prepare(model: nn.Module, method: str, seed: int = 0) -> nn.Module:
    """Freeze all that a method does not train, in place; for LoRA, put the low-rank corrections in.

    Args:
        model: from `build`.
        method: one of METHODS, without frozen features.
        seed: draws LoRA's A matrices.
    Returns: the model.
    Example: ``count_parameters(prepare(build(2), "lora 8"), trainable=True)`` is 74,498.
    """
    import ftlab as ft

    kind, _, number = method.partition(" ")
    ways: dict[str, Callable[[nn.Module], nn.Module]] = {
        "head": ft.train_head, "biases": ft.train_biases, "full": lambda model: model, "full,": lambda model: model,
        "last": lambda model: ft.train_last_layers(model, int(number)),
        "lora": lambda model: ft.add_lora(model, ("query", "value"), int(number), LORA_ALPHA, train_also=("classifier",), seed=seed),
    }
    return ways[kind](model)


def _trained(cell: dict[str, Any], n_classes: int, train: Any, judged: Any, epochs: int) -> tuple[list[int], dict[str, Any]]:
    import ftlab as ft
    from ftlab.errors import TrainingError

    model, tokenizer, seed = build(n_classes, cell["seed"]), ft.load_tokenizer(), cell["seed"]
    prepare(model, cell["method"], seed)
    scores = {"trained": ft.count_parameters(model, trainable=True), "stored_bytes": ft.stored_bytes(model)}
    config = ft.TrainConfig(learning_rate=cell["rate"], epochs=epochs, precision=PRECISION, seed=seed,
                            layer_decay=LAYER_DECAY if cell["method"].endswith("layer decay") else None)
    loader = ft.batches(ft.encode(train, tokenizer), config.batch_size, seed=seed)
    try:
        scores["steps"] = len(ft.fit(model, loader, config=config).steps)
    except TrainingError:  # the rate was far too high: scored as it stands
        scores |= {"steps": 0, "collapsed": 1}
    return ft.predict_logits(model, tokenizer, judged, batch_size=256).argmax(1).tolist(), scores


def _frozen(cell: dict[str, Any], train: Any, judged: Any) -> tuple[list[int], dict[str, Any]]:
    apart = cell["method"] == "frozen, apart"
    model = fit_probe(train, cell["rate"], apart)
    n = model[-1].coef_.size + model[-1].intercept_.size
    return model.predict(features(judged, apart)).tolist(), {"trained": n, "stored_bytes": 4 * n, "steps": 0}


def fit_probe(train: Any, C: float = 0.01, apart: bool = False) -> Any:
    """Logistic regression on the frozen encoder's mean vectors, each number scaled to unit variance.

    Args:
        train: a split with labels.
        C: inverse strength of its L2 penalty; smaller holds back more.
        apart: as in `features`.
    Returns: a scikit-learn pipeline; its predict takes `features` of other examples.
    Example: ``fit_probe(task.train).predict(features(task.test))`` is an array (N,) of classes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000)).fit(features(train, apart), train.labels)


def features(split: Any, apart: bool = False) -> torch.Tensor:
    """The frozen encoder's mean vector of every example.

    Args:
        split: texts, perhaps pairs.
        apart: encode the texts of a pair one by one and take the difference of their vectors.
    Returns: float32 (N, H).
    Example: ``features(task.validation).shape`` is (1006, 384).
    """
    import ftlab as ft

    if apart:
        return _vectors(tuple(split.texts), None) - _vectors(tuple(split.pairs), None)  # (N, H)
    return _vectors(tuple(split.texts), tuple(split.pairs) if split.pairs else None)  # (N, H)


@lru_cache(maxsize=4)
def _vectors(texts: tuple[str, ...], pairs: tuple[str, ...] | None) -> torch.Tensor:
    import torch

    import ftlab as ft
    from ftlab.tasks import Split

    model = build(2).to(ft.lab.device())
    model.classifier = torch.nn.Identity()  # the pooled vector itself
    split = Split("features", list(texts), None, list(pairs) if pairs else None)
    return ft.predict_logits(model, ft.load_tokenizer(), split, batch_size=64)  # (N, H)


@lru_cache(maxsize=None)
def _task(name: str) -> Any:
    import ftlab as ft

    return ft.load_task(name)
