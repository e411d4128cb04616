"""Tasks by name: the ratings tasks of the lite profile, the nine GLUE tasks, and your own file."""

from __future__ import annotations

import difflib

from ftlab.errors import TaskError

from .base import Split, Task
from .glue import glue_table
from .passages import Passage, passages
from .table import load_table

__all__ = ["Passage", "Split", "Task", "glue_table", "list_tasks", "load_table", "load_task", "passages"]

DOMAINS = ("movies", "products", "news", "tweets")
GLUE = ("cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli")


def list_tasks() -> list[str]:
    """Names of all tasks `load_task` knows.

    Returns: list of str; those that start with "ratings/" need no network.
    Example: ``list_tasks()[0]`` is ``"ratings/movies"``.
    """
    ratings = [f"ratings/{domain}{form}" for form in ("", "-regression", "-pairs") for domain in DOMAINS]
    return ratings + [f"glue/{name}" for name in GLUE]


def load_task(name: str, profile: str | None = None) -> Task:
    """A task by name, its data fetched and checked if need be.

    Args:
        name: one of `list_tasks()`: ratings/<domain>, ratings/<domain>-regression, ratings/<domain>-pairs, glue/<name>.
        profile: "lite" or "full"; the data is the same in both, the name is only checked.
    Returns: a `Task`.
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
    family, rest = name.split("/")
    if family == "glue":
        from .glue import load_glue

        return load_glue(rest)
    from .ratings import load_ratings

    return load_ratings(*rest.split("-")) if "-" in rest else load_ratings(rest)


def _nearest(name: str, known: list[str]) -> str:
    """The task names that look like `name`, or the families where none does."""
    close = difflib.get_close_matches(name.lower(), known, n=2, cutoff=0.6)
    close = close or [task for task in known if task.split("/")[1] == name.lower().replace("-", "")]
    if close:
        return " or ".join(repr(task) for task in close)
    return f"ratings/{{{','.join(DOMAINS)}}}, the same with -regression or -pairs, or glue/{{{','.join(GLUE)}}}"
