"""One way to show things: rich in a notebook, aligned plain text everywhere else.

Whatever is shown carries two forms. The HTML form is for eyes; the text form is for terminals, for readers of the raw
file, and for the tests, which compare it with the stored output. So the text form must be the same on every run and machine.
"""

from __future__ import annotations

import html as _html
import math
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

BLUE, GREEN, AMBER, GREY = "#0072B2", "#007A5A", "#B35900", "#8a8a8a"  # dark enough to read on white and on black


def quiet() -> bool:
    """Whether live things (widgets, progress bars) are switched off by the environment variable FTLAB_QUIET.

    Returns: True if FTLAB_QUIET is set to anything but an empty string or 0.
    Example: ``FTLAB_QUIET=1 python -c "import ftlab.display as d; print(d.quiet())"`` prints True.
    """
    return os.environ.get("FTLAB_QUIET", "") not in ("", "0")


def in_notebook() -> bool:
    """Whether the code runs in a Jupyter kernel (JupyterLab, Colab, Kaggle, VS Code), which can show HTML.

    Returns: True in a kernel, False in a script or a plain terminal.
    Example: in a terminal ``in_notebook()`` is False.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def present(text: str, html: str = "") -> None:
    """Show something now: its HTML in a notebook (with the text kept beside it), its text elsewhere.

    Args:
        text: plain text, the same on every run (the tests compare it).
        html: the same content as HTML with inline styles; "" shows the text only.
    Example: ``present("3 of 3", "<b>3</b> of 3")`` prints "3 of 3" in a terminal.
    """
    if not in_notebook():
        print(text)
        return
    from IPython.display import display

    bundle = {"text/plain": text}
    if html:
        bundle["text/html"] = html
    display(bundle, raw=True)


def escape(text: Any) -> str:
    """Text made safe to put into HTML, with `code` in backticks set as code.

    Args:
        text: anything; its str() is used.
    Returns: HTML text.
    Example: ``escape("a < `b`")`` is ``"a &lt; <code>b</code>"``.
    """
    parts = _html.escape(str(text), quote=False).split("`")
    if len(parts) % 2 == 0:  # an odd backtick: leave them all as they are
        return "`".join(parts)
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))


def box(body: str, colour: str = BLUE, width: int = 760) -> str:
    """HTML in a box with a coloured left edge, the one frame used for verdicts, hints and quizzes.

    Args:
        body: HTML.
        colour: CSS colour of the edge.
        width: largest width in px (text reads best under 760; code needs more).
    Returns: HTML.
    Example: ``box("done", GREEN)`` starts with ``"<div style="``.
    """
    return (f'<div style="border-left: 4px solid {colour}; padding: 4px 12px; margin: 6px 0px; '
            f'max-width: {width}px; line-height: 1.5">{body}</div>')


class About(str):
    """A number already written as text with "≈" before it, which the notebook tests leave out of the comparison.

    Made by `about`; right-aligned in tables like any number.
    Example: ``about(0.8617)`` is ``"≈0.862"``.
    """


def about(value: Any, fmt: str = ".3f", unit: str = "") -> About:
    """A number that differs from run to run or machine to machine (a trained score, a time), marked with "≈".

    The tests do not compare a number after "≈", so say beside it what it must satisfy: `expect` does that.

    Args:
        value: a float, an int, a 0-d tensor, or a stats.Interval (shown with its bounds).
        fmt: format of the number, as in an f-string.
        unit: written after the number, for example "s" or "%".
    Returns: text such as "≈0.862", or "≈0.862 (≈0.851 to ≈0.873)" for an interval.
    Example: ``about(0.8617)`` is ``"≈0.862"``; ``about(12.34, ".0f", "s")`` is ``"≈12 s"``.
    """
    tail = f" {unit}" if unit and unit != "%" else unit
    if all(hasattr(value, name) for name in ("mean", "low", "high")) and not callable(value.mean):
        return About(f"≈{value.mean:{fmt}}{tail} (≈{value.low:{fmt}} to ≈{value.high:{fmt}})")
    return About(f"≈{float(value):{fmt}}{tail}")


def number(value: Any, fmt: str = ".3f") -> str:
    """One table cell as text: floats rounded, whole numbers with thousands separators, None as a dash.

    Args:
        value: anything.
        fmt: format for floats.
    Returns: text.
    Example: ``number(22713216)`` is ``"22,713,216"``; ``number(0.8617)`` is ``"0.862"``.
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if all(hasattr(value, name) for name in ("mean", "low", "high")) and not callable(value.mean):
        return f"{value.mean:{fmt}} ({value.low:{fmt}} to {value.high:{fmt}})"
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return format(value, fmt) if math.isfinite(value) else str(value)
    return str(value)


