"""What a task is: named splits of texts with labels, and what is needed to judge a score on them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ftlab.errors import TaskError

from .drawing import check_positions, drawn, plain
from .named_splits import NamedSplits

KINDS = ("classification", "regression")
#: metric -> the kind of task it judges; `ftlab.metrics` computes them
METRIC_KINDS = {
    "accuracy": "classification",
    "f1": "classification",
    "matthews": "classification",
    "pearson": "regression",
    "spearman": "regression",
    "mean_absolute_error": "regression",
}


@dataclass(frozen=True)
class Split:
    """Examples of one purpose (train, validation or test), kept column by column.

    Attributes:
        name: "train", "validation", "test", or another name such as "validation_mismatched".
        texts: N texts, each a str that is not blank.
        labels: N ints (class numbers from 0; NumPy's become Python's) or floats (values); None where the labels are withheld.
        pairs: N second texts for a sentence-pair task, else None.
        ids: N stable names of the examples; numbered from 0 when not given.
    Raises: TaskError if the columns differ in length, a text is not text, an id is used twice or a label is no number.
    Example:
        >>> split = Split("train", ["good", "bad"], [1, 0])
        >>> len(split), split[0]["text"], split.label_counts()
        (2, 'good', {0: 1, 1: 1})
    """

    name: str
    texts: list[str]
    labels: list[int] | list[float] | None
    pairs: list[str] | None = None
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.ids:
            object.__setattr__(self, "ids", [str(i) for i in range(len(self.texts))])
        if self.labels is not None:
            object.__setattr__(self, "labels", [plain(label) for label in self.labels])
        for column, values in (("labels", self.labels), ("pairs", self.pairs), ("ids", self.ids)):
            if values is not None and len(values) != len(self.texts):
                raise TaskError(
                    f"{len(values)} {column} for {len(self.texts)} texts in split {self.name!r}",
                    wanted="one for each text",
                )
        for column, values in (("text", self.texts), ("second text", self.pairs or ())):
            for row, text in enumerate(values):
                if not isinstance(text, str) or not text.strip():
                    what = "a blank text" if isinstance(text, str) else f"{text!r}, a {type(text).__name__},"
                    raise TaskError(f"{what} as {column} of example {row} in split {self.name!r}",
                                    wanted="a str with something in it", hint="leave such rows out first")
        for row, label in enumerate(self.labels or ()):
            if isinstance(label, bool) or not isinstance(label, (int, float)) or not math.isfinite(label):
                raise TaskError(f"label {label!r} of example {row} in split {self.name!r}",
                                wanted="an int (a class) or a finite float (a value)")
        if len(set(self.ids)) != len(self.ids):
            twice = next(name for name, n in Counter(self.ids).items() if n > 1)
            raise TaskError(f"id {twice!r} twice in split {self.name!r}", wanted="ids that name one example each")

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One example as a dict: id, text, text_pair (None if there is none), label (None if withheld)."""
        return {
            "id": self.ids[index],
            "text": self.texts[index],
            "text_pair": self.pairs[index] if self.pairs is not None else None,
            "label": self.labels[index] if self.labels is not None else None,
        }

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Split({self.name!r}, {len(self)} examples)"

    def select(self, indices: Sequence[int]) -> Split:
        """The examples at these positions, in this order.

        Args:
            indices: ints, 0 to N - 1, none twice.
        Returns: a new `Split` of the same name.
        Raises: TaskError for a position that is not there.
        Example: ``split.select([2, 0]).ids`` is the third id, then the first.
        """
        check_positions(indices, len(self), self.name)

        def pick(column: list | None) -> list | None:
            return None if column is None else [column[i] for i in indices]

        return Split(self.name, pick(self.texts), pick(self.labels), pick(self.pairs), pick(self.ids))

    def take(self, n: int, seed: int = 0) -> Split:
        """A random subset of n examples, the same for the same seed; a larger n contains the smaller one.

        Args:
            n: how many, 1 or more; all of them where there are fewer.
            seed: of the shuffle.
        Returns: a new `Split` of min(n, N) examples.
        Raises: TaskError if n is not a positive int.
        Example: ``len(task.train.take(500))`` is 500.
        """
        return self.select(drawn(len(self), n, seed))

    def label_counts(self) -> dict[int, int]:
        """How many examples have each class.

        Returns: dict of class number to count, in order of class; empty where labels are withheld.
        Raises: TaskError for values (float labels), which have no classes.
        Example: ``Split("train", ["a", "b"], [1, 1]).label_counts()`` is ``{1: 2}``.
        """
        labels = self.labels or []
        if any(isinstance(label, float) for label in labels):
            raise TaskError("label_counts() of float labels", wanted="classes", cause="a regression task")
        return dict(sorted(Counter(labels).items()))


