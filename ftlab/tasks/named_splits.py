"""What every kind of task has: named splits, and the same task with fewer training examples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

from ftlab.errors import TaskError


class NamedSplits:
    """Access to a task's splits by name; a base for dataclasses with `name` and `splits`.

    Example: ``load_task("ratings/movies").test`` and ``load_task("questions").test`` are both found here.
    """

    name: str
    splits: dict[str, Any]

    @property
    def train(self) -> Any:
        """The split to learn from."""
        return self.split("train")

    @property
    def validation(self) -> Any:
        """The split to choose by (for MNLI the matched one)."""
        return self.split("validation")

    @property
    def test(self) -> Any:
        """The split to report, once. In GLUE its labels are withheld (None)."""
        return self.split("test")

    def split(self, name: str) -> Any:
        """A split by name.

        Args:
            name: e.g. "validation".
        Returns: the split, of the kind that this task has.
        Raises: TaskError naming the splits there are.
        Example: ``task.split("validation_mismatched")`` for MNLI.
        """
        if name not in self.splits:
            raise TaskError(f"split {name!r} of task {self.name!r}", wanted=f"one of {', '.join(self.splits)}")
        return self.splits[name]

    def take(self, n: int, seed: int = 0) -> Self:
        """The same task with n training examples; the other splits stay whole.

        Args:
            n: how many training examples.
            seed: of the random choice.
        Returns: a new task.
        Raises: TaskError if n is not a positive int.
        Example: ``load_task("ratings/movies").take(200).train`` is ``Split('train', 200 examples)``.
        """
        return replace(self, splits={**self.splits, "train": self.train.take(n, seed)})
