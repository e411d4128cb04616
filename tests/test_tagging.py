"""BIO and spans, words and pieces, scores of names, decoding, windows: against seqeval and transformers, and broken on purpose."""

import random
import warnings

import numpy as np
import pytest
import torch
import transformers

import ftlab as ft
from ftlab import bio, models, tagging
from ftlab.batching import batches
from ftlab.entity_scores import ERRORS, entity_errors, entity_scores, scores_by_type
from ftlab.errors import InputError, ModelError, ShapeError, TaskError
from ftlab.tasks import Split, TaggedSplit, TaggingTask, Task

import tiny

TYPES = ("PER", "ORG", "LOC", "MISC")
NAMES = bio.tag_names(TYPES)
WORDS = ["Zbigniew", "Brzezinski", "’s", "unputdownable", "book", ",", "the", "U.S.", "café", "日本", "😀", "x" * 40]


def random_tags(rng: random.Random, n: int, valid: bool = False) -> list[str]:
    tags = [rng.choice((*NAMES, "O", "O", "O")) for _ in range(n)]
    return bio.repair(tags) if valid else tags


def random_cases(n: int = 1000) -> list[tuple[list[list[str]], list[list[str]]]]:
    """Pairs of predicted (also invalid) and wanted (valid) tags, among them sentences of one word and ones without a name."""
    rng, cases = random.Random(7), []
    for _ in range(n):
        lengths = [rng.choice((1, 1, 2, 5, 12)) for _ in range(rng.randint(1, 4))]
        wanted = [random_tags(rng, k, valid=True) if rng.random() < 0.8 else ["O"] * k for k in lengths]
        predicted = [[t if rng.random() < 0.7 else rng.choice(NAMES) for t in tags] for tags in wanted]
        if rng.random() < 0.2:
            predicted[0] = ["O"] * lengths[0]
        cases.append((predicted, wanted))
    return cases


# tags and spans


def test_spans_to_tags_and_back():
    text = "President Reagan met Ann Lee's U.S.-Soviet group."
    spans = [(10, 16, "PER"), (21, 28, "PER"), (31, 35, "LOC"), (36, 42, "MISC")]
    offsets = bio.word_offsets(text)
    tags = bio.tags_from_spans(spans, offsets)
    assert [text[a:b] for (a, b), tag in zip(offsets, tags) if tag != "O"] == ["Reagan", "Ann", "Lee", "U", ".", "S", ".", "Soviet"]
    assert [t for t in tags if t != "O"] == ["B-PER", "B-PER", "I-PER", "B-LOC", "I-LOC", "I-LOC", "I-LOC", "B-MISC"]
    assert [(offsets[a][0], offsets[b - 1][1], k) for a, b, k in bio.spans_from_tags(tags)] == spans
    assert bio.tags_from_spans(list(reversed(spans)), offsets) == tags, "in any order"


def test_random_valid_tags_survive_the_way_through_spans():
    rng = random.Random(1)
    for _ in range(300):
        tags = random_tags(rng, rng.randint(1, 12), valid=True)
        offsets = [(3 * i, 3 * i + 2) for i in range(len(tags))]
        spans = [(offsets[a][0], offsets[b - 1][1], k) for a, b, k in bio.spans_from_tags(tags)]
        assert bio.tags_from_spans(spans, offsets) == tags and bio.repair(tags) == tags


@pytest.mark.parametrize("span", [(1, 3, "PER"), (0, 2, "PER"), (0, 4, "PER"), (4, 4, "PER"), (4, 3, "PER"), (0, 99, "PER"), (-3, 3, "PER")])
def test_a_span_that_cuts_a_word_is_refused(span):
    with pytest.raises(TaskError, match="inside a word|where a word begins"):
        bio.tags_from_spans([span], [(0, 3), (4, 7)])


def test_overlapping_spans_are_refused():
    with pytest.raises(TaskError, match="overlaps"):
        bio.tags_from_spans([(0, 7, "ORG"), (4, 7, "LOC")], [(0, 3), (4, 7)])


@pytest.mark.parametrize("tag", ["PER", "S-PER", "E-PER", "B-", "b-PER", "", None, 3])
def test_another_schemes_tag_is_refused(tag):
    for function in (bio.spans_from_tags, bio.repair):
        with pytest.raises(TaskError, match="wanted: O, B-TYPE or I-TYPE"):
            function(["O", tag])


