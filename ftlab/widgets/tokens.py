"""Type a text, see the pieces a tokenizer makes of it: their ids, and which letters of the text each one stands for."""

from __future__ import annotations

from typing import Any

from ..display import BLUE, GREY, escape
from ..errors import InputError
from .base import build
from .base import text as line

MOST = 60  # pieces shown; the rest is counted


def token_explorer(tokenizer: Any, text: str = "An unputdownable café drama 🙂", title: str = "Type a text, then press Enter") -> None:
    """A box to type into, with every piece's id, its place in the text (characters, end not included) and what it covers.

    Args:
        tokenizer: from `load_tokenizer` (any fast tokenizer of transformers).
        text: the text at the start, which the still picture shows.
        title: one line above the box.
    Raises: InputError, shown in the box, for an empty text.
    Example: ``token_explorer(load_tokenizer(), "A film")`` shows [CLS] 101, a 1037, film 2143, [SEP] 102.
    Source: Wu et al. 2016, section 4.1 (word pieces). Checked against: the tokenizer's own offsets.
    """

    def respond(typed: str) -> tuple[str, str]:
        if not typed.strip():
            raise InputError("an empty text", wanted="a few words")
        rows = pieces(tokenizer, typed)
        shown, more = rows[:MOST], len(rows) - MOST
        width = max(len(piece) for piece, *_ in shown)
        head = f"  {'piece'.ljust(width)}  {'id':>6}  {'letters':>8}  stands for"
        lines = [f"  {piece.ljust(width)}  {number:>6}  {f'{start}-{end}' if end else '':>8}  {typed[start:end]}".rstrip()
                 for piece, number, start, end in shown]
        words = len(typed.split())
        said = f"  {words} words, {len(rows)} tokens with special ones" + (f" ({more} more not shown)" if more > 0 else "")
        chips = "".join(_chip(*row, typed) for row in shown)
        return "\n".join([said, head, *lines]), f"<div>{escape(said.strip())}</div><div>{chips}</div>"

    build(title, {"typed": line(text, label="text")}, respond)


def pieces(tokenizer: Any, text: str) -> list[tuple[str, int, int, int]]:
    """What a tokenizer makes of a text: piece, id, start and end (in characters of the text; 0, 0 for special tokens).

    Args:
        tokenizer: a fast tokenizer of transformers.
        text: any text.
    Returns: one tuple a token, special tokens included.
    Example: ``pieces(load_tokenizer(), "A film")[2]`` is ``("film", 2143, 2, 6)``.
    """
    found = tokenizer(text, return_offsets_mapping=True, truncation=True)
    names = tokenizer.convert_ids_to_tokens(found["input_ids"])
    return [(name, number, *place) for name, number, place in zip(names, found["input_ids"], found["offset_mapping"])]


def _chip(piece: str, number: int, start: int, end: int, text: str) -> str:
    """One token as a small box: the piece, its id, the letters it stands for."""
    edge = GREY if end == 0 else BLUE
    covers = f"{start}-{end} {escape(text[start:end])}" if end else "special"
    return (f'<div style="display: inline-block; border: 1px solid {edge}; border-radius: 4px; padding: 2px 6px; margin: 3px 4px 3px 0px; '
            f'text-align: center"><strong>{escape(piece)}</strong><br>{number}<br><small style="color: {GREY}">{covers}</small></div>')
