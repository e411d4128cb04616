"""Scoring texts equals the loss, text by text; the real model is unpacked once, whole or not at all, bit for bit."""

import doctest
import json
import math
import os
import subprocess

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from ftlab import _cache, assets, causal
from ftlab.batching import pad
from ftlab.causal import TextScore, encode_causal, load_causal_lm, score_text, total, unpack
from ftlab.decoder import TinyDecoder, train_tokenizer
from ftlab.errors import InputError, ModelError, ShapeError, TaskError
from ftlab.losses import clm_loss

TEXTS = ["a film", "not a good film, not at all: a film that ends", "", "é", "good good good", "a"]


def test_examples_in_the_docstrings():
    assert doctest.testmod(causal).failed == 0


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS * 3, 275)


def tiny(tokenizer):
    torch.manual_seed(0)
    model = TinyDecoder(len(tokenizer), 32, 2, 4, max_length=48)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def llama(tokenizer):
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, max_position_embeddings=48, initializer_range=0.3, pad_token_id=0, bos_token_id=1, eos_token_id=1,
    )).eval()


@pytest.mark.parametrize("make", [tiny, llama])
@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_scores_are_the_loss_text_by_text(tokenizer, make, batch_size):
    model = make(tokenizer)
    scores = score_text(model, tokenizer, TEXTS, batch_size)
    for text, score in zip(TEXTS, scores):
        ids = torch.tensor([[1, *tokenizer(text, add_special_tokens=False)["input_ids"]]])
        assert score.n_bytes == len(text.encode()) and score.n_tokens == ids.shape[1] - 1
        if text:
            output = model(input_ids=ids)
            mean = clm_loss(getattr(output, "logits", output), ids).item()
            assert score.nats == pytest.approx(mean * score.n_tokens, abs=1e-4)
    assert scores[2] == TextScore(0.0, 0, 0)
    assert tuple(score_text(model, tokenizer, TEXTS[1])[0]) == pytest.approx(tuple(scores[1]), abs=1e-4)
    assert score_text(model, tokenizer, []) == []


def test_a_model_that_knows_nothing_pays_log_v(tokenizer):
    model = tiny(tokenizer)
    with torch.no_grad():
        model.token_embedding.weight.zero_()
    score = score_text(model, tokenizer, TEXTS[1])[0]
    assert score.nats / score.n_tokens == pytest.approx(math.log(275), rel=1e-5) and score.perplexity == pytest.approx(275, rel=1e-4)


def test_total_is_not_a_mean_of_perplexities():
    scores = [TextScore(40.0, 10, 50), TextScore(2.0, 1, 5)]
    assert total(scores).perplexity == pytest.approx(math.exp(42 / 11)) and total(scores).bits_per_byte == pytest.approx(42 / math.log(2) / 55)
    assert abs(total(scores).perplexity - sum(s.perplexity for s in scores) / 2) > 1


def test_training_mode_is_left_as_it_was(tokenizer):
    model = TinyDecoder(len(tokenizer), 32, 1, 4, 48, dropout=0.5).train()
    assert score_text(model, tokenizer, TEXTS) == score_text(model, tokenizer, TEXTS) and model.training


def test_a_model_folder_loads(tokenizer, tmp_path):
    model = llama(tokenizer)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded, its_tokenizer = load_causal_lm(tmp_path)
    assert score_text(loaded, its_tokenizer, TEXTS) == score_text(model, tokenizer, TEXTS) and not loaded.training
    assert next(load_causal_lm(tmp_path, dtype=torch.bfloat16)[0].parameters()).dtype == torch.bfloat16


def test_examples_for_training(tokenizer):
    texts = ["a film", "not a good film"]
    encoded = encode_causal(texts, tokenizer)
    batch = pad(list(encoded), encoded.pad_id)
    assert batch["input_ids"].shape == batch["labels"].shape and (batch["labels"][:, 0] == -100).all()
    whole = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    logits = tiny(tokenizer)(batch["input_ids"], batch["attention_mask"])
    assert torch.equal(clm_loss(logits, batch["labels"]), clm_loss(logits, whole))
    assert (batch["labels"] != -100).sum() == (whole[:, 1:] != -100).sum()  # what is counted is what is predicted
    assert max(encode_causal(texts, tokenizer, max_length=4).lengths()) == 4


# ---- unpacking, without the real file

