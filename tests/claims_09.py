"""The numbers in the text of chapter 09, each computed from the stored runs (see claims.py)."""

from __future__ import annotations

import math
from typing import Any

STUDY = "overfitting"
BASE = {"variant": "base"}


def curve(r: Any, score: str, epoch: int, variant: str = "base") -> float:
    values = [run["scores"]["curve"][score][epoch - 1] for run in r.pick(variant=variant)]
    return sum(values) / len(values)


def lowest(r: Any) -> float:
    return min(curve(r, "validation_loss", epoch) for epoch in range(1, 21))


def kept(r: Any, watch: str, best: Any, score: str, variant: str = "base") -> float:
    """Mean gain over the last epoch of the epoch with the best value of what is watched."""
    gains = []
    for run in r.pick(variant=variant):
        c = run["scores"]["curve"]
        gains.append(c[f"test_{score}"][c[watch].index(best(c[watch]))] - c[f"test_{score}"][-1])
    return sum(gains) / len(gains)


def size(r: Any, n: int, layers: int = 6, score: str = "accuracy") -> float:
    return r.interval(score, part="size", n_train=n, layers=layers).mean


def change(r: Any, variant: str, score: str = "accuracy") -> float:
    return r.compare(score, {"variant": variant}, BASE).difference.mean


def points(x: float) -> str:
    return f"{100 * x:+.1f}"


def law(r: Any, n: int, sizes: tuple[int, ...]) -> str:
    """Accuracy with n sentences by the power law through these sizes (numpy's least squares)."""
    import numpy as np

    slope, intercept = np.polyfit(np.log(sizes), [math.log(1 - size(r, m)) for m in sizes], 1)
    return f"{1 - math.exp(intercept + slope * math.log(n)):.1%}"


def depth(r: Any, n: int) -> str:
    return points(r.compare("accuracy", {"part": "size", "layers": 2, "n_train": n}, {"part": "size", "layers": 6, "n_train": n}).difference.mean)


def few(r: Any, how: str) -> str:
    return points(r.compare("accuracy", {"part": "few", "change": how}, {"part": "size", "n_train": 64, "layers": 6}).difference.mean)


CLAIMS = {
    "coin": lambda r: f"{math.log(2):.3f}",
    "trainloss": lambda r: f"{curve(r, 'train_loss', 20):.4f}",
    "lowest": lambda r: f"{lowest(r):.2f}",
    "lastloss": lambda r: f"{curve(r, 'validation_loss', 20):.2f}",
    "acc5": lambda r: f"{curve(r, 'validation_accuracy', 5):.1%}",
    "acc20": lambda r: f"{curve(r, 'validation_accuracy', 20):.1%}",
    "n64": lambda r: f"{size(r, 64):.1%}",
    "n512": lambda r: f"{size(r, 512):.1%}",
    "nall": lambda r: f"{size(r, 7782):.1%}",
    "seen512": lambda r: f"{size(r, 512, score='train_accuracy'):.1%}",
    "lawall": lambda r: law(r, 7782, (256, 512, 1024, 2048)),
    "lawall512": lambda r: law(r, 7782, (512, 1024, 2048)),
    "short256": lambda r: points(r.compare("accuracy", {"variant": "5 epochs"}, {"part": "size", "n_train": 256, "layers": 6}).difference.mean),
    "long256": lambda r: points(r.compare("accuracy", BASE, {"part": "size", "n_train": 256, "layers": 6}).difference.mean),
    "shallow64": lambda r: depth(r, 64),
    "shallow512": lambda r: depth(r, 512),
    "shallow2048": lambda r: depth(r, 2048),
    "stopacc": lambda r: points(kept(r, "validation_accuracy", max, "accuracy")),
    "stopacc64": lambda r: points(kept(r, "small_accuracy", max, "accuracy")),
    "stoploss": lambda r: f"{kept(r, 'validation_loss', min, 'loss'):+.2f}",
    "stoplossacc": lambda r: points(kept(r, "validation_loss", min, "accuracy")),
    "stoplossacc64": lambda r: points(kept(r, "small_loss", min, "accuracy")),
    "stopwrong": lambda r: points(kept(r, "validation_accuracy", max, "accuracy", "wrong labels 20%")),
    "stopundecided": lambda r: points(kept(r, "validation_accuracy", max, "accuracy", "one rating, undecided too")),
    "stopone": lambda r: points(kept(r, "validation_accuracy", max, "accuracy", "one rating")),
    "planned": lambda r: points(change(r, "5 epochs")),
    "plannedloss": lambda r: f"{change(r, '5 epochs', 'loss'):+.2f}",
    "decayloss": lambda r: f"{change(r, 'weight decay 10', 'loss'):+.2f}",
    "sd": lambda r: f"{100 * r.interval('accuracy', **BASE).sd:.1f}",
    "dropout1": lambda r: points(change(r, "dropout 0.1")),
    "dropout3": lambda r: points(change(r, "dropout 0.3")),
    "decay0": lambda r: points(change(r, "weight decay 0")),
    "decay01": lambda r: points(change(r, "weight decay 0.1")),
    "decay10": lambda r: points(change(r, "weight decay 10")),
    "smooth": lambda r: points(change(r, "label smoothing 0.1")),
    "smoothloss": lambda r: f"{change(r, 'label smoothing 0.1', 'loss'):+.2f}",
    "drop": lambda r: points(change(r, "word dropout")),
    "near": lambda r: points(change(r, "near words")),
    "drop64": lambda r: few(r, "drop"),
    "near64": lambda r: few(r, "near"),
    "flipped": lambda r: points(change(r, "wrong labels 20%")),
    "onewrong": lambda r: f"{r.interval('wrong', variant='one rating').mean:.1%}",
    "undecidedwrong": lambda r: f"{r.interval('wrong', variant='one rating, undecided too').mean:.1%}",
    "undecided": lambda r: points(change(r, "one rating, undecided too")),
    "one": lambda r: points(change(r, "one rating")),
    "many": lambda r: points(change(r, "one rating, 18 times as many")),
    "many5": lambda r: points(r.compare("accuracy", {"variant": "one rating, 18 times as many"}, {"variant": "5 epochs"}).difference.mean),
    "manyacc": lambda r: f"{r.interval('accuracy', variant='one rating, 18 times as many').mean:.1%}",
}
