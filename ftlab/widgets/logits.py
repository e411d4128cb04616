"""Move three logits, see the probabilities, the loss and the gradient: softmax minus one-hot, live."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..display import AMBER, BLUE, GREY, escape
from ..errors import InputError
from .base import build, choice, slider

CLASSES = ("negative", "neutral", "positive")


def loss_and_gradient(start: Sequence[float] = (0.5, 0.0, 2.0), right: str = "negative",
                      title: str = "Move a logit: what happens to the loss, and where does the gradient pull?") -> None:
    """Three sliders for logits and a choice of the right class; below, each class's probability and gradient.

        loss = -log p[right],   gradient[c] = p[c] - [c = right]

    Args:
        start: three logits, from -5 to 5, which the still picture shows.
        right: "negative", "neutral" or "positive".
        title: one line above the sliders.
    Raises: InputError if there are not three logits.
    Example: ``ft.widgets.loss_and_gradient()`` shows a loss of 1.806 nats and a gradient of -0.836 at "negative".
    """
    if len(start) != len(CLASSES):
        raise InputError(f"{len(start)} logits", wanted="three, one for each of " + ", ".join(CLASSES))

    def respond(right: str, **logits: float) -> tuple[str, str]:
        powers = {name: math.exp(logits[name]) for name in CLASSES}
        total = sum(powers.values())
        p = {name: value / total for name, value in powers.items()}
        gradient = {name: p[name] - (name == right) for name in CLASSES}
        loss = math.log(total) - logits[right]
        lines = [f"  {name:<8}  p {p[name]:.3f}  gradient {gradient[name]:+.3f}" for name in CLASSES]
        return (f"  loss {loss:.3f} nats\n" + "\n".join(lines), f"loss <strong>{loss:.3f} nats</strong>{_bars(p, gradient, right)}")

    sliders = {name: slider(float(value), -5.0, 5.0, 0.1, label=f"logit of {name}") for name, value in zip(CLASSES, start)}
    build(title, {**sliders, "right": choice(right, CLASSES, label="right class")}, respond)


def _bars(p: dict[str, float], gradient: dict[str, float], right: str) -> str:
    """A row for each class: its probability, and its gradient as a bar to the left (less than 0) or the right of the middle."""
    rows = ""
    for name in p:
        g = gradient[name]
        left, width = (round(100 + 100 * min(g, 0.0)), max(1, round(100 * abs(g))))
        weight = "bold" if name == right else "normal"
        rows += (
            f'<tr><td style="text-align: left; padding: 2px 12px 2px 0px; font-weight: {weight}">{escape(name)}</td>'
            f'<td style="text-align: right; padding: 2px 14px">p = {p[name]:.3f}</td>'
            f'<td style="text-align: left; padding: 2px 0px"><div style="width: 200px; border-left: 1px solid {GREY}; border-right: 1px solid {GREY}">'
            f'<div style="background-color: {BLUE if g < 0 else AMBER}; margin-left: {left}px; width: {width}px; height: 14px">&nbsp;</div></div></td>'
            f'<td style="text-align: right; padding: 2px 10px">{g:+.3f}</td></tr>'
        )
    head = "".join(f'<th style="text-align: left; padding: 2px 12px 2px 0px">{h}</th>' for h in ("class", "probability", "gradient, from -1 to 1", ""))
    return f'<table style="border-collapse: collapse; margin: 4px 0px"><tr>{head}</tr>{rows}</table>'
