"""Our losses equal the library's on random models with padding: values to 1e-6, gradients of every weight to 1e-5."""

import pytest
import torch
from transformers import (
    BertConfig, BertForMaskedLM, BertForQuestionAnswering, BertForSequenceClassification, BertForTokenClassification,
    GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM,
)
from transformers.trainer_pt_utils import LabelSmoother

from ftlab.losses import classification_loss, clm_loss, mlm_loss, regression_loss, span_loss, token_loss

B, T, V, C = 4, 11, 97, 5
LENGTHS = (11, 7, 3, 9)


def bert(model_class, seed, **more):
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=V, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=T, initializer_range=0.3, **more,
    )
    return model_class(config).eval()  # wide initial weights: losses far from log V


def gpt2(seed):
    torch.manual_seed(seed)
    return GPT2LMHeadModel(GPT2Config(
        vocab_size=V, n_embd=32, n_layer=2, n_head=4, n_positions=T, initializer_range=0.3, bos_token_id=0, eos_token_id=0,
    )).eval()


def llama(seed):
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=V, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, max_position_embeddings=T, initializer_range=0.3,
    )).eval()


def batch(seed):
    """Random ids, padded on the right to the LENGTHS."""
    generator = torch.Generator().manual_seed(seed)
    attention_mask = (torch.arange(T) < torch.tensor(LENGTHS)[:, None]).long()  # (B, T)
    input_ids = torch.randint(1, V, (B, T), generator=generator) * attention_mask  # id 0 is padding
    return dict(input_ids=input_ids, attention_mask=attention_mask), generator


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_equal(model, library_loss, our_loss):
    assert abs((library_loss - our_loss).item()) <= 1e-6, (library_loss.item(), our_loss.item())
    theirs, ours = gradients(model, library_loss), gradients(model, our_loss)
    assert theirs.keys() == ours.keys() and max(g.abs().max() for g in theirs.values()) > 1e-3
    for name in theirs:
        assert (theirs[name] - ours[name]).abs().max() <= 1e-5, name


@pytest.mark.parametrize("seed", range(3))
def test_mlm(seed):
    model, (inputs, generator) = bert(BertForMaskedLM, seed), batch(seed)
    chosen = (torch.rand(B, T, generator=generator) < 0.3) & inputs["attention_mask"].bool()
    chosen[0, 1] = True
    labels = inputs["input_ids"].masked_fill(~chosen, -100)
    theirs = model(**inputs, labels=labels).loss
    assert_equal(model, theirs, mlm_loss(model(**inputs).logits, labels))


@pytest.mark.parametrize("seed", range(6))
def test_mlm_of_many_tokens(seed):
    """Float32 sums depend on their order: at a loss of 12 two good means of 150 tokens can be 2e-6 apart. These are not."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(16, 64, 3000, generator=generator)
    labels = torch.randint(3000, (16, 64), generator=generator)
    labels[torch.rand(16, 64, generator=generator) > 0.15] = -100
    theirs = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
    assert theirs > 10 and abs((theirs - mlm_loss(logits, labels)).item()) <= 1e-6


@pytest.mark.parametrize("make", [gpt2, llama])
@pytest.mark.parametrize("seed", range(3))
def test_clm(make, seed):
    model, (inputs, _) = make(seed), batch(seed)
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
    theirs = model(**inputs, labels=labels).loss
    assert_equal(model, theirs, clm_loss(model(**inputs).logits, labels))


@pytest.mark.parametrize("seed", range(3))
def test_classification(seed):
    model, (inputs, generator) = bert(BertForSequenceClassification, seed, num_labels=C), batch(seed)
    labels = torch.randint(C, (B,), generator=generator)
    output = model(**inputs, labels=labels)
    assert_equal(model, output.loss, classification_loss(model(**inputs).logits, labels))
    smoothed = LabelSmoother(epsilon=0.2)(model(**inputs), labels[:, None])
    assert_equal(model, smoothed, classification_loss(model(**inputs).logits, labels, label_smoothing=0.2))


@pytest.mark.parametrize("seed", range(3))
def test_regression(seed):
    model, (inputs, generator) = bert(BertForSequenceClassification, seed, num_labels=1), batch(seed)
    labels = torch.randn(B, generator=generator)
    theirs = model(**inputs, labels=labels).loss
    assert_equal(model, theirs, regression_loss(model(**inputs).logits, labels))


@pytest.mark.parametrize("seed", range(3))
def test_token(seed):
    model, (inputs, generator) = bert(BertForTokenClassification, seed, num_labels=C), batch(seed)
    labels = torch.randint(C, (B, T), generator=generator).masked_fill(inputs["attention_mask"] == 0, -100)
    labels[:, 0] = -100
    theirs = model(**inputs, labels=labels).loss
    assert_equal(model, theirs, token_loss(model(**inputs).logits, labels))


@pytest.mark.parametrize("seed", range(3))
def test_span(seed):
    model, (inputs, generator) = bert(BertForQuestionAnswering, seed), batch(seed)
    start, end = torch.randint(T, (2, B), generator=generator)
    if seed:  # answers cut off by truncation: at T and far beyond
        start[1], end[1], end[2] = T, T + 40, T
    theirs = model(**inputs, start_positions=start.clone(), end_positions=end.clone()).loss
    output = model(**inputs)
    assert_equal(model, theirs, span_loss(output.start_logits, output.end_logits, start, end))
