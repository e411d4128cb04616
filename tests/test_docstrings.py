"""Every public name of ftlab has the docstring that STYLE asks for.

The rules, by kind of name (nothing is excepted by name):
  function     summary sentence · Args, each parameter named · Returns, unless it returns None · Raises, naming every error its own
               body raises · Example
  science      (a function of a module that computes something from a paper: SCIENCE below) also Source or Checked against
  class        summary · each __init__ parameter or dataclass field named in its docstring · Example (unless it is a dataclass or an error)
  method       summary; Args when it takes two or more parameters. `forward` and dunder methods are covered by their class
Public: defined in the module (or named in its __all__), and neither it nor its module begins with "_". The command line's functions
(ftlab.cli) are documented by their help texts and need a summary only.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import textwrap
import types
from typing import Any

import pytest

import ftlab

SCIENCE = {"losses", "masking", "metrics", "stats", "optim", "generation", "calibration", "explain", "tuning", "textmetrics", "seeds", "reinit"}
SECTION = r"^\s*{}\b[^\n]*:"


def modules() -> list[str]:
    found = []
    for info in pkgutil.walk_packages(ftlab.__path__, "ftlab."):
        parts = info.name.split(".")[1:]
        is_content = len(parts) == 2 and parts[0] == "teach" and re.fullmatch(r"ch\d\d", parts[1])  # exercises: data, not an interface
        if not is_content and not any(p.startswith("_") for p in parts):
            found.append(info.name)
    return sorted(found)


def public(module: types.ModuleType) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
            and (inspect.isfunction(value) or inspect.isclass(value))}


def has(doc: str, section: str) -> bool:
    return bool(re.search(SECTION.format(section), doc, flags=re.M))


def names_it(doc: str, parameter: str) -> bool:
    """A line such as "x: …", "x, y: …" or "x (B, T): …" that documents a parameter or field."""
    return bool(re.search(rf"^\s*(?:Args:|Fields:)?[^:\n]*(?<![\w.]){re.escape(parameter)}(?!\w)[^:\n]*:", doc, flags=re.M))


def summary_faults(doc: str) -> list[str]:
    first = doc.strip().split("\n\n")[0].strip()
    if not first:
        return ["no docstring"]
    return [] if re.search(r"[.:!?…)]$", first.splitlines()[-1].strip()) or re.search(r"[.:!?] ", first) else ["the summary is not a sentence (no full stop)"]


def raised(obj: Any) -> set[str]:
    """Names of the errors that a function's own body raises (not those of functions inside it)."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(obj)))
    except (OSError, TypeError, SyntaxError):
        return set()
    names: set[str] = set()

    def walk(node: ast.AST, top: bool = False) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)) and not top:
            return
        if isinstance(node, ast.Raise) and isinstance(node.exc, (ast.Call, ast.Name, ast.Attribute)):
            callee = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = getattr(callee, "attr", getattr(callee, "id", ""))
            if name[:1].isupper() and name not in ("AttributeError", "NotImplementedError", "StopIteration"):
                names.add(name)
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(tree.body[0], top=True)
    return names


def parameters(obj: Any) -> list[str]:
    try:
        found = inspect.signature(obj).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in found if p.name not in ("self", "cls") and not p.name.startswith("_") and p.kind is not p.VAR_KEYWORD]


def returns_something(obj: Any) -> bool:
    note = inspect.signature(obj).return_annotation
    return note not in (None, "None", inspect.Signature.empty)


