"""Every exercise of every chapter: the starter never passes, the solution does, every listed mistake gets its own diagnosis,
and mistakes nobody listed are turned down without a crash. The same battery runs on tests/sample_chapter.py."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import sample_chapter

from ftlab.errors import AssetError
from ftlab.teach import TODO, check, content
from ftlab.teach.checking import solution_code
from ftlab.teach.comparing import flat, is_array, same
from ftlab.teach.running import fresh, run_case

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def all_chapters() -> dict[str, Any]:
    return {"90": sample_chapter, **{name: content.chapter(name) for name in content.chapters() if name != "90"}}


CHAPTERS = all_chapters()
EXERCISES = [pytest.param(e, id=e.id) for c in CHAPTERS.values() for e in c.EXERCISES]


@pytest.fixture(autouse=True)
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(content._EXTRA, "90", sample_chapter)


def cases(exercise: content.Exercise) -> tuple[content.Case, ...]:
    try:
        return exercise.tries()
    except AssetError as error:
        pytest.skip(str(error))


def wrong_answers(exercise: content.Exercise) -> dict[str, Any]:
    """Answers that nobody listed, each made from the right one so that it is surely wrong (or left out where it is not)."""
    right = [run_case(exercise, exercise.solution, c).value for c in cases(exercise)]

    def changed(change: Any) -> Any:
        values = [change(v) for v in right]
        if all(same(v, w, c.tolerance) for v, w, c in zip(values, right, cases(exercise))):
            return None
        return values

    def zero(v: Any) -> Any:
        return v * 0 if is_array(v) else 0 if isinstance(v, (int, float)) else type(v)() if isinstance(v, (str, list, tuple, dict)) else None

    def numeric(v: Any) -> bool:
        return (is_array(v) or isinstance(v, (int, float))) and not isinstance(v, bool) and flat(v) is not None and "bool" not in str(getattr(v, "dtype", ""))

    kinds = {"nothing": lambda v: None, "zeros": zero, "a text": lambda v: "forty-two", "itself in a list": lambda v: [v, v]}
    if all(numeric(v) for v in right):
        kinds |= {"wrong sign": lambda v: -v, "off by one": lambda v: v + 1, "nan": lambda v: v * float("nan")}
    if len(right) > 1:
        kinds["always the first answer"] = lambda v: right[0]
    if any(c.judge for c in cases(exercise)):  # a judge says what is right: only what can never be
        kinds = {k: f for k, f in kinds.items() if k in ("nothing", "a text")}
    return {name: values for name, change in kinds.items() if (values := changed(change)) is not None}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_starter_does_not_pass(exercise: content.Exercise) -> None:
    for starter in (TODO, lambda *a, **k: TODO, lambda *a, **k: TODO + 1, lambda *a, **k: (TODO, 1)):
        if callable(starter) and starter is not TODO and (exercise.asks == "value" or exercise.call):
            continue
        verdict = check(exercise.id, starter)
        assert not verdict.passed and "not tried yet" in verdict.text and "correct" not in verdict.text


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_solution_passes_as_it_is_shown(exercise: content.Exercise) -> None:
    cases(exercise)
    answer = exercise.solution() if exercise.asks == "value" else exercise.solution
    verdict = check(exercise.id, answer)
    assert verdict.passed, verdict.text
    scope: dict[str, Any] = {"__name__": "shown"}
    exec(solution_code(exercise), scope)  # what the learner is shown must run by itself
    name = re.match(r"\w+(?=\()", exercise.signature)
    shown = scope[name.group(0) if name and name.group(0) in scope else exercise.solution.__name__]
    verdict = check(exercise.id, shown() if exercise.asks == "value" else shown)
    assert verdict.passed, f"the solution needs something outside itself: {verdict.text}"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_listed_mistake_gets_its_own_diagnosis(exercise: content.Exercise) -> None:
    cases(exercise)
    assert len({m.name for m in exercise.mistakes}) == len({m.diagnosis for m in exercise.mistakes}) == len(exercise.mistakes)
    for mistake in exercise.mistakes:
        verdict = check(exercise.id, mistake.wrong)
        assert not verdict.passed, f"the mistake {mistake.name!r} passes: add a case that tells it apart"
        assert verdict.diagnosis == mistake.diagnosis, f"the mistake {mistake.name!r} is taken for another: add a case that tells them apart"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_mistakes_nobody_listed_are_turned_down(exercise: content.Exercise) -> None:
    def fails(*args: Any, **kwargs: Any) -> None:
        raise ValueError("a slip")

    for name, values in wrong_answers(exercise).items():
        if exercise.asks == "value":
            answer: Any = values[0]
        else:
            queue = iter(values)
            answer = (lambda queue: lambda *a, **k: next(queue))(queue)
            if exercise.call:
                continue
        verdict = check(exercise.id, answer)
        assert not verdict.passed and "not yet" in verdict.text, f"{name} is accepted"
        assert len(verdict.text) < 2000 and "Traceback" not in verdict.text
    others: list[Any] = [None, fails, lambda: None, object(), int, "correct"]
    if exercise.asks == "function" and not exercise.call and not any(run_is_identity(exercise)):
        others.append(lambda *a: a[0] if a else None)
    for answer in others:
        assert not check(exercise.id, answer).passed


def run_is_identity(exercise: content.Exercise) -> list[bool]:
    found = [c.args and c.judge is None and same(c.args[0], c.wanted) for c in cases(exercise)]
    return [all(found)]


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_content_is_complete(exercise: content.Exercise) -> None:
    raw = exercise.cases() if callable(exercise.cases) else exercise.cases
    assert any(c.wanted is not content.FROM_SOLUTION or c.judge for c in raw), "no wanted value worked out by hand"
    assert exercise.asks == "value" or exercise.mistakes or exercise.level == 3, "no known mistake"
    assert exercise.title and exercise.reasoning and len(set(exercise.hints)) == 3


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_is_complete(name: str) -> None:
    c = CHAPTERS[name]
    assert [e.id for e in c.EXERCISES] == [f"{name}.{i}" for i in range(1, len(c.EXERCISES) + 1)]
    assert 4 <= len(c.EXERCISES) <= 8, "4 to 8 exercises"
    assert {e.level for e in c.EXERCISES} == {1, 2, 3}, "three levels"
    assert len(c.QUIZ) == 5, "5 quiz questions"
    assert name == "90" or len({[x.right for x in q.choices].index(True) for q in c.QUIZ}) > 1, "the right choice always has the same letter"
    said_twice = [x.why for q in c.QUIZ for x in q.choices if re.match(r"(Right|Yes|No)[:,.] ", x.why)]
    assert not said_twice, f"the quiz itself says whether a choice is right: {said_twice}"
    assert len(c.RECALL) == (0 if name == "00" else 3), "3 recall questions (none in chapter 00)"
    assert all(r.chapter < name for r in c.RECALL), "recall questions come from earlier chapters"


@pytest.mark.parametrize("name", [n for n in CHAPTERS if n != "90"])
def test_the_notebook_has_the_exercises(name: str) -> None:
    found = sorted(NOTEBOOKS.glob(f"{name}_*.ipynb"))
    if not found:
        pytest.skip(f"chapter {name} has no notebook yet")
    cells = [c for c in json.loads(found[0].read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    assert exercise_ids(cells) == [e.id for e in CHAPTERS[name].EXERCISES], "exercise cells (tag exercise, then ft.check) and ftlab/teach do not list the same"


def exercise_ids(cells: list[dict]) -> list[str]:
    """The exercise that each cell tagged "exercise" leads to: its own ft.check, or the next code cell's."""
    ids = []
    for cell, after in zip(cells, [*cells[1:], {"source": ""}]):
        if "exercise" in cell.get("metadata", {}).get("tags", []):
            source = "".join(cell["source"])
            call = re.search(r"\bcheck\(\s*[\"']([\d.]+)", source) or re.search(r"\bcheck\(\s*[\"']([\d.]+)", "".join(after["source"]))
            ids.append(call.group(1) if call and "TODO" in source else f"none in {source[:40]!r}")
    return ids


