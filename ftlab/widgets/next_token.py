"""See what may come next after a text, and how temperature, top-k and top-p shape the draw."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from ..display import about, escape
from ..errors import InputError
from .base import bars_html, bars_text, build, slider
from .base import text as line

SHOWN = 10  # likeliest tokens drawn as bars


def next_token_box(model: Any, tokenizer: Any, text: str = "The film is a", start: int | None = None,
                   title: str = "What comes next? Change the text, the temperature and the cuts") -> None:
    """The ten likeliest next tokens of a text as bars, after temperature, top-k and top-p.

    p = softmax(logits / temperature), cut by top-k, then by top-p, scaled to add up to 1

    Args:
        model: a causal model: ids (1, T) to logits (1, T, V), `TinyDecoder` or one of the library.
        tokenizer: the tokenizer that belongs to it.
        text: the text at the start, which the still picture shows.
        start: id put before the text; None takes <|endoftext|> where the tokenizer has it, else its bos_token.
        title: one line above the box.
    Example: ``ft.widgets.next_token_box(model, tokenizer)`` shows ten bars and how many tokens are left to draw from.
    """
    import torch

    from ..causal import DOCUMENT_START
    from ..generation import next_token_distribution

    first = tokenizer.get_vocab().get(DOCUMENT_START, tokenizer.bos_token_id) if start is None else start

    @lru_cache(maxsize=16)  # a slider moves without running the model again
    def scores(words: str) -> torch.Tensor:
        ids = torch.tensor([[first, *tokenizer(words, add_special_tokens=False)["input_ids"]]])  # (1, T)
        ids = ids[:, -(getattr(model, "max_length", None) or 512):]
        was_training = model.training
        model.eval()
        with torch.no_grad():
            output = model(ids)
        model.train(was_training)
        return getattr(output, "logits", output)[0, -1].float()  # (V,)

    def respond(text: str, temperature: float, top_k: int, top_p: float) -> tuple[str, str]:
        if not text.strip():
            raise InputError("an empty text", wanted="a few words to continue")
        p = next_token_distribution(scores(text), temperature, top_k or None, top_p)  # (V,)
        entropy = float(-(p[p > 0] * p[p > 0].log()).sum())
        best = p.topk(min(SHOWN, int((p > 0).sum())))
        names = (f"{tokenizer.decode([i])!r}" for i in best.indices.tolist())
        values = {f"{name}{' ' * n}": value for n, (name, value) in enumerate(zip(names, best.values.tolist()))}  # no two names alike
        said = f"{about(int((p > 0).sum()), '.0f')} tokens to draw from, perplexity of the draw {about(math.exp(entropy), '.1f')}"
        leading = dict(list(values.items())[:1])
        return f"  {said}; the likeliest:\n{bars_text(leading)}", f"{escape(said)}{bars_html(values)}"

    build(title, {
        "text": line(text, label="text so far"),
        "temperature": slider(1.0, 0.0, 2.0, 0.1, label="temperature"),
        "top_k": slider(0, 0, 100, 1, label="top-k (0: all)"),
        "top_p": slider(1.0, 0.05, 1.0, 0.05, label="top-p"),
    }, respond)
