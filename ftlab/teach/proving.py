"""check_same and expect: prove two things equal, or a number good enough, in one printed line that is the same on every run."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

from ..display import AMBER, GREEN, about, box, escape, present
from ..errors import FtlabError, InputError
from .checking import Verdict
from .comparing import brief, flat_array, is_array, is_tensor, largest_gap, shape
from .diagnosing import position
from .running import fresh
from .todo import holds_todo


def check_same(mine: Any, theirs: Any, *example: Any, tolerance: float = 1e-6, inputs: Sequence[Any] | None = None,
               gradients: bool = False) -> Verdict:
    """Prove that two values, or two functions on the same inputs, are equal: max |mine - theirs| <= tolerance.

    Args:
        mine: a number, tensor, array, list or dict of them, or a function.
        theirs: the same kind of thing, to compare with.
        example: for functions: one input, given as their arguments.
        tolerance: largest difference allowed, absolute.
        inputs: for functions: several inputs, each a tuple of arguments. With neither, three inputs are made when the
            arguments are called logits and labels (with -100 among the labels where that is allowed).
        gradients: for functions: also compare the gradients with respect to the floating-point inputs.
    Returns: a Verdict; it has been shown as one line.
    Raises: InputError if one is a function and the other is not, or functions come without inputs.
    Example: ``check_same(2.0, 2.0)`` prints "same · largest difference under 1e-6".
    """
    if holds_todo(mine):
        return _line(False, "not tried yet · replace ft.TODO, then run the cell again")
    if callable(mine) != callable(theirs):
        raise InputError("a function and a value", wanted="two functions, or two values", hint="pass both without calling them, or call both")
    if not callable(mine):
        return _report([_difference(mine, theirs)], tolerance, "")
    tuples = [a if isinstance(a, tuple) else (a,) for a in inputs] if inputs is not None else [example] if example else _made_up(theirs)
    found: list[tuple[float, str]] = []
    for args in tuples:
        first, second = fresh(args, gradients), fresh(args, gradients)
        wanted = theirs(*second)
        try:
            got = mine(*first)
        except Exception as error:
            said = str(error).splitlines()[0][:160] if str(error) else ""
            return _line(False, f"NOT the same · mine stops with {type(error).__name__}: {said}")
        if holds_todo(got):
            return _line(False, "not tried yet · replace ft.TODO, then run the cell again")
        found.append(_difference(got, wanted))
        if gradients and found[-1][0] <= tolerance:
            found[-1] = max(found[-1], _gradient_difference(got, wanted, first, second), key=lambda f: f[0])
    return _report(found, tolerance, ", gradients too" if gradients else "")


def _report(found: list[tuple[float, str]], tolerance: float, also: str) -> Verdict:
    several = len(found) > 1
    for i, (size, where) in enumerate(found):
        if not size <= tolerance:
            which = f"input {i + 1} of {len(found)} · " if several else ""
            return _line(False, f"NOT the same · {which}{where}")
    count = f"{len(found)} of {len(found)} inputs{also} · " if several or also else ""
    return _line(True, f"same · {count}largest difference {_threshold(tolerance)}")


def _threshold(tolerance: float) -> str:
    return "0" if tolerance == 0 else "under " + f"{tolerance:g}".replace("e-0", "e-")


def _line(passed: bool, text: str) -> Verdict:
    first, _, rest = text.partition(" · ")
    present(text, box(f"{'✓ ' if passed else ''}<strong>{escape(first)}</strong> · {escape(rest)}", GREEN if passed else AMBER))
    return Verdict(passed, text, "" if passed else text)


def _difference(mine: Any, theirs: Any) -> tuple[float, str]:
    """The largest difference, and in words where it is."""
    if hasattr(theirs, "items") and hasattr(mine, "items"):
        if set(mine) != set(theirs):
            return math.inf, f"other keys: mine {sorted(map(str, mine))}, theirs {sorted(map(str, theirs))}"
        parts = [(k, _difference(mine[k], theirs[k])) for k in theirs]
        key, (size, where) = max(parts, key=lambda p: p[1][0], default=("", (0.0, "")))
        return size, f"at {key!r}: {where}"
    if is_array(mine) and is_array(theirs) and shape(mine) != shape(theirs):
        return math.inf, f"shape: mine {shape(mine)}, theirs {shape(theirs)}"
    a, b = flat_array(mine), flat_array(theirs)
    if a is None or b is None:
        return (0.0, "") if type(mine) is type(theirs) and mine == theirs else (math.inf, f"mine {brief(mine)}, theirs {brief(theirs)}")
    if len(a) != len(b):
        return math.inf, f"length: mine {len(a)} numbers, theirs {len(b)}"
    worst, at = largest_gap(a, b)
    if worst == 0.0:
        return 0.0, ""
    place = f" at {position(at, shape(theirs))}" if is_array(theirs) and shape(theirs) else f" at item {at}" if len(a) > 1 else ""
    return worst, f"largest difference {worst:.4g}{place} (mine {a[at]:.6g}, theirs {b[at]:.6g})"


def _gradient_difference(got: Any, wanted: Any, first: tuple, second: tuple) -> tuple[float, str]:
    pairs = [(x, y) for x, y in zip(first, second) if is_tensor(x) and x.requires_grad]
    if not pairs:
        raise InputError("no floating-point tensor among the inputs", wanted="one, to take gradients of", hint="leave gradients=True out")
    if not getattr(got, "requires_grad", False):
        return math.inf, "no gradient flows through mine: keep to tensor operations (no .item(), no .detach())"
    got.sum().backward()
    wanted.sum().backward()
    sizes = [_difference(x.grad if x.grad is not None else 0 * x, y.grad if y.grad is not None else 0 * y) for x, y in pairs]
    size, where = max(sizes, key=lambda f: f[0])
    return size, "gradients: " + where


def _made_up(function: Callable[..., Any]) -> list[tuple]:
    """Three inputs for a loss of (logits, labels): the first of four usual forms that the function takes."""
    names = [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    if names == ["logits", "labels"]:
        import torch

        g = torch.Generator().manual_seed(0)

        def tokens(b: int, t: int, v: int) -> tuple:
            labels = torch.randint(0, v, (b, t), generator=g)
            labels[:, ::2] = -100  # every second position left out
            return torch.randn(b, t, v, generator=g), labels  # (B, T, V), (B, T)

        forms = [
            [tokens(1, 4, 3), tokens(2, 5, 11), tokens(3, 7, 50)],
            [(torch.randn(b, c, generator=g), torch.randint(0, c, (b,), generator=g)) for b, c in ((1, 2), (4, 3), (8, 5))],
            [(torch.randn(b, 1, generator=g), torch.randn(b, generator=g)) for b in (1, 4, 8)],
        ]
        for form in forms:
            try:
                for args in form:
                    function(*fresh(args))
                return form
            except (FtlabError, RuntimeError, ValueError, IndexError, TypeError):
                continue
    raise InputError("two functions and no input", wanted="an input to try them on",
                     hint="ft.check_same(mine, theirs, x, y) or inputs=[(x1, y1), (x2, y2)]")


def expect(name: str, value: Any, *, at_least: float | None = None, at_most: float | None = None,
           between: tuple[float, float] | None = None, fmt: str = ".3f", unit: str = "") -> Verdict:
    """Say a number that varies a little from machine to machine, and whether it is as good as it must be.

    The number is written after "≈", which the notebook tests leave out; the verdict after it is compared.

    Args:
        name: what the number is, for example "accuracy".
        value: a number, a 0-d tensor, or a stats.Interval (its mean is judged, its bounds are shown).
        at_least: smallest value that is fine.
        at_most: largest value that is fine.
        between: smallest and largest value that are fine.
        fmt: format of the number.
        unit: written after the numbers, for example "s".
    Returns: a Verdict; it has been shown as one line.
    Raises: InputError if no bound is given, or the value is not a number.
    Example: ``expect("accuracy", 0.862, at_least=0.85)`` prints "accuracy ≈0.862 · wanted at least 0.850 · ok".
    """
    low, high = between if between else (at_least, at_most)
    if low is None and high is None:
        raise InputError(f"no bound for {name}", wanted="at_least=, at_most= or between=(low, high)", hint="use ft.about(x) to show a number without judging it")
    interval = hasattr(value, "mean") and hasattr(value, "low") and not callable(value.mean)
    try:
        number = float(value.mean if interval else value)
        shown = about(value, fmt, unit)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{name} is {brief(value)}", wanted="one number or an interval") from None
    tail = f" {unit}" if unit and unit != "%" else unit
    if low is not None and high is not None:
        wanted = f"between {low:{fmt}} and {high:{fmt}}{tail}"
    else:
        wanted = f"at least {low:{fmt}}{tail}" if low is not None else f"at most {high:{fmt}}{tail}"
    good = (low is None or number >= low) and (high is None or number <= high)
    if interval and getattr(value, "n", None):
        shown = about(value, fmt, unit).__class__(f"{shown}, n = {value.n}")
    if good:
        verdict = "ok"
    elif math.isnan(number):
        verdict = "NOT MET: it is not a number; look for a division by zero or a loss that went to infinity"
    else:
        verdict = ("NOT MET: " + ("below" if low is not None and number < low else "above")
                   + " what this cell gives as written; did a knob, the seed, the data or a library version change? If you changed something on purpose, this is your result")
    text = f"{name} {shown} · wanted {wanted} · {verdict}"
    present(text, box(f"{'✓ ' if good else ''}{escape(name)} <strong>{escape(shown)}</strong> · wanted {escape(wanted)} · "
                      f"<strong>{escape(verdict)}</strong>", GREEN if good else AMBER))
    return Verdict(good, text, "" if good else verdict)
