"""The losses of fine-tuning: each takes logits and labels and returns one number, in nats, to make smaller.

All but one are the same idea, cross-entropy: minus the log-probability that the model gave to the right answer,
averaged over the answers that count. They differ only in which answers count. Regression alone uses squared error.
Whatever the precision of the logits, the loss is computed in float32: in bf16, 9.00 and 9.03 are one number.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ftlab.errors import InputError, ShapeError

IGNORE_INDEX = -100  # a label with this value asks nothing of the model: left out of the sum and of the count


def mlm_loss(logits: Tensor, labels: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """Masked-language-model loss: mean cross-entropy over the masked positions, in nats per masked token.

        L = -(1/|M|) sum over (b, t) in M of log softmax(logits[b, t])[labels[b, t]]
        M = {(b, t): labels[b, t] != -100}

    The other 85% of positions are left out of the sum *and* of |M|. They are dropped before the softmax: with V = 30,522
    that takes a third of the time and three quarters of the memory of a softmax at every position.

    A batch with nothing masked has no mean (0/0), and is refused: in training it nearly always means that masking
    was forgotten, and a silent 0 would hide that. By chance it happens once in 0.85^-n batches of n tokens (1 in 30
    million at n = 106), so use batches of some hundred tokens, or skip such a batch before the model sees it.

    Args:
        logits: float (B, T, V), unnormalised scores for each vocabulary entry.
        labels: int64 (B, T), the original token id where masked, `ignore_index` elsewhere (padding too).
        ignore_index: label value that marks a position not to be predicted.
    Returns: float32 (), nats per masked token, differentiable.
    Raises:
        ShapeError: logits are not (B, T, V), or labels not (B, T).
        InputError: no position is masked, a label is outside 0..V-1, or a dtype is wrong.
    Example:
        >>> mlm_loss(torch.zeros(1, 3, 4), torch.tensor([[-100, 2, -100]]))  # a uniform guess among 4 costs log 4
        tensor(1.3863)

    Source: Devlin et al. 2019, BERT, section 3.1, Task #1: Masked LM.
    Checked against: transformers BertForMaskedLM, values to 1e-6 and gradients to 1e-5 (tests/parity/).
    """
    labels = _match(logits, labels, "B, T, V")
    _check_range(labels, logits.shape[-1], ignore_index)
    masked = labels != ignore_index  # (B, T)
    if not masked.any():
        raise InputError(
            "labels with no masked position", wanted="at least one label that is not ignore_index",
            cause="mask_tokens was not called, or the batch is a few tokens long", hint="mask the batch, or skip it",
        )
    nats = F.cross_entropy(_float32(logits[masked]), labels[masked], reduction="none")  # (M, V), (M,) -> (M,)
    return _mean(nats, masked)


def clm_loss(logits: Tensor, labels: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """Causal-language-model loss: mean cross-entropy of each next token, in nats per predicted token.

        L = -(1/|P|) sum over (b, t) in P of log softmax(logits[b, t])[labels[b, t+1]]
        P = {(b, t): labels[b, t+1] != -100}

    Pass labels as they stand, usually a copy of input_ids with -100 at padding: the shift by one is done here, once.
    The first token is never predicted (nothing comes before it), the last logits are never used (nothing comes after).
    Pad on the right: on the left, padding would be asked for the first token (or give that token the label -100 too).
    The labels are moved, not the logits: those are V times as large, and cutting off their end would copy them.

    Args:
        logits: float (B, T, V), position t holds the scores for token t + 1.
        labels: int64 (B, T), the token id *at* each position; `ignore_index` where nothing is to be predicted.
        ignore_index: label value left out of the sum and of the count.
    Returns: float32 (), nats per predicted token, differentiable.
    Raises:
        ShapeError: logits are not (B, T, V), or labels not (B, T).
        InputError: nothing to predict (T = 1, or all ignored), a label is outside 0..V-1, or a dtype is wrong.
    Example:
        >>> logits = torch.tensor([[[0.0, 9.0], [9.0, 0.0], [0.0, 9.0]]])  # expects 1 next, then 0; the third is unused
        >>> clm_loss(logits, torch.tensor([[0, 1, 0]])), clm_loss(logits, torch.tensor([[1, 0, 1]]))
        (tensor(0.0001), tensor(9.0001))

    Source: Radford et al. 2018, GPT, section 3.1, equation 1; Bengio et al. 2003, section 2.
    Checked against: transformers GPT2LMHeadModel and LlamaForCausalLM, padded: values to 1e-6, gradients to 1e-5.
    """
    labels = _match(logits, labels, "B, T, V")
    _check_range(labels, logits.shape[-1], ignore_index)
    next_labels = F.pad(labels[:, 1:], (0, 1), value=ignore_index)  # (B, T): token t + 1 at place t
    if not (next_labels != ignore_index).any():
        raise InputError(
            "labels with no next token to predict", wanted="at least one label after the first position",
            cause="texts of one token, or every label is ignore_index", hint="use labels = input_ids, -100 at padding",
        )
    # (B·T, V), (B·T,) -> ()
    return F.cross_entropy(_float32(logits).flatten(0, 1), next_labels.flatten(), ignore_index=ignore_index)


def classification_loss(logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Classification loss: mean cross-entropy over the examples of a batch, in nats per example.

        L = -(1/B) sum over b of sum over c of q[b, c] log softmax(logits[b])[c]
        q[b, c] = (1 - e) [c = labels[b]] + e / C,   e = label_smoothing

    Args:
        logits: float (B, C), unnormalised scores, one column a class.
        labels: int64 (B,), the right class 0..C-1. There is no "ignored" example: leave it out of the batch.
        label_smoothing: e in [0, 1], the share of the target spread evenly over all classes; 0: cross-entropy.
    Returns: float32 (), nats per example, differentiable.
    Raises:
        ShapeError: logits are not (B, C), or labels not (B,).
        InputError: an empty batch, a label outside 0..C-1, a wrong dtype, or label_smoothing outside [0, 1].
    Example:
        >>> classification_loss(torch.tensor([[0.0, 1.0]]), torch.tensor([1]))  # log(1 + 1/e)
        tensor(0.3133)
        >>> classification_loss(torch.tensor([[0.0, 1.0]]), torch.tensor([1]), label_smoothing=0.2)  # + 0.2/2 · 1
        tensor(0.4133)

    Source: Devlin et al. 2019, BERT, section 4.1; label smoothing: Szegedy et al. 2016, section 7.
    Checked against: transformers BertForSequenceClassification, LabelSmoother: values to 1e-6, gradients to 1e-5.
    """
    if not 0.0 <= label_smoothing <= 1.0:
        raise InputError(f"label_smoothing is {label_smoothing}", wanted="0 to 1, usually 0 to 0.2")
    labels = _match(logits, labels, "B, C")
    _check_range(labels, logits.shape[-1])
    return F.cross_entropy(_float32(logits), labels, label_smoothing=label_smoothing)


