"""Sentences rated by many people: four domains, each as a yes/no, a value and a which-is-higher task on fixed splits."""

from __future__ import annotations

import hashlib
import html
import json
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from ftlab.errors import TaskError

from .base import Split, Task

#: domain -> (start of its file names, rows the two files must have, what its texts are, what an id's first number counts)
DOMAINS = {
    "movies": ("movieReviewSnippets", 10_605, "a sentence of a film review", ""),
    "products": ("amazonReviewSnippets", 3_708, "a sentence of a product review", "review"),
    "news": ("nytEditorialSnippets", 5_190, "a sentence of a newspaper editorial", "article"),
    "tweets": ("tweets", 4_200, "a tweet", ""),
}
RULE = Path(__file__).parent / "ratings_splits.json"  # the published split rule; see data/README.md
SOURCE = "Hutto & Gilbert 2014, VADER (ICWSM), single ratings included; from the sdist vaderSentiment 0.5"
LICENCE = "MIT (vaderSentiment)"
DECIDED = 0.5  # |mean| below this is neither negative nor positive: left out of the binary task


@dataclass(frozen=True, slots=True)
class Rated:
    """One sentence with every single rating it got.

    Attributes:
        id: as in the files: a number, or review_sentence, article_sentence.
        text: HTML entities decoded, runs of white space made one space; otherwise as published.
        ratings: ints from -4 (extremely negative) to +4 (extremely positive).
        published_mean: the mean as the text file gives it; differs from the ratings' in 199 tweets.
    Example: ``records("movies")[0].mean`` is 2.267 (15 ratings).
    """

    id: str
    text: str
    ratings: tuple[int, ...]
    published_mean: float

    @property
    def mean(self) -> float:
        """Mean of the single ratings, -4 to 4."""
        return sum(self.ratings) / len(self.ratings)

    @property
    def consistent(self) -> bool:
        """Whether the two files agree on the mean (to 0.001)."""
        return abs(self.mean - self.published_mean) < 1e-3

    @property
    def unit(self) -> str:
        """The article or review the sentence belongs to; its own id where there is none."""
        return self.id.split("_")[0]


@lru_cache(maxsize=None)
def records(domain: str, folder: Path | None = None) -> tuple[Rated, ...]:
    """All rated sentences of a domain, in the files' order, nothing left out.

    Args:
        domain: "movies", "products", "news" or "tweets".
        folder: where the two files are; the asset "ratings" by default.
    Returns: tuple of `Rated`: 10,605 movies, 3,708 products, 5,190 news, 4,200 tweets.
    Raises: TaskError for an unknown domain, or files that do not hold what they should.
    Example: ``len(records("news"))`` is 5190.
    Source: Hutto & Gilbert 2014, section 4. Checked against: the same files read by pandas (tests/test_tasks_ratings.py).
    """
    if domain not in DOMAINS:
        raise TaskError(f"domain {domain!r}", wanted="one of " + ", ".join(DOMAINS))
    if folder is None:
        from ftlab import assets

        folder = assets.path("ratings")
    stem, rows, _, _ = DOMAINS[domain]
    ratings = {name: (mean, numbers) for name, mean, _, numbers in _rows(folder / f"{stem}_anonDataRatings.txt", 4)}
    found = []
    for name, mean, text in _rows(folder / f"{stem}_GroundTruth.txt", 3):
        if name not in ratings:
            raise TaskError(f"sentence {name!r} of {stem} without ratings", wanted="both files of one release")
        numbers = tuple(json.loads(ratings[name][1]))
        if not numbers or not all(isinstance(r, int) and -4 <= r <= 4 for r in numbers):
            raise TaskError(f"ratings {ratings[name][1][:40]} of sentence {name!r} in {stem}", wanted="ints from -4 to 4")
        found.append(Rated(name, clean(text), numbers, float(mean)))
    if len(found) != rows or len(ratings) != rows:
        raise TaskError(f"{len(found)} texts and {len(ratings)} rating lists in {stem}", wanted=f"{rows} of both",
                        cause="a truncated or edited file", hint="python -m ftlab fetch --check")
    return tuple(found)


def clean(text: str) -> str:
    """The text as used everywhere: entities decoded (``&amp;`` is &), white space made single spaces, ends stripped.

    Args:
        text: as in the file.
    Returns: str; character offsets anywhere in the course count in this text.
    Example: ``clean("R&amp;B   rocks ")`` is ``"R&B rocks"``.
    """
    return " ".join(html.unescape(html.unescape(text)).split())  # eight editorials are encoded twice


def _rows(path: Path, n_columns: int) -> list[list[str]]:
    """Tab-separated rows of a file; one of the eight starts with a byte-order mark, all end lines with CR LF."""
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    rows = [line.split("\t") for line in lines if line.strip()]
    for number, row in enumerate(rows, start=1):
        if len(row) != n_columns:
            raise TaskError(f"{len(row)} columns in line {number} of {path.name}", wanted=f"{n_columns}, tab-separated")
    return rows


