"""Texts to be turned into other texts: one-sentence summaries of editorials (written for the course), SAMSum, Multi30k."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftlab.errors import TaskError

from .drawing import drawn
from .hubdata import fetch
from .passages import passages

SPLITS = ("train", "validation", "test")
LONGEST = 40  # words of a one-sentence summary
HUB = {  # name -> (Hub id, column read, column written)
    "samsum": ("knkarthick/samsum", "dialogue", "summary"),
    "multi30k": ("bentrevett/multi30k", "en", "de"),
}


@dataclass(frozen=True, slots=True)
class TextPair:
    """A text, and the text that should be made of it.

    Attributes:
        id: its name, unique in its split.
        source: the text given (an editorial, a dialogue, an English sentence).
        target: the text wanted (its summary, its translation).
        lead: the first sentence of the source, where that is known: what a summary must beat.
    Raises: TaskError if the source or the target is not text, or is blank.
    Example: ``TextPair("1", "Two dogs run.", "Zwei Hunde rennen.")``.
    """

    id: str
    source: str
    target: str
    lead: str = ""

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise TaskError(f"the {name} of {self.id!r} is {value!r}", wanted="a text, not blank", cause="a missing value in a table")


def summaries(split: str, folder: str | Path | None = None, second: bool = False) -> list[TextPair]:
    """One-sentence summaries of newspaper editorials, each checked against the passage that it sums up.

    The file names articles and holds no text of theirs; the passages come from the asset `ratings`. An article is in the same
    split as in ratings/news.

    Args:
        split: "train", "validation" or "test".
        folder: with <split>.jsonl in it; None is the course's own data/summaries.
        second: those of a second writer instead (<split>_second.jsonl: 15 of the test split), to see how far two people agree.
    Returns: list of `TextPair`: source is the whole editorial (about 180 words), target its summary, lead its first sentence.
    Raises: TaskError for an unknown split or a line that is not as it should be; AssetError if the files cannot be had.
    Example: ``summaries("test")[0].lead`` is the first sentence of an editorial.
    Source: written for this course (data/summaries/README.md); passages: Hutto & Gilbert 2014.
    """
    if split not in SPLITS:
        raise TaskError(f"split {split!r}", wanted=" or ".join(map(repr, SPLITS)))
    if folder is None:
        from ftlab.assets import data_path

        folder = data_path("summaries")
    file = Path(folder) / f"{split}{'_second' * second}.jsonl"
    if not file.is_file():
        raise TaskError(f"no {file.name} in {Path(folder).name}", wanted=", ".join(f"{name}.jsonl" for name in (*SPLITS, "test_second")))
    known = {passage.article: passage for passage in passages()}
    found: dict[str, TextPair] = {}
    seen: set[int] = set()
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        where = f"line {number} of {file.name}"
        row = _row(line, where)
        passage = known.get(row["article"])
        if passage is None or passage.split != split:
            place = f"in {passage.split}" if passage else "not among the editorials"
            raise TaskError(f"article {row['article']} in {where} is {place}", wanted=f"one of the {split} split", cause="a passage would leak")
        if row["id"] in found or row["article"] in seen:
            raise TaskError(f"{row['id']!r}, article {row['article']}, in {where} is there twice", wanted="each article once")
        seen.add(row["article"])
        found[row["id"]] = TextPair(row["id"], passage.text, row["summary"], passage.sentences[0])
    if not found:
        raise TaskError(f"{file.name} is empty", wanted="at least one summary")
    return list(found.values())


def hub_pairs(name: str, split: str, n: int | None = None, seed: int = 0) -> list[TextPair]:
    """Text pairs of the Hub for the full profile: SAMSum (dialogue, summary) or Multi30k (English, German).

    Args:
        name: "samsum" or "multi30k".
        split: "train", "validation" or "test".
        n: how many, drawn at random; None is all of them. A larger n contains the smaller.
        seed: of the draw.
    Returns: list of `TextPair`; rows with a blank side are left out (one of SAMSum's).
    Raises: TaskError for an unknown name or split, other columns, or an n below 1; AssetError if the data cannot be had.
    Example: ``hub_pairs("multi30k", "test")[0].target`` is a German sentence.
    Source: Gliwa et al. 2019, SAMSum; Elliott et al. 2016, Multi30K.
    """
    if name not in HUB:
        raise TaskError(f"text pairs {name!r}", wanted=" or ".join(map(repr, HUB)))
    if split not in SPLITS:
        raise TaskError(f"split {split!r}", wanted=" or ".join(map(repr, SPLITS)))
    hub_id, source, target = HUB[name]
    data = fetch(hub_id, called=name, instead='use summaries("train"), which need no Hub')
    if split not in data:
        raise TaskError(f"no {split} split of {name} here", wanted=" or ".join(data))
    rows = data[split]
    if missing := {source, target} - set(rows.column_names):
        raise TaskError(f"no column {', '.join(sorted(missing))} in {name}", wanted=", ".join(rows.column_names), cause="another data set")
    return _drawn(zip(range(len(rows)), rows[source], rows[target]), n, seed)


def _drawn(rows: Iterable[tuple[int, Any, Any]], n: int | None, seed: int) -> list[TextPair]:
    clean = lambda text: text.replace("\r\n", "\n").strip()  # noqa: E731
    pairs = [TextPair(str(i), clean(a), clean(b)) for i, a, b in rows if a and b and a.strip() and b.strip()]
    return pairs if n is None else [pairs[i] for i in drawn(len(pairs), n, seed)]


def _row(line: str, where: str) -> dict[str, Any]:
    """One line of a file, checked by itself."""
    try:
        row = json.loads(line)
    except ValueError as error:
        raise TaskError(f"{where} is no JSON", wanted='{"id": ..., "article": ..., "summary": ...}') from error
    if not isinstance(row, dict) or set(row) != {"id", "article", "summary"}:
        raise TaskError(f"{where} has {sorted(row) if isinstance(row, dict) else row}", wanted="id, article and summary, no more")
    summary = row["summary"]
    good = isinstance(row["id"], str) and type(row["article"]) is int and isinstance(summary, str)
    if not good or not row["id"].strip() or summary != " ".join(summary.split()) or not summary.endswith((".", "?", "!")):
        raise TaskError(f"{where}: id {row['id']!r}, article {row['article']!r}, summary {summary!r}"[:160],
                        wanted="a name, a number, and a sentence with single spaces that ends in a full stop")
    if not 3 <= len(summary.split()) <= LONGEST:
        raise TaskError(f"a summary of {len(summary.split())} words in {where}", wanted=f"one sentence of 3 to {LONGEST} words")
    return row
