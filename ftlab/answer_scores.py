"""How right an answer is: exact match and word F1 by the rules of SQuAD, and the threshold below which to give none."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

from ftlab.errors import InputError

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)  # the 32 ASCII marks; a curly quotation mark is not among them


def normalise(text: str) -> str:
    """An answer as SQuAD compares it: lower case, no ASCII punctuation, no articles, single spaces; in this order.

    Marks are deleted, not replaced by blanks ("well-known" becomes "wellknown"), articles are replaced by a blank.

    Args:
        text: an answer.
    Returns: str, "" if nothing is left.
    Raises: InputError if it is not text.
    Example:
        >>> normalise("The U.S.  Senate!")
        'us senate'

    Source: Rajpurkar et al. 2016, SQuAD, section 6.1 (articles and punctuation ignored).
    Checked against: the library's old SQuAD metrics and torchmetrics (tests/test_answer_scores.py).
    """
    if not isinstance(text, str):
        raise InputError(f"an answer that is {text!r} ({type(text).__name__})", wanted="text", hint='"" where there is no answer')
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1 if the prediction equals one of the answers once both are normalised, else 0.

    Args:
        prediction: text; "" says that there is no answer.
        answers: the accepted texts; none, or only ones of which nothing is left, means unanswerable.
    Returns: float, 0 or 1.
    Raises: InputError if one of them is not text.
    Example:
        >>> exact_match("the Senate", ["Senate", "the U.S. Senate"]), exact_match("the Senate", [])
        (1.0, 0.0)

    Source: Rajpurkar et al. 2016, section 6.1; Rajpurkar et al. 2018, SQuAD 2.0 (no answer).
    Checked against: the library's old SQuAD metrics and torchmetrics (tests/test_answer_scores.py).
    """
    said = normalise(prediction)
    return float(said in _accepted(answers))


def word_f1(prediction: str, answers: Sequence[str]) -> float:
    """Share of words in common with the best-fitting answer: the harmonic mean of precision and recall, 0 to 1.

        F1 = 2 c / (words of the prediction + words of the answer),   c = words in both, each counted as often as it is in both

    Where either is empty, F1 is 1 if both are and 0 if not: half a "no answer" does not exist.

    Args:
        prediction: text; "" says that there is no answer.
        answers: as in `exact_match`; the best of them counts.
    Returns: float, 0 to 1.
    Raises: InputError if one of them is not text.
    Example:
        >>> round(word_f1("the New York Senate", ["Senate of New York"]), 3)  # 3 in common of 3 and 4
        0.857

    Source: Rajpurkar et al. 2016, section 6.1; Rajpurkar et al. 2018 (no answer).
    Checked against: the library's old SQuAD metrics and torchmetrics (tests/test_answer_scores.py).
    """
    said = normalise(prediction).split()
    return max(_f1(said, answer.split()) for answer in _accepted(answers))


def score_answers(predictions: Sequence[str], answers: Sequence[Sequence[str]]) -> dict[str, float]:
    """Mean F1 and exact match over questions, 0 to 1; and both again for the answerable and the unanswerable ones.

    Args:
        predictions: N texts, "" for no answer.
        answers: N lists of accepted texts, empty where the question has no answer.
    Returns: dict: f1, em; and, where some questions have an answer and others none, f1_answerable, em_answerable and
        right_unanswerable (share of those left without an answer).
    Raises: InputError if the lists differ in length or are empty, or an answer is not text.
    Example:
        >>> score_answers(["Senate", "Bush"], [["the Senate"], []])["f1"]
        0.5

    Source: Rajpurkar et al. 2018, section 5. Checked against: as `word_f1`.
    """
    if len(predictions) != len(answers) or not len(answers):
        raise InputError(f"{len(predictions)} predictions for {len(answers)} questions", wanted="one for each, and at least one")
    f1 = [word_f1(p, a) for p, a in zip(predictions, answers)]
    em = [exact_match(p, a) for p, a in zip(predictions, answers)]
    some = [bool(a) for a in answers]
    scores = {"f1": _mean(f1), "em": _mean(em)}
    if 0 < sum(some) < len(some):
        scores["f1_answerable"] = _mean([x for x, has in zip(f1, some) if has])
        scores["em_answerable"] = _mean([x for x, has in zip(em, some) if has])
        scores["right_unanswerable"] = _mean([x for x, has in zip(em, some) if not has])
    return scores


def threshold_curve(margins: Sequence[float], f1: Sequence[float], answerable: Sequence[bool]) -> list[tuple[float, float]]:
    """Mean F1 of all questions for every threshold that makes a difference.

    A question is answered if its margin, no-answer score minus score of the best span, is at most the threshold. Answered, it
    earns the F1 of its span (0 if it has no answer); not answered, 1 if it has none, else 0.

    Args:
        margins: N floats, in the unit of the logits; large means "probably no answer here".
        f1: N floats, F1 of the best span if it is given as the answer.
        answerable: N bools, whether the question has an answer.
    Returns: list of (threshold, mean F1), thresholds rising, from "answer nothing" to "answer everything".
    Raises: InputError if the lists differ in length or are empty.
    Example:
        >>> threshold_curve([-2.0, 3.0], [1.0, 0.0], [True, False])
        [(-3.0, 0.5), (0.5, 1.0), (4.0, 0.5)]

    Source: Rajpurkar et al. 2018, section 5 (one threshold, chosen on development data).
    Checked against: trying every threshold one by one (tests/test_answer_scores.py).
    """
    if not len(margins) == len(f1) == len(answerable) or not len(margins):
        raise InputError(f"{len(margins)} margins, {len(f1)} scores, {len(answerable)} questions", wanted="as many of each, one or more")
    order = sorted(range(len(margins)), key=margins.__getitem__)
    total = float(sum(not has for has in answerable))  # answering nothing is right for each question without an answer
    curve = [(margins[order[0]] - 1.0, total / len(order))]
    for place, i in enumerate(order):
        total += f1[i] if answerable[i] else -1.0
        after = margins[order[place + 1]] if place + 1 < len(order) else margins[i] + 2.0
        if after > margins[i]:  # questions of the same margin stand or fall together
            curve.append(((margins[i] + after) / 2, total / len(order)))
    return curve


def best_threshold(margins: Sequence[float], f1: Sequence[float], answerable: Sequence[bool]) -> float:
    """The threshold with the highest mean F1: to be chosen on validation, never on the test split.

    Args:
        margins, f1, answerable: as in `threshold_curve`.
    Returns: float, in the unit of the logits; of equally good ones the one that answers most.
    Raises: InputError as `threshold_curve`.
    Example:
        >>> best_threshold([-2.0, 3.0], [1.0, 0.0], [True, False])
        0.5

    Source: Rajpurkar et al. 2018, section 5. Checked against: as `threshold_curve`.
    """
    return max(threshold_curve(margins, f1, answerable), key=lambda point: (round(point[1], 9), point[0]))[0]


def _accepted(answers: Sequence[str]) -> list[str]:
    """The answers normalised; [""] where there is none (or nothing is left of any)."""
    if isinstance(answers, str):
        raise InputError(f"answers are {answers!r}", wanted="a list of texts", hint="put it in a list")
    return [text for text in map(normalise, answers) if text] or [""]


def _f1(said: list[str], wanted: list[str]) -> float:
    if not said or not wanted:
        return float(said == wanted)
    return 2 * sum((Counter(said) & Counter(wanted)).values()) / (len(said) + len(wanted))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
