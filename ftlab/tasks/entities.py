"""Names in newspaper editorials, marked for this course: offsets in `data/entities`, sentences from `ratings`."""

from __future__ import annotations

import json
from pathlib import Path

from ftlab.errors import AssetError, TaskError

from .passages import passages
from .tagged import TaggedSplit, TaggingTask

TYPES = ("PER", "ORG", "LOC", "MISC")
SPLITS = ("train", "validation", "test")


def load_entities(folder: Path | None = None) -> TaggingTask:
    """People, organisations, places and other names in sentences of editorials; no article is in two splits.

    Args:
        folder: where train.jsonl, validation.jsonl and test.jsonl are, one sentence a line: {"id", "entities": [[start, end, type], …]};
            the project's data/entities by default.
    Returns: a `TaggingTask`.
    Raises: TaskError naming file and line for an id, an offset or a type that is wrong, or an article in another split than in
        `passages`; AssetError if a file is missing or the sentences cannot be fetched.
    Example: ``load_entities().types`` is ``("PER", "ORG", "LOC", "MISC")``.
    Source: written for this course (data/entities/README.md); sentences from Hutto & Gilbert 2014.
    """
    from ftlab.assets import data_path

    folder = folder or data_path("entities")
    known = {i: (text, passage.split) for passage in passages() for i, text in zip(passage.ids, passage.sentences)}
    splits = {name: _read(folder / f"{name}.jsonl", name, known) for name in SPLITS}
    return TaggingTask(
        "entities", TYPES, splits,
        "written for this course, see data/entities/README.md; sentences: Hutto & Gilbert 2014, New York Times editorials",
        "MIT for the marks; the sentences' authors keep their rights",
        "Which words name a person (PER), an organisation (ORG), a place (LOC) or something else with a name (MISC)?",
        ("no article is in two splits", "names of one article are alike: for an interval, resample articles"),
    )


def _read(path: Path, split: str, known: dict[str, tuple[str, str]]) -> TaggedSplit:
    if not path.is_file():
        raise AssetError(f"no {path.name} in {path.parent.name}", wanted=" and ".join(f"{name}.jsonl" for name in SPLITS),
                         hint="use a complete clone")
    ids, texts, spans = [], [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        where = f"line {number} of {path.name}"
        try:
            row = json.loads(line)
            i, entities = row["id"], [(start, end, kind) for start, end, kind in row["entities"]]
        except (ValueError, KeyError, TypeError) as error:
            raise TaskError(f"{where}: {line[:60]!r}", wanted='{"id": "63_1", "entities": [[start, end, "PER"], …]}') from error
        if not isinstance(i, str) or i not in known:
            raise TaskError(f"{where}: sentence {i!r}", wanted="an id of passages(): article_sentence", cause="another file's ids")
        text, home = known[i]
        if home != split:
            raise TaskError(f"{where}: sentence {i!r} of a {home} article", wanted=f"articles that passages() puts in {split}",
                            cause="with one article in two splits, a score would be of names seen before")
        for _, _, kind in entities:
            if kind not in TYPES:
                raise TaskError(f"{where}: type {kind!r} in sentence {i!r}", wanted=", ".join(TYPES))
        ids.append(i)
        texts.append(text)
        spans.append(entities)
    return TaggedSplit.from_spans(split, texts, spans, ids)
