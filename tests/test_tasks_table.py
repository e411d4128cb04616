"""Own files: what they become, and the one line for each thing that can be wrong with them."""

import json
import warnings

import pytest

from ftlab.errors import TaskError
from ftlab.tasks import load_table


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def reviews(n=40, names=("bad", "good")):
    return "review,stars\n" + "".join(f'"review, number {i}",{names[i % 4 // 3]}\n' for i in range(n))


def test_a_csv_becomes_a_task(tmp_path):
    path = write(tmp_path, "mine.csv", reviews())
    task = load_table(path, text="review", label="stars")
    assert (task.name, task.label_names, task.metric) == ("mine", ("bad", "good"), "accuracy")
    assert {name: split.label_counts() for name, split in task.splits.items()} == {
        "train": {0: 21, 1: 7}, "validation": {0: 3, 1: 1}, "test": {0: 6, 1: 2},
    }
    every = [row for split in task.splits.values() for row in split]
    assert sorted(row["text"] for row in every) == sorted(f"review, number {i}" for i in range(40))
    assert all(row["label"] == int(int(row["text"].split()[-1]) % 4 == 3) for row in every)
    assert task.train.ids[0].startswith("mine.csv:") and task.notes == ()


def test_the_split_follows_the_seed(tmp_path):
    path = write(tmp_path, "mine.csv", reviews())
    first, again, other = (load_table(path, "review", "stars", seed=seed).test.texts for seed in (0, 0, 1))
    assert first == again != other


def test_tsv_jsonl_pairs_values_and_a_byte_order_mark(tmp_path):
    rows = [{"a": f"first {i}", "b": f"second {i}", "score": i / 10} for i in range(20)]
    lines = write(tmp_path, "p.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n")
    tabs = write(tmp_path, "p.tsv", b"\xef\xbb\xbf" + ("a\tb\tscore\n" + "".join(f"{r['a']}\t{r['b']}\t{r['score']}\n" for r in rows)).encode())
    tasks = [load_table(path, "a", "score", "b", kind="regression") for path in (lines, tabs)]
    for task in tasks:
        assert (task.kind, task.metric, len(task.train)) == ("regression", "pearson", 14)
        assert all(float(row["text_pair"].split()[1]) / 10 == pytest.approx(row["label"]) for row in task.test)
    assert tasks[0].test.texts == tasks[1].test.texts


def test_labels_in_many_forms(tmp_path):
    numbers = write(tmp_path, "n.csv", "t,y\n" + "".join(f"text {i},{(2, 10, 1)[i % 3]}\n" for i in range(30)))
    assert load_table(numbers, "t", "y").label_names == ("1", "2", "10")
    given = write(tmp_path, "g.csv", "t,y\n" + "".join(f"text {i},{i % 2}\n" for i in range(30)))
    assert load_table(given, "t", "y", label_names=("no", "yes")).label_names == ("no", "yes")
    truth = write(tmp_path, "b.jsonl", "\n".join(json.dumps({"t": f"text {i}", "y": i % 2 == 0}) for i in range(30)))
    assert load_table(truth, "t", "y").label_names == ("false", "true")
    named = write(tmp_path, "o.csv", reviews())
    assert load_table(named, "review", "stars", label_names=("good", "bad")).train.label_counts() == {0: 7, 1: 21}


def test_own_split_files_and_copies_between_them(tmp_path):
    train = write(tmp_path, "train.csv", "t,y\none,a\ntwo,b\nthree,a\nfour,b\none,a\none,b\n")
    test = write(tmp_path, "test.csv", "t,y\nthree,a\nsix,b\n")
    with pytest.warns(UserWarning, match="copies") as warned:
        task = load_table({"train": train, "test": test}, "t", "y")
    assert task.train.texts == ["one", "two", "four"] and task.test.texts == ["three", "six"]
    assert len(warned) == 2 and task.notes == tuple(str(w.message) for w in warned)
    assert any("1 copies of a row in a later split left out of train" in note for note in task.notes)
    assert any(note.startswith("2 copies of an earlier row") and "1 of them with another label" in note for note in task.notes)
    assert list(task.splits) == ["train", "test"]


