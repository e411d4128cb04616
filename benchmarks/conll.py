#!/usr/bin/env python3
"""Fine-tune the lite encoder on CoNLL-2003, three seeds, and keep every run in data/results/conll_minilm-l6.json.

    python benchmarks/conll.py                 # seeds 0, 1, 2: about a minute each on a GPU, half an hour on 2 cores without bf16
    python benchmarks/conll.py --rows 200      # a trial: 200 random training sentences, seed 0 only, nothing is kept

Settings were fixed before the runs: 3 epochs at 2e-4, batches of 32, the validation split chooses among the three epochs, the test split is
scored once. Each run is a process of its own, and a finished run is never repeated: delete its entry to run it again. The data comes
from the Hub's cache (HF_HOME), or once from the Hub (HF_ENDPOINT for a mirror).
"""

from __future__ import annotations

import argparse
import collections
import datetime
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "results" / "conll_minilm-l6.json"
PLAN = dict(epochs=3, learning_rate=2e-4, max_length=192)  # the longest sentence has 164 pieces


def one(seed: int, rows: int | None) -> dict:
    import ftlab as ft
    from ftlab.entity_scores import entity_errors, scores_by_type
    from ftlab.finetuning import autocast, versions
    from ftlab.tagging import tag_split

    config = ft.TrainConfig(seed=seed, **PLAN)
    task = ft.load_task("conll2003")
    if rows:
        task = task.take(rows)
    started, cpu = time.perf_counter(), time.process_time()
    tuned = ft.fine_tune(task, config=config)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    with autocast(config.precision):
        tags = tag_split(tuned.model, tuned.tokenizer, task.test)
    kinds = collections.Counter(error["kind"] for error in entity_errors(tags, task.test.tags))
    history = tuned.history
    return {
        "task": "conll2003", "seed": seed, "metric": "f1",
        "n_train": len(task.train), "n_validation": len(task.validation), "n_test": len(task.test),
        "scores": {split: {k: round(v, 4) for k, v in scores.items() if k != "n"} for split, scores in tuned.scores.items()},
        "by_type": {kind: {k: round(v, 4) for k, v in scores.items()} for kind, scores in scores_by_type(tags, task.test.tags).items()},
        "errors": dict(kinds.most_common()), "seconds": round(wall, 1), "cpu_seconds": round(cpu, 1), "tokens": history.tokens,
        "peak_mib": round(ft.peak_mib()), "config": config.to_dict(), "notes": history.notes, "device": history.device,
        "device_name": ft.lab.device_name(), "precision": history.precision, "threads": ft.lab.setup(seed).cores,
        "date": datetime.date.today().isoformat(), "versions": versions(), "command": f"python benchmarks/conll.py --seeds {seed}",
    }


def baselines() -> dict:
    """Test scores of answering O always, and of looking names up in those of train."""
    import ftlab as ft
    from ftlab.entity_scores import entity_scores

    task = ft.load_task("conll2003")
    gazetteer = ft.baselines.Gazetteer(task.train)
    looked_up = entity_scores([gazetteer.tag(words) for words in task.test.words], task.test.tags)
    found = {"majority": task.majority_baseline(), "gazetteer": looked_up}
    return {name: {k: round(v, 4) for k, v in scores.items()} for name, scores in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rows", type=int, help="a trial on this many training sentences")
    parser.add_argument("--only", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from ftlab._files import write_whole

    if args.only or args.rows:
        print(json.dumps(one(args.seeds[0], args.rows), indent=1 if args.rows else None))
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
        print(f"seed {seed}: test {r['scores']['test']}  {r['seconds']:.0f} s on {r['device_name']}, {r['peak_mib']} MiB", flush=True)
        record = {"what": "CoNLL-2003, test F1 of whole names, minilm-l6", "checkpoint": "minilm-l6", "baselines": baselines(),
                  "runs": sorted(runs, key=lambda r: r["seed"])}
        write_whole(RESULTS, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
