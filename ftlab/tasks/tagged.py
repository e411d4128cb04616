"""Sentences with the names in them: each as words with one tag a word, and as text with spans. A split of them, and a task."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ftlab.bio import OUTSIDE, Span, repair, spans_from_tags, tag_names, tags_from_spans, word_offsets
from ftlab.errors import TaskError

from .drawing import check_positions, drawn, plain
from .named_splits import NamedSplits


@dataclass(frozen=True)
class TaggedSplit:
    """Tagged sentences of one purpose (train, validation or test), kept column by column.

    Attributes:
        name: "train", "validation" or "test".
        words: N lists of words.
        tags: N lists of BIO tags, one a word.
        ids: N stable names; numbered from 0 when not given.
        texts: N sentences in which the words stand; the words joined by blanks when not given.
        offsets: N lists of (start, end), where each word stands in its text, in characters; found when not given.
    Raises: TaskError if a sentence has no word, as many tags as words it has not, a tag that is no BIO tag or an I- after nothing
        of its type, if an offset does not point at its word, or an id is used twice.
    Example: ``TaggedSplit("train", [["Ann", "sings"]], [["B-PER", "O"]])[0]["entities"]`` is ``[(0, 3, "PER")]``.
    """

    name: str
    words: list[list[str]]
    tags: list[list[str]]
    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    offsets: list[list[tuple[int, int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.ids:
            object.__setattr__(self, "ids", [str(i) for i in range(len(self.words))])
        if len(self.tags) != len(self.words) or len(self.ids) != len(self.words):
            raise TaskError(f"{len(self.words)} sentences, {len(self.tags)} lists of tags, {len(self.ids)} ids in split {self.name!r}",
                            wanted="as many of each")
        for i, words, tags in zip(self.ids, self.words, self.tags):
            _check(f"sentence {i!r} of split {self.name!r}", words, tags)
        if not self.texts:
            object.__setattr__(self, "texts", [" ".join(words) for words in self.words])
        if len(self.texts) != len(self.words) or (self.offsets and len(self.offsets) != len(self.words)):
            raise TaskError(f"{len(self.words)} sentences, {len(self.texts)} texts, {len(self.offsets)} lists of offsets in split {self.name!r}",
                            wanted="as many of each")
        if not self.offsets:
            object.__setattr__(self, "offsets", [_find(text, words, i) for text, words, i in zip(self.texts, self.words, self.ids)])
        for i, text, words, offsets in zip(self.ids, self.texts, self.words, self.offsets):
            if [text[start:end] for start, end in offsets] != list(words):
                raise TaskError(f"offsets of sentence {i!r} that do not point at its words", wanted="text[start:end] == word, for each")
        if twice := [i for i, n in Counter(self.ids).items() if n > 1]:
            raise TaskError(f"id {twice[0]!r} twice in split {self.name!r}", wanted="ids that name one sentence each")

    @classmethod
    def from_spans(cls, name: str, texts: Sequence[str], spans: Sequence[Sequence[Span]], ids: Sequence[str] = ()) -> TaggedSplit:
        """A split from texts and the names in them by characters; the words are found by `bio.word_offsets`.

        Args:
            name: of the split.
            texts: N sentences.
            spans: for each, its names: (start, end, type), end exclusive.
            ids: N names of sentences, or none.
        Returns: a `TaggedSplit`.
        Raises: TaskError if there are not as many of each, or a span lies outside its text, is blank, overlaps another or cuts a word.
        Example: ``TaggedSplit.from_spans("train", ["Ann's song"], [[(0, 3, "PER")]]).tags`` is ``[["B-PER", "O", "O", "O"]]``.
        """
        ids = list(ids) or [str(i) for i in range(len(texts))]
        if not len(ids) == len(texts) == len(spans):
            raise TaskError(f"{len(texts)} texts, {len(spans)} lists of spans, {len(ids)} ids for split {name!r}", wanted="as many of each")
        offsets, tags = [], []
        for i, text, some in zip(ids, texts, spans):
            offsets.append(word_offsets(text))
            for span in some:
                if not isinstance(span, (tuple, list)) or len(span) != 3:
                    raise TaskError(f"span {span!r} in sentence {i!r}", wanted="(start, end, type)")
                start, end, kind = map(plain, span)
                if not (type(start) is int and type(end) is int and 0 <= start < end <= len(text)):
                    raise TaskError(f"span ({start}, {end}, {kind!r}) in sentence {i!r}",
                                    wanted=f"0 <= start < end <= {len(text)} (characters)", cause="offsets into another text")
            try:
                tags.append(tags_from_spans(some, offsets[-1]))
            except TaskError as error:
                raise TaskError(f"{error.got} in sentence {i!r}", wanted=error.wanted, cause=error.cause) from None
        words = [[text[start:end] for start, end in some] for text, some in zip(texts, offsets)]
        return cls(name, words, tags, ids, list(texts), offsets)

    @property
    def labels(self) -> list[list[str]]:
        """The tags, by the name that other splits have for what is to be predicted."""
        return self.tags

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One sentence as a dict: id, text, words, tags, and entities: [(start, end, type), …] in characters of the text."""
        at, tags = self.offsets[index], self.tags[index]
        return {
            "id": self.ids[index], "text": self.texts[index], "words": self.words[index], "tags": tags,
            "entities": [(at[first][0], at[end - 1][1], kind) for first, end, kind in spans_from_tags(tags)],
        }

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"TaggedSplit({self.name!r}, {len(self)} sentences, {sum(self.type_counts().values())} names)"

    def type_counts(self) -> dict[str, int]:
        """How many names there are of each type.

        Returns: dict of type to count, the commonest first.
        Example: ``TaggedSplit("train", [["Ann"]], [["B-PER"]]).type_counts()`` is ``{"PER": 1}``.
        """
        return dict(Counter(kind for tags in self.tags for _, _, kind in spans_from_tags(tags)).most_common())

    def select(self, indices: Sequence[int]) -> TaggedSplit:
        """The sentences at these positions, in this order. Raises: TaskError for a position that is not there."""
        check_positions(indices, len(self), self.name)
        columns = (self.words, self.tags, self.ids, self.texts, self.offsets)
        return TaggedSplit(self.name, *([column[i] for i in indices] for column in columns))

    def take(self, n: int, seed: int = 0) -> TaggedSplit:
        """A random subset of n sentences, the same for the same seed; a larger n contains the smaller one.

        Args:
            n: how many, 1 or more; all of them where there are fewer.
            seed: of the shuffle.
        Raises: TaskError if n is not a positive int.
        """
        return self.select(drawn(len(self), n, seed))


