"""Which of two sentences is rated higher: pairs made inside each split, balanced, the same everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from .base import Split, Task
from .ratings import DOMAINS, LICENCE, SOURCE, Rated, usable

MARGIN = 1.0  # least distance of the two means: below it people do not agree which is higher
ROUNDS = 3  # most pairs one sentence is in


def make_pairs(rows: Sequence[Rated], key: str, margin: float = MARGIN, rounds: int = ROUNDS) -> list[tuple[Rated, Rated, int]]:
    """Pairs (first, second, label) of sentences whose mean ratings are at least `margin` apart; label 1 if the second is higher.

        in each round: order the sentences by SHA-256("<key>/<round>/<id>"), pair neighbours 1-2, 3-4, ..., keep those far
        enough apart and not paired before; every other pair kept has the higher one second

    Args:
        rows: the sentences of one split.
        key: makes the order different for each task and split.
        margin: in rating points.
        rounds: number of rounds, so that no sentence is in more pairs than this.
    Returns: list of (Rated, Rated, int), half of them (to one) of each label.
    Example: three rounds over the movie training split give about 8,000 pairs.
    Checked against: every property recomputed in tests/test_tasks_ratings.py.
    """
    found: list[tuple[Rated, Rated, int]] = []
    seen: set[frozenset[str]] = set()
    for number in range(rounds):
        order = sorted(rows, key=lambda row: hashlib.sha256(f"{key}/{number}/{row.id}".encode()).digest())
        for low, high in list(pairwise(order))[::2]:
            both = frozenset((low.id, high.id))
            if abs(low.mean - high.mean) < margin or both in seen:
                continue
            seen.add(both)
            if low.mean > high.mean:
                low, high = high, low
            label = len(found) % 2
            found.append((low, high, 1) if label else (high, low, 0))
    return found


def pairs_task(domain: str) -> Task:
    """The pairs task of a domain; label "first" means that the first text is rated higher.

    Args:
        domain: "movies", "products", "news" or "tweets".
    Returns: a `Task` whose splits have `pairs`; ids are "<first id>+<second id>".
    Raises: TaskError for an unknown domain.
    Example: ``pairs_task("movies").label_names`` is ``("first", "second")``.
    Source: sentences of Hutto & Gilbert 2014; the pairing is this course's.
    """
    from . import human

    splits = {}
    for name, rows in usable(domain).items():
        made = make_pairs(rows, f"ratings/{domain}-pairs/{name}")
        splits[name] = Split(
            name, [a.text for a, _, _ in made], [label for _, _, label in made], [b.text for _, b, _ in made],
            [f"{a.id}+{b.id}" for a, b, _ in made],
        )
    what = f"Of two texts, each {DOMAINS[domain][2]}: which is rated higher? Means at least {MARGIN} apart."
    notes = (f"a sentence is in at most {ROUNDS} pairs, all in its own split",)
    return Task(f"ratings/{domain}-pairs", "classification", ("first", "second"), "accuracy", ("accuracy", "matthews"), splits,
                SOURCE, LICENCE, what, notes, partial(human.ceiling, domain, "pairs"))
