"""From a bare clone: the standard library suffices, help needs nothing, an interrupted setup goes on, and the lists of versions agree."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ftlab.cli import bootstrap, texts

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def clone(tmp_path):
    """A copy of what a bare clone has, without an environment."""
    folder = tmp_path / "clone"
    shutil.copytree(ROOT / "ftlab", folder / "ftlab", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "notebooks").mkdir()
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    return folder


def call(clone: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run ftlab there with this Python, without site-packages (-S) and without the user's settings (-E, -s)."""
    command = [sys.executable, "-E", "-s", "-S", "-m", "ftlab", *arguments]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FTLAB", "PYTHON"))}
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, timeout=60, env={**kept, **environment})


@pytest.mark.parametrize("arguments", [(), ("--help",), *((name, "--help") for name in texts.HELP)])
def test_help_works_in_a_bare_clone_and_makes_nothing(clone, arguments):
    done = call(clone, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: python3 -m ftlab") and not done.stderr
    assert not (clone / ".venv").exists()
    if len(arguments) == 2:
        assert "Example" in done.stdout
    else:
        assert all(name in done.stdout for name in texts.HELP)


def test_an_unknown_command_is_one_line_and_makes_nothing(clone):
    done = call(clone, "lap")
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1 and "'lap'" in done.stderr
    assert not (clone / ".venv").exists()


def test_the_bootstrap_and_the_assets_import_the_standard_library_alone(clone):
    code = ("import sys; import ftlab, ftlab.__main__, ftlab.cli.bootstrap, ftlab.cli.texts, ftlab.assets; ftlab.assets.manifest(); "
            "print(sorted({m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names) - {'ftlab', '__main__'}))")
    done = subprocess.run([sys.executable, "-E", "-s", "-S", "-c", code], cwd=clone, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_an_old_python_gets_a_clear_line(clone):
    code = ("import sys, io; sys.version_info = (3, 9, 1, 'final', 0); import ftlab.__main__ as m; sys.exit(m.main())")
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=clone, capture_output=True, text=True)
    assert done.returncode == 2 and "needs Python 3.11 or later; this is 3.9.1" in done.stderr and "Traceback" not in done.stderr


def test_main_is_written_for_old_pythons():
    import ast

    ast.parse((ROOT / "ftlab" / "__main__.py").read_text(encoding="utf-8"), feature_version=(3, 7))
    ast.parse((ROOT / "ftlab" / "__init__.py").read_text(encoding="utf-8"), feature_version=(3, 7))


@pytest.fixture
def steps(clone, monkeypatch):
    """Record the steps of the setup instead of installing anything."""
    done: list[list[str]] = []

    def step(number, what, command):
        done.append(command)
        if command[1:3] == ["-m", "venv"]:
            bootstrap.venv_python(clone).parent.mkdir(parents=True, exist_ok=True)
            bootstrap.venv_python(clone).touch()

    monkeypatch.setattr(bootstrap, "_step", step)
    monkeypatch.setattr(bootstrap, "_has_pip", lambda python: python.exists())
    return done


def test_a_second_run_does_nothing_and_a_changed_lock_installs_again(clone, steps, capsys):
    bootstrap.make_environment(clone, "lab")
    assert [command[1:3] for command in steps[:-1]] == [["-m", "venv"], ["-m", "pip"], ["-m", "pip"]] and steps[-1][1] == "-c"
    assert str(clone / "requirements.lock") in steps[1] and "--no-deps" in steps[2] and "--no-build-isolation" in steps[2]
    assert "then JupyterLab opens" in capsys.readouterr().out
    steps.clear()
    bootstrap.make_environment(clone, "lab")
    assert steps == []
    (clone / "requirements.lock").write_text("numpy==2.0.0\n")
    bootstrap.make_environment(clone, "lab")
    assert [command[2] for command in steps[:-1]] == ["pip", "pip"]  # the environment itself is kept


def test_what_is_tried_out_at_the_end_is_locked():
    for module in bootstrap.USED:
        name = {"sklearn": "scikit-learn", "rouge_score": "rouge-score"}.get(module.split(".")[0], module.split(".")[0])
        assert name in lock(), module


def test_a_moved_clone_is_installed_again(clone, steps, tmp_path):
    bootstrap.make_environment(clone)
    moved = clone.rename(tmp_path / "moved")
    assert not bootstrap._is_ready(moved)


def test_an_interrupted_setup_goes_on(clone, steps, monkeypatch, capsys):
    def interrupted(number, what, command):
        steps.append(command)
        if command[2] == "pip":
            raise KeyboardInterrupt

    recorded = bootstrap._step
    monkeypatch.setattr(bootstrap, "_step", lambda *a: (recorded(*a), interrupted(*a)))
    with pytest.raises(KeyboardInterrupt):
        bootstrap.make_environment(clone)
    assert not bootstrap._is_ready(clone) and (clone / ".venv" / bootstrap.BUSY).exists()
    packages = clone / ".venv" / "lib" / "python3.11" / "site-packages"
    for name, record in (("whole-1.dist-info", True), ("half-1.dist-info", False)):
        (packages / name).mkdir(parents=True)
        (packages / name / "METADATA").touch()
        if record:
            (packages / name / "RECORD").touch()
    monkeypatch.setattr(bootstrap, "_step", recorded)
    bootstrap.make_environment(clone)
    assert "interrupted: going on" in capsys.readouterr().out
    assert bootstrap._is_ready(clone) and not (clone / ".venv" / bootstrap.BUSY).exists()
    assert (packages / "whole-1.dist-info").exists() and not (packages / "half-1.dist-info").exists()


def test_a_broken_environment_is_made_anew(clone, steps, monkeypatch):
    (clone / ".venv").mkdir()
    bootstrap.make_environment(clone)
    assert steps[0][1:4] == ["-m", "venv", "--clear"]


def test_ctrl_c_is_tidy_in_the_real_thing(clone):
    """Interrupt `python -m ftlab doctor` while it makes the environment: one line, no traceback, exit code 130."""
    if os.name == "nt":
        pytest.skip("Ctrl-C cannot be sent to one process here")
    import signal

    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FTLAB", "PYTHON"))}
    child = subprocess.Popen([sys.executable, "-E", "-s", "-S", "-m", "ftlab", "doctor"], cwd=clone, env={**kept, "PYTHONUNBUFFERED": "1"},
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # a shell's background jobs ignore it, and so would this
    for line in child.stdout:
        if "[1/" in line:
            break
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 130 and said.strip() == "Stopped. The same command goes on from here."


def test_a_failing_step_says_why_in_short():
    with pytest.raises(bootstrap.SetupError, match="ERROR: no such thing.*check the network"):
        bootstrap._step("2/4", "installing", [sys.executable, "-c", "print('x'); print('ERROR: no such thing'); raise SystemExit(1)"])
    text = "The virtual environment was not created successfully because ensurepip is not available."
    assert "apt install python3" in bootstrap._why("making the environment", ["python"], [text])
    pip = ["ERROR: Ignored the following versions that require a different python version: 1.21.2" + " 1.21.2" * 90, "ERROR: No matching distribution found for x==1"]
    assert "No matching distribution found for x==1" in bootstrap._why("installing", ["pip"], pip)


@pytest.mark.parametrize("name, parts", [("nt", ("Scripts", "python.exe")), ("posix", ("bin", "python"))])
def test_the_interpreter_is_found_on_each_system(monkeypatch, name, parts):
    from pathlib import PurePosixPath

    monkeypatch.setattr(bootstrap.os, "name", name)
    try:
        assert bootstrap.venv_python(PurePosixPath("/x")).parts[-2:] == parts
    finally:
        monkeypatch.undo()


# The lists of versions, held together.

def lock() -> dict[str, str]:
    rows = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9_.-]+)==([\w.]+)( ; .+)?", line)
            assert match, f"not an exact pin: {line}"
            rows[re.sub(r"[-_.]+", "-", match[1]).lower()] = match[2]
    return rows


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_dependency_is_locked_inside_its_range():
    from packaging.requirements import Requirement

    locked, extras = lock(), project()["optional-dependencies"]
    for text in [*project()["dependencies"], *extras["course"], *extras["test"]]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(locked[requirement.name.lower()]), f"{text}, locked {locked[requirement.name.lower()]}"