@dataclass(frozen=True)
class TaggingTask(NamedSplits):
    """Sentences to find names in, in named splits; the tagging task among the tasks.

    Attributes:
        name: as given to `load_task`: "entities" or "conll2003".
        types: types of names, such as ("PER", "ORG", "LOC", "MISC").
        splits: dict of name to `TaggedSplit`; must have "train".
        source, licence: where the data is from and what it may be used for.
        description: one sentence on what is asked.
        notes: what to know before trusting a score.
    Raises: TaskError for an empty split, no train split, or a tag of a type that is not among the types.
    Example: ``load_task("entities").label_names[:3]`` is ``("O", "B-PER", "I-PER")``.
    """

    name: str
    types: tuple[str, ...]
    splits: dict[str, TaggedSplit]
    source: str = ""
    licence: str = ""
    description: str = ""
    notes: tuple[str, ...] = ()
    kind = "tagging"
    metric = "f1"
    metrics = ("f1", "precision", "recall", "token_accuracy")

    def __post_init__(self) -> None:
        if "train" not in self.splits:
            raise TaskError(f"splits {sorted(self.splits)} of task {self.name!r}", wanted="a split named 'train'")
        known = set(self.label_names)
        for split in self.splits.values():
            if not len(split):
                raise TaskError(f"split {split.name!r} of task {self.name!r} is empty", wanted="at least one sentence")
            for i, tags in zip(split.ids, split.tags):
                if unknown := set(tags) - known:
                    raise TaskError(f"tag {min(unknown)!r} in sentence {i!r} of split {split.name!r}", wanted=", ".join(self.label_names))

    @property
    def label_names(self) -> tuple[str, ...]:
        """The tags in the order of the model's outputs."""
        return tag_names(self.types)

    @property
    def n_classes(self) -> int:
        """Number of outputs a head needs: one a tag."""
        return len(self.label_names)

    def majority_baseline(self, split: str = "test") -> dict[str, float]:
        """Scores (0 to 1) of answering O for every word: no name found, and most words right.

        Args:
            split: name of the split to score.
        Returns: dict of f1, precision, recall (all 0) and token_accuracy.
        Example: its token_accuracy on editorials is about 0.9.
        """
        tags = [tag for sentence in self.split(split).tags for tag in sentence]
        return {"f1": 0.0, "precision": 0.0, "recall": 0.0, "token_accuracy": tags.count(OUTSIDE) / len(tags)}

    def describe(self) -> None:
        """Print a card of the task: what is asked, counts, types, examples, baseline, licence."""
        print(f"{self.name} · {self.kind} · judged by {', '.join(self.metrics)}")
        print("\n".join(textwrap.wrap(self.description, 100)))
        print(f"\n{'split':<12}{'sentences':>10}{'words':>9}{'names':>8}  by type")
        for name, split in self.splits.items():
            counts = split.type_counts()
            kinds = ", ".join(f"{kind} {counts.get(kind, 0):,}" for kind in self.types)
            print(f"{name:<12}{len(split):>10,}{sum(map(len, split.words)):>9,}{sum(counts.values()):>8,}  {kinds}")
        for example in [e for e in self.train if e["entities"]][:3]:
            names = "; ".join(f"{example['text'][a:b]} ({kind})" for a, b, kind in example["entities"])
            print(textwrap.shorten(names, 100, placeholder=" …"))
        if "test" in self.splits:
            print(f"Always answering O, on test: f1 0.000, token_accuracy {self.majority_baseline()['token_accuracy']:.3f}.")
        for note in self.notes:
            print("\n".join(textwrap.wrap(f"Note: {note}.", 100)))
        print("\n".join(textwrap.wrap(f"Source: {self.source or 'not stated'}. Licence: {self.licence or 'not stated'}.", 100)))


