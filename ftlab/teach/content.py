"""What a chapter's exercises, quiz and recall questions are made of, and where they are found.

The content of chapter 03 is plain data in the module `ftlab/teach/ch03.py`: `EXERCISES`, `QUIZ` and `RECALL`.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ..errors import InputError


class _FromSolution:
    """Stands for "the solution's answer" as the wanted value of a case."""

    def __repr__(self) -> str:
        return "the solution's answer"


FROM_SOLUTION = _FromSolution()


@dataclass(frozen=True)
class Case:
    """One input on which an answer is tried.

    Args:
        args: the positional arguments, a tuple (a single value may stand alone). Copied afresh for every call.
        wanted: the right answer, best worked out by hand; left out, it is what the solution gives.
        name: what is special about this input, in a few words ("a row with padding"); shown when it fails.
        tolerance: largest difference allowed, absolute and relative to the wanted number.
        judge: instead of `wanted`, a function of the answer that returns "" if it is right, else what is wrong, in words
            (for answers that may vary, such as random masks).
    Example: ``Case(args=([1.0, 3.0],), wanted=2.0, name="two numbers")``.
    """

    args: Any = ()
    wanted: Any = FROM_SOLUTION
    name: str = ""
    tolerance: float = 1e-5
    judge: Callable[[Any], str] | None = None


@dataclass(frozen=True)
class Mistake:
    """A mistake that learners make, recognised by what it computes, not by how it is written.

    Args:
        name: a few words, unique in its exercise ("averages over padding").
        wrong: a function with the mistake in it (for an exercise that asks for a value: the wrong value itself).
        diagnosis: what to tell the learner: what happened and which way to look, without giving the solution.
    Example: ``Mistake("sum", lambda x: x.sum(), "you added them up: divide by how many there are")``.
    """

    name: str
    wrong: Any
    diagnosis: str


@dataclass(frozen=True)
class Exercise:
    """An exercise: cases to try an answer on, mistakes to recognise, three hints and a solution that is real code.

    Args:
        id: chapter and number, for example "03.2".
        title: a few words.
        level: 1 (apply), 2 (combine) or 3 (build or find out).
        signature: what is asked for: "my_loss(logits, labels)", or "a number" when a value is asked for.
        solution: a real function that solves it (of no arguments when a value is asked for).
        cases: the inputs, or a function that makes them (when they need a model).
        hints: three, from a nudge to nearly the answer.
        reasoning: why the solution is right, in two or three sentences.
        mistakes: known mistakes with their diagnoses.
        asks: "function" or "value".
        differentiable: whether gradients must flow from the answer back to the floating-point inputs.
        call: how to try an answer on a case, when plain ``answer(*args)`` is not enough (a class to be built first).
        may_change_input: whether changing an input in place is allowed.
    Raises: InputError when made with something missing or contradicting.
    Example: see tests/test_teach.py, or any ftlab/teach/chNN.py.
    """

    id: str
    title: str
    level: int
    signature: str
    solution: Callable[..., Any]
    cases: Sequence[Case] | Callable[[], Sequence[Case]]
    hints: tuple[str, str, str]
    reasoning: str
    mistakes: tuple[Mistake, ...] = ()
    asks: str = "function"
    differentiable: bool = False
    call: Callable[..., Any] | None = None
    may_change_input: bool = False
    _made: list[tuple[Case, ...]] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.level not in (1, 2, 3):
            raise InputError(f"exercise {self.id} has level {self.level}", wanted="1, 2 or 3")
        if len(self.hints) != 3 or not all(self.hints):
            raise InputError(f"exercise {self.id} has {len(self.hints)} hints", wanted="three, none empty")
        if self.asks not in ("function", "value"):
            raise InputError(f"exercise {self.id} asks for {self.asks!r}", wanted='"function" or "value"')
        if not callable(self.solution):
            raise InputError(f"the solution of exercise {self.id} is not a function", wanted="a real function, so that tests run it")

    def tries(self) -> tuple[Case, ...]:
        """The cases with every wanted value filled in (made once, then kept).

        Returns: a tuple of Case.
        """
        if not self._made:
            from .running import run_case

            cases = tuple(self.cases() if callable(self.cases) else self.cases)
            filled = []
            for case in cases:
                args = case.args if isinstance(case.args, tuple) else (case.args,)
                case = Case(args, case.wanted, case.name, case.tolerance, case.judge)
                if case.wanted is FROM_SOLUTION and case.judge is None:
                    outcome = run_case(self, self.solution, case)
                    if outcome.error is not None:
                        raise outcome.error
                    case = Case(args, outcome.value, case.name, case.tolerance)
                filled.append(case)
            self._made.append(tuple(filled))
        return self._made[0]


@dataclass(frozen=True)
class Choice:
    """One answer to choose in a quiz question.

    Args:
        text: the answer.
        why: why it is right, or what is wrong with it: shown when it is chosen.
        right: whether it is the right one.
    Example: ``Choice("every position", "No: most positions were not masked.")``.
    """

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A multiple-choice question with exactly one right choice.

    Args:
        text: the question.
        choices: two to five Choice.
    Raises: InputError when there is not exactly one right choice, or one lacks its explanation.
    Example: ``Question("2 + 2?", (Choice("4", "Yes.", right=True), Choice("5", "No: one too many.")))``.
    """

    text: str
    choices: tuple[Choice, ...]

    def __post_init__(self) -> None:
        if sum(c.right for c in self.choices) != 1:
            raise InputError(f"{sum(c.right for c in self.choices)} right choices in {self.text!r}", wanted="exactly one")
        if not 2 <= len(self.choices) <= 5 or not all(c.text and c.why for c in self.choices):
            raise InputError(f"the choices of {self.text!r}", wanted="two to five, each with a text and a why")


