"""Figures in one style: colour-blind safe, readable in grey and at 600 px, each with a caption and words for those who cannot see it.

Every chart function returns a matplotlib Figure, or, given a `caption`, shows it and returns None.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .display import GREY, escape, in_notebook, present
from .errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = Path(__file__).with_name("ftlab.mplstyle")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9")  # Okabe and Ito 2008, dark enough on white
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P")
HATCHES = ("", "///", "...", "xxx")


def style() -> AbstractContextManager[None]:
    """The course's matplotlib style, to be used as a context for a figure of your own.

    Returns: a context manager.
    Example: ``with ft.plots.style(): fig, ax = ft.plots.canvas()``.
    """
    import matplotlib.style

    return matplotlib.style.context(str(STYLE))


def canvas(columns: int = 1, height: float = 3.4, width: float = 6.0) -> tuple["Figure", Any]:
    """An empty figure in the course's style, which no notebook shows by itself: pass it to `figure` when it is drawn.

    Args:
        columns: number of panels side by side.
        height: inches (100 px each on the page).
        width: inches.
    Returns: the Figure, and its Axes (a list of them for several columns).
    Example: ``fig, ax = canvas()``, then ``ax.plot([1, 2])`` and ``figure(fig, "Rises.", alt="A rising line.")``.
    """
    from matplotlib.figure import Figure

    with style():
        fig = Figure(figsize=(width, height), layout="constrained")
        axes = fig.subplots(1, columns)
    return fig, axes if columns == 1 else list(axes)


def figure(fig: "Figure", caption: str, alt: str) -> None:
    """Show a figure with one sentence that says what to see, and the picture in words.

    Both are kept with the picture: the words as alt text of the image and folded under the caption (Jupyter gives
    screen readers no alt text for output images), and both as plain text.

    Args:
        fig: a matplotlib Figure.
        caption: one sentence: what to see in it.
        alt: what the picture shows, for those who cannot see it (kinds of marks, axes, trend).
    Raises: InputError if caption or alt is empty.
    Example: ``figure(fig, "The loss falls, then levels off.", alt="Line of loss against step, from 0.69 to 0.2.")``.
    """
    if not caption.strip() or not alt.strip():
        raise InputError("a figure without a caption or alt text", wanted="both, one sentence each", hint='figure(fig, "what to see", alt="what it shows")')
    if in_notebook():
        from IPython.display import display

        data = io.BytesIO()
        with style():
            fig.savefig(data, format="png", dpi=180, metadata={"Software": None})
        size = {"width": round(fig.get_figwidth() * 100), "alt": alt}
        display({"image/png": data.getvalue(), "text/plain": f"[figure] {alt}"}, metadata={"image/png": size}, raw=True)
    words = f'<details><summary style="cursor: pointer; color: {GREY}">the picture in words</summary>{escape(alt)}</details>'
    present(f"Figure: {caption}" if in_notebook() else f"[figure] {alt}\nFigure: {caption}",
            f'<div style="max-width: 620px; margin: 0px 0px 10px 0px"><em>{escape(caption)}</em>{words}</div>')


def _chart(draw: Callable[..., "Figure"]) -> Callable[..., Any]:
    """Give a drawing function the arguments caption and alt: with a caption the figure is shown."""

    @functools.wraps(draw)
    def chart(*args: Any, caption: str = "", alt: str = "", **kwargs: Any) -> "Figure | None":
        with style():
            fig = draw(*args, **kwargs)
        if not caption:
            return fig
        figure(fig, caption, alt)
        return None

    return chart


def _bounds(value: Any) -> tuple[float, float, float]:
    """(middle, low, high) of a stats.Interval, of a (middle, low, high) tuple, or of a bare number."""
    if hasattr(value, "low") and hasattr(value, "high"):
        return float(value.mean), float(value.low), float(value.high)
    if isinstance(value, (tuple, list)):
        return float(value[0]), float(value[1]), float(value[2])
    return float(value), float(value), float(value)


@_chart
def learning_curve(history: Any, validation: str | None = None, ylabel: str = "loss (nats)") -> "Figure":
    """The training loss step by step (thin, and its running mean), with the validation score or loss beside it.

    Args:
        history: a training.History; or a list of numbers; or a dict of name -> list of (step, value) or of numbers.
        validation: which entry of `history.evaluations` to draw on a second panel, for example "accuracy".
        ylabel: name of the axis, with its unit.
        caption: one sentence; given, the figure is shown.
        alt: the picture in words.
    Returns: the Figure, or None when shown.
    Example: ``learning_curve([0.7, 0.5, 0.4])`` draws three points.
    """
    if hasattr(history, "steps"):
        lines: dict[str, Any] = {"training": [(s["step"], s["loss"]) for s in history.steps]}
    else:
        lines = dict(history) if isinstance(history, Mapping) else {"training": history}
    scores = [(e["step"], e[validation]) for e in getattr(history, "evaluations", []) if validation in e] if validation else []
    fig, axes = canvas(2 if scores else 1, width=6.0)
    ax = axes[0] if scores else axes
    for i, (name, points) in enumerate(lines.items()):
        xs, ys = _points(points)
        window = max(1, len(ys) // 20)
        if window > 1:
            ax.plot(xs, ys, color=COLOURS[i % 6], alpha=0.25, linewidth=0.8, linestyle="-")
        ax.plot(xs, _running_mean(ys, window), color=COLOURS[i % 6], linestyle=LINES[i % 6],
                marker=MARKERS[i % 6] if len(ys) <= 12 else None, label=name)
    ax.set(xlabel="step (optimiser updates)", ylabel=ylabel)
    ax.xaxis.get_major_locator().set_params(integer=True)
    if len(lines) > 1:
        ax.legend()
    if scores:
        axes[1].plot(*zip(*scores), color=COLOURS[1], linestyle="--", marker="s")
        axes[1].set(xlabel="step (optimiser updates)", ylabel=f"validation {validation}")
    return fig


def _points(points: Iterable[Any]) -> tuple[list[float], list[float]]:
    points = list(points)
    if points and isinstance(points[0], (tuple, list)):
        return [float(p[0]) for p in points], [float(p[1]) for p in points]
    return [float(i) for i in range(1, len(points) + 1)], [float(p) for p in points]


def _running_mean(ys: list[float], window: int) -> list[float]:
    return [sum(ys[max(0, i - window + 1): i + 1]) / len(ys[max(0, i - window + 1): i + 1]) for i in range(len(ys))]


@_chart
def dots_with_intervals(scores: Mapping[str, Any], baseline: float | None = None, baseline_name: str = "baseline",
                        xlabel: str = "score", points: Mapping[str, Sequence[float]] | None = None) -> "Figure":
    """One row per method: a dot with its interval, every single run as a small mark, and a dashed line for a baseline.

    Args:
        scores: name -> stats.Interval, or (middle, low, high), or a number.
        baseline: where to draw the dashed line.
        baseline_name: its label.
        xlabel: name of the axis, with its unit.
        points: name -> the single runs (seeds).
        caption: one sentence; given, the figure is shown.
        alt: the picture in words.
    Returns: the Figure, or None when shown.
    Example: ``dots_with_intervals({"ours": (0.86, 0.85, 0.87)}, baseline=0.5)`` draws one dot.
    """
    fig, ax = canvas(height=0.9 + 0.42 * len(scores))
    names = list(scores)
    ends = [x for name in names for x in (*_bounds(scores[name]), *(points or {}).get(name, ()))]
    width = max(ends, default=0.0) - min(ends, default=0.0)
    for i, name in enumerate(names):
        y = len(names) - 1 - i
        middle, low, high = _bounds(scores[name])
        ax.plot([low, high], [y, y], color=COLOURS[0], linewidth=2.2, linestyle="-")
        ax.plot([middle], [y], marker="o", color=COLOURS[0], markersize=7)
        runs = sorted((points or {}).get(name, ()))
        for j, x in enumerate(runs):
            same = sum(abs(x - other) < 0.004 * width for other in runs[:j])  # runs that end alike stand below each other, three deep
            ax.plot([x], [y - 0.2 - 0.17 * min(same, 2)], marker="|", color="#555555", markersize=4.5, linestyle="none", zorder=3)
    if baseline is not None:
        ax.axvline(baseline, color="#999999", linestyle="--", linewidth=1.0, zorder=1)
        ax.annotate(f" {baseline_name}", (baseline, 1.0), xycoords=("data", "axes fraction"), va="bottom", fontsize=9)
    ax.set(yticks=range(len(names)), yticklabels=names[::-1], ylim=(-0.6, len(names) - 0.4), xlabel=xlabel)
    ax.grid(axis="y", visible=False)
    return fig


@_chart
def bars(values: Mapping[str, float] | Sequence[tuple[str, float]], xlabel: str = "probability", mark: str | None = None,
         fmt: str = ".2f") -> "Figure":
    """Horizontal bars with their numbers: the likeliest tokens, counts by class, and the like.

    Args:
        values: name -> length, in the order to draw from the top.
        xlabel: name of the axis, with its unit.
        mark: the bar to set apart (another colour, and hatched), for example the right token.
        fmt: format of the numbers at the bars.
        caption: one sentence; given, the figure is shown.
        alt: the picture in words.
    Returns: the Figure, or None when shown.
    Example: ``bars({"good": 0.6, "bad": 0.4}, mark="good")`` draws two bars.
    """
    pairs = list(values.items()) if isinstance(values, Mapping) else list(values)
    fig, ax = canvas(height=0.8 + 0.32 * len(pairs))
    for i, (name, value) in enumerate(pairs):
        chosen = name == mark
        ax.barh(-i, value, height=0.66, color=COLOURS[1] if chosen else COLOURS[0], hatch="///" if chosen else "", edgecolor="white")
        ax.annotate(format(value, fmt), (value, -i), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set(yticks=[-i for i in range(len(pairs))], yticklabels=[n for n, _ in pairs], xlabel=xlabel)
    ax.margins(x=0.12)
    ax.grid(axis="y", visible=False)
    return fig


@_chart
def heatmap(matrix: Any, rows: Sequence[str], columns: Sequence[str], xlabel: str = "", ylabel: str = "", numbers: bool | None = None,
            fmt: str = ".2f") -> "Figure":
    """A matrix as shades from dark (small) to light (large), with the numbers written in while they fit.

    Args:
        matrix: numbers (rows, columns), a list of lists, array or tensor.
        rows: a label per row.
        columns: a label per column.
        xlabel: what the columns are.
        ylabel: what the rows are.
        numbers: write the numbers in; left out, only up to 10 columns.
        fmt: their format.
        caption: one sentence; given, the figure is shown.
        alt: the picture in words.
    Returns: the Figure, or None when shown.
    Raises: InputError if the labels do not fit the matrix.
    Example: ``heatmap([[1, 0], [0, 1]], ["a", "b"], ["x", "y"])`` draws four cells.
    """
    grid = [[float(v) for v in row] for row in matrix]
    if len(grid) != len(rows) or any(len(r) != len(columns) for r in grid):
        raise InputError(f"a matrix of {len(grid)} x {len(grid[0]) if grid else 0}", wanted=f"{len(rows)} rows x {len(columns)} columns, as labelled")
    fig, ax = canvas(height=min(6.5, 1.2 + 0.34 * len(rows)))
    picture = ax.imshow(grid, aspect="auto", cmap="cividis")
    low, high = min(map(min, grid)), max(map(max, grid))
    long = max((len(c) for c in columns), default=0) * len(columns) > 60
    ax.set_xticks(range(len(columns)), columns, rotation=60 if long else 0, ha="right" if long else "center")
    ax.set_yticks(range(len(rows)), rows)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.grid(visible=False)
    if numbers or (numbers is None and len(columns) <= 10):
        for i, row in enumerate(grid):
            for j, v in enumerate(row):
                ax.annotate(format(v, "z" + fmt), (j, i), ha="center", va="center", fontsize=8.5, color="white" if v < (low + high) / 2 else "black")
    fig.colorbar(picture, ax=ax, shrink=0.9)
    return fig


@_chart
def scatter(groups: Mapping[str, Sequence[tuple[float, float]]] | Sequence[tuple[float, float]], xlabel: str, ylabel: str,
            names: Sequence[str] | None = None, logx: bool = False) -> "Figure":
    """Points of one or several groups, told apart by colour and by marker.

    Args:
        groups: name -> list of (x, y), or one list of (x, y).
        xlabel: name of the axis, with its unit.
        ylabel: name of the axis, with its unit.
        names: a text beside each point (of a single group).
        logx: logarithmic x axis.
        caption: one sentence; given, the figure is shown.
        alt: the picture in words.
    Returns: the Figure, or None when shown.
    Example: ``scatter([(1, 2), (2, 3)], "size (M)", "accuracy")`` draws two points.
    """
    named = dict(groups) if isinstance(groups, Mapping) else {"": list(groups)}
    fig, ax = canvas()
    for i, (name, points) in enumerate(named.items()):
        xs, ys = _points(points)
        ax.plot(xs, ys, linestyle="none", marker=MARKERS[i % 6], color=COLOURS[i % 6], markersize=6, alpha=0.85, label=name)
        for text, x, y in zip(names or (), xs, ys):
            ax.annotate(text, (x, y), xytext=(5, 4), textcoords="offset points", fontsize=9)
    if logx:
        ax.set_xscale("log")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(named) > 1:
        ax.legend()
    return fig
