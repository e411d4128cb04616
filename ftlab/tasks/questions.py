"""The course's own questions on newspaper editorials: written by hand for validation and test, cloze-made for training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ftlab.errors import AssetError, TaskError

from .cloze import cloze
from .passages import Passage, passages
from .reading import Question, QuestionSplit, QuestionTask

KINDS = ("who", "what", "where", "when", "how many", "how much", "why", "which")
WORDINGS = ("same", "paraphrase", "inference")
FIELDS = {"id", "article", "question", "answers", "kind", "wording"}


def load_questions(folder: Path | None = None, sentences: int | None = None) -> QuestionTask:
    """The task "questions": a quarter of its validation and test questions have no answer in their passage.

    Args:
        folder: where test.jsonl and validation.jsonl are; the project's data/questions by default.
        sentences: context of the cloze-made training questions; None is the whole passage, as for the others.
    Returns: a `QuestionTask` with train (made by code, see `cloze`), validation and test (written by hand).
    Raises: TaskError if a line is broken, an offset does not fit its passage, or a question is in the wrong split; AssetError if
        files or passages are missing.
    Example: ``load_questions().test[0].context`` is a whole editorial.
    Source: this course; see data/README.md. Checked against: offsets, splits and counts (tests/test_tasks_questions.py).
    """
    if folder is None:
        from ftlab.assets import data_path

        folder = data_path("questions")
    by_article = {passage.article: passage for passage in passages()}
    splits = {"train": QuestionSplit("train", cloze((p for p in by_article.values() if p.split == "train"), sentences=sentences))}
    for name in ("validation", "test"):
        splits[name] = QuestionSplit(name, tuple(_read(folder / f"{name}.jsonl", name, by_article)))
    notes = ("train is made by rules, not written by people", "texts are read by article number and character offset, never copied",
             "no article is in two splits")
    return QuestionTask("questions", splits, "written for this course on editorials from Hutto & Gilbert 2014 (the task ratings/news)",
                        "MIT (questions and offsets)", "Which words of the editorial answer the question, if any do?", notes)


def _read(path: Path, split: str, by_article: dict[int, Passage]) -> Iterator[Question]:
    if not path.is_file():
        raise AssetError(f"no {path.name} in {path.parent.name}", wanted="test.jsonl and validation.jsonl", hint="use a complete clone")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        where = f"line {number} of {path.name}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise TaskError(f"{where}: no JSON ({error.msg})", wanted="one JSON object a line") from error
        if not isinstance(row, dict) or set(row) != FIELDS:
            raise TaskError(f"{where}: {sorted(row) if isinstance(row, dict) else type(row).__name__}", wanted=", ".join(sorted(FIELDS)))
        passage = by_article.get(row["article"]) if isinstance(row["article"], int) else None
        if passage is None or passage.split != split:
            raise TaskError(f"{where}: article {row['article']!r}" + (f" of the {passage.split} split" if passage else ""),
                            wanted=f"an article of the {split} split")
        for name, known in (("kind", KINDS), ("wording", WORDINGS)):
            if row[name] not in known:
                raise TaskError(f"{where}: {name} {row[name]!r}", wanted=" or ".join(known))
        if not isinstance(row["answers"], list) or not all(isinstance(span, list) and len(span) == 2 for span in row["answers"]):
            raise TaskError(f"{where}: answers {row['answers']!r}", wanted="a list of [start, end], empty for no answer")
        answers = tuple((start, end) for start, end in row["answers"])
        question = Question(row["id"], row["question"], passage.text, answers, row["kind"], row["wording"], str(passage.article))
        for text in question.texts:
            if text != text.strip():
                raise TaskError(f"{where}: answer {text!r}", wanted="an answer without blanks at its ends", cause="an offset one too far")
        yield question