def test_the_lock_is_closed():
    """Everything that a locked package needs on this system is in the lock, too."""
    import importlib.metadata

    from packaging.requirements import Requirement

    locked = lock()
    for name in locked:
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # of another system
        for text in needs:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                if not requirement.name.startswith(("nvidia", "triton", "cuda")):  # brought by torch's GPU build
                    assert re.sub(r"[-_.]+", "-", requirement.name).lower() in locked, f"{name} needs {text}"


def test_the_lock_is_what_is_installed():
    import importlib.metadata

    wrong = []
    for name, version in lock().items():
        try:
            found = importlib.metadata.version(name).split("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
        wrong += [f"{name} {found}, locked {version}"] * (found != version)
    assert not wrong or os.environ.get("FTLAB_NO_VENV") or Path(sys.prefix) != ROOT / ".venv", wrong


def test_conda_and_binder_use_the_lock_and_the_same_python():
    import yaml

    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    binder = yaml.safe_load((ROOT / "binder" / "environment.yml").read_text())
    assert conda["dependencies"][-1] == {"pip": ["-r requirements.lock", "-e ."]}
    assert conda["dependencies"][:2] == binder["dependencies"][:2] == ["python=3.11", "pip"]
    assert project()["requires-python"] == ">=3.11"
    build = (ROOT / "binder" / "postBuild").read_text()
    assert "-r requirements.lock" in build and "ftlab fetch" in build
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK) or os.name == "nt"


def test_ci_runs_the_readmes_command():
    assert (ROOT / ".ci" / "run").read_text().strip().splitlines()[-1] == "python3 -m ftlab test"
    assert ".ci/run" in (ROOT / ".github" / "workflows" / "test.yml").read_text()


def test_no_list_names_a_registry_or_a_hash():
    for name in ("requirements.lock", "environment.yml", "binder/environment.yml", "binder/postBuild"):
        assert not re.search(r"https?://|index-url|find-links|--hash", (ROOT / name).read_text()), name
