"""Masking: never a special token, the 80/10/10 shares, and the very tensors of the library's collator."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerFast

from ftlab.errors import InputError, ShapeError
from ftlab.masking import mask_tokens

SPECIAL = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}
V, MASK = 1000, 4


def build_tokenizer(with_mask=True):
    vocabulary = SPECIAL | {f"w{i}": i for i in range(5, V)}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")
    return PreTrainedTokenizerFast(tokenizer_object=inner, **names, **({"mask_token": "[MASK]"} if with_mask else {}))


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


@pytest.fixture(scope="module")
def input_ids():
    """(64, 128): [CLS] words with an [UNK] among them [SEP] [PAD] ..., lengths 3 to 128."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, V, (64, 128), generator=generator)
    ids[:, 0] = 2
    for row, length in enumerate(torch.linspace(3, 128, 64).long()):
        ids[row, length - 1], ids[row, length:] = 3, 0
    ids[40:, 7] = 1
    return ids


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("rate", [0.0, 0.15, 0.4, 1.0])
@pytest.mark.parametrize("replace", [(0.8, 0.1, 0.1), (1.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.6, 0.1, 0.3)])
def test_the_very_tensors_of_the_library(tokenizer, input_ids, rate, replace):
    collator = DataCollatorForLanguageModeling(
        tokenizer, mlm_probability=rate or 1e-9, mask_replace_prob=replace[0], random_replace_prob=replace[1]
    )
    for seed in range(3):
        collator.generator = seeded(seed)
        theirs, their_labels = collator.torch_mask_tokens(input_ids.clone())
        ours, our_labels = mask_tokens(input_ids, tokenizer, rate, seeded(seed), replace=replace)
        assert torch.equal(ours, theirs) and torch.equal(our_labels, their_labels)


def test_shares(tokenizer):
    n = 400_000
    words = torch.randint(5, V, (400, 1000), generator=seeded(1))
    masked, labels = mask_tokens(words, tokenizer, 0.15, seeded(2))
    chosen = labels != -100
    counts = {
        "chosen": (chosen.sum(), n, 0.15),
        "masked": ((masked == MASK)[chosen].sum(), chosen.sum(), 0.8 + 0.1 / V),
        "unchanged": ((masked == words)[chosen].sum(), chosen.sum(), 0.1 + 0.1 / V),
    }
    for name, (k, of, share) in counts.items():
        spread = (share * (1 - share) / int(of)) ** 0.5
        assert abs(int(k) / int(of) - share) < 4 * spread, (name, int(k) / int(of))
    drawn = masked[chosen & (masked != MASK) & (masked != words)]  # the random ones: even over the vocabulary
    assert abs(drawn.float().mean() - (V - 1) / 2) < 4 * V / (12 * len(drawn)) ** 0.5
    assert drawn.min() < 5 and drawn.max() > 950  # special tokens are drawn too, as in the library


def test_choice_is_independent_of_place_and_of_neighbours(tokenizer):
    words = torch.full((4000, 8), 9)
    chosen = (mask_tokens(words, tokenizer, 0.3, seeded(3))[1] != -100).double()
    assert (chosen.mean(0) - 0.3).abs().max() < 0.03
    correlations = torch.corrcoef(chosen.T) - torch.eye(8)
    assert correlations.abs().max() < 0.07


@pytest.mark.parametrize("seed", range(5))
def test_what_always_holds(tokenizer, input_ids, seed):
    before = input_ids.clone()
    masked, labels = mask_tokens(input_ids, tokenizer, 0.5, seeded(seed))
    chosen = labels != -100
    assert torch.equal(input_ids, before)  # not changed in place
    assert not chosen[input_ids < 5].any()  # [PAD] [UNK] [CLS] [SEP] [MASK]
    assert torch.equal(labels[chosen], input_ids[chosen]) and torch.equal(masked[~chosen], input_ids[~chosen])
    assert masked.dtype == labels.dtype == torch.int64 and masked.shape == labels.shape == input_ids.shape


def test_the_same_generator_gives_the_same_masks(tokenizer, input_ids):
    first, again, other = (mask_tokens(input_ids, tokenizer, generator=seeded(s))[1] for s in (7, 7, 8))
    assert torch.equal(first, again) and not torch.equal(first, other)
    torch.manual_seed(7)
    assert torch.equal(mask_tokens(input_ids, tokenizer)[1], first)  # None: torch's own generator


def test_rates_zero_and_one(tokenizer, input_ids):
    masked, labels = mask_tokens(input_ids, tokenizer, rate=0.0)
    assert torch.equal(masked, input_ids) and (labels == -100).all()
    masked, labels = mask_tokens(input_ids, tokenizer, rate=1.0, replace=(1.0, 0.0, 0.0))
    ordinary = input_ids >= 5
    assert (masked[ordinary] == MASK).all() and torch.equal(labels != -100, ordinary)
    kept, labels = mask_tokens(input_ids, tokenizer, rate=1.0, replace=(0.0, 0.0, 1.0))
    assert torch.equal(kept, input_ids) and torch.equal(labels != -100, ordinary)


def test_rows_of_special_tokens_only(tokenizer):
    ids = torch.tensor([[2, 3, 0, 0], [0, 0, 0, 0], [2, 1, 4, 3]])
    masked, labels = mask_tokens(ids, tokenizer, rate=1.0)
    assert torch.equal(masked, ids) and (labels == -100).all()
    empty = torch.zeros(0, 5, dtype=torch.int64)
    assert mask_tokens(empty, tokenizer)[0].shape == (0, 5)


def test_further_positions_never_to_choose(tokenizer):
    ids = torch.full((2, 6), 9)
    ids[:, 0] = 2
    never = torch.tensor([[0, 0, 1, 1, 0, 0], [0, 1, 0, 0, 0, 1]])
    for mask in (never, never.bool()):
        labels = mask_tokens(ids, tokenizer, rate=1.0, special_tokens_mask=mask)[1]
        assert torch.equal(labels != -100, (never == 0) & (ids != 2))


IDS = torch.full((2, 3), 9)
WRONG = {
    "a percentage": (dict(rate=15), InputError, "rate is 15.*pass 0.15"),
    "a negative rate": (dict(rate=-0.1), InputError, "-0.1"),
    "not a number": (dict(rate=float("nan")), InputError, "nan"),
    "shares of 0.9": (dict(replace=(0.8, 0.1, 0.0)), InputError, "add up to 1"),
    "two shares": (dict(replace=(0.8, 0.2)), InputError, "three shares"),
    "a negative share": (dict(replace=(1.2, -0.1, -0.1)), InputError, "add up to 1"),
    "one text": (dict(input_ids=IDS[0]), ShapeError, r"\(3,\)"),
    "embeddings": (dict(input_ids=IDS.float()), InputError, "float32"),
    "an attention mask": (dict(input_ids=IDS.bool()), InputError, "torch.bool"),
    "another shape": (dict(special_tokens_mask=IDS[:, :2]), ShapeError, r"\(2, 2\)"),
    "no [MASK]": (dict(tokenizer=build_tokenizer(with_mask=False)), InputError, r"\[MASK\]"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_line(tokenizer, name):
    more, error, words = WRONG[name]
    with pytest.raises(error, match=words) as caught:
        mask_tokens(**(dict(input_ids=IDS, tokenizer=tokenizer) | more))
    assert "\n" not in str(caught.value)
