"""How every widget is built: controls on top, an answer below that follows them, and a still picture where nothing is live."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..display import AMBER, BLUE, GREY, about, box, escape, in_notebook, present, quiet
from ..errors import FtlabError, InputError

Answer = tuple[str, str]  # plain text, HTML


@dataclass(frozen=True)
class Control:
    """One input of a widget; made by `text`, `slider` or `choice`.

    Args:
        kind: "text", "slider" or "choice".
        value: its value at the start, which the still picture uses.
        label: what it is called; its argument's name when empty.
        low: smallest value of a slider.
        high: largest value of a slider.
        step: step of a slider.
        options: what a choice offers.
    Example: ``text("a fine film").kind`` is ``"text"``.
    """

    kind: str
    value: Any
    label: str = ""
    low: float = 0.0
    high: float = 1.0
    step: float = 0.1
    options: tuple[Any, ...] = ()


def text(value: str, label: str = "") -> Control:
    """A line to type in.

    Args:
        value: the text at the start.
        label: its name on the page.
    Returns: a Control.
    Example: ``text("a fine film", label="your sentence")``.
    """
    return Control("text", value, label)


def slider(value: float, low: float, high: float, step: float, label: str = "") -> Control:
    """A slider for a number (whole numbers if all four are whole).

    Args:
        value: the number at the start.
        low: smallest.
        high: largest.
        step: step.
        label: its name on the page.
    Returns: a Control.
    Raises: InputError if the value is not between low and high.
    Example: ``slider(1.0, 0.1, 2.0, 0.1, label="temperature")``.
    """
    if not low <= value <= high:
        raise InputError(f"a slider at {value}", wanted=f"a value from {low} to {high}")
    return Control("slider", value, label, low, high, step)


def choice(value: Any, options: Sequence[Any], label: str = "") -> Control:
    """A list to choose from.

    Args:
        value: the one chosen at the start.
        options: all of them.
        label: its name on the page.
    Returns: a Control.
    Raises: InputError if the value is not among the options.
    Example: ``choice("greedy", ["greedy", "sample"])``.
    """
    if value not in options:
        raise InputError(f"the choice {value!r}", wanted=f"one of {', '.join(map(str, options))}")
    return Control("choice", value, label, options=tuple(options))


def build(title: str, controls: Mapping[str, Control], respond: Callable[..., Answer], *, button: str = "", static: Answer | None = None) -> None:
    """Show a widget: controls, and below them the answer of `respond` to their values.

    In a live notebook it follows every change (or waits for `button`, when answering is slow). Where there is no live
    front end (a page, a terminal, the tests, FTLAB_QUIET=1, no ipywidgets) the answer to the starting values is shown instead.

    Args:
        title: one line that says what to try.
        controls: argument name of `respond` -> its Control.
        respond: function of the controls' values; gives (plain text, HTML). Numbers that vary go through `about`.
        button: the word on a button to press; "" answers at each change.
        static: the still picture, if it should be another than the answer to the starting values.
    Raises: InputError if there is no control.
    Example: ``build("Try", {"x": slider(2, 0, 9, 1)}, lambda x: (f"square: {x * x}", f"<b>{x * x}</b>"))``.
    """
    if not controls:
        raise InputError("a widget without controls", wanted="at least one", hint='{"x": text("…")}')
    if in_notebook() and not quiet():
        try:
            import ipywidgets
        except ImportError:
            present("(Install ipywidgets to try this yourself; below, one example.)", "<p>(Install <code>ipywidgets</code> to try this yourself; below, one example.)</p>")
        else:
            _live(ipywidgets, title, controls, respond, button)
            return
    said, shown = static or _safe(respond, {name: c.value for name, c in controls.items()})
    given = [(c.label or name, c.value) for name, c in controls.items()]
    lines = "\n".join(f"  {name}: {value}" for name, value in given)
    fields = "".join(f'<div><span style="color: {GREY}">{escape(name)}:</span> <code>{escape(value)}</code></div>' for name, value in given)
    note = f'<div style="color: {GREY}"><small>A still picture: run this cell in a live notebook to change it.</small></div>'
    present(f"[widget] {title}\n{lines}\n{said}", box(f"<strong>{escape(title)}</strong>{fields}<div style=\"margin: 6px 0px\">{shown}</div>{note}", BLUE))


def _safe(respond: Callable[..., Answer], values: dict[str, Any]) -> Answer:
    """The answer, or in one line why there is none."""
    try:
        return respond(**values)
    except FtlabError as error:
        return str(error), box(escape(error), AMBER)


def _live(w: Any, title: str, controls: Mapping[str, Control], respond: Callable[..., Answer], button: str) -> None:
    """The same with ipywidgets, using only what versions 7 and 8 share."""
    from IPython.display import display

    parts = {name: _part(w, name, control) for name, control in controls.items()}
    answer = w.HTML()

    def update(_: Any = None) -> None:
        try:
            answer.value = _safe(respond, {name: p.value for name, p in parts.items()})[1]
        except Exception as error:  # an exception in a callback would vanish into a log
            answer.value = box(f"{type(error).__name__}: {escape(error)}", AMBER)

    rows: list[Any] = [w.HTML(f"<strong>{escape(title)}</strong>"), *parts.values()]
    if button:
        press = w.Button(description=button, button_style="primary")
        press.on_click(update)
        rows.append(press)
    else:
        for p in parts.values():
            p.observe(update, names="value")
    display(w.VBox([*rows, answer]))
    update()


def _part(w: Any, name: str, control: Control) -> Any:
    look = {"description": control.label or name, "style": {"description_width": "initial"}, "layout": w.Layout(width="620px")}
    if control.kind == "text":
        return w.Text(value=control.value, continuous_update=False, **look)
    if control.kind == "choice":
        return w.Dropdown(options=list(control.options), value=control.value, **look)
    whole = all(isinstance(v, int) for v in (control.value, control.low, control.high, control.step))
    return (w.IntSlider if whole else w.FloatSlider)(value=control.value, min=control.low, max=control.high, step=control.step,
                                                    continuous_update=False, **look)


def bars_text(values: Mapping[str, float]) -> str:
    """Probabilities as lines of text; the numbers are marked as varying, so the tests do not compare them.

    Args:
        values: name -> probability, 0 to 1.
    Returns: one line per name.
    Example: ``bars_text({"good": 0.9})`` is ``"  good  ≈0.90"``.
    """
    width = max(map(len, values), default=0)
    return "\n".join(f"  {name.ljust(width)}  {about(p, '.2f')}" for name, p in values.items())


def bars_html(values: Mapping[str, float], mark: str | None = None) -> str:
    """Probabilities as bars in HTML, each with its number.

    Args:
        values: name -> probability, 0 to 1.
        mark: the name to set in bold.
    Returns: HTML.
    Example: ``bars_html({"good": 0.9, "bad": 0.1}, mark="good")`` has a bar of 180 px and one of 20 px.
    """
    rows = "".join(
        f'<tr><td style="text-align: left; padding: 2px 12px 2px 0px">{"<strong>" if name == mark else ""}{escape(name)}{"</strong>" if name == mark else ""}</td>'
        f'<td style="text-align: left; padding: 2px 0px"><div style="background-color: {BLUE if mark is None or name == mark else GREY}; '
        f'height: 14px; width: {max(1, round(200 * p))}px">&nbsp;</div></td>'
        f'<td style="text-align: right; padding: 2px 10px">{p:.2f}</td></tr>' for name, p in values.items())
    return f'<table style="border-collapse: collapse; margin: 4px 0px">{rows}</table>'
