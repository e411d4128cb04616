"""Windows, labels, decoding and answers: by hand, against slow versions, and against the library's own question answering model."""

import json
import random

import pytest
import tiny
import torch
import transformers

import ftlab as ft
from ftlab import answering, errors, spans
from ftlab.tasks.reading import Question, QuestionSplit, QuestionTask, from_texts

TEXT = "Ann sang to Bob in Rome. Then Bob, who was tired, slept for twelve hours; nobody woke him. In 1990 they met again, near Zürich."


def asked(question="Where did they meet again?", answer="near Zürich", context=TEXT, id="q"):
    start = context.index(answer) if answer else 0
    return Question(id, question, context, ((start, start + len(answer)),) if answer else ())


# --- windows ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_length,stride", [(384, 128), (24, 8), (20, 0), (16, 5)])
def test_windows_cover_the_context_and_share_what_they_should(lite_tokenizer, max_length, stride):
    cut = spans.windows([asked()], lite_tokenizer, max_length, stride)
    whole = lite_tokenizer(TEXT, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    question = lite_tokenizer("Where did they meet again?", add_special_tokens=False)["input_ids"]
    seen = []
    for row, places in zip(cut.rows, cut.offsets):
        ids = row["input_ids"]
        assert len(ids) == len(places) == len(row["token_type_ids"]) <= max_length
        assert ids[0] == lite_tokenizer.cls_token_id and ids[1 : 1 + len(question)] == question and ids[-1] == lite_tokenizer.sep_token_id
        inside = [place for place in places if place is not None]
        assert places == [None] * (len(question) + 2) + inside + [None]
        assert row["token_type_ids"] == [0] * (len(question) + 2) + [1] * (len(inside) + 1)
        if seen:
            assert whole.index(inside[0]) == whole.index(seen[-1]) + 1 - stride, "neighbours share `stride` tokens"
        seen += inside
    assert set(seen) == set(map(tuple, whole)) and cut.example == [0] * len(cut)
    if max_length == 384:
        assert len(cut) == 1


def test_an_answer_is_labelled_where_it_is_whole_and_nowhere_else(lite_tokenizer):
    question = asked(answer="twelve hours")
    cut = spans.windows([question], lite_tokenizer, 20, 4)
    labelled = 0
    for row, places in zip(cut.rows, cut.offsets):
        start, end = row["labels"]
        inside = [p for p in places if p]
        whole = inside[0][0] <= question.answers[0][0] and question.answers[0][1] <= inside[-1][1]
        assert whole == ((start, end) != (0, 0))
        if whole:
            labelled += 1
            assert TEXT[places[start][0] : places[end][1]] == "twelve hours"
    assert 1 <= labelled < len(cut)


def test_an_answer_inside_a_token_takes_the_whole_token(lite_tokenizer):
    context = "In mid1990 a well-known plan."
    for answer in ("1990", "well-known", "known plan"):
        start = context.index(answer)
        cut = spans.windows([Question("q", "Which?", context, ((start, start + len(answer)),))], lite_tokenizer)
        s, e = cut.rows[0]["labels"]
        assert answer in context[cut.offsets[0][s][0] : cut.offsets[0][e][1]]


def test_label_by_hand():
    offsets = [None, None, (4, 8), (9, 12), (13, 20), None]
    assert spans.label(offsets, (9, 12)) == [3, 3] and spans.label(offsets, (4, 20)) == [2, 4] and spans.label(offsets, (10, 15)) == [3, 4]
    assert spans.label(offsets, (0, 8)) == [0, 0] and spans.label(offsets, (13, 22)) == [0, 0]  # begins before, ends after this window
    assert spans.label(offsets, None) == [0, 0] and spans.label([None, None], (4, 8)) == [0, 0] and spans.label(offsets, (8, 9)) == [0, 0]


def test_every_label_of_a_thousand_questions_is_the_answer(lite_tokenizer):
    source = random.Random(0)
    words = ["Ann", "sang", "in", "Zürich,", "“well”", "1990s", "$3.5", "naïve", "日本", "o'clock", "(so)", "re-elected", "U.S."]
    questions = []
    for n in range(1000):
        chosen = [source.choice(words) for _ in range(source.randint(3, 40))]
        first = source.randrange(len(chosen))
        last = min(len(chosen), first + source.randint(1, 4))
        start = len(" ".join(chosen[:first])) + (first > 0)
        questions.append(Question(f"q{n}", "What is it?", " ".join(chosen), ((start, start + len(" ".join(chosen[first:last]))),)))
    cut = spans.windows(questions, lite_tokenizer, 40, 20)
    found = {i: False for i in range(1000)}
    for row, places, i in zip(cut.rows, cut.offsets, cut.example):
        s, e = row["labels"]
        if (s, e) != (0, 0):
            found[i] = True
            assert (places[s][0], places[e][1]) == questions[i].answers[0]
    assert all(found.values()), "with a stride longer than the answer one window has it whole"


@pytest.mark.parametrize("question,settings,said", [
    (asked("who " * 400), {}, "question of 400 tokens"), (asked(), {"max_length": 12, "stride": 6}, "tokens of question"),
    (asked(), {"max_length": 600}, "max_length is 600"), (asked(), {"stride": -1}, "stride -1"), (asked("\u200b\u200b"), {}, "without a token"),
    (Question("q", "Who?", "\u200b\x00"), {}, "context without a token"),
])
def test_windows_that_cannot_be_made(lite_tokenizer, question, settings, said):
    with pytest.raises(errors.InputError, match=said) as caught:
        spans.windows([question], lite_tokenizer, **settings)
    assert "\n" not in str(caught.value) and "wanted" in str(caught.value)


def test_no_questions(lite_tokenizer):
    with pytest.raises(errors.InputError, match="no questions"):
        spans.windows([], lite_tokenizer)


# --- decoding --------------------------------------------------------------------------------------------------------------------


def slow_best(logits, offsets, longest):
    pairs = [(float(logits[s, 0] + logits[e, 1]), s, e) for s in range(len(offsets)) for e in range(s, len(offsets))
             if offsets[s] is not None and offsets[e] is not None and e - s < longest]
    return max(pairs, key=lambda p: p[0])


@pytest.mark.parametrize("seed", range(30))
def test_the_best_span_is_that_of_trying_every_pair(seed):
    torch.manual_seed(seed)
    before, inside = int(torch.randint(1, 6, ())), int(torch.randint(1, 30, ()))
    offsets = [None] * before + [(5 * i, 5 * i + 4) for i in range(inside)] + [None]
    logits, longest = torch.randn(len(offsets), 2) * 3, int(torch.randint(1, 12, ()))
    score, s, e = slow_best(logits, offsets, longest)
    assert spans.best_span(logits, offsets, longest) == (s, e, pytest.approx(score, abs=1e-5))


def test_impossible_spans_are_never_given():
    offsets = [None, None, (0, 3), (4, 8), (9, 12), None]
    start, end = [50, 40, 0, 1, 8, 30], [50, 40, 9, 2, 0, 30]  # [CLS], the question and [SEP] shout; and the best end comes first
    assert spans.best_span(torch.tensor([start, end]).T.float(), offsets) == (2, 2, 9.0)
    long = [None] + [(i, i + 1) for i in range(100)]
    logits = torch.zeros(101, 2)
    logits[1, 0] = logits[100, 1] = 10.0
    s, e, _ = spans.best_span(logits, long, max_answer=30)
    assert e - s < 30


def test_the_best_over_all_windows_and_the_lowest_no_answer_score(lite_tokenizer):
    question = asked(answer="twelve hours")
    cut = spans.windows([asked("Who sang?", "Ann", id="a"), question], lite_tokenizer, 20, 4)
    torch.manual_seed(0)
    logits = [torch.randn(len(row["input_ids"]), 2) for row in cut.rows]
    found = spans.decode(cut, logits, [asked("Who sang?", "Ann", id="a"), question])
    for i, f in enumerate(found):
        mine = [w for w, example in enumerate(cut.example) if example == i]
        assert f.score == pytest.approx(max(slow_best(logits[w], cut.offsets[w], spans.MAX_ANSWER)[0] for w in mine), abs=1e-5)
        assert f.no_answer_score == pytest.approx(min(float(logits[w][0].sum()) for w in mine), abs=1e-5)
        assert f.text == TEXT[f.start : f.end] and f.margin == f.no_answer_score - f.score
        assert f.given(None) == f.given(f.margin) == f.text and f.given(f.margin - 1e-3) == ""
    with pytest.raises(errors.ShapeError, match="windows"):
        spans.decode(cut, logits[1:], [question])


def test_padding_left_on_is_refused():
    with pytest.raises(errors.ShapeError, match="padding"):
        spans.best_span(torch.zeros(5, 2), [None, (0, 1), None])
    with pytest.raises(errors.InputError, match="context"):
        spans.best_span(torch.zeros(2, 2), [None, None])


# --- against the library -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def extractor():
    return answering.build_extractor(seed=0).eval()


def test_a_saved_extractor_is_the_librarys_question_answering_model(extractor, lite_tokenizer, tmp_path):
    folder = ft.save_model(extractor, lite_tokenizer, tmp_path / "qa")
    plain, info = transformers.AutoModelForQuestionAnswering.from_pretrained(folder, attn_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    cut = spans.windows([asked(), asked("Who slept?", "Bob", id="b")], lite_tokenizer, 24, 8)
    ours, theirs = answering.window_logits(extractor, cut), answering.window_logits(plain, cut)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs))
    for row in cut.rows[:3]:  # and the loss of labels made here
        batch = ft.pad([row])
        start, end = batch["labels"][:, 0], batch["labels"][:, 1]
        with torch.no_grad():
            library = plain(**ft.inputs(batch), start_positions=start, end_positions=end).loss
            assert torch.allclose(spans.loss_fn(extractor(**ft.inputs(batch)), batch["labels"]), library, atol=1e-6)
    again, tokenizer, _ = ft.load_model(folder)
    question = ("Who slept?", TEXT)
    assert ft.answer(again, tokenizer, *question) == ft.answer(extractor, lite_tokenizer, *question) == ft.answer(plain, tokenizer, *question)


