"""The next token's distribution equals the library's warpers; generated texts equal the library's, token for token."""

import doctest
import math

import pytest
import torch
from torch import nn
from transformers import (
    GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper,
)

from ftlab import generation
from ftlab.decoder import TinyDecoder
from ftlab.errors import InputError, ShapeError
from ftlab.generation import beam_search, generate, next_token_distribution

V = 53


def test_examples_in_the_docstrings():
    assert doctest.testmod(generation).failed == 0


def close(p, wanted):
    assert torch.allclose(p, torch.tensor(wanted), atol=1e-6), p


def test_by_hand():
    logits = torch.tensor([0.5, 0.3, 0.2]).log()
    close(next_token_distribution(logits), [0.5, 0.3, 0.2])
    squares = [0.25 / 0.38, 0.09 / 0.38, 0.04 / 0.38]
    close(next_token_distribution(logits, temperature=0.5), squares)  # 1/0.5: each share squared, then scaled
    close(next_token_distribution(logits, top_k=2), [0.625, 0.375, 0.0])
    close(next_token_distribution(logits, top_p=0.45), [1.0, 0.0, 0.0])
    close(next_token_distribution(logits, top_p=0.79), [0.625, 0.375, 0.0])
    close(next_token_distribution(logits, top_p=0.81), [0.5, 0.3, 0.2])
    close(next_token_distribution(logits, temperature=0), [1.0, 0.0, 0.0])
    close(next_token_distribution(logits, top_k=2, top_p=0.62), [1.0, 0.0, 0.0])  # after top-k the first has 0.625
    close(next_token_distribution(torch.tensor([1.0, 2.0, 2.0]), top_k=1), [0.0, 0.5, 0.5])  # equals are kept


@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.7])
@pytest.mark.parametrize("top_k", [None, 1, 7, V, 10 * V])
@pytest.mark.parametrize("top_p", [None, 0.05, 0.6, 0.95, 1.0])
def test_the_librarys_warpers(temperature, top_k, top_p):
    logits = 3 * torch.randn(16, V, generator=torch.Generator().manual_seed(0))
    scores = TemperatureLogitsWarper(temperature)(None, logits)
    scores = TopKLogitsWarper(top_k)(None, scores) if top_k else scores
    scores = TopPLogitsWarper(top_p)(None, scores) if top_p else scores
    ours = next_token_distribution(logits, temperature, top_k, top_p)
    assert torch.equal(ours == 0, scores == -math.inf) and torch.allclose(ours, scores.softmax(-1), atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_what_always_holds(seed):
    logits = 4 * torch.randn(2, 3, V, generator=torch.Generator().manual_seed(seed))
    before = logits.clone()
    own = logits.softmax(-1)
    for settings in ({}, dict(top_k=5), dict(top_p=0.4), dict(temperature=0.1), dict(temperature=5.0, top_k=9, top_p=0.9)):
        p = next_token_distribution(logits, **settings)
        assert torch.allclose(p.sum(-1), torch.ones(2, 3)) and torch.equal(p.argmax(-1), own.argmax(-1))
    assert torch.equal(logits, before)
    assert ((next_token_distribution(logits, top_k=5) > 0).sum(-1) == 5).all()
    kept = next_token_distribution(logits, top_p=0.4) > 0
    mass, least = (own * kept).sum(-1), own.masked_fill(~kept, 2).min(-1).values
    assert (mass >= 0.4 - 1e-6).all() and (mass - least < 0.4).all()  # enough, and none too many
    entropies = [-(p := next_token_distribution(logits, temperature=t)).mul(p.clamp(min=1e-30).log()).sum() for t in (0.5, 1, 2)]
    assert entropies[0] < entropies[1] < entropies[2]
    half = next_token_distribution(logits.bfloat16(), top_k=5)
    assert half.dtype == torch.float32 and torch.allclose(half.sum(-1), torch.ones(2, 3))


def library_model(name):
    torch.manual_seed(0)
    sizes = dict(vocab_size=V, bos_token_id=1, eos_token_id=1, pad_token_id=0, initializer_range=0.4)
    if name == "gpt2":
        return GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=40, **sizes)).eval()
    return LlamaForCausalLM(LlamaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=48,
        max_position_embeddings=40, **sizes,
    )).eval()


