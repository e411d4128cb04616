#!/usr/bin/env python3
"""`ftlab.fit` against the library's Trainer: same rows, same model, same batch size, interleaved in one run.

    python benchmarks/fit_vs_trainer.py                     # one full epoch each, 3 seeds: about 45 minutes on 2 cores
    python benchmarks/fit_vs_trainer.py --rows 1600 --seeds 3   # speed only: about 6 minutes

Each run is a process of its own (so its peak memory is its own), and the contenders take turns, so that a slow spell of the
machine hits them alike. Only training steps are timed: no import, no loading, no evaluation. Tokens are real tokens; padding
is not counted. Run it on a machine that does nothing else. It writes data/results/benchmark_fit_vs_trainer.json.

Contenders:
    tutorial    Trainer as tutorials use it: float32, random batches padded dynamically, dropout 0.1
    trainer     Trainer at its best: bf16, sentences grouped by length, dropout 0.1
    fit         ftlab.fit with its defaults
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONTENDERS = ("tutorial", "trainer", "fit")


def data(rows: int | None, seed: int):
    import ftlab as ft

    task = ft.load_task("ratings/movies")
    train = task.train if rows is None else task.train.take(rows, seed=seed)
    tokenizer = ft.load_tokenizer()
    return task, tokenizer, ft.encode(train, tokenizer), ft.encode(task.validation, tokenizer)


def run_fit(rows: int | None, seed: int) -> dict:
    import ftlab as ft

    task, tokenizer, train, validation = data(rows, seed)
    config = ft.TrainConfig(seed=seed)
    model = ft.build_model(task, seed=seed, dropout=config.dropout)
    cpu = time.process_time()
    history = ft.fit(model, ft.batches(train, config.batch_size, seed=seed), config=config)
    cpu = time.process_time() - cpu
    with ft.finetuning.autocast():
        scored = ft.evaluate(model, ft.batches(validation, 64, shuffle=False), ("accuracy",))
    return {"seconds": history.seconds, "cpu_seconds": cpu, "tokens": history.tokens, "accuracy": scored["accuracy"]}


def run_trainer(rows: int | None, seed: int, best: bool) -> dict:
    import torch
    from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments

    import ftlab as ft

    task, tokenizer, train, validation = data(rows, seed)
    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(ft.assets.path("minilm-l6"), num_labels=2)
    model.config.problem_type = "single_label_classification"
    clock = {}

    class Clock(TrainerCallback):
        def on_train_begin(self, *args, **kwargs):
            clock["start"], clock["cpu"] = time.perf_counter(), time.process_time()

        def on_train_end(self, *args, **kwargs):
            clock["seconds"], clock["cpu"] = time.perf_counter() - clock["start"], time.process_time() - clock["cpu"]

    grouped = {"train_sampling_strategy": "group_by_length"} if best else {}
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(), per_device_train_batch_size=32, per_device_eval_batch_size=64, num_train_epochs=1,
        learning_rate=2e-4, weight_decay=0.01, warmup_steps=0.1, seed=seed, bf16=best, report_to=[], save_strategy="no",
        logging_strategy="no", disable_tqdm=True, use_cpu=not torch.cuda.is_available(), **grouped,
    )
    trainer = Trainer(
        model=model, args=arguments, train_dataset=train.rows, eval_dataset=validation.rows,
        data_collator=DataCollatorWithPadding(tokenizer), processing_class=tokenizer, callbacks=[Clock()],
    )
    trainer.train()
    scored = trainer.predict(validation.rows)  # grouped by length it comes in another order: its own labels go with it
    accuracy = float((scored.predictions.argmax(1) == scored.label_ids).mean())
    return {"seconds": clock["seconds"], "cpu_seconds": clock["cpu"], "tokens": train.tokens, "accuracy": accuracy}


def one(name: str, rows: int | None, seed: int) -> dict:
    result = run_fit(rows, seed) if name == "fit" else run_trainer(rows, seed, best=name == "trainer")
    from ftlab.lab import peak_mib

    return {"name": name, "seed": seed, "peak_mib": round(peak_mib()), **result}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, help="train on a random part (default: the whole split)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if args.only:
        print(json.dumps(one(args.only, args.rows, args.seed)))
        return
    runs = []
    for seed in range(args.seeds):
        for name in CONTENDERS:
            command = [sys.executable, __file__, "--only", name, "--seed", str(seed)] + (["--rows", str(args.rows)] if args.rows else [])
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
            if done.returncode:
                sys.exit(done.stderr[-2000:])
            runs.append(json.loads(done.stdout.strip().splitlines()[-1]))
            r = runs[-1]
            print(f"{name:9} seed {seed}: {r['tokens'] / r['seconds']:7,.0f} tokens/s  {r['seconds']:6.1f} s  {r['cpu_seconds']:6.1f} CPU s  accuracy {r['accuracy']:.3f}  peak {r['peak_mib']} MiB", flush=True)
    speed = {n: [r["tokens"] / r["seconds"] for r in runs if r["name"] == n] for n in CONTENDERS}
    seconds = {n: [r["seconds"] for r in runs if r["name"] == n] for n in CONTENDERS}
    print(f"{'':9}  tokens/s (median)  x tutorial (each seed)")
    for n in CONTENDERS:
        ratios = [a / b for a, b in zip(speed[n], speed["tutorial"])]
        print(f"{n:9}  {statistics.median(speed[n]):17,.0f}  " + "  ".join(f"{r:.2f}" for r in ratios))
    cpu_of = {n: [r["cpu_seconds"] for r in runs if r["name"] == n] for n in CONTENDERS}
    print("CPU seconds, tutorial / fit:", "  ".join(f"{a / b:.2f}" for a, b in zip(cpu_of["tutorial"], cpu_of["fit"])))
    print("CPU seconds, fit / trainer:", "  ".join(f"{a / b:.2f}" for a, b in zip(cpu_of["fit"], cpu_of["trainer"])))
    print("seconds of fit / seconds of trainer:", "  ".join(f"{a / b:.2f}" for a, b in zip(seconds["fit"], seconds["trainer"])))
    import datetime

    from ftlab.finetuning import versions

    record = {
        "what": "ftlab.fit against transformers' Trainer", "command": "python benchmarks/fit_vs_trainer.py" + (f" --rows {args.rows}" if args.rows else ""),
        "date": datetime.date.today().isoformat(), "versions": versions(), "cpu": cpu(), "runs": runs,
    }
    suffix = f"_{args.rows}_rows" if args.rows else ""
    target = ROOT / "data" / "results" / f"benchmark_fit_vs_trainer{suffix}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def cpu() -> dict:
    """What the ratios depend on: the cores and their matrix peak, measured now."""
    import torch

    peaks = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        a = torch.randn(2048, 2048).to(dtype)
        times = []
        for _ in range(8):
            started = time.perf_counter()
            a @ a
            times.append(time.perf_counter() - started)
        peaks[f"{name}_gflops"] = round(2 * 2048**3 / min(times) / 1e9)
    return {"threads": torch.get_num_threads(), **peaks}


if __name__ == "__main__":
    main()
