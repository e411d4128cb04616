"""`import ftlab` is light: nothing heavy is loaded, no socket is opened, no file outside the package and Python is read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "transformers", "datasets", "accelerate", "numpy", "scipy", "sklearn", "pandas", "matplotlib", "IPython", "ipywidgets",
         "huggingface_hub", "tokenizers", "peft", "safetensors", "requests", "httpx", "urllib.request", "rich", "typer")

PROBE = """
import json, sys
events = []
sys.addaudithook(lambda name, args: events.append([name, str(args[0]) if args else ""]) if name.startswith(("socket.", "subprocess.", "os.mkdir")) else None)
before = set(sys.modules)
import ftlab
print(json.dumps({"modules": sorted(set(sys.modules) - before), "events": events}))
"""


def probe(extra: str = "") -> dict:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    out = subprocess.run([sys.executable, "-c", PROBE.replace("import ftlab\n", "import ftlab\n" + extra)], capture_output=True, text=True, cwd=ROOT, env=env)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout.splitlines()[-1])


@pytest.mark.parametrize("extra", ["", "dir(ftlab)\n"])
def test_import_loads_nothing_heavy(extra: str) -> None:
    found = probe(extra)
    loaded = [m for m in HEAVY if m in found["modules"]]
    assert not loaded, f"import ftlab loads {', '.join(loaded)}: import them inside the functions that use them"
    assert len(found["modules"]) < 150, f"import ftlab loads {len(found['modules'])} modules"


def test_import_touches_no_network_and_makes_no_folder() -> None:
    assert probe()["events"] == []