@pytest.mark.parametrize("exercise", [p for p in EXERCISES if p.values[0].differentiable])
def test_an_answer_cut_off_from_its_first_input_does_not_pass(exercise: content.Exercise) -> None:
    found = check(exercise.id, lambda first, *rest: exercise.solution(fresh(first), *rest))  # copied without gradient
    assert not found and "gradient" in found.diagnosis


@pytest.mark.parametrize("order", [lambda w: w[::-1], lambda w: w[1::2] + w[::2], lambda w: w[1::2][::-1] + w[::2][::-1]])
def test_08_7_passes_any_text_with_the_property(order: Any) -> None:
    assert check("08.7", lambda reference: "  ".join(order(reference.split())) + " ")


@pytest.mark.parametrize(("answer", "said"), [
    (lambda text: " ".join([*text.split()[1::2], *text.split()[2::2]]), "missing"),
    (lambda text: " ".join([*text.split()[::-1], text.split()[-1]]), "use each once"),
    (lambda text: " ".join(text.split()[::-1]).upper(), "not one of the reference's"),
    (lambda text: " ".join(text.split()[2:] + text.split()[:2][::-1]), "is still there"),
    (lambda text: text.split(), "join the words"),
    (lambda text: None, "return"),
])
def test_08_7_says_what_a_text_lacks(answer: Any, said: str) -> None:
    verdict = check("08.7", answer)
    assert not verdict.passed and said in verdict.diagnosis, verdict.text


