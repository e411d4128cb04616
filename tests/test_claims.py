"""Claims in the text of chapters 09-11 match the stored numbers of their studies."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from claims import claim_faults, fill
from notebook_rules import tags, text

from ftlab.study import Results, load_results

TESTS = Path(__file__).parent
CHAPTERS = sorted(path.stem[-2:] for path in TESTS.glob("claims_[0-9][0-9].py"))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_claims_match_the_stored_numbers(chapter: str) -> None:
    found = sorted((TESTS.parent / "notebooks").glob(f"{chapter}_*.ipynb"))
    if not found:
        pytest.skip(f"chapter {chapter} has no notebook yet")
    module = importlib.import_module(f"claims_{chapter}")
    assert len(module.CLAIMS) >= 5, "too few claims are checked"
    prose = [c for c in json.loads(found[0].read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "markdown"]
    tagged = [text(c["source"]) for c in prose if "claims" in tags(c)]
    faults = claim_faults([text(c["source"]) for c in prose], module.CLAIMS, load_results(module.STUDY), tagged)
    assert not faults, f"{len(faults)} faults\n  " + "\n  ".join(faults)


def test_a_wrong_claim_is_found() -> None:
    results = Results("", [{"cell": {"seed": s}, "scores": {"a": s / 10}} for s in range(3)], [])
    claims = {"mean": lambda r: f"{r.interval('a').mean:.1%}", "n": lambda r: str(len(r.runs))}
    good = "Of 3<!--=n--> runs the mean is **10.0%**<!--=mean-->."
    assert claim_faults([good], claims, results) == []
    for wrong in (good.replace("10.0%", "10.1%"), good.replace("10.0%", "110.0%"), good.replace("<!--=n-->", ""), good.replace("=mean", "=man")):
        assert claim_faults([wrong], claims, results), wrong
    assert claim_faults([good], claims, results, tagged=[good + " And 0.5 more."]) == [f"no mark after '0.5' in {good[:40]!r}"]
    assert claim_faults([good], claims, results, tagged=[good + " `0.5` [x](1.5)"]) == []


def test_numbers_can_be_written_anew() -> None:
    results = Results("", [{"cell": {"seed": s}, "scores": {"a": s / 10}} for s in range(3)], [])
    claims = {"mean": lambda r: f"{r.interval('a').mean:.1%}", "gain": lambda r: "+0.5"}
    text = fill("Mean **0%**<!--=mean-->, up (-7<!--=gain-->) from 0.3.", claims, results)
    assert text == "Mean **10.0%**<!--=mean-->, up (+0.5<!--=gain-->) from 0.3." and claim_faults([text], claims, results) == []
