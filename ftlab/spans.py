"""Answers as spans of tokens: long contexts in overlapping windows, labels for each, and decoding without impossible spans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ftlab import losses
from ftlab.answer_scores import best_threshold, score_answers, word_f1
from ftlab.batching import Encoded
from ftlab.errors import InputError, ShapeError

from ftlab.tasks.reading import Question

MAX_LENGTH = 384  # tokens a window, two neighbours sharing a third: Devlin et al.'s choice for SQuAD
MAX_ANSWER = 30  # tokens: an answer is a phrase; longer spans are hardly ever right


@dataclass(frozen=True)
class Windows(Encoded):
    """Questions with their contexts, cut into windows that fit the model: what a DataLoader draws from.

    Each window is [CLS] question [SEP] part of the context [SEP].

    Attributes:
        rows: one dict a window: input_ids, token_type_ids (0 question, 1 context), labels [start, end]: token positions,
            both [CLS] (0) where the answer is not whole in this window.
        pad_id: the tokenizer's padding id.
        tokens: total number of tokens.
        example: for each window the position of its question.
        offsets: for each window and token the (start, end) in characters of the whole context; None outside the context.
    Example: ``len(windows(task.test, tokenizer)) >= len(task.test)``.
    """

    example: list[int] = field(default_factory=list)
    offsets: list[list[tuple[int, int] | None]] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """The best span of a question over all its windows.

    Attributes:
        text: its characters in the context.
        start, end: where it stands, end exclusive.
        score: start logit plus end logit of the span.
        no_answer_score: the same sum at [CLS], in the window where it is lowest: "nothing here" must hold of every window.
    Example: ``Found("Ann", 0, 3, 9.0, 1.0).margin`` is -8.0.
    """

    text: str
    start: int
    end: int
    score: float
    no_answer_score: float

    @property
    def margin(self) -> float:
        """no_answer_score - score: what is compared with the threshold."""
        return self.no_answer_score - self.score

    def given(self, threshold: float | None) -> str:
        """The text, or "" if the margin is above the threshold (None: always the text)."""
        return self.text if threshold is None or self.margin <= threshold else ""


def windows(questions: Iterable[Question], tokenizer: Any, max_length: int = MAX_LENGTH, stride: int | None = None) -> Windows:
    """Cut each question's context into windows of at most max_length tokens; the question stands in every one.

    Args:
        questions: a `QuestionSplit`, or a list of `Question`.
        tokenizer: a fast tokenizer from `load_tokenizer`.
        max_length: tokens a window, special tokens included.
        stride: tokens of context that two neighbouring windows share (the library's word; in Google's code it is the step).
            It should be longer than an answer, so that no answer is cut in every window. None is a third of max_length.
    Returns: `Windows`, question by question, in the context's order; labels come from each question's first answer.
    Raises: InputError if one is no `Question`, the settings leave no room for the context, or a text has no token.
    Example: a context of 300 tokens and a question of 7 make 3 windows of 160 tokens with stride 50.
    Source: Devlin et al. 2019, section 4.2 and google-research/bert, run_squad.py. Checked against the library's own question
        answering model in tests/test_spans.py.
    """
    questions = list(questions)
    stride = max_length // 3 if stride is None else stride
    if not questions:
        raise InputError("no questions", wanted="at least one")
    if odd := [q for q in questions if not isinstance(q, Question)]:
        raise InputError(f"{odd[0]!r:.60} ({type(odd[0]).__name__}) among the questions", wanted="a Question, with its context",
                         hint="Question(id, question, context), or ft.answer(model, tokenizer, question, context)")
    _check_room(questions, tokenizer, max_length, stride)
    table = tokenizer(
        [q.question for q in questions], [q.context for q in questions], truncation="only_second", max_length=max_length, stride=stride,
        return_overflowing_tokens=True, return_offsets_mapping=True, return_attention_mask=False,
    )
    example, rows, offsets = list(table["overflow_to_sample_mapping"]), [], []
    for w, i in enumerate(example):
        of_context = [side == 1 for side in table.sequence_ids(w)]
        places = [tuple(place) if inside else None for place, inside in zip(table["offset_mapping"][w], of_context)]
        if not any(of_context):
            raise InputError(f"a context without a token in question {questions[i].id!r}", wanted="text that the tokenizer knows",
                             cause="only control characters")
        row = {name: table[name][w] for name in ("input_ids", "token_type_ids") if name in table}
        rows.append({**row, "labels": label(places, questions[i].answers[0] if questions[i].answers else None)})
        offsets.append(places)
    return Windows(rows, tokenizer.pad_token_id, example, offsets)


def label(offsets: Sequence[tuple[int, int] | None], answer: tuple[int, int] | None) -> list[int]:
    """The tokens on which an answer starts and ends (both included), or [0, 0] if it is not whole in this window.

    Args:
        offsets: the characters of each token, None outside the context.
        answer: (start, end) in characters, end exclusive; None for no answer.
    Returns: [start, end].
    Example: ``label([None, None, (0, 3), (4, 8), None], (4, 8))`` is ``[3, 3]``.
    """
    inside = [t for t, place in enumerate(offsets) if place is not None]
    if answer is None or not inside or offsets[inside[0]][0] > answer[0] or offsets[inside[-1]][1] < answer[1]:
        return [0, 0]
    touched = [t for t in inside if offsets[t][1] > answer[0] and offsets[t][0] < answer[1]]  # a token may reach beyond the answer
    return [touched[0], touched[-1]] if touched else [0, 0]


def best_span(logits: torch.Tensor, offsets: Sequence[tuple[int, int] | None], max_answer: int = MAX_ANSWER) -> tuple[int, int, float]:
    """The span (s, e) with the highest start[s] + end[e] among those that can be an answer.

        s and e in the context, s <= e, e - s < max_answer

    The best start and the best end, each by itself, often make no span at all: the end may come first.

    Args:
        logits: float (T, 2), start and end scores of a window's tokens.
        offsets: the characters of each token, None outside the context.
        max_answer: longest span, in tokens.
    Returns: (first token, last token, score).
    Raises: ShapeError if logits and offsets do not fit; InputError if no token is of the context, or max_answer is below 1.
    Example: start [0, 9, 1], end [0, 1, 5], all context: (1, 2, 14.0).
    Source: Devlin et al. 2019, section 4.2. Checked against: trying every pair (tests/test_spans.py).
    """
    if logits.ndim != 2 or logits.shape != (len(offsets), 2):
        raise ShapeError(f"logits {tuple(logits.shape)} and {len(offsets)} offsets", wanted="(T, 2) and T", cause="padding not cut off")
    inside = [t for t, place in enumerate(offsets) if place is not None]
    if not inside or max_answer < 1:
        raise InputError(f"{len(inside)} tokens of context, max_answer {max_answer}", wanted="at least one of each")
    first, last = inside[0], inside[-1] + 1  # a context is one block of tokens
    start, end = logits[first:last, 0].float(), logits[first:last, 1].float()  # (C,)
    scores = start[:, None] + end[None, :]  # (C, C): row s, column e
    possible = torch.ones_like(scores, dtype=torch.bool).triu().tril(max_answer - 1)  # s <= e < s + max_answer
    best = int(scores.masked_fill(~possible, -torch.inf).argmax())
    s, e = divmod(best, len(inside))
    return first + s, first + e, float(scores[s, e])


def decode(
    cut: Windows, logits: Sequence[torch.Tensor], questions: Sequence[Question], max_answer: int = MAX_ANSWER
) -> list[Found]:
    """The best span of each question over its windows, and how strongly its windows say "no answer".

    score = max over windows of best_span; no_answer_score = min over windows of start[CLS] + end[CLS].

    Args:
        cut: what `windows` made of the questions.
        logits: one float tensor (T_i, 2) a window, without padding, in the order of `cut`.
        questions: the questions, in their order.
        max_answer: longest span, in tokens.
    Returns: one `Found` a question.
    Raises: ShapeError if there are not as many logits as windows, or the windows are of other questions.
    Example: ``[found.text for found in decode(cut, logits, task.test)]``.
    Source: Devlin et al. 2019, section 4.3; google-research/bert, run_squad.py. Checked against: by hand (tests/test_spans.py).
    """
    if len(logits) != len(cut):
        raise ShapeError(f"logits of {len(logits)} windows", wanted=f"{len(cut)}, one for each window")
    questions = list(questions)
    if len(questions) != cut.example[-1] + 1:
        raise ShapeError(f"{len(questions)} questions", wanted=f"the {cut.example[-1] + 1} that were cut into windows")
    best: list[tuple[float, int, int]] = [(-float("inf"), 0, 0)] * len(questions)
    nothing = [float("inf")] * len(questions)
    for scores, offsets, i in zip(logits, cut.offsets, cut.example):
        s, e, score = best_span(scores, offsets, max_answer)
        nothing[i] = min(nothing[i], float(scores[0].sum()))
        if score > best[i][0]:
            best[i] = (score, offsets[s][0], offsets[e][1])
    return [Found(q.context[start:end], start, end, score, none) for q, (score, start, end), none in zip(questions, best, nothing)]


def loss_fn(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The span loss in the form that `fit` wants: (logits, labels) -> mean loss in nats.

    Args:
        logits: float (B, T, 2).
        labels: int64 (B, 2), first and last token of the answer.
    Returns: float32 ().
    Example: ``fit(model, loader, config=config, loss_fn=spans.loss_fn)``.
    Source: as `losses.span_loss`.
    """
    return losses.span_loss(logits[..., 0], logits[..., 1], labels[:, 0], labels[:, 1])


