"""From scores to text: which tokens may come next and how likely each is, one drawn, and again; or several paths at once.

Works with `TinyDecoder` and with the library's causal models. The past is read anew for every token: plain to read, and for
the short texts of the course fast enough (the library keeps keys and values of the past instead).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ftlab.errors import InputError, ShapeError


def next_token_distribution(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """Probabilities (0 to 1) of the next token after temperature, top-k and top-p, in this order.

        p = softmax(logits / temperature)
        top-k keeps the k likeliest; top-p keeps the fewest likeliest that together have at least top_p; the rest get 0
        what is kept is scaled to add up to 1

    A temperature below 1 sharpens, above 1 flattens; 0 is its limit, all on the likeliest token. Top-p measures what top-k
    has left. The likeliest token is always kept.

    Args:
        logits: float (..., V), scores of the next token.
        temperature: 0 or more; 1 leaves the model's own distribution.
        top_k: 1 or more tokens to keep (equals of the k-th are kept too); None keeps all.
        top_p: above 0 to 1, the probability to keep; None keeps all.
    Returns: float32 (..., V), each row adds up to 1.
    Raises: InputError for a temperature, top_k or top_p out of range, or logits that are not floats.
    Example:
        >>> p = next_token_distribution(torch.tensor([0.5, 0.3, 0.2]).log(), top_p=0.7)  # 0.5 is not enough, 0.8 is
        >>> [round(x, 3) for x in p.tolist()]
        [0.625, 0.375, 0.0]

    Source: Holtzman et al. 2020, section 3.1 (top-p); Fan, Lewis & Dauphin 2018, section 5.1 (top-k).
    Checked against: transformers' Temperature-, TopK- and TopPLogitsWarper (tests/test_generation.py).
    """
    _check(logits, temperature, top_k, top_p)
    logits = logits if logits.dtype == torch.float64 else logits.float()
    if temperature == 0:
        return nn.functional.one_hot(logits.argmax(dim=-1), logits.shape[-1]).to(logits.dtype)  # (..., V)
    logits = logits / temperature
    if top_k is not None:
        kth = logits.topk(min(top_k, logits.shape[-1])).values[..., -1:]  # (..., 1)
        logits = logits.masked_fill(logits < kth, -math.inf)
    if top_p is not None and top_p < 1:
        p, order = logits.softmax(dim=-1).sort(descending=True)  # (..., V), likeliest first
        before = p.cumsum(dim=-1) - p  # probability of all that are likelier
        enough = (before >= top_p).scatter(-1, order, before >= top_p)  # back to vocabulary order
        logits = logits.masked_fill(enough, -math.inf)
    return logits.softmax(dim=-1)  # (..., V)


@torch.no_grad()
def generate(
    model: nn.Module,
    input_ids: Tensor,
    max_new_tokens: int = 32,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    attention_mask: Tensor | None = None,
    end_id: int | None = None,
    pad_id: int = 0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Continue each row by up to `max_new_tokens` tokens (ids, no unit).

        repeat: ids <- ids, draw from next_token_distribution(logits of the last position)

    With temperature 0 the likeliest token is taken each time (greedy): the same text on every run, and often a text that
    repeats itself. Prompts of different lengths are padded on the left, so that the last position is a word in each row.

    Args:
        model: TinyDecoder, or a causal model of the library. Dropout is off while it generates.
        input_ids: int64 (B, T), the prompts, T of 1 or more.
        max_new_tokens: most tokens to add.
        temperature, top_k, top_p: as in `next_token_distribution`; temperature 0 is greedy.
        attention_mask: int (B, T), 1 = real token; None: all are real.
        end_id: a row that has drawn this id is finished, and filled up with pad_id; None: no row ends early.
        pad_id: what finished rows are filled with.
        generator: for a repeatable draw, on the model's device; None draws from torch's global one.
    Returns: int64 (B, T + n), prompt and continuation; n is max_new_tokens, or fewer when every row has ended.
    Raises:
        ShapeError: input_ids are not (B, T), attention_mask has another shape, or the text would outgrow the model.
        InputError: padding at the end of a prompt, max_new_tokens below 1, or an argument of the distribution out of range.
    Example: with logits that always favour id 5, ``generate(model, [[1]] as a tensor, 3)`` is [[1, 5, 5, 5]].
    Source: Holtzman et al. 2020 (why greedy text degenerates).
    Checked against: the library's ``generate``, greedy and sampled with one seed, padded on the left (tests/test_generation.py).
    """
    attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
    _check_prompt(model, input_ids, attention_mask, max_new_tokens)
    was_training, _ = model.training, model.eval()
    running = torch.ones(len(input_ids), dtype=torch.bool, device=input_ids.device)  # (B,)
    try:
        for _ in range(max_new_tokens):
            logits = _last_logits(model, input_ids, attention_mask)  # (B, V)
            p = next_token_distribution(logits, temperature, top_k, top_p)  # (B, V)
            drawn = torch.multinomial(p, 1, generator=generator) if temperature else p.argmax(-1, keepdim=True)  # (B, 1)
            drawn = drawn.masked_fill(~running[:, None], pad_id)
            input_ids = torch.cat([input_ids, drawn], dim=1)  # (B, T + 1)
            attention_mask = torch.cat([attention_mask, running[:, None].to(attention_mask.dtype)], dim=1)
            if end_id is not None:
                running = running & (drawn[:, 0] != end_id)
                if not running.any():
                    break
    finally:
        model.train(was_training)
    return input_ids