@dataclass(frozen=True)
class Recall:
    """A question about an earlier chapter, to be answered from memory.

    Args:
        chapter: the earlier chapter, for example "01".
        question: the question.
        answer: the answer, in one or two sentences.
    Example: ``Recall("01", "What does the label -100 mean?", "Left out of the loss.")``.
    """

    chapter: str
    question: str
    answer: str


_EXTRA: dict[str, ModuleType | Any] = {}  # chapters registered by hand (the tests do this)


def chapters() -> list[str]:
    """The chapters that have exercises.

    Returns: sorted two-digit names, for example ["00", "01"].
    Example: ``"03" in chapters()`` once ftlab/teach/ch03.py exists.
    """
    import pkgutil

    found = {m.name[2:] for m in pkgutil.iter_modules(importlib.import_module("ftlab.teach").__path__)
             if m.name.startswith("ch") and m.name[2:].isdigit()}
    return sorted(found | set(_EXTRA))


def chapter(name: str | int) -> Any:
    """The content module of one chapter.

    Args:
        name: "03", or 3.
    Returns: the module ftlab.teach.ch03, with EXERCISES, QUIZ and RECALL.
    Raises: InputError naming the nearest chapter if there is none.
    Example: ``len(chapter("03").QUIZ)`` is 5.
    """
    key = f"{name:02d}" if isinstance(name, int) and not isinstance(name, bool) else str(name).strip().zfill(2)
    if key in _EXTRA:
        return _EXTRA[key]
    if key.isdigit() and importlib.util.find_spec(f"ftlab.teach.ch{key}"):
        return importlib.import_module(f"ftlab.teach.ch{key}")
    raise InputError(f"chapter {str(name)!r}", wanted=f"one of {', '.join(chapters()) or '(none written yet)'}", hint=nearest(key, chapters()))


def exercise(id: str) -> Exercise:
    """The exercise with this id.

    Args:
        id: chapter and number, "03.2".
    Returns: the Exercise.
    Raises: InputError naming the nearest id if there is none.
    Example: ``exercise("03.2").level`` is 1, 2 or 3.
    """
    head = str(id).split(".")[0]
    known: list[str] = []
    try:
        known = [e.id for e in getattr(chapter(head), "EXERCISES", ())]
        for e in chapter(head).EXERCISES:
            if e.id == str(id).strip():
                return e
    except InputError:
        known = [e.id for c in chapters() for e in getattr(chapter(c), "EXERCISES", ())]
    raise InputError(f"exercise {str(id)!r}", wanted=f"one of {', '.join(known)}" if known else "an id such as \"03.2\"", hint=nearest(str(id), known))


def nearest(name: str, known: Sequence[str]) -> str:
    """A suggestion for a mistyped name.

    Args:
        name: what was typed.
        known: what exists.
    Returns: text such as 'use "03.2"', or "" if nothing is near.
    Example: ``nearest("3.2", ["03.2", "11.4"])`` is ``'use "03.2"'``.
    """
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f'use "{near[0]}"' if near else ""
