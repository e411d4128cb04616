"""See where padding comes from: batches drawn as rows of real tokens and padding, in three ways of making them."""

from __future__ import annotations

from collections.abc import Sequence

from ..batching import LengthBuckets
from ..display import BLUE, GREY
from .base import build, choice, slider

WAYS = ("everything to 128 tokens", "random batches, each to its longest", "length buckets, each to its longest")
SHOWN = 4  # batches drawn


def batch_explorer(lengths: Sequence[int], max_length: int = 128, batch_size: int = 32, seed: int = 0,
                   title: str = "Choose how batches are made, and how large they are") -> None:
    """The first batches of an epoch drawn sentence by sentence, with the share of padding in the whole epoch.

    share = 1 - real tokens / positions, a batch of B sentences padded to T tokens having B · T positions.

    Args:
        lengths: tokens of each example, special tokens included.
        max_length: where sentences are cut, and where the first way pads them to.
        batch_size: examples a batch, at the start.
        seed: of the order.
        title: one line above the widget.
    Example: ``ft.widgets.batch_explorer(ft.encode(task.train, tokenizer).lengths())``.
    """
    lengths = [min(n, max_length) for n in lengths]

    def respond(way: str, batch_size: int) -> tuple[str, str]:
        order = LengthBuckets(lengths, batch_size, bucket=way == WAYS[2], seed=seed)
        epoch = [[lengths[i] for i in batch] for batch in order]
        widths = [max_length if way == WAYS[0] else max(batch) for batch in epoch]
        positions = sum(len(batch) * width for batch, width in zip(epoch, widths))
        share = 1 - sum(lengths) / positions
        said = f"{len(epoch):,} steps an epoch, {positions:,} positions, {share:.1%} of them padding"
        first = "; ".join(f"{min(batch)} to {max(batch)} tokens, padded to {width}" for batch, width in list(zip(epoch, widths))[:SHOWN])
        pictures = "".join(_drawn(batch, width) for batch, width in list(zip(epoch, widths))[:SHOWN])
        return f"  {said}\n  first batches: {first}", f"<strong>{said}</strong><div>{pictures}</div>{_legend()}"

    build(title, {"way": choice(WAYS[1], WAYS, label="batches"), "batch_size": slider(batch_size, 4, 64, 4, label="batch size")}, respond)


def _drawn(batch: Sequence[int], width: int, most: int = 32) -> str:
    """One batch as HTML: a line a sentence, real tokens dark, padding light; 1 token is 1.4 px wide."""
    rows = "".join(
        f'<div style="height: 3px; margin: 1px 0px; width: {1.4 * width:.0f}px; background-color: #d9d9d9">'
        f'<div style="height: 3px; width: {1.4 * n:.0f}px; background-color: {BLUE}">&nbsp;</div></div>' for n in batch[:most])
    return f'<div style="display: inline-block; vertical-align: top; margin: 6px 14px 6px 0px; font-size: 1px; line-height: 3px">{rows}</div>'


def _legend() -> str:
    def mark(colour: str) -> str:
        return f'<span style="background-color: {colour}">&nbsp;&nbsp;&nbsp;</span>'

    return f'<div style="color: {GREY}">{mark(BLUE)} real tokens &nbsp; {mark("#d9d9d9")} padding; a line is a sentence, a block a batch (the first {SHOWN})</div>'
