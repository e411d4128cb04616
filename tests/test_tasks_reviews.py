"""The writer's reviews are what was asked for, and none of them is the judge's."""

import pytest

from ftlab.errors import TaskError
from ftlab.tasks.ratings import split_of, usable
from ftlab.tasks.reviews import PROMPTS, STRONG, WORDS, judge_task, review_pairs

MOST = 10_000


@pytest.fixture(scope="module")
def every():
    with pytest.raises(TaskError, match="an even number, 2 to") as caught:
        review_pairs(MOST)
    return review_pairs(int(str(caught.value).split("2 to ")[1].split()[0]))


def test_what_is_asked_is_what_is_there(every):
    rated = {r.id: r for r in usable("movies")["train"]}
    for pair in every:
        row = rated[pair.id]
        assert row.text == pair.target and abs(row.mean) >= STRONG and WORDS[0] <= len(row.text.split()) <= WORDS[1]
        assert pair.source == PROMPTS["positive" if row.mean > 0 else "negative"]
    assert len({p.target for p in every}) == len(every) > 1000
    assert [p.source for p in every[:4]] == [PROMPTS["negative"], PROMPTS["positive"]] * 2


def test_writer_and_judge_share_no_sentence(every):
    judge = judge_task()
    theirs, texts = set(judge.train.ids), set(judge.train.texts)
    assert not theirs & {p.id for p in every} and not texts & {p.target for p in every}
    assert len(judge.train) > 3500 and {split_of("movies")[id] for id in theirs | {p.id for p in every}} == {"train"}
    assert 0.4 < sum(judge.train.labels) / len(judge.train) < 0.6 and judge.test.ids == judge_task(50).test.ids


def test_draws_are_nested():
    assert review_pairs(20)[:10] == review_pairs(10) and review_pairs(20) != review_pairs(20, seed=1)
    assert len(judge_task(70).train) == 70


@pytest.mark.parametrize("n", [0, 1, 7, -2, True, 2.0])
def test_an_impossible_number(n):
    with pytest.raises(TaskError, match="an even number"):
        review_pairs(n)
