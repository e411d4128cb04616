"""show and shapes: look inside the package and inside a model."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Mapping
from typing import Any

from ..display import BLUE, GREY, About, box, escape, present, table
from ..errors import InputError

_SECTION = re.compile(r"^(Args|Returns|Raises|Example|Examples|Source|Checked|Note|Fields)\b.*:?")


def show(obj: Any) -> None:
    """Show the source of a function or class: its formula on top, its docstring folded to one line, its code in full.

    Args:
        obj: a function, method, class or object, of ftlab or of another library (for example ``ft.mlm_loss``).
    Raises: InputError if it has no Python source (a built-in).
    Example: ``ft.show(ft.mlm_loss)`` prints "ftlab/losses.py · mlm_loss", the formula and the code.
    """
    target = inspect.unwrap(obj) if callable(obj) else type(obj)
    if not (inspect.isfunction(target) or inspect.ismethod(target) or inspect.isclass(target)):
        target = type(target)
    try:
        source = textwrap.dedent(inspect.getsource(target)).rstrip()
    except (OSError, TypeError):
        raise InputError(f"{getattr(obj, '__name__', type(obj).__name__)!s} has no Python source to show",
                         wanted="a function or class written in Python", cause="it is built in, written in C++ or typed at a prompt") from None
    name = getattr(target, "__qualname__", str(target))
    module = getattr(target, "__module__", "") or ""
    place = "this notebook" if module == "__main__" else module.replace(".", "/") + (
        "/__init__.py" if hasattr(sys.modules.get(module), "__path__") else ".py")
    doc = inspect.getdoc(target) or ""
    formula = _formula(doc)
    code = fold(source)
    head = f"{place} · {name}"
    text = head + ("\nformula: " + formula.replace("\n", "\n         ") if formula else "") + f"\n\n{code}"
    folded = (f'<details><summary style="cursor: pointer; color: {GREY}">the whole docstring</summary>'
              f'<pre style="white-space: pre-wrap; margin: 4px 0px">{escape(doc)}</pre></details>') if doc.count("\n") else ""
    lines = "<br>".join(f"<code>{escape(line)}</code>" for line in formula.splitlines())
    shown = f'<div style="margin: 4px 0px">{lines}</div>' if formula else ""
    present(text, box(f'<div style="color: {GREY}">{escape(head)}</div>{shown}{highlight(code)}{folded}', BLUE, 1080))


def _formula(doc: str) -> str:
    """The second paragraph of a docstring, if it is a formula."""
    parts = [p.strip() for p in re.split(r"\n\s*\n", doc)]
    if len(parts) > 1 and re.search(r"[=≈<>∝]|->", parts[1]) and not _SECTION.match(parts[1]):
        first = re.split(r"\n(?=(?:Args|Returns|Raises|Example|Source)\b)", parts[1])[0]
        return "\n".join(line.strip() for line in first.splitlines())
    return ""


def fold(source: str) -> str:
    """Source code with every docstring cut to its first line.

    Args:
        source: Python source of a function or class, not indented.
    Returns: the shorter source.
    Example: a docstring of ten lines becomes one that ends in "…".
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    lines = source.splitlines()
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            found.append((node.body[0].lineno - 1, node.body[0].end_lineno, ast.get_docstring(node), node.body[0].col_offset))
    for start, end, doc, indent in sorted(found, reverse=True):
        first = doc.strip().splitlines()[0]  # type: ignore[union-attr]
        more = " …" if len(doc.strip().splitlines()) > 1 else ""  # type: ignore[union-attr]
        lines[start:end] = [" " * indent + f'"""{first}{more}"""']
    return "\n".join(lines)


def highlight(code: str) -> str:
    """Python code as HTML with colours set inline (readable in a light and in a dark theme).

    Args:
        code: Python source.
    Returns: HTML; plain preformatted text where Pygments is missing.
    Example: ``highlight("x = 1")`` contains "<pre".
    """
    frame = ('<pre style="background-color: #f6f7f9; color: #1f2328; padding: 10px 12px; margin: 6px 0px; '
             'font-family: monospace; font-size: 13px; white-space: pre; line-height: 1.45; overflow-x: auto; border-radius: 4px">{}</pre>')
    try:
        from pygments import highlight as colour
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer

        inside = colour(code, PythonLexer(), HtmlFormatter(noclasses=True, nowrap=True, style="default"))
    except ImportError:
        inside = escape(code)
    return frame.format(inside.rstrip())


