"""The course's questions: every offset, the splits, the cloze-made training questions; SQuAD in the same form, through a hub on loopback."""

import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import ftlab as ft
from ftlab import errors
from ftlab.span_baselines import span_baseline
from ftlab.tasks import cloze, passages, questions, squad
from ftlab.tasks.reading import Question, QuestionSplit, QuestionTask, from_texts

SHARED = Path(__file__).resolve().parents[2] / "shared" / "hub"
FOLDER = Path(__file__).resolve().parents[1] / "data" / "questions"


@pytest.fixture(scope="module")
def task():
    return ft.load_task("questions")


# --- what was written by hand --------------------------------------------------------------------------------------------------------


def test_counts_and_splits(task):
    assert len(task.test) >= 200 and len(task.validation) >= 60
    where = {str(p.article): p.split for p in passages()}
    for name in ("train", "validation", "test"):
        assert {where[q.source] for q in task.split(name)} == {name}, "no article is in two splits"
    for split in (task.validation, task.test):
        assert 0.2 <= split.n_unanswerable / len(split) <= 0.3, "about a quarter has no answer"
        assert {q.kind for q in split} <= set(questions.KINDS) and {q.wording for q in split} <= set(questions.WORDINGS)
        assert len({(q.source, q.question) for q in split}) == len(split)
        assert len({q.kind for q in split if not q.answers}) >= 6, "no kind of question gives away that there is no answer"


def test_every_answer_stands_in_its_passage_word_by_word(task):
    whole = {str(p.article): p.text for p in passages()}
    for q in (*task.validation, *task.test):
        assert q.context == whole[q.source] and q.question.endswith("?") and q.question == q.question.strip()
        assert len(q.answers) <= 6
        for start, end in q.answers:
            text = q.context[start:end]
            assert text == text.strip() and 1 <= len(text.split()) <= 30, (q.id, text)
            assert not (q.context[start - 1 : start].isalnum() and text[0].isalnum()), f"{q.id} begins inside a word"
            assert not (q.context[end : end + 1].isalnum() and text[-1].isalnum()), f"{q.id} ends inside a word"


def test_the_files_hold_no_text_of_the_passages():
    for path in FOLDER.glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert set(json.loads(line)) == questions.FIELDS


def test_answers_are_unlike_a_fixed_place(task):
    starts = sorted(q.answers[0][0] / len(q.context) for q in task.test if q.answers)
    assert starts[len(starts) // 10] < 0.25 and starts[-len(starts) // 10] > 0.6, "answers stand all over their passages"


def broken(tmp_path, **changes):
    first = next(p for p in passages("validation"))
    row = {"id": "v1", "article": first.article, "question": "What?", "answers": [[0, 4]], "kind": "what", "wording": "same", **changes}
    row = {k: v for k, v in row.items() if v != "left out"}
    (tmp_path / "validation.jsonl").write_text(json.dumps(row) + "\n")
    return list(questions._read(tmp_path / "validation.jsonl", "validation", {p.article: p for p in passages()}))


@pytest.mark.parametrize("changes,said", [
    ({"answers": [[0, 99999]]}, "0 <= start < end"), ({"answers": [[-3, 4]]}, "start"), ({"answers": [[4, 4]]}, "start"), ({"answers": [[4, 2]]}, "start"),
    ({"answers": [[0.5, 4]]}, "start"), ({"answers": [[0, 5, 6]]}, "answers"), ({"answers": ["a"]}, "answers"), ({"answers": None}, "answers"),
    ({"answers": [[0, 3]], "article": 99999}, "article"), ({"article": "1"}, "article"), ({"wording": "free"}, "wording"), ({"kind": "whom"}, "kind"),
    ({"question": " "}, "empty question"), ({"question": None}, "NoneType"), ({"kind": "left out"}, "wanted"),
])
def test_broken_lines_are_refused_in_one_line(tmp_path, changes, said):
    with pytest.raises(errors.TaskError, match=said) as caught:
        broken(tmp_path, **changes)
    assert "\n" not in str(caught.value)


def test_a_question_in_the_wrong_split_and_files_that_are_not_there(tmp_path):
    with pytest.raises(errors.TaskError, match="article of the validation split"):
        broken(tmp_path, article=passages("test")[0].article)
    (tmp_path / "validation.jsonl").write_text("{not json\n")
    with pytest.raises(errors.TaskError, match="no JSON"):
        list(questions._read(tmp_path / "validation.jsonl", "validation", {}))
    with pytest.raises(errors.AssetError, match="no test.jsonl"):
        list(questions._read(tmp_path / "test.jsonl", "test", {}))


# --- cloze ---------------------------------------------------------------------------------------------------------------------------


def test_gaps_by_hand():
    def said(sentence):
        return [(g.wh, sentence[g.start : g.end]) for g in cloze.gaps(sentence)]

    assert said("Mr. Bush paid $3 million in 1990.") == [("who", "Mr. Bush"), ("how much", "$3 million"), ("when", "1990")]
    assert ("why", "it costs too much") in said("The Senate refused the plan because it costs too much.")
    assert ("how many", "seven") in said("They closed seven schools.") and ("what percentage", "9.5 percent") in said("It rose by 9.5 percent last year.")
    assert said("It rained.") == []


def test_cloze_questions(task):
    made = task.train
    assert len(made) > 3000 and 0.24 < made.n_unanswerable / len(made) < 0.26
    kinds = Counter(q.kind for q in made if q.answers)
    assert set(kinds) >= {"who", "what", "which", "where", "when", "how many", "how much", "why"}
    for q in made:
        assert q.question.endswith("?") and len(q.question.split()) <= 26
        for text in q.texts:
            assert text == text.strip() and text.lower() not in ("", "the")
    for q in (q for q in made if not q.answers):
        answered = next(a for a in made if a.answers and a.question == q.question)
        assert answered.source != q.source and answered.texts[0].lower() not in q.context.lower()


def test_the_answer_is_taken_out_of_its_question(task):
    repeated = [q for q in task.train if q.answers and len(q.texts[0]) > 6 and q.texts[0].lower() in q.question.lower()]
    assert len(repeated) < 0.02 * len(task.train), "but for names that stand twice in their sentence"


MADE = """
import hashlib, sys
from ftlab.span_baselines import span_baseline
from ftlab.tasks import load_task
task = load_task("questions")
print(hashlib.sha256(repr(task.train.questions).encode()).hexdigest(), hashlib.sha256(repr(span_baseline(task.test)).encode()).hexdigest())
"""


@pytest.mark.slow
def test_cloze_and_rules_are_the_same_in_every_process():
    """A set of words has another order in every process: a sum over it may be rounded otherwise, and another question be chosen."""
    found = {subprocess.run([sys.executable, "-c", MADE], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}).stdout
             for seed in ("1", "2", "3")}
    assert len(found) == 1