def regression_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Regression loss: mean squared error, in squared units of the labels.

        L = (1/B) sum over b of (logits[b] - labels[b])^2

    The column of logits is dropped before subtracting: (B, 1) minus (B,) would broadcast to (B, B), every
    prediction against every label, which trains towards the mean and raises no error.

    Args:
        logits: float (B, 1) or (B,), one predicted value an example.
        labels: float (B,) or (B, 1), the wanted values.
    Returns: float32 (), squared label units, differentiable.
    Raises:
        ShapeError: there is not exactly one prediction for each label.
        InputError: an empty batch, a label that is not a finite number, or a wrong dtype.
    Example:
        >>> regression_loss(torch.tensor([[1.0], [2.0]]), torch.tensor([0.0, 4.0]))  # (1 + 4) / 2
        tensor(2.5000)

    Source: Devlin et al. 2019, BERT, section 4.1 (STS-B); Cer et al. 2017 for the task.
    Checked against: transformers BertForSequenceClassification with num_labels=1, values to 1e-6, gradients to 1e-5.
    """
    column = logits.squeeze(-1) if logits.ndim == 2 else logits  # (B, 1) -> (B,)
    values = labels.squeeze(-1) if labels.ndim == 2 else labels  # (B, 1) -> (B,)
    if column.ndim != 1 or column.shape != values.shape:
        raise ShapeError(
            f"logits {tuple(logits.shape)} and labels {tuple(labels.shape)}", wanted="logits (B, 1) and labels (B,)",
            cause="a head with more than one output, or two different batches", hint="build the head with n_classes=1",
        )
    if not logits.is_floating_point() or values.is_complex() or values.dtype == torch.bool:
        raise InputError(f"logits of {logits.dtype} and labels of {labels.dtype}", wanted="float and float")
    if values.numel() == 0:
        raise InputError("an empty batch", wanted="at least one example")
    if not torch.isfinite(values).all():
        raise InputError("labels that are NaN or infinite", wanted="finite numbers", cause="missing values")
    return F.mse_loss(_float32(column), values.to(column.device, _float32(column).dtype))  # (B,), (B,) -> ()


def token_loss(logits: Tensor, labels: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """Token-classification loss: mean cross-entropy over the labelled tokens, in nats per labelled token.

        L = -(1/|K|) sum over (b, t) in K of log softmax(logits[b, t])[labels[b, t]]
        K = {(b, t): labels[b, t] != -100}

    One mean over all labelled tokens of the batch, not a mean of each sentence's mean: that would weigh a token of a
    short sentence more than one of a long sentence.

    Args:
        logits: float (B, T, C), scores of each class at each token.
        labels: int64 (B, T), the class 0..C-1; `ignore_index` at special tokens, padding and later pieces of a word.
        ignore_index: label value left out of the sum and of the count.
    Returns: float32 (), nats per labelled token, differentiable.
    Raises:
        ShapeError: logits are not (B, T, C), or labels not (B, T).
        InputError: no token is labelled, a label is outside 0..C-1, or a dtype is wrong.
    Example:
        >>> token_loss(torch.zeros(1, 4, 9), torch.tensor([[-100, 3, 0, -100]]))  # log 9
        tensor(2.1972)

    Source: Devlin et al. 2019, BERT, section 5.3 (named entities).
    Checked against: transformers BertForTokenClassification, values to 1e-6 and gradients to 1e-5.
    """
    labels = _match(logits, labels, "B, T, C")
    _check_range(labels, logits.shape[-1], ignore_index)
    if not (labels != ignore_index).any():
        raise InputError(
            "labels with no labelled token", wanted="at least one label that is not ignore_index",
            cause="word labels were lost when words were cut into pieces", hint="look at one row of labels",
        )
    # (B·T, C), (B·T,) -> ()
    return F.cross_entropy(_float32(logits).flatten(0, 1), labels.flatten(), ignore_index=ignore_index)


def span_loss(start_logits: Tensor, end_logits: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Span-extraction loss: the mean of two cross-entropies over positions, first and last token, in nats.

        L = (CE(start_logits, start) + CE(end_logits, end)) / 2,   each a softmax over the T positions of a row

    An answer cut off by truncation has a position of T or more; such a row is left out of that term, as in the
    library. The library also clamps a *negative* position to 0, so that -100 would quietly train "the answer is
    [CLS]"; here a negative position is refused.

    Args:
        start_logits: float (B, T), scores of each position as the first token of the answer.
        end_logits: float (B, T), scores of each position as its last token.
        start: int64 (B,), first position, 0 = [CLS] where there is no answer; T or more: left out.
        end: int64 (B,), last position (included); T or more: left out.
    Returns: float32 (), nats, differentiable.
    Raises:
        ShapeError: logits are not both (B, T), or positions not (B,).
        InputError: a negative position, no position left inside the text, or a wrong dtype.
    Example:
        >>> span_loss(torch.zeros(1, 5), torch.zeros(1, 5), torch.tensor([1]), torch.tensor([3]))  # log 5, twice, / 2
        tensor(1.6094)

    Source: Devlin et al. 2019, BERT, section 4.2.
    Checked against: transformers BertForQuestionAnswering, positions beyond T too: values to 1e-6, gradients to 1e-5.
    """
    if start_logits.shape != end_logits.shape:
        raise ShapeError(
            f"start_logits {tuple(start_logits.shape)} and end_logits {tuple(end_logits.shape)}", wanted="both (B, T)"
        )
    return (_position_loss(start_logits, start, "start") + _position_loss(end_logits, end, "end")) / 2


