"""Compare answers with what is wanted, and describe them in a few words."""

from __future__ import annotations

import math
import numbers
import sys
from typing import Any


def is_tensor(value: Any) -> bool:
    """Whether the value is a torch tensor (without loading torch to find out).

    Args:
        value: anything.
    Returns: True for a torch.Tensor.
    Example: ``is_tensor(1.0)`` is False.
    """
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_array(value: Any) -> bool:
    """Whether the value is a tensor or a numpy array or scalar.

    Args:
        value: anything.
    Returns: True for torch tensors and for numpy values.
    Example: ``is_array([1.0])`` is False.
    """
    numpy = sys.modules.get("numpy")
    return is_tensor(value) or (numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)))


def is_number(value: Any) -> bool:
    """Whether the value is one number: an int, a float, a bool, or a 0-d tensor or array.

    Args:
        value: anything.
    Returns: True for a single number.
    Example: ``is_number(3)`` is True.
    """
    return isinstance(value, numbers.Number) or (is_array(value) and value.ndim == 0)


def flat(value: Any) -> list[float] | None:
    """All numbers of an answer in one list of floats, or None if it is not made of numbers.

    Args:
        value: a number, a tensor, an array, or nested lists and tuples of them.
    Returns: list of float, or None.
    Example: ``flat([1, (2.5, 3)])`` is ``[1.0, 2.5, 3.0]``.
    """
    try:
        if is_tensor(value):
            return [float(v) for v in value.detach().cpu().reshape(-1).double().tolist()]
        if is_array(value):
            return [float(v) for v in value.reshape(-1).tolist()]
        if isinstance(value, numbers.Real):
            return [float(value)]
        if isinstance(value, (list, tuple)):
            parts = [flat(v) for v in value]
            return None if not parts or any(p is None for p in parts) else [x for p in parts for x in p]  # type: ignore[union-attr]
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None
    return None


def flat_array(value: Any) -> Any:
    """As `flat`, but as a float64 numpy array, without a Python object for each number of a tensor.

    Args:
        value: a number, a tensor, an array, or nested lists and tuples of them.
    Returns: numpy float64 (N,), or None if it is not made of numbers.
    Example: ``len(flat_array(torch.zeros(2, 3)))`` is 6.
    """
    import numpy as np

    try:
        if is_tensor(value):
            return value.detach().cpu().reshape(-1).double().numpy()
        if is_array(value):
            return np.asarray(value, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError, RuntimeError):
        return None
    found = flat(value)
    return None if found is None else np.array(found, dtype=np.float64)


