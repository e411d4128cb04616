"""A random BERT of a few thousand parameters, a few rows of tokens, and a tokenizer: for tests that need no real weights."""

from __future__ import annotations

import torch
from transformers import BertConfig, BertModel

from ftlab.batching import Encoded, batches

SHAPE = dict(vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_position_embeddings=40, initializer_range=0.15)


def encoder(dropout: float = 0.0, seed: int = 0) -> BertModel:
    torch.manual_seed(seed)
    config = BertConfig(**SHAPE, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    return BertModel._from_config(config, attn_implementation="eager").eval()


def rows(n: int = 40, kind: str = "classification", seed: int = 0) -> list[dict]:
    """The label is whether token 7 occurs, so that a model can learn it."""
    random = torch.Generator().manual_seed(seed)
    made = []
    for i in range(n):
        length = int(torch.randint(3, 12, (1,), generator=random))
        ids = torch.randint(10, 40, (length,), generator=random).tolist()
        label = i % 2
        if label:
            ids[0] = 7
        value = {"classification": label, "regression": float(label) - 0.5, "tokens": [int(t == 7) for t in ids]}[kind]
        made.append({"input_ids": [1, *ids], "token_type_ids": [0] * (length + 1), "labels": value if kind != "tokens" else [-100, *value]})
    return made


def loader(n: int = 40, kind: str = "classification", batch_size: int = 8, shuffle: bool = True, seed: int = 0, bucket: bool = True):
    return batches(Encoded(rows(n, kind)), batch_size, shuffle=shuffle, seed=seed, bucket=bucket)