def function_faults(obj: Any, module: str, wrapped_args: bool = True) -> list[str]:
    doc = inspect.getdoc(obj) or ""
    found = summary_faults(doc)
    if not doc or module.startswith("ftlab.cli"):
        return found
    names = parameters(obj)
    if names and not has(doc, "Args"):
        found.append("no Args")
    found += [f"Args does not name {n!r}" for n in names if has(doc, "Args") and not names_it(doc, n)]
    if returns_something(obj) and not has(doc, "(Returns|Yields)"):
        found.append("no Returns")
    errors = raised(obj)
    if errors and not has(doc, "Raises"):
        found.append(f"no Raises (it raises {', '.join(sorted(errors))})")
    elif errors:
        found += [f"Raises does not name {e}" for e in sorted(errors) if e not in doc]
    if not has(doc, "Examples?"):
        found.append("no Example")
    if module.split(".")[1] in SCIENCE and not re.search(r"^\s*(Source|Checked)\b", doc, flags=re.M):
        found.append("no Source or Checked against (a module of formulas)")
    return found


def class_faults(cls: type, module: str) -> list[str]:
    doc = cls.__doc__ or ""
    own = "" if dataclasses.is_dataclass(cls) and doc.startswith(f"{cls.__name__}(") else inspect.cleandoc(doc)
    found = summary_faults(own)
    if not own:
        return found
    if issubclass(cls, BaseException):
        return found
    if dataclasses.is_dataclass(cls):
        names = [f.name for f in dataclasses.fields(cls) if not f.name.startswith("_")]
    elif "__init__" in vars(cls):
        own_init = inspect.getdoc(cls.__init__) or ""
        names, own = parameters(cls.__init__), own + "\n" + own_init
    else:
        names = []
    found += [f"its docstring does not say what {n!r} is" for n in names if not names_it(own, n)]
    if not dataclasses.is_dataclass(cls) and not has(own, "Examples?"):
        found.append("no Example")
    for name, value in vars(cls).items():
        if name.startswith("_") or name == "forward":
            continue
        target = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if not inspect.isfunction(target) or target.__module__ != module:
            continue
        text = inspect.getdoc(target) or ""
        wrong = summary_faults(text)
        if text and len(parameters(target)) >= 2 and not has(text, "Args"):
            wrong.append("no Args (it takes two or more)")
        found += [f".{name}: {w}" for w in wrong]
    return found


@pytest.mark.parametrize("name", modules())
def test_docstrings(name: str) -> None:
    module = importlib.import_module(name)
    found = [] if (module.__doc__ or "").strip() or name.endswith("__main__") else [f"{name}: the module has no docstring"]
    for key, value in public(module).items():
        faults = class_faults(value, name) if inspect.isclass(value) else function_faults(value, name)
        found += [f"{name}.{key}: {fault}" for fault in faults]
    assert not found, f"{len(found)} faults\n  " + "\n  ".join(found)


def test_the_rules_find_what_is_missing() -> None:
    def bare(x: int) -> int:
        return x

    def half(x: int, y: int) -> int:
        """Add.

        Args:
            x: one.
        """
        if x < 0:
            raise ValueError("negative")
        return x + y

    def whole(x: int, y: int) -> int:
        """Add two numbers.

        z = x + y

        Args:
            x, y: whole numbers.
        Returns: their sum.
        Raises: ValueError if one is negative.
        Example: whole(1, 2) is 3.
        Source: arithmetic. Checked against the abacus.
        """
        if x < 0:
            raise ValueError("negative")
        return x + y

    @dataclasses.dataclass
    class Plain:
        x: int = 0

    class Documented:
        """A thing.

        Args:
            x: its size.
        Example: Documented(1).
        """

        def __init__(self, x: int) -> None:
            self.x = x

        def undocumented(self) -> int:
            return self.x

    assert function_faults(bare, "ftlab.losses") == ["no docstring"]
    assert function_faults(half, "ftlab.losses") == ["Args does not name 'y'", "no Returns", "no Raises (it raises ValueError)", "no Example",
                                                     "no Source or Checked against (a module of formulas)"]
    assert function_faults(whole, "ftlab.losses") == []
    assert class_faults(Plain, __name__) == ["no docstring"]
    assert class_faults(Documented, __name__) == [".undocumented: no docstring"]
    assert "ftlab.errors" in modules()
