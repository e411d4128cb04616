"""A study: order, no repeats, resuming after an interruption, failures kept apart, the same score for the same cell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ftlab import study
from ftlab.errors import InputError, TrainingError
from ftlab.studies import load_study, names

ROOT = Path(__file__).parent.parent
MINE = '''
import os, time
from pathlib import Path
WHAT = "A made-up study."
PRECISION = "fp32"
LOG = Path(__file__).with_name("log.txt")

def cells():
    return [{"rate": rate, "seed": seed} for rate in (1, 2) for seed in (1, 0, 2)]

def steps(cell):
    return 10 * cell["rate"]

def run(cell):
    import torch
    with LOG.open("a") as log:
        log.write(f"{cell['rate']}/{cell['seed']} {os.getpid()}\\n")
    if os.environ.get("FAIL") == f"{cell['rate']}/{cell['seed']}":
        raise ValueError("a slip\\nof two lines")
    if os.environ.get("DIE") == f"{cell['rate']}/{cell['seed']}":
        os._exit(3)
    time.sleep(float(os.environ.get("NAP", "0")))
    return {"accuracy": cell["rate"] + float(torch.rand(1)), "steps": steps(cell)}
'''


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study "mine.few" that leaves a line for each cell it trains."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "few.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [n for n in sys.modules if n.split(".")[0] == "mine"]:
        monkeypatch.delitem(sys.modules, name)
    return folder


def trained(mine: Path) -> list[str]:
    log = mine / "log.txt"
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def scores(out: Path) -> dict[str, dict]:
    return {study.key(run["cell"]): run["scores"] for run in study.load_results("", out).runs}


def test_cells_run_in_the_order_of_the_seeds_and_never_twice(mine: Path) -> None:
    out, said = mine / "out.json", []
    assert study.run_study("mine.few", n_seeds=1, out=out, say=said.append) == 2
    assert study.run_study("mine.few", out=out, say=said.append) == 4
    assert study.run_study("mine.few", out=out, say=said.append) == 0
    assert trained(mine) == ["1/0", "2/0", "1/1", "2/1", "1/2", "2/2"]
    record = json.loads(out.read_text())
    assert [run["cell"] for run in record["runs"]] == load_study("mine.few").cells(), "the file is in the study's own order"
    assert all(run["steps"] == 10 * run["cell"]["rate"] and run["seconds"] >= 0 and run["date"] for run in record["runs"])
    assert len(record["machines"]) == 1 and {"device", "precision", "threads", "versions"} == set(record["machines"][0])
    assert "6 cells, 2 done, 4 to go (60 steps)" in said[3]


def test_the_seed_alone_decides_whatever_ran_before_and_wherever(mine: Path) -> None:
    study.run_study("mine.few", out=mine / "a.json", say=lambda line: None)
    study.run_study("mine.few", only={"rate": 2}, out=mine / "b.json", say=lambda line: None)
    study.run_study("mine.few", jobs=2, out=mine / "c.json", say=lambda line: None)
    a, b, c = (scores(mine / name) for name in ("a.json", "b.json", "c.json"))
    assert a == c and len(a) == 6 and b == {k: a[k] for k in b} and len(b) == 3
    pids = {line.split()[1] for line in (mine / "log.txt").read_text().splitlines()}
    assert len(pids) == 3, "two workers live through all their cells"


@pytest.mark.slow
def test_a_failed_cell_does_not_stop_the_others(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for jobs, how in ((1, "FAIL"), (2, "FAIL"), (2, "DIE")):
        out = mine / f"{how}{jobs}.json"
        monkeypatch.setenv(how, "2/0")
        with pytest.raises(TrainingError, match="1 of 6 cells failed.*rate=2 seed=0") as error:
            study.run_study("mine.few", jobs=jobs, out=out, say=lambda line: None)
        assert "\n" not in str(error.value) and len(scores(out)) == 5
        monkeypatch.delenv(how)
        assert study.run_study("mine.few", out=out, say=lambda line: None) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(mine: Path, jobs: int) -> None:
    out = mine / "out.json"
    command = [sys.executable, "-m", "ftlab", "study", "mine.few", "--out", str(out), "--jobs", str(jobs)]
    env = {**os.environ, "FTLAB_NO_VENV": "1", "PYTHONPATH": f"{ROOT}{os.pathsep}{mine.parent}", "NAP": "0.5"}
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # a shell's background jobs ignore it
    end = time.monotonic() + 60
    while not out.exists() and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to all of them
    output, errors = child.communicate(timeout=30)
    assert child.returncode == 130 and errors.strip().startswith("Stopped.") and len(errors.strip().splitlines()) == 1, errors
    before = scores(out)
    assert 0 < len(before) < 6
    done = subprocess.run(command, env={**env, "NAP": "0"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = scores(out)
    assert len(after) == 6 and {k: after[k] for k in before} == before
    assert f"{6 - len(before)} cells trained" in done.stdout


def cli(*arguments: str) -> subprocess.CompletedProcess:
    env = {**os.environ, "FTLAB_NO_VENV": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-m", "ftlab", "study", *arguments], env=env, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize("arguments, words", [
    (("overfiting",), "no study 'overfiting'"), ((), "no study named"), (("overfitting", "--jobs", "0"), "jobs is 0"),
    (("overfitting", "--only", "n_train"), "KEY=VALUE"), (("overfitting", "--only", "n_trian=64"), "no cell of overfitting with n_trian"),
    (("overfitting", "--seeds", "0"), "no cell of overfitting is left"), (("no.such",), "no study 'no.such'"),
])
def test_a_mistake_is_one_line(arguments: tuple[str, ...], words: str) -> None:
    done = cli(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert words in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_file_that_is_no_results_file_is_left_alone(mine: Path) -> None:
    out = mine / "out.json"
    out.write_text("{}")
    with pytest.raises(InputError, match="not a results file"):
        study.run_study("mine.few", out=out, say=lambda line: None)
    assert out.read_text() == "{}" and trained(mine) == []


def test_reading_and_comparing(mine: Path) -> None:
    out = mine / "out.json"
    study.run_study("mine.few", out=out, say=lambda line: None)
    results = study.load_results("mine.few", out)
    values = results.values("accuracy", rate=2)
    assert list(values) == [0, 1, 2] and results.interval("accuracy", rate=2).mean == pytest.approx(sum(values.values()) / 3)
    found = results.compare("accuracy", {"rate": 2}, {"rate": 1})
    assert found.difference.mean == pytest.approx(1) and found.difference.n == 3  # the same seed draws the same number
    with pytest.raises(InputError, match="two runs of seed"):
        results.values("accuracy")
    with pytest.raises(InputError, match="no stored run with rate=3"):
        results.pick(rate=3)


@pytest.mark.parametrize("name", names())
def test_every_study_is_sound(name: str) -> None:
    module = load_study(name)
    cells = module.cells()
    keys = [study.key(cell) for cell in cells]
    assert len(set(keys)) == len(keys), "a cell twice"
    assert all(isinstance(cell["seed"], int) and json.loads(json.dumps(cell)) == cell for cell in cells)
    assert all(module.steps(cell) >= 0 for cell in cells) and sum(map(module.steps, cells)) > 0 and module.WHAT.endswith(".")
    assert module.PRECISION in ("fp32", "bf16", "auto")


def test_the_list_names_studies_and_cells() -> None:
    done = cli("--list")
    assert done.returncode == 0 and [line.split()[0] for line in done.stdout.splitlines()] == names()
    done = cli("overfitting", "--list", "--seeds", "1")
    assert done.returncode == 0 and all("seed=0" in line and " steps " in line for line in done.stdout.splitlines())


def test_a_second_stage_follows_from_the_first(mine: Path) -> None:
    """Its cells are planned from finished runs, run by the same command, and not before all of the first stage is done."""
    module = load_study("mine.few")
    module.then = lambda runs: [{"rate": 7, "seed": 0}] if {run["cell"]["seed"] for run in runs} == {0, 1, 2} else []
    try:
        out, said = mine / "out.json", []
        assert study.run_study("mine.few", n_seeds=2, out=out, say=said.append) == 4
        assert study.run_study("mine.few", out=out, say=said.append) == 3
        assert trained(mine)[4:] == ["1/2", "2/2", "7/0"] and "rate=7 seed=0" in scores(out)
        assert study.run_study("mine.few", out=out, say=said.append) == 0 and "7 cells, 7 done, 0 to go" in said[-1]
    finally:
        del module.then
