"""Tasks by name: the ratings tasks of the lite profile, the nine GLUE tasks, and your own file."""

from __future__ import annotations

import difflib

from ftlab.errors import TaskError

from .base import Split, Task
from .glue import glue_table
from .passages import Passage, passages
from .reading import Question, QuestionSplit, QuestionTask
from .summaries import TextPair, hub_pairs, summaries
from .table import load_table
from .tagged import TaggedSplit, TaggingTask

__all__ = [
    "Passage", "Question", "QuestionSplit", "QuestionTask", "Split", "TaggedSplit", "TaggingTask", "Task", "TextPair", "glue_table", "hub_pairs",
    "list_tasks", "load_table", "load_task", "passages", "summaries",
]

DOMAINS = ("movies", "products", "news", "tweets")
GLUE = ("cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli")


def list_tasks() -> list[str]:
    """Names of all tasks `load_task` knows.

    Returns: list of str; all but glue/..., conll2003 and squad... need no Hub.
    Example: ``list_tasks()[0]`` is ``"ratings/movies"``.
    """
    ratings = [f"ratings/{domain}{form}" for form in ("", "-regression", "-pairs") for domain in DOMAINS]
    return ratings + ["entities", "questions"] + [f"glue/{name}" for name in GLUE] + ["conll2003", "squad", "squad_v2"]


def load_task(name: str, profile: str | None = None) -> Task | TaggingTask | QuestionTask:
    """A task by name, its data fetched and checked if need be.

    Args:
        name: one of `list_tasks()`: ratings/<domain>, ratings/<domain>-regression, ratings/<domain>-pairs, glue/<name>,
            entities, conll2003, questions, squad, squad_v2.
        profile: "lite" or "full"; the data is the same in both, the name is only checked.
    Returns: a `Task`; a `TaggingTask` for entities and conll2003; a `QuestionTask` for questions, squad and squad_v2.
    Raises:
        TaskError: no task has this name; the nearest one is suggested.
        AssetError: the data could not be fetched: one line that says what to do.
    Example:
        >>> load_task("ratings/movies").label_names
        ('negative', 'positive')

    Source: Hutto & Gilbert 2014 (ratings); Wang et al. 2019 (GLUE).
    """
    if profile not in (None, "lite", "full"):
        raise TaskError(f"profile {profile!r}", wanted='"lite" or "full"')
    known = list_tasks()
    if not isinstance(name, str) or name not in known:
        raise TaskError(f"task {name!r}", wanted=_nearest(str(name), known), hint="list_tasks() names all")
    if name == "entities":
        from .entities import load_entities

        return load_entities()
    if name == "conll2003":
        from .conll import load_conll

        return load_conll()
    if name == "questions":
        from .questions import load_questions

        return load_questions()
    if name in ("squad", "squad_v2"):
        from .squad import load_squad

        return load_squad(name)
    family, rest = name.split("/")
    if family == "glue":
        from .glue import load_glue

        return load_glue(rest)
    from .ratings import load_ratings

    return load_ratings(*rest.split("-")) if "-" in rest else load_ratings(rest)


def _nearest(name: str, known: list[str]) -> str:
    """The task names that look like `name`, or the families where none does."""
    close = difflib.get_close_matches(name.lower(), known, n=2, cutoff=0.6)
    close = close or [task for task in known if task.split("/")[-1] == name.lower().replace("-", "")]
    if close:
        return " or ".join(repr(task) for task in close)
    return f"ratings/{{{','.join(DOMAINS)}}}, the same with -regression or -pairs, glue/{{{','.join(GLUE)}}}, entities, conll2003, questions, squad or squad_v2"
