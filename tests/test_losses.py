"""The losses by hand: three tokens, numbers worked out on paper, and the well-known wrong versions told apart."""

import doctest
import math

import pytest
import torch
import torch.nn.functional as F

from ftlab import losses
from ftlab.errors import InputError, ShapeError
from ftlab.losses import (
    bits_per_byte, classification_loss, clm_loss, mlm_loss, perplexity, regression_loss, span_loss, token_loss,
)

LOG = math.log
# Softmax of these rows is exact: logits are logs of shares that add up to 1. V = 3.
P = torch.tensor([[[0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.8, 0.1, 0.1]]])  # (1, 4, 3)
LOGITS = P.log()


def close(a, b, tolerance=1e-6):
    assert abs(float(a) - float(b)) <= tolerance, (float(a), float(b))


def test_examples_in_the_docstrings():
    assert doctest.testmod(losses).failed == 0


# ---- by hand, on a 3-token vocabulary

def test_mlm_by_hand():
    labels = torch.tensor([[-100, 2, 0, -100]])
    close(mlm_loss(LOGITS, labels), -(LOG(0.7) + LOG(0.6)) / 2)


def test_clm_by_hand():
    labels = torch.tensor([[0, 1, 2, 0]])  # position 0 predicts 1, position 1 predicts 2, position 2 predicts 0
    close(clm_loss(LOGITS, labels), -(LOG(0.25) + LOG(0.7) + LOG(0.6)) / 3)
    padded = torch.tensor([[0, 1, 2, -100]])
    close(clm_loss(LOGITS, padded), -(LOG(0.25) + LOG(0.7)) / 2)


def test_classification_by_hand():
    close(classification_loss(LOGITS[0], torch.tensor([0, 2, 0, 1])), -(LOG(0.5) + LOG(0.7) + LOG(0.6) + LOG(0.1)) / 4)
    smooth = 0.9 * LOG(0.7) + 0.1 / 3 * (LOG(0.1) + LOG(0.2) + LOG(0.7))
    close(classification_loss(LOGITS[0, 1:2], torch.tensor([2]), label_smoothing=0.1), -smooth)


def test_regression_by_hand():
    close(regression_loss(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([1.0, 0.0, 1.0])), 13 / 3)


def test_token_by_hand():
    close(token_loss(LOGITS, torch.tensor([[-100, 0, 1, -100]])), -(LOG(0.1) + LOG(0.3)) / 2)


def test_span_by_hand():
    start, end = LOGITS[0, :1], LOGITS[0, 1:2]  # (1, 3): three positions
    close(span_loss(start, end, torch.tensor([0]), torch.tensor([2])), -(LOG(0.5) + LOG(0.7)) / 2)


def test_perplexity_and_bits_by_hand():
    close(perplexity(-(LOG(0.5) + LOG(0.125)) / 2), 4.0)  # geometric mean of 2 and 8
    close(perplexity(torch.tensor(0.0)), 1.0)
    assert perplexity(1e4) == math.inf and math.isnan(perplexity(float("nan")))
    close(bits_per_byte(-LOG(0.5) - LOG(0.125), len("né!".encode())), (1 + 3) / 4)  # 4 bits in 4 bytes
    close(bits_per_byte(256 * LOG(256), 256), 8.0)  # a model that knows nothing


# ---- the famous wrong versions give other numbers

def random_case(seed=0, shape=(3, 7, 11)):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator)
    labels = torch.randint(shape[-1], shape[:-1], generator=generator)
    return logits, labels


def ragged_mask(seed=0):
    """Labels with 5, 2 and 1 masked positions in the three rows."""
    logits, labels = random_case(seed)
    keep = torch.zeros(labels.shape, dtype=torch.bool)
    keep[0, 1:6], keep[1, 2:4], keep[2, 3] = True, True, True
    return logits, labels.masked_fill(~keep, -100), labels, keep


def test_mlm_is_not_the_mask_that_does_nothing():
    logits, labels, original, keep = ragged_mask()
    right = mlm_loss(logits, labels)
    mean = F.cross_entropy(logits.flatten(0, 1), original.flatten())  # one number: the weights below cannot choose
    no_op = (mean * keep).sum() / keep.sum()
    everywhere = mean
    per_row = torch.stack([mlm_loss(logits[i : i + 1], labels[i : i + 1]) for i in range(3)]).mean()
    over_all_tokens = right * keep.sum() / keep.numel()
    close(no_op, everywhere)
    for wrong in (no_op, everywhere, per_row, over_all_tokens):
        assert abs(float(wrong - right)) > 1e-2
    close(token_loss(logits, labels), right)  # the same sum, for classes


def test_clm_is_not_shifted_wrongly():
    logits, labels = random_case(1)
    right = clm_loss(logits, labels)
    flat = lambda l, y: F.cross_entropy(l.flatten(0, 1), y.flatten())  # noqa: E731
    close(flat(logits[:, :-1], labels[:, 1:]), right)
    unshifted = flat(logits, labels)
    backwards = flat(logits[:, 1:], labels[:, :-1])
    twice = flat(logits[:, :-2], labels[:, 2:])
    across_rows = F.cross_entropy(logits.flatten(0, 1)[:-1], labels.flatten()[1:])
    for wrong in (unshifted, backwards, twice, across_rows):
        assert abs(float(wrong - right)) > 1e-2