def largest_gap(a: Any, b: Any) -> tuple[float, int]:
    """Where two arrays of numbers differ most; NaN equals NaN, and is infinitely far from anything else.

    Args:
        a, b: numpy float64 (N,), equally long.
    Returns: (largest |a - b|, its position); (0.0, 0) if they are equal or empty.
    Example: ``largest_gap(np.array([1.0, 2.0]), np.array([1.0, 2.5]))`` is ``(0.5, 1)``.
    """
    import numpy as np

    if not len(a):
        return 0.0, 0
    with np.errstate(invalid="ignore"):
        gap = np.abs(a - b)
    gap[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
    gap[np.isnan(gap)] = np.inf
    at = int(gap.argmax())
    return float(gap[at]), at


def kind(value: Any) -> str:
    """The kind of numbers in a tensor or array: "float", "int", "bool" or another dtype's name.

    Args:
        value: a tensor or array.
    Returns: the kind.
    Example: ``kind(torch.tensor([1]))`` is ``"int"``.
    """
    name = str(getattr(value, "dtype", type(value).__name__)).replace("torch.", "")
    return next((k for k in ("bool", "uint", "int", "float") if name.startswith(k)), "float" if name == "bfloat16" else name).replace("uint", "int")


def shape(value: Any) -> tuple[int, ...]:
    """The shape as a plain tuple; () for a single number.

    Args:
        value: a number, tensor or array.
    Returns: tuple of ints.
    Example: ``shape(3.0)`` is ``()``.
    """
    return tuple(int(n) for n in getattr(value, "shape", ()))


def close(a: list[float], b: list[float], tolerance: float) -> bool:
    """Whether two lists of numbers agree: |a - b| <= tolerance * max(1, |b|) everywhere; NaN equals NaN.

    Args:
        a: numbers.
        b: numbers wanted.
        tolerance: largest difference.
    Returns: True if they agree and are equally long.
    Example: ``close([1.0], [1.0000001], 1e-6)`` is True.
    """
    if len(a) != len(b):
        return False
    for x, y in zip(a, b):
        if math.isnan(x) or math.isnan(y):
            if not (math.isnan(x) and math.isnan(y)):
                return False
        elif x != y and not abs(x - y) <= tolerance * max(1.0, abs(y)):
            return False
    return True


def same(got: Any, wanted: Any, tolerance: float = 1e-5, strict: bool = False) -> bool:
    """Whether an answer is the wanted one.

    Lenient where it does not matter (3 and 3.0, a list and a tuple, float32 and float64, a float and a 0-d tensor),
    strict where it does (shape, float against int tensors, list against tensor).

    Args:
        got: the answer.
        wanted: what is wanted.
        tolerance: largest difference of numbers, absolute and relative.
        strict: also ask for the same type.
    Returns: True if it is the same.
    Example: ``same([1, 2], (1, 2.0))`` is True.
    """
    try:
        if strict and type(got) is not type(wanted):
            return False
        if isinstance(wanted, str):
            return isinstance(got, str) and (got == wanted if strict else got.strip() == wanted.strip())
        if is_number(got) and is_number(wanted):
            a, b = flat(got), flat(wanted)
            if kind_clash(got, wanted):
                return False
            return close(a, b, tolerance) if a is not None and b is not None else bool(got == wanted)
        if is_array(wanted) or is_array(got):
            if not (is_array(got) and is_array(wanted)) or is_tensor(got) != is_tensor(wanted):
                return False
            if shape(got) != shape(wanted) or kind_clash(got, wanted):
                return False
            a, b = flat(got), flat(wanted)
            return close(a, b, tolerance) if a is not None and b is not None else bool((got == wanted).all())
        if isinstance(wanted, dict):
            return isinstance(got, dict) and set(got) == set(wanted) and all(same(got[k], wanted[k], tolerance, strict) for k in wanted)
        if isinstance(wanted, (list, tuple)):
            return (isinstance(got, (list, tuple)) and len(got) == len(wanted)
                    and all(same(g, w, tolerance, strict) for g, w in zip(got, wanted)))
        return got is wanted or bool(got == wanted)
    except Exception:
        return False


def kind_clash(got: Any, wanted: Any) -> bool:
    """Whether two arrays hold different kinds of numbers (float against int or bool).

    Args:
        got: the answer.
        wanted: what is wanted.
    Returns: True only if both are arrays with a shape and their kinds differ.
    Example: ``kind_clash(1, 1.0)`` is False.
    """
    return is_array(got) and is_array(wanted) and bool(shape(wanted)) and kind(got) != kind(wanted)


def brief(value: Any, limit: int = 150) -> str:
    """A value in a few words: numbers rounded to 4 digits, a large tensor by shape, dtype and first numbers.

    Args:
        value: anything.
        limit: most characters.
    Returns: one line of text, the same on every machine.
    Example: ``brief(0.6931471)`` is ``"0.6931"``.
    """
    if is_number(value) and not isinstance(value, bool):
        number = flat(value)
        text = str(value) if number is None or isinstance(value, int) else _digits(number[0])
        return f"{text} (a 0-d tensor)" if is_tensor(value) and kind(value) == "bool" else text
    if is_array(value):
        numbers_ = flat(value.reshape(-1)[:25]) or []
        head = f"{'tensor' if is_tensor(value) else 'array'} {shape(value)} {str(value.dtype).replace('torch.', '')}"
        if len(numbers_) <= 24 and value.ndim <= 2 and numbers_:
            return _cut(f"{_nested(value)} · {head}", limit + 40)
        return f"{head}, starts {', '.join(_digits(x) for x in numbers_[:4])} …" if numbers_ else head
    if isinstance(value, (list, tuple)):
        inside = ", ".join(brief(v, 60) for v in value[:12]) + (", …" if len(value) > 12 else "")
        return _cut(f"[{inside}]" if isinstance(value, list) else f"({inside})", limit)
    if isinstance(value, dict):
        return _cut("{" + ", ".join(f"{k!r}: {brief(v, 60)}" for k, v in list(value.items())[:8]) + "}", limit)
    if isinstance(value, (str, bytes, bool, type(None))):
        return _cut(repr(value), limit)
    if callable(value):
        return f"the {'class' if isinstance(value, type) else 'function'} {getattr(value, '__name__', type(value).__name__)}" if hasattr(value, "__name__") else f"a {type(value).__name__}"
    text = repr(value)
    return f"a {type(value).__name__}" if " at 0x" in text or "\n" in text else _cut(text, limit)


def _nested(value: Any) -> str:
    if value.ndim == 0:
        return _digits(flat(value)[0])  # type: ignore[index]
    return "[" + ", ".join(_nested(v) for v in value) + "]"


def _digits(x: float) -> str:
    return str(int(x)) if math.isfinite(x) and x == int(x) and abs(x) < 1e15 else f"{x:.4g}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
