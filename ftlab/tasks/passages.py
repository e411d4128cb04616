"""Newspaper editorials put together again from their numbered sentences."""

from __future__ import annotations

from dataclasses import dataclass

from ftlab.errors import TaskError

from .ratings import records, split_of


@dataclass(frozen=True, slots=True)
class Passage:
    """One editorial: its sentences in order.

    Attributes:
        article: its number, 1 to 500 (281 and 400 do not exist).
        ids: the sentences' ids ("63_1", "63_2", ...).
        sentences: their texts; a sentence that the file repeats is there once.
        split: "train", "validation" or "test", as in ratings/news.
    Example: ``passages()[0].article`` is 1.
    """

    article: int
    ids: tuple[str, ...]
    sentences: tuple[str, ...]
    split: str

    @property
    def text(self) -> str:
        """The sentences joined by single spaces."""
        return " ".join(self.sentences)

    def start_of(self, sentence_id: str) -> int:
        """Where a sentence begins in `text`, in characters.

        Args:
            sentence_id: one of `ids`.
        Returns: int, 0 for the first sentence.
        Raises: TaskError for a sentence of another article.
        Example: ``passage.text[passage.start_of(passage.ids[1]):]`` starts with the second sentence.
        """
        if sentence_id not in self.ids:
            raise TaskError(f"sentence {sentence_id!r} in article {self.article}", wanted=f"{self.ids[0]} to {self.ids[-1]}")
        position = self.ids.index(sentence_id)
        return sum(len(sentence) + 1 for sentence in self.sentences[:position])


def passages(split: str | None = None) -> list[Passage]:
    """The 498 editorials, in order of number, each whole in one split.

    Args:
        split: "train", "validation" or "test" to have only these; None for all.
    Returns: list of `Passage`, on average about ten sentences each.
    Raises: TaskError for an unknown split; AssetError if the data cannot be fetched.
    Example: ``len(passages())`` is 498.
    Source: Hutto & Gilbert 2014 (New York Times editorials). Checked against: the raw file (tests/test_tasks_ratings.py).
    """
    if split not in (None, "train", "validation", "test"):
        raise TaskError(f"split {split!r}", wanted='"train", "validation" or "test"')
    where = split_of("news")
    articles: dict[int, dict[str, str]] = {}
    for row in sorted(records("news"), key=lambda row: tuple(map(int, row.id.split("_")))):
        sentences = articles.setdefault(int(row.unit), {})
        if row.text not in sentences.values():
            sentences[row.id] = row.text
    found = [Passage(n, tuple(s), tuple(s.values()), where[next(iter(s))]) for n, s in sorted(articles.items())]
    return [passage for passage in found if split in (None, passage.split)]
