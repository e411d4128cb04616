"""Ask a model for a text of a wanted kind, see what it writes, and what a judge says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..display import about, escape
from .base import bars_html, build, choice, slider


def write_box(write: Callable[[str, float, float, int], str], prompts: Mapping[str, str], judge: Callable[[str], float] | None = None,
              shown: str = "", title: str = "What should it write? Choose, then press Write") -> None:
    """A box to choose a prompt, a temperature and a top-p, with the text that is written and a judge's probability.

    Args:
        write: function of prompt, temperature, top_p and seed; gives the text.
        prompts: name -> prompt, as `ftlab.tasks.reviews.PROMPTS`.
        judge: function of a text; gives the probability, 0 to 1, of the last name in `prompts`. None: no judge.
        shown: a text written earlier for the first prompt, for the still picture, so that nothing is written for it.
        title: one line above the box.
    Example: ``ft.widgets.write_box(lambda *a: "A quiet marvel.", PROMPTS)`` shows a prompt and what was written.
    """
    names = list(prompts)

    def answer(text: str) -> tuple[str, str]:
        plain, html = f"  written: {text}", f"<em>{escape(text)}</em>"
        if judge is not None and text:
            p = float(judge(text))
            plain += f"\n  judged {names[-1]}: {about(p, '.2f')}"
            html += bars_html({names[-1]: p, "not": 1 - p}, mark=names[-1])
        return plain, html

    def respond(kind: str, temperature: float, top_p: float, seed: int) -> tuple[str, str]:
        return answer(write(prompts[kind], temperature, top_p, seed))

    build(title, {
        "kind": choice(names[0], names, label="kind"),
        "temperature": slider(0.7, 0.0, 2.0, 0.1, label="temperature (0: greedy)"),
        "top_p": slider(0.9, 0.05, 1.0, 0.05, label="top-p"),
        "seed": slider(0, 0, 99, 1, label="seed"),
    }, respond, button="Write", static=answer(shown) if shown else None)
