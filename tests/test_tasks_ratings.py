"""The ratings tasks against the raw files read another way (pandas), and the published splits against their checksums."""

import ast
import collections
import doctest
import hashlib
import html
import itertools
import json
import random
import re
import time

import numpy as np
import pandas as pd
import pytest

from ftlab import assets
from ftlab.errors import TaskError
from ftlab.tasks import human, load_task, passages, ratings
from ftlab.tasks.pairs import MARGIN, ROUNDS, make_pairs

SPLITS = ("train", "validation", "test")
ROWS = {"movies": 10_605, "products": 3_708, "news": 5_190, "tweets": 4_200}
#: examples of train, validation, test; change them only together with data/README.md
BINARY = {"movies": (7782, 1006, 1282), "products": (1822, 399, 756), "news": (1692, 472, 766), "tweets": (1968, 477, 788)}
VALUES = {"movies": (8203, 1059, 1341), "products": (2242, 495, 960), "news": (2956, 827, 1335), "tweets": (2440, 591, 970)}
PAIRS = {"movies": (8080, 1029, 1332), "products": (2275, 519, 974), "news": (1924, 555, 859), "tweets": (2277, 550, 905)}
#: SHA-256 of ids and labels of the binary task, split by split: the published examples
BINARY_SHA = {
    "movies": "2696b70fc8201c6889a311ec1e4cb12856135d73c5955c20572efba7950ed292",
    "products": "3fe50e6307dd963e6ddefa6f7609c7ea0ab1cd43c506e457c4bf398ba22c14ba",
    "news": "5b138ef7c448c0b2b793b578d11e1bf4861a677d6be9703b04e83b40089a8e1d",
    "tweets": "c7a6c14091a8748d32c09eafdd2840536abdda4701b929823ae28360a4b11d65",
}
PAIRS_SHA = {
    "movies": "e1824f792fee842c8df92d79c4209241cb789d6c4460071d491a51bb938a23d7",
    "products": "02c301ecdd5b49f81ea5fb437f24a636ed14ddf92856bde9adac59da07657a25",
    "news": "8427d3842d74f456a0172ea45cf9c3844ba67a83dd5b30fea4bc84f2eb0c9323",
    "tweets": "bfcf72162fe1c0823c0f1445b226530baf2ec14cfbe7441aeb629cf622919b8c",
}


@pytest.fixture(scope="module")
def raw() -> dict[str, pd.DataFrame]:
    """The eight files by pandas: id, text, published mean, list of ratings."""
    found = {}
    for domain, (stem, *_) in ratings.DOMAINS.items():
        folder = assets.path("ratings")
        options = dict(sep="\t", header=None, quoting=3, dtype=str, encoding="utf-8-sig", keep_default_na=False)
        texts = pd.read_csv(folder / f"{stem}_GroundTruth.txt", names=["id", "mean", "text"], **options)
        lists = pd.read_csv(folder / f"{stem}_anonDataRatings.txt", names=["id", "mean_again", "sd", "ratings"], **options)
        both = texts.merge(lists, on="id", validate="one_to_one")
        both["ratings"] = both["ratings"].map(ast.literal_eval)
        both["mean"] = both["mean"].astype(float)
        both["own_mean"] = both["ratings"].map(np.mean)
        both["text"] = both["text"].map(html.unescape).map(html.unescape).str.split().str.join(" ")
        found[domain] = both
    return found


def sha(lines) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@pytest.mark.parametrize("domain", ROWS)
def test_records_are_the_raw_files(raw, domain):
    rows, frame = ratings.records(domain), raw[domain]
    assert len(rows) == ROWS[domain] == len(frame)
    assert [(r.id, r.text, list(r.ratings), r.published_mean) for r in rows] == list(
        frame[["id", "text", "ratings", "mean"]].itertuples(index=False, name=None))
    assert np.allclose([r.mean for r in rows], frame["own_mean"])
    assert not any("&amp;" in r.text or "\u00c3" in r.text or "\ufffd" in r.text or "  " in r.text or not r.text for r in rows)


@pytest.mark.parametrize("domain", ROWS)
def test_binary_counts_recomputed(raw, domain):
    frame = raw[domain]
    frame = frame[(frame["mean"] - frame["own_mean"]).abs() < 1e-3].drop_duplicates("text")
    frame = frame[frame["own_mean"].abs() >= 0.5]
    task = load_task(f"ratings/{domain}")
    labels = dict(itertools.chain.from_iterable(zip(s.ids, s.labels, strict=True) for s in task.splits.values()))
    assert labels == dict(zip(frame["id"], (frame["own_mean"] > 0).astype(int), strict=True))
    assert tuple(len(task.splits[s]) for s in SPLITS) == BINARY[domain]
    test = frame[frame["id"].isin(task.test.ids)]
    train = frame[frame["id"].isin(task.train.ids)]
    majority = int((train["own_mean"] > 0).mean() > 0.5)
    assert task.majority_baseline()["accuracy"] == pytest.approx(((test["own_mean"] > 0).astype(int) == majority).mean())


