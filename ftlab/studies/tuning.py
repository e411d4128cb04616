"""Chapter 10: how much must be trained? Eleven ways to adapt the encoder, each with a learning rate searched for it alone.

Two stages. The *search* trains every method once with each of its four rates and scores validation (seed 100). The *seeds* take each
method's best rate and train on five other draws of the training split, scored on test. On GLUE, whose test labels are withheld,
validation is what is reported, so nothing is chosen on it: the rate comes from the course's task of the same form.
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
SEARCH_SEED, N_SEEDS = 100, 5
EASY, HARD = "ratings/movies", "ratings/movies-pairs"
RTE, COLA = "glue/rte", "glue/cola"
TRAINING = {EASY: (2000, 2), HARD: (4000, 1), RTE: (None, 2), COLA: (None, 1)}  # task: (training examples, None for all; epochs)
RATES_FROM = {RTE: HARD, COLA: EASY}  # pairs from pairs, single sentences from single sentences

#: The four learning rates that each is tried with; for frozen features the four values of C. Where the best of a first four lay at their
#: edge (frozen, head, last 1), the window was moved by one before any seed was run; the fifth value stays in the results.
METHODS: dict[str, tuple[float, ...]] = {
    "frozen": (0.001, 0.01, 0.1, 1.0),
    "frozen, apart": (0.001, 0.01, 0.1, 1.0),
    "head": (3e-3, 1e-2, 3e-2, 1e-1),
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
ON = {EASY: [m for m in METHODS if m != "frozen, apart"], HARD: list(METHODS), RTE: ["full", "lora 8", "frozen"],
      COLA: ["full", "lora 8", "biases", "frozen"]}


def cells() -> list[dict[str, Any]]:
    """The search: every method with each of its rates, once.

    Returns: list of cells with stage "search".
    Example: ``cells()[0]["seed"]`` is 100.
    """
    return [{"stage": "search", "task": task, "method": method, "rate": rate, "seed": SEARCH_SEED}
            for task in (EASY, HARD) for method in ON[task] for rate in METHODS[method]]


def then(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The second stage: for each method whose search is complete, its best rate with each seed.

    Args:
        runs: the finished runs, as stored.
    Returns: list of cells with stage "seeds"; those of methods still searched for are left out.
    Example: ``then([])`` is [].
    """
    best = {(task, method): best_rate(runs, task, method) for task in (EASY, HARD) for method in ON[task]}
    found = []
    for task, methods in ON.items():
        for method in methods:
            rate = best[RATES_FROM.get(task, task), method]
            alike = method == "frozen" and TRAINING[task][0] is None  # all of the data and no random numbers: one run says it all
            found += [{"stage": "seeds", "task": task, "method": method, "rate": rate, "seed": seed}
                      for seed in range(1 if alike else N_SEEDS) if rate is not None]
    return found


def best_rate(runs: list[dict[str, Any]], task: str, method: str) -> float | None:
    """The rate with the best validation accuracy in the search, the lower one of equals.

    Args:
        runs: the finished runs, as stored.
        task: a task that was searched on.
        method: one of METHODS.
    Returns: float, or None while a rate of this method has no result.
    Example: ``best_rate([], EASY, "full")`` is None.
    """
    searched = {"stage": "search", "task": task, "method": method}
    scores = {run["cell"]["rate"]: run["scores"]["validation"] for run in runs if searched.items() <= run["cell"].items()}
    return max(METHODS[method], key=lambda rate: (scores[rate], -rate)) if set(scores) >= set(METHODS[method]) else None


def steps(cell: dict[str, Any]) -> int:
    """Optimiser updates of a cell; frozen features take none.

    Args:
        cell: of this study.
    Returns: int.
    Example: 2,000 examples, twice, in batches of 32: 126.
    """
    from ftlab.tasks.glue import TASKS

    n, epochs = TRAINING[cell["task"]]
    n = n or TASKS[cell["task"].removeprefix("glue/")].sizes[0]
    return 0 if cell["method"].startswith("frozen") else epochs * math.ceil(n / 32)


def run(cell: dict[str, Any]) -> dict[str, Any]:
    """Train one cell; score validation in the search, the test split (in GLUE validation) with the seeds.

    Args:
        cell: of this study; n_train and epochs may be given to try it on less.
    Returns: dict: validation, or accuracy (and Matthews correlation for CoLA) with right, "1" or "0" an example; trained, stored_bytes.
    Example: ``run(cells()[0])["validation"]`` is an accuracy.
    """
    task, n, epochs = _task(cell["task"]), *TRAINING[cell["task"]]
    train = task.train.take(cell.get("n_train") or n or len(task.train), seed=cell["seed"])
    judged = task.test if cell["stage"] == "seeds" and task.test.labels is not None else task.validation
    if cell["method"].startswith("frozen"):
        predictions, scores = _frozen(cell, train, judged)
    else:
        predictions, scores = _trained(cell, task.n_classes, train, judged, cell.get("epochs", epochs))
    right = [p == y for p, y in zip(predictions, judged.labels, strict=True)]
    accuracy = sum(right) / len(right)
    if cell["stage"] == "search":
        return {"validation": accuracy, **scores}
    if task.metric == "matthews":
        from ftlab.metrics import matthews

        scores = {"matthews": matthews(predictions, judged.labels), **scores}
    return {"accuracy": accuracy, **scores, "right": "".join(str(int(r)) for r in right)}


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
    return ft.predict_logits(model, ft.load_tokenizer(), split, batch_size=256)  # (N, H)


@lru_cache(maxsize=None)
def _task(name: str) -> Any:
    import ftlab as ft

    return ft.load_task(name)
