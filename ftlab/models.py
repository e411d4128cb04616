"""The pretrained encoder and the heads that turn it into a classifier, a tagger, an extractor or a word guesser.

Every head is a few lines, and its parameters carry the names the library uses. So `save_model` writes a folder that plain
transformers loads, with the same logits.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ftlab.errors import InputError, ModelError
from ftlab.firsttoken import can_skip, first_token

POOLINGS = ("pooler", "cls", "mean")


def pool(last_hidden_state: torch.Tensor, attention_mask: torch.Tensor, how: str = "mean") -> torch.Tensor:
    """One vector a sentence, from one vector a token.

    "cls" takes the first token; "mean" averages over real tokens: sum_t m_t h_t / sum_t m_t.

    Args:
        last_hidden_state: float (B, T, H).
        attention_mask: int (B, T), 1 = real token.
        how: "cls" or "mean".
    Returns: float (B, H).
    Raises: InputError for another name.
    Example: hidden states 1, 3 and a padded 9 have mean 2.
    Source: Reimers & Gurevych 2019, section 3 (mean pooling).
    """
    if how == "cls":
        return last_hidden_state[:, 0]  # (B, H)
    if how != "mean":
        raise InputError(f"pooling is {how!r}", wanted='"cls" or "mean"')
    mask = attention_mask.unsqueeze(-1).to(last_hidden_state.dtype)  # (B, T, 1)
    return (last_hidden_state * mask).sum(1) / mask.sum(1).clamp(min=1)  # (B, H)


class SequenceClassifier(nn.Module):
    """An encoder and a linear layer: one row of logits a sentence (or pair of sentences).

    logits = W dropout(pooled) + b, with pooled the encoder's pooler_output by default.

    Args:
        encoder: a BertModel from `load_encoder`.
        n_classes: C; use 1 for regression.
        pooling: "pooler" (tanh of a linear layer on [CLS], as in the library), "cls" or "mean".
        dropout: probability of zeroing an entry of the pooled vector while training.
    Raises: InputError if n_classes < 1 or pooling is unknown.
    Example: ``SequenceClassifier(encoder, 2)(**inputs(batch)).shape == (B, 2)``.
    Source: Devlin et al. 2019, section 4.1. Checked against BertForSequenceClassification, in tests/test_models.py.
    """

    library_class = "BertForSequenceClassification"

    def __init__(self, encoder: nn.Module, n_classes: int, pooling: str = "pooler", dropout: float = 0.1) -> None:
        super().__init__()
        if n_classes < 1:
            raise InputError(f"n_classes is {n_classes}", wanted="1 (regression) or more")
        if pooling not in POOLINGS:
            raise InputError(f"pooling is {pooling!r}", wanted=" or ".join(POOLINGS))
        self.bert, self.pooling = encoder, pooling
        self.dropout = nn.Dropout(dropout)
        self.classifier = _new_linear(encoder.config, n_classes)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None) -> torch.Tensor:
        """Logits (B, C) from input_ids, attention_mask and token_type_ids: int64 (B, T)."""
        batch = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        if self.training and self.pooling != "mean" and can_skip(self.bert):  # the same numbers, but for rounding, for less work
            hidden = first_token(self.bert, **batch)  # (B, 1, H)
            pooled = self.bert.pooler(hidden) if self.pooling == "pooler" else hidden[:, 0]  # (B, H)
        else:
            output = self.bert(**batch)
            pooled = output.pooler_output if self.pooling == "pooler" else pool(output.last_hidden_state, attention_mask, self.pooling)  # (B, H)
        return self.classifier(self.dropout(pooled))  # (B, C)


class TokenClassifier(nn.Module):
    """An encoder and a linear layer on every token: for named entities and other labels a word.

    Args:
        encoder: a BertModel; its pooler is not used and is dropped.
        n_classes: C, number of tags.
        dropout: probability of zeroing an entry of a token's vector while training.
        label_names: the tags by number, kept for `tagging.predict_entities` and for saving; () if not known.
    Example: ``TokenClassifier(encoder, 9)(**inputs(batch)).shape == (B, T, 9)``.
    Source: Devlin et al. 2019, section 5.3. Checked against BertForTokenClassification, in tests/test_models.py.
    """

    library_class = "BertForTokenClassification"

    def __init__(self, encoder: nn.Module, n_classes: int, dropout: float = 0.1, label_names: Sequence[str] = ()) -> None:
        super().__init__()
        self.bert = _without_pooler(encoder)
        self.label_names = tuple(label_names)
        self.dropout = nn.Dropout(dropout)
        self.classifier = _new_linear(encoder.config, n_classes)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None) -> torch.Tensor:
        """Logits (B, T, C)."""
        output = self.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        return self.classifier(self.dropout(output.last_hidden_state))  # (B, T, C)


class SpanExtractor(nn.Module):
    """An encoder and two scores a token: how well an answer could start here, and end here.

    Args:
        encoder: a BertModel; its pooler is not used and is dropped.
    Example: ``SpanExtractor(encoder)(**inputs(batch)).shape == (B, T, 2)``: [..., 0] start, [..., 1] end.
    Source: Devlin et al. 2019, section 4.2. Checked against BertForQuestionAnswering, in tests/test_models.py.
    """

    library_class = "BertForQuestionAnswering"

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.bert = _without_pooler(encoder)
        self.qa_outputs = _new_linear(encoder.config, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None) -> torch.Tensor:
        """Logits (B, T, 2)."""
        output = self.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        return self.qa_outputs(output.last_hidden_state)  # (B, T, 2)


class MaskedWordHead(nn.Module):
    """From a token's vector to a score for every word: dense, GELU, layer norm, then the embedding table as a decoder.

    logits = E · norm(gelu(W h + b)) + c, with E the encoder's own word embeddings (tied, not copied) and c a bias a word.

    Args:
        encoder: a BertModel with hidden size H and vocabulary V.
    Example: a vector (N, H) gives logits (N, V).
    Source: Devlin et al. 2019, section 3.1; Press & Wolf 2017 (tied embeddings).
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        config = encoder.config
        self.transform = nn.ModuleDict(
            {"dense": _new_linear(config, config.hidden_size), "LayerNorm": nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)}
        )
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.decoder.weight = encoder.get_input_embeddings().weight  # tied: one table, read both ways
        self.decoder.bias.data.zero_()

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits (..., V) from vectors (..., H)."""
        hidden = nn.functional.gelu(self.transform["dense"](hidden))  # (..., H)
        return self.decoder(self.transform["LayerNorm"](hidden))  # (..., V)


class MaskedLanguageModel(nn.Module):
    """An encoder that guesses hidden words: the model of the MLM loss.

    Args:
        encoder: a BertModel; its pooler is not used and is dropped.
    Example: ``MaskedLanguageModel(encoder)(**inputs(batch)).shape == (B, T, V)``; with ``at=labels != -100`` only the N
        chosen positions are scored, (N, V): seven times less work at 15% masking.
    Source: Devlin et al. 2019, section 3.1. Checked against BertForMaskedLM, in tests/test_models.py.
    """

    library_class = "BertForMaskedLM"

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.bert = _without_pooler(encoder)
        self.cls = nn.ModuleDict({"predictions": MaskedWordHead(encoder)})

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        at: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Logits (B, T, V), or (N, V) for the N positions where `at`, bool (B, T), is True."""
        output = self.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        hidden = output.last_hidden_state if at is None else output.last_hidden_state[at]  # (B, T, H) or (N, H)
        return self.cls["predictions"](hidden)  # (..., V)