def perplexity(loss: float | Tensor) -> float:
    """Perplexity of a loss in nats per token: among how many equally likely tokens the model hesitates (no unit).

        perplexity = exp(loss)

    Args:
        loss: float or 0-d tensor, mean cross-entropy in nats per token (never a mean of perplexities).
    Returns: float, 1 (certain and right) or more; infinite above 709 nats, NaN for NaN.
    Raises: InputError if the loss is negative, which no cross-entropy is.
    Example:
        >>> round(perplexity(math.log(50)), 6)
        50.0

    Source: Jurafsky & Martin, Speech and Language Processing, 3rd ed., section 3.3 and 3.7.
    Checked against: two ** (loss in bits), and 2-token texts by hand (tests/test_losses.py).
    """
    nats = float(loss.detach() if isinstance(loss, Tensor) else loss)
    if nats < 0:
        raise InputError(f"a loss of {nats:.4g}", wanted="0 or more nats", cause="a missing minus sign")
    return math.exp(nats) if nats <= 709 else (nats if math.isnan(nats) else math.inf)


def bits_per_byte(total_nats: float | Tensor, n_bytes: int) -> float:
    """Bits the model needs for each byte of text: comparable between models with different tokenizers.

        bits per byte = total_nats / (ln 2 · n_bytes)

    Args:
        total_nats: float or 0-d tensor, *summed* cross-entropy of the text, in nats: mean loss times predicted tokens.
        n_bytes: int, length of the same text in UTF-8 bytes, ``len(text.encode())``.
    Returns: float, bits per byte; 8 is a model that knows nothing, English text compresses to about 1.
    Raises: InputError if n_bytes is not positive or total_nats is negative.
    Example:
        >>> round(bits_per_byte(total_nats=80 * math.log(2), n_bytes=100), 6)  # 80 bits
        0.8

    Source: Gao et al. 2020, The Pile, section 3.1.
    Checked against: the same number from log2-probabilities added up by hand (tests/test_losses.py).
    """
    if n_bytes <= 0:
        raise InputError(f"n_bytes is {n_bytes}", wanted="1 or more", cause="an empty text")
    if float(total_nats) < 0:
        raise InputError(f"total_nats is {float(total_nats):.4g}", wanted="0 or more", cause="a missing minus sign")
    return float(total_nats) / (math.log(2) * n_bytes)


