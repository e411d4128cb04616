"""quiz and recall: questions with folded answers, which work on a page, in a terminal and in a live notebook."""

from __future__ import annotations

import string
import textwrap
from typing import Any

from ..display import AMBER, BLUE, GREEN, GREY, box, escape, in_notebook, present, quiet
from ..errors import InputError
from .checking import Verdict
from .content import Question, chapter

LETTERS = string.ascii_lowercase


def quiz(name: str, number: int | None = None, choice: str | None = None) -> Verdict | None:
    """The five questions of a chapter, with an explanation for every choice.

    In a live notebook they can be clicked; on a page each choice unfolds; by call, ``quiz("03", 2, "b")`` answers question 2.

    Args:
        name: the chapter, for example "03".
        number: a question's number, from 1.
        choice: the letter of your answer.
    Returns: a Verdict when a question was answered, else None.
    Raises: InputError if there is no such chapter, question or choice.
    Example: ``ft.quiz("03", 2, "b")`` prints whether b is right, and why.
    """
    content = chapter(name)
    questions: tuple[Question, ...] = tuple(getattr(content, "QUIZ", ()))
    key = str(name).zfill(2)
    if not questions:
        raise InputError(f"chapter {key} has no quiz", wanted="a chapter with one")
    if number is None:
        if in_notebook() and not quiet() and _live(questions):
            return None
        present(_as_text(key, questions), _as_html(questions))
        return None
    if not isinstance(number, int) or not 1 <= number <= len(questions):
        raise InputError(f"question {number!r}", wanted=f"a number from 1 to {len(questions)}", hint=f'ft.quiz("{key}") lists them')
    question = questions[number - 1]
    if choice is None:
        present(_one(number, question) + f'\n\nAnswer with ft.quiz("{key}", {number}, "a").', _question_html(number, question))
        return None
    letter = str(choice).strip(" ().").lower()
    if len(letter) != 1 or letter not in LETTERS[: len(question.choices)]:
        raise InputError(f"choice {choice!r}", wanted=f"a letter from a to {LETTERS[len(question.choices) - 1]}")
    chosen = question.choices[LETTERS.index(letter)]
    word = "right" if chosen.right else "not right"
    text = f"{key} quiz · {number}{letter} · {word} · {chosen.why}"
    present(text, box(f"<strong>{number}{letter} · {word}</strong> · {escape(chosen.why)}", GREEN if chosen.right else AMBER))
    return Verdict(chosen.right, text, "" if chosen.right else chosen.why)


def _one(number: int, question: Question) -> str:
    lines = textwrap.wrap(f"{number}. {question.text}", 100, subsequent_indent="   ")
    for letter, choice in zip(LETTERS, question.choices):
        lines += textwrap.wrap(f"{letter}) {choice.text}", 96, initial_indent="   ", subsequent_indent="      ")
    return "\n".join(lines)


def _as_text(key: str, questions: tuple[Question, ...]) -> str:
    return "\n\n".join(_one(i, q) for i, q in enumerate(questions, 1)) + f'\n\nAnswer with ft.quiz("{key}", 2, "b"): question 2, choice b.'


def _question_html(number: int, question: Question) -> str:
    choices = "".join(
        f'<details style="margin: 2px 0px 2px 18px"><summary style="cursor: pointer">{letter}) {escape(c.text)}</summary>'
        f'<div style="margin: 2px 0px 6px 18px; padding: 2px 10px; border-left: 3px solid {GREEN if c.right else AMBER}">'
        f'<strong>{"Right." if c.right else "Not right."}</strong> {escape(c.why)}</div></details>'
        for letter, c in zip(LETTERS, question.choices))
    return f'<div style="margin: 0px 0px 12px 0px"><strong>{number}. {escape(question.text)}</strong>{choices}</div>'


def _as_html(questions: tuple[Question, ...]) -> str:
    note = f'<div style="color: {GREY}; margin: 0px 0px 8px 0px">Decide first, then click your answer: it unfolds and says why.</div>'
    return box(note + "".join(_question_html(i, q) for i, q in enumerate(questions, 1)), BLUE)


def _live(questions: tuple[Question, ...]) -> bool:
    """Show the quiz as clickable widgets (ipywidgets 7 or 8); False if that is not possible here."""
    try:
        import ipywidgets as w
        from IPython.display import display
    except ImportError:
        return False
    right: dict[int, bool] = {}
    score = w.HTML(f"0 of {len(questions)} answered")
    parts: list[Any] = []
    for i, question in enumerate(questions):
        answer = w.HTML()
        buttons = w.RadioButtons(options=[(f"{letter}) {c.text.replace('`', '')}", k) for k, (letter, c) in enumerate(zip(LETTERS, question.choices))],
                                 index=None, layout=w.Layout(width="auto"))

        def said(change: dict[str, Any], i: int = i, question: Question = question, answer: Any = answer) -> None:
            if change["new"] is None:
                return
            c = question.choices[change["new"]]
            right.setdefault(i, c.right)  # the first try counts
            answer.value = box(f"<strong>{'✓ Right.' if c.right else 'Not right.'}</strong> {escape(c.why)}", GREEN if c.right else AMBER)
            score.value = f"{len(right)} of {len(questions)} answered, {sum(right.values())} right at the first try"

        buttons.observe(said, names="value")
        parts += [w.HTML(f"<strong>{i + 1}. {escape(question.text)}</strong>"), buttons, answer]
    display(w.VBox([*parts, score]))
    return True


def recall(name: str, number: int | None = None) -> None:
    """Three questions about earlier chapters, to answer from memory before reading on; the answers are folded away.

    Args:
        name: the chapter you are about to read, for example "03".
        number: 1, 2 or 3 to print the answer to that question.
    Raises: InputError if there is no such chapter or question.
    Example: ``ft.recall("03")`` lists the questions; ``ft.recall("03", 1)`` prints the first answer.
    """
    key = str(name).zfill(2)
    questions = tuple(getattr(chapter(name), "RECALL", ()))
    if not questions:
        raise InputError(f"chapter {key} has no recall questions", wanted="a chapter after 00")
    if number is not None:
        if not isinstance(number, int) or not 1 <= number <= len(questions):
            raise InputError(f"question {number!r}", wanted=f"a number from 1 to {len(questions)}")
        q = questions[number - 1]
        present(f"{number}. {q.question}\n   {q.answer}", box(f"<strong>{number}. {escape(q.question)}</strong><br>{escape(q.answer)}", BLUE))
        return
    text = "\n".join("\n".join(textwrap.wrap(f"{i}. {q.question} (chapter {q.chapter})", 100, subsequent_indent="   ")) for i, q in enumerate(questions, 1))
    html = "".join(f'<div style="margin: 0px 0px 8px 0px">{i}. {escape(q.question)} <span style="color: {GREY}">(chapter {q.chapter})</span>'
                   f'<details style="margin: 0px 0px 0px 18px"><summary style="cursor: pointer; color: {GREY}">answer</summary>'
                   f'{escape(q.answer)}</details></div>' for i, q in enumerate(questions, 1))
    present(text + f'\nAnswer with ft.recall("{key}", 1).', box(html, BLUE))