@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache in which fetching gives a made-up GGUF file."""
    monkeypatch.setenv("FTLAB_HOME", str(tmp_path))
    monkeypatch.setenv("FTLAB_QUIET", "1")
    source = tmp_path / "assets" / "smollm2-135m"
    source.mkdir(parents=True)
    monkeypatch.setattr(assets, "path", lambda name: source)
    return tmp_path / "unpacked"


def pretend(monkeypatch, write, calls):
    def run(command, **_):
        folder = command[-1]
        calls.append(folder)
        error = write(folder)
        return subprocess.CompletedProcess(command, 1 if error else 0, "", error or "")

    monkeypatch.setattr(causal.subprocess, "run", run)


def whole(folder):
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(b"12345")
    with open(os.path.join(folder, "unpacked.json"), "w") as file:
        json.dump({"bytes": 5}, file)


def test_unpacked_once_and_again_when_damaged(cache, monkeypatch):
    calls = []
    pretend(monkeypatch, whole, calls)
    folder = unpack()
    assert unpack() == folder and len(calls) == 1 and folder.parent == cache
    (folder / "model.safetensors").write_bytes(b"123")  # cut short
    assert unpack() == folder and len(calls) == 2 and (folder / "model.safetensors").read_bytes() == b"12345"
    (folder / "unpacked.json").unlink()
    assert unpack() == folder and len(calls) == 3
    assert [p.name for p in cache.iterdir() if p.is_dir()] == [folder.name]  # nothing else is left


@pytest.mark.parametrize("write, words", [
    (lambda folder: "Traceback (most recent call last):\n  ...\nMemoryError: no memory", "MemoryError: no memory"),
    (lambda folder: None, "exit code 0"),  # ended well, but wrote nothing
])
def test_a_failure_is_one_line_and_leaves_nothing(cache, monkeypatch, write, words):
    pretend(monkeypatch, write, [])
    with pytest.raises(ModelError, match=words) as caught:
        unpack()
    assert "\n" not in str(caught.value) and not [p for p in cache.iterdir() if p.is_dir()]


# ---- the real model, where it is in the cache

def in_cache(name):
    known = assets.manifest()[name]
    return all((known.folder / file).is_file() for file in known.files)


@pytest.mark.slow
@pytest.mark.skipif(not in_cache("smollm2-135m"), reason="smollm2-135m is not in the cache")
def test_the_real_model():
    model, tokenizer = load_causal_lm()
    assert len(tokenizer) == 49152 and sum(p.numel() for p in model.parameters()) == 134_515_008
    assert model.lm_head.weight is model.model.embed_tokens.weight and not model.training
    sense, shuffled = (total(score_text(model, tokenizer, texts)) for texts in (
        ["The capital of France is Paris, and the capital of Italy is Rome."],
        ["Rome the Paris, capital is of France and Italy the capital is of."],
    ))
    assert sense.bits_per_byte < 0.8 and sense.bits_per_byte < shuffled.bits_per_byte / 2
    text = "Naïve café — it's 2003!"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


@pytest.mark.slow
@pytest.mark.skipif(not in_cache("smollm2-135m"), reason="smollm2-135m is not in the cache")
def test_the_weights_are_those_of_the_file():
    from gguf import GGUFReader, dequantize
    from safetensors import safe_open

    reader = GGUFReader(assets.path("smollm2-135m") / "SmolLM2-135M-Instruct.Q4_1.gguf")
    raw = {tensor.name: tensor for tensor in reader.tensors}
    names = {
        "token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight",
        "blk.3.ffn_down.weight": "model.layers.3.mlp.down_proj.weight", "blk.29.attn_v.weight": "model.layers.29.self_attn.v_proj.weight",
        "blk.7.attn_q.weight": "model.layers.7.self_attn.q_proj.weight", "blk.7.attn_k.weight": "model.layers.7.self_attn.k_proj.weight",
    }
    with safe_open(unpack() / "model.safetensors", "pt") as file:
        for theirs, ours in names.items():
            values = torch.tensor(dequantize(raw[theirs].data, raw[theirs].tensor_type))
            if "attn_q" in theirs or "attn_k" in theirs:  # the file pairs rotary halves, the library keeps them apart
                values = values.view(-1, 32, 2, 576).transpose(1, 2).reshape(-1, 576)
            assert torch.equal(file.get_tensor(ours), values.bfloat16()), ours


# ---- wrong input

WRONG = {
    "an encoder": (lambda t: load_causal_lm("minilm-l6"), ModelError, "an encoder.*smollm2-135m"),
    "unknown": (lambda t: load_causal_lm("smolm2"), ModelError, "smolm2"),
    "not text": (lambda t: score_text(tiny(t), t, ["a", None]), InputError, "not a string"),
    "too long": (lambda t: score_text(tiny(t), t, "xyz " * 40), ShapeError, "at most 47"),
    "batch size": (lambda t: score_text(tiny(t), t, "a", batch_size=0), InputError, "batch_size is 0"),
    "nothing to predict": (lambda t: encode_causal(["a film"], t, max_length=1), InputError, "max_length is 1"),
    "no texts": (lambda t: encode_causal([], t), TaskError, "no examples"),
    "no scores": (lambda t: total([]), InputError, "no texts"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_line(tokenizer, name):
    call, error, words = WRONG[name]
    with pytest.raises(error, match=words) as caught:
        call(tokenizer)
    assert "\n" not in str(caught.value)


def test_a_tokenizer_without_a_start(tokenizer, monkeypatch):
    model, start = tiny(tokenizer), tokenizer.bos_token
    tokenizer.bos_token = None
    try:
        with pytest.raises(InputError, match="start token"):
            score_text(model, tokenizer, "a")
    finally:
        tokenizer.bos_token = start
