"""How well names were found: precision, recall and F1 of whole names, and what kind each mistake is.

A name counts as found only if its first word, its last word and its type are all right. Nothing is earned for a part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ftlab.bio import Span, spans_from_tags
from ftlab.errors import InputError, ShapeError

ERRORS = ("boundary", "type", "boundary and type", "missed", "invented")
Tags = Sequence[Sequence[str]]  # one list of tags a sentence


def entity_scores(predicted: Tags, wanted: Tags) -> dict[str, float]:
    """Scores of a whole split, 0 to 1, over all names of all sentences together (micro average).

        precision = right / predicted names,  recall = right / wanted names,  F1 = 2 right / (predicted names + wanted names)

    Args:
        predicted: N lists of BIO tags; a name must begin with B- (`bio.repair` first, if the tags may be invalid).
        wanted: N lists of BIO tags, sentence by sentence as long.
    Returns: dict of f1, precision, recall (0 where nothing is to be divided by) and token_accuracy (share of words whose tag is right).
    Raises: ShapeError if the lengths differ; InputError if there is no word; TaskError for a tag that is no BIO tag.
    Example: ``entity_scores([["B-PER", "O"]], [["B-PER", "I-PER"]])`` has f1 0 and token_accuracy 0.5.
    Source: Tjong Kim Sang & De Meulder 2003, section 2. Checked against: seqeval, mode="strict", on 1,000 random cases.
    """
    pairs = _pairs(predicted, wanted)
    right = sum(len(set(spans_from_tags(p)) & set(spans_from_tags(w))) for p, w in pairs)
    n_predicted = sum(len(spans_from_tags(p)) for p, _ in pairs)
    n_wanted = sum(len(spans_from_tags(w)) for _, w in pairs)
    words = [(a, b) for p, w in pairs for a, b in zip(p, w)]
    if not words:
        raise InputError("no words to score", wanted="at least one", cause="an empty split")
    return {**_ratios(right, n_predicted, n_wanted), "token_accuracy": sum(a == b for a, b in words) / len(words)}


def scores_by_type(predicted: Tags, wanted: Tags) -> dict[str, dict[str, float]]:
    """The same scores for each type of name by itself.

    Args:
        predicted, wanted: as in `entity_scores`.
    Returns: dict of type to {f1, precision, recall, wanted (names), predicted (names)}, in the order of the alphabet.
    Raises: ShapeError if the lengths differ.
    Example: ``scores_by_type([["B-PER"]], [["B-PER"]])["PER"]["f1"]`` is 1.0.
    Checked against: seqeval's classification_report, in tests/test_tagging.py.
    """
    pairs = [(spans_from_tags(p), spans_from_tags(w)) for p, w in _pairs(predicted, wanted)]
    kinds = sorted({kind for p, w in pairs for _, _, kind in (*p, *w)})
    table = {}
    for kind in kinds:
        p, w = ([[s for s in pair[side] if s[2] == kind] for pair in pairs] for side in (0, 1))
        right, n_p, n_w = sum(len(set(a) & set(b)) for a, b in zip(p, w)), sum(map(len, p)), sum(map(len, w))
        table[kind] = {**_ratios(right, n_p, n_w), "wanted": n_w, "predicted": n_p}
    return table


def entity_errors(predicted: Tags, wanted: Tags) -> list[dict[str, Any]]:
    """Every wanted name that was not found, and every find that touches none: what was wanted, what was predicted, and its kind.

    Further pieces of a name, beside the one it is paired with, are not listed.

    "boundary": the type is right, an end is not. "type": both ends are right, the type is not. "boundary and type": they overlap, and that
    is all. "missed": nothing predicted there. "invented": a predicted name that touches no wanted one.

    Args:
        predicted, wanted: as in `entity_scores`.
    Returns: list of dict: sentence (int), kind (one of `ERRORS`), wanted and predicted: (first word, end word, type) or None. A wanted
        name is there at most once: if several predictions touch it, with the one of the longest overlap.
    Raises: ShapeError if the lengths differ.
    Example: ``entity_errors([["B-PER"]], [["B-LOC"]])[0]["kind"]`` is "type".
    Source: Nadeau & Sekine 2007, section 5 (kinds of errors).
    """
    found = []
    for sentence, (p_tags, w_tags) in enumerate(_pairs(predicted, wanted)):
        p_spans, w_spans = spans_from_tags(p_tags), spans_from_tags(w_tags)
        for w in w_spans:
            nearest = max(p_spans, key=lambda p: _overlap(p, w), default=None)
            if nearest is None or not _overlap(nearest, w):
                found.append({"sentence": sentence, "kind": "missed", "wanted": w, "predicted": None})
            elif nearest != w:
                same_ends, same_type = nearest[:2] == w[:2], nearest[2] == w[2]
                kind = "type" if same_ends else "boundary" if same_type else "boundary and type"
                found.append({"sentence": sentence, "kind": kind, "wanted": w, "predicted": nearest})
        for p in p_spans:
            if not any(_overlap(p, w) for w in w_spans):
                found.append({"sentence": sentence, "kind": "invented", "wanted": None, "predicted": p})
    return found


def _overlap(a: Span, b: Span) -> int:
    """Words that two spans share."""
    return max(0, min(a[1], b[1]) - max(a[0], b[0]))


def _ratios(right: int, n_predicted: int, n_wanted: int) -> dict[str, float]:
    return {
        "f1": 2 * right / (n_predicted + n_wanted) if n_predicted + n_wanted else 0.0,
        "precision": right / n_predicted if n_predicted else 0.0,
        "recall": right / n_wanted if n_wanted else 0.0,
    }


def _pairs(predicted: Tags, wanted: Tags) -> list[tuple[Sequence[str], Sequence[str]]]:
    if len(predicted) != len(wanted):
        raise ShapeError(f"{len(predicted)} sentences predicted, {len(wanted)} wanted", wanted="as many of each")
    for i, (p, w) in enumerate(zip(predicted, wanted)):
        if isinstance(p, str) or isinstance(w, str) or len(p) != len(w):
            raise ShapeError(f"{len(p)} predicted tags and {len(w)} wanted ones in sentence {i}", wanted="one a word in both",
                             cause="tags of pieces instead of words, or a sentence cut short")
    return list(zip(predicted, wanted))