def test_cloze_is_the_same_every_time_and_does_not_hang_on_the_other_passages():
    some = passages("train")
    assert cloze.cloze(some[:30]) == cloze.cloze(some[:30])
    alone = cloze.cloze(some[:10], unanswerable=0.0)
    assert alone == cloze.cloze(some[:30], unanswerable=0.0)[: len(alone)]


def test_short_contexts_hold_the_answer():
    for n in (1, 3):
        for q in cloze.cloze(passages("train")[:20], sentences=n, unanswerable=0.0):
            assert q.texts[0] and q.context.count(". ") <= 12
    whole = cloze.cloze(passages("train")[:20], unanswerable=0.0)
    short = cloze.cloze(passages("train")[:20], sentences=2, unanswerable=0.0)
    assert [q.texts for q in whole] == [q.texts for q in short] and sum(len(q.context) for q in short) < 0.4 * sum(len(q.context) for q in whole)


# --- questions, splits and tasks in general ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [np.int64, np.int32, int])
def test_numpy_integers_are_places_like_pythons(number):
    made = (from_texts("q", "Who?", "Ann sang.", ["Ann"], [number(0)]), Question("q", "Who?", "Ann sang.", ((number(0), number(3)),)))
    assert all(q.answers == ((0, 3),) and {type(place) for place in q.answers[0]} == {int} for q in made)


@pytest.mark.parametrize("start", [False, np.False_, 0.0, np.float64(0)], ids=repr)
def test_a_bool_or_a_float_is_no_place(start):
    with pytest.raises(errors.TaskError, match="is not in its context at"):
        from_texts("q", "Who?", "Ann sang.", ["Ann"], [start])
    with pytest.raises(errors.TaskError, match="wanted: 0 <= start"):
        Question("q", "Who?", "Ann sang.", ((start, 3),))


def test_squads_form_and_an_answer_that_is_not_in_its_context():
    q = from_texts("q", "Who?", "Ann and Ann.", ["Ann", "Ann", "Ann"], [0, 8, 0])
    assert q.answers == ((0, 3), (8, 11)) and q.texts == ("Ann", "Ann")
    for texts, starts in ((["Ann"], [1]), (["Bob"], [0]), (["ann"], [0]), (["Ann"], [-12]), (["Ann and Ann. So"], [0]), (["Ann"], []), ([None], [0]), (["Ann"], [None])):
        with pytest.raises(errors.TaskError) as caught:
            from_texts("q", "Who?", "Ann and Ann.", texts, starts)
        assert "\n" not in str(caught.value)
    for context in ("", " ", None, 3):
        with pytest.raises(errors.TaskError):
            from_texts("q", "Who?", context, [], [])


