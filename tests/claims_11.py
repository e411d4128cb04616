"""Numbers stated in chapter 11, recomputed from the stored study (see tests/claims.py)."""

from __future__ import annotations

import numpy as np

from ftlab.seeds import expected_best, variance_components
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


def crossed(r):
    runs = {(run["cell"]["head"], run["cell"]["order"] - 100): run["scores"]["accuracy"] for run in r.pick(part="crossed")}
    size = max(head for head, _ in runs) + 1
    return variance_components(np.array([[runs[head, order] for order in range(size)] for head in range(size)]))


def cure(r, **how):
    return r.values("accuracy", part="cure", rate=2e-4, **how)


def changed(r, **how) -> str:
    return f"{100 * r.compare('accuracy', {'part': 'healthy', **how}, {'part': 'recipe'}).difference.mean:+.1f}"


def times_right(r):
    n = 1282
    return np.array([[int(bit) for bit in f"{int(run['scores']['right'], 16):0{n}b}"] for run in r.pick(part="recipe")]).sum(0)


def vote(r) -> float:
    times, runs = times_right(r), len(r.pick(part="recipe"))
    return float((times > runs / 2).mean() + 0.5 * (times == runs / 2).mean())


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
    "best_1e3_nowarm": lambda r: points(round(max(scores(r, rate=1e-3, warmup=0.0)) * 1282) / 1282) + "%",
    "n_nudged": lambda r: str(len(r.pick(part="nudged", nudge=1e-6))),
    "n_same": lambda r: str(sum(s == r.values("accuracy", part="recipe")[k] for k, s in r.values("accuracy", part="nudged", nudge=1e-6).items())),
    "share_head": lambda r: f"{crossed(r).shares['rows']:.0%}",
    "share_order": lambda r: f"{crossed(r).shares['columns']:.0%}",
    "share_rest": lambda r: f"{crossed(r).shares['rest']:.0%}",
    "p_head": lambda r: f"{crossed(r).p_rows:.2f}",
    "p_order": lambda r: "0.001" if crossed(r).p_columns < 0.001 else "not below 0.001",
    "n_cure": lambda r: str(len(cure(r, reinit=1))),
    "nf_steps": lambda r: str(failed(cure(r, epochs=9))),
    "nf_top1": lambda r: str(failed(cure(r, reinit=1))),
    "nf_top2": lambda r: str(failed(cure(r, reinit=2))),
    "diff_top1": lambda r: changed(r, reinit=1),
    "diff_top2": lambda r: changed(r, reinit=2),
    "diff_long": lambda r: changed(r, epochs=9),
    "right_always": lambda r: f"{int((times_right(r) == len(r.pick(part='recipe'))).sum()):,}",
    "right_never": lambda r: str(int((times_right(r) == 0).sum())),
    "right_some": lambda r: str(int(((times_right(r) > 0) & (times_right(r) < len(r.pick(part='recipe')))).sum())),
    "vote": lambda r: f"{100 * vote(r):.1f}%",
    "mean": lambda r: f"{100 * np.mean(scores(r)):.1f}%",
    "mrpc_low": lambda r: points(min(r.values("accuracy", part="mrpc").values())) + "%",
    "mrpc_high": lambda r: points(max(r.values("accuracy", part="mrpc").values())) + "%",
    "sd_crossed": lambda r: points(crossed(r).total ** 0.5),
    "sd_long": lambda r: points(sd(r.values("accuracy", part="healthy", epochs=9).values())),
}