# --- answers -----------------------------------------------------------------------------------------------------------------------


def test_an_answer_says_where_it_stands(extractor, lite_tokenizer):
    found = ft.answer(extractor, lite_tokenizer, "Who slept?", TEXT)
    assert set(found) == {"text", "start", "end", "score", "no_answer_score"} and found["text"] == TEXT[found["start"] : found["end"]]
    margin = found["no_answer_score"] - found["score"]
    assert ft.answer(extractor, lite_tokenizer, "Who slept?", TEXT, threshold=margin + 0.01)["text"] == found["text"]
    none = ft.answer(extractor, lite_tokenizer, "Who slept?", TEXT, threshold=margin - 0.01)
    assert (none["text"], none["start"], none["end"]) == ("", None, None) and none["score"] == found["score"]


@pytest.mark.parametrize("question,context", [
    ("", TEXT), ("  \n", TEXT), ("Who?", ""), ("Who?", "\t "), (None, TEXT), ("Who?", None), (3, TEXT), ("Who?", b"bytes"), ("Who?", float("nan")), ("Who?", [TEXT]),
])
def test_what_is_not_text_is_refused_in_one_line(extractor, lite_tokenizer, question, context):
    with pytest.raises(errors.TaskError) as caught:
        ft.answer(extractor, lite_tokenizer, question, context)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_a_document_of_100_000_characters(extractor, lite_tokenizer):
    """A stub in place of the model finds one word in the middle of it: right place, whatever the number of windows."""
    before = "Nobody knows why it rained all day. " * 1500
    document = before + "Only Xanadu stayed dry." + " It rained and rained again." * 1700
    assert len(document) > 100_000
    wanted = lite_tokenizer("Xanadu", add_special_tokens=False)["input_ids"]

    class Stub(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, input_ids, **_):
            logits = torch.zeros(*input_ids.shape, 2)
            logits[..., 0] += (input_ids == wanted[0]) * 9.0
            logits[..., 1] += (input_ids == wanted[-1]) * 9.0
            return logits

    found = ft.answer(Stub(), lite_tokenizer, "What stayed dry?", document)
    assert found["text"] == "Xanadu" and found["start"] == document.index("Xanadu") and found["no_answer_score"] == 0.0


