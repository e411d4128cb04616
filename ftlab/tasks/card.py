"""The card that `Task.describe` prints."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from .base import Split, Task

WIDTH = 100


def card(task: Task) -> str:
    """A task in about twenty lines of text: question, splits, balance, lengths in words, examples, baseline, licence.

    Args:
        task: any `Task`.
    Returns: str of several lines, none over 100 characters but for names.
    Example: ``print(card(load_task("ratings/movies")))``.
    """
    return "\n".join(_lines(task))


def _lines(task: Task) -> Iterator[str]:
    yield f"{task.name} · {task.kind} · judged by {', '.join(task.metrics)}"
    if task.description:
        yield from textwrap.wrap(task.description, WIDTH)
    yield ""
    yield f"{'split':<22}{'examples':>9}{'words':>7}  labels"
    for name, split in task.splits.items():
        yield f"{name:<22}{len(split):>9,}{mean_words(split):>7.1f}  {_balance(task, split)}"
    yield ""
    yield from _examples(task)
    judged = next((n for n in ("test", "validation") if n in task.splits and task.splits[n].labels is not None), None)
    if judged:
        scores = ", ".join(f"{name} {score:.3f}" for name, score in task.majority_baseline(judged).items())
        what = "the mean of train" if task.kind == "regression" else "the commonest class of train"
        yield f"Always answering {what}, on {judged}: {scores}."
    for note in task.notes:
        yield from textwrap.wrap(f"Note: {note}.", WIDTH)
    yield from textwrap.wrap(f"Source: {task.source or 'not stated'}. Licence: {task.licence or 'not stated'}.", WIDTH)


def mean_words(split: Split) -> float:
    """Mean number of words of the inputs, both texts of a pair together.

    Args:
        split: at least one example.
    Returns: float, words.
    Example: ``mean_words(Split("train", ["two words", "and three more"], [0, 1]))`` is 2.5.
    """
    return sum(len(text.split()) for text in split.texts + (split.pairs or [])) / len(split)


def _balance(task: Task, split: Split) -> str:
    if split.labels is None:
        return "withheld"
    if task.kind == "regression":
        mean = sum(split.labels) / len(split)
        return f"{min(split.labels):.2f} to {max(split.labels):.2f}, mean {mean:.2f}"
    counts = split.label_counts()
    return ", ".join(f"{name} {counts.get(c, 0) / len(split):.1%}" for c, name in enumerate(task.label_names))


def _examples(task: Task) -> Iterator[str]:
    """One short training example of each class, or of the lowest, a middle and the highest value."""
    labels = task.train.labels
    if task.kind == "regression":
        order = sorted(range(len(labels)), key=labels.__getitem__)
        chosen = {f"{labels[i]:.2f}": i for i in (order[0], order[len(order) // 2], order[-1])}
    else:
        chosen = {name: labels.index(c) for c, name in enumerate(task.label_names) if c in labels}
    for label, i in chosen.items():
        example = task.train[i]
        shown = example["text"] if example["text_pair"] is None else f"{example['text']} | {example['text_pair']}"
        yield textwrap.shorten(f"{label}: {shown}", WIDTH, placeholder=" …")
    yield ""
