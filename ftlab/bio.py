"""Names in a sentence, written in two ways: as spans (start, end, type) and as one BIO tag a word. From each to the other.

B-PER begins a person's name, I-PER goes on with it, O is outside every name. So two names that touch stay two.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from ftlab.errors import TaskError

OUTSIDE = "O"
# accents and vowel signs that are characters of their own, which \w leaves out; all there are lie in these two ranges
MARKS = "".join(c for c in map(chr, range(0x300, 0x1F000)) if unicodedata.category(c)[0] == "M") + "\U000e0100-\U000e01ef"
# a run of letters and digits, or one other sign, each with the marks on it: hardly any BERT piece spans two
WORD = re.compile(rf"\w[\w{MARKS}]*|[^\w\s][{MARKS}]*")
Span = tuple[int, int, str]  # (start, end, type), end exclusive, in characters or in words


def word_offsets(text: str) -> list[tuple[int, int]]:
    """Where each word of a text begins and ends, in characters; each punctuation sign is a word, and an accent belongs to its letter.

    Args:
        text: any text.
    Returns: list of (start, end), end exclusive.
    Raises: TaskError if it is not text.
    Example: ``word_offsets("U.S. aid")`` is ``[(0, 1), (1, 2), (2, 3), (3, 4), (5, 8)]``: the words U . S . aid.
    """
    if not isinstance(text, str):
        raise TaskError(f"{text!r}, a {type(text).__name__}", wanted="text", cause="a missing value in a table")
    return [match.span() for match in WORD.finditer(text)]


def tag_names(types: Iterable[str]) -> tuple[str, ...]:
    """All tags for some types of names, in the order of the model's outputs.

    Args:
        types: such as "PER", "ORG".
    Returns: "O", then B- and I- of each type: 1 + 2 types.
    Example: ``tag_names(["PER"])`` is ``("O", "B-PER", "I-PER")``.
    """
    return (OUTSIDE, *(f"{part}-{kind}" for kind in types for part in "BI"))


def tags_from_spans(spans: Sequence[Span], offsets: Sequence[tuple[int, int]]) -> list[str]:
    """One BIO tag a word, from names given by characters.

    Args:
        spans: (start, end, type) in characters, end exclusive, in any order.
        offsets: (start, end) of each word, in order (`word_offsets`).
    Returns: list of str, one tag a word.
    Raises: TaskError if a span is empty, overlaps another, or begins or ends inside a word.
    Example: ``tags_from_spans([(4, 7, "PER")], [(0, 3), (4, 7)])`` is ``["O", "B-PER"]``.
    Source: Tjong Kim Sang & Veenstra 1999, section 2 (there IOB2); after Ramshaw & Marcus 1995.
    """
    first = {start: i for i, (start, _) in enumerate(offsets)}
    last = {end: i for i, (_, end) in enumerate(offsets)}
    tags = [OUTSIDE] * len(offsets)
    for start, end, kind in spans:
        if start not in first or end not in last or first[start] > last[end]:
            wrong = start if start not in first else end
            raise TaskError(f"span ({start}, {end}, {kind!r})", wanted="a start where a word begins and an end where one ends",
                            cause=f"character {wrong} is inside a word or in a blank: an end is exclusive, one past the last character")
        for i in range(first[start], last[end] + 1):
            if tags[i] != OUTSIDE:
                raise TaskError(f"span ({start}, {end}, {kind!r}) overlaps another", wanted="one name a word, the longest")
            tags[i] = f"{'B' if i == first[start] else 'I'}-{kind}"
    return tags


def spans_from_tags(tags: Sequence[str]) -> list[Span]:
    """The names that tags mark, strictly: only B- begins one, and only I- of the same type goes on with it.

    An I- that follows nothing of its type belongs to no name. `repair` first, if such tags should begin one.

    Args:
        tags: one a word.
    Returns: list of (first word, end word, type), end exclusive, in order.
    Raises: TaskError for a tag that is not O, B-… or I-….
    Example: ``spans_from_tags(["B-PER", "I-PER", "O", "I-LOC"])`` is ``[(0, 2, "PER")]``.
    Checked against: seqeval, mode="strict", scheme IOB2, on 1,000 random cases (tests/test_tagging.py).
    """
    spans: list[Span] = []
    open_ = False  # whether the last span may still grow
    for i, tag in enumerate(tags):
        part, kind = split_tag(tag)
        if part == "B":
            spans.append((i, i + 1, kind))
            open_ = True
        elif part == "I" and open_ and spans[-1][2] == kind:
            spans[-1] = (spans[-1][0], i + 1, kind)
        else:
            open_ = False
    return spans


def repair(tags: Sequence[str]) -> list[str]:
    """The same tags with every impossible I- made a B-: a model's tags are chosen word by word, so they may not fit together.

    I-X after O, after another type or at the start begins a name. Nothing else changes.

    Args:
        tags: one a word.
    Returns: list of str, valid BIO.
    Raises: TaskError for a tag that is not O, B-… or I-….
    Example: ``repair(["O", "I-PER", "I-PER", "I-LOC"])`` is ``["O", "B-PER", "I-PER", "B-LOC"]``.
    Source: Tjong Kim Sang & De Meulder 2003 (their scorer, conlleval, reads such tags in this way).
    Checked against: seqeval's lenient mode (tests/test_tagging.py).
    """
    mended: list[str] = []
    before = ("O", "")
    for tag in tags:
        part, kind = split_tag(tag)
        if part == "I" and (before[0] == "O" or before[1] != kind):
            tag = f"B-{kind}"
        mended.append(tag)
        before = (part, kind)
    return mended


def split_tag(tag: str) -> tuple[str, str]:
    """A tag as its two parts.

    Args:
        tag: "O", "B-PER", "I-PER", ….
    Returns: ("O", ""), ("B", type) or ("I", type).
    Raises: TaskError for anything else.
    Example: ``split_tag("B-PER")`` is ``("B", "PER")``.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    if isinstance(tag, str) and tag[:2] in ("B-", "I-") and len(tag) > 2:
        return tag[0], tag[2:]
    raise TaskError(f"tag {tag!r}", wanted="O, B-TYPE or I-TYPE", cause="another scheme (BIOES, a bare type), or a tag's number")