def count_parameters(model: nn.Module, trainable: bool = False) -> int:
    """Number of parameters, each shared table counted once.

    Args:
        model: any module.
        trainable: count only those with requires_grad.
    Returns: int.
    Example: the lite encoder has 22,713,216.
    """
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)


def build_model(task: Any, checkpoint: str = "minilm-l6", seed: int = 0, dropout: float = 0.0) -> nn.Module:
    """An encoder with the head that a task needs, its new layer drawn with a seed.

    Args:
        task: a `Task`, `TaggingTask` or `QuestionTask` (its kind and number of classes decide the head).
        checkpoint: "minilm-l6", a folder, or in the full profile a name on the Hub.
        seed: draws the new head's weights.
        dropout: in the encoder and the head, 0 ≤ dropout < 1. 0 trains faster on a CPU; chapter 04 measures the difference.
    Returns: `SequenceClassifier` with C = n_classes (1 for regression), for a tagging task `TokenClassifier`, for questions
        `SpanExtractor`; for an encoder that is not a BERT, the library's class.
    Raises: ModelError if the checkpoint cannot be loaded, is not a BERT where questions are asked, or is another family's with the head
        of another task (of a BERT only the encoder is taken); InputError for a dropout out of range.
    Example: ``build_model(load_task("ratings/movies"))`` returns logits (B, 2).
    """
    from ftlab.checkpoints import load_config, load_encoder, load_library_model

    family = load_config(checkpoint).model_type
    if task.kind == "span" and family != "bert":
        raise ModelError(f"{str(checkpoint)!r} is a {family}", wanted="a BERT", cause="the span head here sits on BERT encoders only",
                         hint='use "minilm-l6", or answer() with a question answering model of the library')
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if family != "bert":
            return load_library_model(checkpoint, task.n_classes, dropout, task.label_names if task.kind == "tagging" else ())
        encoder = load_encoder(checkpoint, dropout=dropout)
        if task.kind == "span":
            return SpanExtractor(encoder)
        if task.kind == "tagging":
            return TokenClassifier(encoder, task.n_classes, dropout, task.label_names)
        return SequenceClassifier(encoder, task.n_classes, dropout=dropout)


def _new_linear(config: Any, n_out: int) -> nn.Linear:
    """A new layer as BERT draws its own: weights from a normal of standard deviation 0.02, biases 0."""
    layer = nn.Linear(config.hidden_size, n_out)
    nn.init.normal_(layer.weight, std=config.initializer_range)
    nn.init.zeros_(layer.bias)
    return layer


def _without_pooler(encoder: nn.Module) -> nn.Module:
    """The same encoder (weights shared, not copied) without its pooler."""
    if getattr(encoder, "pooler", None) is None:
        return encoder
    bare = copy.copy(encoder)
    bare._modules = {name: module for name, module in encoder._modules.items() if name != "pooler"}
    bare.pooler = None
    return bare