def shapes(model: Any, batch: Any, depth: int = 2, **letters: int) -> None:
    """Table what each part of a model takes and gives: its input and output shapes in one forward pass.

    Sizes are named where they are known: B and T from `input_ids`, H, V and C from the model's config, others by `letters`.
    Layers that differ only in their number are shown once.

    Args:
        model: a torch.nn.Module.
        batch: a dict of tensors (called as ``model(**batch)``, leaving out what it does not take), a tuple, or one tensor.
        depth: how many levels of modules to show; 1 = the parts named in the model itself.
        letters: letters for sizes, for example ``H=384, C=2``.
    Raises: InputError if the model is not a module or cannot run on the batch.
    Example: ``ft.shapes(torch.nn.Linear(3, 2), torch.zeros(4, 3), H=3, C=2)`` has a last row "(4, H)" -> "(4, C)".
    """
    import torch

    if not isinstance(model, torch.nn.Module):
        raise InputError(f"a {type(model).__name__}", wanted="a torch.nn.Module", hint="ft.shapes(model, batch)")
    letters = {**_guess_letters(model, batch), **letters}
    seen: dict[str, list[str]] = {}
    handles = []
    for name, module in model.named_modules():
        level = len(re.split(r"\.(?!\d)", name)) if name else 0
        if level <= depth:
            def note(module: Any, args: Any, kwargs: Any, out: Any, name: str = name) -> None:
                # setdefault: a module used twice is shown once
                given = list(args) + [v for v in kwargs.values()]
                seen.setdefault(name, [type(module).__name__, _shapes_of(given, letters, 2), _shapes_of(out, letters, 3),
                                       f"{sum(p.numel() for p in module.parameters()):,}"])

            handles.append(module.register_forward_hook(note, with_kwargs=True))
    was_training = model.training
    try:
        model.eval()
        with torch.no_grad():
            if isinstance(batch, Mapping):
                known = inspect.signature(model.forward).parameters
                takes_all = any(p.kind is p.VAR_KEYWORD for p in known.values())
                given = {k: v for k, v in batch.items() if k in known or takes_all}
                if "labels" in given and ("labels" not in known or known["labels"].default is not inspect.Parameter.empty):
                    del given["labels"]  # a loss is not a shape worth a line
                model(**given)
            else:
                model(*batch) if isinstance(batch, (tuple, list)) else model(batch)
    except (RuntimeError, TypeError, ValueError, IndexError, KeyError) as error:
        raise InputError(f"the model cannot run on this batch ({type(error).__name__}: {str(error).splitlines()[0][:120]})",
                         wanted="a batch made for this model", hint="check the names and shapes in the batch") from None
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    order = [n for n, _ in model.named_modules() if n in seen]  # reading order of the model, the whole last
    rows = _merge([[n, *seen[n]] for n in order if n]) + [[f"the whole {seen[''][0]}", "", *seen[""][1:]]]
    rows = [[r[0], r[1], r[2], r[3], About(r[4])] for r in rows]
    legend = ", ".join(f"{k} = {v}" for k, v in letters.items())
    table(rows, ["part", "type", "input", "output", "parameters"], caption=f"Shapes in one forward pass ({legend})." if legend else "Shapes in one forward pass.")


def _guess_letters(model: Any, batch: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    ids = batch.get("input_ids") if isinstance(batch, Mapping) else None
    if ids is not None and getattr(ids, "ndim", 0) == 2:
        found["B"], found["T"] = (int(n) for n in ids.shape)
    config = next((m.config for m in model.modules() if hasattr(getattr(m, "config", None), "hidden_size")), None)
    for letter, name in (("H", "hidden_size"), ("V", "vocab_size")):
        if config is not None and isinstance(getattr(config, name, None), int):
            found[letter] = getattr(config, name)
    classes = next((getattr(model, n) for n in ("n_classes", "num_labels") if isinstance(getattr(model, n, None), int)), None)
    return {**found, "C": classes} if classes else found


def _shapes_of(value: Any, letters: Mapping[str, int], most: int) -> str:
    found = []

    def walk(v: Any) -> None:
        if hasattr(v, "shape") and hasattr(v, "dtype"):
            found.append("(" + ", ".join(_letter(int(n), i, letters) for i, n in enumerate(v.shape)) + ("," if len(v.shape) == 1 else "") + ")")
        elif isinstance(v, Mapping):
            for x in v.values():
                walk(x)
        elif isinstance(v, (list, tuple)):
            for x in v:
                walk(x)

    walk(value)
    return ", ".join(found[:most]) + (f", and {len(found) - most} more" if len(found) > most else "") or "–"


def _letter(n: int, axis: int, letters: Mapping[str, int]) -> str:
    """B may only name the first axis, and nothing else may, so that equal sizes are not mixed up."""
    for letter, size in letters.items():
        if size == n and (axis == 0) == (letter == "B"):
            return letter
    return str(n)


def _merge(rows: list[list[str]]) -> list[list[str]]:
    """Rows that differ only in a layer number, as one row "layer.0 … 5"."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, *rest in rows:
        groups.setdefault((re.sub(r"\.\d+(?=\.|$)", ".#", name), *rest), []).append(name)
    out = []
    for key, names in groups.items():
        numbers = [re.search(r"\.(\d+)(?=\.|$)", n) for n in names]
        label = names[0]
        if len(names) > 1 and all(numbers):
            label = re.sub(r"\.\d+(?=\.|$)", f".{numbers[0].group(1)}…{numbers[-1].group(1)}", names[0], count=1)  # type: ignore[union-attr]
        out.append([label, *key[1:]])
    return out
