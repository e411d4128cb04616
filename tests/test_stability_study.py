"""The study of chapter 11: its design, and one small cell trained for real."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

import ftlab as ft
from ftlab.errors import AssetError, TrainingError
from ftlab.studies import stability


def test_the_design() -> None:
    cells = stability.cells()
    assert sum(map(stability.steps, cells)) <= 13_000
    pairs = Counter((c["head"], c["order"]) for c in cells if c["part"] == "crossed")
    assert len(pairs) == 36 and len({h for h, _ in pairs}) == len({o for _, o in pairs}) == 6
    for n in range(1, 7):  # stopped after n seeds, the crossed design is an n x n square
        assert sum(c["part"] == "crossed" and c["seed"] < n for c in cells) == n * n
    assert all(c["head"] == c["order"] == c["seed"] for c in cells if c["part"] != "crossed")
    groups = Counter(tuple(c[k] for k in ("part", "rate", "correction", "warmup", "epochs", "reinit")) for c in cells)
    assert set(groups.values()) <= {4, 5, 8, 10, 20, 36}
    assert sum(key[0] == "provoked" for key in groups) == 3 * 2 * 2 - 1  # the twelfth condition is the recipe itself


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        task = ft.load_task("ratings/movies")
        train = ft.encode(task.train.take(96, seed=0), ft.load_tokenizer())
    except AssetError as error:
        pytest.skip(str(error))
    task = replace(task, splits={**task.splits, "test": task.test.take(30)})
    monkeypatch.setattr(stability, "_data", lambda name: (task, train, "test"))


@pytest.mark.slow
def test_a_cell_trains_as_its_settings_say(small: None) -> None:
    cell = {**stability.cells()[0], "epochs": 1}
    found = stability.run(cell)
    assert found["steps"] == 3 and found["diverged"] == 0 and len(found["gradients"]) == 9 and min(found["gradients"]) > 0
    right = bin(int(found["right"], 16)).count("1")
    assert right / 30 == pytest.approx(found["accuracy"], abs=1e-4)
    assert stability.run(cell) == found, "the same cell, another result"
    for change in ({"head": 1}, {"order": 1}, {"correction": False, "warmup": 0.0}, {"reinit": 1}):
        assert stability.run({**cell, **change}) != found, f"{change} changes nothing"


def test_a_run_that_diverges_is_a_result(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverges(*args, **kwargs):
        raise TrainingError("loss nan", wanted="a finite loss")

    monkeypatch.setattr(ft, "fit", diverges)
    found = stability.run(stability.cells()[0])
    assert found["diverged"] == 1 and 0.4 < found["accuracy"] < 0.6
    assert set(found) == {"accuracy", "diverged", "steps"}
