"""A live line while something long runs, and one clean line when it is done."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ftlab.display import in_notebook, quiet

if TYPE_CHECKING:
    from ftlab.history import History

EVERY = 0.5  # seconds between redraws


class Progress:
    """Shows step, loss and time left while `fit` runs; at the end one line stays.

    Live in a notebook or a terminal; with FTLAB_QUIET=1, or output sent to a file, only the last line is printed. Numbers that
    differ from machine to machine stand behind a ≈.

    Args:
        total: steps to come.
        show: False shows nothing at all (processes other than the first).
    Example: the line left behind: ``250 steps · loss ≈0.31 · accuracy ≈0.868 · ≈65 s``.
    """

    def __init__(self, total: int, show: bool = True) -> None:
        self.total, self.show = total, show
        self.started = self.drawn = time.monotonic()
        self.live = show and not quiet() and (in_notebook() or sys.stdout.isatty())
        self.handle = None

    def update(self, step: int, loss: float, history: History) -> None:
        """Redraw, at most twice a second.

        Args:
            step: optimiser updates done.
            loss: of the last step, nats.
            history: where evaluations and speed are read from.
        """
        now = time.monotonic()
        if not self.live or now - self.drawn < EVERY:
            return
        self.drawn = now
        left = (now - self.started) / max(1, len(history.steps)) * (self.total - step)
        last = history.evaluations[-1] if history.evaluations else {}
        scored = "".join(f" · {name} {last[name]:.3f}" for name in (history.headline,) if name in last)
        self._draw(f"step {step}/{self.total} · loss {loss:.3f}{scored} · {history.tokens_per_second:,.0f} tokens/s · {left:.0f} s left")

    def close(self, history: History) -> None:
        """Replace the live line by the closing line and the notes.

        Args:
            history: the finished (or broken-off) run.
        """
        if not self.show or not history.steps:
            return
        if self.handle is not None:
            self.handle.update({"text/plain": ""}, raw=True)
        elif self.live:
            print("\r\033[K", end="")
        tail = history.steps[-max(1, len(history.steps) // 10) :]
        parts = [f"{history.steps[-1]['step']} steps", f"loss ≈{sum(s['loss'] for s in tail) / len(tail):.3f}"]
        if history.best and history.headline != "loss":
            parts.append(f"{history.headline} ≈{history.best[history.headline]:.3f}")
        parts.append(f"≈{history.seconds + history.evaluation_seconds:.0f} s")
        print(" · ".join(parts))
        for note in history.notes:
            print("note:", note)

    def _draw(self, text: str) -> None:
        if in_notebook():
            from IPython.display import display

            if self.handle is None:
                self.handle = display({"text/plain": text}, raw=True, display_id=True)
            else:
                self.handle.update({"text/plain": text}, raw=True)
        else:
            print("\r\033[K" + text, end="", flush=True)
