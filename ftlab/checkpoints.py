"""Checkpoints in and out: tokenizer, encoder, and whole fine-tuned models as folders that plain transformers loads.

This is the one module that touches transformers' loading code. Weights are read from safetensors only (a pickle can run
code when it is opened), and no code from a checkpoint is ever run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from ftlab._files import whole_files
from ftlab.errors import AssetError, InputError, ModelError

OURS = {  # the library's class name, as written in config.json -> ours
    "BertForSequenceClassification": "SequenceClassifier",
    "BertForTokenClassification": "TokenClassifier",
    "BertForQuestionAnswering": "SpanExtractor",
    "BertForMaskedLM": "MaskedLanguageModel",
}


def resolve(checkpoint: str | os.PathLike[str]) -> Path:
    """The folder of a checkpoint: a folder of yours, a named asset, or (full profile) a model fetched from the Hub.

    Args:
        checkpoint: "minilm-l6", a path, or "owner/name".
    Returns: an existing folder with config.json in it.
    Raises: ModelError if it is not a model folder, an unknown name, or a Hub name while the profile is lite.
    Example: ``resolve("minilm-l6") / "model.safetensors"`` exists.
    """
    from ftlab import assets, hub, lab

    name, folder = str(checkpoint), Path(checkpoint)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"{name!r} has no config.json", wanted="a folder with config.json and model.safetensors", cause="it is not a model")
        return folder
    known = assets.manifest()
    if name in known:
        return assets.path(name)
    encoders = " or ".join(asset for asset in known if "config.json" in known[asset].files)
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        if lab.profile() == "lite":
            raise ModelError(
                f"checkpoint {name!r} in the lite profile", wanted=f"{encoders}, or a folder",
                cause="models of the Hub belong to the full profile", hint='set FTLAB_PROFILE=full or ft.setup(profile="full")',
            )
        return hub.model_folder(name)
    raise ModelError(
        f"checkpoint {name!r}", wanted=f"{encoders}, a model folder, or (full profile) owner/name on the Hub",
        cause="a misspelt name, or a folder that does not exist",
    )


def load_tokenizer(checkpoint: str | os.PathLike[str] = "minilm-l6") -> Any:
    """The tokenizer that belongs to a checkpoint; a model understands no other.

    Args:
        checkpoint: as in `resolve`.
    Returns: a transformers tokenizer; ``tokenizer.model_max_length`` is 512 for BERT.
    Raises: ModelError if there is none.
    Example: ``load_tokenizer().tokenize("unputdownable")`` gives several pieces of a word.
    """
    from transformers import AutoTokenizer

    folder = resolve(checkpoint)
    tokenizer = _load(AutoTokenizer.from_pretrained, folder, "tokenizer")
    positions = getattr(load_config(folder), "max_position_embeddings", None) or 512
    tokenizer.model_max_length = min(tokenizer.model_max_length, positions)
    return tokenizer


def load_config(checkpoint: str | os.PathLike[str] = "minilm-l6") -> Any:
    """The checkpoint's settings: layers, hidden size, heads, vocabulary.

    Args:
        checkpoint: as in `resolve`.
    Returns: a transformers config.
    Raises: ModelError if it cannot be read.
    Example: ``load_config().num_hidden_layers == 6``.
    """
    from transformers import AutoConfig

    return _load(AutoConfig.from_pretrained, resolve(checkpoint), "config")


def load_encoder(checkpoint: str | os.PathLike[str] = "minilm-l6", dropout: float | None = None, attention: str = "eager") -> nn.Module:
    """The pretrained encoder: input_ids in, last_hidden_state (B, T, H) and pooler_output (B, H) out.

    Args:
        checkpoint: as in `resolve`; its family decides the class (BertModel for BERT).
        dropout: probability everywhere in the encoder, 0 ≤ dropout < 1; None keeps the checkpoint's own (0.1 for BERT).
        attention: "eager" (plain matrix products; on CPUs 1.4 times faster to train on short sentences) or "sdpa".
    Returns: a transformers encoder in training mode off (``.eval()``); `fit` switches training mode on.
    Raises: ModelError if it cannot be loaded; InputError for a dropout out of range.
    Example: ``load_encoder()(**inputs(batch)).last_hidden_state.shape == (B, T, 384)``.
    """
    from transformers import AutoModel

    folder = resolve(checkpoint)
    return _load(AutoModel.from_pretrained, folder, "model", **_dropout(folder, dropout), **_safe(attention)).eval()


def load_library_model(
    checkpoint: str | os.PathLike[str], n_classes: int, dropout: float | None = None, tags: tuple[str, ...] = ()
) -> nn.Module:
    """The library's own sequence classifier (or tagger), for encoders that are not BERT (RoBERTa, DistilBERT, ModernBERT, …).

    Args:
        checkpoint: as in `resolve`.
        n_classes: C; 1 for regression.
        dropout: as in `load_encoder`.
        tags: names of the C tags, for a tagger.
    Returns: a transformers AutoModelForSequenceClassification; with tags an AutoModelForTokenClassification.
    Raises: ModelError if it cannot be loaded, or has the head of another task: a classifier and a tagger are not taken for each other,
        nor is one of another number of classes or of other tags.
    Example: ``load_library_model(folder, 2)(**inputs(batch)).logits.shape == (B, 2)``.
    """
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

    folder = resolve(checkpoint)
    _check_head(folder, n_classes, tags)
    head = AutoModelForTokenClassification if tags else AutoModelForSequenceClassification
    kwargs = {**_dropout(folder, dropout), **_safe("eager"), "num_labels": n_classes}
    if tags:
        kwargs |= {"id2label": dict(enumerate(tags)), "label2id": {name: i for i, name in enumerate(tags)}}
    return _load(head.from_pretrained, folder, "model", **kwargs)


def save_model(model: nn.Module, tokenizer: Any, folder: str | os.PathLike[str], label_names: tuple[str, ...] = ()) -> Path:
    """Write config.json, model.safetensors and the tokenizer, all or nothing; plain transformers loads the folder.

    Args:
        model: one of ours (`SequenceClassifier` with pooling="pooler", `TokenClassifier`, …) or a transformers model.
        tokenizer: the tokenizer it was trained with.
        folder: where; made if need be. Files of an earlier save are replaced.
        label_names: one a class; they become id2label. Left out, those the model carries.
    Returns: the folder.
    Raises: ModelError if the model has no counterpart in the library.
    Example: ``AutoModelForSequenceClassification.from_pretrained(save_model(model, tokenizer, "my-model"))``.
    """
    folder = Path(folder)
    label_names = label_names or getattr(model, "label_names", ())
    with whole_files(folder) as scratch:
        if hasattr(model, "save_pretrained"):
            _name_labels(model.config, model.config.num_labels, label_names)
            with _quiet():
                model.save_pretrained(scratch)
        else:
            _save_ours(model, scratch, label_names)
        tokenizer.save_pretrained(scratch)
    return folder


def load_model(folder: str | os.PathLike[str]) -> tuple[nn.Module, Any, tuple[str, ...]]:
    """Load what `save_model` wrote (or any BERT with one of the four heads, from anywhere).

    Args:
        folder: a model folder.
    Returns: (model in evaluation mode, tokenizer, label names).
    Raises: ModelError if the folder is not a fine-tuned model, or its weights do not fit its config.
    Example: ``model, tokenizer, labels = load_model("runs/movies")``.
    """
    from safetensors.torch import load_file

    from ftlab import models

    folder = Path(folder)
    if not folder.is_dir():
        raise ModelError(f"no folder {str(folder)!r}", wanted="a folder that ftlab train or save_model wrote")
    config = load_config(folder)
    kind = (getattr(config, "architectures", None) or ["nothing"])[0]
    tokenizer = load_tokenizer(folder)
    labels = tuple(config.id2label[i] for i in range(config.num_labels))
    if kind not in OURS:
        if not kind.endswith(("ForSequenceClassification", "ForTokenClassification")):
            raise ModelError(f"{str(folder)!r} holds {kind}", wanted="a fine-tuned classifier or tagger, or a BERT with one of four heads",
                             cause="a head of another kind" if "For" in kind else "a bare encoder, without a head")
        tags = labels if kind.endswith("ForTokenClassification") else ()
        return load_library_model(folder, config.num_labels, tags=tags).eval(), tokenizer, labels
    weights_file = folder / "model.safetensors"
    if not weights_file.is_file():
        raise ModelError(f"{str(folder)!r} has no model.safetensors", wanted="weights as safetensors", cause="pickled weights are not opened")
    from transformers import BertModel

    encoder = BertModel._from_config(config, attn_implementation="eager")
    head = getattr(models, OURS[kind])
    model = head(encoder, config.num_labels) if "Classif" in OURS[kind] else head(encoder)
    weights = _load(lambda path, **_: load_file(path / weights_file.name), folder, "weights")
    if "cls.predictions.bias" in weights:
        weights["cls.predictions.decoder.bias"] = weights.pop("cls.predictions.bias")
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    if odd := [name for name, value in weights.items() if value.shape != shapes.get(name, value.shape)]:
        raise ModelError(f"{odd[0]} in {weights_file} is {tuple(weights[odd[0]].shape)}", wanted=f"{tuple(shapes[odd[0]])}, as config.json says",
                         cause="a config.json that was edited, or another model's")
    missing, unexpected = model.load_state_dict(weights, strict=False)
    missing = [name for name in missing if name != "cls.predictions.decoder.weight"]  # tied
    if missing or unexpected:
        raise ModelError(f"{weights_file} lacks {missing[:2]} and has {unexpected[:2]} over", wanted=f"the weights of {kind}")
    if hasattr(model, "label_names"):
        model.label_names = labels
    return model.eval(), tokenizer, labels


def _save_ours(model: nn.Module, folder: Path, label_names: tuple[str, ...]) -> None:
    from safetensors.torch import save_file

    if getattr(model, "pooling", "pooler") != "pooler" or not hasattr(model, "library_class"):
        raise ModelError(
            f"a {type(model).__name__} with pooling={getattr(model, 'pooling', None)!r}", wanted="a model that plain transformers has",
            hint='train with pooling="pooler" to save, or keep the state_dict yourself',
        )
    config = model.bert.config.__class__.from_dict(model.bert.config.to_dict())
    config.architectures = [model.library_class]
    if hasattr(model, "classifier"):
        n_out = model.classifier.out_features
        config.classifier_dropout = model.dropout.p
        _name_labels(config, n_out, label_names)
        if model.library_class == "BertForSequenceClassification":
            config.problem_type = "regression" if n_out == 1 else "single_label_classification"
    config.save_pretrained(folder)
    tied = ("cls.predictions.decoder.weight",)  # it is the embedding table; the library ties it again on loading
    weights = {name: value.detach().float().cpu().contiguous() for name, value in model.state_dict().items() if name not in tied}
    if "cls.predictions.decoder.bias" in weights:  # the library keeps this bias under a second name too
        weights["cls.predictions.bias"] = weights.pop("cls.predictions.decoder.bias")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _name_labels(config: Any, n_out: int, label_names: tuple[str, ...]) -> None:
    names = label_names or tuple(f"LABEL_{i}" for i in range(n_out))
    if len(names) != n_out:
        names = tuple(f"LABEL_{i}" for i in range(n_out))
    config.id2label = dict(enumerate(names))
    config.label2id = {name: i for i, name in enumerate(names)}


def _check_head(folder: Path, n_classes: int, tags: tuple[str, ...]) -> None:
    """Refuse another task's head: the library keeps one that happens to fit, and so would train it on, under new names."""
    config = load_config(folder)
    kind = (getattr(config, "architectures", None) or ["nothing"])[0]
    labels = tuple(config.id2label[i] for i in range(config.num_labels))
    tagger, classifier = (kind.endswith(f"For{what}Classification") for what in ("Token", "Sequence"))
    if (tagger and labels != tags) or (classifier and (tags or len(labels) != n_classes)):
        wanted = f"a tagger of {', '.join(tags)}" if tags else f"a classifier of {n_classes} classes" if n_classes > 1 else "a model of one value"
        raise ModelError(f"{str(folder)!r} holds {kind} of {', '.join(labels)}", wanted=f"{wanted}, or an encoder without a head",
                         cause="a model fine-tuned on another task", hint='start from the encoder it was made of, or from "minilm-l6"')


def _dropout(folder: Path, dropout: float | None) -> dict[str, float]:
    """Dropout under the names that this model family uses for it."""
    if dropout is None:
        return {}
    if not 0 <= dropout < 1:
        raise InputError(f"dropout is {dropout}", wanted="0 or more, below 1", hint="use 0.0 or 0.1")
    present = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout", "seq_classif_dropout")
    return {name: dropout for name in names if name in present}


def _safe(attention: str) -> dict[str, Any]:
    return {"use_safetensors": True, "attn_implementation": attention}


def _load(loader: Any, folder: Path, what: str, **kwargs: Any) -> Any:
    """Call a from_pretrained on a local folder; say in one line what is wrong if it cannot."""
    try:
        with _quiet():
            return loader(folder, local_files_only=True, trust_remote_code=False, **kwargs)
    except (InputError, AssetError):
        raise
    except Exception as error:  # the library raises a dozen kinds here
        reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
        raise ModelError(f"no usable {what} in {str(folder)!r} ({reason})", wanted="a complete, undamaged model folder") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """The library without its progress bars and remarks."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
