"""Models of the Hub in the full profile, against a stand-in on loopback that also fails on demand. Skipped where it is absent."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ftlab as ft

SERVER = Path(__file__).resolve().parents[2] / "shared" / "hub" / "serve.py"
pytestmark = pytest.mark.skipif(not SERVER.exists(), reason="needs a Hub stand-in beside the project")
NAME = "google-bert/bert-base-uncased"
LOAD = f"import ftlab as ft; ft.setup(profile='full'); m = ft.load_encoder({NAME!r}); print('loaded', m.config.hidden_size)"
FETCH = f"import ftlab as ft; print('fetched', sorted(p.name for p in ft.hub.model_folder({NAME!r}).iterdir())[0])"  # the part that can fail


@pytest.fixture()
def hub(tmp_path):
    """Start the stand-in with some faults; gives a function that runs Python against it and says how long it took."""
    running = []

    def start(*faults: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        model = ft.assets.path("minilm-l6")  # the lite encoder, served under another name
        command = [sys.executable, str(SERVER), "--port", str(port), "--also", f"models/{NAME}={model}", *faults]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.05)
        return f"http://127.0.0.1:{port}"

    def run(endpoint: str, code: str = LOAD):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGINGFACE"))}
        environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf"), "FTLAB_QUIET": "1"}
        wrapped = (
            "import time, sys\nimport ftlab as ft, huggingface_hub\nstarted = time.monotonic()\n"
            f"try:\n    exec({code!r})\nexcept ft.errors.FtlabError as error:\n    print(type(error).__name__, error)\n"
            "print(round(time.monotonic() - started, 1), 'seconds')"
        )
        done = subprocess.run([sys.executable, "-c", wrapped], capture_output=True, text=True, env=environment, timeout=120)
        assert done.returncode == 0, done.stderr[-1500:]
        lines = done.stdout.strip().splitlines()
        return lines[-2], float(lines[-1].split()[0])

    yield start, run
    for process in running:
        process.kill()
        process.wait()


def test_a_model_is_loaded_and_then_needs_no_hub(hub):
    start, run = hub
    said, _ = run(start())
    assert said == "loaded 384"
    said, seconds = run("http://127.0.0.1:9")  # nobody there: the Hub's own cache has it
    assert said == "loaded 384"


@pytest.mark.parametrize("status,words", [("401", "token"), ("429", "too many"), ("503", "503")])
def test_refusals_are_one_line_within_ten_seconds(hub, status, words):
    start, run = hub
    said, seconds = run(start("--status", status), FETCH)
    assert said.startswith("AssetError") and words in said and "minilm-l6" in said
    assert seconds < 10


def test_a_hub_that_hangs(hub):
    start, run = hub
    said, seconds = run(start("--slow", "60"), FETCH)
    assert said.startswith("AssetError") and "in time" in said and seconds < 10


def test_nobody_there(hub):
    _, run = hub
    said, seconds = run("http://127.0.0.1:9", FETCH)
    assert said.startswith("AssetError") and "cannot be reached" in said and seconds < 10


def test_a_file_cut_short_is_not_kept(hub):
    start, run = hub
    said, _ = run(start("--fail-after", "2"), FETCH)
    assert said.startswith(("fetched", "AssetError")), said
    said, _ = run(start())
    assert said == "loaded 384"
