"""Teach a causal model to answer: prompts in its chat template, a loss on the answer alone, answers written and cut clean.

Training is the same `fit` as ever, with `clm_loss`: only the labels differ, -100 on every token of the prompt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ftlab.batching import Encoded
from ftlab.errors import InputError, TaskError
from ftlab.generation import _check_drawing
from ftlab.losses import IGNORE_INDEX


def chat_prompt(tokenizer: Any, prompt: str) -> str:
    """A user's prompt in the model's own chat template, up to the place where the answer begins.

    Args:
        tokenizer: of a chat model, with a chat template.
        prompt: what the user says.
    Returns: str, special tokens written out.
    Raises: InputError if the tokenizer has no template, or the prompt is not text or is blank.
    Example: for SmolLM2 it ends in ``"<|im_start|>assistant\\n"``.
    Source: the template is part of the checkpoint. Checked against: the tokens of apply_chat_template (tests/test_instruct.py).
    """
    if not getattr(tokenizer, "chat_template", None):
        raise InputError("a tokenizer without a chat template", wanted="a chat model's", cause="a base model", hint='use "smollm2-135m"')
    if not isinstance(prompt, str) or not prompt.strip():
        raise InputError(f"the prompt is {prompt!r}", wanted="a text that is not blank")
    return tokenizer.apply_chat_template([{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True)


def encode_chat(prompts: Sequence[str], answers: Sequence[str], tokenizer: Any, max_length: int = 512) -> Encoded:
    """Prompts and answers as examples for `fit` with `clm_loss`: the loss counts the answer and the token that ends it.

        input_ids = [prompt ..., answer ..., end]        labels = [-100 ..., answer ..., end]

    The labels stand where their tokens stand; `clm_loss` does the shift. So the first token of the answer is asked of the last
    position of the prompt.

    Args:
        prompts: list of str, put into the chat template here.
        answers: list of str, one a prompt.
        tokenizer: of a chat model.
        max_length: most tokens an example; a longer one is refused, because cutting it would lose its answer.
    Returns: Encoded, for `batches`.
    Raises: InputError if an example is too long, an answer is blank, one of the two is no list or they differ in length; TaskError if
        there is no example.
    Example: ``encode_chat(["Hello?"], ["Yes."], tokenizer)[0]["labels"][-1]`` is the id of ``<|im_end|>``.
    Source: Ouyang et al. 2022, InstructGPT, section 3.5 (supervised fine-tuning); Touvron et al. 2023, Llama 2, section 3.1 (no loss on the prompt).
    Checked against: the library's tokens of the whole dialogue, and the loss of the answer by hand (tests/test_instruct.py).
    """
    if isinstance(prompts, str) or isinstance(answers, str):
        raise InputError("one text", wanted="a list of prompts and a list of answers", hint="[prompt], [answer]")
    if len(prompts) != len(answers):
        raise InputError(f"{len(prompts)} prompts and {len(answers)} answers", wanted="as many of each")
    if not len(prompts):
        raise TaskError("no examples", wanted="at least one prompt with its answer")
    if blank := [reply for reply in answers if not isinstance(reply, str) or not reply.strip()]:
        raise InputError(f"an answer is {blank[0]!r}", wanted="a text that is not blank", cause="a missing value in a table")
    asked = tokenizer([chat_prompt(tokenizer, prompt) for prompt in prompts], add_special_tokens=False)["input_ids"]
    said = tokenizer([reply.strip() for reply in answers], add_special_tokens=False)["input_ids"]
    rows = []
    for i, (prompt, reply) in enumerate(zip(asked, said)):
        reply = [*reply, tokenizer.eos_token_id]
        if len(prompt) + len(reply) > max_length:
            raise InputError(f"example {i} has {len(prompt)} + {len(reply)} tokens", wanted=f"at most {max_length} together",
                             hint="shorten(text, tokenizer, max_tokens) before you build the prompt, or raise max_length")
        rows.append({"input_ids": prompt + reply, "labels": [IGNORE_INDEX] * len(prompt) + reply})
    return Encoded(rows, tokenizer.pad_token_id)


def shorten(text: str, tokenizer: Any, max_tokens: int) -> str:
    """The beginning of a text, at most `max_tokens` tokens of it, ended at a word.

    Args:
        text: of any length.
        tokenizer: the model's.
        max_tokens: 1 or more.
    Returns: str, the text itself if it is short enough.
    Raises: InputError if max_tokens is below 1, or the text is not text.
    Example: ``shorten("a " * 50_000, tokenizer, 300)`` has at most 300 tokens.
    """
    if not isinstance(text, str) or max_tokens < 1:
        raise InputError(f"text is a {type(text).__name__}, max_tokens is {max_tokens}", wanted="a str, and 1 or more")
    text = text[: 100 * max_tokens]  # no token is longer: a book is not read to its end for its first page
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    if len(found["input_ids"]) <= max_tokens:
        return text
    (_, end), (after, _) = found["offset_mapping"][max_tokens - 1 : max_tokens + 1]
    cut = text[: min(end, after)]  # the first token too many may begin in the same character, of which several tokens are made
    return cut if cut.endswith((" ", "\n")) or text[len(cut)].isspace() or " " not in cut else cut[: cut.rindex(" ")]


@torch.no_grad()
def write(
    model: nn.Module, tokenizer: Any, prompts: Sequence[str] | str, max_new_tokens: int = 64, batch_size: int = 16,
    temperature: float = 0.0, top_k: int | None = None, top_p: float | None = None, n_beams: int = 1, length_penalty: float = 1.0,
    seed: int = 0,
) -> list[str]:
    """Answers to prompts, through the library's `generate`, which keeps the keys and values of the past.

    Args:
        model: a causal chat model of the library, with or without LoRA.
        tokenizer: the model's own.
        prompts: str or list of str, without template.
        max_new_tokens: an answer that has not ended by then is cut.
        batch_size: prompts at a time; they are padded on the left.
        temperature: 0 is greedy (or beam search); above 0 a token is drawn.
        top_k, top_p: as in `next_token_distribution`.
        n_beams: above 1: beam search, without drawing.
        length_penalty: of the beam search.
        seed: of the draws; torch's own generator is left as it was.
    Returns: list of str, one a prompt, in the prompts' order, without special tokens.
    Raises: InputError if temperature and beams are mixed, a setting is out of range, or a prompt is blank or too long for the model.
    Example: ``write(model, tokenizer, "What is the capital of France?")`` names Paris.
    Source: Holtzman et al. 2020. Checked against: `generate` and `beam_search` of ftlab, token for token (tests/test_instruct.py).
    """
    prompts = [prompts] if isinstance(prompts, str) else list(prompts)
    if temperature and n_beams > 1:
        raise InputError(f"temperature {temperature} with {n_beams} beams", wanted="one of the two", hint="temperature=0 for beam search")
    if batch_size < 1 or max_new_tokens < 1 or n_beams < 1 or n_beams != int(n_beams):
        got = f"batch_size {batch_size}, max_new_tokens {max_new_tokens}, n_beams {n_beams}"
        raise InputError(got, wanted="whole numbers, 1 or more")
    _check_drawing(temperature, top_k, top_p)
    settings: dict[str, Any] = {
        "max_new_tokens": max_new_tokens, "do_sample": temperature > 0, "num_beams": n_beams,
        "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
    }
    if temperature:
        settings |= {"temperature": temperature, "top_k": top_k or 0, "top_p": top_p or 1.0}
    if n_beams > 1:
        settings |= {"early_stopping": True, "length_penalty": length_penalty}
    device, was_training = next(model.parameters()).device, model.training
    chats = [chat_prompt(tokenizer, prompt) for prompt in prompts]
    most = getattr(model.config, "max_position_embeddings", None) or math.inf
    longest = max((len(ids) for ids in tokenizer(chats, add_special_tokens=False, verbose=False)["input_ids"])) if chats else 0
    if longest + max_new_tokens > most:
        raise InputError(f"a prompt of {longest} tokens and {max_new_tokens} new ones", wanted=f"at most {most} together",
                         cause="the model has no more positions", hint="shorten(text, tokenizer, max_tokens)")
    order = sorted(range(len(chats)), key=lambda i: len(chats[i]))  # similar lengths together: little padding
    found = [""] * len(chats)
    model.eval()
    # of a strided slice (the last position) and a frozen matrix, torch copies the matrix once a row: 56 MiB times the batch
    compact = model.get_output_embeddings().register_forward_pre_hook(lambda head, args: (args[0].contiguous(), *args[1:]))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), compact:
        torch.manual_seed(seed)
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            batch = tokenizer([chats[i] for i in chosen], padding=True, padding_side="left", add_special_tokens=False, return_tensors="pt")
            ids = model.generate(**batch.to(device), **settings)  # (B, T + n)
            texts = tokenizer.batch_decode(ids[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
            for i, text in zip(chosen, texts):
                found[i] = text.strip()
    model.train(was_training)
    return found


def chat_rows(tokenizer: Any, prompt: str, reply: str) -> list[tuple[str, int]]:
    """The pieces of one training example, each with its label: to look at what the loss is asked.

    Args:
        tokenizer: of a chat model.
        prompt, reply: one example.
    Returns: list of (piece of text, label).
    Raises: InputError as `encode_chat`.
    Example: the last row is ``("<|im_end|>", 2)`` for SmolLM2.
    """
    row = encode_chat([prompt], [reply], tokenizer, max_length=100_000)[0]
    return [(tokenizer.decode([i]), label) for i, label in zip(row["input_ids"], row["labels"])]
