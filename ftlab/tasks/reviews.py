"""Film reviews of a wanted sentiment: what to ask, what to learn it from, and a judge's own share of the data."""

from __future__ import annotations

import random
from dataclasses import replace

from ftlab.errors import TaskError

from .base import Task
from .ratings import load_ratings, usable
from .summaries import TextPair

#: what is asked of the writer, for each sentiment
PROMPTS = {
    "negative": "Write one sentence of a negative film review.",
    "positive": "Write one sentence of a positive film review.",
}
STRONG = 2.0  # |mean rating| of the reviews that the writer learns from: clearly one or the other
WORDS = (6, 30)  # their length


def review_pairs(n: int = 300, seed: int = 0, strong: float = STRONG) -> list[TextPair]:
    """Prompts with reviews that answer them, half of them negative: the writer's share of ratings/movies.

    Only the train split, only odd ids (the even ones are the judge's, see `judge_task`), only clear ratings.

    Args:
        n: how many, an even number; a larger n contains the smaller.
        seed: of the draw.
        strong: least |mean rating| of a review: clear ones teach the difference better.
    Returns: list of `TextPair`: source is the prompt, target the review, sentiments in turn.
    Raises: TaskError if n is odd, below 2 or more than there are.
    Example: ``review_pairs(2)[0].source`` is ``PROMPTS["negative"]``.
    Source: Hutto & Gilbert 2014 (the reviews). Checked against: the ratings (tests/test_tasks_reviews.py).
    """
    theirs = [r for r in usable("movies")["train"] if int(r.id) % 2 == 1]
    rows = [r for r in theirs if abs(r.mean) >= strong and WORDS[0] <= len(r.text.split()) <= WORDS[1]]
    sides = {"negative": [r for r in rows if r.mean < 0], "positive": [r for r in rows if r.mean > 0]}
    most = 2 * min(map(len, sides.values()))
    if isinstance(n, bool) or not isinstance(n, int) or n % 2 or not 2 <= n <= most:
        raise TaskError(f"n is {n!r}", wanted=f"an even number, 2 to {most}", cause="half of them are negative")
    drawn = {}
    for side, some in sides.items():
        random.Random(f"{seed}/{side}").shuffle(some)
        drawn[side] = [TextPair(r.id, PROMPTS[side], r.text) for r in some[: n // 2]]
    return [pair for both in zip(*drawn.values()) for pair in both]


def judge_task(n: int | None = None, seed: int = 0) -> Task:
    """ratings/movies for a judge who shares no sentence with the writer: the even ids of train; validation and test whole.

    What the two do share: the kind of text, the time, the raters.

    Args:
        n: how many training examples; None is all of the judge's half.
        seed: of the draw.
    Returns: a `Task` for `fine_tune`.
    Raises: TaskError if n is below 1.
    Example: ``judge_task(1000).train`` is ``Split('train', 1000 examples)``.
    Source: Hutto & Gilbert 2014. Checked against: no id in common with `review_pairs` (tests/test_tasks_reviews.py).
    """
    task = load_ratings("movies")
    half = task.train.select([i for i, id in enumerate(task.train.ids) if int(id) % 2 == 0])
    return replace(task, splits={**task.splits, "train": half if n is None else half.take(n, seed)})