def test_splits():
    made = tuple(Question(f"q{i}", "Who?", "Ann.", ((0, 3),) if i % 2 else ()) for i in range(10))
    split = QuestionSplit("train", made)
    assert split.n_unanswerable == 5 and len(split.answerable()) == 5 and split.select([3]).ids == ["q3"]
    assert set(split.take(4).ids) <= set(split.take(6).ids) and split.take(4) == split.take(4) and len(split.take(99)) == 10
    for bad in (0, True, 2.0):
        with pytest.raises(errors.TaskError):
            split.take(bad)
    with pytest.raises(errors.TaskError, match="twice"):
        QuestionSplit("train", made[:1] * 2)
    with pytest.raises(errors.TaskError, match="dict"):
        QuestionSplit("train", ({"question": "Who?"},))
    with pytest.raises(errors.TaskError, match="empty"):
        QuestionTask("none", {"train": QuestionSplit("train", ())})
    with pytest.raises(errors.TaskError, match="one of train"):
        QuestionTask("some", {"train": split}).test


def test_the_task_is_listed_loaded_and_described(task, capsys):
    assert {"questions", "squad", "squad_v2"} <= set(ft.list_tasks()) and (task.kind, task.metric) == ("span", "f1")
    assert len(task.take(50).train) == 50 and len(task.take(50).test) == len(task.test)
    task.describe()
    said = capsys.readouterr().out
    assert "questions · span" in said and "test" in said and len(said.splitlines()) < 20
    with pytest.raises(errors.TaskError, match="questions"):
        ft.load_task("question")


# --- SQuAD ---------------------------------------------------------------------------------------------------------------------------


def test_squad_with_published_sizes_missing_is_said(monkeypatch):
    import datasets

    rows = {"id": ["a", "b"], "title": ["T", ""], "context": ["Ann sang."] * 2, "question": ["Who sang?", "Who slept?"],
            "answers": [{"text": ["Ann", "Ann"], "answer_start": [0, 0]}, {"text": [], "answer_start": []}]}
    monkeypatch.setattr(squad, "fetch", lambda *a, **k: {"validation": datasets.Dataset.from_dict(rows)})
    made = squad.load_squad("squad_v2")
    assert made.validation.answers == [("Ann",), ()] and "no train split here" in made.notes and any("2 of the 11,873" in note for note in made.notes)
    with pytest.raises(errors.TaskError):
        made.train
    rows["answers"][0]["answer_start"] = [1, 1]
    with pytest.raises(errors.TaskError, match="not in its context"):
        squad.load_squad("squad_v2")


LOAD = """
import json
from ftlab.errors import FtlabError
from ftlab.tasks import load_task
for name in ("squad", "squad_v2"):
    try:
        task = load_task(name)
        print(json.dumps({s: [len(v), v.n_unanswerable, sum(len(q.answers) for q in v)] for s, v in task.splits.items()}), json.dumps(task.notes))
    except FtlabError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.skipif(not (SHARED / "serve.py").exists(), reason="no loopback hub here")
def test_squad_through_the_real_client_then_from_the_cache_alone(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, str(SHARED / "serve.py"), "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        keep = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
        environment = {**keep, "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}

        def load(**variables):
            done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, env={**environment, **variables}, timeout=120)
            assert done.returncode == 0 and done.stderr == "", done.stderr
            return done.stdout.splitlines()

        first = load(HF_ENDPOINT=f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait()
    one, two = (json.loads(line.split("} [")[0] + "}") for line in first)
    assert one["validation"][:2] == [10570, 0] and two["validation"][:2] == [11873, 5945] and one["train"][1] == 0
    assert one["train"][0] == 87_599 or f"train has {one['train'][0]:,} of the 87,599 published questions here" in first[0]
    assert load(HF_ENDPOINT="http://127.0.0.1:9") == first
    nothing = load(HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path / "empty"))
    assert all(line.startswith("AssetError got: squad") and "use questions" in line for line in nothing)


@pytest.mark.parametrize("answers", [(0, 3), None, "Ann", [3]])
def test_answers_that_are_no_pairs_are_refused(answers):
    with pytest.raises(errors.TaskError, match=r"tuple of \(start, end\)"):
        Question("q", "Who sang?", "Ann sang.", answers)
    with pytest.raises(errors.TaskError, match="two lists"):
        from_texts("q", "Who sang?", "Ann sang.", None, None)


@pytest.mark.parametrize("how", ["random", "sentence", "phrase"])
def test_the_baselines_read_lines(how):
    for context in ("Ann sang\n\n", "Ann sang loudly\nBob slept", "..."):
        found = span_baseline([Question("q", "Who sang?", context)], how)[0]
        assert found.text == context[found.start : found.end] and found.text
    assert span_baseline([Question("q", "Who sang?", "Ann sang loudly\nBob slept")], "sentence")[0].text == "Ann sang loudly"
