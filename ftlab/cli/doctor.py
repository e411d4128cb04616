"""What this machine offers, as one block of text to paste into a bug report."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

from ftlab import assets
from ftlab._download import hub_endpoint, hub_is_off
from ftlab._files import cache_home

PACKAGES = ("ftlab", "torch", "transformers", "datasets", "accelerate", "peft", "huggingface-hub", "numpy", "scikit-learn", "jupyterlab", "ipywidgets")


def report(network: bool = True) -> str:
    """Versions, cores, bf16, GPU, memory, disk, the Hub, and the assets in the cache.

    Args:
        network: ask whether the Hub answers (at most 3 s).
    Returns:
        Lines of "name: value", without anything private but the cache's path.
    Example: the first line starts with ``ftlab doctor``.
    """
    import psutil
    import torch

    from ftlab import lab

    memory = psutil.virtual_memory()
    gib = 2**30
    rows = {
        "profile": os.environ.get("FTLAB_PROFILE", "lite"),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "python": f"{platform.python_version()} in {_short(Path(sys.prefix))}",
        "packages": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "processor": f"{_processor()}, {psutil.cpu_count(logical=False) or '?'} cores, {torch.get_num_threads()} threads for torch",
        "device": f"{lab.device()}, precision {lab.precision()} (bf16 in hardware: {'yes' if lab.bf16_in_hardware() else 'no'})",
        "GPU": _gpu(),
        "memory": f"{memory.total / gib:.1f} GiB, {memory.available / gib:.1f} GiB free",
        "disk": f"{_free(cache_home()) / gib:.0f} GiB free for the cache {_short(cache_home())}",
        "Hub": _hub() if network else "not asked",
        "assets": ", ".join(f"{s.name} {'ready' if s.ready else 'not fetched'}" for s in assets.status()),
    }
    width = max(map(len, rows))
    return "\n".join(["ftlab doctor", *(f"  {name:<{width}}  {value}" for name, value in rows.items())])


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _short(path: Path) -> str:
    """A path with the home folder written ~."""
    try:
        return "~/" + path.relative_to(Path.home()).as_posix()
    except ValueError:
        return str(path)


def _free(path: Path) -> int:
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def _processor() -> str:
    if sys.platform.startswith("linux"):
        try:
            for line in Path("/proc/cpuinfo").read_text().splitlines():
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
        except OSError:
            pass
    return platform.processor() or platform.machine()


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return "Apple GPU (mps)" if torch.backends.mps.is_available() else "none"
    found = []
    for i in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(i)
        found.append(f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, compute {properties.major}.{properties.minor}")
    return "; ".join(found) + f" (CUDA {torch.version.cuda})"


def _hub() -> str:
    """Whether the Hub answers, within 3 s whatever it hangs on."""
    if hub_is_off():
        return "switched off (HF_HUB_OFFLINE)"
    answer: list[str] = []

    def ask() -> None:
        asset = next(a for a in assets.manifest().values() if a.hub)
        url = f"{hub_endpoint()}/{asset.hub['repo']}/resolve/{asset.hub['revision']}/config.json"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers={"User-Agent": "ftlab"}), timeout=2.5):
                answer.append("answers")
        except urllib.error.HTTPError as error:
            answer.append("answers (but does not have the lite model: 404)" if error.code == 404 else f"refuses ({error.code})")
        except (OSError, ValueError) as error:
            answer.append(f"not reachable ({getattr(error, 'reason', None) or error}); lite does not need it")

    worker = threading.Thread(target=ask, daemon=True)
    worker.start()
    worker.join(3)
    return f"{hub_endpoint()} {answer[0] if answer else 'gave no answer in 3 s; lite does not need it'}"
