"""GLUE through the real client libraries, against a hub on loopback: the data, its faults, and the cache."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from ftlab.errors import TaskError
from ftlab.tasks import glue, load_task
from ftlab.tasks.glue import TASKS, glue_table

SHARED = Path(__file__).resolve().parents[2] / "shared" / "hub"
needs_hub = pytest.mark.skipif(not (SHARED / "serve.py").exists(), reason="no loopback hub here")

#: loads each task and prints one line of JSON: what came, or the error's class, text and seconds
LOAD = """
import json, os, sys, time
from ftlab.errors import FtlabError
from ftlab.tasks import load_task
for name in sys.argv[1:]:
    if name.startswith("HF_"):
        key, value = name.split("=", 1)
        os.environ[key] = value
        continue
    started = time.perf_counter()
    try:
        task = load_task("glue/" + name)
        found = {s: [len(v), None if v.labels is None else sorted(set(v.labels))[:6], v[0]] for s, v in task.splits.items()}
        print(json.dumps({"name": name, "splits": found, "majority": task.majority_baseline("validation"), "notes": task.notes,
                          "kind": task.kind, "n": task.n_classes, "test": task.test.labels is None if "test" in task.splits else None}))
    except FtlabError as error:
        print(json.dumps({"name": name, "error": type(error).__name__, "said": str(error), "s": time.perf_counter() - started}))
