"""Say in words what is wrong with an answer: first the mistakes an exercise lists, then what can be seen in any answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .comparing import brief, close, flat, is_array, is_number, is_tensor, kind, same, shape
from .content import Case, Exercise
from .running import Outcome, run_case

Tried = Sequence[tuple[Case, Outcome, str]]  # a case, what happened, what is wrong ("" if right)


def fault(exercise: Exercise, case: Case, outcome: Outcome) -> str:
    """What is wrong with an answer on one case, in a word, or "" if it is right.

    Args:
        exercise: the Exercise.
        case: the case tried.
        outcome: what happened.
    Returns: "", "error", "value", "changed" (its input) or "gradient".
    Example: ``fault(exercise, case, Outcome(value=None))`` is ``"value"``.
    """
    if outcome.error is not None:
        return "error"
    if case.judge is not None:
        try:
            right = not case.judge(outcome.value)
        except Exception:
            right = False
    else:
        right = same(outcome.value, case.wanted, case.tolerance)
    if not right:
        return "value"
    return "changed" if outcome.changed >= 0 else "gradient" if outcome.flows is False else ""


def known_mistake(exercise: Exercise, tried: Tried) -> str:
    """The diagnosis of the listed mistake that behaves like the answer on every case the answer fails.

    Of several, the one that also agrees on most of the other cases.

    Args:
        exercise: the Exercise.
        tried: every case with its outcome and fault.
    Returns: the diagnosis, or "".
    Example: an answer that sums where a mean is wanted gets the diagnosis of the mistake "sum".
    """
    best, most = "", -1
    for mistake in exercise.mistakes:
        agreed, possible = 0, True
        for case, outcome, wrong in tried:
            theirs = run_case(exercise, mistake.wrong, case)
            alike = outcome.alike(theirs, case.tolerance)
            if wrong and (not alike or not fault(exercise, case, theirs)):
                possible = False
                break
            agreed += alike
        if possible and agreed > most:
            best, most = mistake.diagnosis, agreed
    return best


def diagnose(exercise: Exercise, answer: Any, tried: Tried) -> str:
    """What to tell the learner about a wrong answer.

    Args:
        exercise: the Exercise.
        answer: the learner's function or value.
        tried: every case with its outcome and fault; at least one has a fault.
    Returns: one or two sentences; "" if nothing can be said beyond got and wanted.
    Example: for an answer of the right size and the wrong sign: "right but for the sign: …".
    """
    known = known_mistake(exercise, tried)
    if known:
        return known
    case, outcome, wrong = next(t for t in tried if t[2])
    if wrong == "error":
        return _about_error(exercise, outcome)
    if wrong == "changed":
        return (f"the answer is right, but the function changed its input number {outcome.changed + 1} in place: "
                "work on a copy (`.clone()`), or the caller's data is spoilt")
    if wrong == "gradient":
        return ("the value is right, but no gradient flows back to the input: keep to tensor operations "
                "(no `.item()`, `float()`, `.detach()`, `torch.no_grad()` or numpy on the way)")
    if case.judge is not None:
        try:
            return case.judge(outcome.value) if outcome.value is not None else _of_nothing(exercise)
        except Exception as error:
            return _of_nothing(exercise) if outcome.value is None else f"this cannot be judged: {_short(error)}"
    said = _about_form(exercise, case, outcome.value) or _about_numbers(exercise, tried)
    if not said and len(tried) > 2 and not tried[0][2] and all(w for _, _, w in tried[1:]):
        said = "right on the first input only: what does the one shown have that the first had not? (Or is something of the first written into it?)"
    return said or _about_items(outcome.value, case.wanted)


def _of_nothing(exercise: Exercise) -> str:
    return "it returned None: is the `return` line missing?" if exercise.asks == "function" else "there is no value yet: it is None"


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__


def _about_error(exercise: Exercise, outcome: Outcome) -> str:
    error = outcome.error
    said = f"it stopped with {_short(error)}" + (f" in its {outcome.where}" if outcome.where else "")  # type: ignore[arg-type]
    if isinstance(error, NameError):
        said += "; a name is used that does not exist there: a typing slip, or a missing import"
    elif isinstance(error, TypeError) and "positional argument" in str(error):
        said += f"; the arguments wanted are {exercise.signature}"
    elif isinstance(error, RecursionError):
        said = "it calls itself without end: should that name be another function's?"
    elif isinstance(error, (RuntimeError, ValueError, IndexError)) and any(w in str(error) for w in ("size", "shape", "dimension", "broadcast")):
        said += "; print the shapes just before that line"
    return said


def _about_form(exercise: Exercise, case: Case, got: Any) -> str:
    """Faults of form: nothing returned, another type, another shape, another kind of numbers."""
    wanted = case.wanted
    if got is None and wanted is not None:
        return _of_nothing(exercise)
    if callable(got) and not callable(wanted) and not is_array(got):
        return f"it gave {brief(got)} itself instead of calling it: are the brackets () missing?"
    if any(same(got, a, 1e-9) for a in case.args if not is_number(a) or len(case.args) == 1) and exercise.asks == "function":
        return "it returned its input unchanged"
    if is_array(wanted) and shape(wanted) and not is_array(got):
        return f"wrong type: it gave {_a(got)}, wanted {'a tensor' if is_tensor(wanted) else 'an array'} of shape {shape(wanted)}"
    if is_number(wanted) and not is_number(got):
        if is_array(got) or isinstance(got, (list, tuple)):
            return _one_number(got, wanted, case) or f"it gave {_a(got)}{' of shape ' + str(shape(got)) if is_array(got) else ''}, wanted one number"
        return f"wrong type: it gave {_a(got)}, wanted a number"
    if isinstance(wanted, (list, tuple, dict, str, set)) and not isinstance(got, (list, tuple) if isinstance(wanted, (list, tuple)) else type(wanted)):
        return f"wrong type: it gave {_a(got)}, wanted {_a(wanted)}"
    if is_array(wanted) and is_array(got) and is_tensor(got) != is_tensor(wanted):
        return f"wrong type: it gave {_a(got)}, wanted {_a(wanted)}"
    if isinstance(wanted, dict) and set(got) != set(wanted):
        return f"other keys: it gave {sorted(map(str, got))}, wanted {sorted(map(str, wanted))}"
    if isinstance(wanted, (list, tuple)) and len(got) != len(wanted):
        return f"wrong length: it gave {len(got)} items, wanted {len(wanted)}"
    if is_array(wanted) and shape(got) != shape(wanted):
        a, b = flat(got), flat(wanted)
        head = f"wrong shape: it gave {shape(got)}, wanted {shape(wanted)}"
        if a is not None and b is not None and len(shape(got)) == 2 and shape(got) == shape(wanted)[::-1] and same(got.T, wanted, case.tolerance):
            return head + "; the numbers are right: rows and columns are swapped"
        if a is not None and b is not None and close(a, b, case.tolerance):
            return head + "; the numbers are right: a `squeeze`, `reshape` or `keepdim` is missing or too many"
        return head
    if is_array(wanted) and is_array(got) and shape(wanted) and kind(got) != kind(wanted):
        a, b = flat(got), flat(wanted)
        equal = a is not None and b is not None and close(a, b, case.tolerance)
        return f"wrong dtype: it gave {_dtype(got)}, wanted {_dtype(wanted)}" + ("; the numbers are right" if equal else "")
    return ""


def _one_number(got: Any, wanted: Any, case: Case) -> str:
    a, b = flat(got), flat(wanted)
    if not a or not b:
        return ""
    if len(a) == 1 and close(a, b, case.tolerance):
        return f"the number is right, but it sits in {_a(got)}{' of shape ' + str(shape(got)) if is_array(got) else ''}: wanted the bare number"
    if close([sum(a) / len(a)], b, case.tolerance):
        return f"it gave {len(a)} numbers, and their mean is the wanted one: the last step is missing"
    if close([sum(a)], b, case.tolerance):
        return f"it gave {len(a)} numbers, and their sum is the wanted one: the last step is missing"
    return ""


def _about_numbers(exercise: Exercise, tried: Tried) -> str:
    """Faults of value: right but for a sign, a factor, a constant, an order, a function; or the same for every input."""
    failed = [(c, flat(o.value), flat(c.wanted)) for c, o, w in tried if w == "value"]
    case, got, wanted = failed[0]
    value = next(o.value for _, o, w in tried if w)
    if got is None or wanted is None or len(got) != len(wanted):
        return ""
    bad = [x for x in got if not math.isfinite(x)]
    if bad and all(math.isfinite(x) for x in wanted):
        name = "nan" if math.isnan(bad[0]) else "infinite"
        return f"{len(bad)} of {len(got)} numbers {'is' if len(bad) == 1 else 'are'} {name}: a 0/0, a log of 0, or an overflow in exp?"
    usable = [(c, g, w) for c, g, w in failed if g is not None and w is not None and len(g) == len(w)]
    pairs = [(x, y) for _, g, w in usable for x, y in zip(g, w)]
    everywhere = len(usable) == len(failed)

    def fits(change: Any) -> bool:
        try:
            return everywhere and all(close([x], [change(y)], 10 * case.tolerance) for x, y in pairs)
        except (ValueError, OverflowError, ZeroDivisionError):
            return False

    if fits(lambda y: 0.0):
        return "the answer is 0 every time: is the result ever added to, or is everything masked away?"
    if fits(lambda y: -y):
        return "right but for the sign: a minus is missing or too many"
    if is_array(case.wanted) and len(shape(value)) == 2 and shape(value)[0] == shape(value)[1] and same(value.T, case.wanted, case.tolerance):
        return "rows and columns are swapped (the transpose would be right)"
    if len(got) > 1 and close(sorted(got), sorted(wanted), case.tolerance):
        return "the right numbers in another order: " + ("reversed" if close(got[::-1], wanted, case.tolerance) else "check the axis or the sorting")
    if len(pairs) > 1 or exercise.asks == "value":
        for name, change in _CHANGES:
            if fits(change):
                return name
        size = _by_a_size(usable) if everywhere else ""
        if size:
            return size
    if len(pairs) > 1 and everywhere:
        ratios = [x / y for x, y in pairs if y != 0]
        if ratios and fits(lambda y: ratios[0] * y):
            return f"the answer is {ratios[0]:.4g} times the wanted one every time: a factor is missing or too many"
        shift = pairs[0][0] - pairs[0][1]
        if fits(lambda y: y + shift):
            return f"the answer is {abs(shift):.4g} too {'large' if shift > 0 else 'small'} every time: a constant is missing or too many" + (
                " (counted from 0 or from 1?)" if abs(abs(shift) - 1) < 1e-9 else "")
    outcomes = [o.value for _, o, _ in tried]
    if len(tried) > 1 and all(same(v, outcomes[0], 1e-9) for v in outcomes[1:]) and not all(same(c.wanted, tried[0][0].wanted, 1e-9) for c, _, _ in tried[1:]):
        return "it gives the same answer for every input: is the input used at all?"
    if exercise.asks == "value" and len(got) == 1:
        return f"too {'large' if got[0] > wanted[0] else 'small'}"
    if all(close([x], [y], 1000 * case.tolerance) for x, y in zip(got, wanted)):
        return f"close, but further off than {case.tolerance:g}: rounding on the way, or a slightly different formula?"
    return ""


_CHANGES = (
    ("it is e to the power of the wanted number: an exp too many, or a log missing", lambda y: math.exp(y)),
    ("it is the logarithm of the wanted number: a log too many, or an exp missing", lambda y: math.log(y)),
    ("it is 1 minus the wanted number: the other case was counted", lambda y: 1 - y),
    ("it is 100 times too large: a percentage where a fraction from 0 to 1 is wanted", lambda y: 100 * y),
    ("it is 100 times too small: a fraction where a percentage is wanted", lambda y: y / 100),
    ("it is in bits (log to base 2) where nats (natural log) are wanted: multiply by ln 2", lambda y: y / math.log(2)),
    ("it is in nats (natural log) where bits (log to base 2) are wanted: divide by ln 2", lambda y: y * math.log(2)),
    ("it is the square of the wanted number: a square root is missing", lambda y: y * y),
    ("it is the square root of the wanted number", lambda y: math.sqrt(y)),
    ("it is 1 divided by the wanted number: upside down", lambda y: 1 / y),
)


def _by_a_size(usable: Sequence[tuple[Case, list[float], list[float]]]) -> str:
    """Whether every answer is off by the size of one dimension of its input (a sum where a mean is wanted, or the reverse)."""
    sizes = [[(i, d, n) for i, a in enumerate(c.args) if is_array(a) or isinstance(a, (list, tuple))
              for d, n in enumerate(shape(a) if is_array(a) else (len(a),))] for c, _, _ in usable]
    for k, (i, d, _) in enumerate(sizes[0] if sizes else []):
        if any(k >= len(s) or s[k][:2] != (i, d) for s in sizes) or all(s[k][2] == 1 for s in sizes):
            continue
        for word, power in (("large", 1), ("small", -1)):
            if all(close(g, [y * float(s[k][2]) ** power for y in w], 1e-4) for (_, g, w), s in zip(usable, sizes)):
                return (f"it is {sizes[0][k][2]} times too {word} here, and {sizes[0][k][2]} is the size of axis {d} of input {i + 1}: "
                        + ("a sum where a mean is wanted?" if power == 1 else "divided once too often?"))
    return ""


def _about_items(got: Any, wanted: Any) -> str:
    """Where the first difference sits."""
    if is_array(got) and is_array(wanted) and shape(got) == shape(wanted) and shape(wanted):
        a, b = flat(got), flat(wanted)
        if a and b:
            off = [i for i, (x, y) in enumerate(zip(a, b)) if not close([x], [y], 1e-5)]
            if off and len(a) > 1:
                return f"{len(off)} of {len(a)} numbers differ, the first at {position(off[0], shape(wanted))}: got {a[off[0]]:.4g}, wanted {b[off[0]]:.4g}"
    if isinstance(wanted, dict):
        key = next((k for k in wanted if not same(got.get(k), wanted[k])), None)
        return f"the entry {key!r} differs: got {brief(got.get(key))}, wanted {brief(wanted[key])}" if key is not None else ""
    if isinstance(wanted, (list, tuple)):
        off = [i for i, (x, y) in enumerate(zip(got, wanted)) if not same(x, y)]
        return f"{len(off)} of {len(wanted)} items differ, the first is number {off[0]} (from 0): got {brief(got[off[0]])}, wanted {brief(wanted[off[0]])}" if off else ""
    return ""


def position(index: int, size: tuple[int, ...]) -> list[int]:
    """Where the flat index lies in a tensor of this shape.

    Args:
        index: position in reading order.
        size: shape of the tensor.
    Returns: one index per axis.
    Example: ``position(5, (2, 4))`` is ``[1, 1]``.
    """
    where = []
    for n in reversed(size):
        where.append(index % n)
        index //= n
    return where[::-1]


def _a(value: Any) -> str:
    name = "tensor" if is_tensor(value) else "numpy array" if is_array(value) else {"str": "text", "int": "whole number", "NoneType": "nothing"}.get(
        type(value).__name__, type(value).__name__)
    return name if name in ("text", "nothing") else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _dtype(value: Any) -> str:
    return str(value.dtype).replace("torch.", "")
