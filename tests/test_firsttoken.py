"""[CLS] alone against the whole encoder: values, gradients, dropout, and that nothing is copied."""

import pytest
import torch
from torch import nn

from ftlab import models
from ftlab.batching import inputs
from ftlab.firsttoken import can_skip, first_token

import tiny


def padded_batch():
    batch = inputs(next(iter(tiny.loader(12, bucket=False, batch_size=12))))
    assert (batch["attention_mask"] == 0).any(), "the case must have padding"
    return batch


def test_same_vector_as_the_whole_encoder():
    encoder, batch = tiny.encoder(seed=3).eval(), padded_batch()
    whole = encoder(**batch).last_hidden_state[:, :1]
    assert torch.allclose(first_token(encoder, **batch), whole, atol=1e-6)


def test_same_gradient_in_every_weight():
    encoder, batch = tiny.encoder(seed=3).eval(), padded_batch()
    weights = list(encoder.named_parameters())
    short = torch.autograd.grad(first_token(encoder, **batch).square().sum(), [p for _, p in weights], allow_unused=True)
    whole = torch.autograd.grad(encoder(**batch).last_hidden_state[:, :1].square().sum(), [p for _, p in weights], allow_unused=True)
    compared = 0
    for (name, _), a, b in zip(weights, short, whole):
        assert (a is None) == (b is None), name
        if a is not None:
            assert torch.allclose(a, b, atol=1e-5), name
            compared += 1
    assert compared > 30


def test_the_encoder_keeps_its_layers_and_its_pooler():
    encoder = tiny.encoder()
    before = len(encoder.encoder.layer)
    first_token(encoder, **padded_batch())
    assert len(encoder.encoder.layer) == before and encoder.pooler is not None


def test_a_classifier_in_training_gives_the_logits_of_evaluation(monkeypatch):
    batch, calls = padded_batch(), []
    monkeypatch.setattr(models, "first_token", lambda *args, **kwargs: calls.append(1) or first_token(*args, **kwargs))
    for pooling in ("pooler", "cls"):
        model = models.SequenceClassifier(tiny.encoder(seed=1), 2, pooling=pooling, dropout=0.0)
        assert torch.allclose(model.train()(**batch), model.eval()(**batch), atol=1e-6)
    assert len(calls) == 2, "the short way is taken in training, and only there"


def test_dropout_reaches_the_last_layer():
    encoder, batch = tiny.encoder().train(), padded_batch()
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    encoder.encoder.layer[-1].attention.self.dropout.p = 0.5
    torch.manual_seed(0)
    assert not torch.equal(first_token(encoder, **batch), first_token(encoder, **batch))


@pytest.mark.parametrize("module", [nn.Linear(2, 2), None])
def test_other_models_are_left_alone(module):
    assert not can_skip(module)
    assert can_skip(tiny.encoder())
