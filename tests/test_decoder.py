"""The tiny decoder is GPT-2 (same weights, same logits, same gradients), sees no future and no padding, and learns."""

import doctest
import math

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from ftlab import decoder
from ftlab.decoder import CausalSelfAttention, TinyDecoder, causal_mask, train_tokenizer
from ftlab.errors import InputError, ShapeError
from ftlab.losses import clm_loss

V, H, LAYERS, HEADS, T = 61, 24, 3, 4, 13


def test_examples_in_the_docstrings():
    assert doctest.testmod(decoder).failed == 0


def random_decoder(seed=0, std=0.25):
    """Weights large enough that every part matters (biases and norms too)."""
    torch.manual_seed(seed)
    model = TinyDecoder(V, H, LAYERS, HEADS, max_length=T)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, mean=float(parameter.ndim == 1) / 2, std=std)
    return model.eval()


# library name -> (our name, transposed?): GPT-2 keeps its matrices the other way round
BLOCK = {
    "ln_1.weight": ("attention_norm.weight", False), "ln_1.bias": ("attention_norm.bias", False),
    "attn.c_attn.weight": ("attention.qkv.weight", True), "attn.c_attn.bias": ("attention.qkv.bias", False),
    "attn.c_proj.weight": ("attention.output.weight", True), "attn.c_proj.bias": ("attention.output.bias", False),
    "ln_2.weight": ("feed_forward_norm.weight", False), "ln_2.bias": ("feed_forward_norm.bias", False),
    "mlp.c_fc.weight": ("widen.weight", True), "mlp.c_fc.bias": ("widen.bias", False),
    "mlp.c_proj.weight": ("narrow.weight", True), "mlp.c_proj.bias": ("narrow.bias", False),
}
NAMES = {
    "transformer.wte.weight": ("token_embedding.weight", False), "transformer.wpe.weight": ("position_embedding.weight", False),
    "transformer.ln_f.weight": ("final_norm.weight", False), "transformer.ln_f.bias": ("final_norm.bias", False),
} | {f"transformer.h.{i}.{theirs}": (f"blocks.{i}.{ours}", t) for i in range(LAYERS) for theirs, (ours, t) in BLOCK.items()}


def gpt2_with_the_weights_of(model):
    library = GPT2LMHeadModel(GPT2Config(
        vocab_size=V, n_embd=H, n_layer=LAYERS, n_head=HEADS, n_positions=T, bos_token_id=1, eos_token_id=1,
    )).eval()
    ours = model.state_dict()
    state = {theirs: ours[name].T if transposed else ours[name] for theirs, (name, transposed) in NAMES.items()}
    missing, unexpected = library.load_state_dict(state, strict=False)
    assert not unexpected and missing == ["lm_head.weight"]  # tied to wte
    assert len(ours) == len(NAMES)
    return library


def padded_batch(side="right"):
    attention_mask = (torch.arange(T) < torch.tensor([T, 6, 1, 9])[:, None]).long()
    if side == "left":
        attention_mask = attention_mask.flip(1)
    input_ids = torch.randint(2, V, (4, T), generator=torch.Generator().manual_seed(1)) * attention_mask
    return input_ids, attention_mask


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("side", ["right", "left"])
def test_same_logits_and_gradients_as_gpt2(seed, side):
    model = random_decoder(seed)
    library = gpt2_with_the_weights_of(model)
    input_ids, attention_mask = padded_batch(side)
    positions = (attention_mask.cumsum(1) - 1).clamp(min=0)
    theirs = library(input_ids=input_ids, attention_mask=attention_mask, position_ids=positions).logits
    ours, real = model(input_ids, attention_mask), attention_mask.bool()
    assert theirs.std() > 0.5 and (ours - theirs)[real].abs().max() <= 1e-5
    labels = input_ids.masked_fill(~real | (positions == 0), -100)  # on the left, padding would predict the first token
    clm_loss(theirs, labels).backward()
    clm_loss(ours, labels).backward()
    mine, other = dict(model.named_parameters()), dict(library.named_parameters())
    for name, (our_name, transposed) in NAMES.items():
        gradient = mine[our_name].grad.T if transposed else mine[our_name].grad
        assert (gradient - other[name].grad).abs().max() <= 1e-5, name


def test_the_future_is_not_seen():
    model = random_decoder()
    input_ids = torch.randint(2, V, (2, T), generator=torch.Generator().manual_seed(2))
    before = model(input_ids)
    for t in range(1, T):
        changed = input_ids.clone()
        changed[:, t] = (changed[:, t] + 1) % V
        after = model(changed)
        assert torch.equal(after[:, :t], before[:, :t]) and not torch.allclose(after[:, t], before[:, t])


def test_padding_is_not_seen_on_either_side():
    model = random_decoder()
    words = torch.randint(2, V, (1, 7), generator=torch.Generator().manual_seed(3))
    alone, mask = model(words), torch.ones(1, 7, dtype=torch.long)
    for junk in (0, 17):
        more = torch.full((1, 4), junk)
        right = model(torch.cat([words, more], 1), torch.cat([mask, 0 * more], 1))
        left = model(torch.cat([more, words], 1), torch.cat([0 * more, mask], 1))
        assert torch.allclose(right[:, :7], alone, atol=1e-5) and torch.allclose(left[:, 4:], alone, atol=1e-5)
        assert left.isfinite().all() and right.isfinite().all()
    assert torch.equal(model(words, mask), alone) and torch.equal(model(words, mask.bool()), alone)


