#!/usr/bin/env python3
"""Fine-tune the lite encoder on movie sentiment, three seeds, and keep every run in data/results/movies_minilm-l6.json.

    python benchmarks/movies.py                 # seeds 0, 1, 2: about 5 minutes on 2 cores
    python benchmarks/movies.py --seeds 3 4     # two more

The settings are `TrainConfig()`'s defaults, fixed before the runs: one epoch of the published train split. The test split is
scored once, after training. Each run is a process of its own (so its peak memory is its own), and a finished run is never
repeated: delete its entry to run it again. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "results" / "movies_minilm-l6.json"
TASK = "ratings/movies"


def one(seed: int) -> dict:
    import ftlab as ft
    from ftlab.finetuning import versions

    config = ft.TrainConfig(seed=seed)
    started, cpu = time.perf_counter(), time.process_time()
    tuned = ft.fine_tune(TASK, config=config)
    task, wall, cpu = tuned.task, time.perf_counter() - started, time.process_time() - cpu
    history = tuned.history
    return {
        "task": TASK, "seed": seed, "metric": task.metric, "n_train": len(task.train), "n_validation": len(task.validation), "n_test": len(task.test),
        "scores": {split: {k: round(v, 4) for k, v in scores.items() if k != "n"} for split, scores in tuned.scores.items()},
        "seconds": round(wall, 1), "cpu_seconds": round(cpu, 1), "training_seconds": round(history.seconds, 1),
        "evaluation_seconds": round(history.evaluation_seconds, 1), "tokens": history.tokens, "peak_mib": round(ft.peak_mib()),
        "losses": [round(step["loss"], 3) for step in history.steps], "notes": history.notes, "config": config.to_dict(),
        "device": history.device, "precision": history.precision, "threads": ft.setup(seed).cores,
        "date": datetime.date.today().isoformat(), "versions": versions(), "majority": task.majority_baseline("test"),
        "command": f"python benchmarks/movies.py --seeds {seed}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--only", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from ftlab._files import write_whole

    if args.only:
        print(json.dumps(one(args.seeds[0])))
        return
    runs = json.loads(RESULTS.read_text(encoding="utf-8"))["runs"] if RESULTS.exists() else []
    for seed in args.seeds:
        if any(r["seed"] == seed for r in runs):
            continue
        command = [sys.executable, __file__, "--only", "--seeds", str(seed)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "FTLAB_QUIET": "1"})
        if done.returncode:
            sys.exit(f"seed {seed} failed: {done.stderr.strip()[-1000:]}")
        runs.append(json.loads(done.stdout.strip().splitlines()[-1]))
        r = runs[-1]
        print(f"seed {seed}: test {r['scores']['test']}  {r['seconds']:.0f} s, {r['cpu_seconds']:.0f} CPU s, {r['peak_mib']} MiB", flush=True)
        record = {"what": "movie sentiment, test accuracy, minilm-l6", "checkpoint": "minilm-l6", "runs": sorted(runs, key=lambda r: r["seed"])}
        write_whole(RESULTS, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
