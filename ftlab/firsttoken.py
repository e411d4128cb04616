"""The vector of [CLS] without the vectors of the other tokens: the same number for a seventh less work.

A sentence classifier reads the last layer at [CLS] alone. There the other tokens are needed as keys and values, but their
queries, their feed-forward layers and their outputs are computed, and their gradients too, for nobody. Forward hooks on the last
layer as a whole do not fire on this way; `SequenceClassifier` takes it in training mode only.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import nn


def first_token(
    encoder: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
) -> torch.Tensor:
    """The last hidden state of the first token alone.

    In the last layer, with x the output of the one before: q = W_q x_1, K = W_k x, V = W_v x; attention
    softmax(q K^T / sqrt(D) + mask) V; then the layer's own output and feed-forward parts, on one vector a sentence.

    Args:
        encoder: a BertModel, with or without a pooler.
        input_ids, attention_mask, token_type_ids: int64 (B, T), as for the encoder.
    Returns: float (B, 1, H), equal to ``encoder(...).last_hidden_state[:, :1]``.
    Example: the pooler takes it as it is: ``encoder.pooler(first_token(encoder, **inputs(batch)))`` is (B, H).
    Source: Devlin et al. 2019, section 4.1 (the first token's vector is what a sentence is classified by). Checked against
        the whole encoder, values and gradients, in tests/test_firsttoken.py.
    """
    layers = encoder.encoder.layer
    below = _with_layers(encoder, layers[:-1])
    hidden = below(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state  # (B, T, H)
    attention, first = layers[-1].attention, hidden[:, :1]  # (B, 1, H)
    heads = attention.self.num_attention_heads

    def split(x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (heads, -1)).transpose(1, 2)  # (B, A, T, D)

    query, key, value = split(attention.self.query(first)), split(attention.self.key(hidden)), split(attention.self.value(hidden))
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])  # (B, A, 1, T)
    padding = attention_mask[:, None, None, :] == 0  # (B, 1, 1, T)
    weights = scores.masked_fill(padding, torch.finfo(scores.dtype).min).softmax(-1)  # (B, A, 1, T)
    context = (attention.self.dropout(weights) @ value).transpose(1, 2).flatten(2)  # (B, 1, H)
    first = attention.output(context, first)  # (B, 1, H)
    return layers[-1].output(layers[-1].intermediate(first), first)  # (B, 1, H)


def can_skip(encoder: nn.Module) -> bool:
    """Whether `first_token` knows this encoder's layers.

    Args:
        encoder: any module.
    Returns: True for a bidirectional BertModel of two layers or more.
    Example: ``can_skip(load_encoder())`` is True.
    """
    config = getattr(encoder, "config", None)
    bert = getattr(config, "model_type", "") == "bert" and not config.is_decoder and hasattr(encoder, "encoder")
    return bert and len(encoder.encoder.layer) > 1


def _with_layers(encoder: nn.Module, layers: nn.ModuleList) -> nn.Module:
    """The same encoder (weights shared, not copied) with these layers only, and no pooler."""
    below, stack = copy.copy(encoder), copy.copy(encoder.encoder)
    stack._modules = {**encoder.encoder._modules, "layer": layers}
    below._modules = {**encoder._modules, "encoder": stack}
    below._modules.pop("pooler", None)
    below.pooler = None
    return below