def test_words_of_odd_texts():
    assert bio.word_offsets("") == [] == bio.word_offsets(" \t\n")
    assert len(bio.word_offsets("don't 3.5%")) == 7 and len(bio.word_offsets("«é» 日本 😀")) == 5
    with pytest.raises(TaskError, match="NoneType"):
        bio.word_offsets(None)


@pytest.mark.parametrize("text,words", [
    ("Jose\u0301s cafe\u0301, Zu\u0308rich", ["Jose\u0301s", "cafe\u0301", ",", "Zu\u0308rich"]),
    ("हिन्दी में", ["हिन्दी", "में"]),  # vowel signs are marks too
    ("\u845b\U000e0100\u57ce", ["\u845b\U000e0100\u57ce"]),  # a variant of a character in a Japanese name
    ("I ❤\ufe0fAnn", ["I", "❤\ufe0f", "Ann"]),  # a mark goes with the sign before it
    ("a \u0301b", ["a", "\u0301", "b"]),  # and stands alone where there is none
])
def test_a_combining_mark_stays_with_its_letter(text, words):
    assert [text[start:end] for start, end in bio.word_offsets(text)] == words


def test_names_with_decomposed_accents_are_encoded_as_one_word(lite_tokenizer):
    text = "Jose\u0301 sang in Zu\u0308rich."
    split = TaggedSplit.from_spans("train", [text], [[(0, 5, "PER"), (14, 21, "LOC")]])
    assert split.tags == [["B-PER", "O", "O", "B-LOC", "O"]]
    encoded = tagging.encode_tagged(split, lite_tokenizer, NAMES)
    assert None not in encoded.first[0] and [l for l in encoded[0]["labels"] if l != -100] == [1, 0, 0, 5, 0]


def test_repair_by_hand():
    assert bio.repair(["I-PER", "I-PER", "O", "I-LOC", "B-LOC", "I-ORG"]) == ["B-PER", "I-PER", "O", "B-LOC", "B-LOC", "B-ORG"]


# scores


def test_scores_equal_seqeval_on_a_thousand_random_cases():
    from seqeval.metrics import f1_score, precision_score, recall_score
    from seqeval.scheme import IOB2

    invalid = empty = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns where nothing is to be divided by
        for predicted, wanted in random_cases():
            strict = dict(mode="strict", scheme=IOB2, zero_division=0)
            scores = entity_scores(predicted, wanted)
            for name, theirs in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
                assert scores[name] == pytest.approx(theirs(wanted, predicted, **strict)), (name, predicted, wanted)
            mended = entity_scores([bio.repair(p) for p in predicted], wanted)
            assert mended["f1"] == pytest.approx(f1_score(wanted, predicted)), "repair is conlleval's reading of invalid tags"
            invalid += any(bio.repair(p) != p for p in predicted)
            empty += not any(t != "O" for p in (*predicted, *wanted) for t in p)
    assert invalid > 300 and empty > 10, "the cases must hold invalid tags, and sentences without any name"


def test_scores_by_type_equal_seqevals_report():
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    predicted, wanted = zip(*((p, w) for ps, ws in random_cases(60) for p, w in zip(ps, ws)))
    theirs = classification_report(list(wanted), list(predicted), mode="strict", scheme=IOB2, output_dict=True, zero_division=0)
    for kind, scores in scores_by_type(predicted, wanted).items():
        assert scores["f1"] == pytest.approx(theirs[kind]["f1-score"]) and scores["wanted"] == theirs[kind]["support"]
        assert scores["precision"] == pytest.approx(theirs[kind]["precision"]) and scores["recall"] == pytest.approx(theirs[kind]["recall"])


def test_scores_by_hand():
    wanted = [["B-PER", "I-PER", "O", "B-LOC"]]
    assert entity_scores(wanted, wanted) == {"f1": 1.0, "precision": 1.0, "recall": 1.0, "token_accuracy": 1.0}
    half = entity_scores([["B-PER", "O", "O", "B-LOC"]], wanted)
    assert half == {"f1": 0.5, "precision": 0.5, "recall": 0.5, "token_accuracy": 0.75}, "nothing is earned for a part of a name"
    assert entity_scores([["O"]], [["O"]]) == {"f1": 0.0, "precision": 0.0, "recall": 0.0, "token_accuracy": 1.0}


