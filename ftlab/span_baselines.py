"""Answers without a model: a random span, the sentence with most words in common, and in it a phrase of the right kind."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ftlab.errors import InputError
from ftlab.spans import Found
from ftlab.tasks.cloze import gaps

if TYPE_CHECKING:
    from ftlab.tasks import Question

ABBREVIATION = re.compile(r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Gen|Gov|Sen|Rep|Rev|St|Jr|Sr|Jan|Feb|Aug|Sept|Oct|Nov|Dec)\.$")
QUESTION_WORDS = ("how many", "how much", "what percentage", "who", "where", "when", "why", "which", "what")


def span_baseline(questions: Iterable[Question], how: str = "phrase", seed: int = 0) -> list[Found]:
    """Answers without a model, in the form that `spans.decode` gives.

        score = sum over words w in both question and sentence of log(sentences / sentences with w), over that sum for the question

    Args:
        questions: a `QuestionSplit`, or a list of `Question`.
        how: "random" (one to four words anywhere), "sentence" (the one with the highest score) or "phrase" (in that sentence, the
            first phrase of the kind that the question word asks for, found by the rules of `tasks.cloze`, and not in the question).
        seed: of the random spans.
    Returns: one `spans.Found` a question; its score is the overlap, 0 to 1 (of a random span: random), no_answer_score is 0.
    Raises: InputError for another `how`.
    Example: ``[f.text for f in span_baseline(task.test, "sentence")]``.
    Source: Rajpurkar et al. 2016, section 5.1 (a sliding window over words in common).
    """
    rules = {"random": _random_words, "sentence": _likest_sentence, "phrase": _likest_phrase}
    if how not in rules:
        raise InputError(f"how is {how!r}", wanted=" or ".join(rules))
    found = []
    for place, question in enumerate(questions):
        start, end, score = rules[how](question, random.Random(seed * 1_000_003 + place))
        found.append(Found(question.context[start:end], start, end, score, 0.0))
    return found


def _random_words(question: Question, source: random.Random) -> tuple[int, int, float]:
    words = [match.span() for match in re.finditer(r"\S+", question.context)]
    first = source.randrange(len(words))
    return words[first][0], words[min(first + source.randrange(4), len(words) - 1)][1], source.random()


def _likest_sentence(question: Question, source: random.Random) -> tuple[int, int, float]:
    sentences = _sentences(question.context)
    bags = [_bag(question.context[start:end]) for start, end in sentences]
    seen_in = Counter(word for bag in bags for word in bag)
    rarity = {word: math.log((1 + len(bags)) / (seen_in[word] or 0.5)) for word in sorted(_bag(question.question))}
    shares = [round(sum(rarity[w] for w in rarity if w in bag) / max(1e-9, sum(rarity.values())), 9) for bag in bags]
    best = max(range(len(shares)), key=shares.__getitem__)  # of equal ones the first
    return (*sentences[best], float(shares[best]))


def _sentences(text: str) -> list[tuple[int, int]]:
    """Where each sentence starts and ends; a full stop after a title or an initial ends none, the end of a line does."""
    found: list[tuple[int, int]] = []
    for match in re.finditer(r"\S.*?(?:[.?!]'*(?=\s|$)|$)", text, re.MULTILINE):
        goes_on = found and ABBREVIATION.search(text[found[-1][0] : found[-1][1]])
        found[len(found) - bool(goes_on) :] = [(found[-1][0] if goes_on else match.start(), match.end())]
    return found


def _likest_phrase(question: Question, source: random.Random) -> tuple[int, int, float]:
    start, end, share = _likest_sentence(question, source)
    asked = question.question.lower()
    wh = next((w for w in QUESTION_WORDS if w in asked), "what")
    found = [g for g in gaps(question.context[start:end]) if question.context[start + g.start : start + g.end].lower() not in asked]
    fitting = [g for g in found if g.wh.split()[0] == wh.split()[0] and (wh[:3] != "how" or g.wh == wh)] or found
    return (start + fitting[0].start, start + fitting[0].end, share) if fitting else (start, end, share)


def _bag(text: str) -> set[str]:
    """Words in lower case, their commonest endings taken off."""
    return {re.sub(r"(?:ing|ed|es|s|ly)$", "", word) if len(word) > 4 else word for word in re.findall(r"[a-z0-9$]+", text.lower())}
