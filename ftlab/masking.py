"""The corruption of masked-language-model training: choose some tokens, hide most of them, ask for them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ftlab.errors import InputError, ShapeError

if TYPE_CHECKING:  # the tokenizer is the caller's: this module needs no transformers
    from transformers import PreTrainedTokenizerBase


def mask_tokens(
    input_ids: Tensor,
    tokenizer: PreTrainedTokenizerBase,
    rate: float = 0.15,
    generator: torch.Generator | None = None,
    special_tokens_mask: Tensor | None = None,
    replace: tuple[float, float, float] = (0.8, 0.1, 0.1),
) -> tuple[Tensor, Tensor]:
    """Choose tokens to predict (a share of them, no unit) and corrupt those: 80% [MASK], 10% random, 10% unchanged.

        P(chosen) = rate for each ordinary token, 0 for special tokens and padding, independently
        P([MASK] | chosen) = 0.8    P(random | chosen) = 0.1    P(unchanged | chosen) = 0.1

    Why not [MASK] for all: [MASK] never occurs after pretraining, and a model that is asked only about [MASK] need
    keep nothing about the other tokens. Random and unchanged tokens look like any other, so each place must be ready.

    The random token is drawn evenly from the whole vocabulary, as in the library: it can be [PAD] or [CLS], and, once
    in V draws, the token that was there. [UNK] counts as special: it is never chosen.

    Args:
        input_ids: int64 (B, T), with special tokens and padding. Not changed (the library's collator changes it).
        tokenizer: the tokenizer that made them: its special tokens, its [MASK], its size.
        rate: share of the ordinary tokens to predict, 0 to 1.
        generator: a CPU torch.Generator for a repeatable draw; None draws from torch's global one.
        special_tokens_mask: bool or int (B, T), 1 at further positions never to choose; None adds none.
        replace: shares of [MASK], random and unchanged among the chosen; they add up to 1.
    Returns:
        masked_input_ids: int64 (B, T), what the model reads.
        labels: int64 (B, T), the original id where chosen, -100 elsewhere: what `mlm_loss` takes.
    Raises:
        InputError: rate outside 0..1, shares that do not add up to 1, ids that are no integers, no [MASK] to put.
        ShapeError: input_ids are not (B, T), or special_tokens_mask has another shape.
    Example: 10,000 ordinary tokens give about 1,500 labels; about 1,200 of those are [MASK], 150 random, 150 unchanged.
    Source: Devlin et al. 2019, BERT, section 3.1 (Task #1) and appendix A.1; C.2 measures other shares.
    Checked against: transformers DataCollatorForLanguageModeling: rates, and with one generator the very same tensors.
    """
    to_mask, to_random, _ = _check_shares(rate, replace)
    if input_ids.ndim != 2:
        raise ShapeError(f"input_ids {tuple(input_ids.shape)}", wanted="(B, T)", hint="input_ids[None] for one text")
    if input_ids.is_floating_point() or input_ids.is_complex() or input_ids.dtype == torch.bool:
        raise InputError(f"input_ids of {input_ids.dtype}", wanted="int64", cause="embeddings passed for ids")
    if tokenizer.mask_token_id is None:
        raise InputError("a tokenizer without [MASK]", wanted="one with it", cause="a causal model's tokenizer")

    special = torch.isin(input_ids, torch.tensor(tokenizer.all_special_ids, device=input_ids.device))  # (B, T)
    if special_tokens_mask is not None:
        if special_tokens_mask.shape != input_ids.shape:
            got, wanted = tuple(special_tokens_mask.shape), tuple(input_ids.shape)
            raise ShapeError(f"special_tokens_mask {got}", wanted=f"{wanted}, the shape of input_ids")
        special = special | special_tokens_mask.to(special.device).bool()

    def toss(probability: float) -> Tensor:
        """One biased coin a position: bool (B, T)."""
        coins = torch.bernoulli(torch.full(input_ids.shape, probability), generator=generator)
        return coins.bool().to(input_ids.device)

    chosen = toss(rate) & ~special  # (B, T)
    masked = chosen & toss(to_mask)
    randomised = chosen & ~masked & toss(to_random / (1 - to_mask) if to_mask < 1 else 0.0)  # of those that are left
    random_ids = torch.randint(len(tokenizer), input_ids.shape, generator=generator).to(input_ids.device)

    labels = input_ids.masked_fill(~chosen, -100)
    corrupted = input_ids.masked_fill(masked, tokenizer.mask_token_id)
    return torch.where(randomised, random_ids, corrupted), labels


def _check_shares(rate: float, replace: tuple[float, float, float]) -> tuple[float, float, float]:
    """The three shares, once rate and shares are probabilities."""
    if not 0.0 <= rate <= 1.0:
        raise InputError(f"rate is {rate}", wanted="0 to 1", cause="a percentage", hint="pass 0.15 for 15%")
    if len(replace) != 3 or min(replace) < 0 or abs(sum(replace) - 1) > 1e-6:
        raise InputError(
            f"replace is {replace}", wanted="three shares that add up to 1: [MASK], random, unchanged",
            hint="(0.8, 0.1, 0.1)",
        )
    return replace
