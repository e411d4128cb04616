"""Splits and tasks on made-up data: what they hold, what they refuse, and the registry of names."""

import doctest
import subprocess
import sys

import numpy as np
import pytest

from ftlab import metrics, tasks
from ftlab.errors import TaskError
from ftlab.tasks import Split, Task, list_tasks, load_task
from ftlab.tasks import base, card


def task(labels=(0, 1, 1, 1), test=(1, 0, 1), kind="classification", **changed):
    names, scores = (("no", "yes"), ("accuracy", "f1", "matthews"))
    if kind == "regression":
        names, scores = ((), ("pearson", "spearman", "mean_absolute_error"))
    splits = {
        "train": Split("train", [f"train {i}" for i in range(len(labels))], list(labels)),
        "test": Split("test", [f"test {i}" for i in range(len(test))], list(test)),
    }
    values = dict(name="toy", kind=kind, label_names=names, metric=scores[0], metrics=scores, splits=splits)
    return Task(**{**values, **changed})


def one_line(error) -> str:
    text = str(error.value)
    assert "\n" not in text and len(text) < 400, text
    return text


def test_examples_in_the_docstrings():
    assert doctest.testmod(base).failed == 0


def test_a_split_is_columns_and_rows():
    split = Split("train", ["a", "b", "c"], [1, 0, 1], ["x", "y", "z"])
    assert split[1] == {"id": "1", "text": "b", "text_pair": "y", "label": 0}
    assert [row["id"] for row in split] == ["0", "1", "2"] and len(split) == 3
    assert split.label_counts() == {0: 1, 1: 2}
    chosen = split.select([2, 0])
    assert (chosen.texts, chosen.pairs, chosen.labels, chosen.ids) == (["c", "a"], ["z", "x"], [1, 1], ["2", "0"])
    assert Split("test", ["a"], None)[0]["label"] is None


@pytest.mark.parametrize("labels", [[np.int64(1), np.int64(0)], np.array([1, 0]), (np.uint8(1), 0)], ids=["list", "array", "mixed"])
def test_numpy_integers_are_labels_like_pythons(labels):
    split = Split("train", ["good", "bad"], labels)
    assert split.labels == [1, 0] and {type(label) for label in split.labels} == {int} and split.label_counts() == {0: 1, 1: 1}
    made = Task("toy", "classification", ("no", "yes"), "accuracy", ("accuracy",), {"train": split, "test": split})
    assert made.majority_baseline()["accuracy"] == 0.5


@pytest.mark.parametrize("label", [True, np.True_, 1.0, np.float64(1), np.float32(1)], ids=repr)
def test_a_bool_or_a_float_is_no_class(label):
    with pytest.raises(TaskError, match="label .* of example 1"):
        task(labels=(0, label))


def test_take_is_random_nested_and_repeatable():
    split = Split("train", [f"t{i}" for i in range(100)], [i % 2 for i in range(100)])
    assert split.take(20, seed=3).ids == split.take(20, seed=3).ids
    assert split.take(20, seed=3).ids != split.take(20, seed=4).ids
    assert split.take(10, seed=3).ids == split.take(20, seed=3).ids[:10]
    assert sorted(split.take(1000).ids) == sorted(split.ids)
    assert all(split.labels[int(row["id"])] == row["label"] for row in split.take(30))