def test_scores_refuse_what_does_not_fit():
    with pytest.raises(ShapeError, match="2 predicted tags and 1 wanted ones in sentence 1"):
        entity_scores([["O"], ["O", "O"]], [["O"], ["O"]])
    with pytest.raises(ShapeError, match="1 sentences predicted, 2 wanted"):
        entity_scores([["O"]], [["O"], ["O"]])
    with pytest.raises(ShapeError):
        entity_scores(["OO"], [["O", "O"]])
    with pytest.raises(InputError, match="no words"):
        entity_scores([[]], [[]])


def test_every_kind_of_error_by_hand():
    wanted = ["B-PER", "I-PER", "O", "B-LOC", "O", "B-ORG", "I-ORG", "O", "B-PER", "O", "O"]
    guess = ["B-PER", "O", "O", "B-ORG", "O", "O", "B-LOC", "O", "O", "O", "B-MISC"]
    found = entity_errors([guess], [wanted])
    assert [e["kind"] for e in found] == list(ERRORS)[:1] + ["type", "boundary and type", "missed", "invented"]
    assert found[0] == {"sentence": 0, "kind": "boundary", "wanted": (0, 2, "PER"), "predicted": (0, 1, "PER")}
    assert found[3]["predicted"] is None and found[4]["wanted"] is None


def test_errors_account_for_every_name():
    for predicted, wanted in random_cases(200):
        found = entity_errors(predicted, wanted)
        right = sum(len(set(bio.spans_from_tags(p)) & set(bio.spans_from_tags(w))) for p, w in zip(predicted, wanted))
        n_wanted = sum(len(bio.spans_from_tags(w)) for w in wanted)
        assert right + sum(e["wanted"] is not None for e in found) == n_wanted
        assert all(e["wanted"] != e["predicted"] for e in found)


# words and pieces


def test_alignment_equals_the_librarys_word_ids(lite_tokenizer):
    rng = random.Random(3)
    for _ in range(100):
        words = [rng.choice(WORDS[:-2]) for _ in range(rng.randint(1, 30))]
        split = TaggedSplit("train", [words], [random_tags(rng, len(words), valid=True)])
        ours = tagging.encode_tagged(split, lite_tokenizer, NAMES, max_length=24)
        theirs = lite_tokenizer(words, is_split_into_words=True, truncation=True, max_length=24)
        ids, before, labels = theirs.word_ids(), None, []
        for w in ids:
            labels.append(-100 if w is None or w == before else NAMES.index(split.tags[0][w]))
            before = w
        assert ours[0]["input_ids"] == theirs["input_ids"] and ours[0]["labels"] == labels
        assert len(ours[0]["labels"]) == len(ours[0]["input_ids"])


def test_a_word_without_a_piece_keeps_the_others_in_place(lite_tokenizer):
    split = TaggedSplit("train", [["Ann", "\u200b", "sang"]], [["B-PER", "O", "O"]])
    encoded = tagging.encode_tagged(split, lite_tokenizer, NAMES)
    assert encoded.first == [[1, None, 2]] and encoded[0]["labels"] == [-100, 1, 0, -100]
    logits = torch.zeros(4, 9)
    logits[2, 3] = 1.0
    assert tagging.read_tags([logits], encoded)[0][2] == "B-ORG"


def test_what_is_cut_off_counts_as_missed(lite_tokenizer):
    split = TaggedSplit("test", [["Ann"] * 20], [["B-PER"] * 20])
    encoded = tagging.encode_tagged(split, lite_tokenizer, NAMES, max_length=12)
    assert encoded.first[0] == [*range(1, 11), *[None] * 10]
    perfect = torch.nn.functional.one_hot(torch.full((12,), 1), 9).float()
    scores = tagging.entity_metrics(encoded, split)([perfect], [None])
    assert scores["recall"] == 0.5 and scores["precision"] == 1.0


def test_encode_refuses(lite_tokenizer):
    split = TaggedSplit("train", [["Ann"]], [["B-ANIMAL"]])
    with pytest.raises(TaskError, match="tag 'B-ANIMAL' in sentence '0'"):
        tagging.encode_tagged(split, lite_tokenizer, NAMES)
    for bad in (3, 513):
        with pytest.raises(InputError, match="max_length"):
            tagging.encode_tagged(split, lite_tokenizer, NAMES, max_length=bad)

    class Slow:
        is_fast, model_max_length = False, 512

    with pytest.raises(InputError, match="fast tokenizer"):
        tagging.encode_tagged(split, Slow(), NAMES)


