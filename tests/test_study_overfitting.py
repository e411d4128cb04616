"""The study of chapter 09: its cells are what the text says, and a stored cell gives the same score when it is run again."""

from __future__ import annotations

import random

import pytest

from ftlab import study
from ftlab.errors import AssetError, InputError
from ftlab.studies import overfitting
from ftlab.tasks import load_task
from ftlab.tasks.ratings import records

TOLERANCE = 0.01  # another processor adds in another order: 13 of 1,282 test sentences may change sides; on the same one it is 0


def test_cells_cover_the_variants_with_the_same_seeds() -> None:
    cells = overfitting.cells()
    for name in overfitting.VARIANTS:
        assert [c["seed"] for c in cells if c.get("variant") == name] == list(range(8)), name
    assert overfitting.settings({"part": "size", "n_train": 64, "layers": 2, "seed": 0}) | {"labels": 0} == {
        "n_train": 64, "epochs": 40, "layers": 2, "labels": 0, "change": None}
    assert sum(map(overfitting.steps, cells)) < 27_000
    assert len(load_task("ratings/movies").train) == overfitting.N_ALL


def test_labels_are_what_they_say() -> None:
    clean, none = overfitting.training_split(256, "mean", 1)
    assert none == 0 and clean.labels == load_task("ratings/movies").train.take(256, 1).labels
    flipped, share = overfitting.training_split(256, "flipped", 1)
    assert flipped.ids == clean.ids and share == pytest.approx(51 / 256) and sum(a != b for a, b in zip(flipped.labels, clean.labels)) == 51
    single, share = overfitting.training_split(256, "one rating", 1)
    ratings = {row.id: row.ratings for row in records("movies")}
    assert single.ids == clean.ids and 0 < share < 0.1
    for name, label in zip(single.ids, single.labels):
        assert any((r > 0) == label for r in ratings[name] if r), "a label nobody gave"
    more, share = overfitting.training_split(4608, "one rating, undecided too", 1)
    assert 0.03 < share < 0.1 and any(abs(sum(ratings[i]) / len(ratings[i])) < 0.5 for i in more.ids)
    assert overfitting.training_split(256, "one rating", 1) == overfitting.training_split(256, "one rating", 1)


def test_a_shallow_model_keeps_the_lowest_layers() -> None:
    import ftlab as ft

    model = ft.build_model(load_task("ratings/movies"))
    lowest = model.bert.encoder.layer[0]
    assert overfitting.shallow(model, 2) is model and len(model.bert.encoder.layer) == 2 and model.bert.encoder.layer[0] is lowest
    with pytest.raises(InputError, match="layers is 3"):
        overfitting.shallow(model, 3)


def test_parts_are_scored_apart() -> None:
    import torch

    logits = [torch.tensor([2.0, 0.0])] * 4
    found = overfitting._Parts(1, 2, 0)(logits, [torch.tensor(y) for y in (0, 0, 1, 1)])
    assert (found["train_accuracy"], found["validation_accuracy"], found["test_accuracy"]) == (1.0, 0.5, 0.0)
    assert found["test_loss"] == pytest.approx(2.1269, abs=1e-3) and found["small_accuracy"] == 0.5
    drawn = overfitting._Parts(256, 1006, 3).parts["small"]
    labels = load_task("ratings/movies").validation.labels
    assert len(set(drawn)) == 64 and min(drawn) >= 256 and 16 <= sum(labels[i - 256] for i in drawn) <= 48, "not all of one class"


def test_near_words_change_a_tenth_of_the_words() -> None:
    split, _ = overfitting.training_split(32, "mean", 0)
    versions = overfitting._changed(split, "near", 3, 0)
    assert len(versions.versions) == 3 and [r["labels"] for r in versions.versions[2].rows] == split.labels
    assert versions.versions[0].rows != versions.versions[1].rows
    assert overfitting._changed(split, "near", 3, 0).rows == versions.rows, "the seed decides"


@pytest.mark.slow
def test_a_stored_cell_gives_the_same_score_again() -> None:
    try:
        stored = study.load_results("overfitting")
    except AssetError:
        pytest.skip("no results yet")
    run = stored.pick(part="size", n_train=64, layers=2, seed=0)[0]
    again = study._one("overfitting", run["cell"])["scores"]
    assert again["accuracy"] == pytest.approx(run["scores"]["accuracy"], abs=TOLERANCE)
    assert again["loss"] == pytest.approx(run["scores"]["loss"], rel=0.05)


def test_chance_does_not_leak_between_calls() -> None:
    random.seed(5)
    before = random.random()
    random.seed(5)
    overfitting.training_split(64, "flipped", 0)
    assert random.random() == before
