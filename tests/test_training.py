"""The loop: against plain torch step by step, against the library's Trainer, resumed, accumulated, stopped, and broken on purpose."""

import copy

import pytest
import torch
from torch import nn

from ftlab import errors, losses, models
from ftlab.batching import Encoded, batches, inputs, pad
from ftlab.config import TrainConfig
from ftlab.history import History
from ftlab.training import default_loss, evaluate, fit

import tiny

FAST = TrainConfig(learning_rate=5e-3, epochs=3, batch_size=8, precision="fp32", weight_decay=0.0, epsilon=1e-4)

# epsilon: a bias that cancels in the softmax (the keys') has a gradient of rounding noise, which Adam would blow up to full steps



@pytest.fixture(autouse=True)
def one_thread():
    """Matrices of 16 by 16 are faster on one core than on two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def new_model(seed: int = 0, n: int = 2) -> nn.Module:
    torch.manual_seed(seed)
    return models.SequenceClassifier(tiny.encoder(seed=seed), n, dropout=0.0)


def same(a: nn.Module, b: nn.Module, atol: float = 0.0) -> bool:
    return all(torch.allclose(x, y, atol=atol, rtol=0) for x, y in zip(a.state_dict().values(), b.state_dict().values()))


def test_it_learns_a_rule_and_says_so():
    model = new_model()
    history = fit(model, tiny.loader(200), tiny.loader(60, shuffle=False), FAST.but(epochs=6), metrics=("accuracy",))
    assert history.best["accuracy"] > 0.95 and history.steps[0]["loss"] > 0.6
    assert [s["step"] for s in history.steps] == list(range(1, 151))
    assert history.tokens == 6 * sum(len(r["input_ids"]) for r in tiny.rows(200))
    assert not history.notes or "kept the weights" in history.notes[0]


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_equals_a_loop_written_out_in_plain_torch(kind):
    config = FAST.but(epochs=2, clip_norm=0.5, weight_decay=0.1)
    loader = tiny.loader(40, kind)
    model = new_model(n=2 if kind == "classification" else 1)
    twin = copy.deepcopy(model).train()
    history = fit(model, loader, config=config)
    decay = [p for p in twin.parameters() if p.ndim >= 2]
    plain = [p for p in twin.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}], lr=5e-3, eps=1e-4)
    total, step, seen = 2 * len(loader), 0, []
    for epoch in range(2):
        loader.batch_sampler.set_epoch(epoch)
        for batch in loader:
            for group in optimizer.param_groups:
                group["lr"] = 5e-3 * (step / 1 if step < 1 else (total - step) / (total - 1))
            logits = twin(**inputs(batch))
            if kind == "classification":
                loss = nn.functional.cross_entropy(logits, batch["labels"])
            else:
                loss = nn.functional.mse_loss(logits[:, 0], batch["labels"])
            loss.backward()
            nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
            optimizer.step()
            optimizer.zero_grad()
            seen.append(loss.item())
            step += 1
    assert [s["loss"] for s in history.steps] == pytest.approx(seen, abs=1e-5)
    # rows of the vocabulary that never occur are not trained at all by fit (no gradient, and so no decay either)
    used = sorted({i for r in tiny.rows(40) for i in r["input_ids"]} | {0})
    model.bert.embeddings.word_embeddings.weight.data = model.bert.embeddings.word_embeddings.weight.data[used]
    twin.bert.embeddings.word_embeddings.weight.data = twin.bert.embeddings.word_embeddings.weight.data[used]
    assert same(model, twin, atol=2e-5)


def test_equals_the_librarys_trainer(tmp_path):
    """Same rows in the same order, float32: the losses agree step by step."""
    import transformers

    config = FAST.but(epochs=1, warmup_ratio=0.0, clip_norm=1.0, compact=False)
    model = new_model()
    theirs = transformers.BertForSequenceClassification._from_config(
        transformers.BertConfig(**tiny.SHAPE, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, num_labels=2)
    )
    theirs.load_state_dict(model.state_dict())
    data = Encoded(tiny.rows(40))
    history = fit(model, batches(data, 8, shuffle=False, bucket=False), config=config)

    class InOrder(transformers.Trainer):
        def get_train_dataloader(self):
            return batches(data, 8, shuffle=False, bucket=False)

    seen = []

    class Keep(transformers.TrainerCallback):
        def on_log(self, args, state, control, logs=None, **kwargs):
            if "loss" in logs:
                seen.append(logs["loss"])

    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), num_train_epochs=1, per_device_train_batch_size=8, learning_rate=5e-3, weight_decay=0.0, logging_steps=1,
        report_to=[], save_strategy="no", disable_tqdm=True, use_cpu=True, seed=0, adam_epsilon=1e-4,
    )
    trainer = InOrder(model=theirs, args=arguments, train_dataset=data.rows, callbacks=[Keep()])
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    assert len(seen) == len(history.steps)
    assert [s["loss"] for s in history.steps] == pytest.approx(seen, abs=2e-4)  # the Trainer logs four digits


@pytest.mark.parametrize("micro", [1, 3, 8])
def test_accumulation_gives_the_same_weights(micro):
    whole, pieces = new_model(), new_model()
    fit(whole, tiny.loader(37), config=FAST)
    fit(pieces, tiny.loader(37), config=FAST.but(micro_batch_size=micro))
    assert same(whole, pieces, atol=1e-4)


def test_accumulation_weighs_by_labels_not_by_micro_batches():
    """Token labels: micro-batches hold different numbers of labels, so a mean of means would be wrong."""
    a = models.TokenClassifier(tiny.encoder(), 2, dropout=0.0)
    b = copy.deepcopy(a)
    loader = tiny.loader(16, "tokens", bucket=False)
    config = FAST.but(epochs=1)
    one = fit(a, loader, config=config)
    two = fit(b, loader, config=config.but(micro_batch_size=1))
    assert [s["loss"] for s in one.steps] == pytest.approx([s["loss"] for s in two.steps], abs=1e-5)


def test_a_micro_batch_that_asks_nothing_is_passed_over():
    rows = tiny.rows(8, "tokens")
    for row in rows[2:4]:
        row["labels"] = [-100] * len(row["labels"])
    loader = batches(Encoded(rows), 8, shuffle=False, bucket=False)
    torch.manual_seed(0)
    whole = models.TokenClassifier(tiny.encoder(), 2, dropout=0.0)
    pieces = copy.deepcopy(whole)
    config = FAST.but(epochs=1)
    a, b = fit(whole, loader, config=config), fit(pieces, loader, config=config.but(micro_batch_size=2))
    assert a.steps[0]["loss"] == pytest.approx(b.steps[0]["loss"], abs=1e-6) and same(whole, pieces, 1e-5)


def test_resume_is_exact(tmp_path):
    config = FAST.but(epochs=4, dropout=0.0)

    def model():
        torch.manual_seed(5)
        return models.SequenceClassifier(tiny.encoder(dropout=0.3, seed=5), 2, dropout=0.3)

    straight, broken = model(), model()
    first = fit(straight, tiny.loader(40), tiny.loader(20, shuffle=False), config, metrics=("accuracy",))

    class Stop(Exception):
        pass

    calls = []

    def failing(logits, labels):
        calls.append(1)
        if len(calls) == 14 + 2 * 3:  # in the third epoch, after two evaluations of 3 batches
            raise Stop
        return default_loss()(logits, labels)

    with pytest.raises(Stop):
        fit(broken, tiny.loader(40), tiny.loader(20, shuffle=False), config, metrics=("accuracy",), out=tmp_path, loss_fn=failing)
    again = model()
    second = fit(again, tiny.loader(40), tiny.loader(20, shuffle=False), config, metrics=("accuracy",), out=tmp_path, resume=True)
    assert [s["loss"] for s in second.steps] == [s["loss"] for s in first.steps]
    assert same(straight, again)
    assert any("went on from step 10" in note for note in second.notes)
    with pytest.raises(errors.InputError, match="learning_rate"):
        fit(model(), tiny.loader(40), None, config.but(learning_rate=1e-3), out=tmp_path, resume=True)
    (tmp_path / "snapshot.pt").write_bytes(b"junk")
    with pytest.raises(errors.TrainingError, match="cannot be read"):
        fit(model(), tiny.loader(40), None, config, out=tmp_path, resume=True)


def test_resume_without_a_folder():
    with pytest.raises(errors.InputError, match="out"):
        fit(new_model(), tiny.loader(), config=FAST, resume=True)


def test_same_seed_same_weights_other_seed_other_weights():
    a, b, c = new_model(), new_model(), new_model()
    fit(a, tiny.loader(seed=1), config=FAST)
    fit(b, tiny.loader(seed=1), config=FAST)
    fit(c, tiny.loader(seed=2), config=FAST)
    assert same(a, b) and not same(a, c)


def test_the_best_weights_are_kept():
    model = new_model()
    validation = tiny.loader(60, shuffle=False)
    history = fit(model, tiny.loader(100), validation, FAST.but(epochs=4, learning_rate=0.05, schedule="constant"), metrics=("accuracy",))
    assert evaluate(model, validation, ("accuracy",))["accuracy"] == history.best["accuracy"]
    assert history.best["accuracy"] == max(e["accuracy"] for e in history.evaluations)


@pytest.mark.parametrize("headline, wanted", [("loss", 1), ("validation loss", 1), ("accuracy", 2)])
def test_a_loss_is_best_when_lowest(headline, wanted):
    history = History(headline=headline, evaluations=[{"step": step, headline: value} for step, value in ((0, 0.5), (1, 0.2), (2, 0.9))])
    assert history.best["step"] == wanted


def test_early_stopping():
    config = FAST.but(epochs=30, patience=2)
    history = fit(new_model(), tiny.loader(100), tiny.loader(60, shuffle=False), config, metrics=("accuracy",))
    since = len(history.evaluations) - 1 - history.evaluations.index(history.best)
    assert since == 2 and len(history.evaluations) < 30
    assert any("stopped early" in note for note in history.notes)


def test_evaluate_equals_scikit_learn_on_the_whole_split():
    from sklearn.metrics import f1_score

    model = new_model()
    fit(model, tiny.loader(), config=FAST.but(epochs=1))
    loader = tiny.loader(43, shuffle=False)
    scored = evaluate(model, loader, ("accuracy", "f1"))
    model.eval()
    with torch.no_grad():
        parts = [(model(**inputs(b)), b["labels"]) for b in loader]
    logits, labels = torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])
    assert scored["n"] == 43
    assert scored["loss"] == pytest.approx(nn.functional.cross_entropy(logits, labels).item(), abs=1e-6)
    assert scored["f1"] == pytest.approx(f1_score(labels, logits.argmax(1)))


def test_a_model_that_learned_nothing_is_called_that(capsys):
    config = FAST.but(learning_rate=1e-12, epochs=1)
    model = new_model()
    model.classifier.bias.data = torch.tensor([5.0, 0.0])
    history = fit(model, tiny.loader(), tiny.loader(60, shuffle=False), config, metrics=("accuracy",))
    assert any("degenerate" in note and "class 0" in note for note in history.notes)
    assert "degenerate" in capsys.readouterr().out


def test_a_loss_that_is_not_finite_stops_with_the_facts():
    model, calls = new_model(), []

    def loss_fn(logits, labels):
        calls.append(1)
        return default_loss()(logits, labels) * (float("nan") if len(calls) == 9 else 1.0)

    with pytest.raises(errors.TrainingError) as caught:
        fit(model, tiny.loader(), None, FAST, loss_fn=loss_fn)
    assert "step 9" in str(caught.value) and "learning rate" in str(caught.value)
    assert all(torch.isfinite(p).all() for p in model.parameters()), "the weights of the last good step are kept"


def test_out_of_memory_proposes_the_same_step_in_smaller_pieces():
    def loss_fn(logits, labels):
        raise torch.OutOfMemoryError("no more")

    with pytest.raises(errors.TrainingError, match="micro_batch_size=4"):
        fit(new_model(), tiny.loader(), config=FAST, loss_fn=loss_fn)


def test_bf16_trains_and_leaves_a_plain_float32_model():
    model = new_model()
    history = fit(model, tiny.loader(200), tiny.loader(60, shuffle=False), FAST.but(epochs=6, precision="bf16"), metrics=("accuracy",))
    assert history.best["accuracy"] > 0.9
    assert all(p.dtype == torch.float32 for p in model.parameters())
    batch = inputs(next(iter(tiny.loader())))
    model.eval()
    with torch.no_grad():
        assert model(**batch).dtype == torch.float32
    assert type(model).forward is models.SequenceClassifier.forward and "forward" not in vars(model), "no wrapper stays behind"


def test_frozen_parameters_do_not_move():
    model = new_model()
    model.bert.requires_grad_(False)
    before = copy.deepcopy(model.bert.state_dict())
    fit(model, tiny.loader(), config=FAST)
    assert all(torch.equal(before[k], v) for k, v in model.bert.state_dict().items())


def test_a_library_model_trains_too():
    import transformers

    theirs = transformers.BertForSequenceClassification(transformers.BertConfig(**tiny.SHAPE, num_labels=2))
    history = fit(theirs, tiny.loader(100), tiny.loader(40, shuffle=False), FAST, metrics=("accuracy",))
    assert history.steps[-1]["loss"] < history.steps[0]["loss"]


def test_the_last_weights_are_judged_even_if_evaluate_every_does_not_divide_the_steps():
    history = fit(new_model(), tiny.loader(40), tiny.loader(16, shuffle=False), FAST.but(epochs=1, evaluate_every=2))  # 5 steps
    assert [e["step"] for e in history.evaluations] == [2, 4, 5]


def token_score(logits, labels):
    """Share of labelled tokens that are right, and what a function is promised: one entry an example, in order, unpadded."""
    rows = tiny.rows(43, "tokens")
    assert [label.tolist() for label in labels] == [row["labels"] for row in rows]
    assert [tuple(row.shape) for row in logits] == [(len(row["labels"]), 2) for row in rows]
    right = [(row.argmax(-1) == label)[label != -100] for row, label in zip(logits, labels)]
    return {"token_accuracy": torch.cat(right).float().mean().item(), "examples": len(labels)}


def test_metrics_may_be_a_function_of_every_examples_logits_and_labels():
    model = models.TokenClassifier(tiny.encoder(), 2, dropout=0.0)
    loader = tiny.loader(43, "tokens", shuffle=False)  # grouped by length: the order inside differs from the data set's
    assert [i for batch in loader.batch_sampler for i in batch] != list(range(43))
    history = fit(model, tiny.loader(100, "tokens"), loader, FAST.but(epochs=4), metrics=token_score)
    assert history.headline == "token_accuracy" and history.best["token_accuracy"] > 0.95
    assert history.best["token_accuracy"] == max(e["token_accuracy"] for e in history.evaluations)
    scored = evaluate(model, loader, token_score)
    assert list(scored) == ["loss", "n", "token_accuracy", "examples"] and scored["token_accuracy"] == history.best["token_accuracy"]
    alone = [model(**inputs(batch))[0].argmax(-1) for batch in batches(Encoded(tiny.rows(43, "tokens")), 1, shuffle=False, bucket=False)]
    right = [(row == torch.tensor(r["labels"]))[1:] for row, r in zip(alone, tiny.rows(43, "tokens"))]
    assert scored["token_accuracy"] == pytest.approx(torch.cat(right).float().mean().item())
    shuffled = evaluate(model, tiny.loader(43, "tokens", shuffle=True), token_score)
    assert shuffled["token_accuracy"] == scored["token_accuracy"]


def test_a_function_of_metrics_works_for_one_label_and_for_spans():
    def first_is_right(logits, labels):
        return {"accuracy": sum(int(row.argmax() == label) for row, label in zip(logits, labels)) / len(labels)}

    model, loader = new_model(), tiny.loader(43, shuffle=False)
    assert evaluate(model, loader, first_is_right)["accuracy"] == pytest.approx(evaluate(model, loader, ("accuracy",))["accuracy"])
    rows = [{**row, "labels": [1, len(row["input_ids"]) - 1]} for row in tiny.rows(20)]

    def ends(logits, labels):
        assert [label.tolist() for label in labels] == [row["labels"] for row in rows]
        assert [len(row) for row in logits] == [len(row["input_ids"]) for row in rows]
        return {"found": 1.0}

    def span_loss(logits, labels):
        return losses.span_loss(logits[..., 0], logits[..., 1], labels[:, 0], labels[:, 1])

    assert evaluate(models.SpanExtractor(tiny.encoder()), batches(Encoded(rows), 8, shuffle=False), ends, span_loss)["found"] == 1.0


def test_a_function_of_metrics_survives_a_resume(tmp_path):
    def score(logits, labels):
        return {"mine": float(len(labels))}

    model = models.TokenClassifier(tiny.encoder(), 2, dropout=0.0)
    loader, held_out = tiny.loader(16, "tokens"), tiny.loader(8, "tokens", shuffle=False)
    fit(model, loader, held_out, FAST.but(epochs=1), metrics=score, out=tmp_path)
    history = fit(model, loader, held_out, FAST.but(epochs=1), metrics=score, out=tmp_path, resume=True)
    assert history.headline == "mine" and history.best["mine"] == 8.0


@pytest.mark.parametrize("scored", [None, {}, 0.5, {"f1": float("nan")}, {"f1": "high"}])
def test_a_function_of_metrics_that_gives_no_numbers_is_refused(scored):
    with pytest.raises(errors.InputError, match="a dict of name to finite number"):
        evaluate(new_model(), tiny.loader(shuffle=False), lambda logits, labels: scored)


def test_a_function_of_metrics_needs_a_loader_whose_order_is_known():
    foreign = torch.utils.data.DataLoader(tiny.rows(8), batch_size=4, shuffle=True, collate_fn=pad)
    with pytest.raises(errors.InputError, match="a loader from batches"):
        evaluate(new_model(), foreign, lambda logits, labels: {"n": 1.0})
