"""Type a sentence, see the names that a model finds in it, each marked with its type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..display import AMBER, BLUE, GREEN, GREY, about, escape, present
from ..errors import InputError
from .base import build
from .base import text as line

EDGES = {"PER": (BLUE, "solid"), "ORG": (AMBER, "solid"), "LOC": (GREEN, "dashed"), "MISC": (GREY, "dotted")}  # told apart in grey too


def entity_box(find: Callable[[str], Sequence[dict[str, Any]]], text: str = "Mayor Koch met Mr. Gorbachev in Moscow, The Washington Post reports.",
               title: str = "Type a sentence of your own, then press Enter") -> None:
    """A box to type into, with the names found marked in the text, and each one's score.

    Args:
        find: function of a text; gives dicts as `tagging.predict_entities` does.
        text: the sentence at the start, which the still picture shows.
        title: one line above the box.
    Raises: InputError, shown in the box, for an empty text.
    Example: ``entity_box(lambda text: predict_entities(model, tokenizer, text))``.
    """

    def respond(sentence: str) -> tuple[str, str]:
        if not sentence.strip():
            raise InputError("an empty sentence", wanted="a few words")
        found = find(sentence)
        scores = "\n".join(f"  {about(e['score'], '.2f')} {e['label']:<5}{e['text']}" for e in found) or "  (no name found)"
        return f"  {marked(sentence, found)}\n{scores}", marked_html(sentence, found)

    build(title, {"sentence": line(text, label="sentence")}, respond)


def show_entities(texts: str | Sequence[str], entities: Sequence[Any], caption: str = "") -> None:
    """Texts with their names marked, one below the other.

    Args:
        texts: one text, or several.
        entities: the names of the one text, or of each: dicts as `tagging.predict_entities` gives, or (start, end, type).
        caption: one sentence above them.
    Raises: InputError if there are not as many lists of names as texts.
    Example: ``show_entities("Ann sang.", [(0, 3, "PER")])`` shows "[Ann PER] sang."
    """
    if isinstance(texts, str):
        texts, entities = [texts], [entities]
    if len(texts) != len(entities):
        raise InputError(f"{len(texts)} texts and names of {len(entities)}", wanted="as many of each")
    said = ([caption] if caption else []) + [marked(text, names) for text, names in zip(texts, entities)]
    head = f'<p style="margin: 6px 0px; max-width: 760px"><em>{escape(caption)}</em></p>' if caption else ""
    rows = "".join(f'<p style="margin: 6px 0px; max-width: 760px; line-height: 2">{marked_html(t, names)}</p>' for t, names in zip(texts, entities))
    present("\n".join(said), head + rows)


def marked(text: str, entities: Sequence[Any]) -> str:
    """A text with each name in brackets, its type after it.

    Args:
        text: the text.
        entities: as in `show_entities`, for this text.
    Returns: text.
    Example: ``marked("Ann sang.", [(0, 3, "PER")])`` is ``"[Ann PER] sang."``.
    """
    return "".join(f"[{part} {kind}]" if kind else part for part, kind in _parts(text, entities))


def marked_html(text: str, entities: Sequence[Any]) -> str:
    """A text as HTML, with a line around each name and its type in small letters: told apart without colours too.

    Args:
        text: the text.
        entities: as in `show_entities`, for this text.
    Returns: HTML.
    Example: ``marked_html("Ann sang.", [(0, 3, "PER")])`` ends in ``" sang."``.
    """
    shown = []
    for part, kind in _parts(text, entities):
        colour, edge = EDGES.get(kind, (GREY, "double"))
        name = (f'<span style="border: 2px {edge} {colour}; border-radius: 4px; padding: 1px 4px">{escape(part)} '
                f'<small style="color: {colour}"><strong>{escape(kind)}</strong></small></span>')
        shown.append(name if kind else escape(part))
    return "".join(shown)


def _parts(text: str, entities: Sequence[Any]) -> list[tuple[str, str]]:
    """The text in pieces, each with its type ("" outside of names)."""
    spans = sorted((e["start"], e["end"], e["label"]) if isinstance(e, dict) else tuple(e) for e in entities)
    parts, at = [], 0
    for start, end, kind in spans:
        parts += [(text[at:start], ""), (text[start:end], kind)]
        at = end
    return [part for part in [*parts, (text[at:], "")] if part[0]]
