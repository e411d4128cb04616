"""Many short trainings, kept: a study's cells run in order, each result is written at once, and a finished cell never runs again.

A cell is a dict of settings with a seed (see `ftlab.studies`). `run_study` trains those that are missing from the results file,
all of seed 0 first; `load_results` reads what is stored, and compares settings pair by pair.
"""

from __future__ import annotations

import datetime
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftlab._files import locked, write_whole
from ftlab.errors import InputError, TrainingError
from ftlab.studies import load_study

if TYPE_CHECKING:
    from ftlab.stats import Interval, PairedTest

Cell = dict[str, Any]
CHOOSING = 100  # seeds from here on choose settings; the seeds that are reported lie below


def run_study(
    name: str,
    *,
    jobs: int = 1,
    n_seeds: int | None = None,
    only: dict[str, Any] | None = None,
    out: str | Path | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """Train every cell of a study that has no result yet.

    Args:
        name: a study of `ftlab.studies`.
        jobs: worker processes; each loads the libraries and the data once, and takes the next cell when it is done with one.
        n_seeds: only cells whose seed is below this; None runs all.
        only: only cells with these settings, for example {"n_train": 256}.
        out: results file; None is data/results/study_NAME.json.
        say: called with a line for each finished cell.
    Returns: how many cells were trained now.
    Raises: InputError if no cell fits; TrainingError, at the end, if cells failed (the others are kept).
    Example: ``run_study("overfitting", n_seeds=1, only={"part": "size"})``.
    """
    module, path = load_study(name), Path(out) if out else results_path(name)
    if jobs < 1:
        raise InputError(f"jobs is {jobs}", wanted="1 or more")
    chosen(name, n_seeds, only, _read(path)["runs"] if path.exists() else ())  # refuses a wrong setting before it waits for the lock
    with locked(path.with_suffix(".lock"), lambda: say(f"another process is writing to {path.name}; waiting")):
        record = {"study": name, "machines": [], "runs": [], **(_read(path) if path.exists() else {})}
        record |= {"what": module.WHAT, "command": f"python3 -m ftlab study {name}"}
        failed, tried, started = [], set(), time.perf_counter()
        while True:  # once, or once a stage
            cells, order = chosen(name, n_seeds, only, record["runs"]), [key(cell) for cell in all_cells(module, record["runs"])]
            done = {key(run["cell"]) for run in record["runs"]}
            todo = [cell for cell in cells if key(cell) not in done | tried]
            if tried and not todo:
                break
            say(f"{name}: {len(cells)} cells, {len(done & {key(cell) for cell in cells})} done, {len(todo)} to go ({sum(map(module.steps, todo)):,} steps)")
            with closing(_results(name, todo, jobs)) as results:
                for n, (cell, result) in enumerate(results, 1):
                    if "error" in result:
                        failed.append(f"{key(cell)}: {result['error']}")
                        say(f"{n:4}/{len(todo)}  failed  {key(cell)}  {result['error']}")
                        continue
                    _add(record, cell, result)
                    _write(path, record, order)
                    say(f"{n:4}/{len(todo)}  {time.perf_counter() - started:5.0f} s  {key(cell)}  {_short(result['scores'])}")
            tried |= {key(cell) for cell in todo}
            if not todo or not hasattr(module, "then"):
                break
    if failed:
        raise TrainingError(f"{len(failed)} of {len(tried)} cells failed, the first: {failed[0]}", wanted="a result for each",
                            hint="the others are kept; the same command tries these again")
    return len(tried)


def chosen(name: str, n_seeds: int | None = None, only: dict[str, Any] | None = None, runs: Sequence[dict[str, Any]] = ()) -> list[Cell]:
    """The cells of a study in the order they run: all of seed 0, then all of seed 1, …

    Args:
        name: a study of `ftlab.studies`.
        n_seeds: only seeds below this, and those from 100 on, which are for choosing settings.
        only: only cells with these settings.
        runs: finished runs; a study with a second stage plans it from them.
    Returns: list of cells.
    Raises: InputError if a setting does not exist, or no cell is left.
    Example: ``[cell["seed"] for cell in chosen("overfitting", n_seeds=1)]`` is all zeros.
    """
    cells = sorted(all_cells(load_study(name), runs), key=lambda cell: cell["seed"])  # sorted keeps the given order within a seed
    for setting, value in (only or {}).items():
        known = {json.dumps(cell[setting]): None for cell in cells if setting in cell}
        if json.dumps(value) not in known:
            settings = ", ".join(dict.fromkeys(s for cell in cells for s in cell))
            raise InputError(f"no cell of {name} with {setting}={value}", wanted=f"{setting} one of {', '.join(known)}" if known else f"one of {settings}")
        cells = [cell for cell in cells if cell.get(setting) == value]
    cells = [cell for cell in cells if n_seeds is None or cell["seed"] < n_seeds or cell["seed"] >= CHOOSING]
    if not cells:
        raise InputError(f"no cell of {name} is left", wanted="at least one", hint="ask for more seeds, or fewer settings")
    return cells


def all_cells(module: Any, runs: Sequence[dict[str, Any]]) -> list[Cell]:
    """The cells of a study, and those that follow from finished runs.

    Args:
        module: from `load_study`.
        runs: finished runs, as stored.
    Returns: list of cells.
    Example: ``all_cells(load_study("tuning"), [])`` is its learning-rate search alone.
    """
    return module.cells() + (module.then(list(runs)) if hasattr(module, "then") else [])


def key(cell: Cell) -> str:
    """A cell as text: two cells are the same if their keys are.

    Args:
        cell: dict of JSON settings.
    Returns: str, ``name=value`` sorted by name.
    Example: ``key({"seed": 0, "n_train": 64})`` is "n_train=64 seed=0".
    """
    return " ".join(f"{name}={json.dumps(cell[name])}" for name in sorted(cell)).replace('"', "")


def results_path(name: str) -> Path:
    """Where the results of a study are kept.

    Args:
        name: a study of `ftlab.studies`.
    Returns: data/results/study_NAME.json of the project; the file need not exist yet.
    Raises: AssetError if the project has no data/results.
    Example: ``results_path("overfitting").name`` is "study_overfitting.json".
    """
    from ftlab import assets

    return assets.data_path("results") / f"study_{name.rsplit('.', 1)[-1]}.json"


@dataclass(frozen=True)
class Results:
    """What a study has found so far.

    Attributes:
        what: one sentence on what is compared.
        runs: one dict a cell: cell, scores, steps, seconds, date, machine (a place in `machines`).
        machines: device, precision, threads and versions, for each machine that took part.
    Example: ``load_results("overfitting").values("accuracy", part="size", n_train=64)`` is {seed: accuracy}.
    """

    what: str
    runs: list[dict[str, Any]]
    machines: list[dict[str, Any]]

    def pick(self, **settings: Any) -> list[dict[str, Any]]:
        """The runs whose cell has all these settings. Raises: InputError if there is none."""
        found = [run for run in self.runs if all(run["cell"].get(name) == value for name, value in settings.items())]
        if not found:
            raise InputError(f"no stored run with {key(settings)}", wanted="settings of a cell that has been run",
                             hint="ftlab study NAME --list shows the cells")
        return found

    def values(self, score: str, **settings: Any) -> dict[int, float]:
        """One score of the runs with these settings, by seed. Raises: InputError if two runs have the same seed, or none fits."""
        found = {}
        for run in self.pick(**settings):
            if run["cell"]["seed"] in found:
                raise InputError(f"two runs of seed {run['cell']['seed']} with {key(settings)}", wanted="settings that leave one a seed")
            found[run["cell"]["seed"]] = run["scores"][score]
        return dict(sorted(found.items()))

    def interval(self, score: str, **settings: Any) -> Interval:
        """Mean of a score over the seeds, with its t interval."""
        from ftlab.stats import mean_interval

        return mean_interval(list(self.values(score, **settings).values()))

    def compare(self, score: str, changed: Cell, base: Cell) -> PairedTest:
        """The score with the changed settings minus the score with the base settings, over the seeds that both have.

        Args:
            score: its name.
            changed, base: settings that leave one run a seed each.
        Returns: `stats.PairedTest`.
        Raises: InputError if they share fewer than two seeds.
        Example: ``results.compare("accuracy", {"variant": "dropout 0.1"}, {"variant": "base"}).difference.mean``.
        """
        from ftlab.stats import paired_test

        a, b = self.values(score, **changed), self.values(score, **base)
        shared = sorted(set(a) & set(b))
        return paired_test([a[seed] for seed in shared], [b[seed] for seed in shared])


def load_results(name: str, path: str | Path | None = None) -> Results:
    """Read the stored results of a study.

    Args:
        name: a study of `ftlab.studies`.
        path: another file; None is data/results/study_NAME.json.
    Returns: `Results`.
    Raises: AssetError if nothing is stored; InputError if the file is no results file.
    Example: ``len(load_results("overfitting").runs)``.
    """
    from ftlab import assets

    record = _read(Path(path) if path else assets.data_path(f"results/study_{name}.json"))
    return Results(record["what"], record["runs"], record["machines"])


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        record["runs"], record["machines"], record["what"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a results file", wanted="JSON with what, runs and machines", hint="move it away, or name another") from error
    return record


def _add(record: dict[str, Any], cell: Cell, result: dict[str, Any]) -> None:
    machines, machine = record["machines"], result.pop("machine")
    if machine not in machines:
        machines.append(machine)
    record["runs"].append({"cell": cell, **result, "date": datetime.date.today().isoformat(), "machine": machines.index(machine)})


def _write(path: Path, record: dict[str, Any], order: list[str]) -> None:
    """The whole file, one run a line, put in place in one move: whoever reads it finds the old one or the new one."""
    place = {name: n for n, name in enumerate(order)}
    runs = sorted(record["runs"], key=lambda run: place.get(key(run["cell"]), len(place)))
    head = {name: record[name] for name in ("study", "what", "command", "machines")}
    text = json.dumps({**head, "runs": []}, indent=1, ensure_ascii=False)
    lines = ",\n".join("  " + json.dumps(run, ensure_ascii=False) for run in runs)
    write_whole(path, text.replace('"runs": []', f'"runs": [\n{lines}\n ]') + "\n")


def _short(scores: dict[str, Any]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in scores.items() if isinstance(value, float))


def _results(name: str, todo: list[Cell], jobs: int) -> Generator[tuple[Cell, dict[str, Any]], None, None]:
    """(cell, its result) as they come, from this process or from workers."""
    if jobs == 1:
        _prepare(1)
        for cell in todo:
            yield cell, _one(name, cell)
        return
    context, waiting, workers = multiprocessing.get_context("spawn"), iter(todo), {}
    try:
        for cell in [cell for _, cell in zip(range(jobs), waiting)]:
            pipe, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, name, jobs), daemon=True)
            process.start()
            theirs.close()
            pipe.send(cell)
            workers[pipe] = (process, cell)
        while workers:
            for pipe in connection.wait(list(workers)):
                process, cell = workers.pop(pipe)
                try:
                    result = pipe.recv()
                except EOFError:  # killed, most likely for memory: the others take its share
                    yield cell, {"error": f"its process ended with code {process.exitcode}"}
                    continue
                if (after := next(waiting, None)) is not None:
                    workers[pipe] = (process, after)
                pipe.send(after)  # None: go home
                yield cell, result
        yield from ((cell, {"error": "no process is left to train it"}) for cell in waiting)
    finally:
        for process, _ in workers.values():
            process.terminate()


