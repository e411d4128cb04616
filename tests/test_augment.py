"""Words left out and replaced: how many, which, and never a label; a fresh version each time."""

from __future__ import annotations

import random

import pytest
import torch

from ftlab.augment import Versions, drop_words, near_words, swap_words
from ftlab.batching import Encoded, batches
from ftlab.errors import InputError

TEXT = "a good film, a very good film"


def test_words_are_dropped_at_the_rate_and_one_stays() -> None:
    chance, text = random.Random(0), " ".join(f"w{i}" for i in range(1000))
    kept = drop_words(text, 0.1, chance).split()
    assert 860 <= len(kept) <= 940 and kept == sorted(kept, key=lambda w: int(w[1:])), "in order"
    assert drop_words(TEXT, 0.0, chance) == TEXT
    assert len(drop_words(TEXT, 1.0, chance).split()) == 1
    assert len({drop_words(text, 0.1, chance) for _ in range(5)}) == 5


def test_words_are_swapped_at_the_rate_and_the_rest_stays() -> None:
    near = {"good": ["fine", "great"], "film": ["movie"]}
    assert swap_words(TEXT, 0.0, random.Random(0), near) == TEXT
    swapped = swap_words("A Good film, a very good FILM!", 1.0, random.Random(0), near)
    assert swapped.startswith("A ") and ", a very " in swapped and swapped.endswith("!") and "ood" not in swapped and swapped.count("movie") == 2
    many = swap_words("good " * 1000, 0.1, random.Random(0), near)
    assert 60 <= many.count("fine") + many.count("great") <= 140


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_rate_is_a_share(rate: float) -> None:
    with pytest.raises(InputError, match="rate is"):
        drop_words(TEXT, rate, random.Random(0))
    with pytest.raises(InputError, match="rate is"):
        swap_words(TEXT, rate, random.Random(0), {})


class Table:
    """A tokenizer and an encoder of four words in the plane."""

    def get_vocab(self) -> dict[str, int]:
        return {"[CLS]": 0, "east": 1, "eastish": 2, "north": 3, "west": 4, "##st": 5}

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return torch.nn.Embedding.from_pretrained(torch.tensor([[9.0, 0], [1, 0], [2, 0.1], [0, 3], [-1, 0], [9, 0]]))


def test_neighbours_are_the_nearest_by_angle_and_whole_words() -> None:
    found = near_words(["East, or nowhere"], Table(), Table(), 2)
    assert found == {"east": ["eastish", "north"]}, "not by length, no special token, no piece, no unknown word"
    with pytest.raises(InputError, match="k is 0"):
        near_words(["east"], Table(), Table(), 0)


def test_each_asking_gives_the_next_version() -> None:
    def version(word: int) -> Encoded:
        return Encoded([{"input_ids": [1, word], "token_type_ids": [0, 0], "labels": 1}, {"input_ids": [1], "token_type_ids": [0], "labels": 0}])

    v = Versions([version(7), version(8)])
    assert [v[0]["input_ids"][1] for _ in range(3)] == [7, 8, 7] and v[1]["labels"] == 0
    assert len(v) == 2 and v.lengths() == [2, 1]
    loader = batches(Versions([version(7), version(8)]), 2)
    seen = [set(batch["input_ids"].flatten().tolist()) for _ in range(2) for batch in loader]
    assert seen == [{0, 1, 7}, {0, 1, 8}], "an epoch sees one version"
    with pytest.raises(InputError, match="different lengths"):
        Versions([version(7), Encoded([{"input_ids": [1]}])])


def test_fit_knows_every_word_that_will_come() -> None:
    from ftlab.training import _token_ids

    a, b = (Encoded([{"input_ids": [i], "token_type_ids": [0], "labels": 0}]) for i in (5, 6))
    assert {5, 6} <= _token_ids(batches(Versions([a, b]), 1))
