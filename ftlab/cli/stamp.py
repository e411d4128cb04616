"""Write the repository's address, kept in pyproject.toml alone, into every notebook: badges and the setup cell."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ftlab.errors import InputError

MARK = "<!-- badges: written by `ftlab notebooks stamp` -->"
ABSENT = '    raise ModuleNotFoundError("no ftlab here: in the project\'s folder run  python3 -m ftlab lab") from None'
SETUP = "try:\n    import ftlab as ft\nexcept ModuleNotFoundError:\n"


def repository(root: Path) -> str:
    """The address in pyproject.toml, without a slash at its end; empty if none is set.

    Raises:
        InputError: not an https address.
    """
    with (root / "pyproject.toml").open("rb") as file:
        address = tomllib.load(file).get("tool", {}).get("ftlab", {}).get("repository", "").strip().rstrip("/").removesuffix(".git")
    if address and not re.fullmatch(r"https://[\w.-]+(/[\w.-]+){2,}", address):
        raise InputError(f"repository is {address!r} in pyproject.toml", wanted="an address like https://github.com/OWNER/NAME, or nothing")
    return address


def badges(address: str, file_name: str) -> str:
    """The line of badges of one notebook; empty without an address, or away from GitHub (Colab and Kaggle read from there)."""
    if not address.startswith("https://github.com/"):
        return ""
    page = f"{address}/blob/main/notebooks/{file_name}"
    owner_name = address.removeprefix("https://github.com/")
    links = {
        "Open in Colab": ("https://colab.research.google.com/assets/colab-badge.svg", page.replace("https://github.com/", "https://colab.research.google.com/github/")),
        "Open in Kaggle": ("https://kaggle.com/static/images/open-in-kaggle.svg", f"https://kaggle.com/kernels/welcome?src={page}"),
        "Open in Binder": ("https://mybinder.org/badge_logo.svg", f"https://mybinder.org/v2/gh/{owner_name}/main?labpath={quote('notebooks/' + file_name, safe='')}"),
    }
    return " ".join(f"[![{name}]({picture})]({link})" for name, (picture, link) in links.items()) + " " + MARK


def setup_lines(address: str) -> str:
    """The start of the setup cell: import ftlab; where it is missing, install it alone, or say what to do."""
    if not address:
        return f"{SETUP}{ABSENT}\n"
    return f'{SETUP}    %pip install -q --no-deps "ftlab @ git+{address}"\n    import ftlab as ft\n'


def stamp(notebook: dict[str, Any], address: str, file_name: str) -> None:
    """Change one notebook (as read from JSON) in place."""
    for number, cell in enumerate(notebook["cells"]):
        source = "".join(cell["source"])
        if number == 0 and cell["cell_type"] == "markdown":
            title, *rest = [line for line in source.split("\n") if MARK not in line]
            row = badges(address, file_name)
            if row or MARK in source:
                while rest and not rest[0].strip():
                    del rest[0]
                rest = (["", row] if row else []) + ([""] if rest else []) + rest
            lines = [title, *rest]  # the row is a paragraph of its own under the title
            source = "\n".join(lines)
        if "setup" in cell.get("metadata", {}).get("tags", []):
            rest = re.sub(r"\Atry:\n    import ftlab as ft\nexcept ModuleNotFoundError:.*\n(?:    .*\n)*", "", source)
            rest = re.sub(r"\Aimport ftlab as ft\n", "", rest)
            source = setup_lines(address) + rest
        cell["source"] = source.splitlines(keepends=True)


def stamp_all(root: Path, write: bool = True) -> list[str]:
    """Stamp every notebook.

    Args:
        root: the clone.
        write: change the files.
    Returns:
        Names of the notebooks that changed (or would).
    """
    address, changed = repository(root), []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        before = json.loads(path.read_text(encoding="utf-8"))
        after = json.loads(json.dumps(before))
        stamp(after, address, path.name)
        joined = [["".join(cell["source"]) for cell in nb["cells"]] for nb in (before, after)]
        if joined[0] != joined[1]:
            changed.append(path.name)
            if write:
                part = path.with_suffix(".part")
                part.write_text(json.dumps(after, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
                os.replace(part, path)
    return changed
