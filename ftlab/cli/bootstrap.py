"""From a bare clone to a working environment: makes .venv, installs the lock, then runs the command in it.

Standard library only. What is done is recorded in .venv: a second start compares one hash and goes straight on, and an
interrupted one picks up with what pip has already installed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from ftlab._files import locked
from ftlab.cli import texts

ROOT = Path(__file__).resolve().parents[2]
STAMP = "ftlab-ready"  # in .venv: what was installed, once it all was
# Imported once at the end, so that Python keeps their compiled form (pip, asked to, would compile thousands of files never used).
USED = ("torch", "transformers.models.bert.modeling_bert", "transformers.models.auto.modeling_auto", "transformers.models.auto.tokenization_auto",
        "datasets", "accelerate", "sklearn.metrics", "scipy.stats", "pandas", "matplotlib.pyplot", "matplotlib.backends.backend_agg", "peft",
        "ipykernel.kernelapp", "ipywidgets", "jupyterlab.labapp", "nbclient", "pytest", "typer", "rich.console", "psutil", "sacrebleu",
        "rouge_score.rouge_scorer")
BUSY = "ftlab-installing"  # in .venv while pip works; left behind when it is interrupted


class SetupError(Exception):
    """The environment could not be made; the message says why and what to do."""


def run(arguments: list[str]) -> int:
    """Run a command, in .venv when called from a clone outside of it.

    Args:
        arguments: without the program's name.
    Returns:
        The exit code.
    """
    try:
        if _here_is_fine():
            return _run_here(arguments)
        if not (ROOT / "pyproject.toml").is_file():
            return _run_here(arguments)  # installed without a clone: whatever is there is used
        python = venv_python(ROOT)
        if not _is_ready(ROOT):
            if not arguments or arguments[0] in ("-h", "--help"):
                print(texts.general())
                return 0
            before = arguments[: arguments.index("--")] if "--" in arguments else arguments
            if arguments[0] not in texts.HELP:
                print(f"got: the command {arguments[0]!r} · wanted: one of {', '.join(texts.HELP)}", file=sys.stderr)
                return 2
            if {"-h", "--help"} & set(before):
                print(texts.of(arguments[0]))
                return 0
            make_environment(ROOT, arguments[0])
        return _hand_over([str(python), "-m", "ftlab", *arguments])
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130


def venv_python(root: Path) -> Path:
    """The interpreter of the clone's environment, on this system."""
    return root / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint(root: Path) -> str:
    """A hash of all that decides what must be installed: the lock, pyproject, the Python version, and where the clone is."""
    digest = hashlib.sha256()
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update((root / name).read_bytes().replace(b"\r\n", b"\n"))
    digest.update(f"{sys.version_info[:2]}{root}".encode())
    return digest.hexdigest()


def make_environment(root: Path, command: str = "") -> None:
    """Make .venv and install the locked requirements and the package, or finish what an interrupted run began.

    Args:
        root: the clone.
        command: what runs afterwards, to be said.
    Raises:
        SetupError: no venv module, no disk space, or pip failed.
    """
    waiting = lambda: print("Another ftlab is setting up this folder; waiting for it ...", flush=True)  # noqa: E731
    with locked(root / ".venv.lock", waiting):
        if _is_ready(root):
            return
        after = {"lab": "then JupyterLab opens", "test": "then the tests run"}.get(command, f"then '{command}' runs")
        print(f"Setting up ftlab in {root / '.venv'} (once, a few minutes): environment, packages, {after}.", flush=True)
        started = time.monotonic()
        _space(root)
        environment, python = root / ".venv", venv_python(root)
        if not _has_pip(python):
            _step("1/4", "making the environment", [sys.executable, "-m", "venv", *(["--clear"] if environment.exists() else []), str(environment)])
        (environment / STAMP).unlink(missing_ok=True)
        if (environment / BUSY).exists():
            print("      an earlier installation was interrupted: going on with it", flush=True)
            _drop_half_installed(environment)
        (environment / BUSY).touch()
        pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off", "--no-compile"]
        count = sum(1 for line in (root / "requirements.lock").read_text().splitlines() if "==" in line)
        _step("2/4", f"installing about {count} packages", [*pip, "-r", str(root / "requirements.lock")])
        _step("3/4", "installing ftlab itself", [*pip, "--no-deps", "--no-build-isolation", "-e", str(root)])
        _step("4/4", "trying it out", [str(python), "-c", "import " + ", ".join(USED)])
        (environment / STAMP).write_text(fingerprint(root))
        (environment / BUSY).unlink(missing_ok=True)
        print(f"The environment is ready, {time.monotonic() - started:.0f} s.", flush=True)