@lru_cache(maxsize=None)
def _rule() -> dict:
    return json.loads(RULE.read_text(encoding="utf-8"))


@lru_cache(maxsize=None)
def split_of(domain: str) -> dict[str, str]:
    """Which split every sentence of a domain is in: the published rule.

        u = first 8 hex digits of SHA-256("ratings/<domain>/<group>") / 16^8
        u < a: validation;   a <= u < b: test;   else train     (a, b in ratings_splits.json)

    A group is an article, a review, or (movies, tweets) one sentence, joined with the groups that share a near-copy of one
    of its sentences; it is named after its lowest number. So no article, review or near-copy is in two splits.

    Args:
        domain: "movies", "products", "news" or "tweets".
    Returns: dict of sentence id to "train", "validation" or "test".
    Raises: TaskError for an unknown domain.
    Example: ``split_of("movies")["1"]`` is one of the three.
    Checked against: the lists' SHA-256 in ratings_splits.json, and a search for near-copies (tests/test_tasks_ratings.py).
    """
    rows = records(domain)
    rule = _rule()
    joined = {unit: min(units, key=int) for units in rule["joined"][domain] for unit in units}
    first, second = rule["shares"][domain]
    found = {}
    for row in rows:
        group = joined.get(row.unit, row.unit)
        u = int(hashlib.sha256(f"ratings/{domain}/{group}".encode()).hexdigest()[:8], 16) / 16**8
        found[row.id] = "validation" if u < first else "test" if u < second else "train"
    return found


@lru_cache(maxsize=None)
def usable(domain: str) -> dict[str, tuple[Rated, ...]]:
    """The sentences of each split that tasks use: later copies of the same text and contradicted ratings left out.

    Args:
        domain: "movies", "products", "news" or "tweets".
    Returns: dict of split name to tuple of `Rated`, in the files' order.
    Raises: TaskError for an unknown domain.
    Example: ``sum(map(len, usable("tweets").values()))`` is less than 4200: 199 tweets have two contradicting means.
    """
    where, seen = split_of(domain), set()
    kept: dict[str, list[Rated]] = {"train": [], "validation": [], "test": []}
    for row in records(domain):
        if row.consistent and row.text not in seen:
            seen.add(row.text)
            kept[where[row.id]].append(row)
    return {name: tuple(rows) for name, rows in kept.items()}


def load_ratings(domain: str, form: str = "binary") -> Task:
    """A ratings task on its published split.

    Args:
        domain: "movies", "products", "news" or "tweets".
        form: "binary" (sign of the mean rating, |mean| >= 0.5), "regression" (the mean, -4 to 4) or "pairs" (which of two
            sentences is rated higher, means at least 1.0 apart).
    Returns: a `Task` with train, validation and test.
    Raises: TaskError for an unknown domain or form; AssetError if the data cannot be fetched.
    Example:
        >>> load_ratings("movies").splits["test"].name
        'test'

    Source: Hutto & Gilbert 2014. Checked against: counts by pandas from the raw files (tests/test_tasks_ratings.py).
    """
    from . import human
    from .pairs import pairs_task

    records(domain)  # refuses an unknown domain
    if form == "pairs":
        return pairs_task(domain)
    about = DOMAINS[domain][2]
    if form == "regression":
        splits = {
            name: Split(name, [r.text for r in rows], [r.mean for r in rows], ids=[r.id for r in rows])
            for name, rows in usable(domain).items()
        }
        return Task(
            f"ratings/{domain}-regression", "regression", (), "pearson", ("pearson", "spearman", "mean_absolute_error"), splits,
            SOURCE, LICENCE, f"How positive is {about}? The mean rating, -4 to 4.", _notes(domain),
            partial(human.ceiling, domain, "regression"),
        )
    if form != "binary":
        raise TaskError(f"form {form!r}", wanted='"binary", "regression" or "pairs"')
    splits = {}
    for name, rows in usable(domain).items():
        rows = [r for r in rows if abs(r.mean) >= DECIDED]
        splits[name] = Split(name, [r.text for r in rows], [int(r.mean > 0) for r in rows], ids=[r.id for r in rows])
    return Task(
        f"ratings/{domain}", "classification", ("negative", "positive"), "accuracy", ("accuracy", "f1", "matthews"), splits,
        SOURCE, LICENCE, f"Is {about} negative or positive? The sign of its mean rating, where |mean| >= {DECIDED}.",
        _notes(domain), partial(human.ceiling, domain, "binary"),
    )


def _notes(domain: str) -> tuple[str, ...]:
    unit = DOMAINS[domain][3]
    notes = [f"no {unit} is in two splits" if unit else "no near-copy of a sentence is in two splits"]
    if domain == "movies":
        notes.append("three in four of these sentences are also in SST-2: never train on one and test on the other")
    if domain == "tweets":
        notes.append("199 tweets are left out: the two published files disagree on their mean")
    return tuple(notes)