def test_reading_tags_refuses_what_does_not_fit(lite_tokenizer):
    encoded = tagging.encode_tagged(TaggedSplit("train", [["Ann"]], [["B-PER"]]), lite_tokenizer, NAMES)
    with pytest.raises(InputError, match="logits of 2 sentences for 1"):
        tagging.read_tags([torch.zeros(3, 9)] * 2, encoded)
    with pytest.raises(InputError, match="5 logits a piece for 9 tags"):
        tagging.read_tags([torch.zeros(3, 5)], encoded)


def test_a_split_needs_words_and_tags_that_fit():
    for words, tags, said in (
        ([["Ann", "sang"]], [["B-PER"]], "2 words and 1 tags in sentence '0'"),
        ([[]], [[]], "has no words"),
        ([["Ann"]], [["PER"]], "tag 'PER' in sentence '0'"),
        ([["Ann"]], [["I-PER"]], "follows no PER"),
        ([["Ann", " "]], [["O", "O"]], "the word ' '"),
        ([["Ann", None]], [["O", "O"]], "the word None"),
        (["Ann"], [["O", "O", "O"]], "a str as the words"),
        ([["Ann"]], [["O"], ["O"]], "1 sentences, 2 lists of tags"),
    ):
        with pytest.raises(TaskError, match=said):
            TaggedSplit("train", words, tags)
    with pytest.raises(TaskError, match="id 'a' twice"):
        TaggedSplit("train", [["x"], ["y"]], [["O"], ["O"]], ["a", "a"])
    with pytest.raises(TaskError, match="do not point at its words"):
        TaggedSplit("train", [["x"]], [["O"]], texts=["yx"], offsets=[[(0, 1)]])
    with pytest.raises(TaskError, match="'B-ANIMAL'"):
        TaggingTask("mine", ("PER",), {"train": TaggedSplit("train", [["Rex"]], [["B-ANIMAL"]])})
    with pytest.raises(TaskError, match="empty"):
        TaggingTask("mine", ("PER",), {"train": TaggedSplit("train", [], [])})


@pytest.mark.parametrize("span,said", [((0, 99, "PER"), "wanted: 0 <= start < end <= 9"), ((3, 3, "PER"), "start < end"), ((-1, 3, "PER"), "0 <="),
                                       ((1, 3, "PER"), "inside a word"), ((0, 4, "PER"), "in sentence 'a'"), ((0, "3", "PER"), "characters")])
def test_spans_outside_a_text_or_its_words_are_refused(span, said):
    with pytest.raises(TaskError, match=said):
        TaggedSplit.from_spans("train", ["Ann sings"], [[span]], ["a"])


def test_numpy_integers_are_as_good_for_spans():
    split = TaggedSplit.from_spans("train", ["Ann sings"], [[(np.int64(0), np.int32(3), "PER")]])
    assert split.tags == [["B-PER", "O"]] and all(type(i) is int for pair in split.offsets[0] for i in pair)
    for start, end in ((False, 3), (np.False_, 3), (0.0, 3), (np.float64(0), 3)):
        with pytest.raises(TaskError, match="in sentence '0'"):
            TaggedSplit.from_spans("train", ["Ann sings"], [[(start, end, "PER")]])


# models


def new_tagger(lite_tokenizer, seed: int = 0, names: tuple[str, ...] = NAMES) -> models.TokenClassifier:
    torch.manual_seed(seed)
    config = transformers.BertConfig(**{**tiny.SHAPE, "vocab_size": len(lite_tokenizer), "max_position_embeddings": 512})
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    encoder = transformers.BertModel._from_config(config, attn_implementation="eager")
    return models.TokenClassifier(encoder, len(names), dropout=0.0, label_names=names).eval()


def make_split(name: str, n: int, seed: int) -> TaggedSplit:
    """Names that can be learned from the word alone, among others that are cut into pieces."""
    rng, people, places = random.Random(seed), ["zbigniew", "brzezinski", "ann"], ["rome", "kyrgyzstan"]
    words, tags = [], []
    for _ in range(n):
        words.append([])
        tags.append([])
        for _ in range(rng.randint(2, 9)):
            kind = rng.random()
            one = [rng.choice(places if kind < 0.4 else ["sings", "in", "the"])]
            name_words = rng.sample(people, rng.randint(1, 2)) if kind < 0.2 else one
            words[-1] += [*name_words, "and"]  # so that no two names touch
            tags[-1] += [*(["B-PER", "I-PER"][: len(name_words)] if kind < 0.2 else ["B-LOC"] if kind < 0.4 else ["O"]), "O"]
    return TaggedSplit(name, words, tags)


