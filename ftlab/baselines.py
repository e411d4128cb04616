"""What a model without pretraining reaches: words counted, weighted by rarity, and a straight line through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ftlab import metrics
from ftlab.errors import InputError, TaskError

if TYPE_CHECKING:
    from ftlab.tasks import Split, Task


def tfidf_baseline(task: Task, split: str = "test", strength: float = 3.0) -> dict[str, float]:
    """Scores (0 to 1, errors in label units) of logistic or ridge regression on TF-IDF of words and word pairs.

        x[w] = (1 + ln count of w) (1 + ln((1 + N) / (1 + sentences with w))), scaled to length 1;   logits = W x + b

    For sentence pairs x is both vectors, their product and the size of their difference. About 1 s for 8,000 sentences on
    one core. A fine-tuned model has to beat this to have been worth its price.

    Args:
        task: a `Task`; it learns from `task.train` only.
        split: name of the split to score.
        strength: inverse of the L2 penalty; 3 was best for the movies on validation among 0.3, 1, 3, 10.
    Returns: dict of the task's metrics, in their order.
    Raises: TaskError if there is no such split or its labels are withheld; InputError if strength is not above 0.
    Example: ``tfidf_baseline(load_task("ratings/movies"))["accuracy"]``.
    Source: Wang & Manning 2012, Baselines and Bigrams. Checked against: a scikit-learn pipeline (tests/test_tasks_baselines.py).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge

    wanted = task.split(split)
    if wanted.labels is None:
        raise TaskError(f"split {split!r} of {task.name!r}, whose labels are withheld", wanted="a split with labels")
    if not strength > 0:
        raise InputError(f"strength is {strength}", wanted="a number above 0", hint="3 is a good start")
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=min(2, len(task.train) - 1) or 1,
                            token_pattern=r"(?u)\b\w+\b|[^\w\s]+")
    words.fit(task.train.texts + (task.train.pairs or []))
    x_train, x_split = _features(words, task.train), _features(words, wanted)  # (N, vocabulary)
    if task.kind == "regression":
        logits = Ridge(alpha=3 / strength).fit(x_train, task.train.labels).predict(x_split)  # (N,)
    else:
        model = LogisticRegression(C=strength, max_iter=500, solver="liblinear" if task.n_classes == 2 else "lbfgs")
        scores = model.fit(x_train, task.train.labels).decision_function(x_split)
        scores = np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores  # (N, classes seen)
        logits = np.full((len(wanted), task.n_classes), -1e9)
        logits[:, model.classes_] = scores
    return metrics.compute(task.metrics, logits, wanted.labels)


def _features(words: Any, split: Split) -> Any:
    """Sparse (N, vocabulary), or (N, 4 vocabularies) for pairs."""
    from scipy.sparse import hstack

    first = words.transform(split.texts)
    if split.pairs is None:
        return first
    second = words.transform(split.pairs)
    return hstack([first, second, first.multiply(second), abs(first - second)], format="csr")
