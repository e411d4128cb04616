"""What `ftlab study --list` prints, and how it reads KEY=VALUE."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ftlab import studies, study
from ftlab.errors import InputError


def list_studies() -> str:
    """One line a study: cells, cells done, steps, what is compared."""
    lines = []
    for name in studies.names():
        module, path = studies.load_study(name), study.results_path(name)
        cells = study.all_cells(module, _runs(path))
        lines.append(f"{name:<12} {len(cells):4} cells, {len(_done(path, cells)):4} done, {sum(map(module.steps, cells)):7,} steps  {module.WHAT}")
    return "\n".join(lines)


def list_cells(name: str, n_seeds: int | None, only: dict[str, Any], out: Path | None) -> str:
    """One line a cell: done or not, steps, settings."""
    module, path = studies.load_study(name), out or study.results_path(name)
    cells = study.chosen(name, n_seeds, only, _runs(path))
    done = _done(path, cells)
    return "\n".join(f"{'done' if study.key(c) in done else '-':<5} {module.steps(c):5} steps  {study.key(c)}" for c in cells)


def settings_of(only: list[str] | None) -> dict[str, Any]:
    """{"n_train": 64} from ["n_train=64"]; what is not JSON is text. Raises: InputError without "="."""
    found = {}
    for text in only or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--only {text}", wanted="KEY=VALUE, for example n_train=64")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _done(path: Path, cells: list[study.Cell]) -> set[str]:
    return {study.key(run["cell"]) for run in _runs(path)} & {study.key(cell) for cell in cells}


def _runs(path: Path) -> list[dict[str, Any]]:
    return study.load_results("", path).runs if path.exists() else []
