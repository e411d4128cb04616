"""What can be had without pretraining: words counted, weighted by rarity, and a straight line through them; names looked up in a list."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ftlab import metrics
from ftlab.bio import OUTSIDE, spans_from_tags
from ftlab.errors import InputError, TaskError

if TYPE_CHECKING:
    from ftlab.tasks import Split, TaggedSplit, Task


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
    Raises: TaskError if there is no such split, its labels are withheld or the task has no label a text; InputError if strength is
        not above 0.
    Example: ``tfidf_baseline(load_task("ratings/movies"))["accuracy"]``.
    Source: Wang & Manning 2012, Baselines and Bigrams. Checked against: a scikit-learn pipeline (tests/test_tasks_baselines.py).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge

    if task.kind not in ("classification", "regression"):
        raise TaskError(f"{task.name!r}, a task of kind {task.kind!r}", wanted="one label a text",
                        hint="Gazetteer is the baseline for names, span_baseline for questions")
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


class Gazetteer:
    """A list of the names seen in training, looked up word by word: at each word the longest name that fits.

    A name that was seen with several types has the commonest of them, of equals the one seen first.

    Args:
        split: a `TaggedSplit`, whose names make the list.
    Example: ``Gazetteer(task.train).tag(["Ann", "sings"])`` is ``["B-PER", "O"]`` if Ann was a person in training.
    Source: Tjong Kim Sang & De Meulder 2003, section 3 (their baseline is a list like this one). Checked against: the F1 they publish for CoNLL-2003's test
        split, 59.61, to within 0.1 (tests/test_tasks_entities.py).
    """

    def __init__(self, split: TaggedSplit) -> None:
        seen: dict[tuple[str, ...], Counter[str]] = {}
        for words, tags in zip(split.words, split.tags):
            for start, end, kind in spans_from_tags(tags):
                seen.setdefault(tuple(words[start:end]), Counter())[kind] += 1
        self.types = {name: kinds.most_common(1)[0][0] for name, kinds in seen.items()}
        self.longest = max(map(len, self.types), default=0)

    def tag(self, words: list[str]) -> list[str]:
        """One BIO tag a word."""
        tags, i = [OUTSIDE] * len(words), 0
        while i < len(words):
            n = next((n for n in range(min(self.longest, len(words) - i), 0, -1) if tuple(words[i : i + n]) in self.types), 0)
            if n:
                kind = self.types[tuple(words[i : i + n])]
                tags[i : i + n] = [f"B-{kind}"] + [f"I-{kind}"] * (n - 1)
            i += n or 1
        return tags


def _features(words: Any, split: Split) -> Any:
    """Sparse (N, vocabulary), or (N, 4 vocabularies) for pairs."""
    from scipy.sparse import hstack

    first = words.transform(split.texts)
    if split.pairs is None:
        return first
    second = words.transform(split.pairs)
    return hstack([first, second, first.multiply(second), abs(first - second)], format="csr")