PROMPTS = torch.tensor([[0, 0, 0, 7], [0, 3, 9, 4], [5, 6, 7, 8]])  # padded on the left
MASK = (PROMPTS != 0).long()


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_the_very_tokens_of_the_library(name):
    model = library_model(name)
    greedy = model.generate(PROMPTS, attention_mask=MASK, max_new_tokens=20, do_sample=False)
    ours = generate(model, PROMPTS, 20, attention_mask=MASK, end_id=1)
    assert torch.equal(ours, greedy)
    for settings in (dict(temperature=0.8, top_k=20), dict(temperature=1.2, top_k=0, top_p=0.9)):
        torch.manual_seed(3)
        theirs = model.generate(PROMPTS, attention_mask=MASK, max_new_tokens=12, do_sample=True, **settings)
        torch.manual_seed(3)
        settings = {name: value or None for name, value in settings.items()}
        assert torch.equal(generate(model, PROMPTS, 12, attention_mask=MASK, end_id=1, **settings), theirs)


def tiny(seed=0):
    torch.manual_seed(seed)
    model = TinyDecoder(V, 32, 2, 4, max_length=24)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model


def test_padding_on_the_left_changes_nothing():
    model = tiny()
    together = generate(model, PROMPTS, 8, attention_mask=MASK)
    for row, mask, text in zip(PROMPTS, MASK, together):
        alone = generate(model, row[mask.bool()][None], 8)
        assert torch.equal(alone[0], text[mask.sum().neg() + 4 :])


class Counter(nn.Module):
    """Favours the id after the last one: 3 -> 4 -> 5."""

    def forward(self, input_ids, attention_mask):
        return 50.0 * nn.functional.one_hot(input_ids + 1, V + 1).float()


def test_it_stops_at_the_end_and_fills_up():
    ids = generate(Counter(), torch.tensor([[3], [5], [1]]), 9, end_id=7, pad_id=0)
    assert ids.tolist() == [[3, 4, 5, 6, 7, 0, 0], [5, 6, 7, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6, 7]]
    assert generate(Counter(), torch.tensor([[3]]), 2).tolist() == [[3, 4, 5]]


def test_draws_follow_the_distribution_and_repeat():
    model = tiny()
    prompt = torch.full((4000, 1), 5)
    ids = generate(model, prompt, 1, temperature=1.0, top_k=6, generator=torch.Generator().manual_seed(0))[:, 1]
    p = next_token_distribution(model.eval()(prompt[:1])[0, -1], top_k=6)
    seen = torch.bincount(ids, minlength=V) / 4000
    assert (seen - p).abs().max() < 4 * 0.5 / 4000**0.5 and (seen[p == 0] == 0).all()
    draw = lambda s: generate(model, prompt[:8], 6, temperature=1.0, generator=torch.Generator().manual_seed(s))  # noqa: E731
    assert torch.equal(draw(1), draw(1)) and not torch.equal(draw(1), draw(2))
    assert torch.equal(generate(model, prompt[:1], 9), generate(model, prompt[:1], 9))


def test_dropout_is_off_and_training_goes_on():
    torch.manual_seed(0)
    model = TinyDecoder(V, 32, 2, 4, 24, dropout=0.5).train()
    first, again = (generate(model, torch.tensor([[5, 6]]), 10) for _ in range(2))
    assert torch.equal(first, again) and model.training
    assert not first.requires_grad


# ---- beam search

@pytest.mark.parametrize("name", ["gpt2", "llama"])
@pytest.mark.parametrize("n_beams", [1, 2, 5])
@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_very_beams_of_the_library(name, n_beams, length_penalty, seed):
    model = library_model(name)
    with torch.no_grad():  # an end that is reached now and then
        model.get_output_embeddings().weight[1] *= 1.5 + seed
    prompt = torch.tensor([[3 + seed, 9, 4]])
    theirs = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=12, do_sample=False, num_beams=n_beams, num_return_sequences=n_beams,
        early_stopping=n_beams > 1, length_penalty=length_penalty, return_dict_in_generate=True, output_scores=True)
    ours = beam_search(model, prompt, 12, n_beams, end_id=1, length_penalty=length_penalty)
    assert len(ours) == n_beams
    for beam, row in zip(ours, theirs.sequences[:, 3:].tolist()):
        assert beam.ids == row[: len(beam.ids)] and set(row[len(beam.ids):]) <= {0, 1}  # the library fills up with either
    if n_beams > 1:
        assert torch.allclose(torch.tensor([beam.score for beam in ours]), theirs.sequences_scores, atol=1e-5)


