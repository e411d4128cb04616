"""check, hint, solution: feedback on an exercise in the notebook."""

from __future__ import annotations

import inspect
import re
import textwrap
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ..display import AMBER, BLUE, GREEN, GREY, box, escape, present
from .comparing import brief
from .content import Exercise, exercise
from .diagnosing import diagnose, fault
from .reveal import highlight
from .running import run_case
from .todo import Todo, holds_todo

_given: dict[str, int] = {}  # hints given so far, by exercise


@dataclass(frozen=True)
class Verdict:
    """The result of `check`, `check_same`, `expect` or an answered quiz question. It has been shown already.

    Args:
        passed: whether the answer is right.
        text: what was shown.
        diagnosis: what is wrong in words, "" if nothing is.
    Example: ``ft.check("03.2", my_loss).passed`` is True once it is solved.
    """

    passed: bool
    text: str
    diagnosis: str = ""

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"Verdict(passed={self.passed})"

    def _ipython_display_(self) -> None:
        """Nothing more to show at the end of a cell."""


def check(id: str, answer: Any = Todo()) -> Verdict:
    """Try your answer to an exercise and say how it went: not tried yet, correct, or what is wrong with it.

    A wrong answer is shown with the first input it fails on, what it gave, what was wanted, and a diagnosis in words.
    Whatever the answer does (wrong type, exception, changed inputs), the notebook goes on.

    Args:
        id: the exercise, for example "03.2".
        answer: your function (or your value, where the exercise asks for one).
    Returns: a Verdict; `.passed` is True if every case is right.
    Raises: InputError if there is no such exercise.
    Example: ``ft.check("03.2", ft.TODO)`` prints "03.2 · not tried yet · …".
    """
    ex = exercise(id)
    if holds_todo(answer):
        return _not_tried(ex)
    if ex.asks == "function" and not callable(answer):
        what = "pass the function itself, without calling it" if answer is not None else "pass your function"
        return _say(ex, False, f"{ex.id} · not yet · got {brief(answer)}, wanted a function {ex.signature}: {what}", "not a function")
    tried = []
    for case in ex.tries():
        outcome = run_case(ex, answer, case)
        if holds_todo(outcome.value) or (outcome.error is not None and re.search(r"\bTodo\b|ft\.TODO", str(outcome.error))):
            return _not_tried(ex)
        tried.append((case, outcome, fault(ex, case, outcome)))
    right = sum(not wrong for _, _, wrong in tried)
    if right == len(tried):
        count = f"correct ({right} of {len(tried)})" if ex.asks == "function" else "correct"
        return _say(ex, True, f"{ex.id} · {count}")
    case, outcome, wrong = next(t for t in tried if t[2])
    diagnosis = diagnose(ex, answer, tried)
    lines = []
    if ex.asks == "function":
        lines.append(("input", ", ".join(_arguments(ex, case.args)) + (f"   ({case.name})" if case.name else "")))
    if outcome.error is None:
        lines.append(("got", brief(outcome.value)))
    if case.judge is None and ex.asks == "function":  # the right value itself would give the answer away
        lines.append(("wanted", brief(case.wanted)))
    elif ex.asks == "value":
        lines.append(("wanted", ex.signature))
    lines.append(("diagnosis", diagnosis or ("compare got and wanted" if ex.asks == "function" else "this is not it: the first hint says where to begin")))
    lines.append(("next", f'ft.hint("{ex.id}")'))
    head = f"{ex.id} · not yet" + (f" ({right} of {len(tried)} right)" if ex.asks == "function" else "")
    return _say(ex, False, head, diagnosis, lines)


def _not_tried(ex: Exercise) -> Verdict:
    text = f'{ex.id} · not tried yet · replace ft.TODO, then run the cell again; ft.hint("{ex.id}") gives a first hint'
    present(text, box(f"<strong>{ex.id}</strong> · not tried yet · replace <code>ft.TODO</code>, then run the cell again; "
                      f'<code>ft.hint("{ex.id}")</code> gives a first hint', GREY))
    return Verdict(False, text)


