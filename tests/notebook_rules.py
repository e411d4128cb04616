"""What a chapter's notebook must be like, as a list of faults in words. Standard library only."""

from __future__ import annotations

import re
import statistics
from typing import Any

CODE_CELLS, WORDS, TEXT_PER_CODE, EXERCISES, SECTIONS = (25, 45), (1500, 3500), (0.8, 1.6), (4, 8), (4, 6)
LINES = {"median": 6, "p90": 20, "max": 40}
IGNORED = 0.10
NOISE = re.compile(r"\w*Warning\b|LOAD REPORT|newly initialized|Traceback \(most recent|it/s\]|\r\S|You should probably TRAIN|huggingface/tokenizers")
MACHINE = re.compile(r"(/home/|/root/|/work/|/tmp/|/Users/|[A-Z]:\\\\|site-packages|/usr/lib|dist-packages)")
ALIVE = re.compile(r"\b(clear_output|update_display|display_id|tqdm|plt\.show)\b")
BADGES = r"(?!colab|www\.kaggle|kaggle|mybinder|.*badge|img\.shields)"
FIRST = "00"  # the start page: nothing to recall yet, no experiment with an error analysis


def text(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else source or ""


def tags(cell: dict) -> set[str]:
    return set(cell.get("metadata", {}).get("tags", []))


def outputs(cell: dict) -> str:
    return "".join(text(o.get("text")) + text(o.get("data", {}).get("text/plain")) + "\n" for o in cell.get("outputs", []))


def code_lines(cell: dict) -> int:
    return sum(1 for line in text(cell["source"]).splitlines() if line.strip() and not line.strip().startswith("#"))


def within(what: str, n: float, low_high: tuple[float, float], unit: str = "") -> list[str]:
    low, high = low_high
    return [] if low <= n <= high else [f"{what}: {n:.2f}".rstrip("0").rstrip(".") + f"{unit} (wanted {low} to {high})"]


def faults(book: dict, name: str) -> list[str]:
    """Every fault of one notebook; an empty list if there is none. `name` is the file's stem, such as "01_mlm_loss"."""
    cells = [c for c in book["cells"] if text(c["source"]).strip()]
    code = [c for c in cells if c["cell_type"] == "code"]
    prose = [c for c in cells if c["cell_type"] == "markdown"]
    chapter = name[:2]
    if not code or not prose:
        return ["the notebook is empty"]
    return measures(code, prose) + order(cells, code, prose, chapter) + stored(code) + pictures(cells) + stable(code)


def measures(code: list[dict], prose: list[dict]) -> list[str]:
    lines = [code_lines(c) for c in code]
    words = sum(len(re.findall(r"\w+", text(c["source"]))) for c in prose)
    p90 = sorted(lines)[int(0.9 * (len(lines) - 1))]
    found = within("code cells", len(code), CODE_CELLS) + within("words of prose", words, WORDS)
    found += within("text cells for each code cell", len(prose) / len(code), TEXT_PER_CODE)
    for what, n in (("median", statistics.median(lines)), ("p90", p90), ("max", max(lines))):
        if n > LINES[what]:
            found.append(f"{what} of code lines a cell is {n} (at most {LINES[what]})")
    return found


def order(cells: list[dict], code: list[dict], prose: list[dict], chapter: str) -> list[str]:
    found = []
    everything = "\n\n".join(text(c["source"]) for c in prose)
    opening = "\n".join(text(c["source"]) for c in prose[:3])
    headings = re.findall(r"^(#{1,6}) +(.+?)\s*$", re.sub(r"```.*?```", "", everything, flags=re.S), flags=re.M)
    if cells[0]["cell_type"] != "markdown" or not re.match(rf"# {chapter} · \S", text(cells[0]["source"])):
        found.append(f'the first cell is not "# {chapter} · Title"')
    for word in ("2-core", "MiB", "T4", "network"):
        if word not in opening:
            found.append(f"the line of cost does not say {word!r}")
    if "?" not in opening:
        found.append("no question in the first three text cells")
    for phrase in ("You will be able to", "You need"):
        if phrase.lower() not in everything.lower():
            found.append(f"{phrase!r} is missing")
    for tag, most in (("setup", 5), ("parameters", LINES["max"])):
        tagged = [c for c in code if tag in tags(c)]
        if len(tagged) != 1:
            found.append(f"{len(tagged)} cells are tagged {tag!r} (wanted one)")
        elif code_lines(tagged[0]) > most:
            found.append(f"the {tag} cell has {code_lines(tagged[0])} lines (at most {most})")
    numbered = [h for level, h in headings if level == "##" and re.match(r"\d+[.\s]", h)]
    if chapter != FIRST:
        found += within("numbered sections (## 1. …)", len(numbered), SECTIONS)
        going_wrong = len(re.findall(r"could go wrong", everything, flags=re.I))
        if going_wrong < 3:
            found.append(f'"what could go wrong" is said {going_wrong} times (at least 3)')
        if not re.search(r"\bworst\b", everything, flags=re.I):
            found.append("no error analysis (the ten worst cases)")
    top = [h.lower() for level, h in headings if level == "##"]
    wanted = ["try changing", "exercises", "quiz", "summary", "references"]
    places = [next((i for i, h in enumerate(top) if w in h), -1) for w in wanted]
    found += [f'no heading "## {w.capitalize()}"' for w, p in zip(wanted, places) if p < 0]
    if -1 not in places and places != sorted(places):
        found.append(f"the last headings are not in the order {', '.join(wanted)}")
    levels = [len(level) for level, _ in headings]
    if levels.count(1) != 1:
        found.append(f"{levels.count(1)} headings of the first level (wanted one)")
    found += [f"the heading {h!r} skips a level" for (a, _), (b, h) in zip(headings, headings[1:]) if len(b) > len(a) + 1]
    bullets = len(re.findall(r"^[-*] ", part(everything, "summary"), flags=re.M))
    if bullets != 5:
        found.append(f"the summary has {bullets} bullets (wanted 5)")
    if not re.search(r"\bsec\.|\bsection\b|§", part(everything, "references"), flags=re.I):
        found.append("the references name no section (sec. or §)")
    if chapter < "16" and not re.search(r"\bnext\b", text(prose[-1]["source"]), flags=re.I):
        found.append("the last text cell does not name the next chapter")
    source = "\n".join(text(c["source"]) for c in code)
    for call in ["quiz"] + ["recall"] * (chapter != FIRST):
        if not re.search(rf"\b{call}\(\s*[\"']{chapter}[\"']\s*\)", source):
            found.append(f'ft.{call}("{chapter}") is missing')
    exercises = [c for c in code if "exercise" in tags(c)]
    found += within("exercises", len(exercises), EXERCISES)
    for c in exercises:
        if "TODO" not in text(c["source"]):
            found.append(f"an exercise cell without ft.TODO: {text(c['source'])[:50]!r}")
    if re.search(r"^\s*(ft\.)?(hint|solution)\(", source, flags=re.M):
        found.append("a cell shows a hint or a solution to everybody")
    return found


def part(everything: str, heading: str) -> str:
    match = re.search(rf"^## [^\n]*{heading}[^\n]*\n(.*?)(?=^## |\Z)", everything, flags=re.M | re.S | re.I)
    return match.group(1) if match else ""


def stored(code: list[dict]) -> list[str]:
    """Faults of the stored outputs, and of what keeps them from being compared."""
    found = []
    for n, c in enumerate(code, 1):
        source, said = text(c["source"]), outputs(c)
        at = f"code cell {n} ({source.splitlines()[0][:40]}): "
        if c.get("execution_count") != n:
            found.append(at + f"execution_count {c.get('execution_count')}, wanted {n}: not one run from the top")
        if tags(c) & {"nbval-skip"} or "NBVAL_" in source:
            found.append(at + "skipped by nbval, or an nbval comment in the learner's code")
        if MACHINE.search(source) or MACHINE.search(said):
            found.append(at + "a path of one machine")
        if re.search(r"^\s*[!%]\s*(pip|conda)\b", source, re.M) and "setup" not in tags(c):
            found.append(at + "installs something outside the setup cell")
        raises = tags(c) & {"raises-exception", "nbval-raises-exception"}
        for o in c.get("outputs", []):
            if o["output_type"] == "error" and not raises:
                found.append(at + f"ends in an error: {o.get('ename')}")
            if o.get("name") == "stderr" and text(o.get("text")).strip():
                found.append(at + "prints to stderr")
        noise = NOISE.search(said)
        if noise:
            found.append(at + f"noise in its output: {noise.group(0)!r}")
        if "NOT MET" in said or "NOT the same" in said:
            found.append(at + "a verdict that is not met")
        if "exercise" in tags(c) and re.search(r"· correct", said):
            found.append(at + "the starter is correct already")
    ignored = sum("nbval-ignore-output" in tags(c) for c in code)
    if ignored / len(code) > IGNORED:
        found.append(f"{ignored} of {len(code)} outputs are not compared (at most {IGNORED:.0%})")
    return found


def stable(code: list[dict]) -> list[str]:
    """Outputs that cannot be compared, or were not stored quietly; varying numbers without a verdict."""
    found = []
    for n, c in enumerate(code, 1):
        at = f"code cell {n} ({text(c['source']).splitlines()[0][:40]}): "
        if ALIVE.search(text(c["source"])):
            found.append(at + f"{ALIVE.search(text(c['source'])).group(0)} changes an output after it is made, which nbval does not follow")  # type: ignore[union-attr]
        for o in c.get("outputs", []):
            kinds = set(o.get("data", {}))
            if any("widget" in k for k in kinds):
                found.append(at + "a live widget is stored: run with FTLAB_QUIET=1")
            elif kinds and "text/plain" not in kinds:
                found.append(at + f"{', '.join(sorted(kinds))} without text/plain: nothing is compared")
        if "≈" in outputs(c) and "[widget]" not in outputs(c) and not any("· wanted " in outputs(d) for d in code[n - 1: n + 2]):
            found.append(at + "a varying number (≈) without a verdict (ft.expect) in it or in the next two code cells")
    return found


def pictures(cells: list[dict]) -> list[str]:
    found = []
    for c in cells:
        source = text(c["source"])
        if c["cell_type"] == "markdown":
            plain = re.sub(r"```.*?```|`[^`]*`", "", source, flags=re.S)
            blank = len(re.findall(r"!\[\s*\]\(", plain)) + sum("alt=" not in t for t in re.findall(r"<img[^>]*>", plain))
            if blank:
                found.append(f"{blank} pictures without alt text in {source[:40]!r}")
            if re.search(rf"!\[[^\]]*\]\(https?://{BADGES}", plain) or re.search(rf"<img[^>]*src=.https?://{BADGES}", plain):
                found.append(f"a hot-linked picture in {source[:40]!r}")
        for o in c.get("outputs", []):
            if "image/png" in o.get("data", {}) and not o.get("metadata", {}).get("image/png", {}).get("alt"):
                found.append(f"a figure without alt text under {source[:40]!r}: show it with ft.plots.figure")
    return found
