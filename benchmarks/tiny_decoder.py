#!/usr/bin/env python3
"""A small decoder trained from scratch on review sentences, 3 seeds a variant, and SmolLM2 on the same test split.

What comes out is data/results/clm_tiny-decoder.json.

    python benchmarks/tiny_decoder.py                                   # all of it, about a quarter of an hour on 2 cores
    python benchmarks/tiny_decoder.py --variants all-positions --seeds 0

The variants differ in one thing: at how many of the positions the next token is asked for (what the others are is drawn anew
each time). Weights, order, steps and the evaluation, which asks at every position, are the same for a seed. Settings were
fixed before the runs (the learning rate by one short run on the validation split); scores are of the test split, at the end.
Each run is a process of its own; a finished run is never repeated (delete its entry to run it again).
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "results" / "clm_tiny-decoder.json"
VARIANTS = {"all-positions": 1.0, "15-percent": 0.15, "smollm2": None}  # share of the positions that give a loss; None: pretrained
CONFIG = dict(learning_rate=0.0015, epochs=3, batch_size=8, evaluate_every=324, keep_best=False)  # 2,919 steps
MODEL = dict(vocab_size=2048, hidden_size=128, n_layers=2, n_heads=4)


def asked_for(loader, share, seed):
    """The same loader, with the next token asked for at a random share of the positions, drawn anew for each batch."""
    import torch

    collate, generator = loader.collate_fn, torch.Generator().manual_seed(seed)

    def fewer(rows):
        batch = collate(rows)
        kept = torch.rand(batch["labels"].shape, generator=generator) < share  # (B, T)
        return dict(batch, labels=batch["labels"].masked_fill(~kept, -100))

    loader.collate_fn = fewer
    return loader


def real() -> dict:
    """SmolLM2, as it is, on the same test sentences."""
    import torch

    import ftlab as ft
    from ftlab import causal
    from ftlab.finetuning import versions

    lab, task = ft.setup(0), ft.load_task("ratings/movies")
    model, tokenizer = ft.load_causal_lm("smollm2-135m", dtype=torch.bfloat16)
    started, cpu = time.perf_counter(), time.process_time()
    text = causal.total(ft.score_text(model, tokenizer, task.test.texts))
    return {
        "variant": "smollm2", "seed": 0, "n_test": len(task.test), "text_nats": round(text.nats, 1), "text_tokens": text.n_tokens,
        "text_bytes": text.n_bytes, "seconds": round(time.perf_counter() - started, 1), "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_mib": round(ft.peak_mib()), "device": "cpu", "precision": "bf16", "threads": lab.cores,
        "date": datetime.date.today().isoformat(), "versions": versions(), "command": "python benchmarks/tiny_decoder.py --variants smollm2",
    }


def one(variant: str, seed: int) -> dict:
    import torch

    import ftlab as ft
    from ftlab import causal
    from ftlab.decoder import train_tokenizer
    from ftlab.finetuning import versions

    lab, config, task = ft.setup(seed), ft.TrainConfig(seed=seed, **CONFIG), ft.load_task("ratings/movies")
    tokenizer = train_tokenizer(task.train.texts, MODEL["vocab_size"])
    torch.manual_seed(seed)
    model = ft.TinyDecoder(**MODEL)
    train = ft.batches(causal.encode_causal(task.train.texts, tokenizer), config.batch_size, seed=seed)
    loader = asked_for(train, VARIANTS[variant], seed)
    validation = ft.batches(causal.encode_causal(task.validation.take(250).texts, tokenizer), 64, shuffle=False)
    test = ft.batches(causal.encode_causal(task.test.texts, tokenizer), 64, shuffle=False)
    before = ft.evaluate(model, test, loss_fn=ft.clm_loss)
    started, cpu = time.perf_counter(), time.process_time()
    history = ft.fit(model, loader, validation, config=config, loss_fn=ft.clm_loss)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    after = ft.evaluate(model, test, loss_fn=ft.clm_loss)
    text = causal.total(ft.score_text(model, tokenizer, task.test.texts))  # without the end tokens, for bits per byte
    return {
        "variant": variant, "seed": seed, "share": VARIANTS[variant], "n_train": len(task.train), "n_test": len(task.test),
        "test_tokens": after["n"], "before": round(before["loss"], 4), "test_nats_per_token": round(after["loss"], 4),
        "text_nats": round(text.nats, 1), "text_tokens": text.n_tokens, "text_bytes": text.n_bytes,
        "validation": [[e["step"], round(e["loss"], 4)] for e in history.evaluations], "steps": len(history.steps),
        "seconds": round(wall, 1), "cpu_seconds": round(cpu, 1), "tokens": history.tokens, "peak_mib": round(ft.peak_mib()),
        "model": MODEL, "config": CONFIG, "device": history.device, "precision": history.precision, "threads": lab.cores,
        "date": datetime.date.today().isoformat(), "versions": versions(),
        "command": f"python benchmarks/tiny_decoder.py --variants {variant} --seeds {seed}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--only", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from ftlab._files import write_whole

    if args.only:
        print(json.dumps(real() if args.variants[0] == "smollm2" else one(args.variants[0], args.seeds[0])))
        return
    runs = json.loads(RESULTS.read_text(encoding="utf-8"))["runs"] if RESULTS.exists() else []
    for seed in args.seeds:
        for variant in args.variants:
            if any(r["variant"] == variant and r["seed"] == seed for r in runs) or (variant == "smollm2" and seed):
                continue
            command = [sys.executable, __file__, "--only", "--variants", variant, "--seeds", str(seed)]
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "FTLAB_QUIET": "1"})
            if done.returncode:
                print(f"{variant} seed {seed} failed: {done.stderr.strip().splitlines()[-1][:300]}", flush=True)
                continue
            runs.append(json.loads(done.stdout.strip().splitlines()[-1]))
            r = runs[-1]
            bits = r["text_nats"] / r["text_bytes"] / math.log(2)
            print(f"{variant:15} seed {seed}: {bits:.3f} bits per byte  {r['seconds']:.0f} s, {r['peak_mib']} MiB", flush=True)
            runs.sort(key=lambda r: (list(VARIANTS).index(r["variant"]), r["seed"]))
            what = "a small decoder trained from scratch on ratings/movies, and SmolLM2 as it is, on the test split"
            record = {"what": what, "runs": runs}
            write_whole(RESULTS, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
