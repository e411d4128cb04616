"""Heads against the library's three AutoModelFor... classes and BertForMaskedLM: same weights, same logits and gradients."""

import pytest
import torch
import transformers

from ftlab import errors, models
from ftlab.batching import inputs

import tiny

PAIRS = [
    (lambda e: models.SequenceClassifier(e, 3, dropout=0.0), "BertForSequenceClassification", {"num_labels": 3}),
    (lambda e: models.TokenClassifier(e, 5, dropout=0.0), "BertForTokenClassification", {"num_labels": 5}),
    (lambda e: models.SpanExtractor(e), "BertForQuestionAnswering", {}),
    (lambda e: models.MaskedLanguageModel(e), "BertForMaskedLM", {}),
]


def library_logits(output):
    return torch.stack([output.start_logits, output.end_logits], -1) if hasattr(output, "start_logits") else output.logits


@pytest.mark.parametrize("make,name,kwargs", PAIRS, ids=[p[1] for p in PAIRS])
def test_same_logits_and_gradients_as_the_library(make, name, kwargs):
    ours = make(tiny.encoder(seed=1)).eval()
    config = transformers.BertConfig(**tiny.SHAPE, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **kwargs)
    theirs = getattr(transformers, name)._from_config(config, attn_implementation="eager").eval()
    state = {k.replace("cls.predictions.decoder.bias", "cls.predictions.bias"): v for k, v in ours.state_dict().items()}
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected and all("decoder" in m or "position_ids" in m for m in missing), (missing, unexpected)
    batch = next(iter(tiny.loader(12, bucket=False, batch_size=12)))
    assert (batch["attention_mask"] == 0).any(), "the case must have padding"
    a, b = ours(**inputs(batch)), library_logits(theirs(**inputs(batch)))
    assert a.shape == b.shape and torch.allclose(a, b, atol=1e-6), (a - b).abs().max()
    weight = torch.randn(a.shape, generator=torch.Generator().manual_seed(0))
    (a * weight).sum().backward()
    (b * weight).sum().backward()
    theirs_by_name = dict(theirs.named_parameters())
    compared = 0
    for key, parameter in ours.named_parameters():
        other = theirs_by_name.get(key.replace("cls.predictions.decoder.bias", "cls.predictions.bias"))
        if other is not None and parameter.grad is not None:
            scale = parameter.grad.abs().max().clamp(min=1)
            assert torch.allclose(parameter.grad / scale, other.grad / scale, atol=1e-5), key
            compared += 1
    assert compared > 30


def test_masked_positions_alone_give_the_same_logits():
    model = models.MaskedLanguageModel(tiny.encoder()).eval()
    batch = inputs(next(iter(tiny.loader(6, batch_size=6))))
    at = torch.zeros_like(batch["input_ids"], dtype=torch.bool)
    at[0, 1] = at[3, 2] = True
    assert torch.allclose(model(**batch, at=at), model(**batch)[at], atol=1e-6)


def test_decoder_is_the_embedding_table_not_a_copy():
    model = models.MaskedLanguageModel(tiny.encoder())
    assert model.cls["predictions"].decoder.weight is model.bert.get_input_embeddings().weight


def test_padding_does_not_change_the_answer():
    model = models.SequenceClassifier(tiny.encoder(), 2).eval()
    ids = torch.tensor([[1, 12, 13, 7]])
    padded = torch.tensor([[1, 12, 13, 7, 0, 0, 0]])
    a = model(ids, torch.ones_like(ids))
    b = model(padded, (torch.arange(7) < 4).long()[None])
    assert torch.allclose(a, b, atol=1e-6)


def test_pooling_by_hand():
    hidden = torch.tensor([[[1.0], [3.0], [9.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert models.pool(hidden, mask, "mean").item() == 2.0
    assert models.pool(hidden, mask, "cls").item() == 1.0
    with pytest.raises(errors.InputError, match="pooling"):
        models.pool(hidden, mask, "max")


def test_the_encoder_keeps_its_pooler_when_a_head_drops_it():
    encoder = tiny.encoder()
    models.TokenClassifier(encoder, 2)
    assert encoder.pooler is not None


def test_new_heads_are_drawn_as_bert_draws_them():
    model = models.SequenceClassifier(tiny.encoder(), 64)
    assert abs(model.classifier.weight.std().item() - 0.15) < 0.03 and not model.classifier.bias.any()


def test_bad_heads():
    with pytest.raises(errors.InputError, match="n_classes"):
        models.SequenceClassifier(tiny.encoder(), 0)
    with pytest.raises(errors.InputError, match="pooling"):
        models.SequenceClassifier(tiny.encoder(), 2, pooling="max")
