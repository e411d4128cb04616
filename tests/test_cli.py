"""The command line: help worth reading, mistakes in one line, nothing half-written; and the notebooks' runner and stamp."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftlab.cli import stamp, texts
from ftlab.cli.app import main

ROOT = Path(__file__).resolve().parents[1]


def said(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("command", texts.HELP)
def test_each_help_has_its_text_and_an_example(capsys, command):
    code, out, _ = said(capsys, command, "--help")
    words = " ".join(out.replace("│", " ").split())
    assert code == 0
    assert "Example" in words or command == "notebooks"
    assert " ".join(texts.HELP[command][1].split()) in words


def test_every_option_of_the_usage_line_exists(capsys):
    import re

    for command, (usage, _, _) in texts.HELP.items():
        _, out, _ = said(capsys, command, "--help")
        for option in re.findall(r"--[a-z][a-z-]+", usage):
            assert option in out, f"{command} {option}"


@pytest.mark.parametrize("arguments, words", [
    (["labb"], "labb"),
    (["lab", "--port", "99999999"], "port"),
    (["lab", "--prot", "8888"], "--prot"),
    (["fetch", "ratinsg"], "there is no asset 'ratinsg'"),
    (["fetch", "ratings", "--folder", "nowhere-at-all"], "nowhere-at-all"),
    (["run", "77"], "no chapter '77'"),
    (["train", "--task", "ratings/movies"], "out"),
    (["train", "--task", "ratings/moveis", "--out", "x"], "ratings/movies"),
    (["train", "--task", "ratings/movies", "--out", "x", "--learning-rate", "-1"], "learning_rate is -1"),
    (["train", "--task", "ratings/movies", "--out", "x", "--n-train", "0"], "n_train is 0"),
    (["train", "--task", "ratings/movies", "--out", "x", "--checkpoint", "minilm-l7"], "minilm-l7"),
    (["train", "--task", "missing.csv", "--out", "x"], "missing.csv"),
    (["train", "--task", "ratings/movies", "--out", "full"], "not an empty folder"),
    (["predict", "nowhere", "hello"], "nowhere"),
    (["predict", "full", "hello"], "is not a model folder"),
    (["predict", "nowhere"], "TEXTS"),
])
def test_a_mistake_is_one_line_and_writes_nothing(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FTLAB_HOME", str(tmp_path / "home")) if "--folder" in arguments else None
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    code, out, err = said(capsys, *arguments)
    assert code == 2
    assert len(err.strip().splitlines()) == 1 and words in err and "Traceback" not in err, err
    assert not (tmp_path / "x").exists() and not list(tmp_path.glob(".x-*"))


def test_an_empty_text_and_no_input_are_refused(capsys, tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    code, _, err = said(capsys, "predict", str(tmp_path), " ")
    assert code == 2 and "empty text" in err


def test_the_process_shows_no_traceback_either(tmp_path):
    done = subprocess.run([sys.executable, "-m", "ftlab", "predict", "nowhere", "x"], cwd=tmp_path, capture_output=True, text=True,
                          env={**os.environ, "FTLAB_NO_VENV": "1", "PYTHONPATH": str(ROOT)})
    assert done.returncode == 2 and done.stderr.startswith("got: ") and done.stderr.count("\n") == 1


def test_doctor_is_one_block_and_asks_no_network_when_told(capsys, monkeypatch):
    import socket

    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: (_ for _ in ()).throw(AssertionError("network")))
    code, out, _ = said(capsys, "doctor", "--no-network")
    names = [line.split()[0] for line in out.splitlines()[1:]]
    assert code == 0 and out.startswith("ftlab doctor")
    assert names == ["profile", "system", "python", "packages", "processor", "device", "GPU", "memory", "disk", "Hub", "assets"]
    assert "bf16 in hardware" in out and "minilm-l6" in out


def test_doctor_waits_three_seconds_at_most_for_the_hub(monkeypatch):
    import socket
    import time

    from ftlab.cli import doctor

    with socket.socket() as silent:  # accepts, and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        started = time.monotonic()
        assert "lite does not need it" in doctor._hub()
        assert time.monotonic() - started < 3.5
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "switched off" in doctor._hub()


def test_fetch_list_names_size_licence_and_state(capsys):
    code, out, _ = said(capsys, "fetch", "--list")
    assert code == 0 and "minilm-l6" in out and "91.6 MB" in out and "Apache-2.0" in out and "MIT" in out


# Running notebooks

def cell(kind: str, source: str, *tags: str) -> dict:
    extra = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "id": f"c{abs(hash(source)) % 10**8}", "metadata": {"tags": list(tags)} if tags else {}, "source": source, **extra}


def notebook(*cells: dict) -> str:
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_run_prints_minutes_memory_headline_and_writes_only_when_all_is_well(capsys, tmp_path, monkeypatch):
    from ftlab.cli.notebooks import run_chapters

    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    good, bad = tmp_path / "01_good.ipynb", tmp_path / "02_bad.ipynb"
    good.write_text(notebook(cell("markdown", "# 01 · Good"), cell("code", "import os\nblock = b'x' * (120 * 2**20); del block\nprint(os.environ['FTLAB_QUIET'])"),
                             cell("code", "print('accuracy 0.87'); print('more')", "headline")))
    bad.write_text(notebook(cell("code", "1"), cell("code", "raise ValueError('no such luck')")))
    before = bad.read_text()
    assert run_chapters(tmp_path, [], write=True) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("accuracy 0.87") and float(lines[1].split()[2]) > 130
    assert "cell 1: ValueError: no such luck" in lines[2]
    stored = json.loads(good.read_text())
    assert [c.get("execution_count") for c in stored["cells"]] == [None, 1, 2]
    assert "".join(stored["cells"][1]["outputs"][0]["text"]) == "1\n"
    assert stored["metadata"] == {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}
    assert stored["cells"][2]["metadata"] == {"tags": ["headline"]}
    assert bad.read_text() == before and sorted(p.name for p in tmp_path.iterdir()) == ["01_good.ipynb", "02_bad.ipynb"]


def test_chapters_are_found_by_number_and_name(tmp_path):
    from ftlab.cli.notebooks import find

    for name in ("00_start_here", "03_loading_bert", "10_tuning"):
        (tmp_path / f"{name}.ipynb").write_text("{}")
    assert [p.stem for p in find(tmp_path, ["3", "00"])] == ["00_start_here", "03_loading_bert"]
    assert [p.stem for p in find(tmp_path, ["notebooks/10_tuning.ipynb"])] == ["10_tuning"]
    assert len(find(tmp_path, [])) == 3


# The repository's address

SETUP = stamp.setup_lines("") + "lab = ft.setup(seed=0)"
TITLE = "# 05 · Training\n\nAbout 1 minute."


def stamped(address: str, title: str = TITLE, setup: str = SETUP) -> list[str]:
    content = json.loads(notebook(cell("markdown", title), cell("code", setup, "setup")))
    stamp.stamp(content, address, "05_training.ipynb")
    return ["".join(c["source"]) for c in content["cells"]]


def test_the_stamp_adds_badges_and_the_install_line_and_takes_them_away_again():
    title, setup = stamped("https://github.com/someone/course")
    assert title.startswith("# 05 · Training\n\n[![Open in Colab]") and title.endswith("\n\nAbout 1 minute.")
    assert "colab.research.google.com/github/someone/course/blob/main/notebooks/05_training.ipynb" in title
    assert "mybinder.org/v2/gh/someone/course/main?labpath=notebooks%2F05_training.ipynb" in title
    assert '%pip install -q --no-deps "ftlab @ git+https://github.com/someone/course"' in setup
    assert setup.endswith("\nlab = ft.setup(seed=0)") and len(setup.splitlines()) <= 6
    assert stamped("https://github.com/someone/course", title, setup) == [title, setup]  # again: no change
    other = stamped("https://github.com/another/course", title, setup)
    assert "someone" not in "".join(other) and other[0].count("another") == title.count("someone")
    assert stamped("", title, setup) == [TITLE, SETUP]


def test_without_an_address_there_is_no_link_and_the_setup_cell_says_what_to_do():
    title, setup = stamped("")
    assert (title, setup) == (TITLE, SETUP)
    code = setup.replace("import ftlab as ft", "import ftlab_is_not_here as ft")
    with pytest.raises(ModuleNotFoundError, match="python3 -m ftlab lab"):
        exec(code, {})


def test_the_setup_cell_works_here():
    scope: dict = {}
    exec(SETUP, scope)
    assert scope["lab"].seed == 0


def test_a_wrong_address_is_refused(tmp_path):
    from ftlab.errors import InputError

    (tmp_path / "pyproject.toml").write_text('[tool.ftlab]\nrepository = "me/course"\n')
    with pytest.raises(InputError, match="me/course"):
        stamp.repository(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.ftlab]\nrepository = "https://github.com/me/course.git"\n')
    assert stamp.repository(tmp_path) == "https://github.com/me/course"


def test_every_notebook_is_in_step_with_pyproject():
    assert stamp.stamp_all(ROOT, write=False) == []


def test_a_wheel_would_carry_the_data_files():
    tables = (ROOT / "pyproject.toml").read_text()
    shipped = [p for p in (ROOT / "ftlab").rglob("*") if p.is_file() and p.suffix not in {".py", ".pyc"} and "__pycache__" not in p.parts]
    assert shipped
    for path in shipped:
        assert f'"**/*{path.suffix}"' in tables, f"{path.relative_to(ROOT)} is of a kind that pyproject does not ship"


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
def test_train_and_predict_from_end_to_end(capsys, tmp_path):
    """The smallest real training: 64 sentences of a file of one's own; the folder loads in plain transformers with the same logits."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    rows = [("a fine warm film", "good"), ("dull and lifeless", "bad"), ("I loved it", "good"), ("a waste of time", "bad")] * 60
    table = tmp_path / "mine.csv"
    table.write_text("review,verdict\n" + "\n".join(f"{text} {i},{label}" for i, (text, label) in enumerate(rows)))
    out = tmp_path / "model"
    code, _, err = said(capsys, "train", "--task", str(table), "--text", "review", "--label", "verdict", "--out", str(out), "--seed", "3", "--n-train", "64",
                        "--precision", "fp32")
    assert code == 0, err
    record = json.loads((out / "metrics.json").read_text())
    assert record["config"]["seed"] == 3 and record["versions"]["torch"]
    code, text, err = said(capsys, "predict", str(out), "a warm and lovely film", "lifeless", "--json")
    answers = [json.loads(line) for line in text.splitlines()]
    assert code == 0 and [a["text"] for a in answers] == ["a warm and lovely film", "lifeless"], err
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(out).eval(), AutoTokenizer.from_pretrained(out)
    with torch.no_grad():
        logits = model(**tokenizer(["a warm and lovely film"], return_tensors="pt")).logits
    best = int(logits.argmax())
    assert model.config.id2label[best] == answers[0]["label"]
    assert torch.softmax(logits, -1)[0, best].item() == pytest.approx(answers[0]["probability"], abs=1e-5)
