"""From words with tags to pieces with labels, and from a model's logits back to tags and names.

A tokenizer cuts words into pieces. The first piece of a word carries the word's label, the others -100, which the loss leaves out; the tag
of a word is then read at its first piece again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ftlab import bio
from ftlab.batching import Encoded, batches, inputs, pad
from ftlab.entity_scores import entity_scores
from ftlab.errors import InputError, TaskError
from ftlab.losses import IGNORE_INDEX

if TYPE_CHECKING:
    from ftlab.tasks import TaggedSplit
    from ftlab.evaluation import MetricFn

WINDOW, OVERLAP = 128, 32  # pieces of a long text that are read at once, and how many of them the next window reads again


@dataclass(frozen=True)
class EncodedTags(Encoded):
    """Tagged sentences as token ids: `Encoded`, and where to read each word's tag.

    Attributes:
        rows, pad_id, tokens: as in `Encoded`; labels are one a piece: a tag's number at the first piece of a word, -100 elsewhere.
        first: for each sentence, for each word, the position of its first piece; None where it has none (cut off by max_length).
        label_names: the tags by number.
    Example: ``encode_tagged(task.train, tokenizer, task.label_names).first[0][0]`` is 1: after [CLS].
    """

    first: list[list[int | None]] = field(default_factory=list)
    label_names: tuple[str, ...] = ()


def first_pieces(words: Sequence[tuple[int, int]], pieces: Sequence[tuple[int, int]]) -> list[int | None]:
    """Which piece begins each word, by where both stand in the text.

    Args:
        words: (start, end) of each word, in characters, in order.
        pieces: (start, end) of each piece; special tokens have (0, 0) and belong to no word.
    Returns: list of int, one a word: the first piece that begins in it; None where there is none.
    Example: ``first_pieces([(0, 3), (4, 11)], [(0, 0), (0, 3), (4, 8), (8, 11), (0, 0)])`` is ``[1, 2]``.
    Source: Devlin et al. 2019, section 5.3 (the first piece of a word is tagged).
    """
    found: list[int | None] = []
    at = 0
    for start, end in words:
        while at < len(pieces) and (pieces[at][0] < start or pieces[at][0] == pieces[at][1]):
            at += 1
        found.append(at if at < len(pieces) and pieces[at][0] < end else None)
    return found


def encode_tagged(split: TaggedSplit, tokenizer: Any, label_names: Sequence[str], max_length: int = 128) -> EncodedTags:
    """Tagged sentences as token ids with a label a piece.

    Args:
        split: a `TaggedSplit`.
        tokenizer: a fast tokenizer from `load_tokenizer`.
        label_names: the tags by number, `TaggingTask.label_names`.
        max_length: most tokens a sentence, special tokens included. What is cut off is not trained on, and counts as O when scored.
    Returns: `EncodedTags`, in the split's order.
    Raises: TaskError for a tag that is not among label_names, an empty split or one of another kind; InputError if max_length does not
        fit or the tokenizer gives no offsets.
    Example: the words "Ann sings" with tags B-PER O become labels [-100, 1, 0, -100].
    Checked against: the library's word_ids() recipe, in tests/test_tagging.py.
    """
    number = {name: i for i, name in enumerate(label_names)}
    most = min(tokenizer.model_max_length, 100_000)
    if not 4 <= max_length <= most:
        raise InputError(f"max_length is {max_length}", wanted=f"4 to {most} tokens", hint="128 covers nearly every sentence")
    if not hasattr(split, "tags"):
        raise TaskError(f"a {type(split).__name__} to encode", wanted="a TaggedSplit", hint="TaggedSplit(name, words, tags) makes one")
    if not len(split):
        raise TaskError(f"the {split.name} split is empty", wanted="at least one sentence")
    table = _tokenize(tokenizer, split.texts, truncation=True, max_length=max_length)
    offsets = table.pop("offset_mapping")
    rows, first = [], []
    for i, pieces in enumerate(offsets):
        first.append(first_pieces(split.offsets[i], pieces))
        labels = [IGNORE_INDEX] * len(pieces)
        for position, tag in zip(first[-1], split.tags[i], strict=True):
            if tag not in number:
                raise TaskError(f"tag {tag!r} in sentence {split.ids[i]!r}", wanted=", ".join(label_names),
                                cause="a type the model was not made for")
            if position is not None:
                labels[position] = number[tag]
        rows.append({**{name: values[i] for name, values in table.items()}, "labels": labels})
    return EncodedTags(rows, tokenizer.pad_token_id, first=first, label_names=tuple(label_names))


def read_tags(logits: Sequence[torch.Tensor], encoded: EncodedTags) -> list[list[str]]:
    """The tags a model gives to the words, from its logits: the likeliest at each word's first piece, then `bio.repair`.

    Args:
        logits: N tensors, float (T_i, C), in the order of the sentences.
        encoded: what the model read.
    Returns: N lists of valid BIO tags, one a word; O for a word without a piece.
    Raises: InputError if there are not as many logits as sentences, or not as many columns as tags.
    Example: ``entity_scores(read_tags(logits, encoded), task.test.tags)["f1"]``.
    """
    if len(logits) != len(encoded):
        raise InputError(f"logits of {len(logits)} sentences for {len(encoded)}", wanted="one tensor a sentence")
    found = []
    for row, positions in zip(logits, encoded.first):
        if row.shape[-1] != len(encoded.label_names):
            raise InputError(f"{row.shape[-1]} logits a piece for {len(encoded.label_names)} tags", wanted="as many of both",
                             cause="a model of another task")
        best = row.argmax(-1).tolist()  # (T,)
        found.append(bio.repair([bio.OUTSIDE if p is None else encoded.label_names[best[p]] for p in positions]))
    return found


def entity_metrics(encoded: EncodedTags, split: TaggedSplit) -> MetricFn:
    """What to give to `fit` and `evaluate` as metrics: F1, precision and recall of whole names, and token accuracy.

    The wanted tags are the split's own, so a name that was cut off by max_length counts as missed.

    Args:
        encoded: from `encode_tagged`, in the loader that will be evaluated.
        split: the `TaggedSplit` it was made from.
    Returns: function (list of logits, list of labels) -> dict of f1, precision, recall, token_accuracy.
    Example: ``fit(model, loader, validation_loader, metrics=entity_metrics(encoded, task.validation))``.
    """
    return lambda logits, labels: entity_scores(read_tags(logits, encoded), split.tags)


@torch.no_grad()
def predict_tags(model: nn.Module, encoded: EncodedTags) -> list[list[str]]:
    """The tags a model gives to every word of encoded sentences.

    Args:
        model: a `TokenClassifier`, or the library's.
        encoded: from `encode_tagged`.
    Returns: N lists of valid BIO tags, in the order of the sentences (they are grouped by length inside, and put back).
    Example: ``entity_scores(predict_tags(model, encoded), task.test.tags)["f1"]``.
    """
    loader = batches(encoded, 64, shuffle=False)
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    rows: list[Any] = [None] * len(encoded)
    for indices, batch in zip(loader.batch_sampler, loader):
        for i, row in zip(indices, _logits(model, inputs(batch), device)):
            rows[i] = row[: len(encoded[i]["input_ids"])]
    model.train(was_training)
    return read_tags(rows, encoded)


def tag_split(
    model: nn.Module, tokenizer: Any, split: TaggedSplit, label_names: Sequence[str] = (), max_length: int = 256
) -> list[list[str]]:
    """The tags a model gives to every word of a split.

    Args:
        model: a `TokenClassifier`, or the library's.
        tokenizer: the model's.
        split: a `TaggedSplit`; its tags are not looked at, but their types must be known.
        label_names: the tags by number; left out, the model's own.
        max_length: tokens kept of each sentence; the words beyond are O.
    Returns: N lists of valid BIO tags.
    Raises: InputError if the model has no names for its tags.
    Example: ``entity_errors(tag_split(model, tokenizer, task.test), task.test.tags)``.
    """
    return predict_tags(model, encode_tagged(split, tokenizer, _names(model, label_names), max_length))


@torch.no_grad()
def predict_entities(
    model: nn.Module, tokenizer: Any, text: str, label_names: Sequence[str] = (), window: int = WINDOW, overlap: int = OVERLAP
) -> list[dict[str, Any]]:
    """The names in a text of any length, which is read in overlapping windows; each word's tag comes from where it has the most context.

    Args:
        model: a `TokenClassifier`, or the library's.
        tokenizer: the model's.
        text: a sentence or a whole document.
        label_names: the tags by number; left out, the model's own.
        window: pieces read at once, two special tokens included.
        overlap: pieces of a window that the next one reads again, fewer than window - 2.
    Returns: list of dict, in order: text, label (the type), start, end (characters, end exclusive), score: the mean probability of the
        tags of its words, 0 to 1. [] for a text without a word.
    Raises: InputError for a text that is not text, window and overlap that do not fit, or a model that has no names for its tags,
        another number of them, or another head.
    Example: ``predict_entities(model, tokenizer, "Ann sang in Rome.")[1]["label"]`` is "LOC", after a good training.
    """
    names = _names(model, label_names)
    if not isinstance(text, str):
        raise InputError(f"{text!r} ({type(text).__name__})", wanted="a text", hint="call it for each text of a list")
    if not 3 <= window <= tokenizer.model_max_length or not 0 <= overlap < window - 2:
        raise InputError(f"window {window} and overlap {overlap}",
                         wanted=f"3 <= window <= {tokenizer.model_max_length}, 0 <= overlap < window - 2")
    table = _tokenize(tokenizer, [text], add_special_tokens=False)
    ids, pieces, words = table["input_ids"][0], table["offset_mapping"][0], bio.word_offsets(text)
    if not ids:
        return []
    starts = list(range(0, max(1, len(ids) - overlap), window - 2 - overlap))
    probabilities = torch.zeros(len(ids), len(names))  # (T, C)
    context = [-1] * len(ids)  # pieces between a piece and the nearer end of the window it was read in
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    for some in (starts[i : i + 32] for i in range(0, len(starts), 32)):
        rows = [{"input_ids": [tokenizer.cls_token_id, *ids[s : s + window - 2], tokenizer.sep_token_id]} for s in some]
        found = _logits(model, pad(rows, tokenizer.pad_token_id), device)  # (B, T, C)
        if found.ndim != 3 or found.shape[-1] != len(names):
            raise InputError(f"logits {tuple(found.shape)} for {len(names)} tags", wanted="(B, T, C): one of C tags a piece",
                             cause="a model of another task, or another model's label_names")
        for start, row, logits in zip(some, rows, found):
            n = len(row["input_ids"]) - 2
            for k, p in enumerate(torch.softmax(logits[1 : 1 + n], -1)):
                if min(k, n - 1 - k) > context[start + k]:
                    context[start + k], probabilities[start + k] = min(k, n - 1 - k), p
    model.train(was_training)
    first = first_pieces(words, pieces)
    best = probabilities.argmax(-1).tolist()  # (T,)
    tags = bio.repair([bio.OUTSIDE if p is None else names[best[p]] for p in first])
    found = []
    for a, b, kind in bio.spans_from_tags(tags):
        start, end = words[a][0], words[b - 1][1]
        score = sum(float(probabilities[p].max()) for p in first[a:b] if p is not None) / (b - a)
        found.append({"text": text[start:end], "label": kind, "start": start, "end": end, "score": score})
    return found


def is_tagger(model: nn.Module) -> bool:
    """Whether a model gives logits for every piece: a `TokenClassifier`, or the library's counterpart.

    Args:
        model: any module.
    Returns: bool.
    Example: ``is_tagger(load_model("runs/entities")[0])`` is True.
    """
    return (getattr(model, "library_class", None) or type(model).__name__).endswith("ForTokenClassification")


def _names(model: nn.Module, label_names: Sequence[str]) -> tuple[str, ...]:
    """The tags by number: those given, or those the model carries (ours: label_names; the library's: config.id2label)."""
    own = getattr(getattr(model, "config", None), "id2label", None) or {}
    names = tuple(label_names) or tuple(getattr(model, "label_names", ())) or tuple(own[i] for i in sorted(own))
    try:
        for name in names:
            bio.split_tag(name)
    except TaskError as error:
        raise InputError(f"{error.got} among the model's labels", wanted=error.wanted, cause="a model not trained to tag") from None
    if not names:
        raise InputError("a model without names for its tags", wanted="label_names", hint="pass task.label_names")
    return names


def _tokenize(tokenizer: Any, texts: list[str], **options: Any) -> dict[str, list]:
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(f"{type(tokenizer).__name__}, which gives no offsets", wanted="a fast tokenizer", hint="use ft.load_tokenizer")
    return dict(tokenizer(texts, return_offsets_mapping=True, return_attention_mask=False, verbose=False, **options))


def _logits(model: nn.Module, batch: dict[str, torch.Tensor], device: torch.device) -> torch.Tensor:
    output = model(**{name: value.to(device) for name, value in batch.items()})
    return getattr(output, "logits", output).float().cpu()  # (B, T, C)
