"""Each notebook has the order, the measures and the clean, comparable outputs that chapters share (tests/notebook_rules.py)."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from notebook_rules import faults, text

ROOT = Path(__file__).parent.parent
FOUND = sorted((ROOT / "notebooks").glob("*.ipynb"))
AUDIT = ROOT.parent / "shared" / "tools" / "notebook_audit.py"


@pytest.mark.parametrize("path", FOUND or [pytest.param(None, marks=pytest.mark.skip("no notebooks yet"))], ids=lambda p: p.stem if p else "none")
def test_notebook(path: Path) -> None:
    found = faults(json.loads(path.read_text(encoding="utf-8")), path.stem)
    assert not found, f"{path.name}: {len(found)} faults\n  " + "\n  ".join(found)


@pytest.mark.parametrize("path", FOUND or [pytest.param(None, marks=pytest.mark.skip("no notebooks yet"))], ids=lambda p: p.stem if p else "none")
def test_links_between_notebooks(path: Path) -> None:
    import re

    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            for target in re.findall(r"\]\((?!https?:|#|mailto:|attachment:)([^)#\s]+)", text(cell["source"])):
                number = re.match(r"(\d\d)_\w+\.ipynb$", target)
                unwritten = number and not any(found.stem.startswith(number.group(1)) for found in FOUND)  # a chapter still to come
                assert unwritten or (path.parent / target).exists(), f"{path.name} links to {target}, which does not exist"


@pytest.mark.skipif(not AUDIT.exists(), reason="the audit is not beside this checkout")
@pytest.mark.parametrize("path", FOUND or [pytest.param(None, marks=pytest.mark.skip("no notebooks yet"))], ids=lambda p: p.stem if p else "none")
def test_the_audit_finds_nothing(path: Path) -> None:
    spec = importlib.util.spec_from_file_location("notebook_audit", AUDIT)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    assert module.audit(path)[1] == []


def sound() -> dict:
    """A made-up notebook without a fault."""
    cells: list[dict] = []

    def md(source: str) -> None:
        cells.append({"cell_type": "markdown", "source": source, "metadata": {}})

    def code(source: str, *tags: str, said: str = "3") -> None:
        n = sum(c["cell_type"] == "code" for c in cells) + 1
        out = [{"output_type": "execute_result", "data": {"text/plain": said}, "metadata": {}}]
        cells.append({"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}, "execution_count": n, "outputs": out})

    md("# 01 · A chapter\n\nTime: 2 minutes and 800 MiB on a 2-core CPU; 1 minute on a T4 (estimate); no network.\n\n**Does it work?**")
    md("You will be able to do things. You need chapter 00.")
    code('ft.recall("01")')
    code("import ftlab as ft", "setup")
    code("RATE = 0.15", "parameters")
    for i in range(1, 6):
        md(f"## {i}. Section\n\n" + "word " * 340)
        code("a = 1\na + 2")
        md("What could go wrong: much. ![a picture](picture.png)")
        code("b = 2\nb + 1")
    md("The ten worst cases.")
    code("accuracy", said="accuracy ≈0.862 · wanted at least 0.850 · ok")
    md("## Try changing\n\nThis.")
    md("## Exercises")
    for i in range(1, 6):
        md(f"Exercise 01.{i}")
        code(f'def f(x):\n    return ft.TODO\n\nft.check("01.{i}", f)', "exercise", said=f"01.{i} · not tried yet")
    md("## Quiz")
    code('ft.quiz("01")')
    for _ in range(6):
        md("Some words.")
        code("1 + 2")
    cells[-1]["outputs"] = [{"output_type": "display_data", "data": {"image/png": "aaaa", "text/plain": "[figure]"}, "metadata": {"image/png": {"alt": "A line."}}}]
    md("## Summary\n\n" + "- point\n" * 5)
    md("## References\n\nDevlin et al. 2019, sec. 3.1.\n\nNext: [02](02_next.ipynb)")
    return {"cells": cells}


def test_a_sound_notebook_has_no_fault() -> None:
    assert faults(sound(), "01_a_chapter") == []


def change(where: Callable[[dict], bool], **new: object) -> Callable[[dict], None]:
    def breaks(book: dict) -> None:
        cell = next(c for c in book["cells"] if where(c))
        cell.update(new)

    return breaks


def is_code(cell: dict) -> bool:
    return cell["cell_type"] == "code"


def has(words: str) -> Callable[[dict], bool]:
    return lambda cell: words in cell["source"]


def said(**data: object) -> list[dict]:
    return [{"output_type": "display_data", "metadata": {}, "data": data}]


BROKEN = {
    "not one run from the top": change(is_code, execution_count=None),
    "the first cell is not": change(has("# 01"), source="# Title\n\n2-core MiB T4 network ?"),
    "the line of cost does not say 'MiB'": change(has("MiB"), source="# 01 · A\n\n2-core T4 network?"),
    "no question": change(has("Does it work"), source="# 01 · A\n\n2-core MiB T4 network."),
    "'You need' is missing": change(has("You need"), source="You will be able to."),
    "0 cells are tagged 'setup'": change(has("import ftlab"), metadata={}),
    "0 cells are tagged 'parameters'": change(has("RATE"), metadata={}),
    "the setup cell has 6 lines": change(has("import ftlab"), source="a\nb\nc\nd\ne\nf"),
    "of code lines a cell is 41": change(has("1 + 2"), source="x = 1\n" * 41),
    "words of prose": change(has("word word"), source="## 1. Section\n\n" + "word " * 4000),
    "numbered sections": change(has("## 5."), source="## 5. A\n\n## 6. B\n\n## 7. C"),
    "skips a level": change(has("The ten worst"), source="#### The ten worst"),
    "no error analysis": change(has("The ten worst"), source="The cases."),
    'no heading "## Try changing"': change(has("## Try"), source="Try."),
    "the summary has 4 bullets": change(has("## Summary"), source="## Summary\n\n" + "- a\n" * 4),
    "name no section": change(has("## References"), source="## References\n\nDevlin. Next: 02."),
    "does not name the next chapter": change(has("## References"), source="## References\n\nDevlin sec. 3."),
    'ft.quiz("01") is missing': change(has("ft.quiz"), source="1"),
    'ft.recall("01") is missing': change(has("ft.recall"), source="1"),
    "without ft.TODO": change(has("01.3"), source="ft.check('01.3', f)", cell_type="code", metadata={"tags": ["exercise"]}, execution_count=16, outputs=[]),
    "shows a hint or a solution": change(has("RATE"), source='ft.solution("01.1")'),
    "nbval comment": change(has("RATE"), source="# NBVAL_IGNORE_OUTPUT\n1"),
    "a path of one machine": change(is_code, outputs=said(**{"text/plain": "/home/me/x"})),
    "installs something": change(has("1 + 2"), source="!pip install x"),
    "ends in an error": change(is_code, outputs=[{"output_type": "error", "ename": "ValueError"}]),
    "prints to stderr": change(is_code, outputs=[{"output_type": "stream", "name": "stderr", "text": "oh"}]),
    "noise in its output": change(is_code, outputs=[{"output_type": "stream", "name": "stdout", "text": "FutureWarning: x"}]),
    "a verdict that is not met": change(is_code, outputs=said(**{"text/plain": "x · NOT MET: below"})),
    "the starter is correct": change(has("return ft.TODO"), outputs=said(**{"text/plain": "01.1 · correct (5 of 5)"})),
    "clear_output changes": change(has("1 + 2"), source="clear_output()"),
    "a live widget is stored": change(is_code, outputs=said(**{"application/vnd.jupyter.widget-view+json": 1, "text/plain": "x"})),
    "without text/plain": change(is_code, outputs=said(**{"text/html": "x"})),
    "without a verdict": change(has("1 + 2"), outputs=said(**{"text/plain": "≈0.3"})),
    "pictures without alt text": change(has("![a picture]"), source="could go wrong ![](x.png)"),
    "hot-linked": change(has("![a picture]"), source="could go wrong ![x](https://example.org/x.png)"),
    "a figure without alt text": change(is_code, outputs=said(**{"image/png": "x", "text/plain": "x"})),
}


@pytest.mark.parametrize("words", BROKEN)
def test_every_kind_of_fault_is_found(words: str) -> None:
    book = copy.deepcopy(sound())
    BROKEN[words](book)
    assert any(words in f for f in faults(book, "01_a_chapter")), faults(book, "01_a_chapter")


def test_counts_are_checked() -> None:
    book = sound()
    for cell in [c for c in book["cells"] if is_code(c)][:4]:
        cell["metadata"].setdefault("tags", []).append("nbval-ignore-output")
    assert any("4 of" in f and "not compared" in f for f in faults(book, "01_a"))
    book = sound()
    book["cells"] = [c for c in book["cells"] if not (is_code(c) and "+" in c["source"])]
    found = faults(book, "01_a")
    assert any("code cells" in f for f in found) and any("text cells for each" in f for f in found)
    assert faults({"cells": []}, "01_a") == ["the notebook is empty"]
