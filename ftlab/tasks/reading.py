"""Questions on a text: one of them, a split of them, and a task of named splits, for our own questions and for SQuAD alike."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ftlab.errors import TaskError

from .drawing import check_positions, drawn, plain
from .named_splits import NamedSplits


@dataclass(frozen=True, slots=True)
class Question:
    """A question on a context, and where its answers stand in it.

    Attributes:
        id: a name, unique in its split.
        question: text.
        context: the text to be read.
        answers: (start, end) in characters of the context, end exclusive, the first one used for training; () if it has no answer.
        kind: what is asked for ("who", "when", ...), "" where not known.
        wording: how the question is put beside the text ("same", "paraphrase", "inference"), "" where not known.
        source: the article or page the context is from.
    Raises: TaskError if a text is not text or blank, or an answer lies outside the context, is empty or blank.
    Example:
        >>> Question("q1", "Who sang?", "Ann sang.", ((0, 3),)).texts
        ('Ann',)
    """

    id: str
    question: str
    context: str
    answers: tuple[tuple[int, int], ...] = ()
    kind: str = ""
    wording: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("question", "context"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                what = f"an empty {name}" if isinstance(text, str) else f"{text!r}, a {type(text).__name__}, as {name}"
                raise TaskError(f"{what} in question {self.id!r}", wanted="text", cause="a missing value in a table")
        if not isinstance(self.answers, (tuple, list)) or not all(isinstance(answer, (tuple, list)) for answer in self.answers):
            raise TaskError(f"answers {self.answers!r} in question {self.id!r}", wanted="a tuple of (start, end), () for no answer",
                            cause="one answer, not in a tuple of its own", hint="((0, 3),) for one")
        object.__setattr__(self, "answers", tuple(tuple(map(plain, answer)) for answer in self.answers))
        for answer in self.answers:
            if len(answer) != 2 or not all(type(x) is int for x in answer) or not 0 <= answer[0] < answer[1] <= len(self.context):
                wanted = f"0 <= start < end <= {len(self.context)} (characters)"
                raise TaskError(f"answer {answer} in question {self.id!r}", wanted=wanted, cause="offsets into another text")
            if not self.context[slice(*answer)].strip():
                raise TaskError(f"answer {answer} in question {self.id!r} is blank", wanted="a place with text")

    @property
    def texts(self) -> tuple[str, ...]:
        """The answers as texts; () if there is none."""
        return tuple(self.context[start:end] for start, end in self.answers)


def from_texts(id: str, question: str, context: str, texts: Sequence[str], starts: Sequence[int], source: str = "") -> Question:
    """A question in SQuAD's form: each answer as its text and the character it starts at.

    Args:
        id, question, context, source: as in `Question`.
        texts: the answers' texts; a repeated one is kept once.
        starts: where each begins in the context.
    Returns: a `Question`.
    Raises: TaskError if a text does not stand at its start.
    Example: ``from_texts("q1", "Who sang?", "Ann sang.", ["Ann"], [0]).answers`` is ``((0, 3),)``.
    """
    if texts is None or starts is None or len(texts) != len(starts):
        if texts is None or starts is None:
            raise TaskError(f"answers {texts!r} and starts {starts!r} in question {id!r}", wanted="two lists, empty for no answer")
        raise TaskError(f"{len(texts)} answers and {len(starts)} starts in question {id!r}", wanted="as many of each")
    starts = [plain(start) for start in starts]
    for text, start in zip(texts, starts):
        readable = isinstance(text, str) and type(start) is int and isinstance(context, str)
        if not readable or context[start : start + len(text)] != text:
            found = context[start : start + 30] if readable else ""
            raise TaskError(f"answer {text!r} of question {id!r} is not in its context at {start}, where {found!r} stands",
                            wanted="the very characters of the context", cause="a cleaned or normalised context: its characters have moved",
                            hint="look the answer up with context.find(answer)")
    spans = dict.fromkeys((start, start + len(text)) for text, start in zip(texts, starts))
    return Question(str(id), question, context, tuple(spans), source=source)


@dataclass(frozen=True)
class QuestionSplit:
    """Questions of one purpose (train, validation or test).

    Attributes:
        name: "train", "validation" or "test".
        questions: N questions.
    Raises: TaskError if one is not a `Question`, or an id is used twice.
    Example: ``QuestionSplit("train", (Question("q1", "Who sang?", "Ann sang.", ((0, 3),)),))[0].texts`` is ``("Ann",)``.
    """

    name: str
    questions: tuple[Question, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "questions", tuple(self.questions))
        for q in self.questions:
            if not isinstance(q, Question):
                raise TaskError(f"a {type(q).__name__} in split {self.name!r}", wanted="a Question", hint="make it with from_texts")
        twice = [id for id, n in Counter(self.ids).items() if n > 1]
        if twice:
            raise TaskError(f"id {twice[0]!r} twice in split {self.name!r}", wanted="ids that name one question each")

    def __len__(self) -> int:
        return len(self.questions)

    def __getitem__(self, index: int) -> Question:
        return self.questions[index]

    def __iter__(self) -> Iterator[Question]:
        return iter(self.questions)

    def __repr__(self) -> str:
        return f"QuestionSplit({self.name!r}, {len(self)} questions, {self.n_unanswerable} without an answer)"

    @property
    def ids(self) -> list[str]:
        """The questions' ids, in order."""
        return [q.id for q in self.questions]

    @property
    def answers(self) -> list[tuple[str, ...]]:
        """The accepted answers of each question, as texts."""
        return [q.texts for q in self.questions]

    @property
    def n_unanswerable(self) -> int:
        """How many questions have no answer."""
        return sum(not q.answers for q in self.questions)

    def select(self, indices: Sequence[int]) -> QuestionSplit:
        """The questions at these positions, in this order. Raises: TaskError for a position that is not there."""
        check_positions(indices, len(self), self.name)
        return QuestionSplit(self.name, tuple(self.questions[i] for i in indices))

    def answerable(self) -> QuestionSplit:
        """The questions that have an answer."""
        return QuestionSplit(self.name, tuple(q for q in self.questions if q.answers))

    def take(self, n: int, seed: int = 0) -> QuestionSplit:
        """A random subset of n questions, the same for the same seed; a larger n contains the smaller one.

        Args:
            n: how many, 1 or more; all of them where there are fewer.
            seed: of the shuffle.
        Raises: TaskError if n is not a positive int.
        """
        return self.select(drawn(len(self), n, seed))


