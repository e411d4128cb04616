"""Widgets: a second way in, one module each. Live in a notebook; a still picture of the same on a page and in the tests.

A new widget is a module of its own here, with one public function, and one line in `_WHERE`.
"""

from __future__ import annotations

import importlib
from typing import Any

_WHERE = {
    "score_box": "score",
    "loss_and_gradient": "logits",
    "mask_box": "mask",
    "batch_explorer": "padding",
    "token_explorer": "tokens",
    "next_token_box": "next_token",
    "entity_box": "entities",
    "show_entities": "entities",
    "write_box": "writing",
    "answer_box": "answers",
    "build": "base",
    "text": "base",
    "slider": "base",
    "choice": "base",
    "bars_html": "base",
    "bars_text": "base",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"ftlab.widgets has no {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return __all__
