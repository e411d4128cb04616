"""From questions to answers: fine-tune an extractor with the same `fit`, ask it your own questions, score it on a split."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ftlab import lab, spans
from ftlab.answer_scores import score_answers
from ftlab.batching import batches, inputs
from ftlab.checkpoints import load_tokenizer
from ftlab.config import TrainConfig
from ftlab.errors import InputError, ModelError
from ftlab.finetuning import FineTuned, autocast
from ftlab.models import SpanExtractor, build_model
from ftlab.tasks.reading import Question, QuestionSplit, QuestionTask
from ftlab.training import fit

if TYPE_CHECKING:
    from ftlab.spans import Found, Windows


@torch.no_grad()
def window_logits(model: nn.Module, cut: Windows, batch_size: int = 16) -> list[torch.Tensor]:
    """Start and end logits of every window, in the order of the windows, without padding.

    Args:
        model: a `SpanExtractor`, or a question answering model of the library.
        cut: from `spans.windows`.
        batch_size: windows a forward pass, of similar length; attention on 16 windows of 384 takes about 0.4 GiB.
    Returns: one float32 (T_i, 2) a window, on the CPU.
    Raises: ModelError if the model has another head.
    Example: ``len(window_logits(model, cut)) == len(cut)``.
    """
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    found: list[Any] = [None] * len(cut)
    loader = batches(cut, batch_size, shuffle=False)
    for places, batch in zip(loader.batch_sampler, loader):
        output = model(**{name: value.to(device) for name, value in inputs(batch).items()})
        if hasattr(output, "start_logits"):  # the library's
            output = torch.stack([output.start_logits, output.end_logits], -1)  # (B, T, 2)
        if output.ndim != 3 or output.shape[-1] != 2:
            raise ModelError(f"logits {tuple(output.shape)}", wanted="(B, T, 2): a start and an end score a token", cause="another head")
        for i, row in zip(places, output.float().cpu()):
            found[i] = row[: len(cut[i]["input_ids"])]  # (T_i, 2)
    model.train(was_training)
    return found


def find_answers(
    model: nn.Module, tokenizer: Any, questions: Iterable[Question], max_length: int = spans.MAX_LENGTH, stride: int | None = None
) -> list[Found]:
    """The best span of each question, and its no-answer score.

    Args:
        model, tokenizer: a fine-tuned extractor and its tokenizer.
        questions: a `QuestionSplit`, or a list of `Question`.
        max_length, stride: of the windows, as in `spans.windows`.
    Returns: one `spans.Found` a question; ``found.given(threshold)`` is the answer that is given.
    Raises: InputError if the windows leave no room for the context; ModelError if the model is no extractor.
    Example: ``[f.text for f in find_answers(model, tokenizer, task.test)]``.
    """
    questions = list(questions)
    cut = spans.windows(questions, tokenizer, max_length, stride)
    return spans.decode(cut, window_logits(model, cut), questions)


def answer(
    model: nn.Module, tokenizer: Any, question: str, context: str, threshold: float | None = None,
    max_length: int | None = None, stride: int | None = None,
) -> dict[str, Any]:
    """Answer a question with words of a text of any length.

    Args:
        model, tokenizer: from `fine_tune` or `load_model`, or a question answering model of the library with its tokenizer.
        question, context: texts.
        threshold: give no answer if no_answer_score - score is above it; None always answers.
        max_length, stride: of the windows; None takes 384 tokens (or what the model has positions for), a third of it shared.
    Returns: dict: text ("" for no answer), start and end (characters in the context, end exclusive; None for no answer), score and
        no_answer_score (sums of two logits; only their difference means something).
    Raises: TaskError if question or context is empty or not text; InputError if the question is too long for a window; ModelError if
        the model has another head.
    Example: ``answer(model, tokenizer, "Who sang?", "Ann sang.")["text"]``.
    """
    asked = Question("yours", question, context)
    max_length = min(spans.MAX_LENGTH, tokenizer.model_max_length) if max_length is None else max_length
    found = find_answers(model, tokenizer, [asked], max_length, stride)[0]
    given = found.given(threshold)
    place = (found.start, found.end) if given else (None, None)
    return {"text": given, "start": place[0], "end": place[1], "score": found.score, "no_answer_score": found.no_answer_score}


@dataclass
class FineTunedExtractor(FineTuned):
    """A fine-tuned extractor, as `FineTuned`, with the no-answer threshold that validation chose; `save` keeps it in metrics.json.

    Attributes:
        model, tokenizer, task, history, config, scores: as in `FineTuned`.
        threshold: for `answer`; None where every validation question has an answer.
    Example: ``fine_tune("questions").predict("Who sang?", "Ann sang.")[0]["text"]``.
    """

    threshold: float | None = None

    def predict(self, texts: str | Sequence[str], pairs: str | Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Answers to your own questions.

        Args:
            texts: one question or several.
            pairs: the context of each, or one for all.
        Returns: one dict a question, as `answer` gives.
        Raises: InputError if the contexts are missing or do not fit.
        """
        return answers_of(self.model, self.tokenizer, texts, pairs, self.threshold, self.config.max_length)

    def evaluate(self, split: str | QuestionSplit = "test") -> dict[str, float]:
        """F1 and exact match on a split, with the threshold chosen on validation.

        Args:
            split: a name, or a `QuestionSplit`.
        Returns: dict with n, f1, em, and where there are both, the scores of answerable and unanswerable questions.
        Raises: TaskError if the task has no such split.
        """
        split = self.task.split(split) if isinstance(split, str) else split
        with autocast(self.config.precision):
            found = find_answers(self.model.to(lab.device()), self.tokenizer, split, self.config.max_length)
        return {"n": len(split), **score_answers([f.given(self.threshold) for f in found], split.answers)}

    def _record(self) -> dict[str, Any]:
        return {**super()._record(), "threshold": self.threshold}


