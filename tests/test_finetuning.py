"""From a task's name to a model: on the real lite weights, with few rows."""

import json

import pytest
import torch

import ftlab as ft
from ftlab import errors
from ftlab.tasks import Split, Task


@pytest.fixture(scope="module")
def small():
    task = ft.load_task("ratings/movies")
    from dataclasses import replace

    return replace(task, splits={"train": task.train.take(192, seed=0), "validation": task.validation.take(64, seed=0), "test": task.test.take(64, seed=0)})


@pytest.fixture(scope="module")
def tuned(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "movies"
    return ft.fine_tune(small, config=ft.TrainConfig(epochs=2, seed=1), out=out), out


@pytest.mark.slow
def test_it_learns_from_real_sentences(tuned):
    result, _ = tuned
    assert result.scores["test"]["accuracy"] > 0.6, result.scores
    assert set(result.scores) == {"validation", "test"} and result.scores["test"]["n"] == 64


def test_what_it_leaves_on_disk(tuned):
    import transformers

    result, out = tuned
    record = json.loads((out / "metrics.json").read_text())
    assert record["scores"]["test"]["accuracy"] == result.scores["test"]["accuracy"]
    assert record["config"]["seed"] == 1 and record["versions"]["torch"] == torch.__version__
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(out, attn_implementation="eager").eval()
    batch = result.tokenizer(["A quiet marvel.", "A mess."], return_tensors="pt", padding=True)
    result.model.eval()
    with torch.no_grad():
        assert torch.equal(plain(**batch).logits, result.model(**batch))
    assert plain.config.id2label == {0: "negative", 1: "positive"}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_scores(small):
    from dataclasses import replace

    less = replace(small, splits={**small.splits, "train": small.train.take(64, seed=0)})
    first, second, other = (ft.fine_tune(less, config=ft.TrainConfig(batch_size=16, seed=seed)) for seed in (1, 1, 2))
    assert first.scores == second.scores != other.scores


def test_predictions_line_up_with_the_texts_given(tuned):
    result, _ = tuned
    texts = ["short.", "a " * 60 + "end", "An unforgettable, generous film."]
    together, apart = result.predict(texts), [result.predict(t)[0] for t in texts]
    for a, b in zip(together, apart):
        assert a["label"] == b["label"] and a["probability"] == pytest.approx(b["probability"], abs=1e-5)
        assert sum(a["probabilities"].values()) == pytest.approx(1)


def test_logits_come_back_in_the_order_of_the_split(tuned, small):
    result, _ = tuned
    logits = ft.predict_logits(result.model, result.tokenizer, small.test)
    one = ft.predict_logits(result.model, result.tokenizer, [small.test.texts[5]])
    assert torch.allclose(logits[5], one[0], atol=1e-5)
    accuracy = (logits.argmax(1) == torch.tensor(small.test.labels)).float().mean().item()
    assert accuracy == pytest.approx(result.evaluate("test")["accuracy"], abs=0.04)  # float32 here, bf16 there


@pytest.mark.parametrize("bad", [None, 3, ["ok", None], [], [b"bytes"]], ids=str)
def test_texts_that_are_not_text(tuned, bad):
    with pytest.raises((errors.InputError, TypeError)) as caught:
        tuned[0].predict(bad)
    assert "\n" not in str(caught.value)


def test_pairs_must_match(tuned):
    with pytest.raises(errors.InputError, match="1 texts and 2 pairs"):
        tuned[0].predict(["a"], ["b", "c"])


def test_pairs_and_regression_end_to_end():
    pairs = Split("train", [f"number {i}" for i in range(24)], [float(i % 3) for i in range(24)], pairs=[f"size {i % 3}" for i in range(24)])
    splits = {"train": pairs, "validation": Split("validation", pairs.texts, pairs.labels, pairs.pairs)}
    task = Task(name="made", kind="regression", label_names=(), metric="pearson", metrics=("pearson",), splits=splits)
    result = ft.fine_tune(task, config=ft.TrainConfig(epochs=1, batch_size=8))
    assert "test" not in result.scores and -1 <= result.scores["validation"]["pearson"] <= 1
    assert set(result.predict("number 1", "size 1")[0]) == {"value"}


def test_bad_requests_write_nothing(small, tmp_path):
    with pytest.raises(errors.TaskError):
        ft.fine_tune("ratings/film", out=tmp_path / "a")
    with pytest.raises(errors.ModelError):
        ft.fine_tune(small, checkpoint="minilm-l7", out=tmp_path / "b")
    (tmp_path / "file").write_text("x")
    with pytest.raises(errors.InputError, match="is a file"):
        ft.fine_tune(small, out=tmp_path / "file")
    with pytest.raises(errors.TaskError, match="no split"):
        ft.FineTuned(None, None, small, ft.History(), ft.TrainConfig()).evaluate("dev")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_masked_language_model_classifies_nothing(lite_tokenizer):
    import tiny

    with pytest.raises(errors.InputError, match="one row of logits a text"):
        ft.predict(ft.MaskedLanguageModel(tiny.encoder()), _Small(lite_tokenizer), "a b")


class _Small:
    """The tokenizer with ids that a tiny model knows."""

    def __init__(self, tokenizer):
        self.own, self.model_max_length, self.pad_token_id = tokenizer, 40, 0

    def __call__(self, *args, **options):
        table = self.own(*args, **options)
        return {"input_ids": [[i % 60 for i in ids] for ids in table["input_ids"]]}