@pytest.mark.parametrize("context", ["日本語のテキスト。東京は大きい。", "🙂🙂 smile 🙂", "a", "مرحبا بالعالم", "word " * 3000, "x" * 5000, "\u0301\u0301e", "null\x00byte"])
def test_strange_texts_give_a_span_of_themselves(extractor, lite_tokenizer, context):
    found = ft.answer(extractor, lite_tokenizer, "What is it?", context, max_length=64)
    assert found["text"] == context[found["start"] : found["end"]] and found["text"]


def test_contexts_for_several_questions(extractor, lite_tokenizer):
    two = answering.answers_of(extractor, lite_tokenizer, ["Who slept?", "Who sang?"], TEXT)
    assert two[1] == ft.answer(extractor, lite_tokenizer, "Who sang?", TEXT)
    for contexts in (None, [], ["a", "b", "c"]):
        with pytest.raises(errors.InputError, match="contexts"):
            answering.answers_of(extractor, lite_tokenizer, ["Who slept?", "Who sang?"], contexts)


def test_a_model_with_another_head_is_refused(lite_tokenizer):
    model = ft.SequenceClassifier(ft.load_encoder(), 2)
    with pytest.raises(errors.ModelError, match="start and an end score"):
        ft.answer(model, lite_tokenizer, "Who slept?", TEXT)


