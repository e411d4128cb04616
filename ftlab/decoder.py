"""A causal transformer small enough to train in half a minute, written out: GPT-2's architecture, nothing hidden.

It reads tokens from left to right; position t sees positions 0..t and gives scores for token t + 1.

    ids -> token + position vectors -> L blocks of [attention to the left, then a two-layer network] -> scores
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ftlab.errors import InputError, ShapeError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def causal_mask(attention_mask: Tensor) -> Tensor:
    """Who may look at whom: position t at itself and at real tokens to its left (True or False, no unit).

        allowed[b, 0, t, s] = (s <= t) and attention_mask[b, s] = 1

    Args:
        attention_mask: int or bool (B, T), 1 = real token.
    Returns: bool (B, 1, T, T), the 1 stands for all heads; [.., t, s] is True where t may look at s.
    Raises: ShapeError if attention_mask is not (B, T).
    Example:
        >>> causal_mask(torch.tensor([[1, 1, 0]]))[0, 0].int().tolist()  # the third token is padding
        [[1, 0, 0], [1, 1, 0], [1, 1, 0]]

    Source: Vaswani et al. 2017, section 3.2.3. Checked against: the library's GPT-2, whose logits follow from it.
    """
    if attention_mask.ndim != 2:
        raise ShapeError(f"attention_mask {tuple(attention_mask.shape)}", wanted="(B, T)")
    T = attention_mask.shape[1]
    not_future = torch.ones(T, T, dtype=torch.bool, device=attention_mask.device).tril()  # (T, T)
    return not_future & attention_mask.bool()[:, None, None, :]  # (T, T) & (B, 1, 1, T) -> (B, 1, T, T)


class CausalSelfAttention(nn.Module):
    """Each position asks every earlier one, in A heads, and takes in a weighted mean of what they offer (no unit).

        attention(q, k, v) = softmax(q k^T / sqrt(D), over the allowed) v

    Args:
        hidden_size: H, a multiple of n_heads.
        n_heads: A; each head has D = H / A numbers.
        dropout: share of the attention weights zeroed while training.
    Returns: from forward(x, allowed): float (B, T, H).
    Raises: InputError if n_heads does not divide hidden_size.
    Example:
        >>> CausalSelfAttention(8, 2)(torch.zeros(1, 3, 8), causal_mask(torch.ones(1, 3))).shape
        torch.Size([1, 3, 8])

    Source: Vaswani et al. 2017, section 3.2. Checked against: the library's GPT-2 (tests/test_decoder.py).
    """

    def __init__(self, hidden_size: int, n_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if n_heads < 1 or hidden_size % n_heads:
            raise InputError(f"{n_heads} heads for hidden_size {hidden_size}", wanted="a divisor of hidden_size")
        self.n_heads = n_heads
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size)  # queries, keys and values in one product
        self.output = nn.Linear(hidden_size, hidden_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, allowed: Tensor) -> Tensor:
        """x (B, T, H) and allowed (B, 1, T, T) -> (B, T, H)."""
        B, T, H = x.shape
        split = (B, T, self.n_heads, H // self.n_heads)  # (B, T, A, D)
        q, k, v = (part.view(split).transpose(1, 2) for part in self.qkv(x).split(H, dim=-1))  # each (B, A, T, D)
        scores = q @ k.transpose(-2, -1) / math.sqrt(H // self.n_heads)  # (B, A, T, T): how well t's query fits s's key
        scores = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)  # not -inf: padding may have nothing to see
        weights = self.dropout(scores.softmax(dim=-1))  # (B, A, T, T), each row adds up to 1
        mixed = weights @ v  # (B, A, T, D)
        return self.output(mixed.transpose(1, 2).reshape(B, T, H))  # (B, T, H)


class Block(nn.Module):
    """One layer: look at the past, then think about it; each adds to what was there (no unit).

        x = x + attention(norm(x));   x = x + W2 gelu(W1 norm(x))

    Args:
        hidden_size: H. The inner layer has 4 H.
        n_heads: A.
        dropout: share zeroed after each half while training.
    Returns: from forward(x, allowed): float (B, T, H).
    Raises: InputError if n_heads does not divide hidden_size.
    Example:
        >>> sum(p.numel() for p in Block(128, 4).parameters())  # 12 H² + 13 H
        198272

    Source: Radford et al. 2019, GPT-2, section 2.3 (norm before, not after). Checked against: the library's GPT2Block.
    """

    def __init__(self, hidden_size: int, n_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(hidden_size)
        self.attention = CausalSelfAttention(hidden_size, n_heads, dropout)
        self.feed_forward_norm = nn.LayerNorm(hidden_size)
        self.widen = nn.Linear(hidden_size, 4 * hidden_size)
        self.narrow = nn.Linear(4 * hidden_size, hidden_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, allowed: Tensor) -> Tensor:
        """x (B, T, H) and allowed (B, 1, T, T) -> (B, T, H)."""
        x = x + self.dropout(self.attention(self.attention_norm(x), allowed))  # (B, T, H)
        wide = F.gelu(self.widen(self.feed_forward_norm(x)), approximate="tanh")  # (B, T, 4H)
        return x + self.dropout(self.narrow(wide))  # (B, T, H)


class TinyDecoder(nn.Module):
    """A small GPT-2: ids in, scores for each next token out (unnormalised, no unit).

        x = E[ids] + P[0..T-1];   x = block(x), L times;   logits = norm(x) E^T

    The output layer is the embedding table E itself (tied): a token that is read with one vector is predicted with it too.

    Args:
        vocab_size: V.
        hidden_size: H.
        n_layers: L.
        n_heads: A.
        max_length: longest text in tokens: there are this many position vectors.
        dropout: 0 while a model sees each text a few times; 0.1 and more when it starts to memorise.
    Returns: from forward(input_ids, attention_mask=None): logits float (B, T, V).
    Raises:
        InputError: a size below 1, n_heads that does not divide hidden_size, or an id outside 0..V-1.
        ShapeError: input_ids are not (B, T), T is above max_length, or attention_mask has another shape.
    Example:
        >>> TinyDecoder(vocab_size=2048).n_parameters  # V H + T H + L (12 H² + 13 H) + 2 H
        675328

    Source: Radford et al. 2019, GPT-2, section 2.3; tied embeddings: Press & Wolf 2017.
    Checked against: transformers GPT2LMHeadModel with the same weights: logits and gradients to 1e-5.
    """

    def __init__(
        self, vocab_size: int, hidden_size: int = 128, n_layers: int = 2, n_heads: int = 4,
        max_length: int = 128, dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if min(vocab_size, hidden_size, n_layers, max_length) < 1:
            raise InputError("a size below 1", wanted="vocab_size, hidden_size, n_layers and max_length of 1 or more")
        self.token_embedding = nn.Embedding(vocab_size, hidden_size)
        self.position_embedding = nn.Embedding(max_length, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(hidden_size, n_heads, dropout) for _ in range(n_layers))
        self.final_norm = nn.LayerNorm(hidden_size)
        self._first_weights(n_layers)

    def _first_weights(self, n_layers: int) -> None:
        """N(0, 0.02²), biases 0; smaller where a layer adds to the running sum, so that 2L additions do not make it grow."""
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                adds = name.endswith(("attention.output.weight", "narrow.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * n_layers) if adds else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    @property
    def n_parameters(self) -> int:
        """Number of trained numbers."""
        return sum(p.numel() for p in self.parameters())

    @property
    def max_length(self) -> int:
        """Longest text in tokens."""
        return self.position_embedding.num_embeddings

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """input_ids (B, T), attention_mask (B, T) with 1 = real token, padding on either side -> logits (B, T, V)."""
        self._check(input_ids, attention_mask)
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)  # (B, T)
        positions = (attention_mask.long().cumsum(dim=1) - 1).clamp(min=0)  # (B, T): 0 at the first real token
        x = self.token_embedding(input_ids) + self.position_embedding(positions)  # (B, T, H)
        x, allowed = self.dropout(x), causal_mask(attention_mask)  # (B, T, H), (B, 1, T, T)
        for block in self.blocks:
            x = block(x, allowed)  # (B, T, H)
        return F.linear(self.final_norm(x), self.token_embedding.weight)  # (B, T, H) (H, V) -> (B, T, V)

    def _check(self, input_ids: Tensor, attention_mask: Tensor | None) -> None:
        if input_ids.ndim != 2 or input_ids.shape[1] > self.max_length:
            raise ShapeError(
                f"input_ids {tuple(input_ids.shape)}", wanted=f"(B, T) with T of at most {self.max_length}",
                cause="a text longer than max_length", hint="cut it, or build TinyDecoder(max_length=...) larger",
            )
        if attention_mask is not None and attention_mask.shape != input_ids.shape:
            raise ShapeError(f"attention_mask {tuple(attention_mask.shape)}", wanted=str(tuple(input_ids.shape)))
        V = self.token_embedding.num_embeddings
        if input_ids.numel() and not 0 <= int(input_ids.min()) <= int(input_ids.max()) < V:
            raise InputError(f"ids up to {int(input_ids.max())}", wanted=f"0 to {V - 1}", cause="another tokenizer's ids")


def train_tokenizer(texts: Iterable[str], vocab_size: int = 2048) -> PreTrainedTokenizerFast:
    """Learn a byte-pair vocabulary of `vocab_size` tokens from texts: start with 256 bytes, keep joining the commonest pair.

        merge argmax over pairs (x, y) of count(x followed by y), until there are vocab_size tokens

    Every text can be written in it (nothing is unknown), and a small V makes a small model: with 30,522 tokens of 128
    numbers the table alone would be almost six times the default decoder. It writes ``<end>`` before and after each
    text, so that the first token has something to follow and the model can say that it is done.

    Args:
        texts: training texts only; those of validation must not shape the vocabulary.
        vocab_size: V, at least 258 (256 bytes, <pad>, <end>).
    Returns: tokenizer; pad_token "<pad>" is id 0, bos_token and eos_token "<end>" are id 1.
    Raises: InputError if vocab_size is below 258 or there is no text.
    Example:
        >>> tokenizer = train_tokenizer(["low lower lowest"] * 9, vocab_size=262)
        >>> tokenizer.tokenize("lowers")  # joined: l-o, lo-w, low with the space before it, and low-e
        ['low', 'e', 'r', 's']

    Source: Sennrich, Haddow & Birch 2016, section 3.2; over bytes: Radford et al. 2019, section 2.2.
    Checked against: merges worked out by hand, and texts that come back byte for byte (tests/test_decoder.py).
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    texts = [texts] if isinstance(texts, str) else list(texts)
    if vocab_size < 258 or not any(texts):
        raise InputError(f"{len(texts)} texts and vocab_size {vocab_size}", wanted="some text, and 258 or more")
    bytepairs = Tokenizer(models.BPE())
    bytepairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytepairs.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bytepairs.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=["<pad>", "<end>"], initial_alphabet=alphabet, show_progress=False,
    ))
    bytepairs.post_processor = processors.TemplateProcessing(single="<end> $A <end>", special_tokens=[("<end>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=bytepairs, pad_token="<pad>", bos_token="<end>", eos_token="<end>",
        model_input_names=["input_ids", "attention_mask"],
    )