def _position_loss(logits: Tensor, position: Tensor, name: str) -> Tensor:
    """Cross-entropy of one end of a span over the positions of each row: logits (B, T), position (B,) -> ()."""
    position = _match(logits, position, "B, T")
    if (position < 0).any():
        raise InputError(
            f"{name} position {int(position.min())}", wanted="0 or more; 0 ([CLS]) where there is no answer",
            cause="-100 is for token labels, not for positions", hint="use 0, or leave the row out",
        )
    beyond = logits.shape[1]  # T, the first position that does not exist
    if (position >= beyond).all():
        raise InputError(
            f"no {name} position inside the text", wanted=f"at least one below {beyond}",
            cause="every answer was cut off", hint="raise max_length, or use overlapping windows",
        )
    return F.cross_entropy(_float32(logits), position.clamp(max=beyond), ignore_index=beyond)  # (B, T), (B,) -> ()


def _mean(nats: Tensor, counted: Tensor) -> Tensor:
    """nats.mean(), nats (M,), added up in the order of their places in counted (B, T): M True -> ().

    A float32 sum depends on its order, here by some 1e-6. This is the order in which the library adds.
    """
    log_p = torch.zeros(counted.shape, dtype=nats.dtype, device=nats.device).masked_scatter(counted, -nats)  # (B, T)
    asked = torch.where(counted, 0, IGNORE_INDEX)  # (B, T): the one column, or left out
    return F.nll_loss(log_p.flatten()[:, None], asked.flatten(), ignore_index=IGNORE_INDEX)  # (B·T, 1), (B·T,) -> ()


def _float32(x: Tensor) -> Tensor:
    """float32, or float64 if it is that already."""
    return x if x.dtype == torch.float64 else x.float()


def _match(logits: Tensor, labels: Tensor, letters: str) -> Tensor:
    """The labels as int64 beside the logits, once dtypes and shapes fit: labels have all but the last of `letters`."""
    if not logits.is_floating_point():
        raise InputError(f"logits of {logits.dtype}", wanted="float", cause="predictions (argmax) passed for scores")
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise InputError(f"labels of {labels.dtype}", wanted="int64", hint="use labels.long(), or regression_loss")
    if logits.ndim != letters.count(",") + 1 or logits.shape[:-1] != labels.shape:
        raise ShapeError(
            f"logits {tuple(logits.shape)} and labels {tuple(labels.shape)}",
            wanted=f"logits ({letters}) and labels ({letters.rpartition(',')[0]})",
            cause="flattened by hand, one-hot labels, or two different batches",
        )
    if labels.numel() == 0:
        raise InputError("an empty batch", wanted="at least one example")
    return labels.to(logits.device, torch.int64)


def _check_range(labels: Tensor, n_classes: int, ignore_index: int | None = None) -> None:
    """Every label must be one of 0..n_classes - 1, or ignore_index."""
    outside = (labels < 0) | (labels >= n_classes)
    if ignore_index is not None:
        outside &= labels != ignore_index
    if outside.any():
        also = "" if ignore_index is None else f", or {ignore_index} to leave it out"
        raise InputError(
            f"label {int(labels[outside][0])} with {n_classes} classes", wanted=f"0 to {n_classes - 1}{also}",
            cause="labels that start at 1, an unlabelled test set (-1), or another tokenizer's ids",
        )
