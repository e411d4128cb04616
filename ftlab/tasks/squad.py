"""SQuAD 1.1 and 2.0 from the Hub, in the same form as the course's own questions."""

from __future__ import annotations

from typing import Any

from ftlab.errors import TaskError

from .hubdata import fetch
from .reading import Question, QuestionSplit, QuestionTask, from_texts

#: name -> (Hub data set, published questions of train and validation, what is asked)
TASKS = {
    "squad": ("rajpurkar/squad", {"train": 87_599, "validation": 10_570}, "Which words of the paragraph answer the question?"),
    "squad_v2": ("rajpurkar/squad_v2", {"train": 130_319, "validation": 11_873}, "Which words of the paragraph answer, if any do?"),
}


def load_squad(name: str = "squad") -> QuestionTask:
    """SQuAD from the Hub's cache or the Hub: questions on paragraphs of Wikipedia; its test split is not published.

    Args:
        name: "squad" (every question has an answer) or "squad_v2" (a third of train, half of validation has none).
    Returns: a `QuestionTask`; its notes say so where a split is not complete here, and a split that is missing is left out.
    Raises: TaskError for another name, or an answer that is not in its context; AssetError if the data cannot be had.
    Example: ``len(load_squad().validation)`` is 10570.
    Source: Rajpurkar et al. 2016 and 2018. Checked against: published sizes (tests/test_tasks_questions.py).
    """
    if name not in TASKS:
        raise TaskError(f"{name!r}", wanted=" or ".join(TASKS))
    hub_id, sizes, asks = TASKS[name]
    data, notes, splits = fetch(hub_id, called=name, instead="use questions, which needs no Hub"), [], {}
    for split, published in sizes.items():
        if split not in data:
            notes.append(f"no {split} split here")
            continue
        splits[split] = QuestionSplit(split, _questions(data[split]))
        if len(splits[split]) != published:
            notes.append(f"{split} has {len(splits[split]):,} of the {published:,} published questions here: say so with a score")
    return QuestionTask(name, splits, f"Hub data set {hub_id}", "CC BY-SA 4.0", asks, tuple(notes))


def _questions(rows: Any) -> tuple[Question, ...]:
    columns = [list(rows[name]) for name in ("id", "question", "context", "answers", "title")]
    return tuple(from_texts(id, question, context, answers["text"], answers["answer_start"], source=title)
                 for id, question, context, answers, title in zip(*columns))
