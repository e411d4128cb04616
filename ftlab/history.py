"""What happened while a model trained: every step, every evaluation, and what is worth a remark."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class History:
    """The record that `fit` writes and plots read.

    Attributes:
        steps: one dict an optimiser step: step, epoch (float), loss (nats, mean over the batch), learning_rate, grad_norm.
        evaluations: one dict an evaluation: step, epoch, loss, and the metrics.
        headline: the key of an evaluation that decides which is best; a name that ends in "loss" is best when lowest, others when highest.
        tokens: real tokens trained on (padding not counted).
        seconds: wall time spent in training steps.
        evaluation_seconds: wall time spent in evaluations.
        precision, device: what it ran in and on.
        notes: remarks in plain words: a degenerate result, an early stop, a resume.
    Example: ``history.best["accuracy"]``.
    """

    steps: list[dict[str, float]] = field(default_factory=list)
    evaluations: list[dict[str, float]] = field(default_factory=list)
    headline: str = "loss"
    tokens: int = 0
    seconds: float = 0.0
    evaluation_seconds: float = 0.0
    precision: str = "fp32"
    device: str = "cpu"
    notes: list[str] = field(default_factory=list)

    @property
    def best(self) -> dict[str, float]:
        """The best evaluation so far, or {} if there was none. Ties go to the earlier one."""
        if not self.evaluations:
            return {}
        sign = 1 if self.headline.endswith("loss") else -1
        return min(self.evaluations, key=lambda e: sign * e[self.headline])

    @property
    def tokens_per_second(self) -> float:
        """Real tokens a second of training, 0.0 before the first step."""
        return self.tokens / self.seconds if self.seconds else 0.0

    def note(self, text: str) -> None:
        """Add a remark, once."""
        if text not in self.notes:
            self.notes.append(text)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> History:
        """The history that `to_dict` gave."""
        return cls(**record)

    def save(self, path: str | Path) -> None:
        """Write the record as JSON."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=1), encoding="utf-8")
