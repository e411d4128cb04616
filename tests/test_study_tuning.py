"""The study of chapter 10: its second stage follows from its first; its models are what they say; LoRA on the real encoder is peft's."""

import copy

import peft
import pytest
import torch
import torch.nn.functional as F

import ftlab as ft
from ftlab import study
from ftlab.errors import AssetError
from ftlab.studies import tuning

TEXTS = ["A warm, funny film that never drags.", "Dull.", "Not once was I bored, and I wish there had been more of it.", "It is too long by half."]


@pytest.fixture(scope="module")
def start():
    try:
        return tuning.build(2)
    except AssetError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def batch(lite_tokenizer):
    return ft.pad(ft.encode(ft.Split("few", TEXTS, [1, 0, 1, 0]), lite_tokenizer).rows)


def searched(score):
    return [{"cell": cell, "scores": {"validation": score(cell)}} for cell in tuning.cells()]


def test_the_second_stage_takes_each_methods_best_rate():
    assert tuning.then([]) == []
    runs = searched(lambda cell: 0.9 if cell["rate"] == tuning.METHODS[cell["method"]][2] else 0.5)
    found = tuning.then(runs)
    assert all(cell["rate"] == tuning.METHODS[cell["method"]][2] for cell in found)
    longer = [cell for cell in found if cell["stage"] == "longer"]
    assert [(c["method"], c["seed"]) for c in longer] == [(m, s) for m in ("full", "lora 8") for s in (0, 1, 2, 9)]
    assert all(tuning.steps(c) == 500 and c["task"] == tuning.HARD for c in longer)
    found = [cell for cell in found if cell not in longer]
    assert {cell["stage"] for cell in found} == {"seeds"}
    for task, methods in tuning.ON.items():
        for method in methods:
            seeds = [cell["seed"] for cell in found if (cell["task"], cell["method"]) == (task, method)]
            assert seeds == ([0] if method == "frozen" and task.startswith("glue") else list(range(10)))
    assert {tuple(sorted(cell.items())) for cell in found}.isdisjoint(tuple(sorted(cell.items())) for cell in tuning.cells())


def test_equal_rates_take_the_lower_and_an_unfinished_search_waits():
    runs = searched(lambda cell: 0.7)
    assert tuning.best_rate(runs, tuning.EASY, "full") == 3e-5
    lacking = [run for run in runs if (run["cell"]["method"], run["cell"]["rate"], run["cell"]["seed"]) != ("full", 1e-3, 102)]
    assert tuning.best_rate(lacking, tuning.HARD, "full") is None
    assert {cell["method"] for cell in tuning.then(runs)} - {cell["method"] for cell in tuning.then(lacking)} == {"full"}


def test_the_mean_of_the_search_runs_decides():
    lucky = {1e-4: (0.8, 0.8, 0.8), 3e-4: (0.9, 0.6, 0.6)}
    runs = searched(lambda cell: lucky.get(cell["rate"], (0, 0, 0))[cell["seed"] - 100])
    assert tuning.best_rate(runs, tuning.HARD, "full") == 1e-4


def test_glue_is_searched_on_a_tenth_held_out_and_reported_on_validation():
    train, validation = ft.Split("train", [str(i) for i in range(50)], [0, 1] * 25), ft.Split("validation", ["v"], [1])
    withheld = ft.Task("t", "classification", ["no", "yes"], "accuracy", ["accuracy"],
                       {"train": train, "validation": validation, "test": ft.Split("test", ["x"], None)})
    rest, held = tuning._splits(withheld, "search", 100)
    assert len(held) == 5 and not set(held.texts) & set(rest.texts) and set(held.texts) | set(rest.texts) == set(train.texts)
    assert set(tuning._splits(withheld, "search", 101)[1].texts) != set(held.texts)
    assert tuning._splits(withheld, "seeds", 0) == (train, validation)
    open_test = ft.Task("t", "classification", ["no", "yes"], "accuracy", ["accuracy"],
                        {"train": train, "validation": validation, "test": ft.Split("test", ["x"], [0])})
    assert [tuning._splits(open_test, stage, 0)[1].name for stage in ("search", "seeds")] == ["validation", "test"]


def test_every_method_gets_as_many_rates_and_seeds_are_not_those_of_the_search():
    assert {len(rates) for rates in tuning.METHODS.values()} == {4}
    assert all(list(rates) == sorted(rates) for rates in tuning.METHODS.values())
    assert not set(tuning.SEARCH_SEEDS) & set(range(tuning.N_SEEDS))
    steps = {task: {tuning.steps(c) for c in tuning.cells() if c["task"] == task and not c["method"].startswith("frozen")} for task in tuning.ON}
    assert steps == {tuning.EASY: {126}, tuning.HARD: {125}, tuning.RTE: {213}, tuning.COLA: {723}}