@dataclass(frozen=True)
class QuestionTask(NamedSplits):
    """Questions with their answers in named splits; the span task among the tasks.

    Attributes:
        name: as given to `load_task`: "questions", "squad" or "squad_v2".
        splits: dict of name to `QuestionSplit`.
        source, licence: where the data is from and what it may be used for.
        description: one sentence on what is asked.
        notes: what to know before trusting a score.
    Raises: TaskError if a split is empty.
    Example: ``load_task("questions").kind`` is ``"span"``.
    """

    name: str
    splits: dict[str, QuestionSplit]
    source: str = ""
    licence: str = ""
    description: str = ""
    notes: tuple[str, ...] = ()
    kind = "span"
    metric = "f1"
    metrics = ("f1", "em")
    label_names = ()

    def __post_init__(self) -> None:
        for split in self.splits.values():
            if not len(split):
                raise TaskError(f"split {split.name!r} of task {self.name!r} is empty", wanted="at least one question")

    def describe(self) -> None:
        """Print a card of the task: what is asked, counts, kinds, examples, licence."""
        print(f"{self.name} · {self.kind} · judged by {', '.join(self.metrics)}")
        print("\n".join(textwrap.wrap(self.description, 100)))
        print(f"\n{'split':<12}{'questions':>10}{'no answer':>11}{'context, characters':>21}")
        for name, split in self.splits.items():
            print(f"{name:<12}{len(split):>10,}{split.n_unanswerable:>11,}{sum(len(q.context) for q in split) / len(split):>21,.0f}")
        for q in next(iter(self.splits.values())).questions[:2]:
            print(textwrap.shorten(f"{q.question}  →  {q.texts[0] if q.answers else '(no answer)'}", 100, placeholder=" …"))
        for note in self.notes:
            print("\n".join(textwrap.wrap(f"Note: {note}.", 100)))
        print("\n".join(textwrap.wrap(f"Source: {self.source or 'not stated'}. Licence: {self.licence or 'not stated'}.", 100)))