@pytest.mark.parametrize("domain", ROWS)
def test_the_published_splits_have_not_moved(domain):
    rule = json.loads(ratings.RULE.read_text())
    where = ratings.split_of(domain)
    for name in SPLITS:
        assert sha(sorted(i for i, s in where.items() if s == name)) == rule["sha256"][domain][name]
    task, pairs, values = (load_task(f"ratings/{domain}{form}") for form in ("", "-pairs", "-regression"))
    for made, published in ((task, BINARY_SHA), (pairs, PAIRS_SHA)):
        lines = [f"{s} {i} {y}" for s in SPLITS for i, y in zip(made.splits[s].ids, made.splits[s].labels, strict=True)]
        assert sha(lines) == published[domain], "the published examples changed"
    assert tuple(len(values.splits[s]) for s in SPLITS) == VALUES[domain]
    assert tuple(len(pairs.splits[s]) for s in SPLITS) == PAIRS[domain]
    for name in SPLITS:  # the three forms agree on who is where
        assert set(task.splits[name].ids) <= set(values.splits[name].ids)
        assert {i for both in pairs.splits[name].ids for i in both.split("+")} <= set(values.splits[name].ids)
    assert all(-4 <= y <= 4 for s in values.splits.values() for y in s.labels)


@pytest.mark.parametrize("domain", ROWS)
def test_nothing_leaks_between_splits(raw, domain):
    """No shared article, review or text, and no pair of texts that share four words in five; found by another algorithm."""
    where, frame = ratings.split_of(domain), raw[domain]
    frame = frame.assign(split=frame["id"].map(where), unit=frame["id"].str.split("_").str[0])
    assert (frame.groupby("unit")["split"].nunique() == 1).all()
    letters = frame["text"].str.lower().str.replace(r"[\W_]", "", regex=True)
    assert (frame.groupby(letters)["split"].nunique() == 1).all()
    words = [frozenset(re.findall(r"[^\W_]+", text.lower().replace("'", ""))) for text in frame["text"]]
    common = collections.Counter(itertools.chain.from_iterable(words))
    by_word = collections.defaultdict(list)  # near-copies of 4 in 5 words share one of the rarest fifth (and one more)
    for i, own in enumerate(words):
        for word in sorted(own, key=lambda w: (common[w], w))[: len(own) // 5 + 1]:
            by_word[word].append(i)
    splits = frame["split"].tolist()
    for group in by_word.values():
        for i, j in itertools.combinations(group, 2):
            if splits[i] != splits[j]:
                assert 5 * len(words[i] & words[j]) < 4 * len(words[i] | words[j]), (frame["text"][i], frame["text"][j])


@pytest.mark.parametrize("domain", ROWS)
def test_pairs_keep_their_promises(raw, domain):
    task, mean = load_task(f"ratings/{domain}-pairs"), dict(zip(raw[domain]["id"], raw[domain]["own_mean"], strict=True))
    text = dict(zip(raw[domain]["id"], raw[domain]["text"], strict=True))
    used = collections.Counter()
    for name, split in task.splits.items():
        counts = split.label_counts()
        assert abs(counts[0] - counts[1]) <= 1
        seen = set()
        for row in split:
            a, b = row["id"].split("+")
            assert (row["text"], row["text_pair"]) == (text[a], text[b])
            assert abs(mean[a] - mean[b]) >= MARGIN - 1e-12 and row["label"] == int(mean[b] > mean[a])
            assert task.label_names[row["label"]] == ("first" if mean[a] > mean[b] else "second")
            assert frozenset((a, b)) not in seen
            seen.add(frozenset((a, b)))
            used.update((a, b))
    assert max(used.values()) <= ROUNDS


def test_pairs_of_almost_nothing():
    rows = [ratings.Rated(str(i), f"t{i}", (m, m), float(m)) for i, m in enumerate((0, 0, 3))]
    assert make_pairs(rows[:2], "k") == [] and make_pairs([], "k") == []
    assert {frozenset((a.id, b.id)) for a, b, _ in make_pairs(rows, "k")} <= {frozenset("02"), frozenset("12")}


def ceiling_by_hand(lists):
    """Loops and plain means: zeros half, and zeros left out."""
    half, decided = [], []
    for own in lists:
        right = []
        for j, r in enumerate(own):
            others = np.mean(own[:j] + own[j + 1:])
            right.append(0.5 if r == 0 or others == 0 else float((r > 0) == (others > 0)))
        half.append(np.mean(right))
        kept = [x for x, r in zip(right, own, strict=True) if r != 0]
        decided += [np.mean(kept)] if kept else []
    return np.mean(half), np.mean(decided)


def test_human_ceiling_of_signs_recomputed(raw):
    task = load_task("ratings/news")
    got = task.human_ceiling()
    lists = raw["news"].set_index("id").loc[task.test.ids, "ratings"].tolist()
    assert (got["accuracy"], got["accuracy_decided"]) == pytest.approx(ceiling_by_hand(lists))
    assert got["zeros"] == pytest.approx(np.mean([r == 0 for own in lists for r in own]))
    assert got["low"] < got["accuracy"] < got["high"] and got["sentences"] == len(task.test)
    assert 0.005 < got["high"] - got["low"] < 0.03


def test_human_ceiling_of_values_recomputed(raw):
    task = load_task("ratings/products-regression")
    got = task.human_ceiling("validation")
    lists = raw["products"].set_index("id").loc[task.validation.ids, "ratings"].tolist()  # 20 ratings each: equal weights
    one = [r for own in lists for r in own]
    others = [(sum(own) - r) / (len(own) - 1) for own in lists for r in own]
    assert got["pearson"] == pytest.approx(np.corrcoef(one, others)[0, 1])
    assert got["mean_absolute_error"] == pytest.approx(np.abs(np.subtract(one, others)).mean())
    assert got["low"] < got["pearson"] < got["high"]


def test_human_ceiling_of_pairs_recomputed():
    rng = random.Random(0)
    pairs = [([rng.randint(-4, 4) for _ in range(5)], [rng.randint(-4, 4) for _ in range(7)]) for _ in range(20)]
    right = []
    for a, b in pairs:
        cells = []
        for i, j in itertools.product(range(len(a)), range(len(b))):
            rest = np.mean(a[:i] + a[i + 1:]) - np.mean(b[:j] + b[j + 1:])
            said = a[i] - b[j]
            cells.append(0.5 if said == 0 or abs(rest) < 1e-12 else float((said > 0) == (rest > 0)))
        right.append(np.mean(cells))
    assert human.pair_ceiling(pairs)["accuracy"] == pytest.approx(np.mean(right))
    assert load_task("ratings/products-pairs").human_ceiling("validation")["accuracy"] > 0.9


def test_human_ceiling_on_random_lists():
    rng = random.Random(1)
    lists = [[rng.choice((-2, -1, 0, 1, 2)) for _ in range(rng.randint(2, 9))] for _ in range(60)]
    got = human.sign_ceiling(lists)
    assert (got["accuracy"], got["accuracy_decided"]) == pytest.approx(ceiling_by_hand(lists))
    assert human.sign_ceiling(lists) == got
    with pytest.raises(TaskError, match="two or more"):
        human.sign_ceiling([[1], [1, 2]])
    with pytest.raises(TaskError, match="two or more"):
        human.value_ceiling([[1, 2]])


def test_examples_in_the_docstrings():
    assert doctest.testmod(human).failed == 0


def test_passages_are_whole_and_in_order(raw):
    found = passages()
    frame = raw["news"].assign(article=raw["news"]["id"].str.split("_").str[0].astype(int))
    assert [p.article for p in found] == sorted(frame["article"].unique()) and len(found) == 498
    for passage in found:
        own = frame[frame["article"] == passage.article]
        order = own["id"].str.split("_").str[1].astype(int)
        expected = own.loc[order.sort_values().index].drop_duplicates("text")
        assert list(passage.sentences) == expected["text"].tolist() and list(passage.ids) == expected["id"].tolist()
        assert {ratings.split_of("news")[i] for i in own["id"]} == {passage.split}
    last = found[0].ids[-1]
    assert found[0].text[found[0].start_of(last):] == found[0].sentences[-1]
    assert sum(len(passages(s)) for s in SPLITS) == 498
    with pytest.raises(TaskError):
        passages("dev")
    with pytest.raises(TaskError):
        found[0].start_of("2_1")


def test_what_a_damaged_file_says(tmp_path):
    source = assets.path("ratings")
    good = {name: (source / f"tweets_{name}.txt").read_bytes() for name in ("GroundTruth", "anonDataRatings")}

    def said(**changed) -> str:
        folder = tmp_path / str(random.random())
        folder.mkdir()
        for name, content in {**good, **changed}.items():
            (folder / f"tweets_{name}.txt").write_bytes(content)
        with pytest.raises(TaskError) as error:
            ratings.records("tweets", folder)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "4199 texts" in said(GroundTruth=good["GroundTruth"].rstrip().rsplit(b"\n", 1)[0])
    assert "without ratings" in said(anonDataRatings=good["anonDataRatings"].rstrip().rsplit(b"\n", 1)[0])
    assert "2 columns in line 1" in said(GroundTruth=good["GroundTruth"].replace(b"\t", b" ", 1))
    assert "ints from -4 to 4" in said(anonDataRatings=good["anonDataRatings"].replace(b"[2, ", b"[9, ", 1))
    with pytest.raises(TaskError, match="domain 'films'"):
        ratings.records("films")
    with pytest.raises(TaskError, match="form 'ternary'"):
        ratings.load_ratings("movies", "ternary")


def test_loading_is_quick_and_each_task_is_ones_own():
    ratings.records.cache_clear()
    started = time.perf_counter()
    task = load_task("ratings/movies")
    assert time.perf_counter() - started < 3  # 0.25 s on a free core
    task.train.labels[0] = 1 - task.train.labels[0]
    assert load_task("ratings/movies").train.labels[0] != task.train.labels[0]