# --- training ----------------------------------------------------------------------------------------------------------------------


def names_task(n=48):
    """Who sang? The one before "sang": learnable from a few dozen questions; every fourth has no answer."""
    people, source, made = ["Ann", "Bob", "Carl", "Dora", "Emil", "Fay"], random.Random(0), []
    for i in range(n):
        singer, sleeper = source.sample(people, 2)
        context = f"{sleeper} slept. {singer} sang." if i % 2 else f"{singer} sang. {sleeper} slept."
        context = f"{sleeper} slept and slept." if i % 4 == 3 else context
        made.append(from_texts(f"q{i}", "Who sang?", context, [] if i % 4 == 3 else [singer], [] if i % 4 == 3 else [context.index(singer)]))
    return QuestionTask("names", {"train": QuestionSplit("train", made[: n // 2]), "validation": QuestionSplit("validation", made[n // 2 : 3 * n // 4]),
                                  "test": QuestionSplit("test", made[3 * n // 4 :])})


@pytest.mark.slow
def test_fine_tuning_learns_saves_and_answers(tmp_path, monkeypatch):
    monkeypatch.setenv("FTLAB_QUIET", "1")
    tuned = ft.fine_tune(names_task(), config=ft.TrainConfig(learning_rate=5e-4, epochs=8, batch_size=8, max_length=32, precision="fp32"), out=tmp_path / "out")
    assert tuned.history.headline == "f1" and tuned.history.steps[0]["loss"] > 1.5 > 0.5 > tuned.history.steps[-1]["loss"]
    assert tuned.scores["test"]["f1"] > 0.8 and tuned.scores["test"]["n"] == 12
    assert tuned.predict("Who sang?", "Fay sang. Carl slept.")[0]["text"] == "Fay"
    record = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert record["threshold"] == tuned.threshold is not None and record["task"] == "names"
    assert answering.saved_threshold(tmp_path / "out") == (tuned.threshold, 32)
    plain = transformers.AutoModelForQuestionAnswering.from_pretrained(tmp_path / "out", attn_implementation="eager").eval()
    asked_again = ("Who sang?", "Fay sang. Carl slept.")
    assert ft.answer(plain, tuned.tokenizer, *asked_again)["text"] == "Fay"

    from ftlab.cli.app import main

    capture = []
    monkeypatch.setattr("builtins.print", lambda *a, **k: capture.append(" ".join(map(str, a))))
    assert main(["predict", str(tmp_path / "out"), *asked_again[:1], "--pair", asked_again[1]]) == 0 and capture[-1].startswith("Fay")
    (tmp_path / "text.txt").write_text(asked_again[1])
    assert main(["predict", str(tmp_path / "out"), asked_again[0], "--document", str(tmp_path / "text.txt"), "--json"]) == 0
    assert json.loads(capture[-1])["text"] == "Fay"
    assert main(["predict", str(tmp_path / "out"), asked_again[0]]) == 2 and "--document" in capture[-1]
    assert main(["predict", str(tmp_path / "out"), "Who?", "--pair", "x", "--document", "y"]) == 2 and "one of the two" in capture[-1]
    assert main(["predict", str(tmp_path / "out"), asked_again[0], "--document", str(tmp_path / "none.txt")]) == 2 and "no file" in capture[-1]


def test_the_metrics_see_every_question_once_whatever_the_order(lite_tokenizer, extractor):
    task = names_task()
    cut = spans.windows(task.validation, lite_tokenizer, 32)
    scored = ft.evaluate(extractor, ft.batches(cut, 5, shuffle=False), spans.metrics_of(cut, task.validation), spans.loss_fn)
    found = spans.decode(cut, answering.window_logits(extractor, cut), task.validation)
    threshold = spans.choose_threshold(found, task.validation)
    by_hand = ft.answer_scores.score_answers([f.given(threshold) for f in found], task.validation.answers)
    assert scored["threshold"] == pytest.approx(threshold, abs=1e-4) and {k: scored[k] for k in by_hand} == pytest.approx(by_hand)


def test_an_encoder_that_is_not_a_bert(tmp_path, lite_tokenizer):
    config = transformers.DistilBertConfig(dim=16, n_heads=2, n_layers=1, hidden_dim=16, vocab_size=50)
    transformers.DistilBertModel(config).save_pretrained(tmp_path)
    with pytest.raises(errors.ModelError, match="distilbert"):
        answering.build_extractor(tmp_path)


def test_span_head_of_the_tiny_encoder_has_the_pad_columns_it_should():
    batch = ft.pad([{"input_ids": [1, 5, 2, 7, 2], "token_type_ids": [0, 0, 0, 1, 1], "labels": [3, 3]},
                    {"input_ids": [1, 5, 2, 7, 8, 9, 2], "token_type_ids": [0] * 3 + [1] * 4, "labels": [0, 0]}])
    assert batch["labels"].tolist() == [[3, 3], [0, 0]] and batch["input_ids"].shape == (2, 7)
    assert ft.SpanExtractor(tiny.encoder())(**ft.inputs(batch)).shape == (2, 7, 2)


def test_questions_that_are_none_and_another_splits_windows(extractor, lite_tokenizer):
    with pytest.raises(errors.InputError, match="a Question"):
        ft.find_answers(extractor, lite_tokenizer, ["Who sang?"])
    with pytest.raises(errors.InputError, match="max_length is 0"):
        ft.answer(extractor, lite_tokenizer, "Who sang?", TEXT, max_length=0)
    cut = spans.windows([asked(id="a"), asked(id="b")], lite_tokenizer)
    logits = answering.window_logits(extractor, cut)
    for others in ([asked()], [asked(id=i) for i in "abc"]):
        with pytest.raises(errors.ShapeError, match="the 2 that were cut"):
            spans.decode(cut, logits, others)


def test_a_long_question_brings_no_warning(extractor, lite_tokenizer, caplog, capfd):
    with pytest.raises(errors.InputError, match="a question of"):
        ft.answer(extractor, lite_tokenizer, "Who is " * 2000, TEXT)
    assert not caplog.records and not capfd.readouterr().err


def test_the_librarys_extractor_through_predict(lite_tokenizer):
    shape = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    config = transformers.BertConfig(vocab_size=len(lite_tokenizer), **shape)
    model = transformers.BertForQuestionAnswering(config).eval()
    assert spans.is_extractor(model) and not spans.is_extractor(torch.nn.Linear(2, 2))
    assert ft.predict(model, lite_tokenizer, "Who sang?", TEXT) == [ft.answer(model, lite_tokenizer, "Who sang?", TEXT)]


def test_a_damaged_record_is_one_line(tmp_path):
    for text in ("{", "[]"):
        (tmp_path / "metrics.json").write_text(text)
        with pytest.raises(errors.ModelError, match="damaged metrics.json"):
            answering.saved_threshold(tmp_path)


def test_build_model_gives_questions_a_span_head():
    task = QuestionTask("mine", {"train": QuestionSplit("train", (asked(),))})
    one, other = ft.build_model(task, seed=3), answering.build_extractor(seed=3)
    assert isinstance(one, ft.SpanExtractor) and torch.equal(one.qa_outputs.weight, other.qa_outputs.weight)


def test_a_split_of_another_kind_is_refused_in_one_line(lite_tokenizer):
    from ftlab.baselines import tfidf_baseline
    from ftlab.tagging import encode_tagged
    from ftlab.tasks import Split, TaggedSplit

    tagged, questions, plain = TaggedSplit("train", [["Ann"]], [["O"]]), QuestionSplit("train", (asked(),)), Split("train", ["a"], [1])
    for call, said in (
        (lambda: ft.encode(tagged, lite_tokenizer), "a TaggedSplit to encode"),
        (lambda: ft.encode(questions, lite_tokenizer), "spans.windows"),
        (lambda: encode_tagged(plain, lite_tokenizer, ("O",)), "a Split to encode"), (lambda: ft.fine_tune([1]), "a list as the task"),
        (lambda: tfidf_baseline(QuestionTask("mine", {"train": questions, "test": questions})), "one label a text"),
    ):
        with pytest.raises(errors.TaskError, match=said):
            call()
