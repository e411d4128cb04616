"""The long experiments of chapters 09-11, one module each: its cells (settings with a seed) and what one cell does.

A module here has

- ``WHAT``: one sentence on what is compared;
- ``PRECISION``: what its cells train in ("fp32" gives nearly the same numbers on every machine);
- ``cells()``: a list of dicts of JSON settings, each with an int "seed", in the order of their importance;
- ``run(cell)``: trains one cell and returns a dict of scores, with "steps" (optimiser updates done) among them;
- ``steps(cell)``: how many optimiser updates it will take, from the settings alone (quick; no model, no data).
- perhaps ``then(runs)``: a second stage, cells that depend on the finished runs; planned again when all others are done.

`ftlab.study` runs them, keeps the results, and reads them.
"""

from __future__ import annotations

from importlib import import_module, util
from types import ModuleType

from ftlab.errors import InputError

NAMES = ("overfitting", "tuning", "stability")  # chapters 09, 10, 11


def names() -> list[str]:
    """The studies there are.

    Returns: list of str, in the order of the chapters.
    Example: ``names()[0]`` is "overfitting".
    """
    return [name for name in NAMES if util.find_spec(f"{__name__}.{name}")]


def load_study(name: str) -> ModuleType:
    """The module of a study.

    Args:
        name: one of `names`, or a module's full name (with a dot in it) of your own.
    Returns: the module, with WHAT, PRECISION, cells, run and steps.
    Raises: InputError if there is no such study.
    Example: ``load_study("overfitting").cells()[0]["seed"]`` is 0.
    """
    full = name if "." in name else f"{__name__}.{name}"
    if not ("." in name and _found(name)) and name not in names():
        raise InputError(f"there is no study {name!r}", wanted="one of " + ", ".join(names()), hint="ftlab study --list shows them")
    return import_module(full)


def _found(name: str) -> bool:
    try:
        return util.find_spec(name) is not None
    except ModuleNotFoundError:  # no such package
        return False
