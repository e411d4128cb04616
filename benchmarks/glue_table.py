#!/usr/bin/env python3
"""Fine-tune the lite encoder on GLUE tasks, three seeds each, and keep every run in data/results/glue_minilm-l6.json.

    python benchmarks/glue_table.py                        # all of PLAN: two hours on 2 cores
    python benchmarks/glue_table.py --tasks rte mrpc --seeds 0 1 2
    python benchmarks/glue_table.py --jobs 6               # on a GPU, which one such small run does not fill

Each run is a process of its own, and its command is stored beside the result. A finished run is never repeated; delete its
entry to run it again. The data comes from the Hub (set HF_ENDPOINT for a mirror). Settings are the same for all seeds and
were chosen by no score: three epochs, as the library's own GLUE example does, one for SST-2, which is ten times larger;
scores are of the validation split at the end of training (no choice by validation: keep_best is off), because GLUE's test
labels are withheld.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "results" / "glue_minilm-l6.json"
PLAN = {  # task: settings that differ from TrainConfig's defaults
    "sst2": dict(epochs=1, learning_rate=1e-4),
    "cola": dict(epochs=3, learning_rate=1e-4),
    "stsb": dict(epochs=3, learning_rate=1e-4),
    "mrpc": dict(epochs=3, learning_rate=1e-4),
    "rte": dict(epochs=3, learning_rate=1e-4),
}


def one(task_name: str, seed: int) -> dict:
    import ftlab as ft
    from ftlab.finetuning import versions

    config = ft.TrainConfig(seed=seed, keep_best=False, **PLAN[task_name])
    task = ft.load_task(f"glue/{task_name}")
    started, cpu = time.perf_counter(), time.process_time()
    tuned = ft.fine_tune(task, config=config, test=False)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    last = tuned.history.evaluations[-1]
    return {
        "task": task_name, "seed": seed, "metric": task.metric, "n_train": len(task.train), "n_validation": len(task.validation),
        "scores": {k: round(v, 4) for k, v in last.items() if k not in ("step", "epoch", "n")}, "seconds": round(wall, 1), "cpu_seconds": round(cpu, 1),
        "tokens": tuned.history.tokens, "peak_mib": round(ft.peak_mib()), "config": PLAN[task_name], "notes": tuned.history.notes,
        "device": ft.lab.device_name(), "precision": tuned.history.precision, "threads": ft.lab.setup(seed).cores,
        "date": datetime.date.today().isoformat(), "versions": versions(), "majority": task.majority_baseline("validation"),
        "command": f"python benchmarks/glue_table.py --tasks {task_name} --seeds {seed}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=PLAN, default=list(PLAN))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time (1: their seconds mean something)")
    parser.add_argument("--only", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from ftlab._files import write_whole

    if args.only:
        print(json.dumps(one(args.tasks[0], args.seeds[0])))
        return
    runs = json.loads(RESULTS.read_text())["runs"] if RESULTS.exists() else []
    wanted = [(task, seed) for seed in args.seeds for task in args.tasks if not any(r["task"] == task and r["seed"] == seed for r in runs)]

    def run(task: str, seed: int) -> subprocess.CompletedProcess:
        command = [sys.executable, __file__, "--only", "--tasks", task, "--seeds", str(seed)]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "FTLAB_QUIET": "1"})

    with ThreadPoolExecutor(args.jobs) as pool:
        waiting = {pool.submit(run, task, seed): (task, seed) for task, seed in wanted}
        for future in as_completed(waiting):
            (task, seed), done = waiting[future], future.result()
            if done.returncode:
                print(f"{task} seed {seed} failed: {done.stderr.strip().splitlines()[-1][:300]}", flush=True)
                continue
            runs.append(r := json.loads(done.stdout.strip().splitlines()[-1]))
            print(f"{task:5} seed {seed}: {r['scores']}  {r['seconds']:.0f} s, {r['cpu_seconds']:.0f} CPU s, {r['peak_mib']} MiB", flush=True)
            record = {"what": "GLUE validation scores, minilm-l6", "checkpoint": "minilm-l6", "runs": sorted(runs, key=lambda r: (r["task"], r["seed"]))}
            write_whole(RESULTS, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