def test_clm_does_not_count_padding():
    logits, labels = random_case(2)
    labels[0, 4:], labels[1, 2:] = -100, -100
    keep = labels[:, 1:] != -100
    right = clm_loss(logits, labels)
    logp = logits[:, :-1].log_softmax(-1).gather(-1, labels[:, 1:].clamp(min=0)[..., None])[..., 0]
    close(-(logp * keep).sum() / keep.sum(), right)
    assert abs(float(-logp.mean() - right)) > 1e-2  # padding counted
    assert abs(float(-(logp * keep).sum() / keep.numel() - right)) > 1e-2  # padding in the denominator


def test_regression_is_not_broadcast():
    logits, labels = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([0.0, 1.0, 2.0])
    assert regression_loss(logits, labels) == 0
    assert ((logits - labels) ** 2).mean() > 1  # (3, 1) - (3,) is (3, 3)
    assert regression_loss(logits, labels[:, None]) == regression_loss(logits[:, 0], labels) == 0


# ---- properties

@pytest.mark.parametrize("seed", range(5))
def test_properties(seed):
    logits, labels = random_case(seed)
    logits = logits.double()
    keep = torch.rand(labels.shape, generator=torch.Generator().manual_seed(seed)) < 0.4
    keep[0, 1] = True
    labels = labels.masked_fill(~keep, -100)
    for loss in (mlm_loss, clm_loss, token_loss):
        value = loss(logits, labels)
        close(loss(logits + 5.0, labels), value, 1e-9)  # softmax does not see a constant
        order = torch.tensor([2, 0, 1])
        close(loss(logits[order], labels[order]), value, 1e-9)  # nor the order of examples
        wider = F.pad(logits, (0, 0, 0, 3)), F.pad(labels, (0, 3), value=-100)
        close(loss(*wider), value, 1e-9)  # nor padding on the right
        noisy = torch.where((labels == -100)[..., None], 1e3 * torch.randn_like(logits), logits)
        if loss is not clm_loss:
            close(loss(noisy, labels), value, 1e-9)  # nor what stands at positions that do not count
        assert loss(torch.zeros_like(logits), labels).item() == pytest.approx(LOG(11))  # uniform: log V


def test_gradients_by_finite_differences():
    logits, labels = random_case(3, (2, 4, 5))
    logits = logits.double().requires_grad_()
    masked = labels.clone()
    masked[:, 2] = -100
    for loss in (mlm_loss, clm_loss, token_loss):
        assert torch.autograd.gradcheck(lambda x: loss(x, masked), (logits,))
    assert torch.autograd.gradcheck(lambda x: classification_loss(x[:, 0], labels[:, 0], 0.1), (logits,))
    assert torch.autograd.gradcheck(lambda x: regression_loss(x[:, 0, :1], labels[:, 0].double()), (logits,))
    assert torch.autograd.gradcheck(lambda x: span_loss(x[:, 0], x[:, 1], labels[:, 0], labels[:, 1]), (logits,))