def _say(ex: Exercise, passed: bool, head: str, diagnosis: str = "", lines: list[tuple[str, str]] | None = None) -> Verdict:
    lines = lines or []
    text = "\n".join([head] + [f"  {name:<10}{line}" for name, line in lines])
    rows = "".join(f'<tr style="background-color: transparent"><td style="text-align: left; vertical-align: top; padding: 2px 14px 2px 0px; color: {GREY}">{name}</td>'
                   f'<td style="text-align: left; padding: 2px 0px; white-space: pre-wrap">'
                   f'{"<strong>" if name == "diagnosis" else ""}{escape(line)}{"</strong>" if name == "diagnosis" else ""}</td></tr>'
                   for name, line in lines)
    first, _, rest = head.partition(" · ")
    present(text, box(f"<strong>{escape(first)}</strong> · {'✓ ' if passed else ''}{escape(rest)}"
                      + (f'<table style="border-collapse: collapse; margin: 4px 0px">{rows}</table>' if rows else ""), GREEN if passed else AMBER))
    return Verdict(passed, text, diagnosis)


def _arguments(ex: Exercise, args: tuple[Any, ...]) -> list[str]:
    inside = re.search(r"\((.*)\)", ex.signature)
    names = [n.split("=")[0].split(":")[0].strip(" *") for n in inside.group(1).split(",")] if inside else []
    return [f"{names[i]} = {brief(a, 90)}" if i < len(names) and names[i] else brief(a, 90) for i, a in enumerate(args)]


def hint(id: str, step: int | None = None) -> None:
    """Show the next of three hints to an exercise: a nudge, a direction, nearly the answer.

    Args:
        id: the exercise, for example "03.2".
        step: 1, 2 or 3 to see that one; left out, each call goes one further.
    Raises: InputError if there is no such exercise or step.
    Example: ``ft.hint("03.2")`` shows hint 1; called again, hint 2.
    """
    ex = exercise(id)
    if step is None:
        step = min(_given.get(ex.id, 0) + 1, 3)
    if step not in (1, 2, 3):
        from ..errors import InputError

        raise InputError(f"hint {step!r}", wanted="1, 2 or 3")
    _given[ex.id] = step
    after = f'ft.hint("{ex.id}") again for more' if step < 3 else f'the last hint; ft.solution("{ex.id}") shows the solution'
    present(f"{ex.id} · hint {step} of 3 · {ex.hints[step - 1]}\n  ({after})",
            box(f'<strong>{ex.id}</strong> · hint {step} of 3 · {escape(ex.hints[step - 1])}<br><small style="color: {GREY}">{escape(after)}</small>', BLUE))


def solution(id: str) -> None:
    """Show the solution of an exercise: its code, and why it is right. The tests run this very code.

    Args:
        id: the exercise, for example "03.2".
    Raises: InputError if there is no such exercise.
    Example: ``ft.solution("03.2")`` prints the code, then the reasoning.
    """
    ex = exercise(id)
    code = solution_code(ex)
    present(f"{ex.id} · solution\n\n{code}\n\nWhy: {ex.reasoning}",
            box(f"<strong>{ex.id}</strong> · solution{highlight(code)}<strong>Why:</strong> {escape(ex.reasoning)}", GREEN, 1080))


def solution_code(ex: Exercise) -> str:
    """The source of a solution as a learner would write it: under the exercise's own name, with the imports it needs.

    Args:
        ex: the Exercise.
    Returns: Python source that runs by itself.
    Example: it starts with "import torch" when the solution uses torch.
    """
    fn = ex.solution
    code = textwrap.dedent(inspect.getsource(fn)).rstrip()
    wanted = re.match(r"\w+(?=\()", ex.signature)
    if wanted:
        code = re.sub(rf"\b{re.escape(fn.__name__)}\b", wanted.group(0), code)
    names = {n for n in re.findall(r"\b[A-Za-z_]\w*", code)}
    lines = []
    for name, value in sorted(getattr(inspect.unwrap(fn), "__globals__", vars(inspect.getmodule(fn))).items()):
        if name not in names or name.startswith("__"):
            continue
        if isinstance(value, ModuleType):
            lines.append(f"import {value.__name__}" + ("" if value.__name__ == name else f" as {name}"))
    return "\n".join(lines + [""] * bool(lines) + [code])