def _check(where: str, words: Sequence[str], tags: Sequence[str]) -> None:
    if words is None or tags is None:
        raise TaskError(f"None as the {'words' if words is None else 'tags'} of {where}", wanted="a list", cause="a missing value in a table")
    if isinstance(words, str) or not len(words):
        raise TaskError(f"{where} has no words" if not len(words) else f"a str as the words of {where}",
                        wanted="a list with at least one word", cause="an empty line, or a text that was not split",
                        hint="leave empty sentences out; TaggedSplit.from_spans splits texts")
    if isinstance(tags, str) or len(tags) != len(words):
        raise TaskError(f"{len(words)} words and {len(tags)} tags in {where}", wanted="one tag a word",
                        cause="a tag for each piece, or for each character")
    for word in words:
        if not isinstance(word, str) or not word.strip():
            raise TaskError(f"the word {word!r} in {where}", wanted="text that is not blank")
    try:
        mended = repair(tags)
    except TaskError as error:
        raise TaskError(f"{error.got} in {where}", wanted=error.wanted, cause=error.cause) from None
    for i, (tag, should) in enumerate(zip(tags, mended)):
        if tag != should:
            raise TaskError(f"{tag} of word {i} in {where} follows no {tag[2:]}", wanted=should,
                            cause="tags of the older scheme IOB1, where B- only parts two names that touch",
                            hint="ftlab.bio.repair(tags) makes it B-")


def _find(text: str, words: Sequence[str], sentence: str) -> list[tuple[int, int]]:
    """Where the words stand in their text, looked for one after another."""
    if not isinstance(text, str):
        raise TaskError(f"{text!r} ({type(text).__name__}) as the text of sentence {sentence!r}", wanted="text", cause="a missing value in a table")
    offsets, at = [], 0
    for word in words:
        start = text.find(word, at)
        if start < 0:
            raise TaskError(f"the word {word!r} of sentence {sentence!r} is not in its text after character {at}",
                            wanted="words in the text's order")
        at = start + len(word)
        offsets.append((start, at))
    return offsets