"""


@pytest.fixture
def hub():
    started = []

    def start(*options: str) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen([sys.executable, str(SHARED / "serve.py"), "--port", str(port), *options],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started.append(process)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return f"http://127.0.0.1:{port}"
            time.sleep(0.1)
        raise OSError("the hub did not start")

    yield start
    for process in started:
        process.terminate()
        process.wait()


def load(home: Path, *names: str, **variables: str) -> tuple[list[dict], str]:
    keep = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    environment = {**keep, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **variables}
    done = subprocess.run([sys.executable, "-c", LOAD, *names], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@needs_hub
def test_the_data_and_then_the_cache_alone(hub, tmp_path):
    names = ("cola", "mrpc", "stsb", "rte", "wnli")
    address = hub()
    (found, noise), home = load(tmp_path, *names, HF_ENDPOINT=address), tmp_path
    assert noise == ""
    by_name = {task["name"]: task for task in found}
    for name in names:
        task, about = by_name[name], TASKS[name]
        sizes = tuple(task["splits"][s][0] for s in ("train", "validation", "test"))
        assert sizes == about.sizes and task["majority"] == pytest.approx(about.majority, abs=5e-4)
        labels = task["splits"]["validation"][1]
        assert labels == (list(range(len(about.labels))) if about.labels else labels)
        assert (task["kind"], task["n"]) == (("classification", len(about.labels)) if about.labels else ("regression", 1))
        assert (task["splits"]["train"][2]["text_pair"] is not None) == bool(about.text_pair)
        assert task["test"] == (name != "mrpc")  # the Hub gives MRPC's test labels, and no other's
    assert by_name["stsb"]["splits"]["train"][1][0] == 0.0
    again, noise = load(home, "rte", HF_ENDPOINT="http://127.0.0.1:9")  # nobody there: the cached copy, at once
    assert again == [by_name["rte"]] and noise == ""
    offline, _ = load(home, "rte", "sst2", HF_HUB_OFFLINE="1")
    assert offline[0] == by_name["rte"] and "HF_HUB_OFFLINE" in offline[1]["said"] and offline[1]["error"] == "AssetError"


@needs_hub
def test_a_hub_that_refuses_or_hangs_is_one_line_within_ten_seconds(hub, tmp_path):
    faults = {"it wants a token (401)": ("--status", "401"), "too many requests (429)": ("--status", "429"),
              "it answered 503": ("--status", "503"), "did not answer in time": ("--slow", "60")}
    arguments = [x for options in faults.values() for x in (f"HF_ENDPOINT={hub(*options)}", "rte")]
    found, noise = load(tmp_path, *arguments, "HF_ENDPOINT=http://127.0.0.1:9", "rte")
    for answer, said in zip(found, [*faults, "cannot be reached"], strict=True):
        assert answer["error"] == "AssetError" and said in answer["said"] and answer["s"] < 10
        assert "\n" not in answer["said"] and "ratings/movies" in answer["said"]
    assert noise == "" and not list(tmp_path.rglob("*.parquet"))


@needs_hub
def test_a_file_cut_short_is_fetched_to_its_end(hub, tmp_path):
    found, _ = load(tmp_path, "rte", HF_ENDPOINT=hub("--fail-after", "2"))
    assert found[0]["splits"]["train"][0] == 2490


def made(labels, names, **columns):
    import datasets

    features = datasets.Features({**{c: datasets.Value("string") for c in columns}, "label": datasets.ClassLabel(names=names)})
    return datasets.Dataset.from_dict({**columns, "label": labels}, features=features)


def test_mnli_has_two_validation_splits_and_says_what_is_missing(monkeypatch):
    def rows(labels):
        return made(labels, list(TASKS["mnli"].labels), premise=["p"] * len(labels), hypothesis=["h"] * len(labels))

    data = {"train": rows([0, 1, 2]), "validation_matched": rows([1]), "validation_mismatched": rows([2]),
            "test_matched": rows([-1]), "test_mismatched": rows([-1, -1])}
    monkeypatch.setattr(glue, "_fetch", lambda name: data)
    task = load_task("glue/mnli")
    assert list(task.splits) == ["train", "validation", "validation_mismatched", "test", "test_mismatched"]
    assert task.validation.labels == [1] and task.split("validation_mismatched").labels == [2]
    assert task.test.labels is None and len(task.split("test_mismatched")) == 2
    assert "train has 3 of the 392,702 published examples here" in task.notes


def test_blank_questions_are_left_out_and_wrong_columns_refused(monkeypatch):
    names = list(TASKS["qqp"].labels)
    data = {"train": made([0, 1, 1], names, question1=["a", "b", "c"], question2=["x", " ", "z"])}
    monkeypatch.setattr(glue, "_fetch", lambda name: data)
    task = load_task("glue/qqp")
    assert task.train.texts == ["a", "c"] and task.train.labels == [0, 1] and task.train.ids == ["0", "2"]
    assert "1 examples of train with a blank text left out" in task.notes
    with pytest.raises(TaskError, match="no column sentence1, sentence2 in train"):
        load_task("glue/rte")
    data["train"] = made([0], ["yes", "no"], question1=["a"], question2=["b"])
    with pytest.raises(TaskError, match="labels"):
        load_task("glue/qqp")


@needs_hub
@pytest.mark.parametrize("name", TASKS)
def test_the_table_is_what_the_data_says(name):
    about = TASKS[name]
    folder = SHARED / "repos" / "datasets" / "nyu-mll" / "glue" / name
    stem = "validation_matched" if name == "mnli" else "validation"
    labels = pd.concat(map(pd.read_parquet, folder.glob(f"{stem}-*.parquet")))["label"]
    if name == "stsb":
        return
    if name == "qqp":  # this copy's validation is not the published one
        assert len(labels) != about.sizes[1]
        return
    assert len(labels) == about.sizes[1]
    assert about.majority["accuracy"] == pytest.approx(labels.value_counts(normalize=True).max(), abs=5e-4)
    if "f1" in about.majority:
        share = (labels == 1).mean()
        assert about.majority["f1"] == pytest.approx(2 * share / (1 + share), abs=5e-4)


def test_the_table_has_nine_rows_and_the_known_traps():
    rows = {row["task"]: row for row in glue_table()}
    assert len(rows) == 9 and set(rows["glue/mrpc"]["majority"].items()) == {("f1", 0.812), ("accuracy", 0.684)}
    assert rows["glue/cola"]["majority"]["matthews"] == 0 and rows["glue/cola"]["metrics"].startswith("matthews")
    assert rows["glue/rte"]["majority"]["accuracy"] == 0.527 and rows["glue/wnli"]["majority"]["accuracy"] == 0.563
    assert rows["glue/stsb"]["classes"] == "a value, 0-5"