def _work(pipe: Any, name: str, jobs: int) -> None:
    """A worker's life: take a cell, train it, send the result, until there is none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the first process decides
    _prepare(jobs)
    while (cell := pipe.recv()) is not None:
        pipe.send(_one(name, cell))


def _prepare(jobs: int) -> None:
    """Settings that make a cell's result depend on its seed alone."""
    os.environ["FTLAB_QUIET"] = "1"
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before CUDA starts: sums in a fixed order
    import torch

    from ftlab import lab

    lab.setup()
    if jobs > 1:
        torch.set_num_threads(1 if lab.device() == "cuda" else max(1, (os.cpu_count() or 1) // jobs))
    if lab.device() == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # a safety net that writes every new tensor twice


def _one(name: str, cell: Cell) -> dict[str, Any]:
    """Train one cell: its scores with what they cost, or {"error": one line}."""
    import torch

    from ftlab import lab
    from ftlab.finetuning import versions

    module, started = load_study(name), time.perf_counter()
    lab.seed_everything(cell["seed"])
    try:
        with redirect_stdout(StringIO()):  # a line a training would bury the line a cell
            scores = dict(module.run(dict(cell)))
    except Exception as error:
        if os.environ.get("FTLAB_STUDY_RAISE"):
            raise
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
    machine = {"device": lab.device_name(), "precision": lab.precision(module.PRECISION), "threads": torch.get_num_threads(), "versions": versions()}
    steps = scores.pop("steps", None)
    return {"scores": scores, "steps": steps, "seconds": round(time.perf_counter() - started, 2), "machine": machine}
