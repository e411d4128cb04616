"""What every kind of split shares: a random few of its examples, those at given positions, and whole numbers of any make."""

from __future__ import annotations

import random
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from ftlab.errors import TaskError


def drawn(size: int, n: int, seed: int = 0) -> list[int]:
    """Positions of a random subset, the same for the same seed; a larger n contains the smaller one.

    Args:
        size: how many there are to draw from.
        n: how many to draw, 1 or more; all where there are fewer.
        seed: of the shuffle.
    Returns: list of min(n, size) ints, 0 to size - 1, in the order drawn.
    Raises: TaskError if n is not a positive int.
    Example: ``drawn(10, 3) == drawn(10, 5)[:3]``.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise TaskError(f"take({n!r})", wanted="a whole number of examples, 1 or more")
    order = list(range(size))
    random.Random(seed).shuffle(order)
    return order[:n]


def check_positions(indices: Sequence[int], size: int, name: str) -> None:
    """Refuse positions that a split does not have.

    Args:
        indices: positions asked for.
        size: how many examples the split has.
        name: of the split, for the error.
    Raises: TaskError for the first that is not there.
    Example: ``check_positions([3], 3, "train")`` raises: 0 to 2 were wanted.
    """
    for i in indices:
        if not 0 <= i < size:
            raise TaskError(f"position {i} in split {name!r}", wanted=f"0 to {size - 1}")


def plain(value: Any) -> Any:
    """A NumPy integer as Python's int, which prints and goes into JSON as such; anything else as it is.

    Args:
        value: a label or a place, not yet checked.
    Returns: an int for a whole number of any type but bool; else the value.
    Example: ``plain(np.int64(3))`` is ``3``; ``plain(True)`` is ``True``, ``plain(3.0)`` is ``3.0``.
    """
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value
