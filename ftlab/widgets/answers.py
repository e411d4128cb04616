"""Ask a question about a text, and see the answer marked in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..display import escape
from .base import build
from .base import text as line


def answer_box(ask: Callable[[str, str], dict[str, Any]], question: str, context: str,
               title: str = "Ask a question of your own about the text, then press Enter") -> None:
    """A box for a question and one for the text to read, with the answer marked in the text.

    Args:
        ask: function of a question and a context, as `ft.answer` with its model filled in: gives a dict with text, start, end.
        question: the question at the start, which the still picture shows.
        context: the text at the start.
        title: one line above the box.
    Example: ``ft.widgets.answer_box(lambda q, c: ft.answer(model, tokenizer, q, c), "Who sang?", "Ann sang.")``.
    """

    def respond(question: str, context: str) -> tuple[str, str]:
        found = ask(question, context)
        if not found["text"]:
            return "  no answer", f"<em>no answer in this text</em><p>{escape(context)}</p>"
        start, end = found["start"], found["end"]
        marked = f"{escape(context[:start])}<mark>{escape(context[start:end])}</mark>{escape(context[end:])}"
        return f"  answer: {found['text']}", f"answer: <strong>{escape(found['text'])}</strong><p>{marked}</p>"

    build(title, {"question": line(question), "context": line(context, label="text")}, respond)