def test_no_copy_survives_in_one_file(tmp_path):
    path = write(tmp_path, "c.csv", "t,y\n" + "".join(f"text {i % 30},{i % 2}\n" for i in range(60)))
    with pytest.warns(UserWarning, match="30 copies of an earlier row left out"):
        task = load_table(path, "t", "y")
    texts = [text for split in task.splits.values() for text in split.texts]
    assert len(texts) == len(set(texts)) == 30


@pytest.mark.parametrize(("name", "content", "said"), [
    ("x.csv", "review,label\na,1\n", "no column 'stars' in x.csv · wanted: one of 'review', 'label'"),
    ("x.csv", "", "x.csv has no rows"),
    ("x.csv", "review,stars\n", "x.csv has no rows"),
    ("x.jsonl", "\n\n", "x.jsonl has no rows"),
    ("x.txt", "review,stars\n", "file 'x.txt'"),
    ("x.csv", "review,stars\ncaf\xe9,1\n".encode("latin-1"), "not UTF-8"),
    ("x.csv", "review,stars\na,1\n,0\n", "an empty cell in column 'review' at x.csv:3"),
    ("x.csv", "review,stars\na,1\nb\n", "no label in column 'stars' at x.csv:3"),
    ("x.csv", "review,stars\na,1\nb,0,oops\n", "1 cells too many at x.csv:3"),
    ("x.csv", "review,stars\n" + "".join(f"{i},text {i}\n" for i in range(9)), "only numbers in column 'review'"),
    ("x.csv", "review,stars\n" + "".join(f"text {i},1\n" for i in range(9)), "a single class in column 'stars': '1'"),
    ("x.csv", "review,stars\n" + "".join(f"text {i},{int(i > 7)}\n" for i in range(10)), "2 examples of class '1'"),
    ("x.csv", "review,stars\n" + "".join(f"text {i},{i / 7}\n" for i in range(60)), "different numbers as labels"),
    ("x.jsonl", '{"review": 7, "stars": 1}', "7 in column 'review' at x.jsonl:1"),
    ("x.jsonl", '{"review": "a", "stars": 1}\n{"review": null, "stars": 1}', "an empty cell in column 'review' at x.jsonl:2"),
    ("x.jsonl", '{"review": "a", "stars": 1}\n{"review": ["b"], "stars": 1}', "['b'] in column 'review'"),
    ("x.jsonl", '{"review": "a"\n', "x.jsonl:1 is not JSON"),
    ("x.jsonl", "[1, 2]\n", "a list at x.jsonl:1"),
    ("x.csv", 'review,stars\n"never closed,1\n', "x.csv: unexpected end of data"),
])
def test_what_is_wrong_with_a_file_is_said_in_one_line(tmp_path, name, content, said):
    path = write(tmp_path, name, content)
    with pytest.raises(TaskError) as error:
        load_table(path, text="review", label="stars")
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("arguments", "said"), [
    ({"label_names": ("bad", "fine")}, "label 'good' at mine.csv:5"),
    ({"label_names": ("good",)}, "label 'bad'"),
    ({"kind": "regression"}, "label 'bad' at mine.csv:2"),
    ({"kind": "ranking"}, "kind 'ranking'"),
    ({"shares": (0.0, 0.2)}, "shares (0.0, 0.2)"),
    ({"shares": (0.5, 0.5)}, "shares (0.5, 0.5)"),
    ({"text_pair": "other"}, "no column 'other'"),
])
def test_what_is_wrong_with_the_arguments(tmp_path, arguments, said):
    path = write(tmp_path, "mine.csv", reviews())
    with pytest.raises(TaskError) as error, warnings.catch_warnings():
        warnings.simplefilter("error")
        load_table(path, text="review", label="stars", **arguments)
    assert said in str(error.value)


def test_labels_out_of_range_and_files_that_are_not_there(tmp_path):
    path = write(tmp_path, "r.csv", "t,y\n" + "".join(f"text {i},{i % 3}\n" for i in range(30)))
    with pytest.raises(TaskError, match="label '2' at r.csv:4"):
        load_table(path, "t", "y", label_names=("no", "yes"))
    with pytest.raises(TaskError, match="no file"):
        load_table(tmp_path / "none.csv", "t", "y")
    with pytest.raises(TaskError, match="no file"):
        load_table({"train": path, "test": tmp_path / "none.csv"}, "t", "y")
    with pytest.raises(TaskError, match="one for 'train'"):
        load_table({"test": path}, "t", "y")