@pytest.mark.parametrize(("make", "said"), [
    (lambda: Split("train", ["a", "b"], [1]), "1 labels for 2 texts"),
    (lambda: Split("train", ["a", "b"], [1, 0], ["x"]), "1 pairs for 2 texts"),
    (lambda: Split("train", ["a", "b"], [1, 0], None, ["x"]), "1 ids for 2 texts"),
    (lambda: Split("train", ["a", 7], [1, 0]), "7, a int, as text of example 1"),
    (lambda: Split("train", ["a", None], [1, 0]), "None, a NoneType"),
    (lambda: Split("train", ["a", "  "], [1, 0]), "a blank text as text of example 1"),
    (lambda: Split("train", ["a"], [1], [""]), "a blank text as second text of example 0"),
    (lambda: Split("train", ["a", "b"], [1, "0"]), "label '0' of example 1"),
    (lambda: Split("train", ["a"], [True]), "label True"),
    (lambda: Split("train", ["a"], [float("nan")]), "label nan"),
    (lambda: Split("train", ["a", "b"], [0, 1], None, ["x", "x"]), "id 'x' twice"),
    (lambda: Split("train", ["a"], [1]).select([1]), "position 1"),
    (lambda: Split("train", ["a"], [1]).select([-1]), "position -1"),
    (lambda: Split("train", ["a"], [1]).take(0), "take(0)"),
    (lambda: Split("train", ["a"], [1]).take(0.5), "take(0.5)"),
    (lambda: Split("train", ["a"], [0.5]).label_counts(), "float labels"),
    (lambda: task(labels=(0, 2, 1)), "label 2 of example 1 in split 'train'"),
    (lambda: task(labels=(0, -1, 1)), "label -1"),
    (lambda: task(labels=(0, 1.0, 1)), "label 1.0"),
    (lambda: task(labels=(1, 2), kind="regression"), "int labels in regression split 'train'"),
    (lambda: task(kind="ranking"), "kind 'ranking'"),
    (lambda: task(metric="pearson"), "headline metric 'pearson'"),
    (lambda: task(metrics=("pearson",), metric="pearson"), "metric 'pearson' for classification"),
    (lambda: task(metrics=("bleu",), metric="bleu"), "metric 'bleu'"),
    (lambda: task(label_names=("a",)), "label names ('a',)"),
    (lambda: task(label_names=("a", "a")), "label names"),
    (lambda: task(label_names=("a", "b", "c")), "'f1' for 3 classes"),
    (lambda: task(splits={"test": Split("test", ["a"], [0])}), "splits ['test']"),
    (lambda: task(test=()), "split 'test' of task 'toy' is empty"),
    (lambda: task(splits={"train": Split("train", ["a"], None)}), "no labels in the train split"),
    (lambda: task().validation, "split 'validation'"),
    (lambda: task().human_ceiling(), "human_ceiling()"),
    (lambda: task(splits={"train": Split("train", ["a", "b"], [0, 1]), "test": Split("test", ["c"], None)}).majority_baseline(),
     "labels are withheld"),
])
def test_what_is_wrong_is_said_in_one_line(make, said):
    with pytest.raises(TaskError) as error:
        make()
    assert said in one_line(error)


@pytest.mark.parametrize("labels", [(0, 1, 1), (0, 0, 1)])
def test_majority_baseline_is_what_constant_answers_score(labels):
    toy = task(labels=labels, test=(1, 0, 1, 1, 0))
    logits = np.eye(2)[[max(set(labels), key=labels.count)] * 5]
    assert toy.majority_baseline() == pytest.approx(metrics.compute(toy.metrics, logits, toy.test.labels))


def test_majority_baseline_of_values():
    toy = task(labels=(1.0, 2.0, 6.0), test=(0.0, 1.0, 5.0), kind="regression")
    assert toy.majority_baseline() == pytest.approx(metrics.compute(toy.metrics, [3.0] * 3, toy.test.labels))
    assert toy.n_classes == 1 and task().n_classes == 2


def test_the_metrics_are_those_that_can_be_computed():
    assert base.METRIC_KINDS == {name: kind for name, (kind, _) in metrics.METRICS.items()}


def test_the_card_says_it_all(capsys):
    task(notes=("mind this",), source="nowhere", licence="none", description="Is it so?").describe()
    printed = capsys.readouterr().out
    for piece in ("toy · classification", "Is it so?", "no 25.0%, yes 75.0%", "no: train 0", "accuracy 0.667", "mind this", "nowhere"):
        assert piece in printed, piece
    assert "0.00 to 2.00, mean 1.00" in card.card(task(labels=(0.0, 2.0), test=(1.0,), kind="regression"))
    withheld = task(splits={"train": Split("train", ["a", "b"], [0, 1]), "test": Split("test", ["c"], None)})
    assert "withheld" in card.card(withheld)


@pytest.mark.parametrize(("name", "said"), [
    ("ratings/movie", "'ratings/movies'"), ("rating/movies", "'ratings/movies'"), ("glue/sst-2", "'glue/sst2'"),
    ("Ratings/Movies", "'ratings/movies'"), ("sst2", "'glue/sst2'"), ("STS-B", "'glue/stsb'"), ("ratings/movies-pair", "'ratings/movies-pairs'"),
    ("zzz", "ratings/{movies,products,news,tweets}"), ("", "glue/{cola"), (None, "task None"), (3, "task 3"),
    ("ratings/movies-binary", "'ratings/movies"), ("glue/../x", "wanted"),
])
def test_a_task_that_is_not_known(name, said):
    with pytest.raises(TaskError) as error:
        load_task(name)
    assert said in one_line(error)


def test_the_profile_is_checked():
    with pytest.raises(TaskError) as error:
        load_task("ratings/movies", profile="large")
    assert "profile 'large'" in one_line(error)


def test_the_registry():
    names = list_tasks()
    assert len(names) == len(set(names)) == 26 and names[0] == "ratings/movies"
    from ftlab.tasks import glue, ratings

    assert set(tasks.DOMAINS) == set(ratings.DOMAINS) and set(tasks.GLUE) == set(glue.TASKS)


def test_heavy_libraries_wait():
    code = "import ftlab.tasks, sys; print([m for m in ('torch', 'datasets', 'pandas', 'sklearn', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
