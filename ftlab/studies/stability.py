"""Chapter 11: one recipe under many seeds, head and order crossed, collapse provoked, and what cures it.

The recipe: 500 film-review sentences, 3 epochs in batches of 32 (48 steps), AdamW with bias correction, peak rate 2e-4 after a warm-up
over a tenth of the steps, linear decay, clipping at 1, no dropout. So two things are left to chance: the head's first weights and the order of the
sentences. (500 sentences are one pool of length buckets: they meet in much the same batches every time, and it is mostly the batches' order that is drawn.) Every run is scored on the whole test split (GLUE: validation) after its last step; nothing is chosen by a score. The recipe and
the rates to provoke with (from chapter 04's runs, where 1e-3 failed for some seeds) were fixed before the runs; after the first 111 of them the
cures were given a second starting point, 2e-4, and conditions in which every run fails fewer seeds. After some 125 of them the plan was cut
(20 seeds of most conditions to 8, the square from 8 to 6, MRPC from 10 to 4) so that two CPU cores can finish it: for time, by no score.
One run of the longer plan (5e-4, warm-up, no correction, seed 5) is kept.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

WHAT = "One recipe under many seeds: head and order apart, collapse provoked by rate, warm-up and bias correction, and cures."
PRECISION = "fp32"
N_TRAIN, BATCH_SIZE = 500, 32
RECIPE: dict[str, Any] = {"task": "movies", "rate": 2e-4, "correction": True, "warmup": 0.1, "epochs": 3, "reinit": None}
SICK: dict[str, Any] = {"correction": False, "warmup": 0.0}  # at the recipe's rate: about half of the runs fail; what the cures are tried on
MRPC: dict[str, Any] = {"task": "mrpc", "rate": 1e-4}  # chapter 05's settings, in full
RATES, N_SEEDS, N_FEW, N_HOPELESS, N_MRPC, N_CROSSED = (2e-4, 5e-4, 1e-3), 20, 8, 5, 4, 6
SIZES = {"movies": N_TRAIN, "mrpc": 3668}


def cells() -> list[dict[str, Any]]:
    """The runs: 20 seeds of the recipe, 8 of its variants and cures, 5 where all fail, a 6 x 6 crossed design, 10 with a nudge, 4 of MRPC.

    Returns: list of dict: part, the recipe's settings, head (seed of the head), order (seed of the order) and seed.
    Example: ``cells()[0]`` is the recipe with seed 0.
    """
    made = []

    def add(part: str, n_seeds: int, **changes: Any) -> None:
        made.extend({"part": part, **RECIPE, **changes, "head": s, "order": s, "seed": s} for s in range(n_seeds))

    add("recipe", N_SEEDS)
    for rate in RATES:
        for correction in (True, False):
            for warmup in (0.1, 0.0):
                if (rate, correction, warmup) != (RECIPE["rate"], True, RECIPE["warmup"]):  # that is the recipe
                    n_seeds = N_FEW if correction or rate == RECIPE["rate"] else N_HOPELESS  # the others fail, every run
                    add("provoked", n_seeds, rate=rate, correction=correction, warmup=warmup)
    for h in range(N_CROSSED):  # seed n completes a square of n + 1 heads and orders
        made.extend({"part": "crossed", **RECIPE, "head": h, "order": 100 + o, "seed": max(h, o)} for o in range(N_CROSSED))
    for rate, n_seeds in ((RECIPE["rate"], N_FEW), (5e-4, N_HOPELESS)):
        for changes in ({"reinit": 1}, {"reinit": 2}, {"epochs": 9}):
            add("cure", n_seeds, **{**SICK, "rate": rate, **changes})
    for reinit in (1, 2):
        add("healthy", N_FEW, reinit=reinit)
    add("healthy", N_HOPELESS, epochs=9)
    for nudge in (1e-6, 1e-3):  # the head's first weights times 1.000001: a rounding error or two; and times 1.001
        add("nudged", N_HOPELESS, nudge=nudge)
    add("mrpc", N_MRPC, **MRPC)
    return made


def steps(cell: dict[str, Any]) -> int:
    """Optimiser updates of a cell.

    Args:
        cell: one of `cells`.
    Returns: int.
    Example: 48 for the recipe.
    """
    return cell["epochs"] * math.ceil(SIZES[cell["task"]] / BATCH_SIZE)


def run(cell: dict[str, Any]) -> dict[str, Any]:
    """Train one cell and score it.

    Args:
        cell: one of `cells`.
    Returns: dict: accuracy, loss and predicted_1 (share of answers that are class 1) on the examples scored; train_loss, the mean of the last
        epoch; gradients, the gradient's norm on 64 training examples after the last step: embeddings, layers from the bottom, pooler, head;
        diverged, 1 if the loss became infinite; steps; for MRPC f1; for the recipe right, bit by bit in hexadecimal, which answers are.
    Example: ``run(cells()[0])["steps"]`` is 48.
    """
    import ftlab as ft
    from ftlab.errors import TrainingError

    task, train, scored = _data(cell["task"])
    config = ft.TrainConfig(
        learning_rate=cell["rate"], bias_correction=cell["correction"], warmup_ratio=cell["warmup"], epochs=cell["epochs"],
        batch_size=BATCH_SIZE, precision=PRECISION, keep_best=False, seed=cell["seed"],
    )
    model = ft.build_model(task, seed=cell["head"])
    if cell["reinit"] is not None:
        ft.reinitialise_top(model, cell["reinit"], seed=cell["head"])
    model.classifier.weight.data *= 1 + cell.get("nudge", 0.0)
    try:
        history = ft.fit(model, ft.batches(train, BATCH_SIZE, seed=cell["order"]), config=config)
    except TrainingError:
        return {"accuracy": round(task.majority_baseline(scored)["accuracy"], 4), "diverged": 1, "steps": 0}
    epoch = history.steps[-len(history.steps) // cell["epochs"]:]
    found = {**_scores(model, task, scored), "train_loss": round(sum(s["loss"] for s in epoch) / len(epoch), 4), "diverged": 0}
    right = found.pop("right")
    if cell["part"] == "recipe":
        found["right"] = f"{int(''.join(map(str, right)), 2):0{-(-len(right) // 4)}x}"
    return {**found, "gradients": _gradients(model, train), "steps": len(history.steps)}


@lru_cache
def _data(name: str) -> tuple[Any, Any, str]:
    """The task, its encoded training examples, and the split that is scored."""
    import ftlab as ft

    task = ft.load_task("ratings/movies").take(N_TRAIN, seed=0) if name == "movies" else ft.load_task(f"glue/{name}")
    return task, ft.encode(task.train, ft.load_tokenizer()), "test" if name == "movies" else "validation"


def _scores(model: Any, task: Any, scored: str) -> dict[str, Any]:
    import torch

    import ftlab as ft

    logits = ft.predict_logits(model, ft.load_tokenizer(), task.splits[scored], batch_size=256)  # (N, C)
    labels, said = torch.tensor(task.splits[scored].labels), logits.argmax(1)  # (N,)
    loss = torch.nn.functional.cross_entropy(logits, labels).item()
    found = {"accuracy": (said == labels).float().mean().item(), "loss": loss, "predicted_1": said.float().mean().item()}
    if "f1" in task.metrics:
        found["f1"] = ft.metrics.compute(["f1"], logits, labels)["f1"]
    return {**{name: round(value, 4) for name, value in found.items()}, "right": (said == labels).int().tolist()}


def _gradients(model: Any, train: Any) -> list[float]:
    """Norm of the loss's gradient in each part of the model, on the first 64 training examples."""
    import torch

    import ftlab as ft

    device = next(model.parameters()).device
    batch = {name: value.to(device) for name, value in ft.pad([train[i] for i in range(64)], train.pad_id).items()}
    model.zero_grad()
    ft.classification_loss(model(**ft.inputs(batch)), batch["labels"]).backward()
    parts = [model.bert.embeddings, *model.bert.encoder.layer, model.bert.pooler, model.classifier]
    norms = [torch.stack([p.grad.norm() for p in part.parameters() if p.grad is not None]).norm().item() for part in parts]
    return [float(f"{norm:.3g}") for norm in norms]
