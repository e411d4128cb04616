#!/usr/bin/env python3
"""Draw data/figures/readme.png from the stored runs: python benchmarks/readme_picture.py"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import ftlab as ft  # noqa: E402


def main() -> None:
    runs = json.loads((ROOT / "data" / "results" / "movies_minilm-l6.json").read_text(encoding="utf-8"))["runs"]
    task = ft.load_task("ratings/movies")
    tuned = ft.mean_interval([run["scores"]["test"]["accuracy"] for run in runs])
    human = task.human_ceiling()
    rows = [
        ("the commonest label", task.majority_baseline("test")["accuracy"], None),
        ("words counted", ft.baselines.tfidf_baseline(task)["accuracy"], None),
        (f"fine-tuned, {tuned.n} seeds", tuned.mean, (tuned.low, tuned.high)),
        ("one human rater", human["accuracy"], (human["low"], human["high"])),
    ]
    fig, ax = ft.plots.canvas(height=2.4)
    for y, (name, value, bounds) in enumerate(rows):
        ax.barh(y, value, color=ft.plots.COLOURS[0 if "tuned" in name else 7 if len(ft.plots.COLOURS) > 7 else 1], height=0.6)
        if bounds:
            ax.plot(bounds, [y, y], color="black", linewidth=2)
        ax.text(max(value, bounds[1] if bounds else 0) + 0.008, y, f"{value:.0%}", va="center")
    ax.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    ax.invert_yaxis()
    ax.set_xlim(0, 1.08)
    ax.set_xlabel(f"accuracy on {len(task.test):,} film-review sentences (share right)")
    target = ROOT / "data" / "figures" / "readme.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(target, dpi=110, bbox_inches="tight")
    for name, value, bounds in rows:
        print(f"{name:24} {value:.3f}", bounds or "")


if __name__ == "__main__":
    main()