def test_08_4_takes_floats_either_way_round() -> None:
    import torch

    assert check("08.4", lambda n_in, n_out, rank: (torch.zeros(rank, n_in), torch.randn(n_out, rank)))
    verdict = check("08.4", lambda n_in, n_out, rank: (torch.randn(rank, n_in), torch.zeros(n_out, rank, dtype=torch.long)))
    assert not verdict.passed and "floats" in verdict.diagnosis


def beam_08(keep: Any = lambda grown, n: grown[: 2 * n], finished: Any = lambda rank, n: rank < n, stop: bool = True,
            score: Any = lambda total, ids, end, penalty: total / len(ids) ** penalty) -> Any:
    """Beam search for 08.8, written otherwise than there, so that a mistake is told however it is written."""
    import math

    def search(table, start, end, n_beams, max_new, length_penalty):  # type: ignore[no-untyped-def]
        beams, out = [(0.0, [])], []
        while beams and not (stop and len(out) >= n_beams):
            grown = [(s + math.log(p), [*ids, t]) for s, ids in beams for t, p in enumerate(table[ids[-1] if ids else start]) if p]
            grown = keep(sorted(grown, reverse=True), n_beams)
            closed = [ids[-1] == end or len(ids) == max_new for _, ids in grown]
            out += [(score(s, ids, end, length_penalty), ids) for rank, ((s, ids), c) in enumerate(zip(grown, closed)) if c and finished(rank, n_beams)]
            beams = [beam for beam, c in zip(grown, closed) if not c][:n_beams]
        return max(out)[1]

    return search


def greedy_08(table: Any, start: int, end: int, n_beams: int, max_new: int, length_penalty: float) -> list[int]:
    ids = [start]
    while len(ids) <= max_new and (len(ids) == 1 or ids[-1] != end):
        ids.append(max(range(len(table)), key=lambda t: table[ids[-1]][t]))
    return ids[1:]


@pytest.mark.parametrize(("answer", "said"), [
    (beam_08(), ""),
    (greedy_08, "only one path is kept"),
    (beam_08(stop=False), "you went on after n_beams"),
    (beam_08(keep=lambda grown, n: grown[:n], stop=False), "first mend the stop"),
    (beam_08(keep=lambda grown, n: grown[:n]), "took the place"),
    (beam_08(finished=lambda rank, n: True), "only among the best n_beams"),
    (beam_08(keep=lambda grown, n: grown, finished=lambda rank, n: True), "only among the best n_beams"),
    (beam_08(score=lambda s, ids, end, penalty: s / len(ids)), "whatever length_penalty says"),
    (beam_08(score=lambda s, ids, end, penalty: s / (len([i for i in ids if i != end]) or 1) ** penalty), "the end token is one of the new tokens"),
    (beam_08(score=lambda s, ids, end, penalty: s / len([i for i in ids if i != end]) ** penalty), "the end token counts, too"),
    (beam_08(score=lambda s, ids, end, penalty: s / (len(ids) + 1) ** penalty), "start token too"),
])
def test_08_8_tells_a_mistake_however_it_is_written(answer: Any, said: str) -> None:
    verdict = check("08.8", answer)
    assert verdict.passed is not bool(said) and said in verdict.diagnosis, verdict.text


@pytest.mark.parametrize(("answer", "said"), [
    (lambda a, b: 2 * sum(w in a.split() for w in b.split()) / (len(a.split()) + len(b.split())), "repeated in the reference"),
    (lambda a, b: (lambda p, r: 2 * p * r / p + r if p else 0.0)(*shares_08(a, b)), "brackets"),
    (lambda a, b: (lambda p, r: 2 * p * r / p + r)(*shares_08(a, b)), "brackets"),
    (lambda a, b: (lambda p, r: 2 * p * r / (p + r))(*shares_08(a, b)), "give 0 there"),
    (lambda a, b: (lambda p, r: 2 * p * r / (p + r) if p else 0)(*shares_08(a, b)), ""),
])
def test_08_6_tells_a_mistake_however_it_is_written(answer: Any, said: str) -> None:
    verdict = check("08.6", answer)
    assert verdict.passed is not bool(said) and said in verdict.diagnosis, verdict.text


def shares_08(a: str, b: str) -> tuple[float, float]:
    shared = sum(min(a.split().count(w), b.split().count(w)) for w in set(a.split()))
    return shared / len(a.split()), shared / len(b.split())
