"""The teaching tools themselves: what they say about right, wrong and strange answers, and that they say the same every time."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
import sample_chapter
import torch

import ftlab.teach as ft
from ftlab import display
from ftlab.errors import InputError
from ftlab.teach import content
from ftlab.teach.comparing import brief, same
from ftlab.teach.content import Case, Exercise

HINTS = ("a", "b", "c")


@pytest.fixture(autouse=True)
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(content._EXTRA, "90", sample_chapter)


def said(monkeypatch: pytest.MonkeyPatch, solution, cases, answer, **more) -> str:
    """What check says of an answer to an exercise made on the spot."""
    made = Exercise(id="91.1", title="t", level=1, signature="my_fn(x, y)", solution=solution, cases=cases, hints=HINTS, reasoning="r", **more)
    monkeypatch.setitem(content._EXTRA, "91", types.SimpleNamespace(EXERCISES=(made,)))
    return ft.check("91.1", answer).text


X = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
CASES = (Case((X,)), Case((X[:1] * 3,), name="one row"), Case((X.repeat(2, 1) + 1,), name="four rows"))


def rows(x):
    return x.mean(dim=1)


@pytest.mark.parametrize(("answer", "words"), [
    (lambda x: None, "`return` line"),
    (lambda x: x, "its input unchanged"),
    (lambda x: x.mean(dim=1).tolist(), "wrong type: it gave a list, wanted a tensor of shape (2,)"),
    (lambda x: x.mean(dim=1).numpy(), "wrong type: it gave a numpy array"),
    (lambda x: x.mean(dim=1, keepdim=True), "wrong shape: it gave (2, 1), wanted (2,); the numbers are right"),
    (lambda x: x.mean(dim=1).long(), "wrong dtype: it gave int64, wanted float32"),
    (lambda x: x.sum(dim=1), "3 is the size of axis 1 of input 1: a sum where a mean is wanted"),
    (lambda x: 0.7 * x.mean(dim=1), "0.7 times the wanted one"),
    (lambda x: x.mean(dim=1) + 0.25, "0.25 too large every time"),
    (lambda x: x.mean(dim=1) - 1, "1 too small every time: a constant is missing or too many (counted from 0"),
    (lambda x: -x.mean(dim=1), "but for the sign"),
    (lambda x: x.mean(dim=1).exp(), "e to the power"),
    (lambda x: x.mean(dim=1).log(), "the logarithm"),
    (lambda x: 100 * x.mean(dim=1), "100 times too large"),
    (lambda x: x.mean(dim=1) * float("nan"), "2 of 2 numbers are nan"),
    (lambda x: x.mean(dim=1) * 0, "0 every time"),
    (lambda x: x.add_(1).sub(1).mean(dim=1), "changed its input number 1 in place"),
    (lambda x: X.mean(dim=1) if len(x) == 2 else x.amax(dim=1), "right on the first input only"),
    (lambda x: x[9].mean(), "IndexError"),
    (lambda x: x.meen(dim=1), "AttributeError"),
    (lambda x: undefined_name, "a typing slip"),  # noqa: F821
    (lambda: 1, "the arguments wanted are my_fn(x, y)"),
    (lambda x: rows, "are the brackets () missing"),
    (lambda x: x @ x, "print the shapes"),
    (lambda x: x.mean(dim=1).flip(0) if len(x) == 2 else x.mean(dim=1), "another order: reversed"),
    (3.0, "wanted a function"),
    (rows(X), "without calling it"),
])
def test_diagnoses_nobody_listed(monkeypatch: pytest.MonkeyPatch, answer, words: str) -> None:
    text = said(monkeypatch, rows, CASES, answer)
    assert words in text and "correct" not in text and " at 0x" not in text and "Traceback" not in text
    assert text == said(monkeypatch, rows, CASES, answer), "the same answer must be told the same thing"


def test_more_diagnoses(monkeypatch: pytest.MonkeyPatch) -> None:
    square = (Case((torch.tensor([[1.0, 2.0], [3.0, 4.0]]),)),)
    assert "swapped" in said(monkeypatch, lambda x: 2 * x, square, lambda x: 2 * x.T)
    wide = (Case((X,)),)
    assert "rows and columns are swapped" in said(monkeypatch, lambda x: 2 * x, wide, lambda x: 2 * x.T)
    mean = (Case((X,), float(X.mean())), Case((X + 1,), float(X.mean()) + 1))
    assert "their mean is the wanted one" in said(monkeypatch, lambda x: x.mean(), mean, lambda x: x.mean(1))
    assert "no gradient flows" in said(monkeypatch, lambda x: x.mean(), mean, lambda x: x.detach().mean(), differentiable=True)
    assert "correct (2 of 2)" in said(monkeypatch, lambda x: x.mean(), mean, lambda x: x.mean().item())
    assert "same answer for every input" in said(monkeypatch, lambda x: x.mean(), mean, lambda x: torch.tensor(3.0))
    words = (Case(("a b",), ["a", "b"]), Case(("c",), ["c"]))
    assert "wrong length: it gave 1 items, wanted 2" in said(monkeypatch, str.split, words, lambda t: [t])
    assert "1 of 2 items differ" in said(monkeypatch, str.split, words, lambda t: ["a", "x"])
    assert "wrong type: it gave text" in said(monkeypatch, str.split, words, lambda t: t.upper())
    table = (Case((1,), {"a": 1}),)
    assert "other keys" in said(monkeypatch, lambda x: {"a": 1}, table, lambda x: {"b": 1})
    log2 = (Case((0.5,), 0.6931472), Case((0.25,), 1.3862944))
    import math
    assert "bits" in said(monkeypatch, lambda p: -math.log(p), log2, lambda p: -math.log2(p))


def test_values(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ft.check("90.3", 11_917_824).passed and ft.check("90.3", 11_917_824.0).passed and ft.check("90.3", torch.tensor(11_917_824)).passed
    assert "too small" in ft.check("90.3", 5).text and "11,917" not in ft.check("90.3", 5).text and "11917824" not in ft.check("90.3", 5).text
    letter = (Case(wanted="b"),)
    assert "correct" in said(monkeypatch, lambda: "b", letter, "B ", asks="value")
    assert "not yet" in said(monkeypatch, lambda: "b", letter, "c", asks="value")


def test_half_written_answers_are_not_tried_yet() -> None:
    assert "not tried yet" in ft.check("90.1", lambda v, m: (v * m).sum() / ft.TODO).text
    assert "not tried yet" in ft.check("90.1", lambda v, m: torch.exp(ft.TODO)).text
    assert "not tried yet" in ft.check("90.3", ft.TODO * 3 + 1).text
    assert "not tried yet" in ft.check("90.1").text
    assert "ft.TODO" in repr(ft.TODO)


def test_inputs_are_fresh_for_every_call() -> None:
    def spoils(values, attention_mask):
        values.zero_()
        return values.sum()

    assert not ft.check("90.1", spoils).passed
    assert ft.check("90.1", sample_chapter.masked_mean).passed, "the first answer must not have spoilt the cases"


def test_an_exception_names_the_learners_line() -> None:
    def mine(values, attention_mask):
        total = values.sum()
        return total / values[99]

    text = ft.check("90.1", mine).text
    assert "line 3: `return total / values[99]`" in text and "/" not in text.split("diagnosis")[1].replace("total / values", "")


def test_unknown_names_say_the_nearest() -> None:
    for call in (lambda: ft.check("90.11", len), lambda: ft.hint("9.2"), lambda: ft.solution("90,2"), lambda: ft.quiz("89"), lambda: ft.recall("xx")):
        with pytest.raises(InputError) as caught:
            call()
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match='use "90.2"'):
        ft.hint("90.22")


def test_hints_go_one_further(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    from ftlab.teach import checking

    monkeypatch.setattr(checking, "_given", {})
    for want in ("hint 1 of 3 · How", "hint 2 of 3 · Divide", "hint 3 of 3", "hint 3 of 3"):
        ft.hint("90.1")
        assert want in capsys.readouterr().out
    ft.hint("90.1", 2)
    assert "hint 2 of 3" in capsys.readouterr().out
    with pytest.raises(InputError):
        ft.hint("90.1", 4)


def test_solution_shows_runnable_code(capsys: pytest.CaptureFixture) -> None:
    ft.solution("90.1")
    out = capsys.readouterr().out
    assert "import torch" in out and "def my_mean(" in out and "Why: Padding" in out


def test_quiz_and_recall(capsys: pytest.CaptureFixture) -> None:
    assert ft.quiz("90") is None
    out = capsys.readouterr().out
    assert out.count("b) the chosen positions") == 5 and "Yes" not in out, "answers must not be given away"
    assert ft.quiz("90", 2, "B").passed and not ft.quiz("90", 2, "a").passed
    for bad in ((0, "a"), (6, "a"), (1, "d"), (1, ""), ("x", "a")):
        with pytest.raises(InputError):
            ft.quiz("90", *bad)
    ft.recall("90")
    out = capsys.readouterr().out
    assert "perplexity" in out and "exp of the loss" not in out.split("Answer with")[0].split("\n")[-2]
    ft.recall("90", 2)
    assert "exp of the loss" in capsys.readouterr().out


def test_content_refuses_what_is_incomplete() -> None:
    with pytest.raises(InputError):
        ft.Question("?", (ft.Choice("a", "w", True), ft.Choice("b", "w", True)))
    with pytest.raises(InputError):
        ft.Question("?", (ft.Choice("a", "w", True), ft.Choice("b", "")))
    for wrong in ({"level": 4}, {"hints": ("a", "b", "")}, {"asks": "poem"}, {"solution": 3}):
        with pytest.raises(InputError):
            Exercise(**{"id": "1", "title": "t", "level": 1, "signature": "f(x)", "solution": len, "cases": (), "hints": HINTS, "reasoning": "r"} | wrong)


def test_expect(capsys: pytest.CaptureFixture) -> None:
    assert ft.expect("accuracy", 0.8617, at_least=0.85).text == "accuracy ≈0.862 · wanted at least 0.850 · ok"
    assert ft.expect("time", torch.tensor(3.2), at_most=10, fmt=".0f", unit="s").text == "time ≈3 s · wanted at most 10 s · ok"
    assert not ft.expect("x", 2.0, between=(0, 1)) and ft.expect("x", 1.0, between=(0, 1))
    assert "above" in ft.expect("x", 2.0, between=(0, 1)).text and "below" in ft.expect("x", 0.1, at_least=1).text
    assert "NOT MET: it is not a number" in ft.expect("x", float("nan"), at_least=0).text
    interval = types.SimpleNamespace(mean=0.86, low=0.85, high=0.87, n=3)
    assert "≈0.860 (≈0.850 to ≈0.870), n = 3 · wanted" in ft.expect("accuracy", interval, at_least=0.85).text
    for bad in ({"value": 1.0}, {"value": "x", "at_least": 1}, {"value": None, "at_most": 1}):
        with pytest.raises(InputError):
            ft.expect("x", **bad)


def test_check_same() -> None:
    loss = torch.nn.functional.cross_entropy
    mine = lambda logits, labels: loss(logits.flatten(0, -2), labels.flatten())  # noqa: E731
    other = lambda logits, labels: -(logits.log_softmax(-1).flatten(0, -2)[labels.flatten() != -100].gather(  # noqa: E731
        1, labels[labels != -100][:, None])).mean()
    assert ft.check_same(mine, other, tolerance=1e-5, gradients=True).text == "same · 3 of 3 inputs, gradients too · largest difference under 1e-5"
    assert "NOT the same · input 1 of 3" in ft.check_same(lambda logits, labels: 2 * mine(logits, labels), other).text
    assert "gradient" in ft.check_same(lambda logits, labels: mine(logits, labels).detach(), other, tolerance=1e-5, gradients=True).text
    a, b = torch.zeros(2, 3), torch.zeros(2, 3)
    b[1, 2] = 0.5
    assert ft.check_same(a, b).text == "NOT the same · largest difference 0.5 at [1, 2] (mine 0, theirs 0.5)"
    assert "shape: mine (2, 3), theirs (3, 2)" in ft.check_same(a, b.T).text
    assert ft.check_same({"x": a}, {"x": a.clone()}) and "at 'x'" in ft.check_same({"x": a}, {"x": b}).text
    assert ft.check_same([1.0, 2], (1.0, 2)) and not ft.check_same(float("nan"), 1.0) and ft.check_same("a", "a") and not ft.check_same("a", "b")
    assert ft.check_same(1.0, 1.0 + 5e-7) and not ft.check_same(1.0, 1.0 + 2e-6) and not ft.check_same(1.0, 1.0 + 5e-7, tolerance=1e-7)
    assert "not tried yet" in ft.check_same(lambda x: ft.TODO, len, "abc").text and "not tried yet" in ft.check_same(ft.TODO, 1.0).text
    assert "mine stops with TypeError" in ft.check_same(lambda: 1, len, "abc").text
    assert ft.check_same(len, lambda t: 3, inputs=["abc", ("xyz",)]).text.startswith("same · 2 of 2 inputs")
    for bad in ((len, 3), (len, len)):
        with pytest.raises(InputError):
            ft.check_same(*bad)


def test_show(capsys: pytest.CaptureFixture) -> None:
    ft.show(ft.check_same)
    out = capsys.readouterr().out
    assert out.startswith("ftlab/teach/proving.py · check_same") and "Args:" not in out and "return _report" in out and str(Path.cwd()) not in out
    ft.show(torch.nn.Linear)
    assert capsys.readouterr().out.startswith("torch/nn/modules/linear.py · Linear")
    ft.show(Case)
    for builtin in (len, 3, torch.relu):
        with pytest.raises(InputError):
            ft.show(builtin)


def test_show_puts_the_formula_on_top() -> None:
    from ftlab.teach.reveal import _formula, fold

    assert _formula("Mean.\n\nL = -(1/n) sum log p\n\nArgs:\n    x: y") == "L = -(1/n) sum log p"
    assert _formula("Mean.\n\nArgs:\n    x: a = b") == "" and _formula("Mean.") == ""
    assert fold('def f():\n    """One.\n\n    Two.\n    """\n    return 1') == 'def f():\n    """One. …"""\n    return 1'


def test_shapes(capsys: pytest.CaptureFixture) -> None:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Embedding(50, 8)
            self.layer = torch.nn.ModuleList([torch.nn.Linear(8, 8) for _ in range(3)])
            self.head = torch.nn.Linear(8, 2)

        def forward(self, input_ids, attention_mask=None):
            x = self.embed(input_ids)
            for layer in self.layer:
                x = layer(x)
            return {"logits": self.head(x)}

    net = Net().train()
    ft.shapes(net, {"input_ids": torch.zeros(4, 7, dtype=torch.long), "labels": torch.zeros(4)}, H=8, C=2)
    out = capsys.readouterr().out
    assert "layer.0…2" in out and "(B, T, H)" in out and "(B, T, C)" in out and "634" in out and net.training
    assert not any(m._forward_hooks for m in net.modules())
    for model, batch in ((net, torch.zeros(2, 3)), (len, 1), (net, {"nothing": 1})):
        with pytest.raises(InputError):
            ft.shapes(model, batch)
    assert not any(m._forward_hooks for m in net.modules()), "hooks are taken off after a failure too"


def test_tables_line_up(capsys: pytest.CaptureFixture) -> None:
    ft.table([{"method": "majority", "n": 22713216, "score": 0.5}, {"method": "ours", "n": None, "score": ft.about(0.8617)}], caption="See.")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["See.", "method             n   score", "────────  ──────────  ──────", "majority  22,713,216   0.500", "ours               –  ≈0.862"]
    ft.table([], ["a", "b"])
    with pytest.raises(InputError):
        ft.table([[1, 2], [3]], ["a", "b"])
    assert display.number(True) == "yes" and display.number(float("inf")) == "inf" and display.number(torch.tensor(2)) == "2"


def test_comparing_is_lenient_where_it_does_not_matter() -> None:
    assert same(3, 3.0) and same(torch.tensor(3.0), 3) and same([1, 2], (1, 2.0)) and same(torch.ones(2).double(), torch.ones(2))
    assert not same(torch.ones(2), torch.ones(2, dtype=torch.long)) and not same(torch.ones(2, 1), torch.ones(2)) and not same("a", 1)
    assert same(float("nan"), float("nan")) and not same(None, 0) and not same(torch.ones(2), [1, 1])
    assert same(torch.tensor([True]), torch.tensor([True])) and not same(torch.tensor([True]), torch.tensor([False]))


def test_brief_is_short_and_stable() -> None:
    for value in (torch.randn(50, 50), {"a": list(range(1000))}, "x" * 999, object(), lambda x: x, [torch.ones(30, 30)] * 40, torch.nn.Linear(2, 2)):
        text = brief(value)
        assert len(text) < 260 and " at 0x" not in text and "\n" not in text


def test_sanitising_blanks_what_varies_and_nothing_else() -> None:
    from nbval.plugin import get_sanitize_patterns

    rules = get_sanitize_patterns((Path(__file__).parent / "sanitize.cfg").read_text(encoding="utf-8"))
    assert len(rules) == 7, "every rule is read"

    def clean(text: str) -> str:
        for pattern, new in rules:
            text = re.sub(pattern, new, text)
        return text

    assert clean("accuracy ≈0.862 · ok") == clean("accuracy ≈0.9 · ok") != clean("accuracy ≈0.9 · NOT MET")
    assert clean("≈9 s  x\n") == clean("≈12 s x\n") and clean("took 3.2 s") == clean("took 12 s")
    assert clean("a  ≈9.1%") == clean("a ≈10%") and clean("≈-0.1") == clean("≈nan") == clean("≈1,234.5") == clean("≈1e-05")
    assert clean("0.862") != clean("0.863") and clean("3 of 3") != clean("2 of 3") and clean("<f at 0x7f001122>") == clean("<f at 0x7f334455>")
    one, two = ([["ours", ft.about(v, ".1f")]] for v in (2.0, 12345.0))
    texts = []
    for rows_ in (one, two):
        texts.append(display._text_table([[str(v) for v in r] for r in rows_], ["method", "s"], [False, True], ""))
    assert texts[0] != texts[1] and clean(texts[0]) == clean(texts[1]), "column widths may vary"


def test_in_a_kernel_text_and_html_come_together(tmp_path: Path) -> None:
    """Everything shown in a notebook has text beside its HTML, nothing is shown twice, and a second run stores the same."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    sources = [
        f"import sys; sys.path[:0] = [{str(Path(__file__).parent.parent)!r}, {str(Path(__file__).parent)!r}]\n"
        "import sample_chapter, torch, ftlab.teach as ft, ftlab.plots as plots, ftlab.widgets as widgets\n"
        "from ftlab.teach import content; content._EXTRA['90'] = sample_chapter",
        'ft.check("90.1", lambda v, m: v.mean())', 'ft.quiz("90")', 'ft.recall("90")', 'ft.hint("90.1", 1)', 'ft.solution("90.2")',
        'ft.expect("x", 1.0, at_least=0)', "ft.show(ft.show)", "ft.check_same(1.0, 1.0)", 'ft.table([[1, "a"]], ["n", "t"])',
        "ft.shapes(torch.nn.Linear(3, 2), torch.zeros(4, 3))",
        'plots.bars({"a": 1.0, "b": 0.5}, caption="See a.", alt="Two bars.")',
        'widgets.score_box(lambda t: [{"label": "good", "probabilities": {"good": 0.9, "bad": 0.1}}])']
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    nbclient.NotebookClient(book, timeout=60, kernel_name="python3").execute(cwd=str(tmp_path))
    for cell in book.cells[1:]:
        kinds = [sorted(o.get("data", {"stream": 0})) for o in cell.outputs]
        want = [["image/png", "text/plain"], ["text/html", "text/plain"]] if cell.source.startswith("plots") else [["text/html", "text/plain"]]
        assert kinds == want, cell.source
    image = book.cells[-2].outputs[0]
    assert image.metadata["image/png"]["alt"] == "Two bars." and "text/plain" in image.data