def test_positions_that_do_not_count_get_no_gradient():
    logits, labels = random_case(4)
    labels[:, 1::2] = -100
    logits.requires_grad_()
    mlm_loss(logits, labels).backward()
    assert (logits.grad[:, 1::2] == 0).all() and (logits.grad[:, ::2] != 0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_lifted(dtype):
    logits, labels = random_case(5, (2, 9, 301))
    half = (8 * logits).to(dtype)
    for loss in (mlm_loss, clm_loss, token_loss):
        value = loss(half, labels)
        assert value.dtype == torch.float32 and value == loss(half.float(), labels)
    value = classification_loss(half[:, 0], labels[:, 0])
    assert value.dtype == torch.float32 and value == classification_loss(half[:, 0].float(), labels[:, 0])
    value = regression_loss(half[:, 0, :1], labels[:, 0].float())
    assert value.dtype == torch.float32 and value == regression_loss(half[:, 0, :1].float(), labels[:, 0].float())
    value = span_loss(half[:, 0], half[:, 1], labels[:, 0], labels[:, 1])
    assert value.dtype == torch.float32


def test_label_types_and_views_that_must_work():
    logits, labels = random_case(6)
    value = mlm_loss(logits, labels)
    assert mlm_loss(logits, labels.int()) == value  # any integers
    wide = torch.cat([logits, logits], 1)[:, ::2]  # a view with strides
    assert clm_loss(wide, labels).isfinite()
    assert classification_loss(logits[:, 0], torch.tensor([0, 1, 2], dtype=torch.uint8)).isfinite()
    assert regression_loss(torch.zeros(2, 1), torch.tensor([1, 3])) == 5  # whole numbers are numbers
    assert mlm_loss(logits, labels.masked_fill(labels == 3, -1), ignore_index=-1) == mlm_loss(
        logits, labels.masked_fill(labels == 3, -100)
    )


def test_span_positions_beyond_the_text_are_left_out():
    start, end = LOGITS[0, :2], LOGITS[0, 1:3]
    value = span_loss(start, end, torch.tensor([0, 3]), torch.tensor([2, 99]))  # the second row was cut off
    close(value, -(LOG(0.5) + LOG(0.7)) / 2)


# ---- wrong input: one line that says what to do

Z = torch.zeros
ONE = torch.ones(2, 3, dtype=torch.int64)
WRONG = {
    "flattened logits": (lambda: mlm_loss(Z(6, 5), ONE), ShapeError, r"\(6, 5\).*\(B, T, V\)"),
    "flattened labels": (lambda: clm_loss(Z(2, 3, 5), ONE.flatten()), ShapeError, r"labels \(6,\)"),
    "another batch": (lambda: token_loss(Z(2, 4, 5), ONE), ShapeError, "different batches"),
    "sequence labels for tokens": (lambda: token_loss(Z(2, 3, 5), ONE[:, 0]), ShapeError, r"\(2,\)"),
    "token logits for classes": (lambda: classification_loss(Z(2, 3, 5), ONE), ShapeError, r"logits \(B, C\)"),
    "one-hot labels": (lambda: classification_loss(Z(2, 3), ONE), ShapeError, "one-hot"),
    "two outputs for regression": (lambda: regression_loss(Z(3, 2), Z(3)), ShapeError, "n_classes=1"),
    "regression lengths": (lambda: regression_loss(Z(3, 1), Z(4)), ShapeError, r"\(4,\)"),
    "span shapes": (lambda: span_loss(Z(2, 3), Z(2, 4), ONE[:, 0], ONE[:, 0]), ShapeError, r"\(2, 4\)"),
    "span labels": (lambda: span_loss(Z(2, 3), Z(2, 3), ONE, ONE), ShapeError, r"\(B, T\)"),
    "nothing masked": (lambda: mlm_loss(Z(2, 3, 5), -100 * ONE), InputError, "mask_tokens"),
    "nothing to predict": (lambda: clm_loss(Z(2, 3, 5), -100 * ONE), InputError, "no next token"),
    "one token": (lambda: clm_loss(Z(2, 1, 5), ONE[:, :1]), InputError, "no next token"),
    "only the first labelled": (
        lambda: clm_loss(Z(1, 3, 5), torch.tensor([[1, -100, -100]])), InputError, "no next token"),
    "nothing labelled": (lambda: token_loss(Z(2, 3, 5), -100 * ONE), InputError, "no labelled token"),
    "every answer cut off": (lambda: span_loss(Z(2, 1), Z(2, 1), ONE[:, 0], ONE[:, 0]), InputError, "max_length"),
    "negative position": (lambda: span_loss(Z(2, 3), Z(2, 3), -ONE[:, 0], ONE[:, 0]), InputError, "start position -1"),
    "label too large": (lambda: mlm_loss(Z(2, 3, 5), 5 * ONE), InputError, "label 5 with 5 classes"),
    "label -1": (lambda: classification_loss(Z(2, 5), -ONE[:, 0]), InputError, "label -1 .*unlabelled test set"),
    "label -100 of an example": (lambda: classification_loss(Z(2, 5), -100 * ONE[:, 0]), InputError, "label -100"),
    "label -2 of a token": (lambda: token_loss(Z(2, 3, 5), -2 * ONE), InputError, "or -100 to leave it out"),
    "float labels": (lambda: classification_loss(Z(2, 5), Z(2)), InputError, "float32.*regression_loss"),
    "bool labels": (lambda: mlm_loss(Z(2, 3, 5), ONE.bool()), InputError, "torch.bool"),
    "integer logits": (lambda: mlm_loss(ONE[..., None], ONE), InputError, "argmax"),
    "bool values": (lambda: regression_loss(Z(2, 1), Z(2).bool()), InputError, "torch.bool"),
    "a missing value": (lambda: regression_loss(Z(2, 1), torch.tensor([1.0, float("nan")])), InputError, "NaN"),
    "an empty batch": (lambda: classification_loss(Z(0, 5), ONE[:0, 0]), InputError, "empty batch"),
    "no values": (lambda: regression_loss(Z(0, 1), Z(0)), InputError, "empty batch"),
    "smoothing": (lambda: classification_loss(Z(2, 5), ONE[:, 0], label_smoothing=1.5), InputError, "1.5"),
    "negative loss": (lambda: perplexity(-0.1), InputError, "minus sign"),
    "no bytes": (lambda: bits_per_byte(1.0, 0), InputError, "n_bytes is 0"),
    "negative nats": (lambda: bits_per_byte(-1.0, 3), InputError, "minus sign"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_line(name):
    call, error, words = WRONG[name]
    with pytest.raises(error, match=words) as caught:
        call()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