def test_mask_by_hand():
    mask = causal_mask(torch.tensor([[0, 1, 1]]))
    assert mask.shape == (1, 1, 3, 3) and mask[0, 0].int().tolist() == [[0, 0, 0], [0, 1, 0], [0, 1, 1]]


def test_attention_by_hand():
    """One head, identity queries, keys and values: the second row is a mean weighted by exp of dot products."""
    attention = CausalSelfAttention(2, 1)
    with torch.no_grad():
        attention.qkv.weight.copy_(torch.eye(2).repeat(3, 1))
        attention.output.weight.copy_(torch.eye(2))
        attention.qkv.bias.zero_()
        attention.output.bias.zero_()
    x = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    out = attention(x, causal_mask(torch.ones(1, 2)))
    share = math.exp(4 / math.sqrt(2)) / (1 + math.exp(4 / math.sqrt(2)))  # q2·k1 = 0, q2·k2 = 4
    assert torch.allclose(out[0, 0], x[0, 0]) and torch.allclose(out[0, 1], torch.tensor([1 - share, 2 * share]))


def test_first_loss_is_log_v():
    torch.manual_seed(0)
    model, ids = TinyDecoder(V, H, LAYERS, HEADS, T), torch.randint(0, V, (8, T))
    assert clm_loss(model(ids), ids).item() == pytest.approx(math.log(V), abs=0.1)


def test_it_memorises_one_batch():
    texts = ["a good film", "a bad film", "not a good film at all"]
    tokenizer = train_tokenizer(texts, 270)
    torch.manual_seed(0)
    model = TinyDecoder(len(tokenizer), 32, 1, 2, 32)
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    labels = batch.input_ids.masked_fill(batch.attention_mask == 0, -100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    first = None
    for _ in range(60):
        loss = clm_loss(model(**batch), labels)
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert first > 5 and loss < 0.35  # not 0: after <end> and "a", three texts go on differently


def test_dropout_only_while_training():
    torch.manual_seed(0)
    model, ids = TinyDecoder(V, H, 1, HEADS, T, dropout=0.5), torch.zeros(1, 4, dtype=torch.long)
    assert not torch.equal(model(ids), model(ids))
    model.eval()
    assert torch.equal(model(ids), model(ids))


# ---- the tokenizer

def test_bytepairs_by_hand():
    # "ab" 3 times, "ac" twice: a-b is joined first, then a-c
    tokenizer = train_tokenizer(["ab", "ab", "ab", "ac", "ac"], 260)
    assert tokenizer.convert_ids_to_tokens([258, 259]) == ["ab", "ac"]
    assert tokenizer("abac").input_ids == [1, 258, 259, 1]
    assert (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id, len(tokenizer)) == (0, 1, 1, 260)


def test_every_text_comes_back():
    tokenizer = train_tokenizer(["the film is good", "the film is bad"] * 3, 280)
    for text in ("the film", " two  spaces ", "naïve café — 你好 🎬\n\ttab", "it's ''quoted''", ""):
        ids = tokenizer(text).input_ids
        assert ids[0] == ids[-1] == 1 and tokenizer.decode(ids, skip_special_tokens=True) == text
    assert set(tokenizer(["a", "abc"], padding=True)) == {"input_ids", "attention_mask"}


def test_the_same_texts_give_the_same_tokenizer():
    texts = [f"word{i % 7} and word{i % 5}" for i in range(50)]
    first, again = train_tokenizer(texts, 300), train_tokenizer(iter(texts), 300)
    assert first.get_vocab() == again.get_vocab()


IDS = torch.zeros(2, 3, dtype=torch.long)
WRONG = {
    "heads": (lambda: TinyDecoder(V, 30, 1, 4), InputError, "4 heads for hidden_size 30"),
    "no layers": (lambda: TinyDecoder(V, 32, 0, 4), InputError, "below 1"),
    "too long": (lambda: TinyDecoder(V, 8, 1, 2, max_length=2)(IDS), ShapeError, "at most 2"),
    "one text": (lambda: TinyDecoder(V, 8, 1, 2)(IDS[0]), ShapeError, r"\(3,\)"),
    "another mask": (lambda: TinyDecoder(V, 8, 1, 2)(IDS, IDS[:, :2]), ShapeError, r"\(2, 2\)"),
    "another tokenizer": (lambda: TinyDecoder(V, 8, 1, 2)(IDS + V), InputError, "0 to 60"),
    "mask of one text": (lambda: causal_mask(IDS[0]), ShapeError, r"\(B, T\)"),
    "small vocabulary": (lambda: train_tokenizer(["a"], 100), InputError, "258"),
    "no text": (lambda: train_tokenizer([], 300), InputError, "0 texts"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_line(name):
    call, error, words = WRONG[name]
    with pytest.raises(error, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
