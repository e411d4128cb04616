"""The lab bench: which profile, which seed, which device, which precision. Every notebook starts with `ft.setup()`."""

from __future__ import annotations

import os
import random
import sys
from dataclasses import dataclass

from ftlab.errors import FtlabError, InputError

PROFILES = ("lite", "full")
_current: Lab | None = None


@dataclass(frozen=True)
class Lab:
    """What the notebook runs on, as found (never as wished).

    Attributes:
        profile: "lite" (CPU, no account, no Hub) or "full" (Hub and GPU, paper settings).
        seed: the seed that `setup` gave to Python, NumPy and torch.
        device: "cuda", "mps" or "cpu".
        precision: "bf16" where the hardware multiplies in it, else "fp32".
        cores: CPU threads that torch uses.
    """

    profile: str
    seed: int
    device: str
    precision: str
    cores: int

    def __str__(self) -> str:
        from ftlab import __version__

        return f"ftlab {__version__} · {self.profile} · {self.device}, {self.cores} threads, {self.precision} · seed {self.seed}"


def profile() -> str:
    """The profile in force: the one given to `setup`, else FTLAB_PROFILE, else "lite".

    Returns: "lite" or "full".
    Raises: InputError for any other value.
    Example: with nothing set, ``profile() == "lite"``.
    """
    name = _current.profile if _current else os.environ.get("FTLAB_PROFILE", "lite")
    return _checked(name)


def setup(seed: int = 0, profile: str | None = None) -> Lab:
    """Make a notebook reproducible and its errors short; call it once, at the top.

    Seeds Python, NumPy and torch, sets the plot style, quietens library chatter, and shows an `FtlabError` as one line.

    Args:
        seed: int ≥ 0, given to every random generator.
        profile: "lite" or "full"; None takes FTLAB_PROFILE, else "lite". It is never switched silently.
    Returns: a `Lab`; showing it prints one line.
    Raises: InputError if the profile or the seed cannot be used.
    Example: ``str(setup(seed=0))`` starts with "ftlab 0.1.0 · lite".
    """
    global _current
    name = _checked(profile or os.environ.get("FTLAB_PROFILE", "lite"))
    seed_everything(seed)
    _quieten()
    _current = Lab(name, seed, device(), precision("auto"), _cores())
    if "IPython" in sys.modules:
        _show_errors_as_one_line()
        from ftlab import plots

        plots.style()
    return _current


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch (all devices).

    Args:
        seed: int, 0 ≤ seed < 2**32 (NumPy's range).
    Raises: InputError otherwise.
    Example: ``seed_everything(0)`` twice gives the same ``torch.rand(1)`` twice.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise InputError(f"seed is {seed!r}", wanted="a whole number from 0 to 4294967295", hint="use seed=0, 1, 2 …")
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def device() -> str:
    """The fastest device torch finds here: "cuda", "mps" or "cpu" (FTLAB_DEVICE overrides it).

    Returns: a name that ``torch.device`` takes.
    Example: on a laptop without a GPU, "cpu".
    """
    import torch

    if chosen := os.environ.get("FTLAB_DEVICE"):
        return chosen
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def device_name() -> str:
    """What a result was computed on, for the record: the GPU's own name, else the device.

    Returns: str.
    Example: "NVIDIA H100 80GB HBM3", or "cpu".
    """
    import torch

    return torch.cuda.get_device_name() if device() == "cuda" else device()


def bf16_in_hardware() -> bool:
    """Whether this device multiplies bfloat16 matrices in hardware (not emulated, which is slower than float32).

    CPU: AVX512_BF16 or AMX (Intel since 2020/2023, AMD since Zen 4). GPU: compute capability 8.0 (A100, RTX 30xx) or later; a T4
    says it can but only emulates.

    Returns: bool.
    Example: on a T4, False.
    """
    import torch

    if device() == "cuda":
        return torch.cuda.get_device_capability()[0] >= 8
    if device() == "cpu":
        ask = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, name, lambda: False)() for name in ask)
    return False


def precision(wanted: str = "auto") -> str:
    """The precision to train in: "auto" is bf16 where it is in hardware, else fp16 on an older CUDA GPU, else fp32.

    Args:
        wanted: "auto", "fp32", "bf16" or "fp16".
    Returns: "fp32", "bf16" or "fp16".
    Raises: InputError for another name, or for fp16 without a CUDA GPU.
    Example: ``precision("fp32") == "fp32"``.
    """
    if wanted == "auto":
        return "bf16" if bf16_in_hardware() else ("fp16" if device() == "cuda" else "fp32")
    if wanted not in ("fp32", "bf16", "fp16"):
        raise InputError(f"precision is {wanted!r}", wanted='"auto", "fp32", "bf16" or "fp16"', hint='keep precision="auto"')
    if wanted == "fp16" and device() != "cuda":
        raise InputError('precision is "fp16" without a CUDA GPU', wanted='"auto", "fp32" or "bf16"', hint='keep precision="auto"')
    return wanted


def peak_mib() -> float:
    """Peak resident memory of this process so far, in MiB (1 MiB = 2**20 bytes).

    Returns: float.
    Example: a fresh Python with torch imported shows about 300.
    """
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _checked(name: str) -> str:
    if name not in PROFILES:
        raise InputError(f"profile is {name!r}", wanted='"lite" or "full"', cause="FTLAB_PROFILE is misspelt", hint="unset it, or use lite")
    return name


def _cores() -> int:
    import torch

    return torch.get_num_threads()


def _quieten() -> None:
    """Keep the libraries' progress bars and load reports out of the page; errors still show."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _show_errors_as_one_line() -> None:
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return

    def handler(self, etype, value, tb, tb_offset=None):
        text = f"{etype.__name__}: {value}"
        print(text, file=sys.stderr)
        return [text]

    shell.set_custom_exc((FtlabError,), handler)