def test_numbers_by_hand(start):
    layer, every = 1_774_464, 22_713_216 - 147_840 + 770
    lora = {r: 6 * 2 * 2 * r * 384 + 770 for r in (2, 8, 32)}
    wanted = {"head": 770, "last 1": layer + 770, "last 2": 2 * layer + 770, "last 4": 4 * layer + 770, "biases": 25_728 + 770,
              "lora 2": lora[2], "lora 8": lora[8], "lora 32": lora[32], "full": every, "full, layer decay": every}
    got = {m: ft.count_parameters(tuning.prepare(copy.deepcopy(start), m), trainable=True) for m in wanted}
    assert got == wanted and set(wanted) == {m for m in tuning.METHODS if not m.startswith("frozen")}


def test_head_and_vectors_are_the_models(start, batch):
    vectors = tuning.features(ft.Split("few", TEXTS, None))
    with torch.no_grad():
        assert torch.allclose(start.classifier(vectors), start(**ft.inputs(batch)), atol=1e-5)
    pair = ft.Split("few", TEXTS[:2], None, TEXTS[2:])
    apart = tuning.features(pair, apart=True)
    assert torch.allclose(apart, vectors[:2] - vectors[2:], atol=1e-5) and not torch.allclose(apart, tuning.features(pair), atol=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("method,stage", [("lora 2", "search"), ("frozen", "seeds"), ("frozen, apart", "seeds")])
def test_a_cell_runs(start, method, stage, monkeypatch):
    task = tuning._task(tuning.HARD)
    small = ft.Task(task.name, task.kind, task.label_names, task.metric, task.metrics, {name: s.take(48) for name, s in task.splits.items()})
    monkeypatch.setattr(tuning, "_task", lambda name: small)
    rate = tuning.METHODS[method][1]
    cell = {"stage": stage, "task": tuning.HARD, "method": method, "rate": rate, "seed": 1, "n_train": 32, "epochs": 1}
    scores = tuning.run(cell)
    assert scores["steps"] == (1 if method == "lora 2" else 0) and scores["stored_bytes"] >= 4 * scores["trained"]
    if stage == "search":
        assert 0 <= scores["validation"] <= 1 and "right" not in scores
    else:
        assert len(scores["right"]) == 48 and scores["accuracy"] == pytest.approx(scores["right"].count("1") / 48)
    assert tuning.run(dict(cell)) == scores, "the same cell again"


def stirred(model):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, p in sorted(model.named_parameters()):
            if p.requires_grad:
                p.copy_(0.05 * torch.randn(p.shape, generator=generator))
    return model.eval()


def test_lora_on_the_real_encoder_is_pefts_and_merges(start, batch, tmp_path):
    """Logits and gradients to 1e-5; merged to 1e-5; an adapter goes to peft and comes back."""
    ours = stirred(tuning.prepare(copy.deepcopy(start), "lora 8"))
    folder = ft.save_adapter(ours, tmp_path / "ours")
    theirs = peft.PeftModel.from_pretrained(copy.deepcopy(start), folder, is_trainable=True).eval()
    logits = []
    for model in (ours, theirs):
        logits.append(model(**ft.inputs(batch)))
        F.cross_entropy(logits[-1], batch["labels"]).backward()
    with torch.no_grad():
        assert (logits[0] - start.eval()(**ft.inputs(batch))).abs().max() > 0.01, "it does something"
    assert torch.allclose(*logits, atol=1e-5)
    grads = {n.replace("base_model.model.", "").replace(".default", "").replace(".modules_to_save", ""): p.grad
             for n, p in theirs.named_parameters() if p.requires_grad}
    mine = {n + ".weight" * (".lora_" in n): p.grad for n, p in ours.named_parameters() if p.requires_grad}
    assert mine.keys() == grads.keys() and len(mine) == 26
    assert all(torch.allclose(mine[n], grads[n], atol=1e-5) for n in mine) and all(g.abs().max() > 0 for g in mine.values())
    theirs.save_pretrained(tmp_path / "theirs")
    back = ft.load_adapter(copy.deepcopy(start), tmp_path / "theirs").eval()
    merged = ft.merge_lora(copy.deepcopy(ours))
    with torch.no_grad():
        assert torch.allclose(back(**ft.inputs(batch)), logits[0], atol=1e-5)
        assert torch.allclose(merged(**ft.inputs(batch)), logits[0], atol=1e-5)
    assert set(merged.state_dict()) == set(start.state_dict())


TOLERANCE = 0.01  # another processor adds in another order; runs next to a cliff (see chapter 10) may differ by more


@pytest.mark.slow
@pytest.mark.parametrize("task,method,seed", [(tuning.HARD, "frozen, apart", 0), (tuning.EASY, "head", 1), (tuning.EASY, "last 1", 3)])
def test_a_stored_cell_gives_the_same_score_again(task, method, seed):
    try:
        stored = study.load_results("tuning")
    except AssetError:
        pytest.skip("no results yet")
    rate = tuning.best_rate(stored.runs, task, method)
    run = stored.pick(stage="seeds", task=task, method=method, rate=rate, seed=seed)[0]
    again = study._one("tuning", run["cell"])["scores"]
    assert again["accuracy"] == pytest.approx(run["scores"]["accuracy"], abs=TOLERANCE)
    assert again["trained"] == run["scores"]["trained"]
    same = sum(a == b for a, b in zip(again["right"], run["scores"]["right"]))
    assert same >= 0.98 * len(again["right"]), "the same examples are right, not only as many"
