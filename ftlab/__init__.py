"""ftlab: the helper package of a course on fine-tuning pretrained language models.

Importing it is instant and touches nothing: torch and the other heavy libraries load when a name is first used.
"""

from __future__ import annotations

import os as _os
from importlib import import_module as _import_module

# OpenMP threads that wait spin for a moment and then sleep. Spinning on, as they do by default, makes training five times slower beside
# another busy program; sleeping at once costs a fifth of the speed when alone. Measured on 2 cores, tokens/s alone and for each of two
# trainings at once: sleep 5,400 and 3,950; this 6,200 and 3,550. It must be set before torch loads; yours wins if it is set.
if _os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE").upper() == "PASSIVE":
    _os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# oneDNN keeps the compiled product of every batch shape it has met, up to 1,024 of them, with room to work in. 8 cost 3% of the speed
# and save memory on a CPU with bf16: 260 MiB of 1,530 for film reviews, 1,000 of 2,660 in chapter 01, whose decoder is large.
_os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8")

__version__ = "0.1.0"

_HOME = {  # public name -> the module it lives in
    "setup": "lab", "seed_everything": "lab", "peak_mib": "lab", "bf16_in_hardware": "lab",
    "load_task": "tasks", "list_tasks": "tasks", "load_table": "tasks", "Task": "tasks", "Split": "tasks",
    "encode": "batching", "pad": "batching", "batches": "batching", "inputs": "batching",
    "mask_tokens": "masking",
    "mlm_loss": "losses", "clm_loss": "losses", "classification_loss": "losses", "regression_loss": "losses",
    "token_loss": "losses", "span_loss": "losses", "perplexity": "losses", "bits_per_byte": "losses",
    "pool": "models", "SequenceClassifier": "models", "TokenClassifier": "models", "SpanExtractor": "models",
    "MaskedLanguageModel": "models", "build_model": "models", "count_parameters": "models",
    "load_tokenizer": "checkpoints", "load_encoder": "checkpoints", "save_model": "checkpoints", "load_model": "checkpoints",
    "TinyDecoder": "decoder", "load_causal_lm": "causal", "score_text": "causal",
    "next_token_distribution": "generation", "generate": "generation", "beam_search": "generation",
    "encode_chat": "instruct", "write": "instruct",
    "add_lora": "tuning", "merge_lora": "tuning", "save_adapter": "tuning", "load_adapter": "tuning",
    "train_head": "freezing", "train_last_layers": "freezing", "train_biases": "freezing", "stored_bytes": "freezing",
    "TrainConfig": "config", "fit": "training", "evaluate": "evaluation", "History": "history",
    "fine_tune": "finetuning", "FineTuned": "finetuning", "predict": "finetuning", "predict_logits": "finetuning",
    "answer": "answering", "find_answers": "answering", "predict_entities": "tagging",
    "mean_interval": "stats", "proportion_interval": "stats", "bootstrap_interval": "stats", "paired_test": "stats", "mcnemar": "stats",
    "variance_components": "seeds", "power": "seeds", "seeds_needed": "seeds", "expected_best": "seeds", "reinitialise_top": "reinit",
    "Interval": "stats",
    "TODO": "teach", "check": "teach", "hint": "teach", "solution": "teach", "quiz": "teach", "recall": "teach",
    "expect": "teach", "about": "teach", "table": "teach", "show": "teach", "shapes": "teach", "check_same": "teach",
}
_MODULES = (
    "answer_scores", "answering", "assets", "augment", "baselines", "batching", "bio", "causal", "checkpoints", "config", "decoder", "embeddings",
    "entity_scores", "errors", "evaluation", "finetuning", "freezing", "generation", "history", "hub", "instruct", "lab", "losses", "masking", "masterweights", "metrics", "models", "optim",
    "plots", "reinit", "seeds", "span_baselines", "spans", "stats", "studies", "study", "tagging", "tasks", "teach", "textmetrics", "training", "tuning", "widgets",
)
__all__ = sorted([*_HOME, *_MODULES])


def __getattr__(name: str):
    if name in _HOME:
        value = getattr(_import_module(f"ftlab.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return _import_module(f"ftlab.{name}")
    from difflib import get_close_matches

    near = get_close_matches(name, __all__, n=1)
    raise AttributeError(f"ftlab has no {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