@pytest.fixture(scope="module")
def learned(lite_tokenizer):
    torch.set_num_threads(1)
    task = TaggingTask("mine", TYPES, {"train": make_split("train", 200, 1), "validation": make_split("validation", 50, 2)})
    model = new_tagger(lite_tokenizer)
    encoded = {name: tagging.encode_tagged(split, lite_tokenizer, NAMES) for name, split in task.splits.items()}
    history = ft.fit(
        model, batches(encoded["train"], 16), batches(encoded["validation"], 64, shuffle=False),
        ft.TrainConfig(learning_rate=0.01, epochs=12, precision="fp32"), metrics=tagging.entity_metrics(encoded["validation"], task.validation),
    )
    return model.eval(), task, history


def test_fit_finds_names_and_reports_their_f1(learned, lite_tokenizer):
    model, task, history = learned
    assert history.headline == "f1" and history.best["f1"] > 0.75, history.evaluations
    tags = tagging.tag_split(model, lite_tokenizer, task.validation)
    assert entity_scores(tags, task.validation.tags)["f1"] == pytest.approx(history.best["f1"])
    counted = sum(len(words) for words in task.validation.words)
    assert history.best["n"] == counted, "one label a word: the loss is a mean over words"


def test_predicted_names_point_into_the_text(learned, lite_tokenizer):
    model, _, _ = learned
    text = "Ann Brzezinski sings in  Kyrgyzstan, the"
    found = tagging.predict_entities(model, lite_tokenizer, text)
    assert [(e["text"], e["label"]) for e in found] == [("Ann Brzezinski", "PER"), ("Kyrgyzstan", "LOC")]
    assert all(text[e["start"] : e["end"]] == e["text"] and 0.3 < e["score"] <= 1 for e in found)
    assert set(found[0]) == {"text", "label", "start", "end", "score"}
    assert tagging.predict_entities(model, lite_tokenizer, "sings in the sings") == []
    assert tagging.predict_entities(model, lite_tokenizer, "") == [] == tagging.predict_entities(model, lite_tokenizer, " \n ")
    assert ft.predict(model, lite_tokenizer, [text])[0]["entities"] == found


def test_a_short_text_in_one_window_equals_a_plain_forward_pass(learned, lite_tokenizer):
    model, task, _ = learned
    tags = tagging.tag_split(model, lite_tokenizer, task.validation)
    for example, own in zip(task.validation, tags):
        found = tagging.predict_entities(model, lite_tokenizer, example["text"])
        split = TaggedSplit("x", [example["words"]], [own])
        assert [(e["start"], e["end"], e["label"]) for e in found] == split[0]["entities"]


def test_a_hundred_thousand_characters_are_read_in_windows(learned, lite_tokenizer):
    model, _, _ = learned
    rng = random.Random(5)
    words = [rng.choice(["ann", "rome", "kyrgyzstan", "sings", "in", "the"]) for _ in range(21_000)]
    text = " ".join(words)
    assert len(text) > 100_000
    found = tagging.predict_entities(model, lite_tokenizer, text)
    assert all(text[e["start"] : e["end"]] == e["text"] for e in found) and [e["start"] for e in found] == sorted(e["start"] for e in found)
    wanted = sum(w in ("rome", "kyrgyzstan") for w in words)
    assert sum(e["label"] == "LOC" for e in found) > 0.9 * wanted
    with pytest.raises(InputError, match="window 600"):
        tagging.predict_entities(model, lite_tokenizer, text, window=600)
    with pytest.raises(InputError, match="overlap"):
        tagging.predict_entities(model, lite_tokenizer, text, window=32, overlap=30)