def _here_is_fine() -> bool:
    """Whether this interpreter is the one to use: the clone's .venv, ready, or another environment ftlab was installed into."""
    if os.environ.get("FTLAB_NO_VENV"):
        return True
    if Path(sys.prefix).resolve() == (ROOT / ".venv").resolve():
        return _is_ready(ROOT)
    found = importlib.metadata.distributions(name="ftlab")
    return any(Path(str(d.locate_file(""))).resolve() != ROOT for d in found)


def _is_ready(root: Path) -> bool:
    try:
        return (root / ".venv" / STAMP).read_text() == fingerprint(root) and venv_python(root).exists()
    except OSError:
        return False


def _run_here(arguments: list[str]) -> int:
    try:
        from ftlab.cli.app import main
    except ModuleNotFoundError as error:
        raise SetupError(f"got: no package {error.name!r} in {sys.prefix} · do: pip install {error.name}, or run it from a clone of the project: python3 -m ftlab lab") from error
    return main(arguments)


def _hand_over(command: list[str]) -> int:
    """Become that command (on Windows: run it and wait), with the environment's own kernels first."""
    environment = {**os.environ, "JUPYTER_PREFER_ENV_PATH": "1"}
    environment.pop("PYTHONHOME", None)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execve(command[0], command, environment)
    child = subprocess.Popen(command, env=environment)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child got it, too, and decides
            continue


def _has_pip(python: Path) -> bool:
    if not python.exists():
        return False
    version = "import sys, pip; raise SystemExit(sys.version_info[:2] != " + repr(tuple(sys.version_info[:2])) + ")"
    return subprocess.run([str(python), "-c", version], capture_output=True).returncode == 0


def _space(root: Path) -> None:
    free = shutil.disk_usage(root).free
    if free < 3e9:
        raise SetupError(f"got: {free / 1e9:.1f} GB free in {root} · wanted: at least 3 GB · do: free some space and run the same command again")


def _drop_half_installed(environment: Path) -> None:
    """Forget packages whose installation was cut off (pip writes RECORD last), so that pip installs them again."""
    for info in environment.glob("**/site-packages/*.dist-info"):
        if not (info / "RECORD").is_file():
            shutil.rmtree(info, ignore_errors=True)


def _step(number: str, what: str, command: list[str]) -> None:
    """Run one command; show what it does in one live line (a few lines where there is no terminal), keep its output for errors."""
    print(f"[{number}] {what} ...", flush=True)
    live, started, lines, detail = sys.stdout.isatty(), time.monotonic(), [], ""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH")}
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                             encoding="utf-8", errors="replace")
    try:
        assert child.stdout is not None
        for line in child.stdout:
            lines.append(line.rstrip())
            detail, before = _compact(line, detail), detail
            if live:
                _live_line(f"      {time.monotonic() - started:3.0f} s  {detail}")
            elif detail != before and detail.startswith(("unpacking", "downloading torch")):
                print(f"      {time.monotonic() - started:3.0f} s  {detail}", flush=True)
        code = child.wait()
    except KeyboardInterrupt:
        child.send_signal(signal.SIGTERM)
        child.wait()
        raise
    finally:
        if live:
            _live_line("")
    if code:
        raise SetupError(_why(what, command, lines))
    print(f"      done, {time.monotonic() - started:.0f} s", flush=True)


def _compact(line: str, before: str) -> str:
    """One line of pip in a few words."""
    words = line.split()
    if line.startswith("Collecting") and len(words) > 1:
        return "finding " + words[1].split(";")[0]
    if line.lstrip().startswith("Downloading") and len(words) > 1:
        return "downloading " + words[1].rsplit("/", 1)[-1] + (" " + " ".join(words[2:]) if len(words) > 2 else "")
    if line.startswith("Installing collected"):
        count = line.count(",") + 1
        return f"unpacking {count} packages (the longest part, a minute or two; nothing more is downloaded)" if count > 9 else before
    return before


def _live_line(text: str) -> None:
    width = shutil.get_terminal_size().columns - 1
    print("\r" + text[:width].ljust(width) + ("\r" if not text else ""), end="", flush=True)


def _why(what: str, command: list[str], lines: list[str]) -> str:
    """The reason of a failed step, and what to do."""
    text = "\n".join(lines)
    if "ensurepip" in text or "No module named venv" in text:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return f"got: a Python without venv · do: install it (Debian, Ubuntu: sudo apt install python{version}-venv), then run the same command again"
    errors = [line for line in lines if line.startswith("ERROR") and "Ignored the following" not in line] or lines[-3:]  # pip lists other versions first
    hint = "check the network (or pip's mirror and proxy), then run the same command again"
    if "No space left" in text:
        hint = "free some disk space, then run the same command again"
    return f"got: {what} failed · {' '.join(errors)[:400]} · do: {hint}\n(the command was: {' '.join(command)})"