def test_beam_search_finds_what_greedy_misses():
    class Fork(nn.Module):
        """After 0: 1 (0.6) or 2 (0.4). After 1 all is open; after 2 comes 3 for sure, and then the end, 4."""

        def forward(self, input_ids, attention_mask):
            table = torch.tensor([[0, .6, .4, 0, 0], [.25, .25, .25, .25, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1]])
            return (table + 1e-9).log()[input_ids]

    start = torch.tensor([[0]])
    assert generate(Fork(), start, 2).tolist()[0][:2] == [0, 1]
    best = beam_search(Fork(), start, 3, n_beams=2, end_id=4)
    assert best[0].ids == [2, 3, 4] and best[0].log_p == pytest.approx(math.log(0.4), abs=1e-5)
    assert best[0].score == pytest.approx(math.log(0.4) / 3, abs=1e-5) and best[0].score >= best[1].score


def test_beam_search_with_every_path_is_exact():
    model = tiny()
    best = beam_search(model, PROMPTS[2:], 2, n_beams=V, length_penalty=0.0)
    pairs = torch.cartesian_prod(torch.arange(V), torch.arange(V))
    whole = torch.cat([PROMPTS[2:].expand(V * V, -1), pairs], dim=1)
    with torch.no_grad():
        log_p = model.eval()(whole).log_softmax(-1)
    each = log_p[:, 3:5].gather(2, pairs[:, :, None]).sum((1, 2))
    assert best[0].ids == pairs[each.argmax()].tolist() and best[0].log_p == pytest.approx(each.max().item(), abs=1e-4)
    longer = [len(beam_search(model, PROMPTS[2:], 8, 4, end_id=int(best[0].ids[0]), length_penalty=p)[0].ids) for p in (0.0, 3.0)]
    assert longer[0] <= longer[1]


IDS = torch.full((2, 3), 5)
WRONG = {
    "temperature": (lambda: next_token_distribution(torch.zeros(4), temperature=-1), InputError, "temperature is -1"),
    "infinite": (lambda: next_token_distribution(torch.zeros(4), temperature=math.inf), InputError, "inf"),
    "top_k": (lambda: next_token_distribution(torch.zeros(4), top_k=0), InputError, "top_k is 0"),
    "top_p": (lambda: next_token_distribution(torch.zeros(4), top_p=90), InputError, "pass 0.9"),
    "ids": (lambda: next_token_distribution(IDS), InputError, "ids passed for scores"),
    "one text": (lambda: generate(tiny(), IDS[0]), ShapeError, r"\(3,\)"),
    "no prompt": (lambda: generate(tiny(), IDS[:, :0]), ShapeError, "bos_token_id"),
    "right padding": (lambda: generate(tiny(), IDS, 3, attention_mask=torch.tensor([[1, 1, 1], [1, 1, 0]])), InputError, "left"),
    "too long": (lambda: generate(tiny(), IDS, 22), ShapeError, "at most 24"),
    "too long for gpt2": (lambda: generate(library_model("gpt2"), IDS, 38), ShapeError, "at most 40"),
    "two prompts": (lambda: beam_search(tiny(), IDS, 3), ShapeError, "one prompt"),
    "no beam": (lambda: beam_search(tiny(), IDS[:1], 3, n_beams=0), ShapeError, "0 beams"),
    "beams too long": (lambda: beam_search(tiny(), IDS[:1], 22), ShapeError, "at most 24"),
    "nothing new": (lambda: generate(tiny(), IDS, 0), InputError, "max_new_tokens is 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_line(name):
    call, error, words = WRONG[name]
    with pytest.raises(error, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