@dataclass(frozen=True)
class Task(NamedSplits):
    """A problem with its data: what goes in, what comes out, how it is scored, and what the score is to be compared with.

    Attributes:
        name: as given to `load_task`, e.g. "ratings/movies".
        kind: "classification" (int labels) or "regression" (float labels).
        label_names: name of each class, in order; empty for regression.
        metric: the headline metric, one of `metrics`.
        metrics: all metrics reported, by the names `ftlab.metrics` knows.
        splits: dict of name to `Split`; must have "train".
        source, licence: where the data is from and what it may be used for.
        description: one sentence on what is asked.
        notes: what to know before trusting a score.
        ceiling: makes the human ceiling for a split name; None where single human judgements are not known.
    Raises: TaskError if kind, metrics, labels and label names contradict each other.
    Example: ``load_task("ratings/movies").n_classes`` is 2.
    """

    name: str
    kind: str
    label_names: tuple[str, ...]
    metric: str
    metrics: tuple[str, ...]
    splits: dict[str, Split]
    source: str = ""
    licence: str = ""
    description: str = ""
    notes: tuple[str, ...] = ()
    ceiling: Callable[[str], dict[str, Any]] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise TaskError(f"kind {self.kind!r} for task {self.name!r}", wanted='"classification" or "regression"')
        for name in self.metrics:
            if METRIC_KINDS.get(name) != self.kind:
                wanted = ", ".join(m for m, kind in METRIC_KINDS.items() if kind == self.kind)
                raise TaskError(f"metric {name!r} for {self.kind} task {self.name!r}", wanted=f"of {wanted}")
        if self.metric not in self.metrics:
            raise TaskError(f"headline metric {self.metric!r} of task {self.name!r}",
                            wanted=f"one of its metrics: {', '.join(self.metrics)}")
        if self.kind == "classification" and len(set(self.label_names)) < 2:
            raise TaskError(f"label names {self.label_names!r} of task {self.name!r}", wanted="two different ones or more")
        if "f1" in self.metrics and len(self.label_names) != 2:
            raise TaskError(f"metric 'f1' for {len(self.label_names)} classes", wanted="two classes", hint="use accuracy")
        if "train" not in self.splits:
            raise TaskError(f"splits {sorted(self.splits)} of task {self.name!r}", wanted="a split named 'train'")
        for split in self.splits.values():
            self._check(split)

    def _check(self, split: Split) -> None:
        if not len(split):
            raise TaskError(f"split {split.name!r} of task {self.name!r} is empty", wanted="at least one example",
                            cause="a filter that kept nothing, or too small a share for this split")
        if split.labels is None:
            if split.name == "train":
                raise TaskError(f"no labels in the train split of task {self.name!r}", wanted="a label for each text")
            return
        if self.kind == "regression":
            if not all(isinstance(label, float) for label in split.labels):
                raise TaskError(f"int labels in regression split {split.name!r}", wanted="floats")
            return
        for row, label in enumerate(split.labels):
            if not isinstance(label, int) or not 0 <= label < self.n_classes:
                raise TaskError(f"label {label!r} of example {row} in split {split.name!r} of task {self.name!r}",
                                wanted=f"an int from 0 to {self.n_classes - 1} ({', '.join(self.label_names)})")

    @property
    def n_classes(self) -> int:
        """Number of outputs a head needs: the classes, or 1 for regression."""
        return len(self.label_names) if self.kind == "classification" else 1

    @property
    def has_pairs(self) -> bool:
        """Whether each example is two texts."""
        return self.train.pairs is not None

    def majority_baseline(self, split: str = "test") -> dict[str, float]:
        """Scores (0 to 1, errors in label units) of answering without reading.

            classification: always the commonest class of train      regression: always the mean of train

        Args:
            split: name of the split to score.
        Returns: dict with one score for each of the task's metrics, in their order; a correlation scores 0.
        Raises: TaskError if there is no such split or its labels are withheld.
        Example: ``load_task("glue/mrpc").majority_baseline("validation")`` is accuracy 0.684, f1 0.812.
        Source: Wang et al. 2019, GLUE, section 5 (most-frequent-class baseline).
        Checked against: the counts by pandas and the same predictions through `ftlab.metrics` (tests/test_tasks.py).
        """
        labels = self.split(split).labels
        if labels is None:
            raise TaskError(f"majority_baseline({split!r}) of {self.name!r}, whose labels are withheld",
                            wanted="a split with labels", hint='use "validation"')
        scores = dict.fromkeys(self.metrics, 0.0)
        if self.kind == "regression":
            mean = sum(self.train.labels) / len(self.train)
            error = sum(abs(label - mean) for label in labels) / len(labels)
            return {name: error if name == "mean_absolute_error" else 0.0 for name in scores}
        majority = max(self.train.label_counts().items(), key=lambda item: (item[1], -item[0]))[0]
        share = labels.count(majority) / len(labels)
        known = {"accuracy": share, "f1": 2 * share / (1 + share) if majority == 1 else 0.0}
        return {name: known.get(name, 0.0) for name in scores}

    def human_ceiling(self, split: str = "test") -> dict[str, Any]:
        """How well one person's single judgement predicts the mean of the others, with a 95% interval.

        Args:
            split: name of the split.
        Returns: dict; see `ftlab.tasks.human.sign_ceiling` and `ftlab.tasks.human.value_ceiling`.
        Raises: TaskError where single judgements are not known (all but the ratings tasks).
        Example: ``load_task("ratings/movies").human_ceiling()["accuracy"]``.
        """
        self.split(split)
        if self.ceiling is None:
            raise TaskError(f"human_ceiling() of {self.name!r}", wanted="a ratings/ task",
                            cause="the single human judgements of this data are not published")
        return self.ceiling(split)

    def describe(self) -> None:
        """Print a card of the task: question, counts, label balance, length in words, examples, baseline, licence.

        Returns: None; it prints about 20 lines.
        Example: ``load_task("ratings/movies").describe()``.
        """
        from .card import card

        print(card(self))
