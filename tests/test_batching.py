import pytest
import torch
from transformers import DataCollatorWithPadding

from ftlab import errors
from ftlab.batching import Encoded, LengthBuckets, batches, encode, pad, padding_share

import tiny


def test_pad_by_hand():
    batch = pad([{"input_ids": [5, 6, 7], "labels": 1}, {"input_ids": [8], "labels": 0}], pad_id=9)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [1, 0] and batch["labels"].dtype == torch.long


def test_pad_keeps_regression_labels_real_and_token_labels_padded():
    assert pad([{"input_ids": [1], "labels": 0.5}])["labels"].dtype == torch.float32
    rows = [{"input_ids": [1, 2], "labels": [0, 1]}, {"input_ids": [1], "labels": [1]}]
    assert pad(rows)["labels"].tolist() == [[0, 1], [1, -100]]


def test_pad_equals_the_library_collator(lite_tokenizer):
    table = lite_tokenizer(["a good film", "a film that nobody asked for"], return_attention_mask=False)
    rows = [dict(zip(table.keys(), values)) for values in zip(*table.values())]
    theirs = DataCollatorWithPadding(lite_tokenizer)([dict(row) for row in rows])
    ours = pad(rows, lite_tokenizer.pad_token_id)
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        assert torch.equal(ours[name], theirs[name]), name


@pytest.mark.parametrize("n,size,bucket", [(1, 4, True), (7, 3, True), (1000, 32, True), (1000, 32, False), (64, 64, True)])
def test_every_example_once_an_epoch(n, size, bucket):
    lengths = [(i * 7) % 23 + 1 for i in range(n)]
    sampler = LengthBuckets(lengths, size, bucket=bucket, seed=3)
    seen = [list(sampler), list(sampler)]
    assert seen[0] == seen[1], "same epoch, same order"
    assert sorted(i for b in seen[0] for i in b) == list(range(n))
    assert len(seen[0]) == len(sampler) == -(-n // size)
    sampler.set_epoch(1)
    if n > 64:
        assert list(sampler) != seen[0], "another epoch, another order"
    if n == 1000:
        other = LengthBuckets(lengths, size, bucket=bucket, seed=4)
        assert list(other) != seen[0], "another seed, another order"


def test_buckets_cut_padding_by_far():
    rows = tiny.rows(800)
    for row in rows[::2]:
        row["input_ids"] = row["input_ids"] * 3
        row["token_type_ids"] = row["token_type_ids"] * 3
    data = Encoded(rows)
    assert padding_share(batches(data, 32, bucket=True)) < 0.25 * padding_share(batches(data, 32, bucket=False))


def test_padding_share_by_hand():
    data = Encoded([{"input_ids": [1, 2, 3], "labels": 0}, {"input_ids": [1, 2, 3, 4, 5], "labels": 1}])
    assert padding_share(batches(data, 2)) == pytest.approx(0.2)


def test_drawing_batches_leaves_torch_random_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(tiny.loader())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "8"])
def test_bad_batch_size(size):
    with pytest.raises(errors.InputError, match="batch_size"):
        LengthBuckets([1, 2], size)


def test_nothing_to_encode():
    with pytest.raises(errors.TaskError, match="no examples"):
        Encoded([])
    with pytest.raises(errors.TaskError):
        pad([])


def test_encode_cuts_and_refuses(lite_tokenizer):
    from ftlab.tasks import Split

    split = Split("train", ["word " * 50, "short"], [0, 1])
    encoded = encode(split, lite_tokenizer, max_length=10)
    assert encoded.lengths() == [10, 3] and encoded.tokens == 13
    assert encoded[0]["input_ids"][-1] == lite_tokenizer.sep_token_id, "the closing [SEP] survives the cut"
    for bad in (3, 100_000):
        with pytest.raises(errors.InputError, match="max_length"):
            encode(split, lite_tokenizer, max_length=bad)