def metrics_of(cut: Windows, questions: Sequence[Question]) -> Callable[[list[torch.Tensor], list[torch.Tensor]], dict[str, float]]:
    """A function for `fit` and `evaluate` that decodes all windows and scores the answers, F1 first.

    Where some questions have no answer the threshold is the best one for these very questions, and is among the scores: good
    for choosing on validation, too kind for a test.

    Args:
        cut: what `windows` made of the questions.
        questions: the questions, in their order.
    Returns: function (logits, labels) -> dict: f1, em, perhaps threshold and the scores of both kinds of questions.
    Example: ``fit(model, train, validation, loss_fn=spans.loss_fn, metrics=spans.metrics_of(cut, task.validation))``.
    """

    def metrics(logits: list[torch.Tensor], labels: list[torch.Tensor]) -> dict[str, float]:
        found = decode(cut, logits, questions)
        answers = [q.texts for q in questions]
        if all(answers):
            return score_answers([f.text for f in found], answers)
        threshold = choose_threshold(found, questions)
        return {**score_answers([f.given(threshold) for f in found], answers), "threshold": threshold}

    return metrics


def choose_threshold(found: Sequence[Found], questions: Sequence[Question]) -> float:
    """The no-answer threshold with the highest mean F1 on these questions: for validation, never for the test.

    Args:
        found: from `decode`, one a question.
        questions: the same questions.
    Returns: float, in the unit of the logits.
    Raises: InputError if there is none, or the numbers differ.
    Example: ``[f.given(choose_threshold(on_validation, task.validation)) for f in on_test]``.
    Source: Rajpurkar et al. 2018, section 5.
    """
    f1 = [word_f1(f.text, q.texts) for f, q in zip(found, questions)]
    return best_threshold([f.margin for f in found], f1, [bool(q.answers) for q in questions])


