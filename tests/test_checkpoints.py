"""Saved folders load in plain transformers with identical logits; what is not a model is refused in one line."""

import json
import os
import stat

import pytest
import torch
import transformers

import ftlab as ft
from ftlab import checkpoints, errors, models


@pytest.fixture(scope="module")
def batch(lite_tokenizer):
    texts = ["A quiet marvel.", "Nothing works, and for a very long time indeed."]
    return dict(lite_tokenizer(texts, return_tensors="pt", padding=True))


def make(head, n):
    torch.manual_seed(0)
    encoder = ft.load_encoder("minilm-l6")
    return (head(encoder, n) if n else head(encoder)).eval()


CASES = [
    (models.SequenceClassifier, 3, "AutoModelForSequenceClassification"),
    (models.SequenceClassifier, 1, "AutoModelForSequenceClassification"),
    (models.TokenClassifier, 5, "AutoModelForTokenClassification"),
    (models.SpanExtractor, 0, "AutoModelForQuestionAnswering"),
    (models.MaskedLanguageModel, 0, "AutoModelForMaskedLM"),
]


@pytest.mark.parametrize("head,n,auto", CASES, ids=[f"{c[2]}-{c[1]}" for c in CASES])
def test_saved_and_loaded_with_identical_logits(head, n, auto, lite_tokenizer, batch, tmp_path):
    model = make(head, n)
    folder = ft.save_model(model, lite_tokenizer, tmp_path / "model", tuple("abcde"[:n]) if n > 1 else ())
    plain, info = getattr(transformers, auto).from_pretrained(folder, attn_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"], info
    again, tokenizer, labels = ft.load_model(folder)
    with torch.no_grad():
        ours, second, theirs = model(**batch), again(**batch), plain.eval()(**batch)
    theirs = torch.stack([theirs.start_logits, theirs.end_logits], -1) if head is models.SpanExtractor else theirs.logits
    if n == 1:  # a product with one column depends, in its last bit, on where the weights lie in memory
        assert torch.allclose(ours, theirs, atol=1e-6) and torch.allclose(ours, second, atol=1e-6)
    else:
        assert torch.equal(ours, theirs) and torch.equal(ours, second)
    if n > 1:
        assert labels == tuple("abcde"[:n]) and plain.config.id2label[0] == "a"
    assert not list(tmp_path.glob(".model-*")), "nothing half-written is left"
    with open(folder / "config.json") as file:
        assert "/" not in json.load(file).get("_name_or_path", ""), "no path of this machine in the config"


def test_a_model_without_a_counterpart_is_not_saved(lite_tokenizer, tmp_path):
    with pytest.raises(errors.ModelError, match="pooling"):
        ft.save_model(make(lambda e, n: models.SequenceClassifier(e, n, pooling="mean"), 2), lite_tokenizer, tmp_path / "m")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["minilm-l7", "no/such/folder", "bert base", ""])
def test_unknown_checkpoints(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.ModelError) as caught:
        ft.load_encoder(name)
    assert "minilm-l6" in str(caught.value) or "config.json" in str(caught.value)


def test_a_hub_name_in_the_lite_profile(monkeypatch):
    monkeypatch.setattr("ftlab.lab._current", None)
    monkeypatch.setenv("FTLAB_PROFILE", "lite")
    with pytest.raises(errors.ModelError, match="full profile"):
        ft.load_encoder("google-bert/bert-base-uncased")


def test_folders_that_are_not_models(tmp_path, lite_tokenizer):
    with pytest.raises(errors.ModelError, match="config.json"):
        ft.load_encoder(tmp_path)
    with pytest.raises(errors.ModelError, match="no folder"):
        ft.load_model(tmp_path / "nothing")
    (tmp_path / "config.json").write_text("{not json")
    with pytest.raises(errors.ModelError):
        ft.load_encoder(tmp_path)
    with pytest.raises(errors.ModelError, match="bare encoder"):
        ft.load_model(ft.assets.path("minilm-l6"))


def test_pickled_weights_are_not_opened(tmp_path, lite_tokenizer):
    folder = ft.save_model(make(models.SequenceClassifier, 2), lite_tokenizer, tmp_path / "m")
    torch.save(torch.load, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(errors.ModelError, match="safetensors"):
        ft.load_model(folder)
    with pytest.raises(errors.ModelError):
        ft.load_encoder(folder)


def test_truncated_weights(tmp_path, lite_tokenizer):
    folder = ft.save_model(make(models.SequenceClassifier, 2), lite_tokenizer, tmp_path / "m")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(errors.ModelError):
        ft.load_model(folder)


def test_dropout_is_set_and_checked():
    assert ft.load_encoder(dropout=0.3).config.hidden_dropout_prob == 0.3
    assert ft.load_encoder().config.hidden_dropout_prob == 0.1
    with pytest.raises(errors.InputError, match="dropout"):
        ft.load_encoder(dropout=1.0)


def test_the_lite_encoder_is_what_the_course_says():
    assert ft.count_parameters(ft.load_encoder()) == 22_713_216
    assert checkpoints.load_config().num_hidden_layers == 6
    assert ft.load_tokenizer().model_max_length == 512


def test_a_config_of_another_size_and_another_head_are_one_line(tmp_path, lite_tokenizer):
    folder = ft.save_model(make(models.TokenClassifier, 5), lite_tokenizer, tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"id2label": {"0": "O", "1": "B-PER"}, "label2id": {"O": 0, "B-PER": 1}}))
    with pytest.raises(errors.ModelError, match="as config.json says") as caught:
        ft.load_model(folder)
    assert "\n" not in str(caught.value)
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["BertForNextSentencePrediction"]}))
    with pytest.raises(errors.ModelError, match="a head of another kind"):
        ft.load_model(folder)


def test_saving_a_model_of_the_library_leaves_no_progress_bar(tmp_path, lite_tokenizer, capfd):
    config = transformers.DistilBertConfig(vocab_size=60, dim=16, hidden_dim=32, n_layers=1, n_heads=2)
    ft.save_model(transformers.DistilBertForSequenceClassification(config), lite_tokenizer, tmp_path / "m")
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize("umask", [0o022, 0o077])
@pytest.mark.parametrize("library", [False, True])
def test_a_saved_model_is_as_readable_as_any_new_file(umask, library, tmp_path, lite_tokenizer):
    config = transformers.DistilBertConfig(vocab_size=60, dim=16, hidden_dim=32, n_layers=1, n_heads=2)
    model = transformers.DistilBertForSequenceClassification(config) if library else make(models.SequenceClassifier, 2)
    before = os.umask(umask)
    try:
        folder = ft.save_model(model, lite_tokenizer, tmp_path / "m")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()} == {0o666 & ~umask}
