"""Each summary belongs to an editorial of its own split; a line that is not as it should be is refused in one sentence."""

import json
import re
import sys

import pytest

from ftlab.assets import data_path
from ftlab.errors import AssetError, TaskError
from ftlab.tasks import passages
from ftlab.tasks.summaries import LONGEST, SPLITS, TextPair, _drawn, hub_pairs, summaries


@pytest.fixture(scope="module")
def editorials():
    try:
        return {passage.article: passage for passage in passages()}
    except AssetError as error:
        pytest.skip(str(error))


def lines(split):
    return [json.loads(line) for line in (data_path("summaries") / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()]


def test_sizes_and_splits(editorials):
    found = {split: summaries(split) for split in SPLITS}
    assert {split: len(pairs) for split, pairs in found.items()} == {"train": 120, "validation": 20, "test": 50}
    articles = [row["article"] for split in SPLITS for row in lines(split)]
    assert len(set(articles)) == 190 and len({pair.id for pairs in found.values() for pair in pairs}) == 190
    for split, pairs in found.items():
        for row, pair in zip(lines(split), pairs):
            passage = editorials[row["article"]]
            assert passage.split == split and pair.source == passage.text and pair.target == row["summary"]
            assert pair.source.startswith(pair.lead)


@pytest.mark.parametrize("split", SPLITS)
def test_a_summary_is_one_sentence_and_not_a_quotation(editorials, split):
    for row, pair in zip(lines(split), summaries(split)):
        words = pair.target.split()
        assert 8 <= len(words) <= LONGEST, pair
        assert not re.search(r"[.?!] [A-Z]", re.sub(r"\b(?:Mr|Mrs|Dr|St|Jr|[A-Z])\. ", "", pair.target)), pair
        text = re.findall(r"[\w']+", pair.source.lower())
        said = re.findall(r"[\w']+", pair.target.lower())
        runs = {tuple(text[i : i + 9]) for i in range(len(text))}
        assert not any(tuple(said[i : i + 9]) in runs for i in range(len(said) - 8)), f"nine words in a row from the article: {pair.id}"
        assert set(row) == {"id", "article", "summary"}


def test_the_second_writer(editorials):
    first, second = ({pair.id: pair for pair in summaries("test", second=second)} for second in (False, True))
    assert len(second) == 15 and set(second) < set(first)
    assert all(pair.source == first[id].source and pair.target != first[id].target for id, pair in second.items())
    with pytest.raises(TaskError, match="no train_second.jsonl"):
        summaries("train", second=True)


GOOD = {"id": "x-1", "article": 240, "summary": "A dictionary shows how thorough its makers are."}
WRONG = {
    "no JSON": ("{", "no JSON"),
    "another key": ({**GOOD, "text": "x"}, "no more"),
    "a missing key": ({"id": "x", "article": 1}, "id, article and summary"),
    "a list": ([1], "id, article and summary"),
    "a number as text": ({**GOOD, "article": "240"}, "a number"),
    "true": ({**GOOD, "article": True}, "a number"),
    "blank": ({**GOOD, "summary": " "}, "a sentence"),
    "no full stop": ({**GOOD, "summary": "A dictionary of terms"}, "full stop"),
    "two spaces": ({**GOOD, "summary": "A  dictionary of terms."}, "single spaces"),
    "too long": ({**GOOD, "summary": "word " * 41 + "end."}, "42 words"),
    "too short": ({**GOOD, "summary": "A dictionary."}, "2 words"),
    "no such article": ({**GOOD, "article": 400}, "not among the editorials"),
    "of another split": ({**GOOD, "article": 290}, "in test.*leak"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_line_is_refused(editorials, tmp_path, name):
    row, words = WRONG[name]
    (tmp_path / "train.jsonl").write_text(row if isinstance(row, str) else json.dumps(row))
    with pytest.raises(TaskError, match=words) as caught:
        summaries("train", tmp_path)
    assert "\n" not in str(caught.value)


def test_bad_files(editorials, tmp_path):
    with pytest.raises(TaskError, match="no train.jsonl"):
        summaries("train", tmp_path)
    (tmp_path / "train.jsonl").write_text("")
    with pytest.raises(TaskError, match="empty"):
        summaries("train", tmp_path)
    (tmp_path / "train.jsonl").write_text(json.dumps(GOOD) + "\n" + json.dumps({**GOOD, "id": "x-2"}))
    with pytest.raises(TaskError, match="twice"):
        summaries("train", tmp_path)
    (tmp_path / "train.jsonl").write_text(json.dumps(GOOD))
    assert len(summaries("train", tmp_path)) == 1
    with pytest.raises(TaskError, match="dev"):
        summaries("dev")


def test_pairs():
    with pytest.raises(TaskError, match="the target of 'a'"):
        TextPair("a", "x", " ")
    with pytest.raises(TaskError, match="None"):
        TextPair("a", None, "x")
    for name, split, words in (("wmt", "test", "wmt"), ("samsum", "dev", "dev")):
        with pytest.raises(TaskError, match=words):
            hub_pairs(name, split)


class Rows(dict):
    """As much of a data set of the Hub as is used."""

    column_names = property(list)

    def __len__(self):
        return len(self["id"])


def test_pairs_of_the_hub(monkeypatch):
    module = sys.modules["ftlab.tasks.summaries"]

    samsum = Rows(id=["13", "14"], dialogue=["A: Hi\r\nB: Hello", None], summary=["They greet.", "Nothing."])
    monkeypatch.setattr(module, "fetch", lambda hub_id, called, instead: {"test": samsum} if hub_id == "knkarthick/samsum" else {})
    assert hub_pairs("samsum", "test") == [TextPair("0", "A: Hi\nB: Hello", "They greet.")]
    monkeypatch.setattr(module, "fetch", lambda hub_id, called, instead: {"test": samsum})
    with pytest.raises(TaskError, match="no column de, en in multi30k"):
        hub_pairs("multi30k", "test")


def test_drawn_is_nested_and_leaves_blanks_out():
    rows = [(i, f"s{i}\r\nt", f"t{i}" if i != 3 else " ") for i in range(9)]
    every = _drawn(rows, None, 0)
    assert len(every) == 8 and every[0].source == "s0\nt" and [p.id for p in every] == ["0", "1", "2", "4", "5", "6", "7", "8"]
    few, more = (_drawn(rows, n, 0) for n in (3, 5))
    assert more[:3] == few and len(_drawn(rows, 99, 0)) == 8
    for wrong in (0, -1, True, 1.5):
        with pytest.raises(TaskError, match="1 or more"):
            _drawn(rows, wrong, 0)