def test_windows_take_each_word_from_where_it_has_most_context(lite_tokenizer):
    """A model whose tag depends on how far a piece is from its window's ends shows which window was asked."""

    class Far(torch.nn.Module):
        library_class, label_names = "BertForTokenClassification", ("O", "B-PER", "I-PER")

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, input_ids, attention_mask):
            logits = torch.zeros(*input_ids.shape, 3)
            for row, n in zip(logits, attention_mask.sum(1)):
                row[:5, 1] = row[n - 5 :, 1] = 9.0  # a name within 4 pieces of an end, [CLS] and [SEP] not counted
            return logits

    text = " ".join(["in"] * 100)
    found = tagging.predict_entities(Far(), lite_tokenizer, text, window=22, overlap=10)
    assert {e["start"] // 3 for e in found} == {0, 1, 2, 3, 96, 97, 98, 99}, "only the text's own ends lack context"
    found = tagging.predict_entities(Far(), lite_tokenizer, text, window=22, overlap=0)
    assert len(found) > 8, "without overlap every window's ends lack it"


@pytest.mark.parametrize("bad", [None, 3, ["a text"]])
def test_predicting_refuses_what_is_no_text(learned, lite_tokenizer, bad):
    with pytest.raises(InputError, match="wanted: a text"):
        tagging.predict_entities(learned[0], lite_tokenizer, bad)


def test_predicting_needs_names_for_the_tags(lite_tokenizer):
    bare = new_tagger(lite_tokenizer)
    bare.label_names = ()
    with pytest.raises(InputError, match="without names for its tags"):
        tagging.predict_entities(bare, lite_tokenizer, "Ann")
    bare.label_names = ("LABEL_0",) * 9
    with pytest.raises(InputError, match="not trained to tag"):
        tagging.predict_entities(bare, lite_tokenizer, "Ann")
    with pytest.raises(InputError, match="pairs"):
        ft.predict(new_tagger(lite_tokenizer), lite_tokenizer, ["Ann"], ["Bob"])


def test_a_saved_tagger_loads_in_plain_transformers_and_here(learned, lite_tokenizer, tmp_path):
    model, task, _ = learned
    folder = ft.save_model(model, lite_tokenizer, tmp_path / "tagger")
    plain = transformers.AutoModelForTokenClassification.from_pretrained(folder, attn_implementation="eager").eval()
    assert plain.config.id2label == dict(enumerate(NAMES)) and plain.config.label2id["I-MISC"] == 8
    batch = lite_tokenizer(["Ann sings in Rome", "Zbigniew"], return_tensors="pt", padding=True)
    again, tokenizer, names = ft.load_model(folder)
    with torch.no_grad():
        assert torch.equal(plain(**batch).logits, model(**batch)) and torch.equal(again(**batch), model(**batch))
    assert names == NAMES == again.label_names
    text = "Ann Brzezinski sings in Kyrgyzstan"
    assert tagging.predict_entities(again, tokenizer, text) == tagging.predict_entities(plain, lite_tokenizer, text) != []


def library_tagger(names, lite_tokenizer, folder):
    config = transformers.DistilBertConfig(vocab_size=len(lite_tokenizer), dim=16, hidden_dim=32, n_layers=1, n_heads=2, num_labels=len(names))
    return ft.save_model(transformers.DistilBertForTokenClassification(config), lite_tokenizer, folder, names)


@pytest.mark.parametrize("types", [("PER", "LOC"), ("ORG",)], ids=["more tags", "as many other tags"])
def test_a_library_tagger_of_other_tags_is_refused_in_one_line(types, lite_tokenizer, tmp_path):
    split = TaggedSplit("train", [["Ann", "sang"]], [["B-PER", "O"]])
    folder = library_tagger(bio.tag_names(types), lite_tokenizer, tmp_path / "tagger")
    with pytest.raises(ModelError, match="wanted: a tagger of O, B-PER, I-PER, or an encoder without a head · .* · do: ") as caught:
        ft.fine_tune(TaggingTask("mine", ("PER",), {"train": split, "validation": split}), folder)
    assert f"holds DistilBertForTokenClassification of {', '.join(bio.tag_names(types))}" in caught.value.got
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("names", [("O", "B-PER", "I-PER"), ("O", "B-PER")], ids=["three", "two"])
def test_a_library_tagger_is_no_classifier(names, lite_tokenizer, tmp_path):
    split = Split("train", ["good", "bad"], [1, 0])
    task = Task("mine", "classification", ("neg", "pos"), "accuracy", ("accuracy",), {"train": split, "validation": split})
    with pytest.raises(ModelError, match="ForTokenClassification of O, B-PER.*wanted: a classifier of 2 classes"):
        ft.fine_tune(task, library_tagger(names, lite_tokenizer, tmp_path / "tagger"))


def test_a_library_tagger_of_the_same_tags_goes_on(lite_tokenizer, tmp_path):
    split = TaggedSplit("train", [["Ann", "sang"]], [["B-PER", "O"]])
    task = TaggingTask("mine", ("PER",), {"train": split, "validation": split})
    folder = library_tagger(task.label_names, lite_tokenizer, tmp_path / "tagger")
    model, kept = models.build_model(task, folder), ft.load_model(folder)[0]
    assert torch.equal(model.classifier.weight, kept.classifier.weight)


def test_a_gazetteer_takes_the_longest_name_and_the_commonest_type():
    train = TaggedSplit("train", [["New", "York"], ["New", "York", "Times"], ["Washington"], ["Washington"], ["Washington"]],
                        [["B-LOC", "I-LOC"], ["B-ORG", "I-ORG", "I-ORG"], ["B-PER"], ["B-LOC"], ["B-LOC"]])
    gazetteer = ft.baselines.Gazetteer(train)
    assert gazetteer.tag(["the", "New", "York", "Times", "in", "New", "York"]) == ["O", "B-ORG", "I-ORG", "I-ORG", "O", "B-LOC", "I-LOC"]
    assert gazetteer.tag(["Washington", "New"]) == ["B-LOC", "O"] and gazetteer.tag([]) == []
    assert ft.baselines.Gazetteer(TaggedSplit("train", [["x"]], [["O"]])).tag(["x"]) == ["O"]


def test_names_are_marked_in_text_and_in_html(capsys):
    from ftlab.widgets.entities import entity_box, marked, marked_html, show_entities

    text = "Ann <b> sang in Rome"
    names = [{"text": "Rome", "label": "LOC", "start": 16, "end": 20, "score": 0.9}, {"text": "Ann", "label": "PER", "start": 0, "end": 3, "score": 0.8}]
    assert marked(text, names) == "[Ann PER] <b> sang in [Rome LOC]" == marked(text, [(0, 3, "PER"), (16, 20, "LOC")])
    assert "&lt;b&gt;" in marked_html(text, names) and marked_html(text, names).count("<span") == 2
    assert marked("", []) == "" and marked(text, []) == text
    show_entities([text, "none"], [names, []], caption="Two.")
    assert capsys.readouterr().out == "Two.\n[Ann PER] <b> sang in [Rome LOC]\nnone\n"
    with pytest.raises(InputError, match="2 texts and names of 1"):
        show_entities([text, text], [names])
    entity_box(lambda t: names, text=text)
    said = capsys.readouterr().out
    assert "[Ann PER] <b> sang" in said and "≈0.90 LOC" in said
    entity_box(lambda t: [], text=" ")
    assert "an empty sentence" in capsys.readouterr().out


def test_columns_that_do_not_fit_are_refused():
    words, tags = [["Ann"], ["Bob"]], [["B-PER"], ["O"]]
    for call, said in (
        (lambda: TaggedSplit("train", [None], [["O"]]), "None as the words"),
        (lambda: TaggedSplit("train", [["Ann"]], [None]), "None as the tags"),
        (lambda: TaggedSplit("train", words, tags, texts=["Ann"]), "2 sentences, 1 texts"),
        (lambda: TaggedSplit("train", words, tags, texts=["Ann", None]), "None .NoneType. as the text"),
        (lambda: TaggedSplit("train", words, tags, texts=["Ann", "Bob"], offsets=[[(0, 3)]]), "1 lists of offsets"),
        (lambda: TaggedSplit.from_spans("train", ["Ann", "Bob"], [[]]), "1 lists of spans"),
        (lambda: TaggedSplit.from_spans("train", ["Ann"], [[(0, 3)]]), "start, end, type"),
        (lambda: TaggedSplit("train", words, tags).select([2]), "position 2"),
    ):
        with pytest.raises(TaskError, match=said):
            call()


def test_another_model_or_its_names_are_refused(lite_tokenizer):
    torch.manual_seed(0)
    shape = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    config = transformers.BertConfig(vocab_size=len(lite_tokenizer), **shape)
    encoder = transformers.BertModel(config)
    for model, names in ((models.TokenClassifier(encoder, 5), NAMES[:3]), (models.SequenceClassifier(encoder, 3), NAMES[:3])):
        with pytest.raises(InputError, match=r"wanted: \(B, T, C\)"):
            ft.predict_entities(model.eval(), lite_tokenizer, "Ann sings", names)