class Beam(NamedTuple):
    """One finished continuation of a beam search.

    Args:
        ids: the new tokens, a list of int, the end token included.
        log_p: their summed log-probability, in nats.
        score: log_p / length ** length_penalty, which the search ranks by.
    Example: ``Beam([5, 2], -1.2, -0.6)`` has two tokens at -0.6 nats each.
    """

    ids: list[int]
    log_p: float
    score: float


@torch.no_grad()
def beam_search(
    model: nn.Module, input_ids: Tensor, max_new_tokens: int = 32, n_beams: int = 4, end_id: int | None = None, length_penalty: float = 1.0
) -> list[Beam]:
    """The likeliest continuations of one prompt, looked for along several paths at once.

        repeat: extend each path by each token, keep the n_beams likeliest; a path that draws end_id is finished
        score = log P(new tokens) / (number of new tokens) ** length_penalty

    It stops when n_beams paths are finished. Every token costs something, so without a length penalty (0) short texts win; 1
    ranks by the mean, higher values favour long texts.

    Args:
        model: TinyDecoder, or a causal model of the library.
        input_ids: int64 (1, T), the prompt.
        max_new_tokens: a path of this length is finished, too.
        n_beams: paths kept; 1 is greedy.
        end_id: the token that ends a text; None: only the length does.
        length_penalty: exponent of the length, see above.
    Returns: list of `Beam`, n_beams of them at most, best score first.
    Raises: ShapeError if input_ids are not (1, T), n_beams is below 1, or the text would outgrow the model; InputError if
        max_new_tokens is below 1.
    Example: ``beam_search(model, ids, n_beams=1)[0].ids`` is what `generate` adds at temperature 0.
    Source: Jurafsky & Martin, Speech and Language Processing, 3rd ed., section 12.4; Wu et al. 2016, section 7 (length).
    Checked against: the library's ``generate(num_beams=..., early_stopping=True)`` (tests/test_generation.py).
    """
    _check_prompt(model, input_ids, torch.ones_like(input_ids), max_new_tokens)
    if len(input_ids) != 1 or n_beams < 1:
        raise ShapeError(f"{len(input_ids)} prompts, {n_beams} beams", wanted="one prompt (1, T), 1 beam or more", hint="one at a time")
    was_training, _ = model.training, model.eval()
    prompt, done = input_ids[0].tolist(), []
    alive: list[tuple[float, list[int]]] = [(0.0, [])]  # log P of the new tokens, and these
    try:
        for length in range(1, max_new_tokens + 1):
            rows = torch.tensor([prompt + ids for _, ids in alive], device=input_ids.device)  # (b, T + length - 1)
            log_p = _last_logits(model, rows, torch.ones_like(rows)).float().log_softmax(dim=-1)  # (b, V)
            totals = log_p + torch.tensor([[total] for total, _ in alive], device=log_p.device)  # (b, V)
            best = totals.flatten().topk(min(2 * n_beams, totals.numel()))  # twice as many as are kept: half of them may end here
            paths, alive = alive, []
            for rank, (total, place) in enumerate(zip(best.values.tolist(), best.indices.tolist())):
                ids = [*paths[place // totals.shape[1]][1], place % totals.shape[1]]
                if ids[-1] != end_id and length < max_new_tokens:
                    alive.append((total, ids))
                elif rank < n_beams:
                    done.append(Beam(ids, total, total / length**length_penalty))
            alive, done = alive[:n_beams], sorted(done, key=lambda beam: -beam.score)[:n_beams]
            if len(done) == n_beams or not alive:
                break
    finally:
        model.train(was_training)
    return done


def _last_logits(model: nn.Module, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Scores of the token after the last: (B, T) -> (B, V)."""
    arguments = {"input_ids": input_ids, "attention_mask": attention_mask}
    if hasattr(model, "config"):  # the library's models would count padding as positions
        arguments["position_ids"] = (attention_mask.long().cumsum(dim=1) - 1).clamp(min=0)  # (B, T)
        arguments["use_cache"] = False
    output = model(**arguments)
    return getattr(output, "logits", output)[:, -1]  # (B, T, V) -> (B, V)


def _check(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None) -> None:
    if not logits.is_floating_point():
        raise InputError(f"logits of {logits.dtype}", wanted="float (..., V)", cause="ids passed for scores")
    _check_drawing(temperature, top_k, top_p)


def _check_drawing(temperature: float, top_k: int | None, top_p: float | None) -> None:
    if not (0 <= temperature < math.inf):
        raise InputError(f"temperature is {temperature}", wanted="0 (greedy) or more, usually 0.5 to 1.5")
    if top_k is not None and (top_k != int(top_k) or top_k < 1):
        raise InputError(f"top_k is {top_k}", wanted="a whole number of 1 or more, or None")
    if top_p is not None and not 0 < top_p <= 1:
        raise InputError(f"top_p is {top_p}", wanted="above 0, to 1", cause="a percentage", hint="pass 0.9 for 90%")


def _check_prompt(model: nn.Module, input_ids: Tensor, attention_mask: Tensor, max_new_tokens: int) -> None:
    if input_ids.ndim != 2 or input_ids.shape[1] == 0 or attention_mask.shape != input_ids.shape:
        raise ShapeError(
            f"input_ids {tuple(input_ids.shape)} and attention_mask {tuple(attention_mask.shape)}",
            wanted="both (B, T), T of 1 or more", hint="start from the tokenizer's bos_token_id",
        )
    if max_new_tokens < 1:
        raise InputError(f"max_new_tokens is {max_new_tokens}", wanted="1 or more")
    if not attention_mask[:, -1].all():
        raise InputError(
            "padding at the end of a prompt", wanted="padding on the left", cause="the next token would follow padding",
            hint='tokenizer(texts, padding=True, padding_side="left")',
        )
    most = getattr(model, "max_length", None) or getattr(getattr(model, "config", None), "max_position_embeddings", math.inf)
    if input_ids.shape[1] + max_new_tokens > most:
        raise ShapeError(
            f"{input_ids.shape[1]} tokens and {max_new_tokens} new ones", wanted=f"at most {most} together",
            cause="the model has no more positions", hint="fewer max_new_tokens, or a shorter prompt",
        )
