"""CoNLL-2003, the field's set for English names: Reuters news of 1996, from the Hub or its cache."""

from __future__ import annotations

from typing import Any

from ftlab.bio import repair
from ftlab.errors import TaskError

from .hubdata import fetch
from .tagged import TaggedSplit, TaggingTask

HUB_ID, REVISION = "eriktks/conll2003", "refs/convert/parquet"  # the main branch is a script, which `datasets` no longer runs
TYPES = ("PER", "ORG", "LOC", "MISC")
SIZES = {"train": 14_041, "validation": 3_250, "test": 3_453}  # published sentences


def load_conll() -> TaggingTask:
    """CoNLL-2003 English with its published splits; the words joined by blanks are the texts.

    Returns: a `TaggingTask`.
    Raises: AssetError, within about 5 seconds, if the Hub is off, refuses or does not answer; TaskError for other splits, columns or tags.
    Example: ``len(load_conll().test)`` is 3453.
    Source: Tjong Kim Sang & De Meulder 2003. Checked against: published numbers of names (tests/test_tasks_entities.py).
    """
    data = fetch(HUB_ID, revision=REVISION, called="conll2003", instead="use entities, which needs no Hub")
    notes = ["train and validation are August 1996, test is December 1996: other people are in the news"]
    splits = {}
    if missing := set(SIZES) - set(data):
        raise TaskError(f"no {min(missing)} split in conll2003 here", wanted=", ".join(SIZES))
    for name in SIZES:
        splits[name] = _split(name, data[name])
        if len(splits[name]) != SIZES[name]:
            notes.append(f"{name} has {len(splits[name]):,} of the {SIZES[name]:,} published sentences here")
    return TaggingTask(
        "conll2003", TYPES, splits, f"Tjong Kim Sang & De Meulder 2003; Hub data set {HUB_ID}", "Reuters text, for research",
        "Which words name a person (PER), an organisation (ORG), a place (LOC) or something else with a name (MISC)?", tuple(notes),
    )


def _split(name: str, rows: Any) -> TaggedSplit:
    """A `TaggedSplit` from the rows of a `datasets.Dataset`."""
    if missing := {"tokens", "ner_tags"} - set(rows.column_names):
        raise TaskError(f"no column {min(missing)!r} in {name}", wanted=", ".join(rows.column_names))
    names = getattr(getattr(rows.features["ner_tags"], "feature", None), "names", None)
    if names is None:
        raise TaskError(f"tags without names in {name}", wanted="a list of class labels", cause="another data set of this name")
    words, tags = list(rows["tokens"]), [repair([names[t] for t in some]) for some in rows["ner_tags"]]
    kept = [i for i, sentence in enumerate(words) if sentence]
    return TaggedSplit(name, [words[i] for i in kept], [tags[i] for i in kept], [str(i) for i in kept])
