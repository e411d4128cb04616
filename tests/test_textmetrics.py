"""Text scores equal the libraries that count, and counts by hand."""

import random

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from ftlab.errors import InputError
from ftlab.textmetrics import bleu, chrf, copied, distinct, first_sentence, rouge

WORDS = "the a dog cat house runs sleeps red green quickly café it's 12 end .".split()


def made_up(seed, n=40):
    draw = random.Random(seed)
    text = lambda: " ".join(draw.choices(WORDS, k=draw.randint(0, 14)))  # noqa: E731
    return [text() for _ in range(n)], [text() + " end" for _ in range(n)]


@pytest.mark.parametrize("seed", range(3))
def test_the_libraries(seed):
    predictions, references = made_up(seed)
    ours = rouge(predictions, references)
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    for i, (prediction, reference) in enumerate(zip(predictions, references)):
        theirs = scorer.score(reference, prediction)
        assert all(ours[name][i] == theirs[name].fmeasure for name in theirs)
    assert bleu(predictions, references) == sacrebleu.corpus_bleu(predictions, [references]).score / 100
    assert chrf(predictions, references) == sacrebleu.corpus_chrf(predictions, [references]).score / 100


def longest_common(a, b):
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def test_rouge_by_hand():
    prediction, reference = "the red dog sleeps", "the dog barks at the red cat"
    scores = rouge([prediction], [reference])
    f1 = lambda shared, a, b: 2 * shared / (a + b)  # noqa: E731
    assert scores["rouge1"] == [pytest.approx(f1(3, 4, 7))] and scores["rouge2"] == [pytest.approx(f1(1, 3, 6))]
    lcs = longest_common(prediction.split(), reference.split())
    assert scores["rougeL"] == [pytest.approx(f1(lcs, 4, 7))] and lcs == 2
    assert rouge(["Dogs SLEEPING!"], ["dog sleeps"])["rouge1"] == [1.0]  # stems, case, punctuation
    assert rouge([""], ["dog"])["rouge1"] == [0.0]


def test_bleu_by_hand():
    reference, prediction = "a b c d e f g h", "a b c d e x"  # 5/6, 4/5, 3/4, 2/3, shorter by two
    import math

    wanted = math.exp(1 - 8 / 6) * (5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25
    assert bleu([prediction], [reference]) == pytest.approx(wanted)
    assert bleu([reference], [reference]) == pytest.approx(1) and chrf([reference], [reference]) == pytest.approx(1)
    two = bleu([prediction, reference], [reference, reference])
    assert abs(two - (bleu([prediction], [reference]) + 1) / 2) > 0.01  # of the set, not a mean of sentences


def test_chrf_forgives_endings():
    assert chrf(["Hunde rennen"], ["Hunde rannten"]) == pytest.approx(0.441, abs=1e-3) and bleu(["Hunde rennen"], ["Hunde rannten"]) < 0.01


def test_variety_and_copies_by_hand():
    assert distinct(["a b a b"], 2) == 2 / 3 and distinct(["a b", "a b"], 1) == 0.5 and distinct(["A b.", "a c"], 1) == 0.75
    assert distinct(["a"], 2) == 0.0
    assert copied(["to be or not to be"], ["To be or not, he said"], 4) == 1 / 3
    assert copied(["a b c"], ["a b c"], 3) == 1.0 and copied(["a b"], ["a b"], 3) == 0.0
    assert copied(["a b c"], ["a b", "c"], 3) == 0.0  # not across two sources


def test_the_first_sentence():
    cases = {"It rains. We stay.": "It rains.", "Mr. Smith left. He ran.": "Mr. Smith left.", "no stop\nnext line.": "no stop", "": "",
             'He said "no." Then left.': 'He said "no."', "Why? Because.": "Why?", "It costs $1.50 a day. Much.": "It costs $1.50 a day.",
             "\n\nAfter a gap! Yes.": "After a gap!"}
    assert {text: first_sentence(text) for text in cases} == cases


WRONG = {
    "lengths": (lambda: rouge(["a"], ["a", "b"]), "1 predictions and 2 references"),
    "none": (lambda: bleu([], []), "0 predictions"),
    "one text": (lambda: chrf("a film", "a film"), "one text"),
    "n": (lambda: distinct(["a"], 0), "n is 0"),
    "a string": (lambda: distinct("a film"), "a list of texts"),
    "no text": (lambda: rouge(["a"], [None]), "None .NoneType. among the texts"),
    "a number": (lambda: distinct(["a", 3]), "3 .int. among the texts"),
    "one source": (lambda: copied(["a b"], "a b c", 2), "a list of texts"),
    "no texts": (lambda: copied([], ["a"]), "a list of texts"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_line(name):
    call, words = WRONG[name]
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_the_same_text_is_not_above_1():
    assert bleu(["a b c d e", "f g h i j"], ["a b c d e", "f g h i j"]) == 1.0