def test_widgets_live_with_either_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Live widgets use only what ipywidgets 7 and 8 share; typing changes the answer; an error is shown, not lost."""
    w = pytest.importorskip("ipywidgets")
    import IPython.display
    from ftlab.widgets import base, score

    shown: list = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    monkeypatch.setattr(base, "in_notebook", lambda: True)
    monkeypatch.setattr(base, "quiet", lambda: False)

    def predict(texts):
        if "bang" in texts[0]:
            raise RuntimeError("no")
        return [{"label": "long" if len(texts[0]) > 9 else "short", "probabilities": {"long": 0.3, "short": 0.7}}]

    score.score_box(predict, "hi")
    box, answer = shown[0], shown[0].children[-1]
    field = next(c for c in box.children if isinstance(c, w.Text))
    assert "short" in answer.value
    field.value = "a much longer sentence"
    assert "<strong>long</strong>" in answer.value
    field.value = "bang"
    assert "RuntimeError: no" in answer.value
    field.value = " "
    assert "an empty sentence" in answer.value


def test_quiz_live(monkeypatch: pytest.MonkeyPatch) -> None:
    w = pytest.importorskip("ipywidgets")
    import IPython.display
    from ftlab.teach import quizzes

    shown: list = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    monkeypatch.setattr(quizzes, "in_notebook", lambda: True)
    monkeypatch.setattr(quizzes, "quiet", lambda: False)
    quizzes.quiz("90")
    radios = [c for c in shown[0].children if isinstance(c, w.RadioButtons)]
    assert len(radios) == 5 and all(r.value is None for r in radios)
    radios[0].value = 1
    radios[1].value = 0
    radios[1].value = 1
    assert "2 of 5 answered, 1 right at the first try" in shown[0].children[-1].value


def test_widgets_without_a_front_end(capsys: pytest.CaptureFixture) -> None:
    from ftlab import widgets

    widgets.build("Square it", {"x": widgets.slider(3, 0, 9, 1)}, lambda x: (f"  {x * x}", f"<b>{x * x}</b>"))
    assert capsys.readouterr().out == "[widget] Square it\n  x: 3\n  9\n"
    for bad in (lambda: widgets.slider(3, 4, 9, 1), lambda: widgets.choice("a", "bc"), lambda: widgets.build("t", {}, len)):
        with pytest.raises(InputError):
            bad()
    with pytest.raises(AttributeError, match="it has"):
        widgets.no_such_box


def test_figures_need_a_caption_and_words(capsys: pytest.CaptureFixture) -> None:
    from ftlab import plots

    fig = plots.bars({"a": 1})
    assert hasattr(fig, "savefig")
    for caption, alt in (("", "x"), ("x", " ")):
        with pytest.raises(InputError):
            plots.figure(fig, caption, alt)
    assert plots.scatter([(1, 2)], "x", "y", caption="One.", alt="A dot.") is None
    assert capsys.readouterr().out == "[figure] A dot.\nFigure: One.\n"
    with pytest.raises(InputError):
        plots.heatmap([[1, 2]], ["a"], ["b"])
    with pytest.raises(InputError):
        plots.learning_curve([1.0, 0.5], caption="x")
    history = types.SimpleNamespace(steps=[{"step": i, "loss": 1 / i} for i in range(1, 60)], evaluations=[{"step": 30, "accuracy": 0.7}, {"step": 59, "accuracy": 0.8}])
    assert len(plots.learning_curve(history, validation="accuracy").axes) == 2
    if "matplotlib.pyplot" in sys.modules:
        assert not sys.modules["matplotlib.pyplot"].get_fignums(), "no figure is left open"


def test_colours_differ_in_grey() -> None:
    """The first four colours are told apart by brightness or by line style and marker alone."""
    from ftlab import plots

    assert len(set(plots.MARKERS)) == len(set(map(str, plots.LINES))) == len(set(plots.COLOURS)) == 6


@pytest.mark.parametrize("code", [
    "import ftlab.teach.content, ftlab.display, ftlab.widgets",
    "import ftlab.teach as ft; ft.expect('x', 1.0, at_least=0)",
])
def test_the_tools_do_not_load_torch(code: str) -> None:
    out = subprocess.run([sys.executable, "-c", code + "; import sys; print([m for m in ('torch', 'transformers', 'matplotlib', 'IPython', 'ipywidgets') if m in sys.modules])"],
                         capture_output=True, text=True, encoding="utf-8", cwd=Path(__file__).parent.parent, env={**__import__("os").environ, "PYTHONUTF8": "1"})
    assert out.stdout.splitlines()[-1] == "[]", out.stderr
