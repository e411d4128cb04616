"""Teaching tools: reveal code, prove things equal, check exercises, ask questions.

The content (exercises, quizzes, recall questions) of chapter NN is data in `ftlab/teach/chNN.py`.
"""

from __future__ import annotations

from ..display import about, table
from .checking import Verdict, check, hint, solution
from .content import Case, Choice, Exercise, Mistake, Question, Recall
from .proving import check_same, expect
from .quizzes import quiz, recall
from .reveal import shapes, show
from .todo import TODO

__all__ = ["TODO", "Verdict", "check", "hint", "solution", "quiz", "recall", "expect", "about", "table", "show", "shapes",
           "check_same", "Case", "Choice", "Exercise", "Mistake", "Question", "Recall"]