def _check_room(questions: list[Question], tokenizer: Any, max_length: int, stride: int) -> None:
    """Whether every question leaves room for more context tokens than two windows share."""
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(f"a {type(tokenizer).__name__}", wanted="a fast tokenizer: it knows which characters a token stands for")
    most = min(tokenizer.model_max_length, 100_000)
    if not 8 <= max_length <= most or stride < 0:
        raise InputError(f"max_length is {max_length} and stride {stride}", wanted=f"8 to {most}, and 0 or more")
    special = tokenizer.num_special_tokens_to_add(pair=True)
    lengths = [len(ids) for ids in tokenizer([q.question for q in questions], add_special_tokens=False, verbose=False)["input_ids"]]
    longest = max(range(len(lengths)), key=lengths.__getitem__)
    room = max_length - special - stride - 1
    if lengths[longest] > room:
        raise InputError(
            f"a question of {lengths[longest]} tokens ({questions[longest].question[:40]!r}), max_length {max_length}, stride {stride}",
            wanted=f"at most {max(room, 0)} tokens of question", cause="a paragraph passed as the question, or small windows",
            hint="shorten the question, raise max_length, or lower stride",
        )
    if min(lengths) == 0:
        empty = questions[lengths.index(0)]
        raise InputError(f"a question without a token: {empty.question!r}", wanted="text that the tokenizer knows")


def is_extractor(model: Any) -> bool:
    """Whether a model scores starts and ends of answers: a `SpanExtractor`, or the library's counterpart.

    Args:
        model: any module.
    Returns: bool.
    Example: ``is_extractor(load_model("runs/questions")[0])`` is True.
    """
    return (getattr(model, "library_class", None) or type(model).__name__).endswith("ForQuestionAnswering")
