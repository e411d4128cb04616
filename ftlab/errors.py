"""Typed errors that say in one line what was got, what was wanted, why, and what to do."""

from __future__ import annotations


class FtlabError(Exception):
    """Base of every error raised on purpose by ftlab: one line, no library traceback needed to read it.

    Args:
        got: what was found, with its value.
        wanted: what would have been right.
        cause: the usual reason for the mistake.
        hint: what to do next.
    Example: ``str(InputError("rate is 2", wanted="0 to 1", hint="pass 0.15"))`` is
        ``"got: rate is 2 · wanted: 0 to 1 · do: pass 0.15"``.
    """

    def __init__(self, got: str, *, wanted: str = "", cause: str = "", hint: str = "") -> None:
        self.got, self.wanted, self.cause, self.hint = got, wanted, cause, hint
        parts = [("got", got), ("wanted", wanted), ("usual cause", cause), ("do", hint)]
        super().__init__(" · ".join(f"{name}: {text}" for name, text in parts if text))

    def __reduce__(self):  # keyword arguments survive pickling (worker processes)
        return _rebuild, (type(self), self.got, self.wanted, self.cause, self.hint)


def _rebuild(cls: type, got: str, wanted: str, cause: str, hint: str) -> FtlabError:
    return cls(got, wanted=wanted, cause=cause, hint=hint)


class InputError(FtlabError, ValueError):
    """A value that cannot be used: wrong type, out of range, or contradicting another value."""


class ShapeError(InputError):
    """A tensor whose shape does not fit."""


class TaskError(InputError):
    """A task, split, column or label that does not exist or does not fit."""


class ModelError(InputError):
    """A checkpoint or folder that is not a usable model."""


class AssetError(FtlabError, OSError):
    """A model or data file that could not be found, fetched or verified."""

    def __str__(self) -> str:  # OSError would print its own tuple form
        return self.args[0] if self.args else ""


class TrainingError(FtlabError, RuntimeError):
    """Training that cannot go on: the loss is not finite, or the memory is not enough."""
