"""How well one person does: a single rating against the mean of the other people's. A yardstick, no limit: a model of the mean may pass it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ftlab.errors import TaskError

RESAMPLES = 2000


def ceiling(domain: str, form: str, split: str) -> dict[str, Any]:
    """The human ceiling of a ratings task on one split.

    Args:
        domain: "movies", "products", "news" or "tweets".
        form: "binary", "regression" or "pairs".
        split: "train", "validation" or "test".
    Returns: dict, as `sign_ceiling`, `value_ceiling` or `pair_ceiling` says.
    Raises: TaskError for an unknown domain, form or split.
    Example: ``ceiling("movies", "binary", "test")["accuracy"]``.
    """
    from .ratings import load_ratings, records

    ids = load_ratings(domain, form).split(split).ids
    ratings = {row.id: row.ratings for row in records(domain)}
    if form == "pairs":
        return pair_ceiling([(ratings[a], ratings[b]) for a, b in (name.split("+") for name in ids)])
    return {"binary": sign_ceiling, "regression": value_ceiling}[form]([ratings[name] for name in ids])


def sign_ceiling(ratings: Sequence[Sequence[int]], seed: int = 0) -> dict[str, Any]:
    """Share (0 to 1) of single ratings that have the sign of the mean of the OTHER ratings of the same sentence.

        right(i, j) = 1 if r_ij has the sign of mean over k≠j of r_ik;  0.5 if r_ij = 0 (or that mean is 0);  else 0
        accuracy = mean over sentences i of the mean over raters j of right(i, j)

    Leaving one's own rating out matters: with it in, a person would in part be compared with themselves. A rating of 0 is
    "neither"; a forced answer would be right half the time, so it counts one half. `accuracy_decided` leaves zeros out.

    Args:
        ratings: for each sentence two or more ints.
        seed: of the bootstrap over sentences.
    Returns: dict of accuracy, low, high (95%), accuracy_decided, low_decided, high_decided, zeros (share of ratings that
        are 0), sentences, raters (mean number a sentence).
    Raises: TaskError for a sentence with fewer than two ratings.
    Example:
        >>> sign_ceiling([[2, 1, -1]])["accuracy"]  # 2 and 1 against others of mean 0 and 0.5; -1 is wrong
        0.5

    Source: Hutto & Gilbert 2014, results (individual people against the group mean; here the mean of the others only).
    Checked against: a loop over sentences and raters (tests/test_tasks_ratings.py).
    """
    right, decided, zeros = [], [], []
    for own in _arrays(ratings):
        others = (own.sum() - own) / (len(own) - 1)
        agree = (1 + np.sign(own) * np.sign(others)) / 2
        right.append(agree.mean())
        zeros.append((own == 0).mean())
        decided.append(agree[own != 0].mean() if (own != 0).any() else np.nan)
    low, high = _bootstrap(np.array(right), seed)
    with_answer = np.array(decided)[~np.isnan(decided)]
    low_decided, high_decided = _bootstrap(with_answer, seed)
    return {
        "accuracy": float(np.mean(right)), "low": low, "high": high,
        "accuracy_decided": float(with_answer.mean()), "low_decided": low_decided, "high_decided": high_decided,
        "zeros": float(np.mean(zeros)), "sentences": len(right), "raters": float(np.mean([len(r) for r in ratings])),
    }


def value_ceiling(ratings: Sequence[Sequence[int]], seed: int = 0) -> dict[str, Any]:
    """Pearson correlation (-1 to 1) of one rating with the mean of the OTHER ratings of the same sentence.

        r = correlation over all (i, j) of r_ij and mean over k≠j of r_ik, every sentence weighing the same

    Args:
        ratings: for each sentence two or more ints.
        seed: of the bootstrap over sentences.
    Returns: dict of pearson, low, high (95%), mean_absolute_error (rating points), sentences, raters.
    Raises: TaskError for fewer than two sentences, or a sentence with fewer than two ratings.
    Example:
        >>> round(value_ceiling([[2, 2], [-1, -1], [0, 0]])["pearson"], 3)  # two people who always agree
        1.0

    Source: as `sign_ceiling`. Checked against: numpy.corrcoef over all pairs listed out (tests/test_tasks_ratings.py).
    """
    moments, errors = [], []
    for own in _arrays(ratings):
        others = (own.sum() - own) / (len(own) - 1)
        columns = (own, others, own * others, own**2, others**2)
        moments.append([column.mean() for column in columns])
        errors.append(np.abs(own - others).mean())
    moments = np.array(moments)  # (N, 5)
    if len(moments) < 2:
        raise TaskError(f"{len(moments)} sentence", wanted="two or more, for a correlation")
    draws = _draws(len(moments), seed) @ moments / len(moments)  # (RESAMPLES, 5)
    low, high = np.nanquantile(_pearson(draws), [0.025, 0.975])
    return {
        "pearson": float(_pearson(moments.mean(axis=0))), "low": float(low), "high": float(high),
        "mean_absolute_error": float(np.mean(errors)),
        "sentences": len(moments), "raters": float(np.mean([len(r) for r in ratings])),
    }


def pair_ceiling(pairs: Sequence[tuple[Sequence[int], Sequence[int]]], seed: int = 0) -> dict[str, Any]:
    """Share (0 to 1) of pairs that one rating of each sentence puts in the order of the means of the OTHER ratings.

        right = 1 if sign(r_aj - r_bk) is the sign of the difference of the others' means, 0.5 if r_aj = r_bk, else 0,
        averaged over all j and k of a pair, then over pairs

    Who gave which rating is not known, so the two ratings come from any two people; one person comparing both would do better.

    Args:
        pairs: for each pair the ratings of the first and of the second sentence, two or more each.
        seed: of the bootstrap over pairs.
    Returns: dict of accuracy, low, high (95%), ties (share of equal ratings), pairs.
    Raises: TaskError for a sentence with fewer than two ratings.
    Example:
        >>> pair_ceiling([((2, 2), (1, 1))])["accuracy"]
        1.0

    Source: as `sign_ceiling`. Checked against: a double loop (tests/test_tasks_ratings.py).
    """
    right, ties = [], []
    for a, b in zip(_arrays([a for a, _ in pairs]), _arrays([b for _, b in pairs]), strict=True):
        said = np.sign(a[:, None] - b[None, :])  # (raters of a, raters of b)
        others_a, others_b = (a.sum() - a) / (len(a) - 1), (b.sum() - b) / (len(b) - 1)
        right.append(((1 + said * np.sign(others_a[:, None] - others_b[None, :])) / 2).mean())
        ties.append((said == 0).mean())
    low, high = _bootstrap(np.array(right), seed)
    return {"accuracy": float(np.mean(right)), "low": low, "high": high, "ties": float(np.mean(ties)), "pairs": len(right)}


def _arrays(ratings: Sequence[Sequence[int]]) -> list[NDArray]:
    for i, own in enumerate(ratings):
        if len(own) < 2:
            raise TaskError(f"{len(own)} rating of sentence {i}", wanted="two or more: one against the others")
    return [np.asarray(own, dtype=float) for own in ratings]


def _draws(n: int, seed: int) -> NDArray:
    """How often each of n sentences is drawn in each bootstrap sample. (RESAMPLES, n)"""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float32)


def _bootstrap(scores: NDArray, seed: int) -> tuple[float, float]:
    """95% interval of the mean of per-sentence scores, sentences drawn with replacement."""
    means = _draws(len(scores), seed) @ scores / len(scores)  # (RESAMPLES,)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _pearson(moments: NDArray) -> NDArray:
    """Correlation from the means of x, y, xy, x², y² in the last axis."""
    x, y, xy, xx, yy = np.moveaxis(moments, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (xy - x * y) / np.sqrt((xx - x**2) * (yy - y**2))
