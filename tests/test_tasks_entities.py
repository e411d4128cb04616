"""The tasks that tag words: `entities` against its own files, CoNLL-2003 against published numbers, wrong files against their messages."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ftlab as ft
from ftlab.assets import data_path
from ftlab.entity_scores import entity_scores
from ftlab.errors import AssetError, TaskError
from ftlab.tasks import TaggingTask, load_task
from ftlab.tasks.entities import TYPES, load_entities

CONLL = Path(__file__).parents[2] / "shared" / "hub" / "repos" / "datasets" / "eriktks" / "conll2003" / ".revisions" / "refs__convert__parquet"
PUBLISHED = {  # Tjong Kim Sang & De Meulder 2003, table 2: names by type
    "train": {"LOC": 7140, "ORG": 6321, "PER": 6600, "MISC": 3438}, "validation": {"LOC": 1837, "ORG": 1341, "PER": 1842, "MISC": 922},
    "test": {"LOC": 1668, "ORG": 1661, "PER": 1617, "MISC": 702},
}


@pytest.fixture(scope="module")
def entities() -> TaggingTask:
    return load_task("entities")


def test_entities_are_large_enough_and_every_type_is_there(entities):
    assert len(entities.train) >= 600 and len(entities.test) >= 200 and len(entities.validation) >= 100
    for split in entities.splits.values():
        assert set(split.type_counts()) == set(TYPES)
    assert entities.label_names == ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC") and entities.kind == "tagging"


def test_entities_are_what_the_files_say_and_the_texts_are_the_passages(entities):
    sentences = {i: text for p in ft.tasks.passages() for i, text in zip(p.ids, p.sentences)}
    for name, split in entities.splits.items():
        rows = [json.loads(line) for line in data_path(f"entities/{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [r["id"] for r in rows] == split.ids
        for row, example in zip(rows, split):
            assert example["text"] == sentences[row["id"]]
            assert sorted(example["entities"]) == sorted((a, b, kind) for a, b, kind in row["entities"])
            for start, end, _ in example["entities"]:
                name_text = example["text"][start:end]
                assert name_text == name_text.strip() and re.search(r"\w", name_text), (row["id"], name_text)


def test_no_article_and_no_sentence_is_in_two_splits(entities):
    articles = {name: {i.split("_")[0] for i in split.ids} for name, split in entities.splits.items()}
    texts = {name: set(split.texts) for name, split in entities.splits.items()}
    for a, b in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert not articles[a] & articles[b] and not texts[a] & texts[b]


def test_baselines_of_entities(entities):
    majority = entities.majority_baseline()
    assert majority["f1"] == majority["recall"] == 0 and 0.85 < majority["token_accuracy"] < 0.97
    assert majority == entity_scores([["O"] * len(words) for words in entities.test.words], entities.test.tags)
    gazetteer = ft.baselines.Gazetteer(entities.train)
    scores = entity_scores([gazetteer.tag(words) for words in entities.test.words], entities.test.tags)
    assert 0.1 < scores["f1"] < 0.6, "names of train come again in test, but not many"


def test_the_card_and_a_small_task(entities, capsys):
    entities.describe()
    card = capsys.readouterr().out
    assert "no article is in two splits" in card and "PER" in card and "Licence" in card
    few = entities.take(50, seed=1)
    assert len(few.train) == 50 and few.test is entities.test and few.train.ids == entities.take(80, seed=1).train.ids[:50]
    with pytest.raises(TaskError, match=r"take\(0\)"):
        entities.take(0)
    with pytest.raises(TaskError, match="split 'dev'"):
        entities.split("dev")


def write(folder: Path, **lines: str) -> Path:
    good = {"train": '{"id": "1_1", "entities": []}', "validation": '{"id": "8_1", "entities": []}', "test": '{"id": "8_1", "entities": []}'}
    homes = {p.split: p.ids[0] for p in ft.tasks.passages()}
    for name in good:
        line = lines.get(name, json.dumps({"id": homes[name], "entities": []}))
        (folder / f"{name}.jsonl").write_text(line.replace("TRAIN", homes["train"]) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("line,said", [
    ('{"id": "TRAIN", "entities": [[0, 9999, "PER"]]}', "0 <= start < end"),
    ('{"id": "TRAIN", "entities": [[3, 3, "PER"]]}', "0 <= start < end"),
    ('{"id": "TRAIN", "entities": [[1, 2, "PER"]]}', "inside a word"),
    ('{"id": "TRAIN", "entities": [[0, 3, "ANIMAL"]]}', "line 1 of train.jsonl: type 'ANIMAL'"),
    ('{"id": "TRAIN", "entities": [["a", 3, "PER"]]}', "characters"),
    ('{"id": "TRAIN", "entities": [[0, 3]]}', "line 1 of train.jsonl"),
    ('{"id": "999_1", "entities": []}', "sentence '999_1'"),
    ('{"id": "TRAIN"}', "wanted: "),
    ("not json", "line 1 of train.jsonl"),
])
def test_a_wrong_line_is_named(tmp_path, line, said):
    with pytest.raises(TaskError, match=re.escape(said)) as caught:
        load_entities(write(tmp_path, train=line))
    assert "\n" not in str(caught.value)


def test_right_files_load_and_an_article_of_another_split_is_refused(tmp_path):
    assert len(load_entities(write(tmp_path)).test) == 1
    with pytest.raises(TaskError, match="of a train article"):
        load_entities(write(tmp_path, test='{"id": "TRAIN", "entities": []}'))


def test_names_are_known_and_misspelt_ones_suggested():
    assert {"entities", "conll2003"} <= set(ft.list_tasks())
    with pytest.raises(TaskError, match="conll2003"):
        load_task("conll2002")
    with pytest.raises(TaskError, match="entities"):
        load_task("entity")


@pytest.fixture(scope="module")
def conll(tmp_path_factory) -> TaggingTask:
    """CoNLL-2003 as `datasets` reads its parquet files, without a Hub."""
    if not CONLL.exists():
        pytest.skip("the real data is not beside this checkout")
    import datasets

    from ftlab.tasks import conll as module

    files = {name: [str(p) for p in sorted(CONLL.rglob("*.parquet")) if name in str(p)] for name in ("train", "validation", "test")}
    data = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path_factory.mktemp("cache")))
    before, module.fetch = module.fetch, lambda *a, **k: data
    try:
        return load_task("conll2003")
    finally:
        module.fetch = before


def test_conll_has_the_published_sentences_and_names(conll):
    assert {name: len(split) for name, split in conll.splits.items()} == {"train": 14_041, "validation": 3_250, "test": 3_453}
    for name, counts in PUBLISHED.items():
        assert conll.split(name).type_counts() == dict(sorted(counts.items(), key=lambda item: -item[1]))
    assert conll.train[0]["text"].startswith("EU rejects German call") and conll.train[0]["entities"][:2] == [(0, 2, "ORG"), (11, 17, "MISC")]
    assert conll.label_names == load_task("entities").label_names and len(conll.notes) == 1


def test_the_gazetteer_scores_what_the_shared_task_published(conll):
    gazetteer = ft.baselines.Gazetteer(conll.train)
    scores = entity_scores([gazetteer.tag(words) for words in conll.test.words], conll.test.tags)
    assert scores["f1"] == pytest.approx(0.5961, abs=1e-3), "table 5: 71.91 precision, 50.90 recall, 59.61 F1"
    assert scores["precision"] == pytest.approx(0.7191, abs=1e-3) and scores["recall"] == pytest.approx(0.5090, abs=1e-3)


def test_conll_without_a_hub_is_refused_in_one_line(tmp_path):
    code = ("import ftlab as ft, time; t = time.time()\ntry: ft.load_task('conll2003')\n"
            "except ft.errors.AssetError as e: print(e); print(time.time() - t < 15)")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
                          env={**environment, "HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"})
    said, fast = done.stdout.strip().splitlines()
    assert "cannot be reached" in said and "entities" in said and fast == "True" and done.stderr == ""


def test_other_data_of_that_name_is_refused():
    import datasets

    from ftlab.tasks.conll import _split

    with pytest.raises(TaskError, match="no column 'ner_tags'"):
        _split("train", datasets.Dataset.from_dict({"tokens": [["a"]]}))
    with pytest.raises(TaskError, match="tags without names"):
        _split("train", datasets.Dataset.from_dict({"tokens": [["a"]], "ner_tags": [[0]]}))


@pytest.mark.slow
def test_the_commands_train_and_predict(entities, tmp_path, capsys):
    from ftlab.cli.app import main

    out = tmp_path / "tagger"
    assert main(["train", "--task", "entities", "--out", str(out), "--n-train", "96", "--epochs", "2", "--batch-size", "8"]) == 0
    assert "f1" in capsys.readouterr().out
    record = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert record["metric"] == "f1" and set(record["scores"]) == {"validation", "test"} and record["scores"]["test"]["token_accuracy"] > 0.85
    assert main(["predict", str(out), "Ann Lee met Mr. Bush in Washington.", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["text"].startswith("Ann") and isinstance(answer["entities"], list)
    assert main(["predict", str(out), "Ann Lee met Mr. Bush in Washington."]) == 0
    assert capsys.readouterr().out.startswith("Ann Lee met")
    assert main(["predict", str(out), "one", "--pair", "two"]) == 2
    assert "pairs" in capsys.readouterr().err


def test_a_missing_file_is_one_line(tmp_path):
    write(tmp_path)
    (tmp_path / "test.jsonl").unlink()
    with pytest.raises(AssetError, match="no test.jsonl"):
        load_entities(tmp_path)
