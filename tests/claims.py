"""Numbers stated in a chapter's text, each recomputed from the stored results of a study.

In the text a checked number is followed by an HTML comment with its name, which readers do not see:

    With 64 sentences accuracy is 71.3%<!--=size64-->.

tests/claims_NN.py of chapter NN says which study it reads, and how each name is computed, as the exact text:

    STUDY = "overfitting"
    CLAIMS = {"size64": lambda r: f"{r.interval('accuracy', part='size', n_train=64).mean:.1%}"}

For authors, after new runs: `python tests/claims.py 09` writes the numbers of chapter 09 anew (then read the sentences around them).
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARK = re.compile(r"<!--=(\w+)-->")
MARKED = re.compile(r"[*_]*<!--=")
NUMBER = re.compile(r"(?<![\w.])[+-]?\d+\.\d+%?(?![\w.]*\d)")


def claim_faults(texts: list[str], claims: dict[str, Callable[[Any], str]], results: Any, tagged: list[str] = ()) -> list[str]:
    """What is wrong with the claims of a chapter.

    Args:
        texts: its markdown cells.
        claims: name -> function of the results to the exact text that must stand before the mark.
        results: from `study.load_results`.
        tagged: those of the texts whose every decimal number must be a claim (cell tag "claims").
    Returns: list of faults in words; empty if every claim holds.
    """
    found, used = [], set()
    for text in texts:
        for mark in MARK.finditer(text):
            name, before = mark.group(1), text[: mark.start()]
            used.add(name)
            if name not in claims:
                found.append(f"the mark {name!r} is not in CLAIMS")
            elif not re.search(rf"(?<![\d.]){re.escape(says := claims[name](results))}$", before.rstrip("*_`")):
                found.append(f"{name}: the text says {before[-20:]!r}, the results say {says!r}")
    found += [f"the claim {name!r} stands nowhere in the text" for name in claims if name not in used]
    for text in tagged:
        bare = re.sub(r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)", "", text)  # code, formulas and links are no claims
        found += [f"no mark after {n.group(0)!r} in {bare[:40]!r}" for n in NUMBER.finditer(bare) if not MARKED.match(bare, n.end())]
    return found


def fill(text: str, claims: dict[str, Callable[[Any], str]], results: Any) -> str:
    """The text with the number before each mark computed anew."""
    return re.sub(r"[^\s*_`(\[<>]+(?=[*_`]*<!--=(\w+)-->)", lambda m: claims[m.group(1)](results), text)


def rewrite(chapter: str, path: Path) -> None:
    """Fill every markdown cell of a notebook."""
    from ftlab.study import load_results

    module, book = importlib.import_module(f"claims_{chapter}"), json.loads(path.read_text(encoding="utf-8"))
    results = load_results(module.STUDY)
    for cell in book["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = fill("".join(cell["source"]), module.CLAIMS, results).splitlines(keepends=True)
    path.write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    root = Path(__file__).parent.parent
    sys.path.insert(0, str(root))
    rewrite(sys.argv[1], next((root / "notebooks").glob(f"{sys.argv[1]}_*.ipynb")))