def fine_tune_extractor(
    task: QuestionTask, checkpoint: str = "minilm-l6", config: TrainConfig = TrainConfig(), out: str | os.PathLike[str] | None = None,
    resume: bool = False, test: bool = True,
) -> FineTunedExtractor:
    """What `fine_tune` does for a task of questions: windows, span head, span loss, the same `fit`.

    Args:
        task, checkpoint, config, out, resume, test: as in `fine_tune`; config.max_length is the length of a window.
    Returns: `FineTunedExtractor`.
    Raises: TaskError, ModelError, InputError, TrainingError, each in one line.
    Example: ``fine_tune_extractor(load_task("questions")).scores["test"]["f1"]``.
    """
    lab.seed_everything(config.seed)
    tokenizer, model = load_tokenizer(checkpoint), build_extractor(checkpoint, config.seed, config.dropout)
    train = spans.windows(task.train, tokenizer, config.max_length)
    validation = spans.windows(task.validation, tokenizer, config.max_length)
    history = fit(
        model, batches(train, config.batch_size, bucket=config.bucket, seed=config.seed), batches(validation, 16, shuffle=False), config,
        loss_fn=spans.loss_fn, metrics=spans.metrics_of(validation, task.validation),
        out=Path(out) / "snapshot" if out is not None else None, resume=resume,
    )
    judged = history.best if config.keep_best else history.evaluations[-1]  # the evaluation of the weights that are returned
    result = FineTunedExtractor(model, tokenizer, task, history, config, threshold=judged.get("threshold"))
    result.scores["validation"] = {k: v for k, v in judged.items() if k not in ("step", "epoch")}
    if test and "test" in task.splits:
        result.scores["test"] = result.evaluate("test")
    if out is not None:
        result.save(out)
    return result


def build_extractor(checkpoint: str = "minilm-l6", seed: int = 0, dropout: float = 0.0) -> SpanExtractor:
    """An encoder with a new span head, drawn with a seed: what `build_model` gives for a `QuestionTask`.

    Args:
        checkpoint: as in `checkpoints.resolve`; a BERT.
        seed: draws the head's weights.
        dropout: in the encoder.
    Returns: `SpanExtractor`.
    Raises: ModelError if the checkpoint is not a BERT.
    Example: ``build_extractor()(**inputs(batch)).shape == (B, T, 2)``.
    """
    return build_model(QuestionTask("any", {}), checkpoint, seed, dropout)


def answers_of(
    model: nn.Module, tokenizer: Any, texts: str | Sequence[str], contexts: str | Sequence[str] | None,
    threshold: float | None = None, max_length: int | None = None,
) -> list[dict[str, Any]]:
    """`answer` for several questions.

    Args:
        model, tokenizer, threshold, max_length: as in `answer`.
        texts: one question or several.
        contexts: the context of each, or one for all.
    Returns: one dict a question.
    Raises: InputError if there is no context, or not one for each; TaskError if one is empty or not text.
    Example: ``answers_of(model, tokenizer, ["Who sang?", "Who listened?"], "Ann sang to Bob.")``.
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    contexts = [contexts] if isinstance(contexts, str) else list(contexts or [])
    if not texts or len(contexts) not in (1, len(texts)):
        raise InputError(f"{len(texts)} questions and {len(contexts)} contexts", wanted="one context for each question, or one for all",
                         cause="an extractor reads its answers from a text: it needs one")
    contexts = contexts * len(texts) if len(contexts) == 1 else contexts
    return [answer(model, tokenizer, question, context, threshold, max_length) for question, context in zip(texts, contexts)]


def saved_threshold(folder: str | os.PathLike[str]) -> tuple[float | None, int | None]:
    """The no-answer threshold and the window length that `save` wrote beside a model.

    Args:
        folder: a model folder.
    Returns: (threshold, max_length), None where not known.
    Raises: ModelError if the record is damaged.
    Example: ``saved_threshold("runs/questions")``.
    """
    path = Path(folder) / "metrics.json"
    if not path.is_file():
        return None, None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return record.get("threshold"), record.get("config", {}).get("max_length")
    except (ValueError, AttributeError) as error:
        raise ModelError(f"a damaged metrics.json in {str(folder)!r}", wanted="the record that save wrote",
                         hint="train again, or remove the file to answer without a threshold") from error