def table(rows: Sequence[Any], columns: Sequence[str] | None = None, caption: str = "", fmt: str = ".3f") -> None:
    """Show a small table: HTML in a notebook, aligned text everywhere (and for the tests).

    Numbers are right-aligned; floats rounded with `fmt`; `about(x)` marks a number that may vary; an Interval shows its bounds.

    Args:
        rows: one sequence per row, or one dict per row (all with the same keys).
        columns: the headings; taken from the first dict when left out.
        caption: one sentence above the table that says what to see.
        fmt: format of the floats.
    Raises: InputError if a row has another length than the headings.
    Example: ``table([["majority", 0.5], ["ours", about(0.862)]], ["method", "accuracy"])`` shows two rows.
    """
    from .errors import InputError

    rows = list(rows)
    if columns is None:
        columns = list(rows[0]) if rows and isinstance(rows[0], Mapping) else []
    rows = [[row.get(c) for c in columns] if isinstance(row, Mapping) else list(row) for row in rows]
    columns = columns or [""] * (len(rows[0]) if rows else 0)
    for i, row in enumerate(rows):
        if len(row) != len(columns):
            raise InputError(f"row {i} has {len(row)} cells", wanted=f"{len(columns)}, one per heading: {', '.join(columns)}")
    cells = [[number(v, fmt) for v in row] for row in rows]
    right = [bool(rows) and all(not isinstance(r[k], str) or isinstance(r[k], About) for r in rows) for k in range(len(columns))]
    present(_text_table(cells, columns, right, caption), _html_table(cells, columns, right, caption))


def _text_table(cells: list[list[str]], columns: Sequence[str], right: list[bool], caption: str) -> str:
    widths = [max([len(c)] + [len(row[k]) for row in cells]) for k, c in enumerate(columns)]

    def line(values: Sequence[str]) -> str:
        return "  ".join(v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right)).rstrip()

    head = [line(columns), "  ".join("─" * w for w in widths)] if any(columns) else []
    return "\n".join(([caption] if caption else []) + head + [line(row) for row in cells])


def _html_table(cells: list[list[str]], columns: Sequence[str], right: list[bool], caption: str) -> str:
    def row(tag: str, values: Sequence[str], extra: str) -> str:
        return "<tr>" + "".join(
            f'<{tag} style="text-align: {"right" if r else "left"}; padding: 3px 12px; {extra}">{escape(v)}</{tag}>'
            for v, r in zip(values, right)) + "</tr>"

    head = f"<thead>{row('th', columns, 'border-bottom: 2px solid ' + GREY)}</thead>" if any(columns) else ""
    body = "".join(row("td", values, "white-space: pre-wrap") for values in cells)
    top = f'<p style="margin: 6px 0px; max-width: 760px"><em>{escape(caption)}</em></p>' if caption else ""
    table = f'<table style="border-collapse: collapse; margin: 4px 0px">{head}<tbody>{body}</tbody></table>'
    return f'{top}<div style="overflow-x: auto">{table}</div>'  # on a phone the table scrolls, not the page
