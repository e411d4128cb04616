"""SQuAD's rules: 1,000 random cases judged by two other implementations, the no-answer threshold, and what is refused."""

import json
import random
from pathlib import Path

import pytest

from ftlab import answer_scores as scores
from ftlab import errors

CASES = json.loads(Path(__file__).with_name("squad_cases.json").read_text(encoding="utf-8"))


def test_a_thousand_cases_as_the_librarys_old_metrics_judge_them():
    assert len(CASES) == 1000
    for prediction, answers, (em, f1), _ in CASES:
        assert scores.exact_match(prediction, answers) == em, (prediction, answers)
        assert scores.word_f1(prediction, answers) == pytest.approx(f1, abs=1e-5), (prediction, answers)


def test_the_cases_of_which_something_is_left_as_torchmetrics_judges_them():
    judged = [case for case in CASES if all(map(scores.normalise, case[1]))]  # it takes an answer of "the" for "no answer"
    assert len(judged) > 600
    for prediction, answers, _, (em, f1) in judged:
        assert scores.exact_match(prediction, answers) == em and scores.word_f1(prediction, answers) == pytest.approx(f1, abs=1e-5)


def test_the_cases_are_varied():
    kinds = {
        "no answer": [c for c in CASES if not c[1]], "several": [c for c in CASES if len(c[1]) > 2], "not ASCII": [c for c in CASES if not c[0].isascii()],
        "empty prediction": [c for c in CASES if not c[0]], "exact": [c for c in CASES if c[2] == [1, 1.0]], "partly": [c for c in CASES if 0 < c[2][1] < 1],
    }
    assert all(len(some) >= 50 for some in kinds.values()), {k: len(v) for k, v in kinds.items()}


@pytest.mark.parametrize("text,left", [
    ("The U.S.  Senate!", "us senate"), ("a", ""), ("an apple a day", "apple day"), ("theatre", "theatre"), ("mid-1990s", "mid1990s"),
    ("the-plan", "theplan"), ("“The Plan”", "“ plan”"), ("\u00a0A\tb\n", "b"), ("", ""), ("...", ""), ("ÉTÉ", "été"),
])
def test_normalising_by_hand(text, left):
    assert scores.normalise(text) == left


def test_by_hand():
    assert scores.word_f1("York York", ["New York York York"]) == pytest.approx(2 * 2 / (2 + 4))  # a word counts as often as in both
    assert scores.word_f1("Senate", []) == 0.0 and scores.word_f1("", []) == 1.0 and scores.word_f1("the", []) == 1.0
    assert scores.exact_match("", ["Senate"]) == 0.0
    assert scores.score_answers(["a Senate", "", "x"], [["Senate", "House"], [], []]) == {
        "f1": pytest.approx(2 / 3), "em": pytest.approx(2 / 3), "f1_answerable": 1.0, "em_answerable": 1.0, "right_unanswerable": 0.5}
    assert set(scores.score_answers(["x"], [["x"]])) == {"f1", "em"}


def slow_curve(margins, f1, answerable):
    """Every threshold between two margins, one by one, and the questions counted anew each time."""
    cuts = sorted(set(margins))
    places = [cuts[0] - 1, *((a + b) / 2 for a, b in zip(cuts, cuts[1:])), cuts[-1] + 1]
    found = []
    for t in places:
        got = [(f if has else 0.0) if m <= t else float(not has) for m, f, has in zip(margins, f1, answerable)]
        found.append((t, sum(got) / len(got)))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_the_threshold_curve_is_that_of_trying_every_threshold(seed):
    source = random.Random(seed)
    n = source.randint(1, 40)
    margins = [float(source.randint(-5, 5)) if seed % 2 else source.gauss(0, 3) for _ in range(n)]  # odd seeds: many ties
    f1, answerable = [source.choice([0.0, 0.5, 1.0]) for _ in range(n)], [source.random() < 0.7 for _ in range(n)]
    curve, slow = scores.threshold_curve(margins, f1, answerable), slow_curve(margins, f1, answerable)
    assert [t for t, _ in curve] == pytest.approx([t for t, _ in slow]) and [s for _, s in curve] == pytest.approx([s for _, s in slow])
    best = scores.best_threshold(margins, f1, answerable)
    assert dict(curve)[best] == pytest.approx(max(s for _, s in slow))


def test_the_ends_of_the_curve():
    curve = scores.threshold_curve([1.0, 2.0], [1.0, 1.0], [True, True])
    assert curve[0][1] == 0.0 and curve[-1][1] == 1.0  # answer nothing, answer everything
    assert scores.best_threshold([1.0, 2.0], [1.0, 1.0], [True, True]) > 2.0
    assert scores.best_threshold([1.0, 2.0], [0.0, 0.0], [False, False]) < 1.0


def test_what_is_refused():
    for call in (lambda: scores.normalise(None), lambda: scores.exact_match(3, ["x"]), lambda: scores.word_f1("x", [None]), lambda: scores.word_f1("x", "x"),
                 lambda: scores.score_answers(["x"], []), lambda: scores.score_answers([], []), lambda: scores.threshold_curve([1.0], [], [True]),
                 lambda: scores.best_threshold([], [], [])):
        with pytest.raises(errors.InputError) as caught:
            call()
        assert "\n" not in str(caught.value)


# --- without a model -------------------------------------------------------------------------------------------------------------


def test_rules_by_hand():
    from ftlab.span_baselines import span_baseline
    from ftlab.tasks import Question

    text = "The mayor spoke first. Mr. Adams paid $3 million for the bridge in 1990. It rained."
    questions = [Question("a", "How much was paid for the bridge?", text), Question("b", "When was the bridge paid?", text), Question("c", "Who paid?", text)]
    assert [f.text for f in span_baseline(questions, "phrase")] == ["$3 million", "1990", "Mr. Adams"]
    assert {f.text for f in span_baseline(questions, "sentence")} == {"Mr. Adams paid $3 million for the bridge in 1990."}
    found = span_baseline(questions, "random", seed=1)
    assert found == span_baseline(questions, "random", seed=1) != span_baseline(questions, "random", seed=2)
    assert all(f.text == text[f.start : f.end] and 1 <= len(f.text.split()) <= 4 for f in found)
    with pytest.raises(errors.InputError, match="how is"):
        span_baseline(questions, "guess")


def test_the_answer_box_marks_the_answer(capsys):
    from ftlab.widgets import answer_box

    answer_box(lambda question, context: {"text": "Ann", "start": 0, "end": 3}, "Who sang?", "Ann sang.")
    assert "answer: Ann" in capsys.readouterr().out
    answer_box(lambda question, context: {"text": "", "start": None, "end": None}, "Who slept?", "Ann sang.")
    assert "no answer" in capsys.readouterr().out
