"""Scores of written texts: overlap with a reference (ROUGE, BLEU, chrF), variety, and what was copied.

All count shared pieces of text. None of them reads: a wrong name costs as little as a synonym.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ftlab.errors import InputError

ROUGE = ("rouge1", "rouge2", "rougeL")


def rouge(predictions: Sequence[str], references: Sequence[str]) -> dict[str, list[float]]:
    """ROUGE F1 of each text against its reference, 0 to 1: shared words, shared pairs, longest common subsequence.

        F1 = 2 · P · R / (P + R),   P = shared / in the prediction,   R = shared / in the reference

    Words are lower-cased and cut to their stems (Porter). Only a to z and 0 to 9 make words: a text in another script scores 0.

    Args:
        predictions: what was written; an empty text scores 0.
        references: what was wanted, one each.
    Returns: dict of "rouge1", "rouge2", "rougeL" to a list, one score a text: average it, or resample it for an interval.
    Raises: InputError if there is no text, or the lists differ in length.
    Example: ``rouge(["the dog sleeps"], ["the dog barks"])["rouge1"]`` is [0.667].
    Source: Lin 2004, ROUGE, sections 2 and 3. Checked against: rouge-score, which does the counting, and a count by hand
        (tests/test_textmetrics.py).
    """
    from rouge_score.rouge_scorer import RougeScorer

    _check(predictions, references)
    scorer = RougeScorer(list(ROUGE), use_stemmer=True)
    scored = [scorer.score(reference, prediction) for prediction, reference in zip(predictions, references)]
    return {name: [one[name].fmeasure for one in scored] for name in ROUGE}


def bleu(predictions: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of a whole test set, 0 to 1: shared runs of 1 to 4 words, and a penalty for brevity.

        BLEU = min(1, exp(1 - r/c)) · (p1 · p2 · p3 · p4) ** (1/4),   r, c: lengths of references and predictions

    Args:
        predictions: translations.
        references: one each.
    Returns: float; not the mean of sentences' BLEU. A count of 0 is smoothed (sacreBLEU's default).
    Raises: InputError if there is no text, or the lists differ in length.
    Example: ``bleu(refs, refs)`` is 1.0 for sentences of four words or more.
    Source: Papineni et al. 2002; Post 2018 (sacreBLEU, why one way to count). Checked against: sacrebleu, and by hand
        (tests/test_textmetrics.py).
    """
    import sacrebleu

    _check(predictions, references)
    return min(1.0, sacrebleu.corpus_bleu(list(predictions), [list(references)]).score / 100)  # rounding may give a hair above 1


def chrf(predictions: Sequence[str], references: Sequence[str]) -> float:
    """chrF of a whole test set, 0 to 1: shared runs of 1 to 6 characters, recall counted twice as much as precision.

    Args:
        predictions: translations.
        references: one each.
    Returns: float.
    Raises: InputError if there is no text, or the lists differ in length.
    Example: ``chrf(["Hunde rennen"], ["Hunde rannten"])`` is 0.441, where BLEU is 0.
    Source: Popović 2015. Checked against: sacrebleu, which does the counting (tests/test_textmetrics.py).
    """
    import sacrebleu

    _check(predictions, references)
    return sacrebleu.corpus_chrf(list(predictions), [list(references)]).score / 100


def distinct(texts: Sequence[str], n: int = 2) -> float:
    """Variety of a set of texts, 0 to 1: different runs of n words, divided by all of them.

    It falls as more is written: compare sets with about as many words.

    Args:
        texts: what was written.
        n: words a run.
    Returns: float; 0 if there is no run of n words.
    Raises: InputError if n is below 1 or there is no text.
    Example: ``distinct(["a b a b"], 2)`` is 2/3.
    Source: Li et al. 2016, section 5.2. Checked against: a count by hand (tests/test_textmetrics.py).
    """
    runs = [run for text in _texts(texts, n) for run in _runs(text, n)]
    return len(set(runs)) / len(runs) if runs else 0.0


def copied(texts: Sequence[str], sources: Sequence[str], n: int = 5) -> float:
    """Share of the runs of n words that stand in a source too, 0 to 1: memory, or quotation, instead of writing.

    Args:
        texts: what was written.
        sources: what it may have been copied from (the training texts, the document).
        n: words a run; 5 in a row are rarely chance.
    Returns: float; 0 if there is no run of n words.
    Raises: InputError if n is below 1 or there is no text.
    Example: ``copied(["to be or not to be"], ["to be or not, he said"], 4)`` is 1/3.
    Source: See, Liu & Manning 2017, section 7.2 (copied n-grams). Checked against: a count by hand (tests/test_textmetrics.py).
    """
    known = {run for source in _texts(sources, n) for run in _runs(source, n)}
    runs = [run for text in _texts(texts, n) for run in _runs(text, n)]
    return sum(run in known for run in runs) / len(runs) if runs else 0.0


def first_sentence(text: str) -> str:
    """The first sentence of a text, up to its first full stop, question or exclamation mark before white space.

    Args:
        text: any.
    Returns: str; the whole first line if it has no such mark.
    Example: ``first_sentence("It rains. We stay.")`` is ``"It rains."``.
    Checked against: sentences with titles, initials, quotation marks and prices (tests/test_textmetrics.py).
    """
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    found = re.match(r".*?(?<!\b[A-Z])(?<!\b(?:Mr|Dr|St|Jr|vs))(?<!\bMrs)[.?!]+[\"'”’)]*(?=\s|$)", line)
    return found.group(0) if found else line


def _runs(text: str, n: int) -> list[tuple[str, ...]]:
    words = re.findall(r"[\w']+", text.lower())
    return list(zip(*(words[i:] for i in range(n))))


def _texts(texts: Sequence[str], n: int) -> Sequence[str]:
    if n < 1:
        raise InputError(f"n is {n}", wanted="1 or more words")
    if isinstance(texts, str) or not len(texts):
        raise InputError(f"texts is {texts!r}"[:80], wanted="a list of texts, one at least")
    _check_text(texts)
    return texts


def _check(predictions: Sequence[str], references: Sequence[str]) -> None:
    if isinstance(predictions, str) or isinstance(references, str) or not len(predictions) or len(predictions) != len(references):
        n, m = ("one text" if isinstance(x, str) else len(x) for x in (predictions, references))
        raise InputError(f"{n} predictions and {m} references", wanted="two lists, as long as each other, with one text at least")
    _check_text([*predictions, *references])


def _check_text(texts: Sequence[str]) -> None:
    if odd := [text for text in texts if not isinstance(text, str)]:
        raise InputError(f"{odd[0]!r} ({type(odd[0]).__name__}) among the texts", wanted="text", cause="a missing value in a table")
