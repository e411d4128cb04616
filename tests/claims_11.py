"""Numbers stated in chapter 11, recomputed from the stored study (see tests/claims.py)."""

from __future__ import annotations

import numpy as np

from ftlab.seeds import expected_best
from ftlab.stats import mean_interval

STUDY = "stability"
MAJORITY = 642 / 1282  # the better of the two constant answers on the test split


def scores(r, rate=2e-4, correction=True, warmup=0.1):
    part = "recipe" if (rate, correction, warmup) == (2e-4, True, 0.1) else "provoked"
    return list(r.values("accuracy", part=part, rate=rate, correction=correction, warmup=warmup).values())


def failed(found) -> int:
    return sum(score <= MAJORITY + 1e-4 for score in (found.values() if isinstance(found, dict) else found))


def points(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f}"


def sd(values) -> float:
    return float(np.std(list(values), ddof=1))


def half(r, n: int) -> float:
    found = mean_interval(scores(r)[:n])
    return (found.high - found.low) / 2


CLAIMS = {
    "worst": lambda r: points(min(scores(r))) + "%",
    "best": lambda r: points(max(scores(r))) + "%",
    "sd": lambda r: points(sd(scores(r))),
    "half3": lambda r: points(half(r, 3)),
    "half_all": lambda r: points(half(r, len(scores(r)))),
    "luck5": lambda r: points(expected_best(scores(r), 5) - np.mean(scores(r))),
    "nf_nocorr": lambda r: str(failed(scores(r, correction=False))),
    "n_nocorr": lambda r: str(len(scores(r, correction=False))),
    "best_nocorr": lambda r: points(max(scores(r, correction=False))) + "%",
    "nf_neither": lambda r: str(failed(scores(r, correction=False, warmup=0.0))),
    "n_neither": lambda r: str(len(scores(r, correction=False, warmup=0.0))),
    "cost_5e4": lambda r: points(np.mean(scores(r)) - np.mean(scores(r, rate=5e-4))),
    "nf_1e3": lambda r: str(failed(scores(r, rate=1e-3))),
    "n_1e3": lambda r: str(len(scores(r, rate=1e-3))),
    "best_1e3_nowarm": lambda r: points(max(scores(r, rate=1e-3, warmup=0.0))) + "%",
    "n_nudged": lambda r: str(len(r.pick(part="nudged", nudge=1e-6))),
    "n_same": lambda r: str(sum(s == r.values("accuracy", part="recipe")[k] for k, s in r.values("accuracy", part="nudged", nudge=1e-6).items())),
}
