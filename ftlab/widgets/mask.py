"""Hide a word of a sentence, see what a masked language model would put there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..display import escape
from ..errors import InputError
from .base import bars_html, bars_text, build, slider
from .base import text as line

MASK = "[MASK]"


def mask_box(fill: Callable[[str], Mapping[str, float]], text: str = "The film is funny and the acting is very good.", hide: int = 4,
             title: str = "Type a sentence, choose the word to hide (or write [MASK] yourself)") -> None:
    """A box to type a sentence into and a slider for the word to hide, with a bar for each of the likeliest tokens.

    Args:
        fill: function of a text with one "[MASK]" in it; gives token -> probability (0 to 1), the likeliest first.
        text: the sentence at the start, which the still picture shows.
        hide: which word to hide, 1 for the first; with "[MASK]" in the sentence it is ignored.
        title: one line above the box.
    Example: ``ft.widgets.mask_box(fill)`` shows "The film is [MASK] and the acting is very good." and five bars.
    """

    def respond(sentence: str, word: int) -> tuple[str, str]:
        masked, hidden = hide_word(sentence, word)
        values = {str(token): float(p) for token, p in fill(masked).items()}
        found = "" if not hidden else "the word hidden is the first guess" if hidden == next(iter(values), None) else \
            "the word hidden is among the guesses" if hidden in values else "the word hidden is not among the guesses"
        return (f"  {masked}\n{bars_text(values)}" + (f"\n  {found}" if found else ""),
                f"<div><em>{escape(masked)}</em></div>{bars_html(values, mark=hidden if hidden in values else None)}<div>{escape(found)}</div>")

    most = max(12, len(text.split()))
    build(title, {"sentence": line(text, label="sentence"), "word": slider(hide, 1, most, 1, label="word to hide")}, respond)


def hide_word(sentence: str, word: int) -> tuple[str, str]:
    """The sentence with one word hidden, and that word as the uncased vocabulary has it; punctuation at its ends stays.

    Args:
        sentence: any text; one that holds "[MASK]" already is left as it is, and the word is "".
        word: which word, 1 for the first; beyond the end, the last.
    Returns: (text with "[MASK]", the hidden word in lower case).
    Raises: InputError if there is no word, or more than one "[MASK]".
    Example: ``hide_word("A good film.", 3)`` is ``("A good [MASK].", "film")``.
    """
    if sentence.count(MASK) > 1:
        raise InputError(f"{sentence.count(MASK)} times {MASK}", wanted="one", hint="hide one word at a time")
    if MASK in sentence:
        return sentence, ""
    words = sentence.split()
    if not words:
        raise InputError("an empty sentence", wanted="a few words")
    at = min(word, len(words)) - 1
    core = words[at].strip(".,;:!?\"'()") or words[at]
    left, _, right = words[at].partition(core)
    return " ".join([*words[:at], left + MASK + right, *words[at + 1:]]), core.lower()
