"""Run one answer on one input, safely: copied inputs, caught errors, changes to the input noticed."""

from __future__ import annotations

import copy
import inspect
import linecache
import sys
from dataclasses import dataclass
from typing import Any

from .comparing import is_tensor, same


@dataclass(frozen=True)
class Outcome:
    """What happened when an answer was tried on a case.

    Args:
        value: what it returned.
        error: the exception it raised, or None.
        where: the learner's line that raised it, as text.
        changed: position of an argument that it changed in place, or -1.
        flows: whether gradients flow back to the floating-point inputs (None when not asked).
    Example: ``Outcome(value=1.0).error is None`` is True.
    """

    value: Any = None
    error: BaseException | None = None
    where: str = ""
    changed: int = -1
    flows: bool | None = None

    def alike(self, other: "Outcome", tolerance: float) -> bool:
        """Whether two answers did the same thing on a case: same value, same kind of error, same side effects.

        Args:
            other: the other outcome.
            tolerance: largest difference of numbers.
        Returns: True if they cannot be told apart.
        """
        if (self.error is None) != (other.error is None) or self.changed != other.changed or self.flows != other.flows:
            return False
        if self.error is not None:
            return type(self.error) is type(other.error)
        return same(self.value, other.value, tolerance)


def fresh(value: Any, with_gradient: bool = False) -> Any:
    """A copy that shares no memory with the original.

    Args:
        value: anything; tensors are cloned, containers copied, models and functions passed on as they are.
        with_gradient: make copied floating-point tensors require gradients.
    Returns: the copy.
    Example: ``fresh([1, [2]])`` is a new list with a new inner list.
    """
    if is_tensor(value):
        copied = value.detach().clone()
        return copied.requires_grad_() if with_gradient and copied.is_floating_point() else copied
    if isinstance(value, dict):
        return type(value)((k, fresh(v, with_gradient)) for k, v in value.items()) if type(value) is dict else copy.copy(value)
    if type(value) in (list, tuple):
        return type(value)(fresh(v, with_gradient) for v in value)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Generator):
        return value.clone_state() if hasattr(value, "clone_state") else copy.copy(value)
    if callable(value) or (torch is not None and isinstance(value, torch.nn.Module)):
        return value
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def run_case(exercise: Any, answer: Any, case: Any) -> Outcome:
    """Try an answer on one case of an exercise.

    Args:
        exercise: the Exercise.
        answer: a function, or a value when the exercise asks for one.
        case: the Case.
    Returns: an Outcome; no exception of the answer gets out.
    Example: ``run_case(exercise, exercise.solution, case).error`` is None.
    """
    if exercise.asks == "value":
        if answer is exercise.solution or (inspect.isfunction(answer) and not inspect.signature(answer).parameters):
            try:
                return Outcome(value=answer())
            except Exception as error:
                return Outcome(error=error, where=line_of(answer, error))
        if isinstance(answer, str):  # "B " means the choice b
            answer = answer.strip().lower() if len(answer.strip()) == 1 else answer.strip()
        return Outcome(value=answer)
    args = fresh(case.args)
    if exercise.differentiable:  # gradients are asked of the first tensor of numbers (logits, vectors); weights and labels need none
        next(a for a in args if is_tensor(a) and a.is_floating_point()).requires_grad_()
    before = fresh(case.args)
    try:
        value = exercise.call(answer, *args) if exercise.call else answer(*args)
    except (Exception, SystemExit) as error:
        return Outcome(error=error, where=line_of(answer, error))
    changed = -1
    if not exercise.may_change_input:
        changed = next((i for i, (a, b) in enumerate(zip(args, before)) if not same(_plain(a), b, 0.0, strict=True)), -1)
    flows = None
    if exercise.differentiable:
        flows = bool(getattr(value, "requires_grad", False))
        value = _plain(value)
    return Outcome(value=value, changed=changed, flows=flows)


def _plain(value: Any) -> Any:
    return value.detach() if is_tensor(value) else value


def line_of(answer: Any, error: BaseException) -> str:
    """The learner's own line that an exception came from.

    Args:
        answer: the learner's function or class.
        error: the exception.
    Returns: text such as 'line 3: `return x[9]`', or "" if it cannot be told.
    Example: for a built-in function it is "".
    """
    code = getattr(inspect.unwrap(answer), "__code__", None) if callable(answer) else None
    first = code.co_firstlineno if code else 1
    if code is None and inspect.isclass(answer):
        code = getattr(getattr(answer, "forward", None) or answer.__init__, "__code__", None)
    place, step = "", error.__traceback__
    while step is not None and code is not None:
        frame = step.tb_frame.f_code
        if frame.co_filename == code.co_filename:
            text = linecache.getline(frame.co_filename, step.tb_lineno).strip()
            if text:
                place = f"line {step.tb_lineno - first + 1 if step.tb_lineno >= first else step.tb_lineno}: `{text[:90]}`"
        step = step.tb_next
    return place
