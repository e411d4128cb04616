"""Type a sentence, see its label and the probability of every label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..display import escape
from ..errors import InputError
from .base import bars_html, bars_text, build
from .base import text as line


def score_box(predict: Callable[[list[str]], Sequence[dict[str, Any]]], text: str = "A warm, funny film that never drags.",
              title: str = "Type a sentence of your own, then press Enter") -> None:
    """A box to type a sentence into, with the predicted label and a bar for every label's probability.

    Args:
        predict: function of a list of texts; gives one dict per text with "label" and "probabilities"
            (name -> probability, 0 to 1), as `FineTuned.predict` does.
        text: the sentence at the start, which the still picture shows.
        title: one line above the box.
    Example: ``ft.widgets.score_box(tuned.predict)`` shows "label: positive" and two bars.
    """

    def respond(sentence: str) -> tuple[str, str]:
        if not sentence.strip():
            raise InputError("an empty sentence", wanted="a few words to score")
        found = predict([sentence])[0]
        values = found["probabilities"]
        values = dict(values) if hasattr(values, "items") else {str(i): p for i, p in enumerate(values)}
        values = {str(name): float(p) for name, p in values.items()}
        return (f"  label: {found['label']}\n{bars_text(values)}",
                f"label: <strong>{escape(found['label'])}</strong>{bars_html(values, mark=str(found['label']))}")

    build(title, {"sentence": line(text, label="sentence")}, respond)
